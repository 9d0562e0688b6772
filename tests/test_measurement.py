"""`tw.compare`: what is asked, in which order, when it ends, and what is kept."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets.cost import cost
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Error, Event, Notice, Start, Text, Usage, encode
from tokenwidgets.measurement import Measurement
from tokenwidgets.recording import Header, Recording
from tokenwidgets.trials import MOST_RUNS, Arm, Budget, Trial, schedule

FAST = {"ttft_ms": 1, "itl_ms": 1, "tokens": 6, "show": False}
LIMIT = 60

pytestmark = pytest.mark.usefixtures("in_process")


def answer(first_us: int, *events: Event, host: str = "a") -> tw.Result:
    """A stream that is over, with its first token at an instant."""
    found = [*events, Text(0, "word ")]
    entries = [encode(event, seq, first_us) for seq, event in enumerate(found, 1)]
    end = encode(End("stop"), len(entries) + 1, first_us + 1000)
    start = encode(Start("x", f"{host}/m", host, "openai-chat", 1.0), 0, 0)
    return tw.load(Recording(Header(f"{host}/m", {}, 1.0), (start, *entries, end)))


class Model:
    """A provider of which a test decides what each call gives."""

    def __init__(self, *results: tw.Result) -> None:
        self._results = list(results)
        self.asked: list[Any] = []

    def __call__(self, **request: Any) -> tw.Result:
        self.asked.append(request["model"])
        return self._results[(len(self.asked) - 1) % len(self._results)]


def measured(model: Model, **budget: Any) -> Measurement:
    arms = [Arm("a", {"model": "a"}), Arm("b", {"model": "b"})]
    return Measurement(arms, [], "time_to_first_token", Budget(**budget), 7, model).begin(show=False).wait(LIMIT)


def until(found: Measurement, calls: int) -> None:
    """Return when so many calls were made."""
    while len(found.trials) < calls and not found.done:
        found.wait(0.01)


# ---- order


def test_every_round_asks_everyone_in_an_order_of_its_own_that_the_seed_gives_again() -> None:
    order = schedule(4, 50, seed=3)
    assert order == schedule(4, 50, seed=3) != schedule(4, 50, seed=4)
    rounds = [[arm for number, arm in order if number == wanted] for wanted in range(50)]
    assert all(sorted(arms) == [0, 1, 2, 3] for arms in rounds)
    assert len({tuple(arms) for arms in rounds}) > 10


def test_what_was_asked_is_what_the_order_says() -> None:
    model = Model(answer(400_000))
    found = measured(model, runs=5)
    assert model.asked == ["ab"[arm] for _, arm in found.order]
    assert len(found.trials) == 12
    assert found.why == "the 5 rounds were made"


# ---- warm and cold


def test_the_first_round_is_cold_and_so_is_each_call_that_opens_a_connection() -> None:
    found = measured(Model(answer(400_000)), runs=3)
    assert found.values(0) == (None, 400_000, 400_000, 400_000)
    assert found.values(0, cold=True)[0] == 400_000
    found.trials = [Trial(number, 0, opened=number == 2, figures={"time_to_first_token": 100 + number}) for number in range(4)]
    assert found.values(0) == (None, 101, None, 103)
    assert found.values(0, cold=True) == (100, None, 102, None)


def test_where_every_call_opens_a_connection_that_is_how_it_is() -> None:
    found = measured(Model(answer(400_000, Notice("connection", {"connect": 5, "sent": 9}))), runs=3)
    assert all(trial.opened for trial in found.trials)
    assert found.values(1) == (None, 400_000, 400_000, 400_000)


# ---- ends


def test_it_ends_at_a_number_of_calls() -> None:
    found = measured(Model(answer(400_000)), calls=5)
    assert (len(found.trials), found.why) == (5, "the 5 calls were made")


def test_it_ends_when_its_seconds_are_over() -> None:
    ticks = iter(range(1000))
    arms = [Arm("a", {"model": "a"}), Arm("b", {"model": "b"})]
    found = Measurement(arms, [], "total", Budget(seconds=10), 7, Model(answer(400_000)), lambda: next(ticks)).begin(show=False).wait(LIMIT)
    assert found.why == "the 10 s were over"
    assert 0 < len(found.trials) <= 10


def test_it_makes_no_call_that_might_go_beyond_its_dollars() -> None:
    found = measured(Model(answer(400_000, Usage(output=1, cost=0.3))), dollars=1)
    assert (len(found.trials), found.why) == (3, "a further call might have gone beyond $1")


def test_dollars_need_someone_who_says_what_a_call_costs() -> None:
    found = measured(Model(answer(400_000)), dollars=1)
    assert (len(found.trials), found.why) == (1, "nobody says what a call costs, so that dollars= cannot be kept")
    free = measured(Model(answer(400_000, host="local")), dollars=1, runs=2)
    assert free.why == "the 2 rounds were made"


def test_a_cost_that_no_usage_tells_is_that_of_the_hosts_prices() -> None:
    known = {"a/m": {"input": 2e-6, "output": 1e-5}}
    assert cost(answer(400_000, Usage(input=900, cache_read=100, output=40, reasoning=60)), known) == pytest.approx(0.003)
    assert cost(answer(400_000, Usage(output=40)), {}) is None
    assert cost(answer(400_000), known) is None


def test_a_call_that_was_refused_costs_nothing_and_ends_no_budget() -> None:
    refused = ended(Error("overloaded", "It is overloaded.", "http", 503, retryable=True))
    found = measured(Model(refused, answer(400_000, Usage(output=1, cost=0.1))), dollars=9, runs=3)
    assert found.why == "the 3 rounds were made"
    assert {trial.cost for trial in found.trials} == {0.0, 0.1}
    assert cost(ended(Text(0, "a"), Error("overloaded", "It is overloaded.")), {}) is None, "what had begun may be billed"


def test_a_run_that_needs_more_calls_than_there_may_be_is_said_to() -> None:
    found = tw.compare("hello", models=["sim/steady", "sim/bursty"], workload="tool-loop", calls=5, **FAST).wait(LIMIT)
    assert found.why == "a run takes up to 20 calls, more than the 5 that it may"


def test_it_ends_when_its_intervals_are_narrow() -> None:
    found = measured(Model(*(answer(400_000 + 10 * i) for i in range(7))), width=0.05)
    assert found.why == "every interval is narrower than 5% of the median"
    assert len(found.trials) == 2 * 11, "ten pairs after the cold round are the fewest"


@pytest.mark.parametrize(
    "budget", [{"calls": 0}, {"seconds": -1}, {"dollars": "1"}, {"width": True}, {"runs": MOST_RUNS + 1}, {"runs": 2.5}]
)
def test_a_budget_is_a_number_above_zero(budget: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=f"'{next(iter(budget))}' is a (whole )?number"):
        Budget(**budget)


def test_the_time_left_is_that_of_the_calls_so_far_and_never_beyond_the_budget() -> None:
    assert Budget().left(0, 82, 0) is None
    assert Budget().left(20, 80, 10) == 30
    assert Budget(calls=40).left(20, 80, 10) == 10
    assert Budget(seconds=12).left(20, 80, 10) == 2


# ---- stopping and failing


def test_a_stop_keeps_what_there_is() -> None:
    found = tw.compare("hello", models=["sim/steady", "sim/bursty"], runs=MOST_RUNS, **FAST)
    until(found, calls=4)
    found.stop()
    assert found.done
    assert found.why == "it was stopped"
    kept = len(found.trials)
    assert 3 < kept < len(found.order)
    assert "Too early to tell" in found.verdict
    assert f"{kept} of " in found.progress


def test_a_stop_ends_the_call_that_runs_and_does_not_count_it() -> None:
    found = tw.compare("hello", models=["sim/steady", "sim/bursty"], show=False, ttft_ms=600_000)
    found.stop()
    assert found.done
    assert found.trials == []
    assert [stream["state"] for stream in tw.streams()].count("running") == 0


def test_one_that_was_stopped_runs_no_more_however_long_its_end_takes() -> None:
    found = Measurement([Arm("a", {}), Arm("b", {})], [], "total", Budget(runs=4), 7)
    found._done.wait = lambda _=None: False  # type: ignore[method-assign]
    found.stop()
    assert not found.done
    assert "It still runs" not in found.verdict
    assert found.progress.endswith("ended: it was stopped")


def test_an_interrupt_keeps_what_there_is() -> None:
    found = tw.compare("hello", models=["sim/steady", "sim/bursty"], runs=MOST_RUNS, **FAST)

    waited = found._done.wait

    def interrupted(seconds: float | None = None) -> bool:
        if len(found.trials) >= 3:
            found._done.wait = waited  # type: ignore[method-assign]
            signal.raise_signal(signal.SIGINT)
        return waited(seconds)

    found._done.wait = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        found.wait()
    assert found.done
    assert found.why == "it was stopped"
    assert len(found.trials) < len(found.order)


def test_a_failed_call_is_no_value_and_is_counted() -> None:
    bad = tw.load(
        Recording(
            Header("a/m", {}, 1.0),
            (
                encode(Start("x", "a/m", "a", "openai-chat", 1.0), 0, 0),
                encode(Text(0, "a"), 1, 5),
                encode(Error("overloaded", "It is overloaded."), 2, 9),
            ),
        )
    )
    found = measured(Model(answer(400_000), bad, answer(400_000)), runs=8)
    assert None in found.values(0)[1:]
    assert 5 not in found.values(0)
    assert " failed in " in found.verdict
    assert "It is overloaded." in [words for trial in found.trials for words in trial.failures.values()]


def ended(*events: Event) -> tw.Result:
    """A stream with these events, one each µs."""
    entries = [encode(event, seq, seq) for seq, event in enumerate([Start("x", "a/m", "a", "openai-chat", 1.0), *events])]
    return tw.load(Recording(Header("a/m", {}, 1.0), tuple(entries)))


def test_an_answer_that_was_cut_off_has_failed() -> None:
    found = measured(Model(ended(Text(0, "a"), End("truncated"))), runs=2)
    assert found.values(0) == (None, None, None)
    assert "a failed in 3 of 3 calls." in found.verdict


def test_nobody_is_paid_for_a_comparison_with_one_that_cannot_be_asked() -> None:
    found = tw.compare("hello", models=["sim/steady", "sim/nosuch"], runs=9, **FAST).wait(LIMIT)
    assert len(found.trials) == 2
    assert found.why.startswith("there is nothing to compare. sim/nosuch was refused: There is no simulated model 'nosuch'")
    three = tw.compare("hello", models=["sim/steady", "sim/nosuch", "sim/bursty"], runs=2, **FAST).wait(LIMIT)
    assert three.why == "the 2 rounds were made"


def test_one_that_fails_in_a_way_that_may_pass_is_asked_again() -> None:
    bad = ended(Error("rate_limited", "Too many requests.", "http", 429, retryable=True))
    assert measured(Model(bad), runs=3).why == "the 3 rounds were made"


def test_before_the_second_round_it_is_said_that_the_first_counts_in_no_figure() -> None:
    found = measured(Model(answer(400_000)), calls=2)
    assert "only the cold round was asked" in found.verdict
    assert "cold round" not in measured(Model(answer(400_000)), calls=3).verdict


# ---- the whole


def test_models_that_differ_are_told_apart_and_options_too() -> None:
    models = tw.compare("hello", models=["sim/steady", "sim/steady"], runs=10, **FAST).wait(LIMIT)
    assert [arm.label for arm in models.arms] == ["sim/steady", "sim/steady (2)"]
    options = tw.compare(
        "hello", model="sim/steady", options=[{"ttft_ms": 1}, {"ttft_ms": 60}], runs=12, seed=5, itl_ms=1, tokens=4, show=False
    ).wait(LIMIT)
    assert "ttft_ms=1 was ahead of ttft_ms=60 by first token: by " in options.verdict
    assert list(options.table["contender"]) == ["ttft_ms=1", "ttft_ms=60"]
    assert list(options.table["n"]) == [12, 12]
    assert "cold" in repr(options)
    assert options.plot()._repr_html_().count("<circle") == 24


async def test_it_is_awaited_in_a_running_loop() -> None:
    found = tw.compare("hello", models=["sim/steady", "sim/bursty"], runs=1, **FAST)
    assert await found is found
    assert found.done


def test_it_is_saved_whole_without_a_key(tmp_path: Path) -> None:
    found = tw.compare("hello", models=["sim/steady", "sim/bursty"], runs=2, seed=5, api_key="sk-secret-secret-secret", **FAST)
    body = json.loads(found.wait(LIMIT).save(tmp_path / "x.json").read_text())
    assert body["tokenwidgets_comparison"] == 1
    assert (body["seed"], len(body["order"])) == (5, 6)
    assert [trial["arm"] for trial in body["trials"]] == [arm for _, arm in body["order"]][:2], "a key is no option, so all are refused"
    assert body["verdict"] == found.verdict
    assert "sk-secret" not in json.dumps(body)
    assert body["statistics"][0]["contenders"][0]["n"] == found.verdicts[0].summary(0).n
    assert {"tokenwidgets", "python"} <= set(body["environment"])


def test_the_last_word_of_progress_stands(capsys: pytest.CaptureFixture[str]) -> None:
    tw.compare("hello", models=["sim/steady", "sim/bursty"], runs=1, **{**FAST, "show": True}).wait(LIMIT)
    assert "4 of 4 calls" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs two"),
        ({"models": ["sim/steady"]}, "needs two"),
        ({"models": "sim/steady"}, "list of names"),
        ({"models": ["a/b", "c/d"], "model": "e/f"}, "not both"),
        ({"models": ["sim/steady"] * 9}, "at most 8"),
        ({"options": {"temperature": 0}}, "list of sets"),
        ({"transports": ["sse", "sse"]}, "named once"),
        ({"models": ["a/b", "c/d"], "record": "x.jsonl"}, "'record' is of one stream"),
        ({"transports": ["sse", "comm"]}, "no transport 'comm'"),
        ({"transports": ["sse", "ws"]}, "where a Jupyter server streams"),
        ({"models": ["a/b", "c/d"], "by": "ttft"}, "no figure 'ttft'"),
        ({"models": ["a/b", "c/d"], "runs": 0}, "'runs' is a number above 0"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_asked(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        tw.compare("hello", show=False, **given)
    assert tw.streams() == []


# ---- what a contender is called


def test_a_label_holds_no_word_that_was_asked_and_no_key() -> None:
    sets = [{"prompt": "SECRETWORD one", "temperature": 0}, {"prompt": "SECRETWORD two", "temperature": 0}]
    found = tw.compare(model="sim/steady", options=sets, runs=1, calls=2, **FAST).wait(LIMIT)
    assert [arm.label for arm in found.arms] == ["prompt 1, temperature=0", "prompt 2, temperature=0"]
    with pytest.raises(Refused, match="No key is an option"):
        tw.compare("hi", model="sim/steady", options=[{"api_key": "sk-abcdefghijklmnopqrstuvwx1234"}, {}], show=False)


@pytest.mark.parametrize("sets", [[[1], {}], ["x", "y"], [None, {}]])
def test_a_set_of_options_that_is_none_is_named(sets: Any) -> None:
    with pytest.raises(Refused, match="A set of options is a mapping"):
        tw.compare("hi", model="sim/steady", options=sets, show=False)


def test_calls_that_say_nothing_of_transports_are_counted() -> None:
    found = Measurement([Arm("the call", {"model": "a"})], ["sse", "ws"], "total", Budget(runs=4), 7)
    found.trials = [Trial(n, 0, behind={"sse": 0.0, "ws": 5.0 if n < 2 else None}) for n in range(5)]
    assert "In 3 of 4 calls the stream was over before every lane read it; they are not counted." in found.verdict
    assert "1 call of the 10 that an interval needs" in found.verdict
