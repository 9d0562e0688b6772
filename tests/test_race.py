"""Races: lanes, figures, verdicts, and what is kept of them."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chat_server import run

import tokenwidgets as tw
from tokenwidgets import commands, completion
from tokenwidgets.cli.lanes import watch
from tokenwidgets.comparison import Comparison, Lane
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Error, Start, Text, encode
from tokenwidgets.listing import Table
from tokenwidgets.recording import Header, Recording, RecordingError

CASES = json.loads((Path(__file__).parent / "data" / "race.json").read_text())
FAST = {"ttft_ms": 1, "itl_ms": 1, "tokens": 12, "show": False}


def result(model: str, first: int | None = 1000, events: int = 30, failed: bool = False) -> tw.Result:
    """A stream that is over, with its first token at an instant."""
    texts = [] if first is None else [encode(Text(0, "word "), seq, first + 1000 * seq - 1000) for seq in range(1, events - 1)]
    end = Error("overloaded", "The server is overloaded.") if failed else End("stop")
    start = encode(Start("x", model, model.split("/")[0], "openai-chat", 1790000000.0), 0, 0)
    return tw.load(
        Recording(
            Header(model, {"model": model, "prompt": "secret plan"}, 1790000000.0), (start, *texts, encode(end, len(texts) + 1, 90_000))
        )
    )


def of_case(lanes: list[dict[str, Any]]) -> Comparison:
    streams = {lane["stream"]: result(lane["stream"], lane["first"]) for lane in lanes}
    failures = ["it failed" if lane["failed"] else "" for lane in lanes]
    return Comparison([Lane(str(i), "ws", streams[lane["stream"]], tuple(lane["arrived"]), failures[i]) for i, lane in enumerate(lanes)])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_same_vectors_as_the_page(case: dict[str, Any], in_process: object) -> None:
    comparison = of_case(case["lanes"])
    told = [delay and {"median": delay.median_us, "p95": delay.p95_us, "n": delay.n} for delay in comparison.delays]
    assert told == case["delays"]
    leader = comparison.leader
    assert (leader and {"lane": comparison.lanes.index(leader), "lead": comparison.lead_us}) == case["leader"]


def arrivals(step: int, late: int) -> tuple[int, ...]:
    return (0, *(step * seq + late for seq in range(1, 30)))


def test_a_verdict_names_its_figures_and_never_more_than_one_run_can_show(in_process: object) -> None:
    stream = result("sim/steady")
    ahead = Comparison([Lane("SSE", "sse", stream, arrivals(1000, 400)), Lane("WebSocket", "ws", stream, arrivals(1000, 0))])
    assert ahead.verdict == (
        "WebSocket was ahead: the median delay behind the first lane to bring an event was 0.00 ms for WebSocket and 0.40 ms for SSE "
        "(n = 29 events). One run is no evidence of a difference beyond this run."
    )
    level = Comparison([Lane("SSE", "sse", stream, arrivals(1000, 50)), Lane("WebSocket", "ws", stream, arrivals(1000, 0))])
    assert level.leader is None
    assert level.verdict.startswith("No difference shown: ")
    assert level.verdict.endswith("One run is no evidence of a difference beyond this run.")


def test_models_are_compared_by_their_first_token_and_one_that_failed_never_leads(in_process: object) -> None:
    lanes = [
        Lane("a/x", "auto", result("a/x", 3000)),
        Lane("b/y", "auto", result("b/y", 8000)),
        Lane("c/z", "auto", result("c/z", 1, failed=True)),
    ]
    comparison = Comparison(lanes)
    assert comparison.leader is lanes[0]
    assert comparison.verdict.startswith("a/x was ahead: its first token came 5.0 ms before that of b/y")
    assert lanes[2].error == "The server is overloaded."


@pytest.mark.parametrize(
    ("lanes", "why"),
    [
        (lambda stream: [Lane("SSE", "sse", stream), Lane("WebSocket", "ws", stream)], "no page has told"),
        (lambda stream: [Lane("SSE", "sse", stream, arrivals(1000, 0)), Lane("WebRTC", "webrtc", stream, (), "no path")], "WebRTC failed"),
        (
            lambda stream: [Lane("SSE", "sse", stream, (5,) * 30), Lane("WebSocket", "ws", stream, (9,) * 30)],
            "over before all lanes read it",
        ),
    ],
)
def test_where_nothing_can_be_compared_the_verdict_says_why(lanes: Callable[[tw.Result], list[Lane]], why: str, in_process: object) -> None:
    comparison = Comparison(lanes(result("sim/steady")))
    assert comparison.verdict.startswith("Nothing to compare: ")
    assert why in comparison.verdict
    assert comparison.leader is None


def test_the_table_has_a_row_a_lane_in_numbers_and_in_words(in_process: object, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = result("sim/steady")
    comparison = Comparison([Lane("SSE", "sse", stream, arrivals(1000, 400)), Lane("WebRTC", "webrtc", stream, (), "no path")])
    table: Any = comparison.table
    assert list(table["lane"]) == ["SSE", "WebRTC"]
    assert list(table["outcome"]) == ["done", "failed: no path"]
    assert list(table["n"]) == [0, 0]
    assert list(table["first_token_us"]) == [1000, 1000]
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    words = comparison.table
    assert isinstance(words, Table)
    assert "failed: no path" in repr(words)
    assert "behind, median" not in words.head


def test_models_race_and_one_failure_leaves_the_others(in_process: object) -> None:
    race = tw.race("hello", models=["sim/steady", "nowhere/model", "sim/bursty"], **FAST).wait(20)
    assert race.done
    steady, nowhere, bursty = race.lanes
    assert [lane.label for lane in race.lanes] == ["sim/steady", "nowhere/model", "sim/bursty"]
    assert steady.result.text
    assert bursty.result.text
    assert "nowhere" in nowhere.error
    assert not steady.error


def test_each_model_is_one_call_whatever_its_transports(in_process: Any) -> None:
    race = tw.race("hello", models=["sim/steady", "sim/bursty"], transports=["sse", "ws"], seed=3, **FAST).wait(20)
    assert [lane.label for lane in race.lanes] == [
        "sim/steady · SSE",
        "sim/steady · WebSocket",
        "sim/bursty · SSE",
        "sim/bursty · WebSocket",
    ]
    assert len(race.results) == len(tw.streams()) == 2
    assert race.order == [3, 0, 1, 2]


def test_something_races_itself(in_process: object) -> None:
    race = tw.race("hello", models=["sim/steady", "sim/steady"], **FAST).wait(20)
    assert [lane.label for lane in race.lanes] == ["sim/steady", "sim/steady (2)"]
    assert len(race.results) == 2


def test_pieces_come_with_their_lane_in_loops_of_both_kinds(in_process: object) -> None:
    race = tw.race("hello", models=["sim/steady", "sim/bursty"], **FAST)
    texts = {lane.label: "" for lane in race.lanes}
    for lane, piece in race:
        texts[lane.label] += piece
    assert texts == {lane.label: lane.result.text for lane in race.lanes}

    async def read() -> list[str]:
        race = tw.race("hello", models=["sim/steady", "sim/bursty"], **FAST)
        pieces = [piece async for _, piece in race]
        assert (await race) is race
        return pieces

    assert "".join(sorted(asyncio.run(read())))


def test_stop_ends_every_stream_and_keeps_what_came(in_process: object) -> None:
    race = tw.race("hello", models=["sim/steady", "sim/bursty"], show=False, ttft_ms=1, itl_ms=20, tokens=100_000)
    next(iter(race))
    race.stop()
    assert race.wait(20).done
    assert [lane.result.finish_reason for lane in race.lanes] == ["cancelled", "cancelled"]


def test_an_interrupt_while_it_is_only_just_shown_stops_it(in_process: object, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tw.Race] = []

    def interrupted(race: tw.Race) -> None:
        shown.append(race)
        raise KeyboardInterrupt

    monkeypatch.setattr(tw.Race, "show", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tw.race("hello", models=["sim/steady", "sim/bursty"], ttft_ms=600_000)
    assert [lane.result.wait(20).finish_reason for lane in shown[0].lanes] == ["cancelled", "cancelled"]


def test_an_interrupt_while_its_lanes_are_drawn_stops_it_and_draws_how_they_ended(in_process: object) -> None:
    class Interrupted(io.StringIO):
        left = 2

        def write(self, text: str) -> int:
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
            return super().write(text)

    race = tw.race("hello", models=["sim/steady", "sim/bursty"], show=False, ttft_ms=1, itl_ms=20, tokens=100_000)
    out = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        watch(race, out)
    assert [lane.result.wait(20).finish_reason for lane in race.lanes] == ["cancelled", "cancelled"]
    assert "sim/steady: stopped" in out.getvalue()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs two lanes"),
        ({"transports": ["sse"]}, "needs two lanes"),
        ({"transports": ["sse", "pigeon"]}, "no transport 'pigeon'"),
        ({"transports": ["sse", "auto"]}, "no transport 'auto'"),
        ({"transports": "ws"}, "list of names"),
        ({"models": "sim/steady"}, "list of names"),
        ({"models": ["sim/steady"] * 3, "transports": ["sse", "ws", "webrtc"]}, "at most 8 lanes"),
        ({"models": ["a/b", "c/d"], "model": "e/f"}, "not both"),
    ],
)
def test_what_is_no_race_is_refused_before_anything_is_asked(given: dict[str, Any], words: str, in_process: object) -> None:
    with pytest.raises(Refused, match=words):
        tw.race("hello", **given)
    assert tw.streams() == []


def test_a_race_is_kept_in_a_file(in_process: object, tmp_path: Path) -> None:
    race = tw.race("hello", transports=["sse", "ws"], model="sim/steady", seed=1, **FAST).wait(20)
    n = len(race.lanes[0].result.journal.entries)
    race.told([(list(range(0, 1000 * n, 1000)), ""), ([], "no SSE: blocked")])
    again = tw.Race.load(race.save(tmp_path / "race.json"))
    assert again.done
    assert repr(again) == repr(race)
    assert [lane.arrivals for lane in again.lanes] == [lane.arrivals for lane in race.lanes]
    assert [lane.error for lane in again.lanes] == ["no SSE: blocked", ""]
    assert again.static()["text/html"] == race.static()["text/html"].replace(str(race.created), str(again.created))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"tokenwidgets_race": 1}', '{"tokenwidgets_race": 1, "streams": [1], "lanes": []}', '{"tokenwidgets_race": 2}'],
)
def test_what_is_no_kept_race_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "race.json").write_text(text)
    with pytest.raises(RecordingError, match=r"race\.json"):
        tw.Race.load(tmp_path / "race.json")
    with pytest.raises(RecordingError, match="no such file"):
        tw.Race.load(tmp_path / "other.json")


def test_the_static_form_is_whole_and_holds_no_markup_of_a_model(in_process: object) -> None:
    race = tw.race("hello", models=["sim/steady", "<img src=x>/y"], **FAST).wait(20)
    bundle = race.static()
    assert "<img" not in bundle["text/html"]
    assert bundle["text/html"].count("<svg") == 2
    assert "<script" not in bundle["text/html"]
    assert "sim/steady" in bundle["text/plain"]
    assert race.verdict in bundle["text/plain"]


def test_a_page_tells_once_and_what_it_says_is_checked(in_process: object) -> None:
    from tokenwidgets.portal import portal
    from tokenwidgets.widgets.race import RaceTrack

    race = tw.race("hello", transports=["sse", "ws"], model="sim/steady", seed=1, **FAST).wait(20)
    track = RaceTrack(race)
    assert [run["label"] for run in track.runs] == ["WebSocket", "SSE"]
    assert [run["only"] for run in track.runs] == [True, True]
    assert track.rows == [1, 0]

    def says(*runs: Any) -> None:
        portal().run(track._arrivals({"op": "arrivals", "runs": list(runs)}))

    good = {"arrived": [0, 10, 30], "failure": ""}
    for bad in [
        {"arrived": [0, 1.5], "failure": ""},
        {"arrived": [True], "failure": ""},
        {"arrived": [-1], "failure": ""},
        {"arrived": "x"},
        7,
    ]:
        with pytest.raises(Refused):
            says(good, bad)
    with pytest.raises(Refused):
        says(good)
    says(good, {"arrived": [], "failure": "no SSE: blocked"})
    says({"arrived": [], "failure": "late"}, good)
    assert [(lane.label, lane.arrivals, lane.failure) for lane in race.lanes] == [
        ("SSE", (), "no SSE: blocked"),
        ("WebSocket", (0, 10, 30), ""),
    ]
    state = json.dumps(track.get_state(["runs", "rows", "verdict", "arrivals"]))
    assert "hello" not in state
    assert race.lanes[0].result.text[:20] not in state


def test_in_a_terminal_the_lanes_and_the_verdict_are_printed(tmp_path: Path) -> None:
    program = "import tokenwidgets as tw; tw.race('hello', models=['sim/steady', 'sim/bursty'], ttft_ms=1, itl_ms=1, tokens=12)"
    code, out, err = run("-c", program)
    assert code == 0, err
    lines = out.splitlines()
    assert sorted(line.split(":")[0] for line in lines[:2]) == ["sim/bursty", "sim/steady"]
    assert lines[2].endswith("One run is no evidence of a difference beyond this run.")


def test_a_line_of_the_magic_is_a_race_only_if_it_says_what_races() -> None:
    assert commands.parse(["race", "cars", "are", "fast"]) is None
    assert commands.parse(["race", "--models", "a/b,c/d"]) is None
    assert commands.parse(["race", "why", "is", "it", "--models", "a/b,c/d"]) is not None
    assert commands.parse(["race", "--transports", "sse,ws", "why"]) is not None
    with pytest.raises(Refused, match="'-o' is no option of a race"):
        commands.parse(["race", "why", "-o", "tokens", "5", "--models", "a/b,c/d"])


def test_a_race_is_completed() -> None:
    assert "race" in completion.candidates("%stream ra", "ra")
    assert completion.candidates("%stream race why --tr", "--tr") == ["--transports"]
    offered = ["sse,ws", "sse,webrtc", "sse,webrtc-ordered", "sse,webrtc-unordered"]
    assert completion.candidates("%stream race why --transports sse,w", "sse,w") == offered


def test_the_magic_races_and_waits() -> None:
    program = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("%load_ext tokenwidgets")
shell.run_cell("colour = 'blue'")
shell.run_cell("race = get_ipython().run_line_magic('stream', 'race why is the sky {colour} --models sim/steady,sim/bursty')")
race = shell.user_ns["race"]
print(race.done, [lane.label for lane in race.lanes], race.lanes[0].result.request["prompt"])
"""
    code, out, err = run("-c", program)
    assert code == 0, err
    assert out.splitlines()[-1] == "True ['sim/steady', 'sim/bursty'] why is the sky blue"


def test_an_exported_race_holds_when_the_events_came(in_process: object, tmp_path: Path) -> None:
    from tokenwidgets.widgets.race import RaceTrack

    race = tw.race("hello", transports=["sse", "ws"], model="sim/steady", seed=0, **FAST).wait(20)
    race.told([([0, 10, 30], ""), ([], "no WebSocket: blocked")])
    page = RaceTrack(race).to_html(tmp_path / "race.html").read_text()
    contents = json.loads(page.split('id="tokenwidgets">', 1)[1].split("</script>", 1)[0])
    assert contents["traits"]["arrivals"] == [[0, 10, 30], []]
    assert [run["failure"] for run in contents["traits"]["runs"]] == ["", "no WebSocket: blocked"]
    assert contents["traits"]["verdict"] == "Nothing to compare: WebSocket failed."
