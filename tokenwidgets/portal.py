"""One private thread with an event loop, where all of a kernel's I/O lives.

A notebook's own loop stands still while a cell runs, and messages of widgets arrive on further threads with loops of their own. So
nothing of ours touches those loops: work is handed over here, and an interrupt of the main thread never lands inside it.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Portal:
    """A daemon thread that runs an event loop until the process ends."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tokenwidgets-portal", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine there; from any thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run a coroutine there and wait for its result. The wait can be interrupted; the work then goes on."""
        return wait(self.submit(work), timeout)


def wait(future: Future[T], timeout: float | None = None) -> T:
    """A future's result, waited for in small steps, so that an interrupt of the main thread is seen at once on every platform."""
    waited = 0.0
    while True:
        try:
            return future.result(0.1)
        except TimeoutError:
            if future.done():  # the work's own TimeoutError, or a result that came this very moment
                return future.result()
            waited += 0.1
            if timeout is not None and waited >= timeout:
                raise


_portal: Portal | None = None
_lock = threading.Lock()


def portal() -> Portal:
    """The process's portal, started on first use."""
    global _portal
    with _lock:
        if _portal is None:
            _portal = Portal()
        return _portal


def _forget() -> None:
    """A forked child has no such thread: it gets its own."""
    global _portal, _lock
    _portal, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
