"""A comparison whose rounds are spread over workers: each makes whole rounds, so what is compared in pairs was measured at one place.

Rounds are dealt to the workers in turn, after a cold one for each; they ask at the same time. What a worker had still to make when it was
lost goes to the others. Between rounds the budget is looked at: with rounds under way, as if each of those cost as much as the dearest.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from .cost import Prices
from .errors import Refused
from .lanes import Lanes
from .measurement import Measurement
from .places import Place, ahead
from .recording import without_secrets
from .trials import STOPPED, Arm, Budget, Trial, schedule
from .workers import Made, Task, Worker, Workers, now
from .workloads import Workload

LOOK_SECONDS = 0.2
"""How often is looked for a stop, and for lost workers."""

FETCH_SECONDS = 5.0
"""Longest wait for what a worker has made: one that was lost after it had made it gives it to nobody, and Dask waits for it forever."""

Round = list[tuple[int, int]]


@dataclass(slots=True)
class Part:
    """A worker's part of a comparison.

    Parameters
    ----------
    worker : whose.
    rounds : that it is still to make, each in the order of its calls.
    running : what it makes now.
    taken : the round that is.
    lost : why it makes no more, in words.
    """

    worker: Worker
    rounds: deque[Round]
    running: Future[Made] | None = None
    taken: Round | None = None
    lost: str = ""


class Spread(Measurement):
    """A comparison over several places; see `Measurement`.

    Parameters
    ----------
    arms, by, budget, seed, workload : as there. The rounds after the cold ones are those of all workers together.
    workers : a `distributed.Client`, the address of a scheduler, or how many processes of this machine to start.

    Raises
    ------
    Refused : there are no such workers, or a key would have to be sent to them.
    """

    def __init__(self, arms: Sequence[Arm], by: str, budget: Budget, seed: int, workload: Workload, workers: Any) -> None:
        for arm in arms:
            _check(arm.request)
        self._workers = Workers(workers)
        super().__init__(arms, (), by, budget, seed, workload=workload)
        self._name = secrets.token_hex(8)
        self._parts = deal(self._workers.all, len(self.arms), budget.runs, seed)
        self.order = [call for part in self._parts for one in part.rounds for call in one]
        self.places = [Place(part.worker.label, environment=part.worker.environment) for part in self._parts]
        self._zero = now()
        self._round_over = threading.Event()

    async def _calls(self, lanes: Lanes, known: Prices) -> str:
        return await asyncio.to_thread(self._spread)

    def _spread(self) -> str:
        with self._workers:
            why = self._rounds()
            self._workers.look_at_clocks()
            self._place_all()
            return why

    def _rounds(self) -> str:
        """Every round, and why it ended."""
        while not self._stopped:
            why = self._give()
            if not any(part.running for part in self._parts):
                return why or self._whole()
            self._round_over.wait(LOOK_SECONDS)
            self._round_over.clear()
            self._take()
        return STOPPED

    def _whole(self) -> str:
        if all(part.lost for part in self._parts):
            return "every worker was lost"
        return self.budget.over

    # ------------------------------------------------------------------ giving rounds

    def _give(self) -> str:
        """Give each worker that waits a round; why there are no more, in words."""
        for part in self._parts:
            if part.running or part.lost or not part.rounds:
                continue
            if why := self._enough():
                return why
            part.taken = part.rounds.popleft()
            task = Task(self._name, self.arms, self.by, self.workload, self.seed, part.taken, self.budget.dollars)
            part.running = self._workers.submit(part.worker, task)
            part.running.add_done_callback(lambda _: self._round_over.set())
        return ""

    def _enough(self) -> str:
        """Why no further round is given, taking those under way for as dear as the dearest call so far."""
        under_way = sum(part.running is not None for part in self._parts)
        if under_way and self.budget.dollars is not None and not self.trials:
            return "what a call costs is not known yet"
        calls = len(self.arms) * (under_way + 1)
        dearest = max((trial.cost for trial in self.trials if trial.cost is not None), default=0.0)
        expected = [Trial(0, 0, cost=dearest, calls=0)] * (calls - 1) if self.trials else []
        if why := self.budget.spent([*self.trials, *expected], self._seconds, calls * self.workload.calls):
            return why
        return f"every interval is narrower than {self.budget.width:.0%} of the median" if self._narrow() else ""

    # ------------------------------------------------------------------ taking what they made

    def _take(self) -> None:
        there = self._workers.there()
        for part in self._parts:
            if part.running is None:
                continue
            if part.worker.address not in there:
                part.running.cancel()
                self._lose(part, "it has left the cluster")
            elif part.running.done():
                self._merge(part, part.running)

    def _merge(self, part: Part, future: Future[Made]) -> None:
        try:
            made = future.result(FETCH_SECONDS)
        except Exception as e:
            future.cancel()
            gone = part.worker.address not in self._workers.there()
            self._lose(part, "it has left the cluster" if gone else f"it failed ({type(e).__name__})")
            return
        if not made.trials and not self._stopped:
            self._lose(part, made.why)
            return
        part.running = part.taken = None
        if not self._stopped:
            self.trials += [_here(trial, part.worker, made.began, self._zero) for trial in made.trials]
            self._tell()

    def _lose(self, part: Part, why: str) -> None:
        """The others make what this one was to make, but for its cold round."""
        part.lost = why
        left = [one for one in (part.taken, *part.rounds) if one and one[0][0]]
        part.running = part.taken = None
        part.rounds.clear()
        others = [other for other in self._parts if not other.lost]
        for number, one in enumerate(left if others else []):
            others[number % len(others)].rounds.append(one)
        self._place_all()

    def _place_all(self) -> None:
        self.places = [_place(part) for part in self._parts]

    async def _stopping(self) -> None:
        if not self.done:
            await asyncio.to_thread(self._workers.halt, self._name)


def deal(workers: Sequence[Worker], arms: int, runs: int, seed: int) -> list[Part]:
    """Each worker's rounds: a cold one, and its share of the others; all arms in each, in an order drawn for it."""
    drawn = [[arm for _, arm in calls] for _, calls in groupby(schedule(arms, len(workers) + runs, seed), key=lambda call: call[0])]
    parts = [Part(worker, deque([[(0, arm) for arm in order]])) for worker, order in zip(workers, drawn, strict=False)]
    for number, order in enumerate(drawn[len(workers) :], 1):
        parts[number % len(parts)].rounds.append([(number, arm) for arm in order])
    return parts


def _check(request: Mapping[str, Any]) -> None:
    if "provider" in request or without_secrets(request) != request:
        raise Refused("bad_request", "No key is sent to workers: each takes that of a host from its own environment, so leave it out here.")


def _here(trial: Trial, worker: Worker, began: float, zero: float) -> Trial:
    """A trial of a worker's, with its instants by our clock, counted from our beginning."""
    offset = worker.clock.offset(began)
    shift = ((offset.own(began) if offset else began) - zero) / 1e6
    return replace(trial, place=worker.label, at=trial.at + shift, begun=tuple(begun + shift for begun in trial.begun))


def _place(part: Part) -> Place:
    found = ahead(part.worker.clock, now())
    offset, uncertainty = found or (None, 0.0)
    return Place(part.worker.label, offset, uncertainty, part.lost, part.worker.environment)
