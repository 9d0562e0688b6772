"""`tw.mic` from the kernel's side: what its page asks for, what Python has of it, and what stays in a notebook."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_server import BOUND

import tokenwidgets as tw
from tokenwidgets import mic_card
from tokenwidgets.clients.rest import Rest
from tokenwidgets.events import Entry, decode
from tokenwidgets.realtime.clip import SHOWN_BYTES, Clip
from tokenwidgets.realtime.clips import WORDS, clip
from tokenwidgets.realtime.spoken import spoken
from tokenwidgets.result import Result
from tokenwidgets.runtime import Server
from tokenwidgets.widgets import mic as mic_module
from tokenwidgets.widgets.mic import Mic

VECTORS = json.loads((Path(__file__).parent / "data" / "spoken.json").read_text())


class Page:
    """A page that asks what it is to ask."""

    def __init__(self, widget: Mic) -> None:
        self.widget = widget
        self.news = threading.Condition()
        self.heard: list[dict[str, Any]] = []
        self.asked = 0
        widget.messages._link._send = self._hear

    def _hear(self, content: Any) -> None:
        with self.news:
            self.heard.append(content)
            self.news.notify_all()

    def tells(self, op: str, **fields: Any) -> None:
        self.widget.messages._received(self.widget, {"op": op, **fields}, [])

    def asks(self, op: str, **fields: Any) -> dict[str, Any]:
        """A question, and its answer."""
        self.asked += 1
        ref = f"{op} {self.asked}"
        self.tells(op, **fields, ask=ref)
        with self.news:
            assert self.news.wait_for(lambda: any(m.get("answer") == ref for m in self.heard), BOUND)
        return next(m for m in self.heard if m.get("answer") == ref)


@pytest.fixture
def made(in_process: Any) -> Iterator[list[Mic]]:
    widgets: list[Mic] = []
    yield widgets
    for widget in widgets:
        widget.stop()


def page(made: list[Mic], **options: Any) -> Page:
    made.append(tw.mic("sim/voice", **options))
    return Page(made[-1])


def talked(made: list[Mic], name: str = "sky", **options: Any) -> Page:
    """A page that began a talk in which one sentence was said and answered."""
    it = page(made, **options)
    assert "error" not in it.asks("talk")
    session = it.widget.session
    assert session is not None
    session.speak(clip(name).clip, BOUND)
    return it


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["what"])
def test_turns_are_read_as_in_the_page(vector: dict[str, Any]) -> None:
    entries: list[Entry] = [decode(json.dumps(event)) for event in vector["events"]]
    read = [
        {
            "heard": turn.heard, "said": turn.said, "status": turn.status, "calls": turn.calls,
            "interrupted": turn.interrupted, "latency": turn.latency, "stages": {stage.name: stage.us for stage in turn.stages},
        }
        for turn in spoken(entries)
    ]  # fmt: skip
    assert read == vector["turns"]


def test_the_page_begins_a_talk_and_python_has_it(made: list[Mic]) -> None:
    it = talked(made)
    widget = it.widget
    assert widget.runs[0]["stream"] == it.asks("talk")["stream"]  # the one that is open is joined
    assert [who for who, _ in widget.words][:1] == ["user"]
    assert "simulated answer" in dict(widget.words)["assistant"]
    assert widget.audio.seconds > 1
    assert widget.said.seconds > 1
    assert widget.turns[-1].status == "completed"


def test_a_talk_goes_on_in_the_next_session(made: list[Mic]) -> None:
    it = talked(made)
    before = it.widget.words
    it.widget.stop()
    first = it.widget.runs[0]["stream"]
    assert it.asks("talk")["stream"] != first
    session = it.widget.session
    assert session is not None
    assert [(m["role"], m["content"]) for m in session.result.request["messages"]] == before
    assert it.widget.words == before


def test_what_nobody_heard_is_not_told_to_the_next_session(made: list[Mic]) -> None:
    it = talked(made)
    session = it.widget.session
    assert session is not None
    session.interrupt(session.turns[-1].block, 400)
    it.widget.stop()
    session.wait(BOUND)
    it.asks("talk")
    question, answer = it.widget.sessions[-1].result.request["messages"]
    assert question["content"] == it.widget.turns[0].heard
    assert 0 < len(answer["content"]) < len(it.widget.turns[0].said)
    assert it.widget.turns[0].said.startswith(answer["content"])


def test_who_holds_the_button_tells_the_end_of_a_turn(made: list[Mic]) -> None:
    it = page(made, hands_free=False, system="Be brief.", output="text")
    it.asks("talk")
    session = it.widget.session
    assert session is not None
    assert session.result.request["session"] == {"turn_detection": "none", "output": "text"}
    assert session.result.request["system"] == "Be brief."


def test_no_word_and_no_sound_is_in_a_trait(made: list[Mic]) -> None:
    it = talked(made, system="A planted prompt.", clip=clip("sky").clip)
    state = json.dumps(it.widget.get_state(), default=str)
    assert it.widget.words
    for secret in ("planted", "simulated answer", *(words for _, words in it.widget.words)):
        assert secret not in state
    assert len(json.dumps([it.widget.clips, it.widget.runs])) < 2000


def test_a_session_that_does_not_begin_says_why(made: list[Mic]) -> None:
    widget = tw.mic("anthropic/claude-haiku-4-5")
    made.append(widget)
    answer = Page(widget).asks("talk")
    assert "holds no voice sessions" in answer["error"]["message"]


def test_a_clip_stands_in_for_the_microphone(made: list[Mic]) -> None:
    own = Clip(b"\1\0" * 800, 8000)
    it = page(made, clip=own)
    assert it.widget.with_clip
    assert list(it.widget.clips) == ["given", *WORDS]
    data = base64.b64decode(it.asks("clip", name="given")["data"])
    assert Clip.open(data) == own
    assert base64.b64decode(it.asks("clip", name="sky")["data"]) == clip("sky").path.read_bytes()
    for name in ("../secret", "", None, "given "):
        assert it.asks("clip", name=name)["error"]["code"] == "not_found"
    assert page(made).asks("clip", name="given")["error"]["code"] == "not_found"


def test_the_recorder_keeps_what_is_heard(in_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    widget = tw.mic(record=True)
    it = Page(widget)
    it.tells("record")
    pcm = base64.b64encode(b"\1\0" * 4410).decode()
    for _ in range(10):
        it.tells("heard", delta=pcm, rate=44_100)
    it.tells("heard", delta="no sound", rate=44_100)
    assert it.asks("talk")["error"]["code"] == "bad_request"
    assert (widget.audio.seconds, widget.audio.rate) == (1.0, 44_100)
    assert widget.audio.wav()[:4] == b"RIFF"
    assert widget.session is None
    assert "1.0 s at 44,100 Hz" in widget.static()["text/plain"]
    monkeypatch.setattr(mic_module, "RECORDED_BYTES", 90_000)
    it.asks("clip", name="")
    it.tells("heard", delta=pcm, rate=44_100)
    it.asks("clip", name="")
    assert widget.audio.seconds == 1.0
    it.tells("record")
    it.asks("clip", name="")
    assert not widget.audio.pcm


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"transport": "pigeon"}, "no transport 'pigeon'"),
        ({"path": "pigeon"}, "no path 'pigeon'"),
        ({"output": "smell"}, "'audio' or 'text'"),
        ({"silence_ms": 1}, "'silence_ms'"),
        ({"tools": [3]}, "tool"),
        ({"clip": 3}, "is no sound"),
        ({"clip": Clip(bytes(SHOWN_BYTES + 2))}, "at most 4 MiB"),
    ],
)
def test_what_is_wrong_is_said_at_once(in_process: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(tw.Refused, match=words):
        tw.mic("sim/voice", **options)


def test_closing_ends_the_session(made: list[Mic]) -> None:
    it = talked(made)
    session = it.widget.session
    assert session is not None
    it.widget.close()
    assert session.wait(BOUND).done


# ---- the static form


def result(events: list[dict[str, Any]], in_process: Any) -> Result:
    made = Result(in_process, {"model": "sim/voice"}, stream="s")
    for entry in (decode(json.dumps(event)) for event in events):
        made.journal.adopt(entry)
    return made


def test_what_stays_in_a_notebook_has_words_and_latencies(in_process: Any) -> None:
    shown = mic_card.bundle([result(VECTORS[0]["events"], in_process)], "sim/voice")
    for form in shown.values():
        assert "What is it?" in form
        assert "Paris." in form
        assert "simulated" in form
        assert "noticing the end 357 ms + words 5 ms + first token 68 ms + first sound 70 ms + to the loudspeaker 40 ms = 540 ms" in form
    assert "<script" not in shown["text/html"]
    widths = [float(part.split("%")[0]) for part in shown["text/html"].split("width:")[1:] if "%" in part.split(";")[0]]
    assert sum(widths) == pytest.approx(54, abs=0.1)


def test_the_static_form_says_that_an_answer_was_cut_off(in_process: Any) -> None:
    cut = next(vector for vector in VECTORS if "cut it off" in vector["what"])
    for form in mic_card.bundle([result(cut["events"], in_process)], "sim/voice").values():
        assert "Interrupted." in form
    for form in mic_card.bundle([result(VECTORS[0]["events"], in_process)], "sim/voice").values():
        assert "Interrupted." not in form


def test_markup_that_was_said_stays_text(in_process: Any) -> None:
    events = [{"type": "transcript", "seq": 0, "at": 0, "block": 0, "role": "user", "delta": "<img src=x> **[a](b)**", "final": True}]
    shown = mic_card.bundle([result(events, in_process)], "m")
    assert "<img" not in shown["text/html"]
    assert "<img" not in shown["text/markdown"]
    assert "[a](b)" not in shown["text/markdown"]


def test_before_anything_was_said_that_is_what_stands_there(in_process: Any) -> None:
    plain = tw.mic("sim/voice").static()["text/plain"]
    assert plain == "sim/voice · simulated · Nothing was said yet."


# ---- a page of its own


def test_a_page_of_its_own_speaks_in_the_same_session(made: list[Mic], monkeypatch: pytest.MonkeyPatch) -> None:
    it = page(made)
    answer = it.asks("companion")
    assert "Run `jupyter lab`" in answer["error"]["message"]
    assert it.widget.session is None, "nothing was begun for nobody"
    it.asks("talk")
    session = it.widget.session
    assert session is not None
    monkeypatch.setattr(session.result, "gateway", Rest(Server(1, "http://127.0.0.1:8888/base/", "a ticket", "0")))
    answer = it.asks("companion")
    assert (answer["stream"], answer["base"]) == (session.result.stream, "http://127.0.0.1:8888/base/")
    assert "ticket" not in json.dumps(answer)
    monkeypatch.undo()
