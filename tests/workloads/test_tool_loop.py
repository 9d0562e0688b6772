"""The tool loop: what it sends, what it counts, and what it says of models that do not call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from providers.scripted import Scripted, answers

import tokenwidgets as tw
from tokenwidgets import api
from tokenwidgets.events import Error, encode
from tokenwidgets.measurement import Measurement
from tokenwidgets.recording import Header, Recording
from tokenwidgets.trials import Arm, Budget
from tokenwidgets.workloads import ToolLoop

LIMIT = 60
FAST: dict[str, Any] = {"ttft_ms": 0, "itl_ms": 0, "show": False}

pytestmark = pytest.mark.usefixtures("in_process")


def test_each_result_goes_back_with_the_next_request() -> None:
    asked: list[dict[str, Any]] = []

    def stream(**request: Any) -> tw.Result:
        asked.append(request)
        return api.stream(**request)

    arms = [Arm("a", {"model": "sim/tool-caller", "prompt": "hello", "ttft_ms": 0, "itl_ms": 0})]
    found = (
        Measurement(arms, [], "loop_total", Budget(runs=1), 1, stream, workload=ToolLoop(turns=3, result=25)).begin(show=False).wait(LIMIT)
    )
    roles = [[message["role"] for message in request["messages"]] for request in asked[:3]]
    assert roles == [["user"], ["user", "assistant", "tool"], ["user", "assistant", "tool", "assistant", "tool"]]
    assert {len(m["content"]) for m in asked[2]["messages"] if m["role"] == "tool"} == {25}
    assert {request["tool_choice"] for request in asked} == {"required"}
    figures = found.trials[0].figures
    assert figures["turns_without_call"] == 0
    assert figures["loop_total"] >= 3 * figures["turn_total"] * 0.5
    assert "loop_connections" not in figures, "what is simulated opens none"


def test_a_model_that_does_not_call_is_asked_on_and_it_is_said() -> None:
    found = tw.compare("hello", models=["sim/tool-caller", "sim/steady"], workload=ToolLoop(turns=2), runs=1, tokens=3, **FAST).wait(LIMIT)
    assert "sim/steady did not call the tool in 4 of 4 turns, so that its loops are other work." in found.verdict
    assert "sim/tool-caller did not" not in found.verdict


def test_a_turn_that_fails_ends_the_loop_and_is_named() -> None:
    def fails_at_the_second_turn(**request: Any) -> tw.Result:
        if len(request["messages"]) == 1:
            return api.stream(**request)
        return tw.load(Recording(Header("a/m", {}, 1.0), (encode(Error("overloaded", "It is overloaded."), 0, 9),)))

    arms = [Arm("a", {"model": "sim/tool-caller", "prompt": "hello", "ttft_ms": 0, "itl_ms": 0})]
    loop, budget = ToolLoop(turns=3), Budget(runs=1)
    found = Measurement(arms, [], "loop_total", budget, 1, fails_at_the_second_turn, workload=loop).begin(show=False).wait(LIMIT)
    assert [trial.failures for trial in found.trials] == [{"": "turn 2 of 3: It is overloaded."}] * 2
    assert [trial.calls for trial in found.trials] == [2, 2]
    assert "a failed in 2 of 2 runs." in found.verdict


async def test_bytes_and_connections_are_those_of_the_wire(tmp_path: Path) -> None:
    async with Scripted(answers) as server:
        host = f'[hosts.own]\ndialect = "openai-chat"\nbase_url = "{server.url}"\nlocal = true\nmodels = ["m"]\n'
        (tmp_path / "tokenwidgets.toml").write_text(host)
        loop = ToolLoop(turns=3)
        found = await tw.compare("hello", models=["own/m", "own/m"], workload=loop, runs=1, by="turn_bytes_sent", show=False)
        assert [trial.failures for trial in found.trials] == [{}] * 4
        sent = sum(len(asked.body) for asked in server.asked[:3]) / 3
        assert found.trials[0].figures["turn_bytes_sent"] == sent
        assert found.trials[0].figures["loop_connections"] == 1, "it is kept from turn to turn"
        assert found.trials[0].opened
        found.trials[-1] = replace(found.trials[-1], opened=True)
        assert None not in [found.values(arm)[1] for arm in (0, 1)], "opening connections is a part of a loop"
        assert " B" in repr(found)
