"""Delays as a histogram on one axis for every lane: logarithmic, so that what is usual and what is rare are both seen."""

from __future__ import annotations

from collections.abc import Iterable
from math import log10

BINS = 72

FIRST_MS, LAST_MS = 10.0, 10_000.0
"""The axis' ends; what lies beyond is in the first or the last bin."""

MARKS_MS = (10, 100, 1000, 10_000)


def place(ms: float) -> float:
    """Where a delay lies on the axis, 0 to 1."""
    return min(1.0, max(0.0, log10(max(ms, FIRST_MS) / FIRST_MS) / log10(LAST_MS / FIRST_MS)))


def bins(delays_ms: Iterable[float]) -> list[int]:
    """How many delays each bin holds."""
    counts = [0] * BINS
    for ms in delays_ms:
        counts[min(BINS - 1, int(place(ms) * BINS))] += 1
    return counts


def heights(counts: list[int]) -> list[float]:
    """Of the bins' bars, 0 to 1: by the square root, so that one delay among hundreds is still seen."""
    most = max([1, *counts])
    return [round((count / most) ** 0.5, 3) for count in counts]
