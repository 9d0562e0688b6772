"""An interrupt of a cell stops what the cell was reading.

A magic that waits sees the interrupt itself. A loop over a result may be interrupted in its body, and an `await` is cancelled, which
could as well be a timeout of the user's own. Only the end of the cell tells, so IPython is asked to say how each cell ended.
"""

from __future__ import annotations

import sys
from asyncio import AbstractEventLoop, CancelledError, get_running_loop
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol
from weakref import WeakSet


class Stoppable(Protocol):
    """What a cell can read: a stream, or a turn of several."""

    def stop(self) -> None:
        """End it; what came is kept."""
        ...

    def wait(self) -> object:
        """Return when it has ended."""
        ...


HEARD_SECONDS = 0.2
"""How soon an interrupt of an `await` is heard: ipykernel cancels the cell's task without waking a loop that waits for a socket."""

_read: WeakSet[Stoppable] = WeakSet()
"""What the running cell reads, or began to read."""


@contextmanager
def reading(result: Stoppable) -> Iterator[None]:
    """Count as being read by the running cell: until the reader comes to its end, else until the cell does.

    A loop that is left looks the same to its iterator whether a break or an interrupt leaves it.
    """
    _read.add(result)
    _watch(result)
    yield
    _read.discard(result)


def _watch(result: Stoppable) -> None:
    """Be told by IPython, where there is one, of the end of each cell; keep its loop awake for interrupts."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return
    if _cell_ended not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _cell_ended)
    with suppress(RuntimeError):  # a thread without a loop
        _wake(get_running_loop(), result)


def _wake(loop: AbstractEventLoop, result: Stoppable) -> None:
    if result in _read:
        loop.call_later(HEARD_SECONDS, _wake, loop, result)


def _cell_ended(execution: Any) -> None:
    left = list(_read)
    _read.clear()
    if isinstance(execution.error_in_exec, KeyboardInterrupt | CancelledError):
        for result in left:
            result.stop()
