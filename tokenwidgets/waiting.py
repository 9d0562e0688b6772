"""What goes on in the background until it has ended, and is waited for, read and stopped from any thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol, Self


class Waitable:
    """Something that ends by itself, or is stopped.

    An interrupt of whoever waits for it stops it and goes on as an interrupt; what came is kept.
    """

    def __init__(self) -> None:
        self._done = threading.Event()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._done.is_set()

    def stop(self) -> None:
        """End it; what came is kept. Returns when that is so."""
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> Self:
        """Return when it has ended, or `timeout` seconds have passed. An interrupt stops it."""
        until = None if timeout is None else time.monotonic() + timeout
        with self.stopped_by_interrupt():
            while not self._done.wait(0.1):
                if until is not None and time.monotonic() >= until:
                    break
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        """Itself, when it has ended."""
        return self._ended().__await__()

    async def _ended(self) -> Self:
        raise NotImplementedError

    @contextmanager
    def stopped_by_interrupt(self) -> Iterator[None]:
        """A context in which an interrupt stops it and goes on as an interrupt."""
        try:
            yield
        except KeyboardInterrupt:
            self.stop()
            raise


class Iterated(Waitable):
    """Something that is read piece by piece; its end is the end of an iteration."""

    def __aiter__(self) -> AsyncIterator[Any]:
        """The pieces as they come, inside a running loop, which goes on meanwhile."""
        raise NotImplementedError

    async def _ended(self) -> Self:
        async for _ in self:
            pass
        return self


class Watched(Protocol):
    """What tells that something came, on the portal's thread: a stream."""

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        ...

    def watch(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever something came, and at the end."""
        ...


async def until(watched: Watched, true: Callable[[], bool]) -> None:
    """Return when something is so of it, or when it has ended; to be awaited on the portal, where no cell reads it."""
    changed = asyncio.Event()
    watched.watch(changed.set)
    while not (true() or watched.done):
        await changed.wait()
        changed.clear()


async def ended(watched: Watched) -> None:
    """Return when it has ended; to be awaited on the portal."""
    await until(watched, lambda: False)


def wake(loop: asyncio.AbstractEventLoop, changed: asyncio.Event) -> None:
    """Set an event of a loop that runs in another thread."""
    with suppress(RuntimeError):  # that loop was closed while its reader was left unfinished
        loop.call_soon_threadsafe(changed.set)
