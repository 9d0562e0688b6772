"""The times between chunks: their distribution, their bursts, and the gaps that stand out. Pure; the widgets' JavaScript mirrors it.

Chunks that came in one read of the provider's socket have the same instant. No time passed between them, so they say nothing of the
model's pace: the distribution is that of the times between reads, and the burst is told apart, "412 chunks in 180 reads".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from .figures import UNKNOWN, duration
from .timeline import GAP_FACTOR, GAP_US

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

BINS_PER_DECADE = 16
FIRST_DECADE = 2
DECADES = 6
"""The histogram's bins: from 0.1 ms to 100 s; what lies beyond is in the outermost."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """What the instants of chunks amount to; times in µs.

    Parameters
    ----------
    chunks : how many there are.
    reads : how many different instants.
    times : between one read and the next, from the shortest to the longest.
    long : gaps that stand out, as (start, length).
    """

    chunks: int
    reads: int
    times: tuple[int, ...]
    long: tuple[tuple[int, int], ...]

    def quantile(self, name: str) -> int | None:
        """One of `QUANTILES`, interpolated; None where too few times are known to say: 2, 20 and 100 are needed."""
        q = QUANTILES[name]
        n = len(self.times)
        if n < needed(name):
            return None
        place = (n - 1) * q
        low = int(place)
        high = min(low + 1, n - 1)
        return int(self.times[low] + (self.times[high] - self.times[low]) * (place - low) + 0.5)

    def histogram(self) -> list[int]:
        """How many times fall into each bin."""
        counts = [0] * (BINS_PER_DECADE * DECADES)
        edges = [round(10 ** (FIRST_DECADE + i / BINS_PER_DECADE)) for i in range(1, len(counts))]
        at = 0
        for time in self.times:
            while at < len(edges) and time >= edges[at]:
                at += 1
            counts[at] += 1
        return counts


def gaps(ats: Sequence[int]) -> Gaps:
    """What there is between chunks.

    Parameters
    ----------
    ats : instants of the chunks, in their order, µs.
    """
    between = [(a, b - a) for a, b in pairwise(ats)]
    typical = median([length for _, length in between]) if between else 0
    times = sorted(length for _, length in between if length > 0)
    long = tuple((start, length) for start, length in between if length > max(GAP_US, GAP_FACTOR * typical))
    return Gaps(len(ats), len(times) + 1 if ats else 0, tuple(times), long)


def needed(name: str) -> int:
    """How many times a quantile needs, so that one of them lies beyond it."""
    return round(1 / (1 - QUANTILES[name]))


def line(of: Gaps) -> str:
    """In words: `p50 11 ms · p95 31 ms · p99 118 ms (n = 179 gaps) · 412 chunks in 180 reads`."""
    parts = [f"{name} {fine(of.quantile(name))}" for name in QUANTILES]
    return f"{' · '.join(parts)} (n = {_many(len(of.times), 'gap')}) · {bursts(of)}"


def bursts(of: Gaps) -> str:
    """How the chunks came: `412 chunks in 180 reads`."""
    return f"{_many(of.chunks, 'chunk')} in {_many(of.reads, 'read')}"


def _many(n: int, word: str) -> str:
    return f"{n:,} {word if n == 1 else word + 's'}"


def fine(us: int | None) -> str:
    """A time that may be far below a millisecond: `0.21 ms`, `3.4 ms`, then as everywhere."""
    if us is None:
        return UNKNOWN
    if (hundredths := (us + 5) // 10) < 100:
        return f"0.{hundredths:02d} ms"
    if (tenths := (us + 50) // 100) < 100:
        return f"{tenths // 10}.{tenths % 10} ms"
    return duration(us)
