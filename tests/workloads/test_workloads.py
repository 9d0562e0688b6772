"""What all workloads of `tw.compare` have in common: names, options, figures, budget, progress, stopping."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets.errors import Refused
from tokenwidgets.findings import Findings
from tokenwidgets.trials import Budget, Trial
from tokenwidgets.workloads import WORKLOADS, Cancel, ClosedLoop, OneTurn, OpenLoop, Reconnect, ToolLoop, Workload, chosen, read

LIMIT = 60
FAST: dict[str, Any] = {"ttft_ms": 0, "itl_ms": 1, "show": False, "seed": 1}
SMALL: list[Workload] = [OneTurn(), ToolLoop(turns=2), Cancel(after=2), ClosedLoop(requests=4, users=2), OpenLoop(requests=4, rate=100)]

pytestmark = pytest.mark.usefixtures("in_process")


def tokens(workload: Workload) -> int:
    """Of an answer, which is not over before it can be stopped."""
    return 10_000 if workload.name == "cancel" else 4


def test_each_has_a_usual_figure_and_usual_options() -> None:
    for name in WORKLOADS:
        workload = chosen(name)
        assert chosen({"name": name}) == workload
        assert workload.name == name
        assert workload.definition(workload.by).unit == "µs"
        assert workload.calls >= 1


@pytest.mark.parametrize("workload", [*SMALL, Reconnect(3)])
def test_it_is_data_that_can_be_sent_and_saved(workload: Workload) -> None:
    assert pickle.loads(pickle.dumps(workload)) == workload
    assert read(workload.body()) == workload


@pytest.mark.parametrize("body", [None, {}, {"name": "none"}, {"name": "cancel", "before": 3}, {"name": "cancel", "after": 0}])
def test_what_is_no_workload_is_refused(body: Any) -> None:
    with pytest.raises(Refused):
        read(body)


@pytest.mark.parametrize("workload", SMALL, ids=lambda workload: workload.name)
def test_its_figures_are_defined_and_its_streams_kept(workload: Workload) -> None:
    models = ["sim/tool-caller", "sim/tool-caller"]
    found = tw.compare("hello", models=models, workload=workload, runs=1, tokens=tokens(workload), **FAST).wait(LIMIT)
    assert found.why == "the one round was made"
    assert {trial.failures.get("") for trial in found.trials} == {None}
    for trial in found.trials:
        assert workload.by in trial.figures
        assert set(trial.figures) <= set(workload.figures)
        assert trial.calls == workload.calls == len(trial.streams) == len(trial.begun)
        assert all(entries[-1].terminal for entries in trial.streams)
        assert list(trial.begun) == sorted(trial.begun)
    assert workload.definition(workload.by).title in repr(found)


@pytest.mark.parametrize("workload", SMALL, ids=lambda workload: workload.name)
def test_a_file_gives_it_back(workload: Workload, tmp_path: Path) -> None:
    models = ["sim/tool-caller", "sim/steady"]
    found = tw.compare("hello", models=models, workload=workload, runs=2, tokens=tokens(workload), **FAST).wait(LIMIT)
    for name in ("x.json", "x.html"):
        again = tw.open_comparison(found.save(tmp_path / name))
        assert again.workload == workload
        assert (again.verdict, repr(again.words)) == (found.verdict, repr(found.words))
        assert [trial.streams for trial in again.trials] == [trial.streams for trial in found.trials]
    assert workload.definition(workload.by).formula in (tmp_path / "x.html").read_text()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"workload": "none"}, "no workload 'none': it is one of turn, tool-loop, cancel"),
        ({"workload": "tool-loop", "by": "total"}, "no figure 'total' of the workload 'tool-loop': it is one of loop_total"),
        ({"workload": "cancel", "transports": ["sse", "ws"]}, "workloads 'turn' and 'reconnect', not by 'cancel'"),
        ({"workload": "reconnect"}, "compares transports="),
        ({"prompt": None, "workload": "tool-loop", "messages": []}, "begins with a prompt"),
    ],
)
def test_what_it_is_not_for_is_refused_before_anything_is_asked(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        tw.compare(**{"prompt": "hello", "models": ["sim/steady", "sim/bursty"], **given, "show": False})
    assert tw.streams() == []


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (ToolLoop, {"turns": 0}),
        (ToolLoop, {"result": -1}),
        (Cancel, {"after": True}),
        (Reconnect, {"after": 1.5}),
        (ClosedLoop, {"users": 9, "requests": 8}),
        (OpenLoop, {"rate": 0}),
        (OpenLoop, {"requests": 1001}),
    ],
)
def test_options_have_limits(kind: type[Workload], options: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=f"'{next(iter(options))}' is a"):
        kind(**options)


def test_targets_are_of_figures_there_are() -> None:
    with pytest.raises(Refused, match="no figure 'ttft'"):
        ClosedLoop(targets={"ttft": 1})
    with pytest.raises(Refused, match="The target of 'total' is a number"):
        ClosedLoop(targets={"total": "1 s"})  # type: ignore[dict-item]


def test_the_budget_of_calls_counts_every_call() -> None:
    found = tw.compare("hello", models=["sim/tool-caller"] * 2, workload=ToolLoop(turns=3), calls=8, **FAST).wait(LIMIT)
    assert [trial.calls for trial in found.trials] == [3, 3]
    assert found.why == "the 6 calls were made, and a further run might pass 8"
    assert "2 of 26 runs, 6 calls" in found.progress


def test_the_time_left_is_that_of_the_runs_its_calls_allow() -> None:
    assert Budget(calls=40).left(2, 80, 10, each=10) == 10
    assert Budget(calls=5).left(1, 80, 10, each=10) == 0


def test_a_stop_in_the_middle_of_a_run_keeps_the_runs_before_it() -> None:
    loop = OpenLoop(requests=40, rate=20)
    found = tw.compare("hello", models=["sim/steady"] * 2, workload=loop, ttft_ms=600_000, show=False)
    while not found.done and len(tw.streams()) < 3:
        found.wait(0.01)
    found.stop()
    assert found.done
    assert (found.why, found.trials) == ("it was stopped", [])
    assert [stream["state"] for stream in tw.streams()].count("running") == 0
    assert len(tw.streams()) < 40, "no more were asked"


def test_what_workloads_say_stands_in_the_verdict() -> None:
    found = Findings([], ["sse", "ws"], "reconnect_latency", Budget(runs=1), 1, Reconnect())
    figures = {"reconnect_latency": 5000.0, "duplicates": 0.0, "lost": 0.0}
    found.trials = [Trial(number, 0, by_transport={"sse": figures, "ws": {**figures, "lost": number}}) for number in range(2)]
    assert found.verdicts[0].contenders[0].values == (None, 5000.0), "the cold round is kept apart"
    said = Reconnect().sentences("", found.trials)
    assert said == ["WebSocket: 1 events were lost and 0 came twice."]
    assert Reconnect().sentences("", found.trials[:1]) == ["Nothing was lost and nothing came twice in 2 reconnects."]
