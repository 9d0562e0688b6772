"""Another machine's clock, seen from here by round trips: where its zero lies, how it drifts, and how far either may be wrong. Pure.

Whoever answers does so somewhere within the round trip: its middle is wrong by half of the trip at most. So the quickest trip counts, as in
the page (`js/src/lib/clock.js`). Trips that lie far apart also bound the drift, since no line may leave any trip's bounds (Moon, Skelly
and Towsley, INFOCOM 1999). All bounds are certain and not statistical, as long as both clocks keep their rates. A drift counts only where
it is shown, which is where 0 is outside its bounds; else none is assumed, and the bounds say how large one could be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from .gaps import fine

TRIPS = 8
"""Round trips asked for at a time: the quickest of them counts."""

KEPT = 64
"""Trips that are remembered; beyond, of each two neighbours the quicker one is."""

SLEW_PPM = 500.0
"""How fast a clock that is being set right may be turned (adjtime, RFC 5905): taken where trips fit no one rate."""

MILLION = 1e6


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A question to another clock, and its answer; all in µs.

    Parameters
    ----------
    asked, answered : by this clock.
    at : what the other clock told, between the two.
    """

    asked: float
    at: float
    answered: float

    @property
    def zero(self) -> float:
        """When the other clock's zero was, by this one."""
        return (self.asked + self.answered) / 2 - self.at

    @property
    def uncertainty(self) -> float:
        """By how much that may be wrong."""
        return (self.answered - self.asked) / 2


@dataclass(frozen=True, slots=True)
class Drift:
    """How much faster this clock runs than the other.

    Parameters
    ----------
    low, high : its bounds, parts per million. Where they contradict each other, the clocks kept no rate.
    seconds : from the first trip to the last.
    """

    low: float
    high: float
    seconds: float

    @property
    def steady(self) -> bool:
        """Whether one rate fits all trips."""
        return self.low <= self.high

    @property
    def shown(self) -> bool:
        """Whether there is one."""
        return self.steady and (self.low > 0 or self.high < 0)

    @property
    def rate(self) -> float:
        """By which times are corrected, as a share; 0 where no drift is shown."""
        return (self.low + self.high) / 2 / MILLION if self.shown else 0.0

    @property
    def spread(self) -> float:
        """By how much that may be wrong, as a share; where no drift is shown none is assumed."""
        if not self.steady:
            return SLEW_PPM / MILLION
        return (self.high - self.low) / 2 / MILLION if self.shown else 0.0

    @property
    def words(self) -> str:
        """Such as `no drift shown (-3 to 5 ppm over 48 s)`."""
        if not self.steady:
            return f"they kept no steady rate over {self.seconds:.0f} s, so that no drift can be told"
        bounds = f"{self.low:.3g} to {self.high:.3g} ppm over {self.seconds:.0f} s"
        return f"a drift of {(self.low + self.high) / 2:.3g} ppm, corrected ({bounds})" if self.shown else f"no drift shown ({bounds})"


@dataclass(frozen=True, slots=True)
class Offset:
    """How another clock's times are told by this one; µs.

    Parameters
    ----------
    zero : the other clock's zero.
    rate : how much faster this clock runs, as a share.
    uncertainty : by how much a time may be wrong.
    """

    zero: float
    rate: float = 0.0
    uncertainty: float = 0.0

    def own(self, at: float) -> float:
        """A time of the other clock's, by this one."""
        return self.zero + at * (1 + self.rate)

    def of(self, shift: float, since: float = 0.0) -> Offset:
        """The same for a clock that began at `shift` of the other, with this clock's times counted from `since`."""
        return Offset(self.own(shift) - since, self.rate, self.uncertainty)


class Clock:
    """Another machine's clock."""

    def __init__(self) -> None:
        self._trips: list[RoundTrip] = []

    def take(self, trip: RoundTrip) -> None:
        """Learn from a round trip; trips come in the order of their times."""
        self._trips.append(trip)
        if len(self._trips) > KEPT:
            self._trips = [_quickest(self._trips[i : i + 2]) for i in range(0, len(self._trips), 2)]

    @property
    def quickest(self) -> RoundTrip | None:
        """The trip that counts where nothing is known of a drift; None before the first."""
        return _quickest(self._trips) if self._trips else None

    @property
    def drift(self) -> Drift | None:
        """None with fewer than two trips that lie apart."""
        slopes = [_slope(a, b) for a, b in combinations(self._trips, 2) if b.at > a.at]
        if not slopes:
            return None
        low, high = max(low for low, _ in slopes), min(high for _, high in slopes)
        return Drift(low * MILLION, high * MILLION, (self._trips[-1].at - self._trips[0].at) / 1e6)

    def offset(self, at: float) -> Offset | None:
        """How the other clock's times around `at` are told by this one; None before the first trip."""
        drift = self.drift
        rate, spread = (drift.rate, drift.spread) if drift else (0.0, 0.0)
        told = [(trip.uncertainty + spread * abs(at - trip.at), trip.zero - rate * trip.at) for trip in self._trips]
        if not told:
            return None
        uncertainty, zero = min(told)
        return Offset(zero, rate, uncertainty)

    @property
    def words(self) -> str:
        """What is known of it, in a sentence."""
        quickest, drift = self.quickest, self.drift
        if quickest is None:
            return "The two clocks were not compared."
        told = drift.words if drift else "of a drift nothing is known"
        return f"The two clocks are aligned to ± {fine(round(quickest.uncertainty))}; {told}."


def _quickest(trips: Sequence[RoundTrip]) -> RoundTrip:
    return min(trips, key=lambda trip: trip.uncertainty)


def _slope(a: RoundTrip, b: RoundTrip) -> tuple[float, float]:
    """The bounds of a line that passes through the bounds of two trips."""
    rise, slack = b.zero - a.zero, a.uncertainty + b.uncertainty
    return (rise - slack) / (b.at - a.at), (rise + slack) / (b.at - a.at)
