"""Verdicts: what is said of values, and what is not."""

from __future__ import annotations

from random import Random

import pytest

from tokenwidgets.strip_plot import StripPlot
from tokenwidgets.verdicts import Contender, Measure, Verdict

TTFT = Measure("time_to_first_token", "first token")
RATE = Measure("output_token_throughput_per_user", "rate after the first", "tok/s", more_is_better=True)


def values(scale: float, n: int = 40, seed: int = 1, own: float = 0.03) -> tuple[float, ...]:
    """Values that share what their round does to all of them."""
    shared, draw = Random("shared"), Random(f"{seed} {scale}")
    return tuple(400_000 * scale * shared.lognormvariate(0, 0.3) * draw.lognormvariate(0, own) for _ in range(n))


def test_a_planted_difference_is_shown_with_its_size_interval_and_effect() -> None:
    verdict = Verdict(TTFT, [Contender("a", values(1)), Contender("b", values(1.1, seed=2))])
    [sentence] = verdict.sentences
    assert sentence.startswith("a was ahead of b by first token: by ")
    assert "96 % interval " in sentence
    assert "40 rounds; the effect is " in sentence
    assert verdict.leader == 0


@pytest.mark.parametrize(
    ("us", "words"), [(210, "0.21 ms"), (3400, "3.4 ms"), (41_234, "41.2 ms"), (-41_234, "-41.2 ms"), (412_000, "412 ms"), (None, "–")]
)
def test_a_value_is_told_to_three_digits(us: float | None, words: str) -> None:
    assert TTFT.words(us) == words


def test_no_difference_shown_is_a_verdict() -> None:
    verdict = Verdict(TTFT, [Contender("a", values(1)), Contender("b", values(1, seed=2))])
    assert verdict.sentences[0].startswith("No difference shown between ")
    assert verdict.leader is None


def test_of_a_rate_more_is_better_and_the_lead_is_told_as_one() -> None:
    slow, fast = tuple(value / 10_000 for value in values(1)), tuple(value / 10_000 for value in values(1.2, seed=2))
    verdict = Verdict(RATE, [Contender("slow", slow), Contender("fast", fast)])
    assert verdict.leader == 1
    assert verdict.sentences[0].startswith("fast was ahead of slow by rate after the first: by ")
    assert "-" not in verdict.sentences[0].partition("by ")[2]


def test_rounds_in_which_one_failed_are_left_out_of_the_pair() -> None:
    holes = tuple(None if i % 4 == 0 else value for i, value in enumerate(values(1.1, seed=2)))
    pair = Verdict(TTFT, [Contender("a", values(1)), Contender("b", holes)]).pair(0, 1)
    assert pair.n == 30
    assert pair.difference
    assert pair.difference.shows


def test_with_too_few_rounds_nothing_is_said_but_that() -> None:
    verdict = Verdict(TTFT, [Contender("a", values(1, 9)), Contender("b", values(3, 9))])
    assert verdict.sentences == ["Too early to tell a from b by first token: 9 rounds of the 10 that an interval needs."]
    assert verdict.width is None
    empty = Verdict(TTFT, [Contender("a", values(1, 9)), Contender("b", (None,) * 9)])
    assert empty.sentences == ["Nothing to compare by first token: fewer than two have a value."]


def test_many_of_the_same_are_judged_more_strictly_than_two() -> None:
    same = [Contender(str(seed), values(1, seed=seed)) for seed in range(5)]
    two, many = Verdict(TTFT, same[:2]).pair(0, 1).difference, Verdict(TTFT, same).pair(0, 1).difference
    assert two
    assert many
    assert many.width > two.width
    assert "for all pairs together" in Verdict(TTFT, same).sentences[0]


def test_of_eight_of_the_same_none_is_ahead_even_after_few_rounds() -> None:
    shown = 0
    for seed in range(40):
        found = Verdict(TTFT, [Contender(str(i), values(1, 10, seed=100 * seed + i)) for i in range(8)], seed)
        shown += any("was ahead" in sentence for sentence in found.sentences)
    assert shown <= 3


def test_two_groups_are_warned_of() -> None:
    grouped = tuple(2_000_000.0 + 1000 * i if i % 4 else 16_700_000.0 + 1000 * i for i in range(40))
    verdict = Verdict(TTFT, [Contender("a", values(1)), Contender("b", grouped)])
    assert verdict.sentences[-1].startswith("The values of b fall into two groups")
    assert verdict.summary(1).two_groups


def test_a_p99_is_refused_below_a_hundred_values() -> None:
    verdict = Verdict(TTFT, [Contender("a", values(1, 99)), Contender("b", values(1, 100))])
    assert verdict.summary(0).p99 is None
    assert verdict.summary(1).p99 is not None


@pytest.mark.parametrize("effect", [1.0, 1.05])
def test_verdicts_are_right_about_as_often_as_they_say(effect: float) -> None:
    """Small, as every test is; `benchmarks/verdicts.py` does it with 2,000 comparisons."""
    shown = 0
    for seed in range(60):
        found = Verdict(TTFT, [Contender("a", values(1, seed=seed)), Contender("b", values(effect, seed=1000 + seed))], seed).pair(0, 1)
        shown += found.difference is not None and found.difference.shows
    assert shown >= 54 if effect > 1 else shown <= 7


def test_every_value_is_a_point_and_nothing_is_markup() -> None:
    verdict = Verdict(TTFT, [Contender("<b>a</b>", values(1)), Contender("b", (*values(1.1, 38), None, None))])
    drawing = StripPlot([verdict])._repr_html_()
    assert drawing.count("<circle") == 78
    assert "<b>" not in drawing
    assert StripPlot([Verdict(TTFT, [Contender("a", ()), Contender("b", ())])])._repr_html_().count("<circle") == 0
