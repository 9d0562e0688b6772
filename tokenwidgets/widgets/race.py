"""The live view of a race."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from ..comm import Answer
from ..errors import Refused
from ..output import Bundle
from ..races import ARRIVALS, Race
from .base import STATIC, RunsWidget

FAILURE_CHARS = 500
"""The longest reason of a page that is kept."""

LATEST_US = 2**53
"""No instant of a page is later."""


class RaceTrack(RunsWidget):
    """Lanes on one clock: what came when, who leads and by how much, and the verdict.

    Parameters
    ----------
    race : what to show.
    """

    _esm = STATIC / "race.js"
    _css = STATIC / "race.css"

    rows = traitlets.List(traitlets.Int(), help="The runs from top to bottom; they stand in the order in which they attach.").tag(sync=True)
    seed = traitlets.Int(0, help="That rotated the order.").tag(sync=True)
    verdict = traitlets.Unicode("", help="What the race showed, once it is over.").tag(sync=True)
    arrivals = traitlets.List(
        traitlets.List(traitlets.Int()), help="Of each run, when its events came to the page, µs since the stream began."
    ).tag(sync=True)

    def __init__(self, race: Race) -> None:
        self.race = race
        order = race.order
        rows = [order.index(number) for number in range(len(order))]
        lanes = [race.lanes[number] for number in order]
        given = [{"transport": lane.transport, "only": len(race.rivals(lane)) > 1, "failure": ""} for lane in lanes]
        sources = [{lane.label: lane.result} for lane in lanes]
        super().__init__(*sources, operations={"arrivals": self._arrivals}, given=given, rows=rows, seed=race.seed)
        if race.settled:
            self.over()

    def over(self) -> None:
        """The race has ended: show its verdict, and keep what the page saw."""
        self._given = [
            {**given, "failure": self.race.lanes[number].failure} for given, number in zip(self._given, self.race.order, strict=True)
        ]
        self._news()
        self.arrivals = [list(self.race.lanes[number].arrivals) for number in self.race.order]
        self.verdict = self.race.verdict
        self.refresh()

    def refresh(self) -> None:
        """See `Widget.refresh`: the streams may have ended before the race has."""
        if self.race.settled:
            super().refresh()

    async def _arrivals(self, content: Mapping[str, Any]) -> Answer:
        reports = content.get("runs")
        if not isinstance(reports, list) or len(reports) != len(self.race.lanes):
            raise Refused("bad_request", "'runs' has one report for each lane.")
        self.race.told([_report(report) for report in reports])
        return None

    def static(self) -> Bundle:
        """See `Widget.static`."""
        return self.race.static()


def _report(report: Any) -> tuple[Sequence[int], str]:
    """A page's word on one lane, checked."""
    match report:
        case {"arrived": list(arrived), "failure": str(failure)} if len(arrived) <= ARRIVALS and all(map(_is_instant, arrived)):
            return arrived, failure[:FAILURE_CHARS]
    raise Refused("bad_request", f"A report has 'arrived', at most {ARRIVALS} whole numbers, and 'failure'.")


def _is_instant(value: Any) -> bool:
    return type(value) is int and 0 <= value < LATEST_US
