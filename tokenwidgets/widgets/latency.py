"""Where the time of streams went, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from ..comm import Answer
from ..errors import Refused
from ..events import EXACT
from ..latency import Run, bundle
from ..output import Bundle
from .base import STATIC, RunsWidget, Source

LEG_FIELDS = ("median_us", "p95_us", "n", "last_us")
"""What a page measures of a leg."""


class LatencyChart(RunsWidget):
    """The chunks of streams on a time axis, how the times between them are spread, and a breakdown that adds up.

    The breakdown runs from the request to the paint of the end: `tokenwidgets.breakdown` defines its phases. The last three are measured
    by the page, which reports them here, in `legs`. Traits can be observed and linked: with `selected`, a chunk that is chosen here is
    shown in a timeline or an inspector, and the other way round.

    Parameters
    ----------
    sources : the streams, or recordings of them; a mapping gives their labels.
    scale : of the time axis, `linear` or `log`.
    """

    _esm = STATIC / "latency.js"
    _css = STATIC / "latency.css"

    scale = traitlets.Enum(["linear", "log"], "linear", help="Of the time axis.").tag(sync=True, moved=True)
    selected = traitlets.Int(-1, help="The seq of the selected chunk, of `selected_run`; -1 for none.").tag(sync=True, moved=True)
    selected_run = traitlets.Int(0, help="The index of the run whose chunk is selected.").tag(sync=True, moved=True)

    def __init__(self, *sources: Source | Mapping[str, Source], scale: str = "linear") -> None:
        self._legs: dict[str, dict[str, Any]] = {}
        super().__init__(*sources, operations={"legs": self._take_legs}, scale=scale)

    @property
    def legs(self) -> list[dict[str, Any]]:
        """What the page measured of each run, empty where it has not told yet.

        For `gateway`, `link` and `paint`: `median_us`, `p95_us` and `n` over the chunks that came while the page read, `last_us` of the
        terminal event, and `why` it is unknown where it is None; and `uncertainty_us`, by which the link may be wrong.
        """
        return [self._legs.get(result.stream, {}) for result in self.results]

    def measure(self) -> None:
        """Ask the page to report anew; it does so once by itself, at the end of each stream."""
        self.messages.tell({"op": "measure"})

    async def _take_legs(self, content: Mapping[str, Any]) -> Answer:
        stream, told = content.get("stream"), content.get("legs")
        if not isinstance(told, Mapping) or stream not in [result.stream for result in self.results if result.stream]:
            raise Refused("bad_request", "'legs' are those of a stream that this chart shows.")
        legs: dict[str, Any] = {leg: _leg(told.get(leg)) for leg in ("gateway", "link", "paint")}
        self._legs[str(stream)] = legs | {"uncertainty_us": _number(told.get("uncertainty_us"))}
        if all(result.done for result in self.results):
            self.refresh()
        return None

    def static(self) -> Bundle:
        """See `Widget.static`."""
        labels = [label or result.model for label, result in zip(self._labels, self.results, strict=True)]
        last = [
            {leg: us for leg, of in legs.items() if leg != "uncertainty_us" and (us := of["last_us"]) is not None} for legs in self.legs
        ]
        return bundle([Run(r.journal.entries, label, legs) for r, label, legs in zip(self.results, labels, last, strict=True)])


def _leg(told: Any) -> dict[str, Any]:
    """A leg as a page tells it: numbers that are none are unknown."""
    fields = told if isinstance(told, Mapping) else {}
    return {name: _number(fields.get(name)) for name in LEG_FIELDS} | {"why": str(fields.get("why") or "")[:200]}


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= EXACT else None
