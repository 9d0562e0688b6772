"""The legs behind the provider: what one lane's instants amount to, and what may be said of several calls."""

from __future__ import annotations

import pytest

import tokenwidgets as tw
from tokenwidgets.clocks import Offset
from tokenwidgets.comparison import Comparison, Lane
from tokenwidgets.events import End, Start, Text, encode
from tokenwidgets.findings import Findings
from tokenwidgets.legs import Leg, leg, told
from tokenwidgets.recording import Header, Recording
from tokenwidgets.trials import Arm, Budget, Trial

N = 42
READ_US = 700
LINK_US = 300


def stream() -> tw.Result:
    """One event each ms."""
    events = [encode(Text(0, "w"), seq, seq * 1000) for seq in range(1, N - 1)]
    return tw.load(
        Recording(
            Header("a/m", {}, 1.0),
            (encode(Start("x", "a/m", "a", "openai-chat", 1.0), 0, 0), *events, encode(End("stop"), N - 1, N * 1000)),
        )
    )


def lane(result: tw.Result, way: str = "sse", late: int = 0, zero: float = 5e6, uncertainty: float = 40) -> Lane:
    """A lane to which each event is written 0.7 ms after it was read, and that has it 0.3 ms later by its own clock."""
    sent = tuple(entry.at + READ_US for entry in result.journal.entries)
    arrivals = tuple(round(at + zero + LINK_US + late) for at in sent)
    return Lane(way, way, result, arrivals, sent=sent, clock=Offset(zero, 0.0, uncertainty))


def attached(one: Lane, seq: int) -> Lane:
    """The same where it began to read as an event came: those before it are written and read together with that one."""
    one.sent = (*[one.sent[seq]] * seq, *one.sent[seq:])
    one.arrivals = (*[one.arrivals[seq]] * seq, *one.arrivals[seq:])
    return one


def trial(number: int, legs: dict[str, dict[str, Leg]] | None = None, **more: object) -> Trial:
    return Trial(number, 0, legs=legs or {}, **more)  # type: ignore[arg-type]


def link(median_us: float, uncertainty_us: float = 40.0) -> Leg:
    return {"median_us": median_us, "p95_us": None, "n": 20, "uncertainty_us": uncertainty_us}


def findings(*trials: Trial) -> Findings:
    found = Findings([Arm("a", {})], ["sse", "ws"], "time_to_first_token", Budget(runs=len(trials)), 7)
    found.trials = list(trials)
    return found


def test_each_leg_is_measured_by_its_own_clocks() -> None:
    result = stream()
    one = lane(result)
    one.painted = tuple(at + 9000 for at in one.arrivals)
    found = Comparison([one]).legs(one)
    assert {name: of["median_us"] for name, of in found.items()} == {"gateway": READ_US, "link": LINK_US, "paint": 9000}
    assert {name: of["uncertainty_us"] for name, of in found.items()} == {"gateway": 0, "link": 40, "paint": 0}
    assert found["link"]["p95_us"] == LINK_US


def test_a_drift_that_is_shown_is_taken_out() -> None:
    result = stream()
    one = lane(result)
    one.arrivals = tuple(round(at * 1.01 + 5e6 + LINK_US) for at in one.sent if at is not None)
    one.clock = Offset(5e6, 0.01, 40)
    assert Comparison([one]).legs(one)["link"]["median_us"] == pytest.approx(LINK_US, abs=1)


def test_what_was_not_measured_is_missing_and_never_zero() -> None:
    result = stream()
    one = lane(result)
    one.clock = None
    assert set(Comparison([one]).legs(one)) == {"gateway"}
    one.sent = ()
    assert Comparison([one]).legs(one) == {}
    failed = lane(result)
    failed.failure = "its connection ended before the stream did"
    assert Comparison([failed]).legs(failed) == {}


def test_what_was_there_before_a_lane_read_is_not_counted() -> None:
    one = attached(lane(stream()), 20)
    assert Comparison([one]).legs(one)["link"]["n"] == N - 21


def test_rivals_are_measured_by_the_same_events() -> None:
    result = stream()
    early, late = lane(result), attached(lane(result, "ws"), 30)
    both = Comparison([early, late])
    assert both.legs(early)["link"]["n"] == both.legs(late)["link"]["n"] == N - 31


def test_a_lane_that_something_holds_back_to_the_end_is_behind_and_was_not_late() -> None:
    result = stream()
    held, free = lane(result), lane(result, "ws")
    held.arrivals = (held.arrivals[-1],) * N
    both = Comparison([held, free])
    assert [delay.n for delay in both.delays if delay] == [N - 1, N - 1]
    assert both.leader is free


def test_of_one_event_there_is_no_median() -> None:
    assert leg([5.0]) is None


def test_what_the_clocks_leave_open_cannot_be_told() -> None:
    assert told(420, 50) == "0.42 ms ± 0.05 ms"
    assert told(420, 0) == "0.42 ms"
    assert told(40, 50) == "less than can be told (the clocks are aligned to ± 0.05 ms)"


def test_the_verdict_tells_the_way_with_what_the_clocks_leave_open() -> None:
    found = findings(*(trial(i, {"sse": {"link": link(400)}, "ws": {"link": link(30)}}) for i in range(4)))
    found.environment["clocks"] = "The two clocks are aligned to ± 0.04 ms; no drift shown (-3 to 5 ppm over 48 s)."
    said = found.verdict
    assert "an event took: SSE 0.40 ms ± 0.04 ms (n = 3), WebSocket less than can be told" in said
    assert "no drift shown (-3 to 5 ppm over 48 s)." in said
    assert "played again" not in said, "nothing was read alone"


def test_nothing_is_said_of_a_leg_that_nobody_measured() -> None:
    found = findings(*(trial(i) for i in range(4)))
    assert found.ways == []
    assert "From the gateway" not in found.verdict
    assert "clocks" not in found.verdict


def test_lanes_that_read_alone_are_compared_turn_by_turn() -> None:
    turns = [{"sse": link(500.0 + i)} if i % 2 else {"ws": link(300.0 + i)} for i in range(1, 31)]
    found = findings(trial(0), *(trial(i + 1, alone=alone) for i, alone in enumerate(turns)))
    (alone,) = found.ways
    assert alone.measure.name == "link_alone"
    assert [len(contender.known) for contender in alone.contenders] == [15, 15]
    assert "WebSocket was ahead of SSE by gateway to reader, read alone: by 0.20 ms" in found.verdict
    assert "which calls no provider" in found.verdict


def test_what_is_held_back_is_told_with_how_often() -> None:
    symptom = "38 of 40 events, written over 0.74 s, came at once."
    found = findings(trial(0), trial(1, held={"sse": symptom}), trial(2))
    assert f"holds events back (SSE, in 1 of 3 calls): {symptom}" in found.verdict
    assert "proxy_buffering off" in found.verdict
