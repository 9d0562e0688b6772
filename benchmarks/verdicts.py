"""How often a verdict is right: comparisons whose truth is known, judged as `tw.compare` judges.

    python benchmarks/verdicts.py [--comparisons 2000] [--save]

A simulated call takes what its round does to every call (a load that varies log-normally by 30 %), what it does by itself (5 %), and, three
calls in a hundred, two to four times as long for reasons of its own. Two contenders are called once a round over the default budget of
rounds, one of them slower by a planted share. Then:

* found: share of comparisons in which a difference is shown.
* coverage: share of intervals of the difference that hold the true one; its truth is what a million calls give.
* how noise moves the power: the same with other noise than 5 %. Where the noise of a call is larger than the difference asked for, those
  rounds do not find it, and the verdict says "no difference shown".
* coverage of the intervals of medians and 95th percentiles; percentile bootstrap and BCa beside them, which are not used.

With `--save` the tables go to `results/verdicts.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from random import Random
from statistics import NormalDist, fmean, median

from tokenwidgets.intervals import Interval, bootstrap, median_interval, p95_interval, trimmed_mean
from tokenwidgets.trials import RUNS
from tokenwidgets.verdicts import SURE, Contender, Measure, Verdict

RESULTS = Path(__file__).parent / "results" / "verdicts.md"
SHARED, OWN, SLOW = 0.3, 0.05, 0.03
TTFT = Measure("time_to_first_token", "first token")
NORMAL = NormalDist()


def calls(draw: Random, rounds: int, effect: float, own: float) -> tuple[list[float], list[float]]:
    """Times to the first token of two contenders, µs, round by round."""

    def call(shared: float, scale: float) -> float:
        slow = draw.uniform(2, 4) if draw.random() < SLOW else 1
        return 400_000 * scale * shared * slow * draw.lognormvariate(0, own)

    load = [draw.lognormvariate(0, SHARED) for _ in range(rounds)]
    return [call(shared, 1) for shared in load], [call(shared, 1 + effect) for shared in load]


def truth(effect: float, own: float, rounds: int = 1_000_000) -> float:
    a, b = calls(Random(0), rounds, effect, own)
    return trimmed_mean([y - x for x, y in zip(a, b, strict=True)])


def judged(comparisons: int, effect: float, own: float, rounds: int) -> tuple[float, float]:
    """Shares of comparisons that show a difference, and that hold the true one."""
    draw, true = Random(f"{effect} {own}"), truth(effect, own) if effect else 0.0
    shown = held = 0
    for seed in range(comparisons):
        a, b = calls(draw, rounds, effect, own)
        verdict = Verdict(TTFT, [Contender("a", tuple(a)), Contender("b", tuple(b))], seed)
        found = verdict.pair(0, 1).difference
        assert found is not None
        assert verdict.sentences[0].startswith("No difference shown") != found.shows
        shown += found.shows
        held += found.low <= true <= found.high
    return shown / comparisons, held / comparisons


def plain(values: Sequence[float], statistic: Callable[[Sequence[float]], float], seed: int) -> Interval:
    """The bootstrap's percentile interval."""
    return _cut(values, statistic, seed, 0.025, 0.975)


def bca(values: Sequence[float], statistic: Callable[[Sequence[float]], float], seed: int) -> Interval:
    """The bootstrap's BCa interval (Efron 1987)."""
    found = _drawn(values, statistic, seed)
    below = sum((t < statistic(values)) + (t <= statistic(values)) for t in found) / 2 / len(found)
    bias = NORMAL.inv_cdf(min(max(below, 0.001), 0.999))
    without = [statistic([*values[:i], *values[i + 1 :]]) for i in range(len(values))]
    pull = [fmean(without) - t for t in without]
    squares = sum(p * p for p in pull)
    skew = sum(p**3 for p in pull) / (6 * squares**1.5) if squares else 0.0

    def at(p: float) -> float:
        z = bias + NORMAL.inv_cdf(p)
        return NORMAL.cdf(bias + z / (1 - skew * z))

    return _cut(values, statistic, seed, at(0.025), at(0.975))


def _drawn(values: Sequence[float], statistic: Callable[[Sequence[float]], float], seed: int) -> list[float]:
    draw = Random(seed).choices
    return sorted(statistic(draw(values, k=len(values))) for _ in range(1000))


def _cut(values: Sequence[float], statistic: Callable[[Sequence[float]], float], seed: int, low: float, high: float) -> Interval:
    found = _drawn(values, statistic, seed)
    return Interval(statistic(values), found[int(low * 999)], found[int(high * 999)])


def p95(values: Sequence[float]) -> float:
    ordered = sorted(values)
    place = (len(ordered) - 1) * 0.95
    low = int(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def coverage(interval: Callable[[list[float], int], Interval | None], n: int, true: float, samples: int) -> float:
    """Share of intervals that hold the truth, over log-normal samples."""
    draw = Random(n)
    held = 0
    for seed in range(samples):
        found = interval([draw.lognormvariate(0, SHARED) for _ in range(n)], seed)
        held += found is not None and found.low <= true <= found.high
    return held / samples


def of_differences(interval: Callable[[list[float], int], Interval | None], n: int, samples: int) -> float:
    """The same over the differences of pairs that do not differ."""
    draw = Random(n)
    held = 0
    for seed in range(samples):
        a, b = calls(draw, n, 0, OWN)
        found = interval([y - x for x, y in zip(a, b, strict=True)], seed)
        held += found is not None and found.low <= 0 <= found.high
    return held / samples


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--comparisons", type=int, default=2000)
    parser.add_argument("--save", action="store_true")
    args = parser.parse_args()
    lines = [
        "# How often a verdict is right", "",
        f"`python benchmarks/verdicts.py --comparisons {args.comparisons} --save`, {date.today()}. "
        f"{RUNS} rounds a comparison, which is the default budget; what is simulated stands in the benchmark's head.", "",
        f"| planted | noise of a call | shown | coverage of the difference, nominally {SURE:.0%} |", "|--:|--:|--:|--:|",
    ]  # fmt: skip
    for effect, own, count in (
        (0.05, OWN, 1),
        (0.0, OWN, 1),
        (0.05, 0.02, 4),
        (0.05, 0.1, 4),
        (0.0, 0.1, 4),
        (0.05, 0.2, 4),
        (0.1, 0.1, 4),
    ):
        shown, held = judged(args.comparisons // count, effect, own, RUNS)
        lines.append(f"| {effect:.0%} | {own:.0%} | {shown:.1%} of {args.comparisons // count:,} | {held:.1%} |")
        print(lines[-1], flush=True)
    samples = args.comparisons // 2
    lines += [
        "",
        f"Coverage of 95 % intervals, {samples:,} samples each.",
        "",
        "| of | n | used | percentile | BCa |",
        "|---|--:|--:|--:|--:|",
    ]
    for n in (10, 20, 40):
        used = of_differences(lambda values, seed: bootstrap(values, trimmed_mean, seed), n, samples)
        others = [of_differences(lambda v, seed, way=way: way(v, trimmed_mean, seed), n, samples) for way in (plain, bca)]
        lines.append(f"| paired difference | {n} | {used:.1%} | {others[0]:.1%} | {others[1]:.1%} |")
        print(lines[-1], flush=True)
    for n in (10, 20, 40):
        used = coverage(median_interval, n, 1.0, samples)
        others = [coverage(lambda v, seed, way=way: way(v, median, seed), n, 1.0, samples) for way in (plain, bca)]
        lines.append(f"| median | {n} | {used:.1%} | {others[0]:.1%} | {others[1]:.1%} |")
        print(lines[-1], flush=True)
    true = 2.718281828459045 ** (SHARED * NORMAL.inv_cdf(0.95))
    for n in (72, 100, 200):
        used = coverage(lambda values, _: p95_interval(values), n, true, samples)
        other = coverage(lambda v, seed: plain(v, p95, seed), n, true, samples // 4)
        lines.append(f"| 95th percentile | {n} | {used:.1%} | {other:.1%} | |")
        print(lines[-1], flush=True)
    if args.save:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
