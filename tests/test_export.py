"""A widget as one HTML file: it holds what it shows, and nothing that a model wrote, nor any key, gets out of it."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets import events
from tokenwidgets.events import End, Event, Start, Text
from tokenwidgets.output import Bundle
from tokenwidgets.recording import Frame, Header, dump
from tokenwidgets.widgets.base import STATIC, RunsWidget

KEY = "sk-planted-7f3a9c2e51d84b60"
START = Start("x", "openai/gpt-5.2", "openai", "openai-chat", 1785506700.0)
HOSTILE = "</script><!--<script>alert(1)</script>\u2028]]>&lt;"


def recorded(path: Path, *texts: str, frames: tuple[Frame, ...] = ()) -> Path:
    said: list[Event] = [START, *(Text(0, text) for text in texts), End("stop")]
    entries = [events.encode(event, seq, seq * 100_000) for seq, event in enumerate(said)]
    dump(path, Header("openai/gpt-5.2", {"model": "openai/gpt-5.2"}, 1785506700.0), entries, frames)
    return path


class Page(HTMLParser):
    """The scripts and the policy of a page, as a browser finds them."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.scripts: list[tuple[str, str]] = []
        self.policy = ""
        self._open: str | None = None
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script":
            self._open = given["type"] or ""
            self.scripts.append((self._open, ""))
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._open = None if tag == "script" else self._open

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)

    @property
    def contents(self) -> Any:
        return json.loads(dict(self.scripts)["application/json"])


def test_a_stream_s_widget_holds_its_events_and_frames(tmp_path: Path) -> None:
    source = tw.load(recorded(tmp_path / "a.jsonl", "Hello", frames=(Frame(b"data: {}\n\n", 7),)))
    written = tw.Timeline(source).to_html(tmp_path / "a.html")
    contents = Page(written).contents
    assert written == tmp_path / "a.html"
    assert [event["type"] for event in contents["traits"]["events"]] == ["start", "text", "end"]
    (frame,) = contents["frames"][source.stream]
    assert (b64decode(frame["frame"]), frame["at"], frame["dir"]) == (b"data: {}\n\n", 7, "in")
    assert {"selected", "at", "speed", "mount"} <= set(contents["traits"])


@pytest.mark.parametrize("widget", [tw.Timeline, tw.WireInspector])
def test_what_a_model_writes_stays_text(tmp_path: Path, widget: type) -> None:
    frames = (Frame(f"data: {json.dumps(HOSTILE)}\n\n".encode(), 5),)
    page = Page(widget(recorded(tmp_path / "a.jsonl", HOSTILE, frames=frames)).to_html(tmp_path / "a.html"))
    assert [kind for kind, _ in page.scripts] == ["application/json", "module"]
    assert page.contents["traits"]["events"][1]["delta"] == HOSTILE
    assert "alert(1)" not in page.scripts[1][1]


def test_the_policy_allows_the_one_script_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = Page(tw.Timeline(recorded(tmp_path / "a.jsonl", "Hello")).to_html(tmp_path / "a.html"))
    rules = dict(rule.split(" ", 1) for rule in page.policy.split("; "))
    (script,) = [text for kind, text in page.scripts if kind == "module"]
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}' blob:"
    assert not re.search(r"https?:|\*|'self'", page.policy)


def test_no_key_gets_into_the_file_wherever_one_was(tmp_path: Path) -> None:
    frames = (Frame(f'{{"prompt":"my key is {KEY}"}}'.encode(), 1, "out"), Frame(f'data: "{KEY}"\n\n'.encode(), 5))
    source = recorded(tmp_path / "a.jsonl", f"It is {KEY}, I think.", frames=frames)
    for widget in (tw.Timeline(source), tw.WireInspector(source)):
        contents = Page(widget.to_html(tmp_path / "a.html")).contents
        held = json.dumps(contents["traits"]) + "".join(b64decode(f["frame"]).decode() for f in next(iter(contents["frames"].values())))
        assert KEY not in held
        assert held.count("[redacted]") == 3


class Lanes(RunsWidget):
    _esm = "export default () => ({})"
    _css = ""

    def static(self) -> Bundle:
        return {"text/html": "<p>Lanes</p>"}


def test_a_widget_of_several_streams_holds_them_all(tmp_path: Path) -> None:
    sources = {"one": recorded(tmp_path / "a.jsonl", "a"), "two": recorded(tmp_path / "b.jsonl", "b", "b")}
    traits = Page(Lanes(sources).to_html(tmp_path / "lanes.html")).contents["traits"]
    assert [(run["label"], len(run["events"])) for run in traits["runs"]] == [("one", 3), ("two", 4)]


def test_a_stream_that_runs_is_waited_for(tmp_path: Path, in_process: object) -> None:
    result = tw.stream("hello", model="sim/steady", show=False, ttft_ms=1, itl_ms=1, tokens=20)
    contents = Page(result.timeline().to_html(tmp_path / "a.html")).contents
    assert contents["traits"]["events"][-1]["type"] == "end"
    assert contents["frames"][result.stream]


def test_heavy_parts_go_along_where_a_widget_may_load_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = next((STATIC / "assets").glob("*.js")).stem
    monkeypatch.setattr(Lanes, "parts", (part,))
    contents = Page(Lanes(recorded(tmp_path / "a.jsonl", "a")).to_html(tmp_path / "lanes.html")).contents
    assert contents["assets"] == {part: (STATIC / "assets" / f"{part}.js").read_text(encoding="utf-8")}


def test_the_file_has_the_widget_s_name_unless_it_is_given_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tw.Timeline(recorded(tmp_path / "a.jsonl", "Hello")).to_html().resolve() == tmp_path / "timeline.html"
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix != ".toml") == ["a.jsonl", "timeline.html"]


def test_a_widget_that_was_closed_is_written_all_the_same(tmp_path: Path) -> None:
    widget = tw.Timeline(recorded(tmp_path / "a.jsonl", "Hello"))
    before = Page(widget.to_html(tmp_path / "a.html")).contents
    widget.dispose()
    after = Page(widget.to_html(tmp_path / "a.html")).contents
    assert after["module"] == before["module"]
    assert after["traits"]["events"] == before["traits"]["events"]


def test_without_scripts_the_static_form_is_there(tmp_path: Path) -> None:
    written = tw.Timeline(recorded(tmp_path / "a.jsonl", "Hello there")).to_html(tmp_path / "a.html").read_text(encoding="utf-8")
    assert written.index("Hello there") < written.index("<script")
