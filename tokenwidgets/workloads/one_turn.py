"""One question and its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..comparison import Comparison
from ..formulas import DEFINITIONS, Described, definition
from ..trials import RUNS
from .asking import Asking
from .base import Taken, Workload, error_of, figures_of

if TYPE_CHECKING:
    from ..trials import Arm


@dataclass(frozen=True)
class OneTurn(Workload):
    """The question is asked once. With transports, the one call is read over all of them."""

    name: ClassVar[str] = "turn"
    by: ClassVar[str] = "time_to_first_token"
    runs: ClassVar[int] = RUNS
    figures: ClassVar[Mapping[str, Described]] = DEFINITIONS
    unit: ClassVar[str] = "call"

    def check(self, arms: Sequence[Arm], transports: Sequence[str]) -> None:
        """It is for any."""

    def definition(self, name: str) -> Described:
        """See `formulas.definition`."""
        return definition(name)

    async def run(self, asking: Asking) -> Taken:
        """Read the stream over each transport, or by itself."""
        result = asking.ask()
        read = Comparison(await asking.lanes.read(result, asking.order))
        failures = {lane.transport: lane.failure for lane in read.lanes if lane.failure}
        if failed := error_of(result.journal.entries):
            failures[""] = failed
        behind = {lane.transport: delay.median_us if delay else None for lane, delay in zip(read.lanes, read.delays, strict=True)}
        legs = {lane.transport: read.legs(lane) for lane in read.lanes}
        alone = {lane.transport: link for lane in await asking.lanes.alone(result) if (link := Comparison([lane]).legs(lane).get("link"))}
        held = {lane.transport: found.symptom for lane in read.lanes if (found := read.held(lane))}
        figures = await asyncio.to_thread(figures_of, result.journal.entries)
        return Taken(figures, failures, behind, legs=legs, alone=alone, held=held)
