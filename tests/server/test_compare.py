"""Transports compared: one call, read over all of them by this kernel, from a real server."""

from __future__ import annotations

from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets.lanes import READERS, Lanes
from tokenwidgets.portal import portal

LIMIT = 90
STEADY = {"model": "sim/steady", "ttft_ms": 100, "itl_ms": 5, "jitter": 0, "tokens": 20, "show": False}


def called() -> set[str]:
    """The server's calls of a provider, as far as it keeps them; playing a stream again is none."""
    return {stream["id"] for stream in tw.streams() if stream["host"] != "replay"}


def test_every_transport_reads_the_same_call(kernel: Any) -> None:
    before = called()
    found = tw.compare("hello", transports=list(READERS), runs=3, seed=1, **STEADY).wait(LIMIT)
    assert found.why == "the 3 rounds were made"
    assert len(called() - before) == len(found.trials) == 4, "one call a round, whatever its transports"
    for trial in found.trials[1:]:
        assert trial.failures == {}
        assert set(trial.behind) == set(READERS)
        assert min(delay for delay in trial.behind.values() if delay is not None) >= 0
    assert list(found.table["contender"][:3]) == ["SSE", "WebSocket", "WebRTC"]
    assert "Too early to tell" in found.verdict
    assert "what a page does with them is not in it" in found.verdict
    assert len(found.delays("sse")) == 4
    assert found.delays("sse")[0] is None, "the cold round is kept apart"


def test_a_transport_that_does_not_work_fails_in_its_lane(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(sdp: str) -> str:
        raise kernel.away("The server takes no peers.")

    monkeypatch.setattr(kernel, "offer", refused)
    found = tw.compare("hello", transports=["sse", "webrtc"], runs=1, seed=1, **STEADY).wait(LIMIT)
    assert [trial.behind["webrtc"] for trial in found.trials] == [None, None]
    assert "WebRTC failed in 2 of 2 calls." in found.verdict
    assert "Nothing to compare" in found.verdict


def test_the_way_to_each_lane_is_measured_by_leg_beside_the_others_and_alone(kernel: Any) -> None:
    found = tw.compare("hello", transports=["sse", "ws"], runs=4, seed=1, **STEADY).wait(LIMIT)
    for trial in found.trials:
        assert set(trial.legs) == {"sse", "ws"}
        assert len(trial.alone) == 1, "one lane alone a call, each in its turn"
        assert all(legs["gateway"]["median_us"] >= 0 for legs in trial.legs.values())
        for link in (*(legs["link"] for legs in trial.legs.values()), *trial.alone.values()):
            assert link["n"] > 10
            assert link["uncertainty_us"] > 0
            assert link["median_us"] > -link["uncertainty_us"], "nothing is read before it is written"
    assert [next(iter(trial.alone)) for trial in found.trials] == ["sse", "ws", "sse", "ws", "sse"]
    table = found.table.set_index(["by", "contender"])
    assert list(table["n"]["link"]) == [4, 4]
    assert list(table["n"]["link_alone"]) == [2, 2]
    assert found.verdict.count("From the gateway to its reader an event took: SSE ") == 2
    assert "played again by the server, which calls no provider" in found.verdict
    assert "The two clocks are aligned to ± 0." in found.verdict
    assert "drift" in found.environment["clocks"]


def test_an_answer_that_is_not_whole_is_not_played_again(kernel: Any) -> None:
    cut = tw.stream("hello", **{**STEADY, "tokens": 100_000})
    cut.stop()
    assert portal().run(Lanes(kernel, ["sse", "ws"]).alone(cut), LIMIT) == []
