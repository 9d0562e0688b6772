"""Doing things when they are due, without the error of one sleep moving what comes after it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

Sleep = Callable[[float], Awaitable[object]]
"""Waits some seconds: `asyncio.sleep`, or a test's own."""

BATCH = 256
"""The most that is handed out at once, so that a long script without pauses leaves the event loop to others in between."""

T = TypeVar("T")


async def paced(items: Iterable[tuple[int, T]], now: Callable[[], int], sleep: Sleep) -> AsyncIterator[list[T]]:
    """Hand out items when they are due; those that are due together come in one batch.

    Parameters
    ----------
    items : (due, item), due in µs on the scale of `now`; in order.
    now : the clock, µs.
    sleep : waits seconds.
    """
    batch: list[T] = []
    for due, item in items:
        if batch and (due > now() or len(batch) == BATCH):
            yield batch
            batch = []
            await sleep(0)
        if not batch and (wait := due - now()) > 0:
            await sleep(wait / 1e6)
        batch.append(item)
    if batch:
        yield batch
