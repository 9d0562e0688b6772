"""Advice from a comparison: what may be recommended, on which figures, and what is left open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets.advice import Advice, Reason
from tokenwidgets.advice.calls import decider
from tokenwidgets.advice.known import FACTS, USES, Asked
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Entry, Event, Notice, Start, Text, Usage, encode
from tokenwidgets.findings import Findings
from tokenwidgets.legs import Leg
from tokenwidgets.trials import Arm, Budget, Trial
from tokenwidgets.workloads import WORKLOADS
from tokenwidgets.workloads.base import figures_of

SENT = 5_000


def entries(first: int, host: str = "groq", rate: int = 10_000, **start: Any) -> tuple[Entry, ...]:
    """A stream whose request was sent after 5 ms, with ten words, the first at an instant."""
    words: list[tuple[int, Event]] = [(first + i * rate, Text(0, "words ")) for i in range(10)]
    end = words[-1][0] + 1_000
    connection = Notice("connection", {"reused": True, "sent": SENT, "headers": SENT + 1})
    events: list[tuple[int, Event]] = [
        (0, Start("x", f"{host}/m", host, "openai-chat", 1.0, **start)), (first, connection), *words,
        (end, Usage(input=3, output=10)), (end, End("stop")),
    ]  # fmt: skip
    return tuple(encode(event, seq, at) for seq, (at, event) in enumerate(events))


def compared(
    scales: Sequence[float] = (1, 1),
    rounds: int = 30,
    hosts: Sequence[str] = ("groq", "mistral"),
    first: int = 400_000,
    own: float = 0.04,
    behind: Mapping[str, float] | None = None,
    costs: Sequence[float | None] = (None, None),
    by: str = "time_to_first_token",
    rate: int = 10_000,
    fails: Mapping[int, str] | None = None,
    **start: Any,
) -> Findings:
    """A comparison whose arms take `scales` times as long to their first token, all else from a seed."""
    draw = Random(7)
    behind = behind or {}
    found = Findings([Arm(f"{host}/m", {"model": f"{host}/m", "prompt": "hi"}) for host in hosts], list(behind), by, Budget(), 3)
    for number, arm in found.order[: (rounds + 1) * len(hosts)]:
        stream = entries(int(first * scales[arm] * draw.lognormvariate(0, own)), hosts[arm], rate, **start)
        failures = {"": "It is overloaded."} if (fails or {}).get(arm) and number % 4 == 0 else {}
        lanes = {way: delay * draw.uniform(0.9, 1.1) for way, delay in behind.items()}
        found.trials.append(Trial(number, arm, False, figures_of(stream), lanes, failures, costs[arm], float(number), stream))
    return found


def measured(advice: Advice) -> str:
    return " ".join(reason.sentence for reason in advice.reasons if reason.measured)


def known(advice: Advice) -> str:
    return " ".join(reason.sentence for reason in advice.reasons if not reason.measured)


def changes(advice: Advice) -> str:
    return " ".join(advice.would_change)


# ---- who is asked


def test_what_was_ahead_is_recommended_with_the_figures_it_rests_on() -> None:
    advice = compared((1, 1.3)).advice("chat")
    assert advice.recommendation == "Use groq/m: it was ahead by first answer token."
    [first, *_] = advice.reasons
    assert "groq/m was ahead of mistral/m by first answer token: by " in first.sentence
    assert [figure.label for figure in first.figures] == ["groq/m", "mistral/m"]
    assert all(figure.interval and figure.interval.low <= figure.value <= figure.interval.high for figure in first.figures)
    assert {figure.n for figure in first.figures} == {30}


def test_no_difference_shown_is_no_reason_and_says_which_measurement_would_decide() -> None:
    advice = compared((1, 1), own=0.3).advice("chat")
    assert advice.recommendation == ""
    assert "No recommendation" in repr(advice)
    assert "No difference shown between" in measured(advice)
    assert re.search(r"About [\d,]+ rounds would show a difference of 5% by first answer token, if there is one", changes(advice))


def test_how_large_a_difference_could_still_be_is_said_where_further_rounds_are_not_what_is_missing() -> None:
    assert "leave room for a difference of at most " in changes(compared((1, 1), own=0.01).advice("chat"))


def test_too_few_rounds_decide_nothing_and_are_said_to_be_too_few() -> None:
    advice = compared((1, 3), rounds=6).advice("chat")
    assert advice.recommendation == ""
    assert "Too early to tell" in measured(advice)
    assert "10 rounds are the fewest that decide anything, and 6 were made" in changes(advice)


def test_simulated_and_replayed_calls_say_nothing_of_a_model() -> None:
    for made_up in (compared((1, 3), simulated=True), compared((1, 3), replayed=True), compared((1, 3), hosts=("sim", "replay"))):
        advice = made_up.advice("chat")
        assert advice.recommendation == ""
        assert "are simulated or replayed: they are no measurement" in measured(advice)
        assert "ahead" not in measured(advice)
        assert "real hosts would decide" in changes(advice)


def test_a_figure_that_was_not_measured_decides_nothing() -> None:
    found = compared((1, 3))
    found.trials = [
        Trial(trial.round, trial.arm, figures={name: of for name, of in trial.figures.items() if trial.arm or name != "request_latency"})
        for trial in found.trials
    ]
    advice = found.advice("agent")
    assert advice.recommendation == ""
    assert "End to end was not measured of groq/m" in measured(advice)


def test_one_that_fails_often_is_not_recommended_for_being_ahead_in_the_rest() -> None:
    advice = compared((1, 1.3), rounds=40, fails={0: "It is overloaded."}).advice("chat")
    assert advice.recommendation == ""
    assert "groq/m failed in 11 of its 41 calls: being ahead in the others is no reason to use it." in measured(advice)


def test_a_difference_that_no_reader_could_see_is_shown_and_not_recommended_to_readers_alone() -> None:
    close = compared((1, 1.02), own=0.002)
    assert "is less than a frame of a page, 16.7 ms: nobody sees it" in measured(close.advice("chat"))
    assert close.advice("chat").recommendation == ""
    assert close.advice("agent").recommendation == "Use groq/m: it was ahead by end to end."


def test_without_a_difference_the_cheaper_one_is_recommended_where_that_was_shown() -> None:
    advice = compared((1, 1), own=0.3, costs=(0.002, 0.001)).advice("chat")
    assert advice.recommendation == (
        "Use mistral/m: it costs less, and by first answer token no difference is shown between the first ones."
    )
    assert compared((1, 1), own=0.3, costs=(0.002, None)).advice("chat").recommendation == ""


def test_of_three_a_cheap_one_that_is_shown_to_be_behind_is_not_recommended() -> None:
    found = compared((1, 1, 2), hosts=("groq", "mistral", "openai"), own=0.1, costs=(0.002, 0.002, 0.001))
    assert found.judged("time_to_first_output_token").leader is None
    assert found.advice("chat").recommendation == ""


def test_in_bulk_the_cost_decides_where_it_is_known_else_the_rate() -> None:
    assert compared((1, 1.3), costs=(0.002, 0.001)).advice("batch").recommendation == "Use mistral/m: it was ahead by cost of a call."
    assert compared((1, 1.3)).advice("batch").recommendation == "Use groq/m: it was ahead by rate with the first."


def test_the_figure_of_the_comparison_is_told_beside_the_one_that_decides() -> None:
    advice = compared((1, 1.3), by="inter_chunk_latency").advice("chat")
    assert "by first answer token" in advice.recommendation
    assert "by inter-chunk" in measured(advice)


def test_one_way_to_ask_is_no_comparison_of_models() -> None:
    found = compared((1,), hosts=("groq",), behind={"sse": 10.0, "ws": 20.0})
    assert "only groq/m was asked" in changes(found.advice("chat"))


def test_before_the_first_call_there_is_nothing_to_advise() -> None:
    advice = Findings([Arm("a", {}), Arm("b", {})], [], "total", Budget(), 1).advice()
    assert advice.recommendation == ""
    assert measured(advice) == "No call has been made yet."


# ---- how it is read


def test_a_lead_among_transports_that_a_reader_could_see_is_recommended() -> None:
    advice = compared(behind={"sse": 100.0, "ws": 90_000.0}).advice("chat")
    assert "Read it over SSE: it was ahead by delay behind the first lane." in advice.recommendation


def test_one_that_nobody_could_see_is_not() -> None:
    advice = compared(behind={"sse": 100.0, "ws": 300.0}).advice("chat")
    assert "Read it over" not in advice.recommendation
    assert "0.20 ms is less than a frame of a page" in measured(advice)
    assert "is less than 1% of a call's" in measured(compared(behind={"sse": 100.0, "ws": 300.0}).advice("agent"))
    assert "packets" in changes(advice)


def test_where_no_transport_is_ahead_it_is_said_whether_what_is_left_could_be_seen() -> None:
    even = compared(behind={"sse": 100.0, "ws": 100.0}).advice("chat")
    assert "Read it over" not in even.recommendation
    assert re.search(r"What is left to differ between the first ones, at most 0\.\d\d ms, is less than a frame", measured(even))
    assert "Transports: " not in changes(even)
    wide = compared(behind={"sse": 900_000.0, "ws": 900_000.0}).advice("chat")
    assert "Transports: These calls leave room for a difference of at most " in changes(wide)
    assert "Transports: at least 10 calls" in changes(compared(rounds=3, behind={"sse": 100.0, "ws": 100.0}).advice("chat"))


def test_a_transport_that_fails_often_is_not_recommended() -> None:
    found = compared(behind={"sse": 100.0, "ws": 90_000.0})
    for trial in found.trials[::3]:
        trial.failures["sse"] = "its connection ended before the stream did"  # type: ignore[index]
    assert "Read it over" not in found.advice("chat").recommendation
    assert "SSE failed or was held back in " in measured(found.advice("chat"))


def test_nor_is_one_that_something_on_the_way_held_back() -> None:
    found = compared(behind={"sse": 100.0, "ws": 90_000.0})
    found.trials = [replace(trial, held={"sse": "all 40 events came at once"}) for trial in found.trials]
    advice = found.advice("chat")
    assert "Read it over" not in advice.recommendation
    assert "all 40 events came at once" in measured(advice)


def test_without_transports_the_uses_that_ask_for_one_say_that_none_was_measured() -> None:
    assert "Transports were not compared" in changes(compared().advice("voice"))
    assert "Transports were not compared" not in changes(compared().advice("agent"))


# ---- what else the calls show


def test_the_providers_part_of_the_wait_is_told_from_the_trials() -> None:
    advice = compared(behind={"sse": 100.0, "ws": 25_000.0}, first=400_000, own=0.001).advice("chat")
    assert "The provider's part is 93 % of the wait for the first token." in measured(advice)
    [reason] = [reason for reason in advice.reasons if "provider's part" in reason.sentence]
    assert reason.figures[0].n == 60
    assert "No transport and no connection can save more than the rest, 7 %" in changes(advice)


def test_where_the_legs_were_measured_it_is_told_by_them() -> None:
    found = compared(behind={"sse": 0.0, "ws": 0.0}, own=0.001)
    link: Leg = {"median_us": 99_000.0, "p95_us": None, "n": 9, "uncertainty_us": 50.0}
    gateway: Leg = {"median_us": 1_000.0, "p95_us": None, "n": 9, "uncertainty_us": 0.0}
    found.trials = [replace(trial, legs={"ws": {"gateway": gateway, "link": link}}) for trial in found.trials]
    assert "The provider's part is 79 % of the wait" in measured(found.advice("chat"))


def test_it_is_not_told_of_instants_that_are_not_known_or_made_up() -> None:
    found = compared()
    found.trials = [Trial(t.round, t.arm, figures=t.figures) for t in found.trials]
    assert "provider's part" not in repr(found.advice())
    assert "provider's part" not in repr(compared(simulated=True).advice())


def test_whether_a_reader_waits_for_further_text_is_told() -> None:
    assert "In all 60 calls the text came at least as fast as it is read" in measured(compared().advice("chat"))
    slow = compared(rate=1_000_000).advice("chat")
    assert "In 60 of 60 calls reading at 24 characters a second had to wait" in measured(slow)
    assert "characters a second" not in repr(compared().advice("agent"))


def test_a_voice_hears_when_the_first_word_alone_is_later_than_people_answer() -> None:
    assert "groq/m alone took longer to its first answer token than the 200 ms" in measured(compared().advice("voice"))
    assert "alone took longer" not in measured(compared(first=80_000).advice("voice"))
    assert "recognising and speaking" in changes(compared().advice("voice"))


def test_a_workload_that_is_nearer_to_the_use_is_named_and_exists() -> None:
    assert "workload='tool-loop') is nearer to this use" in changes(compared().advice("agent"))
    assert "workload=" not in changes(compared().advice("chat"))
    assert {use.workload for use in USES.values()} - {""} <= set(WORKLOADS)


def test_how_long_and_from_how_many_places_was_measured_is_said() -> None:
    found = compared()
    assert "begun within 30.0 s, from one place" in changes(found.advice())
    found.trials = [replace(trial, place=str(trial.round % 3)) for trial in found.trials]
    assert "from 3 places" in changes(found.advice())


@pytest.mark.parametrize("name", WORKLOADS)
def test_of_every_workload_there_is_advice_for_every_use(name: str) -> None:
    workload = WORKLOADS[name]()
    ways = ["sse", "ws"] if workload.of_transports else []
    found = Findings([Arm("a/m", {"model": "a/m"}), Arm("b/m", {"model": "b/m"})], ways, workload.by, Budget(), 3, workload)
    for number, arm in found.order[:40]:
        figures = dict.fromkeys(workload.figures, 500_000.0 + number * (1 + arm))
        lanes = {way: figures | {workload.by: 500_000.0 * (1 + (way == "ws")) + number} for way in ways}
        found.trials.append(Trial(number, arm, figures=figures, by_transport=lanes))
    for use in USES:
        assert found.advice(use).reasons
    title = workload.definition(workload.by).title
    assert f"ahead by {title}" in found.advice().recommendation
    assert ("Read it over SSE" in found.advice().recommendation) == bool(ways)


# ---- what is known from elsewhere


def asked(use: str = "general", *transports: str, hosts: Sequence[tuple[str, str]] = ()) -> Asked:
    return Asked(use, transports, tuple(hosts), ())


@pytest.mark.parametrize(
    ("name", "told", "not_told"),
    [
        ("six_connections", asked("chat", "sse"), asked("chat", "ws")),
        ("buffering", asked("agent", "sse"), asked("agent", "webrtc")),
        ("udp", asked("voice", "webrtc"), asked("voice", "ws")),
        ("opening", asked("voice", "webrtc"), asked("voice", "sse")),
        ("head_of_line", asked("chat", "ws"), asked("chat", "webrtc")),
        ("redundancy", asked("chat", "webrtc"), asked("chat", "webrtc-ordered")),
        ("one_call", asked("broadcast", "sse"), asked("chat", "sse")),
        ("comm_limit", asked("notebook", "comm"), asked("notebook", "ws")),
        ("microphone", asked("voice"), asked("chat")),
        ("turns", asked("voice"), asked("batch")),
        ("responses_websocket", asked("agent", hosts=[("openai", "")]), asked("agent", hosts=[("groq", "")])),
        ("stop_stops_bill", asked("chat", hosts=[("openrouter", "OpenAI")]), asked("batch", hosts=[("openrouter", "OpenAI")])),
        ("stop_bills_on", asked("chat", hosts=[("openrouter", "Groq")]), asked("chat", hosts=[("openrouter", "OpenAI")])),
        ("stop_unknown", asked("chat", hosts=[("mistral", "")]), asked("chat", hosts=[("local", "")])),
    ],
)
def test_a_fact_is_told_where_it_matters_with_its_source(name: str, told: Asked, not_told: Asked) -> None:
    [fact] = [fact for fact in FACTS if fact.name == name]
    assert fact.told(told)
    assert "{" not in fact.told(told)
    assert fact.source
    assert fact.told(not_told) == ""


def test_every_fact_has_a_test() -> None:
    [mark] = [m for m in test_a_fact_is_told_where_it_matters_with_its_source.pytestmark if m.name == "parametrize"]  # type: ignore[attr-defined]
    assert {case[0] for case in mark.args[1]} == {fact.name for fact in FACTS}


def test_what_is_known_stands_apart_from_what_was_measured() -> None:
    advice = compared((1, 1.3), hosts=("groq", "openrouter"), behind={"sse": 10.0, "webrtc": 20.0}).advice("voice")
    text = repr(advice)
    head, rest = text.split("\nKnown from elsewhere\n")
    assert "RFC 8831" not in head
    assert "UDP" in rest
    assert "RFC 8831" in rest
    assert all(reason.source and not reason.figures for reason in advice.reasons if not reason.measured)
    assert "Stivers" in known(advice) or "Stivers" in rest


def test_the_provider_behind_an_aggregator_decides_what_a_stop_does_to_the_bill() -> None:
    found = compared(hosts=("openrouter", "mistral"))
    trial = found.trials[0]
    behind = encode(Notice("provider", {"provider": "Groq"}), 1, 1)
    found.trials = [Trial(0, trial.arm, entries=(entries(9, "openrouter")[0], behind))]
    assert "To stop an answer does not stop its bill at Groq through openrouter" in known(found.advice("chat"))


# ---- the object


def test_an_unknown_use_is_refused_with_those_there_are() -> None:
    with pytest.raises(Refused, match="no advice for 'chess': it can be had for general, chat, agent, voice, broadcast, batch, notebook"):
        compared().advice("chess")


def test_it_shows_as_html_that_no_label_can_break() -> None:
    found = compared((1, 1.3))
    found.arms[0] = Arm("<script>alert(1)</script>", found.arms[0].request)
    html = found.advice("chat")._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert html.index("Measured in these calls") < html.index("Known from elsewhere") < html.index("What would change this")


def test_calls_that_are_still_to_come_are_said_to_be_able_to_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Findings, "_unfinished", lambda self: ["It still runs: 4 of 92 calls."])
    assert "It still runs: 4 of 92 calls." in changes(compared(rounds=3).advice("chat"))


NAMES = ("time_to_first_token", "time_to_first_output_token", "request_latency", "output_token_throughput", "perceived_delay", "total")
LEVELS = st.one_of(st.sampled_from([400_000.0, 410_000.0, 800_000.0, 0.0, None]), st.floats(0, 1e12))
HOSTS = ("groq", "openrouter", "local", "mine", "sim")


@st.composite
def findings(draw: st.DrawFn) -> Findings:
    """Any comparison that could come about: figures missing, nought or huge, lanes failed, calls that cost or that nobody can price."""
    hosts = draw(st.lists(st.sampled_from(HOSTS), min_size=2, max_size=3))
    ways = draw(st.sampled_from([[], ["sse", "ws"], ["sse", "ws", "webrtc"]]))
    arms = [Arm(f"{host}/{i}", {"model": f"{host}/{i}"}) for i, host in enumerate(hosts)]
    found = Findings(arms, ways, draw(st.sampled_from(NAMES)), Budget(runs=14), 3)
    levels = [dict.fromkeys(NAMES, draw(LEVELS)) for _ in hosts]
    spread, failing, cost = (draw(st.sampled_from(of)) for of in ([0.01, 0.5, 0.0], [0.0, 0.3], [0.001, 0.0, None]))
    rng = Random(draw(st.integers(0, 99)))
    for number, arm in found.order[: draw(st.sampled_from([45, 30, 12, 1, 0]))]:
        figures = {name: level * rng.lognormvariate(0, spread) for name, level in levels[arm].items() if level is not None}
        failures = {"": "It is overloaded."} if rng.random() < failing else {}
        lanes = {way: None if rng.random() < 0.1 else rng.uniform(0, 50_000) for way in ways}
        found.trials.append(Trial(number, arm, rng.random() < 0.1, figures, lanes, failures, cost and cost * (1 + arm), float(number)))
    return found


@settings(max_examples=25)
@given(findings(), st.sampled_from(sorted(USES)))
def test_no_sentence_holds_what_is_no_figure_and_no_recommendation_contradicts_a_verdict(found: Findings, use: str) -> None:
    advice = found.advice(use)
    text = f"{advice!r} {advice._repr_html_()}"
    assert not re.search(r"\b(nan|None|inf|infinity)\b", text, re.IGNORECASE)
    assert "{" not in repr(advice)
    for place, arm in enumerate(found.arms):
        if f"Use {arm.label}: it was ahead" in advice.recommendation:
            assert decider(found, USES[use]).leader == place
        if f"Use {arm.label}: it costs less" in advice.recommendation:
            assert decider(found, USES[use]).leader is None
    if "Read it over" in advice.recommendation:
        assert found.verdicts[-1].leader is not None
    assert all(isinstance(reason, Reason) and reason.sentence for reason in advice.reasons)
