"""A reader that is cut off and attaches again, over every transport, to a real server."""

from __future__ import annotations

from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets.comparison import TRANSPORT_WORDS
from tokenwidgets.lanes import READERS
from tokenwidgets.workloads import Reconnect

LIMIT = 90
STEADY = {"model": "sim/steady", "ttft_ms": 20, "itl_ms": 5, "jitter": 0, "tokens": 60, "show": False}


def test_over_each_transport_nothing_is_lost_and_nothing_comes_twice(kernel: Any) -> None:
    found = tw.compare("hello", transports=list(READERS), workload="reconnect", runs=2, seed=1, **STEADY).wait(LIMIT)
    assert found.why == "the 2 rounds were made"
    for trial in found.trials:
        assert trial.failures == {}
        assert trial.calls == 1, "one call, whatever its transports"
        assert set(trial.by_transport) == set(READERS)
        for figures in trial.by_transport.values():
            assert set(figures) == set(Reconnect.figures)
            assert (figures["duplicates"], figures["lost"]) == (0, 0)
            assert figures["reconnect_latency"] > 0
    assert f"Nothing was lost and nothing came twice in {3 * len(READERS)} reconnects." in found.verdict
    assert "by reconnect" in found.verdict
    assert list(found.table["contender"]) == [TRANSPORT_WORDS[name] for name in READERS]
    assert list(found.table["n"]) == [2] * len(READERS)


def test_a_transport_that_does_not_come_back_fails_alone(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(self: Any, sdp: str) -> str:
        raise kernel.away("The server takes no peers.")

    monkeypatch.setattr(type(kernel), "offer", refused)
    found = tw.compare("hello", transports=["sse", "webrtc"], workload="reconnect", runs=1, seed=1, **STEADY).wait(LIMIT)
    assert [set(trial.by_transport) for trial in found.trials] == [{"sse"}, {"sse"}]
    assert "WebRTC failed in 2 of 2 runs." in found.verdict


def test_an_answer_that_is_too_short_to_be_cut_is_no_measurement(kernel: Any) -> None:
    found = tw.compare("hello", transports=["sse", "ws"], workload=Reconnect(after=500), runs=1, seed=1, **STEADY).wait(LIMIT)
    assert {trial.failures[""] for trial in found.trials} == {"the answer had no more than 500 events"}
