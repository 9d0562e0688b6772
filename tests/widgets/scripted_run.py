"""A backend that reports what a test says, when it says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal

from tokenwidgets.errors import Refused
from tokenwidgets.lab.base import LANES, Ended, Given, Impairment, Lane, Packet, Plan, Report, Shown


class Scripted:
    """See `Backend`. Keeps its runs."""

    name: Literal["model"] = "model"

    def __init__(
        self, reports: Sequence[Report] = (), refuses: str = "", lanes: tuple[Lane, ...] = tuple(LANES), begins: bool = True
    ) -> None:
        self.lanes = lanes
        self.asked, self.may_begin = threading.Event(), threading.Event()
        if begins:
            self.may_begin.set()
        self.runs: list[ScriptedRun] = []
        self._reports = reports
        self._refuses = refuses

    def why_not(self) -> str:
        return ""

    async def run(self, plan: Plan) -> ScriptedRun:
        self.asked.set()
        while not self.may_begin.is_set():
            await asyncio.sleep(0.01)
        if self._refuses:
            raise Refused("bad_request", self._refuses)
        self.runs.append(ScriptedRun(plan, self._reports))
        return self.runs[-1]


class ScriptedRun:
    """See `Run`. Ends when its lanes have ended, else when it is closed."""

    def __init__(self, plan: Plan, reports: Sequence[Report]) -> None:
        self.plan = plan
        self.about: Mapping[str, object] = {"backend": "model", "congestion_control": "cubic", "rtt_ms": 100.0, "loss_model": "5 % lost",
                                            "seed": plan.seed, "rate": plan.rate}  # fmt: skip
        self.changes: list[Impairment] = []
        self.closed = 0
        self._reports = reports

    async def __aiter__(self) -> AsyncIterator[Report]:
        left = set(self.plan.lanes)
        for report in self._reports:
            if isinstance(report, Ended):
                left.discard(report.lane)
            yield report
        if left:
            await asyncio.Event().wait()

    def change(self, impairment: Impairment) -> None:
        self.changes.append(impairment)

    async def close(self) -> None:
        self.closed += 1


def run_of(stalls: Mapping[Lane, int], tokens: int = 300, ends: bool = True) -> list[Report]:
    """Reports of a run: a token each 40 ms, shown 50 ms later, and some of them in every lane, each by itself, 250 ms later than that."""
    reports: list[Report] = [Given(seq, seq * 40_000, f"w{seq} ") for seq in range(tokens)]
    for lane, count in stalls.items():
        late = {20 + 8 * i for i in range(count)}
        at = 0
        for seq in range(tokens):
            at = max(at + 1, seq * 40_000 + (300_000 if seq in late else 50_000))
            reports.append(Packet(lane, True, 120, at - 50_000, at, "loss" if seq in late else None))
            reports.append(Shown(lane, seq, at))
    last = max(report.at for report in reports)
    return [*sorted(reports, key=lambda report: report.at), *(Ended(lane, last) for lane in stalls if ends)]
