"""The backend, and its runs in real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal

from ..base import LANES, Impairment, Lane, Plan, Report
from .simulation import Simulation

AHEAD_SECONDS = 0.05
"""The longest sleep: so soon it is noticed that the run was changed or closed."""

SLICE_US = 250_000
"""What is computed in one go by a run whose reader was away, µs of its time."""


class Model:
    """See `Backend`.

    Parameters
    ----------
    clock : tells ns.
    sleep : waits some seconds.
    """

    name: Literal["model"] = "model"
    lanes: tuple[Lane, ...] = tuple(LANES)

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep

    def why_not(self) -> str:
        """See `Backend`: it can run anywhere."""
        return ""

    async def run(self, plan: Plan) -> ModelRun:
        """See `Backend`."""
        return ModelRun(Simulation(plan), self._clock, self._sleep)


class ModelRun:
    """See `Run`: what a simulation gives, when it would."""

    def __init__(self, simulation: Simulation, clock: Callable[[], int], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.about = simulation.about
        self._simulation = simulation
        self._clock = clock
        self._sleep = sleep
        self._began = clock()
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[Report]:
        """See `Run`."""
        while not self._closed and (due := self._simulation.next) is not None:
            wait = due - self._now
            if wait > 0:
                await self._sleep(min(wait / 1e6, AHEAD_SECONDS))
                continue
            for report in self._simulation.advance(min(self._now, due + SLICE_US)):
                yield report

    def change(self, impairment: Impairment) -> None:
        """See `Run`. Raises `Refused` for what no link can be."""
        self._simulation.change(impairment, self._now)

    async def close(self) -> None:
        """See `Run`."""
        self._closed = True

    @property
    def _now(self) -> int:
        return (self._clock() - self._began) // 1000
