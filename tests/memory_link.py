"""A link in memory, and streams to reach over it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Entry, Text
from tokenwidgets.journal import Journal
from tokenwidgets.realtime.inputs import Input
from tokenwidgets.wire import messages


class MemoryLink:
    """Keeps what is sent, or hands it on; takes more while `open` is set."""

    transport = "memory"

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.open = asyncio.Event()
        self.open.set()
        self.arrived = asyncio.Event()
        self.hand_on: Any = None

    async def ready(self) -> None:
        await self.open.wait()

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.arrived.set()
        if self.hand_on:
            self.hand_on(data.decode())

    def bodies(self) -> list[Any]:
        return [json.loads(data) for data in self.sent]

    def events(self, stream: str) -> list[Entry]:
        """The events that came for a stream."""
        found = [(json.loads(data), data) for data in self.sent]
        return [e for body, data in found if body.get("stream") == stream and "events" in body for e in messages.entries(data.decode())]

    async def until(self, condition: Any) -> None:
        """Wait until what was sent is so."""
        async with asyncio.timeout(10):
            while not condition():
                self.arrived.clear()
                await self.arrived.wait()


class MemoryStream:
    """A stream that a test writes."""

    def __init__(self, ident: str) -> None:
        self.id = ident
        self.journal = Journal()
        self.readers = 0
        self.clock: Callable[[], int] | None = None

    @contextmanager
    def attached(self, transport: str) -> Iterator[None]:
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1

    def say(self, *deltas: str) -> None:
        for delta in deltas:
            self.journal.append(Text(0, delta), 0)

    def end(self) -> None:
        self.journal.append(End("stop"), 0)


class MemoryStreams:
    """What the owner of a link may reach."""

    def __init__(self, *names: str) -> None:
        self.all = {name: MemoryStream(name) for name in names}
        self.stopped: list[str] = []
        self.given: list[tuple[str, Input]] = []

    async def start(self, request: Any) -> MemoryStream:
        if not isinstance(request, dict):
            raise Refused("bad_request", "A request is a JSON object.")
        return self.all.setdefault("new", MemoryStream("new"))

    async def get(self, stream_id: str) -> MemoryStream:
        if stream_id not in self.all:
            raise Refused("not_found", "There is no such stream.")
        return self.all[stream_id]

    async def input(self, stream_id: str, given: Input) -> None:
        await self.get(stream_id)
        self.given.append((stream_id, given))

    async def stop(self, stream_id: str) -> None:
        stream = await self.get(stream_id)
        self.stopped.append(stream_id)
        if stream.journal.terminal is None:
            stream.journal.append(End("cancelled"), 0)
