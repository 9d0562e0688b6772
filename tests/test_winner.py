"""`c.code()`: the program of what was shown to be best, and what its first line says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chat_server import Scripted
from programs import ran

from tokenwidgets.errors import Refused
from tokenwidgets.findings import Findings
from tokenwidgets.trials import Arm, Budget, Trial

pytestmark = pytest.mark.usefixtures("in_process")


def compared(scale: float, costs: tuple[float | None, float | None] = (None, None), **request: Any) -> Findings:
    """Two ways to ask the scripted server, the first one `scale` times as slow."""
    arms = [Arm(f"temperature={t}", {"prompt": "hello", "model": "scripted/m", "temperature": t, "show": False} | request) for t in (0, 1)]
    found = Findings(arms, [], "time_to_first_token", Budget(runs=12), 3)
    for number, arm in found.order:
        first = 400_000 * (1 if arm else scale) + 1_000 * (number % 3 - 1) * (1 if arm else -1)
        found.trials.append(Trial(number, arm, figures={"time_to_first_token": first}, cost=costs[arm]))
    return found


def first_line(code: str) -> str:
    return code.partition("\n")[0]


def test_it_is_the_program_of_the_one_that_was_ahead_and_it_runs(tmp_path: Path) -> None:
    with Scripted(["Yes, ", "it is."]).running() as server:
        server.configure()
        code = compared(1.5).code("python-httpx")
        assert first_line(code) == "# temperature=1, which was ahead by first token in a comparison of tokenwidgets."
        status, out, err = ran("python-httpx", code, tmp_path)
        assert (status, out.strip()) == (0, "Yes, it is."), err
        [(_, _, body)] = server.calls
    assert body["temperature"] == 1
    assert body["messages"][-1]["content"] == "hello"


def test_without_a_winner_it_is_the_first_one_and_says_so() -> None:
    with Scripted([]).running() as server:
        server.configure()
        code = compared(1).code("javascript")
    assert first_line(code).startswith("// No difference was shown by first token in a comparison of tokenwidgets; this is the first one:")
    assert '"temperature": 0' in code


def test_or_the_cheapest_one_where_it_is_known_which_that_is() -> None:
    with Scripted([]).running() as server:
        server.configure()
        cheap, unknown = compared(1, (0.002, 0.001)).code("curl"), compared(1, (None, 0.001)).code("curl")
    assert first_line(cheap).endswith("this is the cheapest one: temperature=1.")
    assert first_line(unknown).endswith("this is the first one: temperature=0.")


def test_our_own_transports_are_languages_as_everywhere() -> None:
    assert "websocket" in compared(1.5).code("python-ws").lower()


def test_no_label_gets_out_of_the_comment() -> None:
    found = compared(1)
    found.arms[0] = Arm("a\nimport os\u2028os.remove('x')\rb", found.arms[0].request)
    code = found.code("python-sse")
    assert "first one: a import os os.remove('x') b." in first_line(code)


def test_what_no_other_program_can_call_is_refused() -> None:
    with pytest.raises(Refused, match="sim answers inside tokenwidgets"):
        compared(1, model="sim/steady").code()
    with pytest.raises(Refused, match="Code can be had in"):
        compared(1).code("cobol")


def test_a_model_that_nobody_named_must_have_answered() -> None:
    found = compared(1)
    found.arms[0] = Arm("the call", {"prompt": "hello"})
    with pytest.raises(Refused, match="No model was named, and no call has said yet which one answers"):
        found.code()


def test_of_compared_transports_it_reads_over_the_one_that_was_ahead() -> None:
    found = Findings(
        [Arm("the call", {"prompt": "hello", "model": "sim/steady"})], ["sse", "ws"], "time_to_first_token", Budget(runs=20), 3
    )
    for number, arm in found.order:
        found.trials.append(Trial(number, arm, behind={"sse": 2_000 + number, "ws": 0}))
    assert first_line(found.code()) == "# WebSocket, which was ahead by delay behind the first lane in a comparison of tokenwidgets."
    assert "websockets" in found.code()
    assert found.code("javascript-sse") != found.code("javascript")
    found.trials[:] = [Trial(number, arm, behind={"sse": 100 * (number % 2), "ws": 100 * (1 - number % 2)}) for number, arm in found.order]
    assert first_line(found.code()).endswith("this is the first one: SSE.")
