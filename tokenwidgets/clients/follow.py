"""A reader that survives its connections: attach, and again from where it was, until the terminal event."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from ..events import Entry
from .base import Disconnected, Gone, Reader

FIRST_BACKOFF = 0.25
LAST_BACKOFF = 8.0
GIVE_UP_SECONDS = 120.0
"""Sum of the waits without any progress after which the stream counts as lost."""


async def follow(
    reader: Reader, stream: str, after: int = -1, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
) -> AsyncIterator[list[Entry]]:
    """Every event behind `after`, in order, once, whatever happens to the connections.

    Parameters
    ----------
    reader : makes the connections.
    stream, after : what to read, and the last seq already known.
    sleep : waits seconds between attempts.

    Raises
    ------
    Refused : there is no such stream (any more).
    Disconnected : no connection led anywhere for `GIVE_UP_SECONDS`, or (as `Gone`) none ever will.
    """
    waits = backoff()
    while True:
        cause = Disconnected("The stream's connection ended early.")
        try:
            async for batch in reader.attach(stream, after):
                fresh = [entry for entry in batch if entry.seq > after]
                if fresh and fresh[0].seq != after + 1:
                    break  # something was lost on the way: read it again from where we are
                if fresh:
                    after, waits = fresh[-1].seq, backoff()
                    yield fresh
                if fresh and fresh[-1].terminal:
                    return
        except Gone:
            raise
        except Disconnected as e:
            cause = e
        wait = next(waits, None)
        if wait is None:
            raise cause
        await sleep(wait)


def backoff() -> Iterator[float]:
    """Waits in seconds, doubling, with jitter so that many readers do not come back at once; ends when it is time to give up."""
    base, spent = FIRST_BACKOFF, 0.0
    while spent < GIVE_UP_SECONDS:
        wait = base * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
        spent += wait
        yield wait
        base = min(base * 2, LAST_BACKOFF)
