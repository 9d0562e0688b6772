"""A provider that does what a test says, behind the hub's own seams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tokenwidgets.generation import Limits, Stream
from tokenwidgets.hub import Hub
from tokenwidgets.providers.base import Sink
from tokenwidgets.providers.registry import Call
from tokenwidgets.request import Request, parse

Script = Callable[[Sink], Awaitable[None]]


class FakeProvider:
    """Runs a script, and tells how it ended.

    Attributes
    ----------
    running : set once the script runs.
    closed : set when it is over, whatever ended it: the place where a real provider's connection is closed.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.running = asyncio.Event()
        self.closed = asyncio.Event()

    async def run(self, request: Request, sink: Sink) -> None:
        self.running.set()
        try:
            await self.script(sink)
        finally:
            self.closed.set()


class FakeRegistry:
    """Answers each request with the next of the given scripts."""

    def __init__(self, *scripts: Script) -> None:
        self.providers = [FakeProvider(script) for script in scripts]
        self._left = list(self.providers)
        self.closed = False

    def request(self, body: Any) -> Request:
        return parse(body)

    def resolve(self, request: Request) -> Call:
        return Call(request, "fake", "openai-chat", self._left.pop(0))

    async def aclose(self) -> None:
        self.closed = True


REQUEST = parse({"model": "fake/model", "prompt": "Hello"})


def hub(*scripts: Script, **limits: Any) -> tuple[Hub, FakeRegistry]:
    registry = FakeRegistry(*scripts)
    return Hub(registry, Limits(**limits)), registry


async def ended(stream: Stream) -> Any:
    """The terminal event, waited for."""
    async with asyncio.timeout(10):
        async for _ in stream.journal.read():
            pass
    return stream.journal.terminal.event


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so; for what has no event to wait for."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def forever() -> None:
    """Wait for what never comes."""
    await asyncio.Event().wait()
