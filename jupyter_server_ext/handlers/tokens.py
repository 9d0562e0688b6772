"""The data channel `tokens`, unordered and without retransmission: each message carries what its reader has not acknowledged.

What is to be sent when is `wire/redundancy.py`'s to say. Events that no packet holds, and what had gathered before a reader came, go over
the channel `streams`: to repeat single packets of many is what a reliable channel is for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tokenwidgets.errors import Refused
from tokenwidgets.multiplex import Clock, Readable, Send
from tokenwidgets.wire import messages
from tokenwidgets.wire.redundancy import PACKET_BYTES, WINDOW_BYTES, Sender

from .links import as_text, is_session

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

BUFFERED_BYTES = 2 * PACKET_BYTES
"""While the channel holds more than this unsent, events gather, for one message that is not old when it is sent."""

T3_SECONDS = 0.4
"""What nobody acknowledges for so long, at least, is under way no more: Chromium's RTO.Min (`dcsctp_options.h`). aiortc's is the second of
RFC 9260, and for that second after a burst of losses what is never sent again would hold the congestion window."""


class Tokens:
    """A way for events, once its channel has opened. See `multiplex.Way`."""

    transport = "webrtc"

    def __init__(self) -> None:
        self._channel: RTCDataChannel | None = None
        self._sending: dict[str, _Sending] = {}

    @property
    def open(self) -> bool:
        """Whether there is a channel."""
        return self._channel is not None and self._channel.readyState == "open"

    def use(self, channel: RTCDataChannel) -> None:
        """Take the channel."""
        self._channel = channel
        _wait_less(channel.transport)
        channel.bufferedAmountLowThreshold = BUFFERED_BYTES // 2
        channel.on("bufferedamountlow", self._wake)
        channel.on("close", self._wake)
        channel.on("message", self._received)

    def takes(self, stream: Readable, after: int) -> bool:
        """See `multiplex.Way`."""
        behind = stream.journal.batch(after, WINDOW_BYTES)
        return self.open and not is_session(stream) and bool(behind) and behind[-1] is stream.journal.entries[-1]

    async def carry(self, stream: Readable, after: int, send: Send) -> int | None:
        """See `multiplex.Way`. Ends early when the channel is gone, or its reader does not acknowledge."""
        if self._channel is None or stream.clock is None:
            return after
        sending = self._sending[stream.id] = _Sending(self._channel, stream, stream.clock, after)
        try:
            while self.open and not sending.silent:
                large = sending.step()
                if large is not None:
                    await send(large)
                elif sending.sender.finished:
                    return None
                else:
                    await sending.wait()
            return sending.sender.acked
        finally:
            if self._sending.get(stream.id) is sending:
                del self._sending[stream.id]

    def _received(self, message: str | bytes) -> None:
        """Take an acknowledgement; anything else is dropped, as the link drops messages."""
        try:
            body = messages.parse(as_text(message))
        except Refused:
            return
        match body:
            case {"op": "ack", "stream": str(stream), "seq": int(seq)} if stream in self._sending:
                self._sending[stream].acknowledged(seq, body.get("sent"))

    def _wake(self) -> None:
        for sending in self._sending.values():
            sending.woken.set()


def _wait_less(association: Any) -> None:
    """Have an association's timer T3 wait as `T3_SECONDS` says. aiortc has no setting for it."""
    measure = getattr(association, "_update_rto", None)
    if measure is None:  # another aiortc: slower after a burst, and as complete
        return

    def update(round_trip: float) -> None:
        measure(round_trip)
        association._rto = max(T3_SECONDS, min(association._rto, association._srtt + 4 * association._rttvar))

    association._update_rto = update


class _Sending:
    """A stream on its way over the channel."""

    def __init__(self, channel: RTCDataChannel, stream: Readable, clock: Clock, after: int) -> None:
        self._channel = channel
        self._stream = stream
        self._clock = clock
        self.sender = Sender(after, clock())
        self.woken = asyncio.Event()

    @property
    def silent(self) -> bool:
        """Whether the reader says nothing any more."""
        return self.sender.silent(self._clock())

    @property
    def _full(self) -> bool:
        return self._channel.bufferedAmount > BUFFERED_BYTES

    def acknowledged(self, seq: int, sent: object) -> None:
        self.sender.ack(seq, self._clock(), sent if isinstance(sent, int) else None)
        self.woken.set()

    def step(self) -> bytes | None:
        """Send what is to be sent now; returns the next event, as a message, if it is too large for the channel."""
        self.woken.clear()
        large = self._take_events()
        if not self._full:
            now = self._clock()
            for batch in self.sender.take(now):
                self._channel.send(messages.events(self._stream.id, batch, now).decode())
        return large

    def _take_events(self) -> bytes | None:
        entries = self._stream.journal.entries
        while self.sender.room and self.sender.newest + 1 < len(entries):
            entry, now = entries[self.sender.newest + 1], self._clock()
            if not self.sender.add(entry, now):
                return messages.events(self._stream.id, [entry], now)
        return None

    async def wait(self) -> None:
        """Return when there may be something to send."""
        due = None if self._full else self.sender.due
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self.woken.wait())]
        if self.sender.room:
            waits.append(asyncio.ensure_future(self._stream.journal.wait(self.sender.newest)))
        try:
            timeout = None if due is None else max(0.0, (due - self._clock()) / 1e6)
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
