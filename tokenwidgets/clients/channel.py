"""The client's side of the socket's protocol: many streams over one link, whatever the link is."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, cast, get_args

from ..errors import Refused
from ..events import Entry, ErrorCode
from ..wire import messages
from ..wire.messages import Joiner
from .base import Disconnected

if TYPE_CHECKING:
    from .rest import Rest


class _Inbox:
    """What came for one reader and was not taken yet, and the last seq that was put in."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.items: asyncio.Queue[list[Entry] | Exception] = asyncio.Queue()

    def put(self, item: list[Entry] | Exception) -> None:
        """Keep what is new: the stream comes anew, from further back, when another reader joins."""
        if isinstance(item, list) and item:
            item = [entry for entry in item if entry.seq > self.after]
            if not item:
                return
            self.after = item[-1].seq
        self.items.put_nowait(item)


class Channel:
    """Sends the operations and hands out what comes, stream by stream.

    Parameters
    ----------
    send : puts a message on the link; never waits.
    """

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._joiner = Joiner()
        self._inboxes: dict[str, list[_Inbox]] = {}
        self._broken: Disconnected | None = None

    def receive(self, text: str) -> None:
        """Take a message from the link."""
        whole = self._joiner.feed(text)
        if whole is None:
            return
        body = messages.parse(whole)
        if "events" in body:
            self._deliver(body, messages.entries(whole))
        elif body.get("op") == "refused":
            self._deliver(body, _refusal(body))

    def _deliver(self, body: dict[str, Any], item: list[Entry] | Exception) -> None:
        for inbox in self._inboxes.get(str(body.get("stream")), ()):
            inbox.put(item)

    def broken(self, why: str) -> None:
        """The link is gone: every reader is told."""
        self._broken = Disconnected(why)
        for inboxes in self._inboxes.values():
            for inbox in inboxes:
                inbox.put(self._broken)

    async def attach(self, stream: str, after: int) -> AsyncIterator[list[Entry]]:
        """See `Reader.attach`. The link carries a stream once; all of its readers here share that."""
        if self._broken is not None:
            raise self._broken
        inbox = _Inbox(after)
        inboxes = self._inboxes.setdefault(stream, [])
        inboxes.append(inbox)
        self._send(messages.message("attach", stream=stream, after=min(i.after for i in inboxes)).decode())
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

    def _left(self, stream: str, inbox: _Inbox) -> None:
        inboxes = self._inboxes[stream]
        inboxes.remove(inbox)
        if not inboxes:
            del self._inboxes[stream]
            if self._broken is None:
                self._send(messages.message("detach", stream=stream).decode())


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

    async def attach(self, stream: str, after: int) -> AsyncIterator[list[Entry]]:
        """See `Reader.attach`."""
        async with self._opening:
            if self._channel is None:
                self._channel = await self._connect()
            channel = self._channel
        async for batch in channel.attach(stream, after):
            yield batch

    @abstractmethod
    async def _connect(self) -> Channel:
        """A channel over a new connection; `_channel` is None again when that has gone."""
