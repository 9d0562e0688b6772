"""The page as the relay's client, as the kernel sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tokenwidgets.errors import Refused
from tokenwidgets.lab.base import Ended, Given, Plan, Shown
from tokenwidgets.lab.page import PageClient
from tokenwidgets.lab.relay import RelayRun

SAID: list[Mapping[str, Any]] = []


class NoProcess:
    """In the place of a run's server, which the page does not talk to."""

    def __init__(self, *given: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenwidgets.lab.running.Process", NoProcess)


async def said(content: Mapping[str, Any]) -> None:
    SAID.append(content)


async def invited() -> tuple[PageClient, RelayRun]:
    """A run whose server is up, as far as the page is concerned."""
    SAID.clear()
    client = PageClient(said)
    run = RelayRun(Plan(("webrtc-ordered", "webrtc")), client.invite)
    run.stream = "a"
    await client.invite(run)
    return client, run


async def asked(client: PageClient, op: str, **fields: Any) -> Mapping[str, Any]:
    return await client.operations[op]({"op": op, **fields}) or {}


async def test_one_page_is_the_client_and_another_is_not() -> None:
    client, _ = await invited()
    assert SAID == [{"op": "invited"}]
    assert await asked(client, "join") == {"stream": "a", "lanes": ("webrtc-ordered", "webrtc")}
    with pytest.raises(Refused, match="No run waits"):
        await asked(client, "join")


async def test_what_the_page_showed_is_reported_by_the_kernels_clock() -> None:
    client, run = await invited()
    run.began = before = time.monotonic_ns() // 1000
    answer = await asked(client, "came", stream="a", attached=["webrtc"], shown=[], ended=[], within=1500)
    assert before <= answer["at"] <= time.monotonic_ns() // 1000
    assert (run.about["client"], run.about["clock_ms"]) == ("the page", 1.5)
    run.put(Given(1, 10, "a "))
    shown, ended = (
        [["webrtc", 1, before + 60_000], ["webrtc", 2, before - 5]],
        [["webrtc", before + 70_000, ""], ["webrtc-ordered", before, "lost"]],
    )
    await asked(client, "came", stream="a", attached=[], shown=shown, ended=ended, within=None)
    reports = [report async for report in run]
    assert reports[1:3] == [Shown("webrtc", 1, 60_000), Shown("webrtc", 2, 0)]
    assert reports[3:] == [Ended("webrtc", 70_000), Ended("webrtc-ordered", 0, "lost")]
    with pytest.raises(Refused, match="This run is over"):
        await asked(client, "came", stream="a")


async def test_a_page_that_says_what_is_not_is_refused() -> None:
    client, _ = await invited()
    for wrong in (
        {"attached": ["sse"]},
        {"shown": [["webrtc"]]},
        {"shown": [["webrtc", "x", 1]]},
        {"ended": 7},
        {"shown": [["webrtc", 1, None]]},
    ):
        with pytest.raises(Refused):
            await asked(client, "came", stream="a", **wrong)
    with pytest.raises(Refused, match="no lane 'sse'"):
        await asked(client, "offer", stream="a", lane="sse", sdp="")
    with pytest.raises(Refused, match="This run is over"):
        await asked(client, "offer", stream="b", lane="webrtc", sdp="")


async def test_a_page_that_falls_silent_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokenwidgets.lab.page.SILENT_SECONDS", 0.01)
    _, run = await invited()
    run.began = time.monotonic_ns() // 1000
    async with asyncio.timeout(20):
        reports = [report async for report in run]
    assert {(report.lane, report.failed) for report in reports if isinstance(report, Ended)} == {
        (lane, "the page that was the client is gone") for lane in run.plan.lanes
    }
