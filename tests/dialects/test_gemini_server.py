from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import content, done, ends_once, read, thought

from tokenwidgets.dialects.gemini_server import GeminiServer, error_body
from tokenwidgets.events import (
    Audio,
    Carry,
    End,
    Error,
    ErrorCode,
    Event,
    Notice,
    Reasoning,
    Refusal,
    Start,
    Text,
    Tool,
    Usage,
)  # fmt: skip


def wire(events: list[Event]) -> bytes:
    server = GeminiServer("r1", "m", 0)
    return b"".join(map(server.encode, events))


def chunks(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in raw.split(b"\r\n\r\n") if line]


def back(events: list[Event]) -> list[Event]:
    return read("gemini", wire(events))


def test_the_order_is_googles() -> None:
    raw = wire([
        Start("s", "m", "h", "d", 0.0), Notice("served", {"model": "m-2"}), Reasoning(0, "hm"), Text(1, "Hi"),
        Usage(input=3, output=1, reasoning=2, cache_read=4), End("stop"),
    ])  # fmt: skip
    thoughts, words, last = chunks(raw)
    assert thoughts["candidates"] == [{"content": {"parts": [{"text": "hm", "thought": True}], "role": "model"}, "index": 0}]
    assert words["candidates"][0]["content"]["parts"] == [{"text": "Hi"}]
    assert last["candidates"] == [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}]
    assert last["usageMetadata"] == {
        "promptTokenCount": 7, "candidatesTokenCount": 1, "thoughtsTokenCount": 2, "cachedContentTokenCount": 4, "totalTokenCount": 10,
    }  # fmt: skip
    assert {(c["modelVersion"], c["responseId"]) for c in chunks(raw)} == {("m-2", "r1")}


def test_events_without_a_place_give_no_bytes() -> None:
    server = GeminiServer("r", "m", 0)
    for event in (
        Start("s", "m", "h", "d", 0.0),
        Notice("rate_limits", {}),
        Usage(input=1),
        Carry(0, {"type": "thinking"}),
        Tool(0, "a", "f"),
    ):
        assert server.encode(event) == b""


def test_calls_wait_for_their_last_event_or_the_end() -> None:
    server = GeminiServer("r", "m", 0)
    assert server.encode(Tool(3, "a", "f")) == server.encode(Tool(3, delta='{"x":1}')) == b""
    (whole,) = chunks(server.encode(Tool(3, "a", "f", done=True, arguments={"x": 1})))
    assert whole["candidates"][0]["content"]["parts"] == [{"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}}]
    assert server.encode(Tool(3, "a", "f", done=True, arguments={"x": 1})) == b""
    events = back([Tool(0, "a", "f", "{}"), Tool(1, None, "g"), End("tool")])
    assert done(events) == [("a", "f", {}, False), ("call_r1_1", "g", {}, False)]
    assert events[-1] == End("tool", "STOP")


def test_a_call_that_was_cut_is_none() -> None:
    assert back([Tool(0, "a", "f", '{"x":'), End("length")])[-1] == End("length", "MAX_TOKENS")
    malformed = back([Tool(0, "a", "f", '{"x":'), End("tool")])
    assert not done(malformed)
    assert isinstance(malformed[-1], Error)


def test_sound_and_several_candidates_come_through() -> None:
    assert Audio(0, "UklG", rate=16_000) in back([Audio(0, "UklG", rate=16_000), End("stop")])
    told = Notice("finish", {"choice": 1, "reason": "length", "raw": "MAX_TOKENS"})
    events = back([Text(0, "a"), Text(1, "b", choice=1), Notice("finish", {"choice": 1, "reason": "length", "raw": "x"}), End("stop")])
    assert events[:3] == [Notice("served", {"model": "m"}), Text(0, "a"), Text(1, "b", choice=1)]
    assert events[3:] == [told, End("stop", "STOP")]


def test_signatures_and_work_of_server_tools_come_through() -> None:
    code = {"executableCode": {"code": "1"}, "thoughtSignature": "s1"}
    events = back([Carry(0, code), Text(1, "a"), Carry(1, {"text": "a", "thoughtSignature": "s2"}), End("stop")])
    assert [e.opaque for e in events if isinstance(e, Carry)] == [code, {"text": "a"}, {"text": "", "thoughtSignature": "s2"}]


def test_a_stream_cut_off_upstream_is_no_normal_end() -> None:
    last = back([Text(0, "a"), End("truncated")])[-1]
    assert isinstance(last, Error)
    assert last.code == "connection"


@pytest.mark.parametrize("code", get_args(ErrorCode))
def test_a_failure_comes_through_with_its_meaning(code: ErrorCode) -> None:
    for before in ([Text(0, "a")], []):
        last = back([*before, Error(code, "It broke.")])[-1]
        assert isinstance(last, Error)
        assert (last.code, last.message) == (code, "It broke.")
    assert error_body(Error("overloaded", "m")) == {"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}


def test_the_official_sdk_reads_it() -> None:
    httpx2, genai = pytest.importorskip("httpx2"), pytest.importorskip("google.genai")
    raw = wire([Reasoning(0, "hm"), Text(1, "Hi"), Tool(2, "c", "f", '{"x":1}'), Usage(input=1, output=2), End("tool")])
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw))
    with genai.Client(api_key="none", http_options=genai.types.HttpOptions(client_args={"transport": transport})) as client:
        found = list(client.models.generate_content_stream(model="m", contents="hi"))
    thoughts, words, call = (c.candidates[0].content.parts[0] for c in found[:3])
    assert (thoughts.thought, thoughts.text, words.text, call.function_call.args) == (True, "hm", "Hi", {"x": 1})
    assert (found[-1].candidates[0].finish_reason.value, found[-1].usage_metadata.total_token_count) == ("STOP", 3)


WORDS = st.text(st.characters() | st.sampled_from("\ud83d\u2028\r\n"), min_size=1, max_size=8)
COUNT = st.none() | st.integers(0, 1000)
ARGUMENTS = st.dictionaries(st.text(max_size=4), st.integers() | WORDS, max_size=3)
CONTENT = st.one_of(
    st.builds(Text, st.just(0), WORDS), st.builds(Reasoning, st.just(1), WORDS), st.builds(Refusal, st.just(2), WORDS),
    st.builds(lambda block, value: Tool(10 + block, f"id{block}", f"f{block}", json.dumps(value)), st.integers(0, 3), ARGUMENTS),
)  # fmt: skip


@given(
    st.lists(CONTENT, max_size=12, unique_by=lambda e: e.block if e.block >= 10 else id(e)),
    st.builds(Usage, COUNT, COUNT, st.none(), COUNT, COUNT, COUNT, COUNT),
    st.sampled_from(["stop", "filter", "pause"]),
)
@settings(deadline=None)
def test_what_is_encoded_reads_back_the_same(body: list[Event], usage: Usage, reason: Any) -> None:
    again = back([*body, usage, End(reason)])
    ends_once(again)
    calls = [(e.id, e.name, json.loads(e.delta), False) for e in body if isinstance(e, Tool)]
    assert content(again)["text"] == "".join(e.delta for e in body if isinstance(e, Text | Refusal))
    assert thought(again) == thought(body)
    assert done(again) == calls
    assert isinstance(again[-1], End)
    assert again[-1].reason == ("tool" if calls and reason == "stop" else reason)
    counts = [e for e in again if isinstance(e, Usage)] or [Usage()]
    told = ("cache_read", "reasoning", "audio_in", "audio_out")
    assert [getattr(counts[0], f) for f in told] == [getattr(usage, f) for f in told]
    assert (counts[0].input or 0, counts[0].output or 0) == (usage.input or 0, usage.output or 0)
