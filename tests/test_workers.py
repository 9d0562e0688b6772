"""`tw.compare(workers=…)`: whole rounds at each place, clocks, lost workers, what is never sent. The cluster is a real one."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets import findings_file, spread, workers, workloads
from tokenwidgets.clocks import Clock, RoundTrip
from tokenwidgets.errors import Refused
from tokenwidgets.findings import Findings
from tokenwidgets.places import Place, ahead, sentences
from tokenwidgets.spread import deal
from tokenwidgets.trials import Arm, Budget, Trial
from tokenwidgets.workers import Worker, _label

LIMIT = 60
FAST = {"ttft_ms": 1, "itl_ms": 1, "tokens": 4, "show": False}
TWO = ["sim/steady", "sim/bursty"]

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A client of two workers, each a process."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL") as there:
        client = distributed.Client(there, set_as_default=False)
        yield client
        client.close()


def until(found: Any, calls: int) -> None:
    """Return when so many calls were made."""
    end = time.monotonic() + LIMIT
    while len(found.trials) < calls and not found.done and time.monotonic() < end:
        found.wait(0.01)


# ---- on a cluster


def test_each_worker_makes_whole_rounds_and_says_where_and_by_which_clock(cluster: Any) -> None:
    found = tw.compare("hello", models=TWO, runs=10, seed=5, workers=cluster, **FAST).wait(LIMIT)
    assert found.why == "the 10 rounds were made"
    assert Counter(trial.place for trial in found.trials) == {"worker 0": 12, "worker 1": 12}
    assert Counter(trial.round for trial in found.trials) == {0: 4} | dict.fromkeys(range(1, 11), 2)
    places = {number: {trial.place for trial in found.trials if trial.round == number} for number in range(1, 11)}
    assert all(len(where) == 1 for where in places.values()), "what is compared in pairs was measured at one place"
    assert all(value is not None for value in found.values(0)[1:])
    for place in found.places:
        assert place.ahead is not None
        assert abs(place.ahead) <= place.uncertainty, "the two have the same clock"
    at = [trial.at for trial in found.trials if trial.place == "worker 0"]
    assert at == sorted(at)
    assert at[0] >= 0
    assert list(found.table["place"].dropna().unique()) == ["worker 0", "worker 1"]
    assert " ± " in repr(found)
    assert findings_file.places(findings_file.body(found)) == found.places


def test_a_stop_ends_what_the_workers_make_and_keeps_the_rest(cluster: Any) -> None:
    found = tw.compare("hello", models=TWO, workers=cluster, **{**FAST, "ttft_ms": 600_000})
    while not any(part.running for part in found._parts):
        found.wait(0.01)
    found.stop()
    assert found.done
    assert found.why == "it was stopped"
    assert found.trials == []
    assert tw.compare("hello", models=TWO, runs=1, workers=cluster, **FAST).wait(LIMIT).trials, "the workers are free again"


def test_a_round_that_comes_to_a_worker_after_the_stop_is_not_made() -> None:
    workers.halt("stopped")
    task = workers.Task(
        "stopped", [Arm("a", {"model": "sim/steady", "prompt": "hello"})], "time_to_first_token", workloads.TURN, 1, [(0, 0)]
    )
    assert workers.make(task).why == "it was stopped"


def test_a_budget_is_kept_over_all_workers(cluster: Any) -> None:
    found = tw.compare("hello", models=TWO, calls=7, workers=cluster, **FAST).wait(LIMIT)
    assert len(found.trials) == 6
    assert "calls were made" in found.why


def test_a_worker_that_fails_leaves_its_rounds_to_the_others(cluster: Any) -> None:
    bad = tw.compare("hello", models=TWO, runs=1, workers=cluster, **FAST).wait(LIMIT)._parts[1].worker
    cluster.run(setattr, workers, "Budget", None, workers=[bad.address])
    try:
        found = tw.compare("hello", models=TWO, runs=6, workers=cluster, **FAST).wait(LIMIT)
    finally:
        cluster.run(setattr, workers, "Budget", Budget, workers=[bad.address])
    assert found.why == "the 6 rounds were made"
    assert {trial.place for trial in found.trials} == {"worker 0"}
    assert f"{bad.label} was lost: it failed (TypeError)." in found.verdict


def test_a_worker_that_is_lost_leaves_its_rounds_to_the_others(cluster: Any) -> None:
    pids = cluster.run(os.getpid)
    found = tw.compare("hello", models=TWO, runs=30, workers=cluster, **{**FAST, "ttft_ms": 20})
    until(found, calls=8)
    lost = found._parts[0].worker
    os.kill(pids[lost.address], signal.SIGKILL)
    found.wait(LIMIT)
    assert found.why == "the 30 rounds were made"
    assert {trial.round for trial in found.trials} == set(range(31))
    assert f"{lost.label} was lost: it has left the cluster." in found.verdict


def test_what_a_lost_worker_had_made_and_not_given_is_made_by_the_others(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pids, asked = cluster.run(os.getpid), workers.Workers.there

    def lost_meanwhile(self: workers.Workers) -> set[str]:
        there = asked(self)
        lost = found._parts[0]
        while pids and lost.running and not lost.running.done():
            time.sleep(0.01)
        if pids and lost.running:
            os.kill(pids[lost.worker.address], signal.SIGKILL)
            pids.clear()
            while lost.worker.address in asked(self):
                time.sleep(0.01)
        return there

    found = tw.compare("hello", models=TWO, runs=30, workers=cluster, **{**FAST, "ttft_ms": 20})
    monkeypatch.setattr(spread, "FETCH_SECONDS", 0.5)
    monkeypatch.setattr(workers.Workers, "there", lost_meanwhile)
    found.wait(LIMIT)
    assert found.why == "the 30 rounds were made"
    assert f"{found._parts[0].worker.label} was lost: it has left the cluster." in found.verdict


# ---- what is refused


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"workers": 0}, "1 to 64"),
        ({"workers": True}, "1 to 64"),
        ({"workers": "tcp://127.0.0.1:9"}, "no Dask scheduler at"),
        ({"workers": 2, "api_key": "x"}, "No key is sent to workers"),
        ({"workers": 2, "transports": ["sse", "ws"]}, "leave out 'workers'"),
    ],
)
def test_what_no_worker_can_do_is_refused(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], words: str) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "CONNECT_SECONDS", 0.1)
    with pytest.raises(Refused, match=words):
        tw.compare("hello", models=TWO, **FAST, **given)


def test_a_provider_with_its_key_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    given = tw.Provider("openai", key="sk-planted-1234567890abcdef")
    with pytest.raises(Refused, match="No key is sent to workers"):
        tw.compare("hello", models=["a", "b"], provider=given, workers=2, show=False)


# ---- without one


def three() -> list[Worker]:
    return [Worker(f"tcp://{n}", f"worker {n}", {}, Clock()) for n in range(3)]


def test_rounds_are_dealt_evenly_in_an_order_that_the_seed_gives_again() -> None:
    parts = deal(three(), 2, 10, seed=5)
    assert [part.rounds for part in parts] == [part.rounds for part in deal(three(), 2, 10, seed=5)]
    assert [part.rounds for part in parts] != [part.rounds for part in deal(three(), 2, 10, seed=6)]
    assert all(part.rounds[0][0][0] == 0 for part in parts), "each has a cold round first"
    assert sorted(one[0][0] for part in parts for one in list(part.rounds)[1:]) == list(range(1, 11))
    assert all(sorted(arm for _, arm in one) == [0, 1] for part in parts for one in part.rounds)


def test_a_clock_that_is_ahead_is_told_with_its_uncertainty() -> None:
    clock = Clock()
    clock.take(RoundTrip(asked=1000, at=13_500, answered=2000))
    found = ahead(clock, 13_500)
    assert found == (12_000, 500)
    assert Place("a", *found).clock == "+12 ms ± 0.50 ms"
    assert Place("a", -3_000_000, 500).clock == "-3.00 s ± 0.50 ms"
    assert Place("a").clock == "not compared"


def test_a_label_is_a_given_name_and_never_an_address() -> None:
    assert _label("tcp://10.0.0.7:4000", "frankfurt") == "frankfurt"
    assert _label("tcp://10.0.0.7:4000", "3") == "worker 3"
    assert "10.0.0.7" not in _label("tcp://10.0.0.7:4000", "tcp://10.0.0.7:4000")


def test_places_that_do_not_agree_are_said() -> None:
    found = Findings([Arm("a", {}), Arm("b", {})], [], "time_to_first_token", Budget(40), 7)
    found.places = [Place("here"), Place("there")]
    for number in range(1, 41):
        for arm in (0, 1):
            slow = (arm == 0) == (number % 2 == 0)
            figures = {"time_to_first_token": 1000.0 + 500 * slow + number}
            found.trials.append(Trial(number, arm, figures=figures, place="here" if number % 2 else "there"))
    assert sentences(found) == ["By place: here: a was ahead (n = 20); there: b was ahead (n = 20)."]
    few = [trial for trial in found.trials if trial.place == "here" or trial.round <= 8]
    found.trials = few
    assert sentences(found) == [], "four rounds are no place that disagrees"
    found.trials = [trial for trial in found.trials if trial.place == "here"]
    assert sentences(found) == []
