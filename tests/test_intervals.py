"""What may be said of a few measurements, and what may not."""

from __future__ import annotations

from random import Random
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.intervals import (
    PAIRS,
    bimodal,
    bootstrap,
    cliffs_delta,
    effect,
    median_interval,
    p95_interval,
    paired_difference,
    quantile,
    trimmed_mean,
)

VALUES = st.lists(st.floats(1, 1e6), min_size=PAIRS, max_size=30)


@pytest.mark.parametrize(("q", "needed"), [(0.5, 2), (0.95, 20), (0.99, 100)])
def test_a_quantile_is_refused_below_the_values_it_needs(q: float, needed: int) -> None:
    assert quantile(range(needed - 1), q) is None
    assert quantile(range(needed), q) is not None


def test_an_interval_is_refused_below_ten_values_and_one_of_a_p95_below_seventy_two() -> None:
    assert median_interval(range(9), seed=1) is None
    assert paired_difference(range(9), range(9), seed=1) is None
    assert p95_interval(range(71)) is None
    found = p95_interval(range(72))
    assert found
    assert found.low < found.estimate < found.high == 71


def test_an_interval_of_a_p95_lies_where_the_binomial_distribution_says() -> None:
    found = p95_interval(range(1, 201))
    assert found
    assert (found.low, found.high) == (184, 197), "P(B <= 183) = 0.0238 and P(B <= 196) = 0.9910 for B of 200 at 0.95"


def test_the_same_seed_gives_the_same_interval() -> None:
    values = [Random(1).gauss(0, 1) for _ in range(20)]
    assert bootstrap(values, median, seed=7) == bootstrap(values, median, seed=7)


@given(VALUES, st.floats(-1e3, 1e3))
def test_what_differs_by_a_constant_differs_by_that_and_nothing_else(values: list[float], shift: float) -> None:
    found = paired_difference(values, [value + shift for value in values], seed=1)
    assert found
    assert found.low <= found.estimate <= found.high
    assert found.estimate == pytest.approx(shift, abs=1e-6)
    assert found.width == pytest.approx(0, abs=1e-6)


@given(VALUES)
def test_what_is_compared_with_itself_shows_no_difference(values: list[float]) -> None:
    found = paired_difference(values, values, seed=1)
    assert found
    assert not found.shows


@given(VALUES, VALUES)
def test_swapping_sides_swaps_the_sign(a: list[float], b: list[float]) -> None:
    assert cliffs_delta(a, b) == -cliffs_delta(b, a)
    assert -1 <= cliffs_delta(a, b) <= 1


def test_effects() -> None:
    assert cliffs_delta([1, 2, 3], [4, 5, 6]) == 1
    assert cliffs_delta([1, 2], [1, 2]) == 0
    assert [effect(delta) for delta in (0.1, -0.2, 0.4, -1)] == ["negligible", "small", "medium", "large"]


def test_a_trimmed_mean_does_not_mind_a_few_that_were_slow() -> None:
    assert trimmed_mean([*[10.0] * 8, 500, 900]) == 10


def test_two_groups_are_told_from_one() -> None:
    draw = Random(5)
    two = [*(draw.gauss(2, 0.1) for _ in range(30)), *(draw.gauss(16.7, 1) for _ in range(10))]
    assert bimodal(two)
    assert not bimodal(two[:30])
    assert not bimodal([*two[:30], 16.7]), "one that is far away is an outlier, no group"
    assert not bimodal([])


def test_one_group_is_seldom_taken_for_two() -> None:
    draw = Random(1)
    flagged = [bimodal([draw.lognormvariate(0, 0.3) for _ in range(40)]) for _ in range(300)]
    assert fmean(flagged) <= 0.02


def test_intervals_hold_the_true_difference_as_often_as_they_say() -> None:
    """Small, as every test is; `benchmarks/verdicts.py` does it with 2,000 comparisons."""
    draw = Random(3)
    held = 0
    for seed in range(200):
        shared = [draw.lognormvariate(0, 0.3) for _ in range(20)]
        a = [value * draw.lognormvariate(0, 0.05) for value in shared]
        b = [value * draw.lognormvariate(0, 0.05) for value in shared]
        found = paired_difference(a, b, seed)
        held += found is not None and found.low <= 0 <= found.high
    assert held >= 184
