"""The network lab's widget, in a kernel without a page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from scripted_run import Scripted, run_of

import tokenwidgets as tw
from tokenwidgets.errors import Refused
from tokenwidgets.lab import backends
from tokenwidgets.lab.base import LANES, Ended, Given, Lane, Packet, Shown
from tokenwidgets.lab.batch import PACKETS, TOKENS_KEPT, Batch
from tokenwidgets.lab.names import NAMES
from tokenwidgets.portal import portal

FOUR: Mapping[Lane, int] = {"sse": 12, "ws": 11, "webrtc-ordered": 30, "webrtc": 0}
SECONDS = 20


@pytest.fixture(autouse=True)
def here(in_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can run here is not tried; streams are not asked for a server."""
    monkeypatch.setattr(backends, "why_not", lambda name: "This is a test." if name == "tun" else "")


def lab_of(backend: Scripted, **given: Any) -> tw.NetworkLab:
    return tw.network_lab(backend, **given)


def test_a_run_gives_the_figures_of_every_lane_with_their_provenance() -> None:
    scripted = Scripted(run_of(FOUR))
    lab = lab_of(scripted).start().wait(SECONDS)
    assert lab.state == "over"
    assert [(row["lane"], row["stalls"], row["missing"], row["tokens"]) for row in lab.rows] == [
        (lane, n, 0, 300) for lane, n in FOUR.items()
    ]
    sse = lab.rows[0]
    assert (sse["p50_ms"], sse["p99_ms"], sse["drops"], sse["packets"]) == (50.0, 300.0, 12, 300)
    assert (sse["backend"], sse["congestion_control"], sse["rtt_ms"], sse["loss_model"], sse["seed"]) == (
        "model",
        "cubic",
        100.0,
        "5 % lost",
        "1",
    )
    assert sse["words"]["median"] == "50 ms"
    assert lab.provenance.startswith("model · congestion control cubic · round trip 100 ms · 5 % lost")
    assert list(lab.table["stalls"]) == list(FOUR.values())
    assert [run.closed for run in scripted.runs] == [1]


def test_a_stopped_run_is_closed_and_what_was_in_the_air_is_not_missing() -> None:
    scripted = Scripted(run_of(FOUR, ends=False))
    lab = lab_of(scripted).start()
    assert lab.stop().state == "over"
    assert [run.closed for run in scripted.runs] == [1]
    assert {row["missing"] for row in lab.rows} == {None}


def test_a_change_holds_from_now_on_and_for_the_next_run() -> None:
    scripted = Scripted(run_of(FOUR, ends=False))
    lab = lab_of(scripted, loss=0.01).start()
    while lab.state != "running":
        lab.change()
    lab.change(loss=0.2, cut=True)
    assert (scripted.runs[0].changes[-1].loss, scripted.runs[0].changes[-1].cut) == (0.2, True)
    lab.stop().change(cut=False).start().stop()
    assert (scripted.runs[1].plan.impairment.loss, scripted.runs[1].plan.impairment.cut) == (0.2, False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"los": 1}, "no 'los'"),
        ({"loss": 2}, "'loss' of a link is 0 to 1"),
        ({"cut": 1}, "'cut' is True or False"),
        ({"burst": "x"}, "number"),
    ],
)
def test_what_no_link_can_be_is_refused_in_a_sentence(change: dict[str, Any], words: str) -> None:
    lab = lab_of(Scripted())
    with pytest.raises(Refused, match=words):
        lab.change(**change)
    with pytest.raises(Refused, match=words):
        lab_of(Scripted(), **change)
    assert lab.impairment["loss"] == 0.05


@pytest.mark.parametrize("lanes", [[], "sse", ["sse", "sse"], ["quic"]])
def test_lanes_that_there_are_not_are_refused(lanes: Any) -> None:
    with pytest.raises(Refused, match="'lanes' are one or more of sse"):
        lab_of(Scripted(), lanes=lanes)


def test_only_one_lab_runs_at_a_time() -> None:
    one, two = Scripted(run_of(FOUR, ends=False)), Scripted(run_of(FOUR))
    first = lab_of(one).start()
    lab_of(two).start().wait(SECONDS)
    assert first.state == "over"
    assert one.runs[0].closed == 1


def test_what_is_changed_while_a_run_begins_holds_in_it() -> None:
    scripted = Scripted(run_of(FOUR), begins=False)
    lab = lab_of(scripted).start()
    assert scripted.asked.wait(SECONDS)
    lab.change(loss=0.2)
    scripted.may_begin.set()
    lab.wait(SECONDS)
    assert [change.loss for change in scripted.runs[0].changes] == [0.2]


def test_a_run_that_does_not_begin_is_stopped_at_once() -> None:
    scripted = Scripted(run_of(FOUR), begins=False)
    lab = lab_of(scripted).start()
    assert scripted.asked.wait(SECONDS)
    assert lab.stop().state == "over"
    assert scripted.runs == []


def test_two_starts_that_wait_for_the_same_end_leave_one_run() -> None:
    first, scripted = Scripted(run_of(FOUR, ends=False)), Scripted(run_of(FOUR, ends=False))
    lab_of(first).start()
    lab = lab_of(scripted)

    async def both() -> None:
        await asyncio.gather(lab._start(), lab._start())

    portal().run(both(), SECONDS)
    lab.stop()
    assert all(run.closed for run in (*first.runs, *scripted.runs))
    assert lab.state == "over"


def test_a_lab_that_no_page_shows_any_more_stops() -> None:
    scripted = Scripted(run_of(FOUR, ends=False))
    lab = lab_of(scripted).start()
    lab._handle_custom_msg({"op": "shown"}, [])
    lab._handle_custom_msg({"op": "left"}, [])
    lab.wait(SECONDS)
    assert (lab.state, scripted.runs[0].closed) == ("over", 1)


def test_a_backend_that_refuses_says_why_in_the_widget_and_in_the_notebook() -> None:
    lab = lab_of(Scripted(refuses="It has no cable.")).start()
    with pytest.raises(Refused, match="It has no cable"):
        lab.wait(SECONDS)
    assert (lab.state, lab.error) == ("over", "It has no cable.")


def test_lanes_that_a_backend_cannot_carry_are_left_out() -> None:
    lab = lab_of(Scripted(lanes=("webrtc-ordered", "webrtc")))
    assert [lane["lane"] for lane in lab.lanes] == ["webrtc-ordered", "webrtc"]


def test_where_real_packets_cannot_be_lost_it_is_simulated_and_says_why() -> None:
    assert backends.best() == "model"
    assert backends.why("model") == f"{backends.WORDS['model']} This is a test."
    with pytest.raises(Refused, match="This is a test"):
        tw.network_lab("tun")


def test_only_a_relay_has_the_page_as_its_client_and_only_where_a_page_is() -> None:
    with pytest.raises(Refused, match="client of the backend relay, not of model"):
        lab_of(Scripted(), page=True)
    with pytest.raises(Refused, match="no page shows this lab"):
        tw.network_lab("relay", page=True).start()


# ---- predict first, then reveal


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        ("webrtc-ordered", "You were right. Ordered data channel stalled most: 30 times in 300 tokens; SSE 12, WebSocket 11, "
                           "loss-tolerant data channel 0."),
        ("webrtc", "You said loss-tolerant data channel. Ordered data channel stalled most: 30 times"),
        ("none", "You said that no lane stalls more than another. Ordered data channel stalled most"),
        ("skipped", "Ordered data channel stalled most"),
    ],
)  # fmt: skip
def test_a_prediction_is_held_against_what_was_measured(prediction: str, words: str) -> None:
    lab = lab_of(Scripted(run_of(FOUR))).predict(prediction).start().wait(SECONDS)
    assert lab.prediction == prediction
    assert lab.verdict.startswith(words)


def test_a_verdict_waits_for_the_prediction() -> None:
    lab = lab_of(Scripted(run_of(FOUR))).start().wait(SECONDS)
    assert lab.verdict == ""
    assert lab.predict("skipped").verdict.startswith("Ordered data channel stalled most")
    with pytest.raises(Refused, match="'carrier pigeon'"):
        lab.predict("carrier pigeon")


@pytest.mark.parametrize(
    ("stalls", "prediction", "words"),
    [
        ({"sse": 0, "ws": 0}, "none", "You were right. No difference shown: no lane stalled in 300 tokens."),
        ({"sse": 12, "ws": 13}, "ws", "You said WebSocket. No difference shown in 300 tokens: stalls were WebSocket 13, SSE 12."),
        ({"sse": 12, "ws": 11, "webrtc": 0}, "ws", "You may be right. SSE 12, WebSocket 11 stalls in 300 tokens, no difference shown "
                                                   "between them; loss-tolerant data channel 0."),
        ({"sse": 5, "webrtc": 0}, "skipped", "No difference shown"),
        ({"sse": 6, "webrtc": 0}, "skipped", "SSE stalled most: 6 times"),
        ({"sse": 6}, "sse", ""),
    ],
)  # fmt: skip
def test_what_does_not_differ_is_called_no_difference(stalls: Mapping[Lane, int], prediction: str, words: str) -> None:
    lab = lab_of(Scripted(run_of(stalls)), lanes=list(stalls)).start().wait(SECONDS)
    assert lab.predict(prediction).verdict.startswith(words)
    assert bool(lab.verdict) == bool(words)


# ---- what a page is told


def told(batch: Batch) -> Mapping[str, Any]:
    message = batch.message()
    assert message is not None
    return json.loads(json.dumps(message))


def test_messages_are_numbered_and_a_snapshot_takes_their_place() -> None:
    batch = Batch(3, ("sse", "webrtc"))
    batch.take(Given(7, 1000, "Hello "))
    batch.take(Packet("webrtc", True, 90, 1100, 51_100))
    batch.take(Packet("sse", False, 60, 1200, 1200, "loss"))
    first = told(batch)
    assert (first["run"], first["n"], first["now"], first["every"]) == (3, 0, 1200, 1)
    assert first["given"] == [[7, 1000, "Hello "]]
    assert first["packets"] == [[1, 1, 90, 1100, 51_100, 0], [0, 0, 60, 1200, 1200, 1]]
    assert batch.message() is None
    batch.take(Shown("webrtc", 7, 51_200))
    assert told(batch)["shown"] == [[1, 7, 51_200]]
    assert batch.snapshot() == {"run": 3, "n": 2, "now": 51_200, "given": [(7, 1000, "Hello ")], "reached": [-1, 7]}


def test_many_packets_are_sampled_and_it_is_said_how() -> None:
    batch = Batch(1, ("sse",))
    for at in range(10 * PACKETS + 1):
        batch.take(Packet("sse", True, 90, at, at + 50_000))
    message = told(batch)
    assert message["every"] == 11
    assert len(message["packets"]) <= PACKETS


def test_a_page_that_comes_late_gets_the_newest_tokens_only() -> None:
    batch = Batch(1, ("sse",))
    for seq in range(2 * TOKENS_KEPT):
        batch.take(Given(seq, seq, "w "))
        batch.message()
    assert len(batch.snapshot()["given"]) == TOKENS_KEPT


# ---- the static form


def forms(lab: tw.NetworkLab) -> Sequence[str]:
    bundle = lab.static()
    return [bundle[kind] for kind in ("text/html", "text/markdown", "text/plain")]


def test_every_form_says_that_it_is_simulated_what_was_measured_and_of_what() -> None:
    lab = lab_of(Scripted(run_of(FOUR))).predict("webrtc-ordered").start().wait(SECONDS)
    for form in forms(lab):
        for words in ("simulated", "ordered data channel", "300 ms", "100", "control cubic", "You were right"):
            assert words in form.replace("&nbsp;", " ").replace("&#46;", ".")
    assert forms(lab)[0].count("<svg") == 4
    assert "<script" not in forms(lab)[0]


def test_a_file_of_it_holds_the_figures_and_the_end_of_each_text(tmp_path: Path) -> None:
    lab = lab_of(Scripted(run_of(FOUR))).predict("sse").start().wait(SECONDS)
    page = lab.to_html(tmp_path / "lab.html").read_text(encoding="utf-8")
    assert '"stalls":30' in page
    assert '"reached":[299,299,299,299]' in page
    assert lab.verdict in page


def test_before_a_run_it_says_how_to_begin() -> None:
    for form in forms(lab_of(Scripted())):
        assert "Not run yet" in form
        assert "simulated" in form


def test_a_lane_that_gave_up_says_why() -> None:
    reports = [*run_of({"sse": 1}), Ended("ws", 9, "it did not open <b>")]
    lab = lab_of(Scripted(reports), lanes=["sse", "ws"]).start().wait(SECONDS)
    html, _, plain = forms(lab)
    assert "it did not open &lt;b&gt;" in html
    assert "it did not open" in plain


def test_a_lane_has_a_name_in_every_sentence() -> None:
    assert list(NAMES) == list(LANES)
