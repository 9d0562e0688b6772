"""How often the interval of a difference between two reports holds the true one.

    python benchmarks/independent.py [--samples 2000] [--save]

The calls of two reports are no pairs. Two samples of so many calls are drawn, as `benchmarks/verdicts.py` draws calls: log-normal, three in
a hundred two to four times as long; and the same with the spread of the second doubled, its number of calls doubled, and with two groups.
The truth is the difference of the trimmed means of a million calls each. Beside what is used, Yuen's interval, stand the bootstrap's
percentile interval of the difference of the trimmed means, and that of the medians.

With `--save` the table goes to `results/independent.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from random import Random
from statistics import median

from tokenwidgets.intervals import LEVEL, independent_difference, interpolated, trimmed_mean

RESULTS = Path(__file__).parent / "results" / "independent.md"
RESAMPLES = 400
OWN, SLOW, MILLION = 0.2, 0.03, 1_000_000

Calls = Callable[[Random], float]
Statistic = Callable[[Sequence[float]], float]


def call(spread: float) -> Calls:
    return lambda draw: 400 * draw.lognormvariate(0, spread) * (draw.uniform(2, 4) if draw.random() < SLOW else 1)


def grouped(draw: Random) -> float:
    """A third of the calls finds nothing cached."""
    return (800 if draw.random() < 1 / 3 else 400) * draw.lognormvariate(0, 0.1)


CASES: dict[str, tuple[Calls, Calls, float]] = {
    "the same": (call(OWN), call(OWN), 1),
    "the second varies twice as much": (call(OWN), call(2 * OWN), 1),
    "that, and twice as many calls in the second": (call(OWN), call(2 * OWN), 2),
    "two groups": (grouped, grouped, 1),
}


def bootstrapped(a: Sequence[float], b: Sequence[float], of: Statistic, draw: Random) -> tuple[float, float]:
    found = sorted(of(draw.choices(b, k=len(b))) - of(draw.choices(a, k=len(a))) for _ in range(RESAMPLES))
    return interpolated(found, (1 - LEVEL) / 2), interpolated(found, (1 + LEVEL) / 2)


def coverage(case: str, n: int, samples: int) -> list[float]:
    """Of Yuen's interval and both bootstraps'."""
    first, second, more = CASES[case]
    draw, held = Random(f"{case} {n}"), [0, 0, 0]
    long = [[of(draw) for _ in range(MILLION)] for of in (first, second)]
    true = {of: of(long[1]) - of(long[0]) for of in (trimmed_mean, median)}
    for _ in range(samples):
        a, b = [first(draw) for _ in range(n)], [second(draw) for _ in range(round(more * n))]
        yuen = independent_difference(a, b)
        assert yuen is not None
        spans = [(yuen.low, yuen.high), bootstrapped(a, b, trimmed_mean, draw), bootstrapped(a, b, median, draw)]
        for place, ((low, high), of) in enumerate(zip(spans, (trimmed_mean, trimmed_mean, median), strict=True)):
            held[place] += low <= true[of] <= high
    return [count / samples for count in held]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--save", action="store_true")
    given = parser.parse_args()
    lines = [
        "# How often the interval between two reports holds the true difference", "",
        f"`python benchmarks/independent.py --samples {given.samples} --save`, {date.today()}. Nominally {LEVEL:.0%}; the cases stand in "
        "the benchmark's head.", "",
        "| calls | n | Yuen, which is used | bootstrap, trimmed means | bootstrap, medians |", "|---|--:|--:|--:|--:|",
    ]  # fmt: skip
    for case in CASES:
        for n in (10, 20, 45):
            lines.append(f"| {case} | {n} | {' | '.join(f'{share:.1%}' for share in coverage(case, n, given.samples))} |")
            print(lines[-1], flush=True)
    if given.save:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
