"""Advice from a comparison: what to use, the figures it rests on, and what would change it.

Two kinds of sentences are kept apart: what these calls showed, with its figures, and what is known from elsewhere, with its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..intervals import Interval
from ..markup import Html, tag
from ..skin import INK, LINE, QUIET, UI
from ..verdicts import Measure

HERE = "these calls"
"""Source of what was measured."""

NOTHING = "No recommendation: these calls do not decide it."

_CARD = f"box-sizing:border-box;max-width:760px;margin:4px 0;padding:10px 16px;border:1px solid {LINE};border-radius:6px"
_HEAD = f"color:{QUIET};margin-top:10px"
_LIST = "margin:2px 0;padding-left:18px"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure that a reason rests on.

    Parameters
    ----------
    label : whose it is.
    measure : what it is.
    value : of it, in the measure's unit.
    interval : that holds the true value; None with too few values for one.
    n : how many values it is of.
    """

    label: str
    measure: Measure
    value: float
    interval: Interval | None
    n: int

    def __str__(self) -> str:
        words = self.measure.words
        span = f" [{words(self.interval.low)}, {words(self.interval.high)}]" if self.interval else ""
        return f"{self.measure.title} of {self.label}: {words(self.value)}{span}, n = {self.n:,}"


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence of the advice, and why it may be said.

    Parameters
    ----------
    sentence : what is the case.
    figures : it rests on.
    source : who says so.
    """

    sentence: str
    figures: tuple[Figure, ...] = ()
    source: str = HERE

    @property
    def measured(self) -> bool:
        """Whether these calls showed it; else it is known from elsewhere."""
        return self.source == HERE

    @property
    def rests_on(self) -> str:
        """The figures in words, or the source; empty for what needs none."""
        return "; ".join(map(str, self.figures)) if self.measured else self.source

    def __str__(self) -> str:
        return f"{self.sentence} ({self.rests_on})" if self.rests_on else self.sentence


@dataclass(frozen=True, slots=True)
class Said:
    """What one rule has to say."""

    recommendation: str = ""
    reasons: tuple[Reason, ...] = ()
    would_change: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Advice:
    """What to use, and why; shows wherever it is displayed.

    Parameters
    ----------
    use : what it is for.
    title : the same in words.
    recommendation : empty where the calls do not decide.
    reasons : those that these calls showed first.
    would_change : what could make it another advice, and which measurement would decide what is open.
    """

    use: str
    title: str
    recommendation: str
    reasons: tuple[Reason, ...]
    would_change: tuple[str, ...]

    @property
    def _parts(self) -> list[tuple[str, Sequence[Reason]]]:
        """Heads and their sentences, without those that have none."""
        measured = [reason for reason in self.reasons if reason.measured]
        known = [reason for reason in self.reasons if not reason.measured]
        changes = [Reason(sentence) for sentence in self.would_change]
        parts = [("Measured in these calls", measured), ("Known from elsewhere", known), ("What would change this", changes)]
        return [(head, reasons) for head, reasons in parts if reasons]

    def __repr__(self) -> str:
        lines = [f"Advice for {self.use}: {self.title}.", self.recommendation or NOTHING]
        for head, reasons in self._parts:
            lines += ["", head, *(f"  - {reason}" for reason in reasons)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = tag("div", f"Advice for {self.use}: {self.title}", style=f"color:{QUIET}")
        first = tag("div", tag("strong", self.recommendation or NOTHING), style="margin-top:4px")
        return tag("div", head, first, *(_part(*part) for part in self._parts), style=f"{_CARD};color:{INK};font:13px/1.45 {UI}")


def _part(head: str, reasons: Sequence[Reason]) -> Html:
    points = [tag("li", reason.sentence, *_quietly(reason.rests_on)) for reason in reasons]
    return tag("div", tag("div", head, style=_HEAD), tag("ul", *points, style=_LIST))


def _quietly(rests_on: str) -> list[Html]:
    return [tag("div", rests_on, style=f"color:{QUIET};font-variant-numeric:tabular-nums")] if rests_on else []
