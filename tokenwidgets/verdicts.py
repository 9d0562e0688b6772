"""What measurements of several contenders show, and what they do not. Pure: values in, sentences out.

Contenders are compared in pairs, round by round: what changes from round to round, such as a provider's load, changes both. A difference is
shown when 0 is outside its interval. With more than two contenders the level of each interval is raised (Bonferroni), so that comparing
many of the same finds nothing either. Everything else is "no difference shown", which is no proof that there is none: the interval says how
large one could be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from . import figures
from .gaps import fine
from .intervals import (
    NEEDED,
    PAIRS,
    Interval,
    bimodal,
    cliffs_delta,
    effect,
    median_interval,
    p95_interval,
    paired_difference,
    quantile,
)

SURE = 0.96
"""Level of the interval of a difference. At 95 %, two that do not differ were told apart in 5.2 % of 2,000 comparisons of 40 rounds
(`benchmarks/verdicts.py`), which is the bootstrap's own error; a verdict is to be wrong in fewer than 5 %."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is compared.

    Parameters
    ----------
    name : of the figure.
    title : what it is called in a sentence.
    unit : µs, tok/s, 1/s, B or 1.
    more_is_better : of a rate; of a time less is.
    """

    name: str
    title: str
    unit: str = "µs"
    more_is_better: bool = False

    def words(self, value: float | None) -> str:
        """A value with its unit, in three digits: of what is compared the second one may be all the difference."""
        if value is None:
            return figures.UNKNOWN
        if self.unit == "µs":
            us = round(abs(value))
            return ("-" if value < 0 else "") + (f"{us / 1000:.1f} ms" if 10_000 <= us < 100_000 else fine(us))
        if self.unit == "B":
            return f"{value:,.0f} B"
        return f"{value:.3g}" + {"1": "", "1/s": "/s"}.get(self.unit, f" {self.unit}")


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is compared, with a value a round; None where it failed or was not asked."""

    label: str
    values: tuple[float | None, ...]

    @property
    def known(self) -> list[float]:
        """The values there are."""
        return [value for value in self.values if value is not None]


@dataclass(frozen=True, slots=True)
class Summary:
    """A contender's values in few numbers; None where there are too few values for one.

    Parameters
    ----------
    n : how many values there are.
    p50, p95, p99 : quantiles.
    median, tail : the interval of the median, and that of the 95th percentile.
    two_groups : whether the values fall into two groups.
    """

    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    median: Interval | None
    tail: Interval | None
    two_groups: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contenders: how much more the second is than the first.

    Parameters
    ----------
    first, second : places among the contenders.
    n : rounds in which both have a value.
    difference : None with too few of those.
    delta : Cliff's, of the second over the first; None without a value.
    """

    first: int
    second: int
    n: int
    difference: Interval | None
    delta: float | None


class Verdict:
    """What the values of contenders show.

    Parameters
    ----------
    measure : what was measured.
    contenders : with as many values each.
    seed : of the bootstrap.
    unit : what gives a value: a round, or a call.
    """

    def __init__(self, measure: Measure, contenders: Sequence[Contender], seed: int = 0, unit: str = "round") -> None:
        self.measure = measure
        self.contenders = list(contenders)
        self._seed = seed
        self._unit = unit
        self._pairs: dict[tuple[int, int], Pair] = {}
        count = len(self.contenders)
        self._level = 1 - (1 - SURE) / max(1, count * (count - 1) // 2)

    def summary(self, place: int) -> Summary:
        """One contender's values in few numbers."""
        known = self.contenders[place].known
        p50, p95, p99 = (quantile(known, q) for q in NEEDED)
        return Summary(len(known), p50, p95, p99, median_interval(known, self._seed), p95_interval(known), bimodal(known))

    @property
    def pairs(self) -> list[Pair]:
        """Each contender with each other."""
        return [self.pair(a, b) for a, b in combinations(range(len(self.contenders)), 2)]

    def pair(self, first: int, second: int) -> Pair:
        """Two contenders, over the rounds in which both have a value."""
        if (first, second) not in self._pairs:
            self._pairs[first, second] = self._compare(first, second)
        return self._pairs[first, second]

    def _compare(self, first: int, second: int) -> Pair:
        a, b = self.contenders[first], self.contenders[second]
        both = [(x, y) for x, y in zip(a.values, b.values, strict=True) if x is not None and y is not None]
        xs, ys = [x for x, _ in both], [y for _, y in both]
        difference = paired_difference(xs, ys, self._seed, self._level)
        return Pair(first, second, len(both), difference, cliffs_delta(xs, ys) if both else None)

    @property
    def ranking(self) -> list[int]:
        """The contenders that have values, by their medians, the best one first."""
        told = [(median(contender.known), place) for place, contender in enumerate(self.contenders) if contender.known]
        return [place for _, place in sorted(told, reverse=self.measure.more_is_better)]

    @property
    def leader(self) -> int | None:
        """The one that is shown to be better than every other with values; None where that is not shown."""
        ranking = self.ranking
        if len(ranking) > 1 and all(self._ahead(ranking[0], other) for other in ranking[1:]):
            return ranking[0]
        return None

    def _ahead(self, first: int, second: int) -> bool:
        found = self.pair(first, second).difference
        return found is not None and (found.high < 0 if self.measure.more_is_better else found.low > 0)

    @property
    def width(self) -> float | None:
        """Of the widest interval of a difference, as a share of the smaller of the two medians; None while one is not known."""
        shares = [self._share(pair) for pair in self.pairs]
        return max(known) if len(known := [share for share in shares if share is not None]) == len(shares) and known else None

    def _share(self, pair: Pair) -> float | None:
        if pair.difference is None:
            return None
        least = min(median(self.contenders[place].known) for place in (pair.first, pair.second))
        return pair.difference.width / least if least > 0 else None

    # ------------------------------------------------------------------ in words

    @property
    def sentences(self) -> list[str]:
        """What is shown, what is not, and what to beware of."""
        return [*self._findings(), *self._warnings()]

    def _findings(self) -> list[str]:
        ranking = self.ranking
        if len(ranking) < 2:
            return [f"Nothing to compare by {self.measure.title}: fewer than two have a value."]
        return [self._finding(self.pair(ranking[0], other)) for other in ranking[1:]]

    def _finding(self, pair: Pair) -> str:
        a, b = self.contenders[pair.first].label, self.contenders[pair.second].label
        found = pair.difference
        if found is None or pair.delta is None:
            return f"Too early to tell {a} from {b} by {self.measure.title}: {self._values(pair.n)} of the {PAIRS} that an interval needs."
        behind = _turned(found) if self.measure.more_is_better else found  # how far b is behind a
        if behind.high < 0:
            a, b, behind = b, a, _turned(behind)
        span = f"{self._level_words} {self.measure.words(behind.low)} to {self.measure.words(behind.high)}, {self._values(pair.n)}"
        by = self.measure.words(behind.estimate)
        if not found.shows:
            return f"No difference shown between {a} and {b} by {self.measure.title}: {by} ({span})."
        return f"{a} was ahead of {b} by {self.measure.title}: by {by} ({span}; the effect is {effect(pair.delta)})."

    def _values(self, n: int) -> str:
        return f"{n:,} {self._unit if n == 1 else f'{self._unit}s'}"

    @property
    def _level_words(self) -> str:
        return f"{SURE * 100:.0f} % interval" + (" for all pairs together" if len(self.contenders) > 2 else "")

    def _warnings(self) -> list[str]:
        grouped = [contender.label for contender in self.contenders if bimodal(contender.known)]
        return [
            f"The values of {label} fall into two groups: one number for all of them misleads, look at the points." for label in grouped
        ]


def _turned(interval: Interval) -> Interval:
    return Interval(-interval.estimate, -interval.high, -interval.low)
