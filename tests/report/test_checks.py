"""Conditions on a comparison: how they are read, and what they decide."""

from __future__ import annotations

from contextlib import suppress
from statistics import fmean, median

import pytest
from comparisons import comparison
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.errors import Refused
from tokenwidgets.findings import Findings
from tokenwidgets.report import check
from tokenwidgets.report.expressions import LONGEST, Untold, Value, parse
from tokenwidgets.trials import Arm, Budget, Trial
from tokenwidgets.workloads import Reconnect


def number(text: str) -> float:
    """The value of an expression of numbers."""
    return parse(f"{text} > 0").left(lambda _name: Value(7.0, "1")).number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("8 / 4 / 2", 1), ("2 - 3 - 4", -5), ("-2 * -3", 6), ("--2", 2), ("1.5e3", 1500),
        ("300 ms", 300_000), ("3s", 3e6), ("5 us + 5 µs + 5 \u03bcs", 15), ("3 s / 1 ms", 3000), ("2 * 40 tok/s", 80), ("calls * 2", 14),
    ],
)  # fmt: skip
def test_values_have_their_units_and_the_usual_order(text: str, value: float) -> None:
    assert number(text) == pytest.approx(value)


@given(
    st.recursive(
        st.integers(1, 99).map(str), lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
    )
)
def test_arithmetic_is_pythons(text: str) -> None:
    if len(text) < LONGEST - 5:
        assert number(text) == pytest.approx(eval(text))


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    with suppress(Refused, Untold):
        parse(text).holds(lambda _name: Value(1.0, "1"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ttft.p50", "it compares two values"),
        ("ttft.p50 > ", "a value is missing"),
        ("ttft.p50 > 1 > 2", "'>' is left over"),
        ("(ttft.p50 > 1", "a parenthesis is not closed"),
        ("ttft.p50 > 3 miles", "'miles' is no unit: it is one of µs, us, ms, s, tok/s"),
        ("ttft.p50 > 300", "a time is compared with a number; say its unit, as in 300 ms"),
        ("ttft.p50 + 3 > 1 s", "a time + a number is nothing that is measured"),
        ("ttft.p50 * total.p50 > 1 s", "a time * a time is nothing"),
        ("1 / ttft.p50 > 1", "a number / a time is nothing"),
        ("ttft > 1 s", "'ttft' needs its statistic: ttft.p50, ttft.median, ttft.p95"),
        ("ttft.p42 > 1 s", "needs its statistic"),
        ("speed.p50 > 1 s", "no figure 'speed': it is one of ttfb, ttft"),
        ("ttft.p50 > 1.2 * base", "there is none to compare with"),
        ("c: ttft.p50 > 1 s", "no contender of this comparison, which are a, b"),
        ("__import__('os') > 1", "is no part of one"),
        ("ttft.p50 > " + "(" * LONGEST, f"longer than {LONGEST}"),
        ("ttft.p50 ; > 1", "'; > 1' is no part of one"),
    ],
)
def test_what_is_no_condition_is_refused_and_why(text: str, words: str) -> None:
    with pytest.raises(Refused) as e:
        check(comparison(), [text])
    assert words in e.value.message


def test_conditions_are_asked_of_every_contender_or_of_the_one_named() -> None:
    found = comparison(slower=2)
    holds = {(of.contender, of.condition): of.holds for of in check(found, ["ttft.p50 > 600 ms", "b: ttft.p50 > 600 ms", "ttft.n == 24"])}
    assert holds == {
        ("a", "ttft.p50 > 600 ms"): False, ("b", "ttft.p50 > 600 ms"): True, ("a", "ttft.n == 24"): True, ("b", "ttft.n == 24"): True,
    }  # fmt: skip


def test_statistics_are_those_of_the_warm_calls() -> None:
    found = comparison()
    values = [value for value in found.values(0) if value is not None]
    mid, mean = median(values), fmean(values)
    (p50,) = check(found, f"a: time_to_first_token.p50 == {mid} µs")
    (other,) = check(found, f"a: ttft.mean == {mean} µs")
    assert (p50.holds, other.holds) == (True, True)
    assert str(p50).startswith("a: time_to_first_token.p50 == ")
    assert "(n = 24)" in str(p50)


def test_failures_and_calls_are_counted() -> None:
    found = comparison(fails={1: 5})
    assert [of.holds for of in check(found, ["failures > 0", "calls == 25", "failures / calls > 0.1"])] == [
        False, True, True, True, False, False,
    ]  # fmt: skip


def test_too_few_calls_cannot_tell() -> None:
    few, more = check(comparison(runs=19), "a: ttft.p95 > 1 ms")[0], check(comparison(runs=20), "a: ttft.p95 > 1 ms")[0]
    assert (few.holds, more.holds) == (None, True)
    assert str(few) == "a: ttft.p95 > 1 ms cannot be told: n = 19, and a p95 needs 20."
    assert check(comparison(runs=99), "a: ttft.p99 < 9 s")[0].holds is None
    assert check(comparison(), "a: ttft.p50 / failures > 1 s")[0].words == "it divides by 0"


def test_base_is_the_same_figure_of_the_same_contender_before() -> None:
    now, before = comparison(slower=1.5), comparison()
    holds = [of.holds for of in check(now, ["ttft.p50 > 1.2 * base"], before)]
    assert holds == [False, True]
    told = check(now, "b: ttft.p50 - base > 100 ms", before)[0]
    assert told.holds
    assert "n = 24 in the base" in told.words


def test_a_contender_that_the_base_has_not_cannot_be_told() -> None:
    before = comparison()
    before.arms[1] = type(before.arms[1])("other", {})
    assert [of.holds for of in check(comparison(), "ttft.p50 > base", before)] == [False, None]


def test_transports_are_asked_by_how_far_they_were_behind() -> None:
    found = comparison()
    found.transports = ["sse", "ws"]
    for made in found.trials:
        object.__setattr__(made, "behind", {"sse": 0.0, "ws": 900.0})
    assert {of.contender: of.holds for of in check(found, "behind.p50 > 0.5 ms")} == {"SSE": False, "WebSocket": True}
    assert [of.contender for of in check(found, "WebSocket: behind.p50 > 0.5 ms")] == ["WebSocket"]


def test_a_transport_that_failed_is_a_failure() -> None:
    found = comparison(runs=3)
    found.transports = ["sse", "ws"]
    for made in found.trials:
        object.__setattr__(made, "failures", {"ws": "its connection ended"})
    told = {of.contender: (of.holds, of.words) for of in check(found, "failures > 0")}
    assert told == {
        "a": (False, "0 against 0 (4 calls)"), "b": (False, "0 against 0 (4 calls)"),
        "SSE": (False, "0 against 0 (8 calls)"), "WebSocket": (True, "8 against 0 (8 calls)"),
    }  # fmt: skip
    assert [of.holds for of in check(found, "WebSocket: failures > 0")] == [True]


def test_a_figure_of_transports_is_asked_of_transports() -> None:
    found = Findings([Arm("the call", {})], ["sse", "ws"], "reconnect_latency", Budget(3), 7, Reconnect())
    found.trials = [Trial(n, 0, by_transport={"sse": {"reconnect_latency": 4000.0}, "ws": {"reconnect_latency": 2000.0}}) for n in range(4)]
    assert {of.contender: of.holds for of in check(found, "reconnect_latency.p50 > 3 ms")} == {"SSE": True, "WebSocket": False}


def test_a_number_beyond_all_measure_cannot_be_told() -> None:
    assert {of.words for of in check(comparison(), "ttft.p50 * 1e300 * 1e300 > 1 ms")} == {"a value is too large to be computed with"}
    with pytest.raises(Refused, match="'1e400 ms' is too large"):
        check(comparison(), "ttft.p50 > 1e400 ms")


def test_many_signs_are_read_as_fast_as_they_are_written() -> None:
    asked = list[str]()

    def value(name: str) -> Value:
        asked.append(name)
        return Value(3.0, "1")

    assert parse("-" * 12 + "calls == 3").holds(value)[0]
    assert asked == ["calls"]
