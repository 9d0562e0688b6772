"""The client's side of the socket's protocol: many streams over one link, whatever the link is."""

from __future__ import annotations

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, cast, get_args

from ..errors import Refused
from ..events import ErrorCode
from ..wire import messages
from ..wire.messages import Joiner
from ..wire.redundancy import Receiver
from .base import Batch, Disconnected, Instant

if TYPE_CHECKING:
    from ..events import Entry
    from .rest import Rest


class _Inbox:
    """What came for one reader and was not taken yet, and the last seq that was put in."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.items: asyncio.Queue[Batch | Exception] = asyncio.Queue()

    def put(self, item: Batch | Exception) -> None:
        """Keep what is new: the stream comes anew, from further back, when another reader joins."""
        if isinstance(item, Batch) and item:
            item = Batch((entry for entry in item if entry.seq > self.after), item.sent, item.read)
            if not item:
                return
            self.after = item[-1].seq
        self.items.put_nowait(item)


class Channel:
    """Sends the operations and hands out what comes, stream by stream.

    Parameters
    ----------
    send : puts a message on the link; never waits.
    via : the way by which events are to come, which may bring them in any order; None: the link's own.
    ack : puts an acknowledgement of events on that way, which may lose it; None where it promises to deliver.
    """

    def __init__(self, send: Callable[[str], None], via: str | None = None, ack: Callable[[str], None] | None = None) -> None:
        self._send = send
        self._via = via
        self._ack = ack
        self._receivers: dict[str, Receiver] = {}
        self._joiner = Joiner()
        self._inboxes: dict[str, list[_Inbox]] = {}
        self._broken: Disconnected | None = None
        self.heard = 0.0
        self._asked = itertools.count()
        self._answers: dict[int, asyncio.Future[tuple[dict[str, Any], int]]] = {}

    def receive(self, text: str) -> None:
        """Take a message from the link, or from the way beside it."""
        read = time.perf_counter_ns()
        self.heard = time.monotonic()
        whole = self._joiner.feed(text)
        if whole is None:
            return
        body = messages.parse(whole)
        if "events" in body:
            self._take(body, messages.entries(whole), read)
        elif body.get("op") == "pong":
            self._answered(body, read)
        elif body.get("op") == "refused":
            self._deliver(body, _refusal(body))

    def _take(self, body: dict[str, Any], entries: list[Entry], read: int) -> None:
        """Hand on the events whose turn it is, whichever way they came. Without any there are none behind the cursor."""
        stream, sent = str(body.get("stream")), _whole_number(body.get("sent"))
        receiver = self._receivers.get(stream)
        if receiver is not None and entries:
            entries = receiver.take(entries)
            if self._ack is not None:
                self._ack(messages.message("ack", stream=stream, seq=receiver.seq, sent=sent).decode())
            if not entries:
                return
        self._deliver(body, Batch(entries, sent, read))

    def _deliver(self, body: dict[str, Any], item: Batch | Exception) -> None:
        for inbox in self._inboxes.get(str(body.get("stream")), ()):
            inbox.put(item)

    def _answered(self, body: dict[str, Any], read: int) -> None:
        answer = self._answers.get(body.get("t", -1))
        if answer is not None and not answer.done():
            answer.set_result((body, read))

    @property
    def reading(self) -> bool:
        """Whether somebody reads over it."""
        return bool(self._inboxes) and self._broken is None

    def ping(self) -> None:
        """Ask for a sign of life, which then shows in `heard`, the time (s, monotonic) at which something came last."""
        self._send(messages.message("ping").decode())

    async def clock(self, stream: str) -> Instant:
        """See `TimedReader.clock`."""
        if self._broken is not None:
            raise self._broken
        number = next(self._asked)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        asked = time.perf_counter_ns()
        try:
            self._send(messages.message("ping", t=number, stream=stream).decode())
            body, read = await answer
        finally:
            del self._answers[number]
        at, now = _whole_number(body.get("at")), _whole_number(body.get("now"))
        if at is None or now is None:
            raise Refused("not_found", "The server does not know this stream's clock.")
        return Instant(asked / 1000, at, now, read / 1000)

    def broken(self, why: str) -> None:
        """The link is gone: every reader is told."""
        self._broken = Disconnected(why)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self._broken)
        for inboxes in self._inboxes.values():
            for inbox in inboxes:
                inbox.put(self._broken)

    async def attach(self, stream: str, after: int) -> AsyncIterator[Batch]:
        """See `Reader.attach`. The link carries a stream once; all of its readers here share that."""
        if self._broken is not None:
            raise self._broken
        inbox = _Inbox(after)
        inboxes = self._inboxes.setdefault(stream, [])
        inboxes.append(inbox)
        self._ask(stream, min(i.after for i in inboxes))
        try:
            while True:
                item = await inbox.items.get()
                if isinstance(item, Exception):
                    raise item
                if item:
                    yield item
                if not item or item[-1].terminal:
                    return
        finally:
            self._left(stream, inbox)

    def _ask(self, stream: str, after: int) -> None:
        if self._via is not None:
            self._receivers[stream] = Receiver(after)
        self._send(messages.message("attach", stream=stream, after=after, via=self._via).decode())

    def _left(self, stream: str, inbox: _Inbox) -> None:
        inboxes = self._inboxes[stream]
        inboxes.remove(inbox)
        if not inboxes:
            del self._inboxes[stream]
            self._receivers.pop(stream, None)
            if self._broken is None:
                self._send(messages.message("detach", stream=stream).decode())


def _whole_number(value: Any) -> int | None:
    return value if type(value) is int else None


def _refusal(body: dict[str, Any]) -> Refused:
    error = body.get("error") or {}
    code = error.get("code")
    return Refused(cast(ErrorCode, code if code in get_args(ErrorCode) else "internal"), str(error.get("message", "Refused.")))


class ChannelReader(ABC):
    """Reads any number of streams over one connection, opened with the first, and opened again when it is gone.

    Parameters
    ----------
    rest : the server.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._opening = asyncio.Lock()
        self._channel: Channel | None = None

    async def attach(self, stream: str, after: int) -> AsyncIterator[Batch]:
        """See `Reader.attach`."""
        async for batch in (await self._opened()).attach(stream, after):
            yield batch

    async def clock(self, stream: str) -> Instant:
        """See `TimedReader.clock`: by a ping among the events."""
        return await (await self._opened()).clock(stream)

    async def _opened(self) -> Channel:
        async with self._opening:
            if self._channel is None:
                self._channel = await self._connect()
            return self._channel

    @abstractmethod
    async def _connect(self) -> Channel:
        """A channel over a new connection; `_channel` is None again when that has gone."""
