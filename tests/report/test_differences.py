"""What differs between two reports."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest
from comparisons import comparison

from tokenwidgets.intervals import PAIRS, independent_difference, trimmed_mean
from tokenwidgets.report import diff
from tokenwidgets.trials import Arm


def test_the_same_again_shows_no_difference() -> None:
    found = diff(comparison(seed=1), comparison(seed=2))
    assert found.shown == []
    assert found.asked == found.environment == []
    assert [row[-1] for row in found.words.rows] == ["no difference shown"] * 2
    assert "a, first token: no difference shown: " in repr(found)
    assert found.sentences[-1].startswith("Calls of different times are compared")


def test_what_became_slower_is_said_with_its_interval() -> None:
    found = diff(comparison(seed=1), comparison(seed=2, slower=1.3))
    (shown,) = found.shown
    assert shown.label == "b"
    assert shown.interval is not None
    assert 80_000 < shown.interval.low < 120_000 < shown.interval.high < 160_000
    assert "b, first token: worse in the second: +1" in shown.sentence
    assert "n = 24 and 24; the effect is large" in shown.sentence


def test_too_few_calls_are_said_to_be() -> None:
    found = diff(comparison(runs=PAIRS - 1), comparison())
    assert "a, first token: too early to tell, n = 9 and 24, and an interval needs 10 of each." in found.sentences
    assert found.shown == []


def test_what_else_is_not_the_same_is_listed() -> None:
    first, second = comparison(), comparison(request={"prompt": "Another secret question", "temperature": 1})
    second.environment = {**first.environment, "httpx": "99.0"}
    second.arms[1] = Arm("c", second.arms[1].request)
    second.by = "total"
    said = diff(first, second).sentences
    assert "a was asked another prompt." in said
    assert "a was asked with temperature none in the first, 1 in the second." in said
    assert "b is only in the first." in said
    assert "c is only in the second." in said
    assert "Compared with figure time_to_first_token in the first, total in the second." in said
    assert any(words.startswith("Measured with httpx ") and words.endswith("99.0 in the second.") for words in said)
    assert said[0] == "No contender and figure is in both: there is nothing to compare."
    assert "secret question" not in repr(said)


def test_the_interval_is_that_of_yuen() -> None:
    # What scipy.stats.ttest_ind(b, a, equal_var=False, trim=0.2).confidence_interval(0.95) gives.
    a = [float(x) for x in (52, 48, 61, 55, 50, 47, 90, 53, 49, 51, 58, 46)]
    b = [float(x) for x in (60, 66, 59, 71, 64, 62, 40, 63, 68, 61, 65, 120, 67)]
    found = independent_difference(a, b)
    assert found is not None
    assert found.estimate == pytest.approx(trimmed_mean(b) - trimmed_mean(a))
    assert (found.low, found.high) == pytest.approx((7.2199, 16.7801), rel=2e-3)
    assert independent_difference(a[:9], b) is None


def test_no_variation_is_no_error() -> None:
    found = independent_difference([5.0] * 10, [7.0] * 10)
    assert found is not None
    assert (found.low, found.estimate, found.high) == (2, 2, 2)


def test_it_holds_the_true_difference_as_often_as_it_says() -> None:
    draw = Random(3)
    held = []
    for _ in range(400):
        a, b = ([400 * draw.lognormvariate(0, 0.2) for _ in range(20)] for _ in range(2))
        found = independent_difference(a, b)
        assert found is not None
        held.append(found.low <= 0 <= found.high)
    assert 0.92 < fmean(held) < 0.98
