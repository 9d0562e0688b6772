"""The server's side of the socket's protocol: many streams over one link, whatever the link is.

A WebSocket, a data channel and a comm differ only in how they take bytes and how they say that they are full; that is `Link`. A reader
has a cursor, not a queue: while the link is full nothing is collected, and then all that is ready goes in one message. Streams of one
link take turns, since each waits for the same fair lock.

A link may have further ways beside it. A stream attached `via` one of them has its events there, as long as that is open and takes them;
else they come over the link itself, like those of a `via` that nobody knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from time import perf_counter_ns
from typing import Any, Protocol

from .errors import Refused
from .journal import Journal
from .realtime import inputs
from .realtime.inputs import Input
from .wire import messages
from .wire.messages import Joiner

STOPS = 32
"""How many stops of one link may be under way; with a further one the messages behind it wait."""

NAME_CHARS = 256
"""The longest text that is sent back as it came."""


Clock = Callable[[], int]
"""Tells µs."""


class Link(Protocol):
    """A connection to one page or client."""

    transport: str

    async def ready(self) -> None:
        """Return when the link can take more, or is closed."""
        ...

    def send(self, data: bytes) -> None:
        """Send a message; never waits."""
        ...


class Readable(Protocol):
    """A stream as a reader needs it."""

    id: str
    journal: Journal

    @property
    def clock(self) -> Clock | None:
        """µs of the stream's own clock, or None for a copy of a stream, which has no clock."""
        ...

    def attached(self, transport: str) -> AbstractContextManager[None]:
        """Count as a reader over that transport for a while."""
        ...


Send = Callable[[bytes], Awaitable[None]]
"""Sends a message over a link, as soon as that takes it."""


class Way(Protocol):
    """Events' own way to the other side of a link, which keeps none of the link's promises."""

    transport: str

    def takes(self, stream: Readable, after: int) -> bool:
        """Whether it is open, and meant for what comes behind `after`."""
        ...

    async def carry(self, stream: Readable, after: int, send: Send) -> int | None:
        """Bring what is behind `after`; returns None when the reader has the end, or the seq from which the link itself must go on.

        Parameters
        ----------
        send : what may not travel this way goes over the link.
        """
        ...


class Streams(Protocol):
    """What the owner of a link may do. All raise `Refused`."""

    async def start(self, request: Any) -> Readable:
        """Begin a generation from a request's JSON."""
        ...

    async def get(self, stream_id: str) -> Readable:
        """A stream of the owner's."""
        ...

    async def input(self, stream_id: str, given: Input) -> None:
        """Give a voice session an input."""
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
    ways : further ways for events, by what `via` names them.
    """

    def __init__(self, streams: Streams, link: Link, ways: Mapping[str, Way] | None = None) -> None:
        self._streams = streams
        self._link = link
        self._ways = ways or {}
        self._turn = asyncio.Lock()
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._stops: set[asyncio.Task[None]] = set()
        self._stop_room = asyncio.Semaphore(STOPS)
        self._joiner = Joiner()
        self._closed = False
        self._pinged = False

    @property
    def owed_pings(self) -> bool:
        """Whether the other side, which has pinged before, reads and so pings again."""
        return self._pinged and bool(self._readers)

    async def receive(self, text: str) -> None:
        """Carry out a message; what is wrong with it is answered, never raised. Returns only when the link could take the answer, so
        that who sends and does not read is not heard any further.
        """
        body: dict[str, Any] = {}
        try:
            whole = self._joiner.feed(text)
            if whole is None:
                return
            body = messages.parse(whole)
            await self._operation(body)(body)
        except Refused as e:
            await self._refuse(e, body)

    async def _refuse(self, refusal: Refused, body: dict[str, Any]) -> None:
        ref, stream = body.get("ref"), body.get("stream")
        await self._reply(messages.refused(refusal, ref if _is_ref(ref) else None, stream if _is_name(stream) else None))

    async def _reply(self, data: bytes) -> None:
        async with self._turn:
            await self._link.ready()
            if not self._closed:
                self._link.send(data)

    def _operation(self, body: dict[str, Any]) -> Callable[[dict[str, Any]], Awaitable[None]]:
        operations = {
            "start": self._start, "attach": self._attach, "detach": self._detach, "input": self._input, "stop": self._stop,
            "ping": self._ping,
        }  # fmt: skip
        op = body.get("op")
        operation = operations.get(op) if isinstance(op, str) else None
        if operation is None:
            raise Refused("bad_request", f"'op' is one of {', '.join(operations)}.")
        if not _is_ref(body.get("ref")):
            raise Refused("bad_request", f"'ref' is a number, or a string of at most {NAME_CHARS} characters.")
        return operation

    async def _start(self, body: dict[str, Any]) -> None:
        stream = await self._streams.start(body.get("request"))
        await self._reply(messages.message("started", ref=body.get("ref"), stream=stream.id))
        self._follow(stream, -1)

    async def _attach(self, body: dict[str, Any]) -> None:
        after = body.get("after", -1)
        if not isinstance(after, int) or isinstance(after, bool):
            raise Refused("bad_request", "'after' is the seq of the last event received, or -1.")
        self._follow(await self._streams.get(_id(body)), max(-1, after), self._ways.get(str(body.get("via"))))

    async def _detach(self, body: dict[str, Any]) -> None:
        if reader := self._readers.pop(_id(body), None):
            reader.cancel()

    async def _input(self, body: dict[str, Any]) -> None:
        await self._streams.input(_id(body), inputs.parse(body.get("input")))

    async def _stop(self, body: dict[str, Any]) -> None:
        """Begin to stop: to close a provider's connection may take seconds, for which the messages behind this one do not wait."""
        stream = _id(body)
        await self._stop_room.acquire()
        task = asyncio.create_task(self._stopping(stream, body))
        self._stops.add(task)
        task.add_done_callback(self._stopped)

    async def _stopping(self, stream: str, body: dict[str, Any]) -> None:
        try:
            await self._streams.stop(stream)
        except Refused as e:
            await self._refuse(e, body)

    def _stopped(self, task: asyncio.Task[None]) -> None:
        self._stops.discard(task)
        self._stop_room.release()
        if not task.cancelled():
            task.exception()  # as for a reader

    async def _ping(self, body: dict[str, Any]) -> None:
        if not _is_number(body.get("t")):
            raise Refused("bad_request", "'t' is a number.")
        self._pinged = True
        clock = await self._clock(body)
        await self._reply(messages.message("pong", t=body.get("t"), now=perf_counter_ns() // 1000, at=clock() if clock else None))

    async def _clock(self, body: dict[str, Any]) -> Clock | None:
        """The clock of the stream that is named. A ping asks whether the link lives: that a stream does not is no reason to refuse it."""
        if "stream" not in body:
            return None
        stream = _id(body)
        try:
            return (await self._streams.get(stream)).clock
        except Refused:
            return None

    def _follow(self, stream: Readable, after: int, way: Way | None = None) -> None:
        """Attach, or attach anew from another place."""
        if self._closed:
            return
        if reader := self._readers.pop(stream.id, None):
            reader.cancel()
        task = asyncio.create_task(self._read(stream, after, way))
        self._readers[stream.id] = task
        task.add_done_callback(lambda done: self._left(stream.id, done))

    def _left(self, stream_id: str, task: asyncio.Task[None]) -> None:
        if self._readers.get(stream_id) is task:
            del self._readers[stream_id]
        if not task.cancelled():
            task.exception()  # a link that broke in mid-message is closed by its owner; nothing is lost

    async def _read(self, stream: Readable, after: int | None, way: Way | None) -> None:
        with stream.attached((way or self._link).transport):
            while after is not None:
                await stream.journal.wait(after)
                if way is not None and way.takes(stream, after):
                    after, way = await way.carry(stream, after, self._reply), None
                else:
                    after = await self._send(stream, after)

    async def _send(self, stream: Readable, after: int) -> int | None:
        """Send a batch over the link; returns its last seq, or None at the end."""
        async with self._turn:
            await self._link.ready()
            batch = stream.journal.batch(after)
            self._link.send(messages.events(stream.id, batch, stream.clock() if batch and stream.clock else None))
        if not batch or batch[-1].terminal:
            return None
        await asyncio.sleep(0)  # a link that never fills would let one long journal keep the loop, and its turn, to the end
        return batch[-1].seq

    async def aclose(self) -> None:
        """Leave every stream; none is stopped but those whose stop is under way, which is carried out."""
        self._closed = True
        readers = list(self._readers.values())
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        if self._stops:
            await asyncio.wait(self._stops)


def _id(body: dict[str, Any]) -> str:
    stream = body.get("stream")
    if not isinstance(stream, str) or not _is_name(stream):
        raise Refused("bad_request", "'stream' is the id of a stream.")
    return stream


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= NAME_CHARS


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_ref(value: Any) -> bool:
    return _is_number(value) or _is_name(value)
