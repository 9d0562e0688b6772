"""A text model of this machine reads what it will be asked, before it is asked: what it has read once, it need not read again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..events import Event
from ..providers.base import Direction, Provider
from ..request import Request


class ReadAhead:
    """One reading at a time. What the model says is thrown away, and a failure is told by the answer.

    Parameters
    ----------
    think : finds who carries out a request; raises `Refused` like `Registry.resolve`.
    """

    def __init__(self, think: Callable[[Request], Provider]) -> None:
        self._think = think
        self._task: asyncio.Task[None] | None = None
        self._messages: tuple[Mapping[str, Any], ...] = ()

    def begin(self, request: Request) -> None:
        """Read the messages of a request, and nothing else."""
        self.stop()
        self._messages = request.messages
        self._task = asyncio.create_task(read(self._think, request))

    def stop(self) -> None:
        """Read no further."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def ready(self, messages: tuple[Mapping[str, Any], ...]) -> None:
        """Return when a request may be made: a reading of the same messages ends first, as it does what the request would; any other is
        stopped.
        """
        if self._task is None:
            return
        if self._messages != messages[: len(self._messages)]:
            self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None


async def read(think: Callable[[Request], Provider], request: Request) -> None:
    """Have a request's messages read. Raises `Refused` where nobody would carry it out."""
    one = replace(request, options={**request.options, "max_tokens": 1})
    await think(one).run(one, _Unheard())


class _Unheard:
    """A sink that keeps nothing."""

    def now(self) -> int:
        """See `Sink.now`."""
        return 0

    def emit(self, event: Event, at: int | None = None) -> None:
        """See `Sink.emit`."""

    def frame(self, data: bytes, at: int, direction: Direction = "in") -> None:
        """See `Sink.frame`."""
