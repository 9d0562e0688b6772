"""An interrupt of a cell stops what the cell was reading.

A magic that waits sees the interrupt itself. A loop over a result may be interrupted in its body, and an `await` is cancelled, which
could as well be a timeout of the user's own. Only the end of the cell tells, so IPython is asked to say how each cell ended.
"""

from __future__ import annotations

import sys
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
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


_read: WeakSet[Stoppable] = WeakSet()
"""What the running cell reads, or began to read."""


@contextmanager
def reading(result: Stoppable) -> Iterator[None]:
    """Count as being read by the running cell: until the reader comes to its end, else until the cell does.

    A loop that is left looks the same to its iterator whether a break or an interrupt leaves it.
    """
    _watch()
    _read.add(result)
    yield
    _read.discard(result)


def _watch() -> None:
    """Be told by IPython, where there is one, of the end of each cell."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and _cell_ended not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _cell_ended)


def _cell_ended(execution: Any) -> None:
    left = list(_read)
    _read.clear()
    if isinstance(execution.error_in_exec, KeyboardInterrupt | CancelledError):
        for result in left:
            result.stop()
