"""The server's side of the socket's protocol: many streams over one link, whatever the link is.

A WebSocket, a data channel and a comm differ only in how they take bytes and how they say that they are full; that is `Link`. A reader
has a cursor, not a queue: while the link is full nothing is collected, and then all that is ready goes in one message. Streams of one
link take turns, since each waits for the same fair lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from time import monotonic_ns
from typing import Any, Protocol

from .errors import Refused
from .journal import Journal
from .wire import messages
from .wire.messages import Joiner


class Link(Protocol):
    """A connection to one page or client."""

    async def ready(self) -> None:
        """Return when the link can take more."""
        ...

    def send(self, data: bytes) -> None:
        """Send a message; never waits."""
        ...


class Readable(Protocol):
    """A stream as a reader needs it."""

    id: str
    journal: Journal

    def attached(self) -> AbstractContextManager[None]:
        """Count as a reader for a while."""
        ...


class Streams(Protocol):
    """What the owner of a link may do. All raise `Refused`."""

    async def start(self, request: Any) -> Readable:
        """Begin a generation from a request's JSON."""
        ...

    async def get(self, stream_id: str) -> Readable:
        """A stream of the owner's."""
        ...

    async def stop(self, stream_id: str) -> None:
        """Stop one."""
        ...


class Multiplexer:
    """Answers the messages of one link.

    Parameters
    ----------
    streams : what its owner may reach.
    link : where the answers go.
    """

    def __init__(self, streams: Streams, link: Link) -> None:
        self._streams = streams
        self._link = link
        self._turn = asyncio.Lock()
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._joiner = Joiner()

    async def receive(self, text: str) -> None:
        """Carry out a message; what is wrong with it is answered, never raised."""
        body: dict[str, Any] = {}
        try:
            whole = self._joiner.feed(text)
            if whole is None:
                return
            body = messages.parse(whole)
            await self._operation(body)(body)
        except Refused as e:
            stream = body.get("stream")
            self._link.send(messages.refused(e, body.get("ref"), stream if isinstance(stream, str) else None))

    def _operation(self, body: dict[str, Any]) -> Callable[[dict[str, Any]], Awaitable[None]]:
        operations = {"start": self._start, "attach": self._attach, "detach": self._detach, "stop": self._stop, "ping": self._ping}
        op = body.get("op")
        operation = operations.get(op) if isinstance(op, str) else None
        if operation is None:
            raise Refused("bad_request", f"'op' is one of {', '.join(operations)}.")
        return operation

    async def _start(self, body: dict[str, Any]) -> None:
        stream = await self._streams.start(body.get("request"))
        self._link.send(messages.message("started", ref=body.get("ref"), stream=stream.id))
        self._follow(stream, -1)

    async def _attach(self, body: dict[str, Any]) -> None:
        after = body.get("after", -1)
        if not isinstance(after, int) or isinstance(after, bool):
            raise Refused("bad_request", "'after' is the seq of the last event received, or -1.")
        self._follow(await self._streams.get(_id(body)), max(-1, after))

    async def _detach(self, body: dict[str, Any]) -> None:
        if reader := self._readers.pop(_id(body), None):
            reader.cancel()

    async def _stop(self, body: dict[str, Any]) -> None:
        await self._streams.stop(_id(body))

    async def _ping(self, body: dict[str, Any]) -> None:
        self._link.send(messages.message("pong", t=body.get("t"), now=monotonic_ns() // 1000))

    def _follow(self, stream: Readable, after: int) -> None:
        """Attach, or attach anew from another place."""
        if reader := self._readers.pop(stream.id, None):
            reader.cancel()
        task = asyncio.create_task(self._read(stream, after))
        self._readers[stream.id] = task
        task.add_done_callback(lambda done: self._left(stream.id, done))

    def _left(self, stream_id: str, task: asyncio.Task[None]) -> None:
        if self._readers.get(stream_id) is task:
            del self._readers[stream_id]
        if not task.cancelled():
            task.exception()  # a link that broke in mid-message is closed by its owner; nothing is lost

    async def _read(self, stream: Readable, after: int) -> None:
        with stream.attached():
            while True:
                await stream.journal.wait(after)
                async with self._turn:
                    await self._link.ready()
                    batch = stream.journal.batch(after)
                    self._link.send(messages.events(stream.id, batch))
                if not batch or batch[-1].terminal:
                    return
                after = batch[-1].seq
                await asyncio.sleep(0)  # a link that never fills would let one long journal keep the loop, and its turn, to the end

    async def aclose(self) -> None:
        """Leave every stream; none is stopped."""
        readers = list(self._readers.values())
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


def _id(body: dict[str, Any]) -> str:
    stream = body.get("stream")
    if not isinstance(stream, str):
        raise Refused("bad_request", "'stream' is the id of a stream.")
    return stream
