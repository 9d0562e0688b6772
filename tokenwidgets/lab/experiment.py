"""One run as it is watched: begun, told in messages and figures at a calm pace, ended so that nothing is left of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

from .base import Backend, Ended, Impairment, Lane, Packet, Plan, Run
from .batch import Batch
from .reading import Measured, measure
from .rows import Seen

MESSAGE_SECONDS = 0.05
"""Between two messages of reports."""

FIGURES_SECONDS = 0.5
"""Between two tellings of the figures; more, where counting them takes more than a tenth of it."""

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Tell = Callable[[], Awaitable[None]]


class Experiment:
    """A plan on a backend.

    Parameters
    ----------
    backend, plan : what is run.
    number : of the run, for its messages.
    send : sends a message to the page, in its turn.
    told : called when the run has begun, and when there are new figures.
    """

    def __init__(self, backend: Backend, plan: Plan, number: int, send: Send, told: Tell) -> None:
        self.plan = plan
        self.batch = Batch(number, plan.lanes)
        self._ended: set[Lane] = set()
        self._backend = backend
        self._send = send
        self._told = told
        self._seen = Seen({})
        self._counts: Counter[tuple[str, Lane]] = Counter()
        self._beginning: asyncio.Task[Run] | None = None
        self._run: Run | None = None
        self._reading: asyncio.Task[None] | None = None
        self._stopped = False

    @property
    def about(self) -> Mapping[str, object]:
        """The run's provenance; empty before it has begun."""
        return self._run.about if self._run else {}

    @property
    def running(self) -> bool:
        """Whether it has begun."""
        return self._run is not None

    async def go(self) -> None:
        """Run it to its end.

        Raises
        ------
        Refused : the backend cannot.
        """
        if (run := await self._begin()) is None:
            return
        self._run = run
        self._reading = asyncio.create_task(self._read(run))
        telling = [asyncio.create_task(self._messages()), asyncio.create_task(self._figures())]
        try:
            if not self._stopped:
                await asyncio.wait([self._reading])
            if self._reading.done() and not self._reading.cancelled():
                self._reading.result()
        finally:
            for task in (self._reading, *telling):
                task.cancel()
            await asyncio.gather(self._reading, *telling, return_exceptions=True)
            await run.close()
            await self._message()

    async def _begin(self) -> Run | None:
        """The run, or None where it was stopped before there was one."""
        if self._stopped:
            return None
        self._beginning = asyncio.create_task(self._backend.run(self.plan))
        try:
            return await self._beginning
        except asyncio.CancelledError:
            if self._stopped:
                return None
            raise

    async def stop(self) -> None:
        """Have `go` end, also one that has not begun."""
        self._stopped = True
        if self._beginning:
            self._beginning.cancel()
        if self._reading:
            self._reading.cancel()

    def change(self, impairment: Impairment) -> None:
        """Impair the link otherwise from now on."""
        if self._run:
            self._run.change(impairment)

    async def measured(self) -> Measured:
        """The figures so far, counted beside the loop, which may be carrying the packets. These are those that were told, until the run
        has ended and says how many there were.
        """
        counted: dict[str, dict[str, int]] = {"packets": {}, "drops": {}}
        for (name, lane), count in self._counts.items():
            counted[name][lane] = count
        shown = {lane: list(tokens) for lane, tokens in self._seen.shown.items()}
        seen = Seen({**counted, **self.about}, dict(self._seen.given), shown, dict(self._seen.failed))
        return await asyncio.to_thread(measure, seen, self.plan.lanes, frozenset(self._ended))

    async def _read(self, run: Run) -> None:
        await self._told()
        async for report in run:
            self.batch.take(report)
            self._seen.take(report)
            if isinstance(report, Packet):
                self._counts["packets", report.lane] += 1
                self._counts["drops", report.lane] += report.lost is not None
            elif isinstance(report, Ended):
                self._ended.add(report.lane)

    async def _messages(self) -> None:
        while True:
            await asyncio.sleep(MESSAGE_SECONDS)
            await self._message()

    async def _message(self) -> None:
        if message := self.batch.message():
            await self._send(message)

    async def _figures(self) -> None:
        pause = FIGURES_SECONDS
        while True:
            await asyncio.sleep(pause)
            began = perf_counter()
            await self._told()
            pause = max(FIGURES_SECONDS, 10 * (perf_counter() - began))
