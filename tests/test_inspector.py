"""The inspector and the timeline from the kernel's side: their static forms, and that no key gets into a frame."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from chat_server import Scripted
from test_card import Parsed, safe
from test_export import HOSTILE, KEY, recorded
from traitlets import TraitError

import tokenwidgets as tw
from tokenwidgets.portal import portal
from tokenwidgets.recording import Frame
from tokenwidgets.timeline_card import CHUNKS, level
from tokenwidgets.widgets.base import StreamWidget
from tokenwidgets.wire_card import FRAMES, kind


def test_the_static_inspector_is_a_table_of_the_first_frames(tmp_path: Path) -> None:
    frames = (Frame(b"POST /v1 HTTP/1.1\r\n\r\n{}", 1000, "out"), *(Frame(b"data: 1\n\ndata: 2\n\n", 2000 + i) for i in range(FRAMES + 6)))
    parsed = Parsed(tw.WireInspector(recorded(tmp_path / "a.jsonl", "a", frames=frames)).static()["text/html"])
    assert parsed.tags.count("tr") == 1 + FRAMES
    assert "POST /v1 HTTP/1.1" in parsed.text
    assert "SSE, 2 messages" in parsed.text
    assert "31 frames" in parsed.text
    assert "7 more" in parsed.text


def test_nothing_a_frame_holds_becomes_markup_or_shows_a_key(tmp_path: Path) -> None:
    frames = (Frame(f"data: {HOSTILE} {KEY}\n\n".encode(), 5),)
    html = tw.WireInspector(recorded(tmp_path / "a.jsonl", HOSTILE, frames=frames)).static()["text/html"]
    parsed = Parsed(html)
    assert "script" not in parsed.tags
    assert HOSTILE[:20] in parsed.text
    assert KEY not in html


def test_a_frame_s_kind() -> None:
    assert kind(Frame(b"{}", 0, "out")) == "request"
    assert kind(Frame(b"event: x\r\ndata: 1\r\n\r\n", 0)) == "SSE"
    assert kind(Frame(b'{"type":"x"}', 0)) == "JSON"
    assert kind(Frame(b'ent":"a"}', 0)) == "piece"


def test_the_static_timeline_tints_each_chunk_by_its_delay(tmp_path: Path) -> None:
    parsed = Parsed(tw.Timeline(recorded(tmp_path / "a.jsonl", "one ", "two")).static()["text/html"])
    assert "one two" in parsed.text
    assert "svg" in parsed.tags
    assert safe(parsed)
    assert [level(us) for us in (0, 14_999, 15_000, 150_000, 9_000_000)] == [0, 0, 1, 3, 5]


def test_a_long_text_stays_small_and_says_what_is_missing(tmp_path: Path) -> None:
    static = tw.Timeline(recorded(tmp_path / "a.jsonl", *("word " for _ in range(CHUNKS + 5)))).static()
    assert "and 5 chunks more" in static["text/html"]
    assert static["text/plain"].count("word") == CHUNKS + 5


def test_model_text_is_no_markup_in_the_static_timeline(tmp_path: Path) -> None:
    parsed = Parsed(tw.Timeline(recorded(tmp_path / "a.jsonl", HOSTILE)).static()["text/html"])
    assert safe(parsed)
    assert "<script>alert(1)</script>" in parsed.text


def ended(widget: StreamWidget) -> None:
    """Return when the widget knows that its stream has ended."""
    over = threading.Event()
    widget.observe(lambda _: over.set(), "ended")
    assert widget.ended >= 0 or over.wait(20)


def test_a_stream_that_ends_while_it_is_shown_has_its_frames_in_the_static_form(in_process: object) -> None:
    result = tw.stream("hello", model="sim/steady", show=False, ttft_ms=1, itl_ms=1, tokens=5)
    inspector = result.inspect()
    ended(inspector)
    assert "chat.completion.chunk" in inspector.static()["text/html"]


def test_no_key_is_in_a_frame_or_a_trait_and_the_variable_s_name_is(in_process: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTED_API_KEY", KEY)
    with Scripted(["Hello"]).running() as server:
        server.configure("SCRIPTED_API_KEY")
        result = tw.stream("hello", model="scripted/m", show=False).wait()
    ((_, headers, _),) = server.calls
    assert KEY in headers["authorization"]
    inspector = result.inspect()
    assert inspector.key_env == "SCRIPTED_API_KEY"
    assert KEY not in json.dumps({name: str(value) for name, value in inspector.get_state().items()})
    assert result.wire
    assert KEY.encode() not in b"".join(frame.data for frame in result.wire)


def test_a_speed_out_of_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraitError, match="speed"):
        tw.Timeline(recorded(tmp_path / "a.jsonl", "a"), speed=100)


def test_a_page_that_asks_for_news_keeps_where_its_reader_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timeline = tw.Timeline(recorded(tmp_path / "a.jsonl", "one ", "two"))
    told: list[list[str]] = []
    monkeypatch.setattr(timeline, "send_state", told.append)
    portal().run(timeline._on_news({}), 20)
    assert {"stream", "ended"} <= set(told[0])
    assert not {"at", "selected", "speed"} & set(told[0]), "the kernel may not have heard of the last move"
