"""Recordings: what is written is what is read, a cut file is good up to its cut, and no key gets in."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.errors import TokenwidgetsError
from tokenwidgets.events import End, Entry, Error, Event, Start, Text, Usage, encode
from tokenwidgets.providers.base import Sink
from tokenwidgets.recording import Frame, Header, Recording, RecordingError, dump, load, record, without_secrets
from tokenwidgets.request import Request, parse

HEADER = Header("sim/steady", {"model": "sim/steady", "messages": [{"role": "user", "content": "Why?"}]}, 1785506700.5)


def journal(*events: tuple[int, Event]) -> list[Entry]:
    return [encode(event, seq, at) for seq, (at, event) in enumerate(events)]


ENTRIES = journal(
    (0, Start("x", "sim/steady", "sim", "openai-chat", 1785506700.5, simulated=True)),
    (400, Text(0, "The sky — 🌈 \ud83d")),
    (900, Usage(input=2, output=3)),
    (901, End("stop")),
)
FRAMES = [Frame(b"POST", 10, "out"), Frame(b"\x00data: {}\xff\n", 400), Frame(b"[DONE]", 901)]


def written(*args: object) -> bytes:
    file = io.BytesIO()
    dump(file, *args)
    return file.getvalue()


def read(tmp_path, data: bytes) -> Recording:
    path = tmp_path / "run.jsonl"
    path.write_bytes(data)
    return load(path)


def test_round_trip_keeps_every_byte(tmp_path):
    path = tmp_path / "run.jsonl"
    dump(path, HEADER, ENTRIES, FRAMES)
    found = load(path)
    assert found == Recording(HEADER, tuple(ENTRIES), tuple(FRAMES), truncated=False)
    assert [e.data for e in found.entries] == [e.data for e in ENTRIES]
    again = tmp_path / "again.jsonl"
    dump(str(again), found.header, found.entries, found.frames)
    assert again.read_bytes() == path.read_bytes()


def test_bytes_of_others_are_kept_as_they_are(tmp_path):
    line = b'{ "seq":0,  "type":"text", "at":5, "block":0, "delta":"\\u00e9", "later":1 }'
    found = read(tmp_path, HEADER.line() + b"\n" + line + b"\n")
    assert found.entries[0].data == line
    assert written(found.header, found.entries).splitlines()[1] == line


def test_frames_stand_between_events_before_what_they_brought():
    lines = [json.loads(line) for line in written(HEADER, ENTRIES, FRAMES).splitlines()]
    assert [line.get("type", "frame") for line in lines[1:]] == ["start", "frame", "frame", "text", "usage", "frame", "end"]


def test_the_header_says_what_it_is():
    first = json.loads(written(HEADER, ENTRIES).splitlines()[0])
    assert first == {"tokenwidgets": 1, "model": "sim/steady", "request": HEADER.request, "created": 1785506700.5}


def test_the_header_takes_only_what_a_request_has():
    line = Header("a/b", {"model": "a/b", "messages": [], "api_key": "x", "base_url": "http://x", "headers": {}}, 1.0).line()
    assert json.loads(line)["request"] == {"model": "a/b", "messages": []}


@pytest.mark.parametrize("key", [
    "sk-proj-4fT9abcdEFGH01234567", "sk-ant-api03-abcdefgh12345678", "AIzaSyA1234567890abcdefghijk", "gsk_abcdefgh12345678abcd",
    "hf_abcdefgh12345678", "xai-abcdefgh12345678", "Bearer abcdefgh12345678", "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
])  # fmt: skip
def test_what_looks_like_a_key_is_not_written(key):
    request = parse({"model": "a/b", "prompt": f"my key is {key}, why?", "options": {"extra": {"x": [key], "y": {key: key}}}})
    line = Header.of(request, 1.0).line()
    assert key.encode() not in line
    assert b"my key is [redacted], why?" in line


@pytest.mark.parametrize("before", ["my key is ", "first line\n", "tab\t", "\u0001", "(", "größe\u2028"])
def test_what_looks_like_a_key_is_not_written_with_the_request_that_was_sent(tmp_path, before):
    key = "sk-proj-4fT9abcdEFGH01234567"
    sent = b"POST /v1 HTTP/1.1\r\n\r\n" + json.dumps({"prompt": f"{before}{key}, why?"}).encode()
    came = Frame(b"data: " + key.encode(), 20)
    found = read(tmp_path, written(HEADER, ENTRIES, [Frame(sent, 10, "out"), came]))
    assert found.frames == (Frame(sent.replace(key.encode(), b"[redacted]"), 10, "out"), came)


def test_a_secret_by_its_name_is_not_written_and_plain_words_are():
    assert without_secrets({"api_key": "plain", "Authorization": "plain"}) == {"api_key": "[redacted]", "Authorization": "[redacted]"}
    plain = {"max_tokens": 5, "properties": {"token": {"type": "string"}}, "content": "skateboarding sk-y hf_model task-oriented-dialogue"}
    assert without_secrets(plain) == plain


@given(st.integers(0, len(written(HEADER, ENTRIES, FRAMES)) - 1))
def test_a_cut_file_is_good_up_to_its_cut(tmp_path_factory, size):
    whole = written(HEADER, ENTRIES, FRAMES)
    head = whole.index(b"\n")
    path = tmp_path_factory.mktemp("cut") / "run.jsonl"
    path.write_bytes(whole[:size])
    if size < head:
        with pytest.raises(RecordingError, match=r"^run\.jsonl, line 1: "):
            load(path)
        return
    found = load(path)
    assert found.entries == tuple(ENTRIES[: len(found.entries)])
    # Only the last line break may be missing without a loss.
    assert found.truncated == (size < len(whole) - 1)


def test_no_terminal_event_is_truncated(tmp_path):
    assert read(tmp_path, written(HEADER, ENTRIES[:2])).truncated


def test_line_ends_of_windows_are_read(tmp_path):
    found = read(tmp_path, written(HEADER, ENTRIES, FRAMES).replace(b"\n", b"\r\n"))
    assert found.entries == tuple(ENTRIES)


LINES = written(HEADER, ENTRIES).splitlines()


@pytest.mark.parametrize(("lines", "number", "words"), [
    ([], 1, "not JSON"),
    ([b"hello"], 1, "not JSON"),
    ([b"[1]"], 1, "not a JSON object"),
    ([b'{"type": "text"}'], 1, "header"),
    ([b'{"tokenwidgets": 2}'], 1, "version 2"),
    ([b'{"tokenwidgets": 1, "model": "a/b"}'], 1, "needs 'model', 'request' and 'created'"),
    ([LINES[0], LINES[1], b"{cut", LINES[2]], 3, "not JSON"),
    ([LINES[0], LINES[1], LINES[3]], 3, "event 2 where 1 is next"),
    ([LINES[0], b'{"type":"text","seq":0,"at":0,"block":0}'], 2, "lacks a field"),
    ([LINES[0], b'{"type":"text","seq":0,"at":0,"block":0,"delta":5}'], 2, "'delta' is a string"),
    ([LINES[0], b'{"type":"notice","seq":0,"at":0,"kind":"connection","data":[]}'], 2, "'data' is an object"),
    ([LINES[0], b'{"type":"text","at":0}'], 2, "needs integers"),
    ([LINES[0], b'{"frame":"%%%","at":0}'], 2, "base64"),
    ([LINES[0], b'{"frame":"","at":0,"dir":"up"}'], 2, "in or out"),
    ([LINES[0], b"[" * 100_000], 2, "not JSON"),
    ([LINES[0], b"\xff\xfe"], 2, "not JSON"),
    ([*LINES, LINES[1]], 6, "behind the terminal"),
])  # fmt: skip
def test_a_bad_file_is_one_sentence_with_its_place(tmp_path, lines, number, words):
    with pytest.raises(RecordingError) as e:
        read(tmp_path, b"".join(line + b"\n" for line in lines))
    assert str(e.value).startswith(f"run.jsonl, line {number}: ")
    assert words in str(e.value)
    assert "\n" not in str(e.value)
    assert isinstance(e.value, ValueError | TokenwidgetsError)


@given(st.binary(max_size=200))
def test_any_bytes_load_or_are_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "run.jsonl"
    path.write_bytes(LINES[0] + b"\n" + data)
    with suppress(RecordingError):
        assert isinstance(load(path), Recording)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "run.jsonl"
    dump(path, HEADER, ENTRIES)
    before = path.read_bytes()

    def breaking():
        yield ENTRIES[0]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        dump(path, HEADER, breaking())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.jsonl"]


class Saying:
    """A provider of a fixed text that may forget to end."""

    def __init__(self, *events: Event) -> None:
        self.events = events

    async def run(self, request: Request, sink: Sink) -> None:
        for event in self.events:
            sink.frame(b"x", sink.now())
            sink.emit(event)


@pytest.mark.parametrize(("events", "last"), [
    ((Text(0, "a"), End("stop")), End("stop")),
    ((Text(0, "a"), Error("internal", "broke")), Error("internal", "broke")),
    ((Text(0, "a"),), End("truncated")),
])  # fmt: skip
def test_record_keeps_a_run(tmp_path, events, last):
    asked = parse({"model": "sim/steady", "prompt": "Why?"})
    made = asyncio.run(record(Saying(*events), asked, tmp_path / "run.jsonl"))
    found = load(tmp_path / "run.jsonl")
    assert found == made
    assert isinstance(found.entries[0].event, Start)
    assert found.entries[-1].event == last
    assert len(found.frames) == len(events)
