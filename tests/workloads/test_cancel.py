"""Stopping in the middle: what is measured, and what is said of the provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from providers.scripted import Asked, Connection, Scripted, piece

import tokenwidgets as tw
from tokenwidgets.events import End, Start, Text, Usage, encode
from tokenwidgets.hub import NOT_CLOSED
from tokenwidgets.trials import Trial
from tokenwidgets.workloads import Cancel
from tokenwidgets.workloads.cancel import stop_figures

LIMIT = 60

pytestmark = pytest.mark.usefixtures("in_process")


def entries(*events: Any) -> tuple[Any, ...]:
    return tuple(encode(event, seq, 1000 * seq) for seq, event in enumerate(events))


def stopped(end: End) -> Trial:
    found = entries(Start("x", "a/m", "a", "openai-chat", 1.0), Text(0, "a"), end)
    return Trial(1, 0, figures={"stop_latency": 1.0, "upstream_closed": float(end.raw is None)}, entries=found)


def test_what_still_comes_after_a_stop_is_counted_and_timed() -> None:
    stream = entries(
        Start("x", "a/m", "a", "openai-chat", 1.0), Text(0, "a"), Text(0, "b"), Text(0, "c"), Usage(output=3), End("cancelled")
    )
    figures = stop_figures(stream, 2, [(0.001, 3), (0.004, 4), (0.010, 6)])
    assert figures == {"stop_latency": pytest.approx(10_000), "late_content": pytest.approx(4_000), "late_chunks": 2, "upstream_closed": 1}
    assert stop_figures(stream, 4, [(0.010, 6)])["late_content"] == 0


async def test_a_stop_reaches_the_provider(tmp_path: Path) -> None:
    async def speaks_until_it_is_stopped(connection: Connection, asked: Asked) -> None:
        await connection.head()
        while not connection.closed.is_set():
            await connection.chunk(piece("word "))

    async with Scripted(speaks_until_it_is_stopped) as server:
        host = f'[hosts.own]\ndialect = "openai-chat"\nbase_url = "{server.url}"\nlocal = true\nmodels = ["m"]\n'
        (tmp_path / "tokenwidgets.toml").write_text(host)
        found = await tw.compare("hello", models=["own/m", "own/m"], workload=Cancel(after=3), runs=1, show=False)
        for trial in found.trials:
            assert trial.failures == {}
            assert trial.figures["upstream_closed"] == 1
            assert trial.figures["stop_latency"] > 0
            assert "time_to_first_token" in trial.figures
        for connection in server.connections:
            await connection.closed.wait()


def test_an_answer_that_is_over_before_is_no_measurement() -> None:
    options = {"tokens": 3, "ttft_ms": 0, "itl_ms": 0, "show": False}
    found = tw.compare("hello", models=["sim/steady"] * 2, workload=Cancel(after=4), runs=1, **options).wait(LIMIT)
    assert {trial.failures[""] for trial in found.trials} == {"the answer was over before it could be stopped at chunk 4"}
    assert "failed in 2 of 2 runs." in found.verdict


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("yes", "The connection to a was closed, which stops the bill."),
        ("no", "The connection to a was closed, but the answer is generated and billed to its end."),
        ("unknown", "The connection to a was closed; whether that stops the bill is not documented."),
    ],
)
def test_what_a_stop_does_to_the_bill_is_said_once(told: Any, words: str) -> None:
    assert Cancel().sentences("a", [stopped(End("cancelled", cancel_stops_billing=told))] * 3) == [words]


def test_a_connection_that_did_not_close_is_said() -> None:
    trials = [stopped(End("cancelled")), stopped(End("cancelled", raw=NOT_CLOSED))]
    assert Cancel().sentences("a", trials) == ["a: as the stream ended, the provider's connection had not closed yet, in 1 of 2 runs."]
