"""The lanes: which transport carries which bytes, and what the far side can show of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ...events import Entry
from ...wire import messages, sse
from ...wire.redundancy import PACKET_BYTES, Receiver, Sender
from ..base import Lane
from .endpoint import Endpoint
from .sctp import Association
from .tcp_receiver import TcpReceiver
from .tcp_sender import TcpSender

STREAM = "0123456789abcdef0123"
"""A stream's id, as long as they are."""

BUFFERED_BYTES = 2 * PACKET_BYTES
"""As the handler of the channel `tokens` has it: while more waits to be sent, events gather."""

T3_US = 400_000
"""As it has aiortc's timer there."""


class LaneModel(Protocol):
    """One lane.

    Attributes
    ----------
    ends : the server's and the client's.
    """

    ends: tuple[Endpoint, Endpoint]

    def write(self, entry: Entry, now: int) -> None:
        """The source gave an event."""

    def shown(self) -> list[Entry]:
        """Events that the client can show since it was last asked, in order."""


def sse_bytes(entry: Entry, now: int) -> int:
    """Of an event's chunk of the response (RFC 9112 section 7.1)."""
    size = len(sse.sent(now)) + len(sse.frame(entry.seq, entry.data))
    return size + len(f"{size:x}\r\n\r\n")


def websocket_bytes(entry: Entry, now: int) -> int:
    """Of an event's frame (RFC 6455 section 5.2)."""
    size = channel_bytes([entry], now)
    return size + (2 if size < 126 else 4)


def channel_bytes(entries: Sequence[Entry], now: int) -> int:
    """Of the message that some events are on a socket or data channel."""
    return len(messages.events(STREAM, entries, now))


class TcpLane:
    """Over one TCP connection. See `LaneModel`.

    Parameters
    ----------
    framed : bytes of an event with what is around it.
    round_trip : of the handshake, µs.
    """

    def __init__(self, framed: Callable[[Entry, int], int], round_trip: int) -> None:
        self._framed = framed
        self._sender, self._receiver = TcpSender(round_trip), TcpReceiver()
        self.ends: tuple[Endpoint, Endpoint] = self._sender, self._receiver
        self._frames: deque[tuple[int, Entry]] = deque()
        self._written = 0

    def write(self, entry: Entry, now: int) -> None:
        """See `LaneModel`."""
        size = self._framed(entry, now)
        self._written += size
        self._frames.append((self._written, entry))
        self._sender.write(size, now)

    def shown(self) -> list[Entry]:
        """See `LaneModel`: an event whose last byte is there."""
        found = []
        while self._frames and self._frames[0][0] <= self._receiver.received:
            found.append(self._frames.popleft()[1])
        return found


class ChannelLane:
    """Over a reliable data channel. See `LaneModel`.

    Parameters
    ----------
    ordered : whether the channel is; else the reader puts in order.
    """

    def __init__(self, ordered: bool) -> None:
        self._ordered = ordered
        self._reader = Receiver(0)
        self._shown: list[Entry] = []
        self._server = Association(lambda _message, _now: None)
        self.ends: tuple[Endpoint, Endpoint] = self._server, Association(self._came)

    def write(self, entry: Entry, now: int) -> None:
        """See `LaneModel`."""
        self._server.send(entry, channel_bytes([entry], now), now, ordered=self._ordered)

    def _came(self, entry: Entry, _now: int) -> None:
        self._shown += self._reader.take([entry])

    def shown(self) -> list[Entry]:
        """See `LaneModel`."""
        found, self._shown = self._shown, []
        return found


class TokensServer:
    """The loss-tolerant channel's sending end: our own redundancy over an association that sends nothing again. See `Endpoint`."""

    def __init__(self) -> None:
        self._association = Association(self._acknowledged, T3_US)
        self._sender = Sender(0, 0)
        self._journal: deque[Entry] = deque()

    @property
    def due(self) -> int | None:
        """See `Endpoint`."""
        dues = (self._association.due, None if self._full else self._sender.due)
        return min((due for due in dues if due is not None), default=None)

    @property
    def _full(self) -> bool:
        return self._association.waiting > BUFFERED_BYTES

    def write(self, entry: Entry, now: int) -> None:
        """See `LaneModel`."""
        self._journal.append(entry)
        self._step(now)

    def wake(self, now: int) -> None:
        """See `Endpoint`."""
        if self._association.due is not None and self._association.due <= now:
            self._association.wake(now)
        self._step(now)

    def receive(self, packet: Any, now: int) -> None:
        """See `Endpoint`."""
        self._association.receive(packet, now)
        self._step(now)

    def _acknowledged(self, ack: tuple[int, int], now: int) -> None:
        seq, sent = ack
        self._sender.ack(seq, now, sent)

    def _step(self, now: int) -> None:
        while self._journal and self._sender.room:
            self._sender.add(self._journal.popleft(), now)
        for entries in [] if self._full else self._sender.take(now):
            self._association.send((entries, now), channel_bytes(entries, now), now, ordered=False, retransmits=0)

    def packets(self) -> list[tuple[int, Any]]:
        """See `Endpoint`."""
        return self._association.packets()


class TokensLane:
    """Over the loss-tolerant channel. See `LaneModel`."""

    def __init__(self) -> None:
        self._server, self._client = TokensServer(), Association(self._came)
        self.ends: tuple[Endpoint, Endpoint] = self._server, self._client
        self._reader = Receiver(0)
        self._shown: list[Entry] = []

    def write(self, entry: Entry, now: int) -> None:
        """See `LaneModel`."""
        self._server.write(entry, now)

    def _came(self, message: tuple[list[Entry], int], now: int) -> None:
        """Take a message's events and acknowledge what is there."""
        entries, sent = message
        self._shown += self._reader.take(entries)
        seq = self._reader.seq
        size = len(messages.message("ack", stream=STREAM, seq=seq, sent=sent))
        self._client.send((seq, sent), size, now, ordered=False, retransmits=0)

    def shown(self) -> list[Entry]:
        """See `LaneModel`."""
        found, self._shown = self._shown, []
        return found


MAKERS: Mapping[Lane, Callable[[int], LaneModel]] = {
    "sse": lambda round_trip: TcpLane(sse_bytes, round_trip),
    "ws": lambda round_trip: TcpLane(websocket_bytes, round_trip),
    "webrtc-ordered": lambda _: ChannelLane(ordered=True),
    "webrtc-unordered": lambda _: ChannelLane(ordered=False),
    "webrtc": lambda _: TokensLane(),
}
"""From a round-trip time in µs to a lane."""
