"""Where the calls of a comparison were made from, where that is more than one place: each with its clock, and what it shows alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .clocks import Clock
from .gaps import fine
from .intervals import PAIRS

if TYPE_CHECKING:
    from .findings import Findings


@dataclass(frozen=True, slots=True)
class Place:
    """One of them.

    Parameters
    ----------
    label : what it is called; no name of a machine or a user.
    ahead : how far its clock is ahead of that of whoever compares, µs; None where the two were not compared.
    uncertainty : by how much that may be wrong, µs.
    lost : why it made no further calls, in words; empty where it came to the end.
    environment : versions of what touches a token there.
    """

    label: str
    ahead: float | None = None
    uncertainty: float = 0.0
    lost: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def clock(self) -> str:
        """Its clock in words, such as `+12 ms ± 0.4 ms`."""
        if self.ahead is None:
            return "not compared"
        sign = "+" if self.ahead >= 0 else "-"
        return f"{sign}{fine(round(abs(self.ahead)))} ± {fine(round(self.uncertainty))}"


def ahead(clock: Clock, at: float) -> tuple[float, float] | None:
    """How far a clock is ahead of ours at a time of its own, and by how much that may be wrong, µs; None before a round trip."""
    offset = clock.offset(at)
    return None if offset is None else (at - offset.own(at), offset.uncertainty)


def sentences(of: Findings) -> list[str]:
    """What is to be said of the places: who was lost, and who was ahead where, if that is not the same everywhere."""
    lost = [f"{place.label} was lost: {place.lost}." for place in of.places if place.lost]
    return [*lost, *_differing(of)]


def _differing(of: Findings) -> list[str]:
    told = [(place.label, verdict) for place in of.places for verdict in of.part(place.label).verdicts if len(verdict.ranking) > 1]
    rounds = [min(pair.n for pair in verdict.pairs) for _, verdict in told]
    leaders = {verdict.leader for n, (_, verdict) in zip(rounds, told, strict=True) if n >= PAIRS}
    if len(leaders) < 2:
        return []
    words = []
    for n, (label, verdict) in zip(rounds, told, strict=True):
        shown = "no difference shown" if verdict.leader is None else f"{verdict.contenders[verdict.leader].label} was ahead"
        words.append(f"{label}: {shown if n >= PAIRS else 'too early to tell'} (n = {n:,})")
    return [f"By place: {'; '.join(words)}."]
