"""One run of a workload: through this it asks, waits and looks at the clock, and by this it is stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any

from ..lanes import Lanes
from ..result import Result


class Asking:
    """What a workload may use while it runs.

    Parameters
    ----------
    request : keywords of `tw.stream`, the arm's.
    stream : starts a stream; a seam.
    lanes : readers of the transports that are compared.
    order : the transports, in the order drawn for this run.
    seed : of what a workload draws; the same for every arm of a round.
    told : called whenever something was asked.
    clock : seconds; a seam.
    sleep : waits seconds; a seam.

    Attributes
    ----------
    results : what was asked so far.
    begun : when each of them was, seconds since the run began.
    stopped : whether nothing more is to be asked.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        stream: Callable[..., Result],
        lanes: Lanes,
        order: Sequence[str] = (),
        seed: object = 0,
        told: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.request = dict(request)
        self.lanes = lanes
        self.order = list(order)
        self.draw = Random(str(seed))  # noqa: S311 (arrivals, no secret)
        self.clock = clock
        self.results: list[Result] = []
        self.begun: list[float] = []
        self.stopped = False
        self._stream = stream
        self._told = told
        self._sleep = sleep
        self._began = clock()
        self._halted = asyncio.Event()

    def ask(self, **instead: Any) -> Result:
        """Start a stream; returns at once.

        Parameters
        ----------
        instead : keywords in place of the arm's; those that are None are left out.
        """
        self.begun.append(self.clock() - self._began)
        request = {name: value for name, value in {**self.request, **instead}.items() if value is not None}
        result = self._stream(**request, show=False)
        self.results.append(result)
        self._told()
        return result

    async def sleep_until(self, instant: float) -> None:
        """Return at an instant of the clock, or when nothing more is to be asked."""
        rest = instant - self.clock()
        if rest <= 0:
            return
        waits = [asyncio.ensure_future(self._sleep(rest)), asyncio.ensure_future(self._halted.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def stopping(self) -> None:
        """Ask nothing more, and stop what runs."""
        self.stopped = True
        self._halted.set()
        await asyncio.gather(*(result.stopping() for result in self.results if not result.done))
