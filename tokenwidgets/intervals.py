"""What a few measurements allow to be said: quantiles with their intervals, paired differences, effect sizes. Pure Python, seeded.

Which interval is used was decided by the coverage that `benchmarks/verdicts.py` measures:

* Medians and paired differences: the bootstrap's percentile interval, expanded as Hesterberg (2015, doi 10.1080/00031305.2015.1089789)
  corrects it for small samples. Plain percentile and BCa intervals were too narrow below forty pairs. Where the level leaves less than one
  of the samples drawn at each end, as with many contenders and few rounds, the bootstrap's standard error gives the interval: the outermost
  samples are too near.
* A paired difference is the mean of the differences without the outermost fifths (Yuen's trimmed mean, Wilcox 2012): a few calls that
  were slow for reasons of their own do not move it, and it finds a difference with fewer pairs than the median does.
* A difference of values that are no pairs, as of two reports: Yuen's interval for trimmed means.
* The 95th percentile: between two order statistics, whose coverage follows from the binomial distribution whatever is measured. The
  bootstrap's intervals for it held the true value in 86 of 100 samples of 100 values.

A quantile that too few values carry is refused, that is None.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from random import Random
from statistics import NormalDist, fmean, median, stdev, variance

LEVEL = 0.95
"""Share of intervals that hold the true value."""

RESAMPLES = 1000
"""Samples that the bootstrap draws."""

TRIM = 0.2
"""Share that a trimmed mean leaves out at each end."""

PAIRS = 10
"""The fewest pairs, or values of a median, from which an interval is given."""

NEEDED = {0.5: 2, 0.95: 20, 0.99: 100}
"""The fewest values of a quantile, so that one of them lies beyond it."""

APART = 4.0
"""Ashman's D from which two halves of a sample are two groups: 2 parts two known bell curves, and a single one cut in half has 2.7."""

GROUP = 3
"""The fewest values of a group: fewer are outliers."""

GROUPED = 20
"""The fewest values in which groups are looked for: chance makes some of fewer."""

EFFECTS = ((0.147, "negligible"), (0.33, "small"), (0.474, "medium"), (1.01, "large"))
"""Words for Cliff's delta below these (Romano et al. 2006)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval that holds the true value at the level asked for."""

    estimate: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """From the lower to the upper end."""
        return self.high - self.low

    @property
    def shows(self) -> bool:
        """Whether it shows a difference: 0 is not in it."""
        return self.low > 0 or self.high < 0


def quantile(values: Sequence[float], q: float) -> float | None:
    """A quantile, interpolated; None where fewer values are known than it needs: 2, 20 and 100 for p50, p95 and p99.

    Parameters
    ----------
    values : in any order.
    q : one of `NEEDED`.
    """
    return interpolated(sorted(values), q) if len(values) >= NEEDED[q] else None


def interpolated(ordered: Sequence[float], q: float) -> float:
    """A quantile of values in order, between two of them where it lies there, however few they are."""
    place = (len(ordered) - 1) * q
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def trimmed_mean(values: Sequence[float]) -> float:
    """The mean without the outermost fifth at each end."""
    cut = int(TRIM * len(values))
    return fmean(sorted(values)[cut : len(values) - cut])


def bootstrap(values: Sequence[float], statistic: Callable[[Sequence[float]], float], seed: int, level: float = LEVEL) -> Interval | None:
    """A statistic and its expanded percentile interval; None with fewer than `PAIRS` values.

    Parameters
    ----------
    values : independent of each other.
    statistic : of a sample.
    seed : of what is drawn; the same gives the same.
    level : share of intervals that hold the true value.
    """
    if len(values) < PAIRS:
        return None
    draw = Random(seed).choices  # noqa: S311 (statistics, no secret)
    found = sorted(statistic(draw(values, k=len(values))) for _ in range(RESAMPLES))
    estimate, tail = statistic(values), _expanded((1 - level) / 2, len(values))
    if tail * RESAMPLES < 1:
        reach = -NormalDist().inv_cdf(tail) * stdev(found)
        return Interval(estimate, estimate - reach, estimate + reach)
    return Interval(estimate, interpolated(found, tail), interpolated(found, 1 - tail))


def median_interval(values: Sequence[float], seed: int, level: float = LEVEL) -> Interval | None:
    """The median and its interval; None with fewer than `PAIRS` values."""
    return bootstrap(values, median, seed, level)


def paired_difference(a: Sequence[float], b: Sequence[float], seed: int, level: float = LEVEL) -> Interval | None:
    """How much more `b` is than `a`, pair by pair, and its interval; None with fewer than `PAIRS` pairs.

    Parameters
    ----------
    a, b : values in pairs: of the same call, or of the same round.
    seed, level : as of `bootstrap`.
    """
    return bootstrap([y - x for x, y in zip(a, b, strict=True)], trimmed_mean, seed, level)


def independent_difference(a: Sequence[float], b: Sequence[float], level: float = LEVEL) -> Interval | None:
    """How much more `b` is than `a`, of values that are no pairs, and its interval; None with fewer than `PAIRS` values of either.

    The difference of the means without the outermost fifths, with Yuen's interval (1974, doi 10.1093/biomet/61.1.165): Welch's, from the
    variances of the samples with those fifths drawn in.

    Parameters
    ----------
    a, b : values, independent of each other.
    level : as of `bootstrap`.
    """
    if min(len(a), len(b)) < PAIRS:
        return None
    (first, left), (second, right) = _squared_error(a), _squared_error(b)
    error, estimate = first + second, trimmed_mean(b) - trimmed_mean(a)
    if not error:
        return Interval(estimate, estimate, estimate)
    reach = _student((1 + level) / 2, error**2 / (first**2 / (left - 1) + second**2 / (right - 1))) * sqrt(error)
    return Interval(estimate, estimate - reach, estimate + reach)


def _squared_error(values: Sequence[float]) -> tuple[float, int]:
    """The squared standard error of a trimmed mean, and how many values it is the mean of."""
    ordered, n = sorted(values), len(values)
    cut = int(TRIM * n)
    kept = n - 2 * cut
    drawn = [*[ordered[cut]] * cut, *ordered[cut : n - cut], *[ordered[n - cut - 1]] * cut]
    return variance(drawn) * (n - 1) / (kept * (kept - 1)), kept


def p95_interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """The 95th percentile between two order statistics; None where no two have that level, which is below 72 values at 95 %."""
    ordered, n = sorted(values), len(values)
    tail, below, low = (1 - level) / 2, 0.0, None
    for k in range(n):
        below += _binomial(k, n, 0.95)  # the chance that at most k values lie below the quantile
        if below <= tail:
            low = k
        if low is not None and below >= 1 - tail:
            return Interval(interpolated(ordered, 0.95), ordered[low], ordered[k])
    return None


def _binomial(k: int, n: int, p: float) -> float:
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log(1 - p))


def cliffs_delta(a: Sequence[float], b: Sequence[float]) -> float:
    """Chance that a value of `b` is above one of `a`, less the chance of the contrary: from -1 to 1."""
    ordered = sorted(a)
    above = sum(bisect_left(ordered, y) - (len(ordered) - bisect_right(ordered, y)) for y in b)
    return above / (len(a) * len(b))


def effect(delta: float) -> str:
    """The word for a Cliff's delta."""
    return next(word for limit, word in EFFECTS if abs(delta) < limit)


def bimodal(values: Sequence[float]) -> bool:
    """Whether positive values fall into two groups, so that one number for all of them misleads.

    Fewer than `GROUPED` are not looked at. On a logarithmic axis they are cut in two where what varies within the parts is least. Two
    groups are a tenth of the values each, at least `GROUP`, with means further apart than what varies within them (Ashman's D above
    `APART`).
    """
    logs = sorted(log(value) for value in values if value > 0)
    if len(logs) < GROUPED:
        return False
    least = max(GROUP, len(logs) // 10)
    cuts = range(least, len(logs) - least + 1)
    cut = min(cuts, key=lambda k: k * _variance(logs[:k]) + (len(logs) - k) * _variance(logs[k:]))
    return _ashman(logs[:cut], logs[cut:]) > APART


def _ashman(a: Sequence[float], b: Sequence[float]) -> float:
    spread = sqrt((_variance(a) + _variance(b)) / 2)
    return (fmean(b) - fmean(a)) / spread if spread else float(fmean(b) > fmean(a)) * (APART + 1)


def _variance(values: Sequence[float]) -> float:
    middle = fmean(values)
    return fmean((value - middle) ** 2 for value in values)


def _expanded(tail: float, n: int) -> float:
    """The share that the bootstrap's interval leaves out at each end, less than `tail` as Student's t is wider than the normal curve."""
    return NormalDist().cdf(-sqrt(n / (n - 1)) * _student(1 - tail, n - 1))


def _student(p: float, freedom: float) -> float:
    """A quantile of Student's t by its expansion (Abramowitz and Stegun 26.7.5), good to 0.1 % from nine degrees of freedom on."""
    z = NormalDist().inv_cdf(p)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
