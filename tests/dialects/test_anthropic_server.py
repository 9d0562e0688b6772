from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import content, done, ends_once, read

from tokenwidgets.dialects.anthropic_server import AnthropicServer, error_body
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
    server = AnthropicServer("msg_1", "m", 0)
    return b"".join(map(server.encode, events))


def payloads(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in raw.splitlines() if line.startswith(b"data: ")]


def back(events: list[Event]) -> list[Event]:
    return read("anthropic-messages", wire(events))


def test_the_order_is_anthropics() -> None:
    raw = wire([
        Start("s", "m", "h", "d", 0.0), Notice("served", {"model": "m-2"}), Usage(input=3, mode="cumulative"), Reasoning(0, "hm"),
        Carry(0, {"type": "thinking", "thinking": "hm", "signature": "c2ln"}), Text(1, "Hi"),
        Usage(input=3, output=1, reasoning=2, cache_read=4), End("stop"),
    ])  # fmt: skip
    assert [p["type"] for p in payloads(raw)] == [
        "message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",
        "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert [p["index"] for p in payloads(raw) if "index" in p] == [0, 0, 0, 0, 1, 1, 1]
    message = payloads(raw)[0]["message"]
    assert (message["id"], message["model"], message["usage"]) == ("msg_1", "m-2", {"input_tokens": 3, "output_tokens": 0})
    assert payloads(raw)[-2] == {
        "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"input_tokens": 3, "output_tokens": 3, "cache_read_input_tokens": 4, "output_tokens_details": {"thinking_tokens": 2}},
    }  # fmt: skip
    assert raw.startswith(b'event: message_start\ndata: {"type":"message_start"')


def test_every_event_gives_its_bytes_at_once() -> None:
    server = AnthropicServer("i", "m", 0)
    for event in (
        Notice("served", {"model": "m-2"}),
        Usage(input=1),
        Carry(0, {"reasoning_details": []}),
        Audio(0, "UklG"),
        Text(0, "a", choice=1),
    ):
        assert server.encode(event) == b""
    assert len(payloads(server.encode(Text(0, "a")))) == 3
    assert payloads(server.encode(Text(0, "b"))) == [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "b"}}
    ]


def test_calls_in_fragments_at_once_and_without_a_name_at_first() -> None:
    events = [
        Tool(3, "a", "f"), Tool(5, "b"), Tool(3, delta='{"x":'), Tool(5, delta='{"y":'), Tool(5, name="g"), Tool(3, delta="1}"),
        Tool(5, delta="2}"),
        Tool(3, "a", "f", done=True, arguments={"x": 1}), Text(8, "so"), Tool(9, "c", "h", done=True, arguments={"z": 3}), End("tool"),
    ]  # fmt: skip
    assert done(back(events)) == [("a", "f", {"x": 1}, False), ("c", "h", {"z": 3}, False), ("b", "g", {"y": 2}, False)]
    assert back(events)[-1] == End("tool", "tool_use")


def test_a_call_that_was_cut_stays_cut() -> None:
    assert done(back([Tool(0, "a", "f", '{"x":'), End("length")])) == [("a", "f", None, True)]
    assert done(back([Tool(0, "a", "f"), End("length")])) == [("a", "f", None, True)]


@pytest.mark.parametrize("opaque", [
    {"type": "redacted_thinking", "data": "enc"}, {"type": "server_tool_use", "id": "s", "name": "n", "input": {"q": 1}},
    {"type": "thinking", "thinking": "", "signature": "s"},
])  # fmt: skip
def test_what_is_carried_comes_through(opaque: dict[str, Any]) -> None:
    events = back([Carry(0, opaque), Text(1, "a"), End("stop")])
    assert [e.opaque for e in events if isinstance(e, Carry)] == [opaque]


def test_a_stream_cut_off_upstream_is_no_normal_end() -> None:
    last = back([Text(0, "a"), End("truncated")])[-1]
    assert isinstance(last, Error)
    assert last.code == "connection"


@pytest.mark.parametrize("code", get_args(ErrorCode))
def test_a_failure_comes_through_with_its_meaning(code: ErrorCode) -> None:
    for before in ([Text(0, "a")], []):
        last = back([*before, Error(code, "It broke.", retryable=code == "rate_limited")])[-1]
        assert isinstance(last, Error)
        assert (last.code, last.message) == (code, "It broke.")
    spent = back([Error("rate_limited", "spent")])[-1]
    assert isinstance(spent, Error)
    assert (spent.code, spent.retryable) == ("rate_limited", False)
    assert error_body(Error("overloaded", "m"))["error"]["type"] == "overloaded_error"


def test_the_official_sdk_reads_it() -> None:
    httpx2, anthropic = pytest.importorskip("httpx2"), pytest.importorskip("anthropic")
    raw = wire([
        Reasoning(0, "hm"), Carry(0, {"type": "thinking", "thinking": "hm", "signature": "s"}), Text(1, "Hi"), Tool(2, "c", "f", '{"x":1}'),
        Usage(input=1, output=2, reasoning=3), End("tool"),
    ])  # fmt: skip
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw))
    with (
        httpx2.Client(transport=transport) as http,
        anthropic.Anthropic(api_key="none", base_url="http://sdk.test", http_client=http) as client,
        client.messages.stream(model="m", max_tokens=1, messages=[]) as stream,
    ):
        final = stream.get_final_message()
    thinking, text, call = final.content
    assert (thinking.thinking, thinking.signature, text.text, call.name, call.input) == ("hm", "s", "Hi", "f", {"x": 1})
    assert (final.stop_reason, final.usage.output_tokens) == ("tool_use", 5)


WORDS = st.text(st.characters() | st.sampled_from("\ud83d\u2028\r\n"), min_size=1, max_size=8)
COUNT = st.none() | st.integers(0, 1000)
CONTENT = st.one_of(
    st.builds(Text, st.sampled_from([0, 3]), WORDS),
    st.builds(Reasoning, st.just(1), WORDS),
    st.builds(lambda block, text: Tool(10 + block, delta=text), st.integers(0, 3), WORDS),
)


@given(
    st.lists(CONTENT, max_size=12),
    st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT),
    st.sampled_from(["stop", "length", "tool", "refusal", "pause"]),
)
@settings(deadline=None)
def test_what_is_encoded_reads_back_the_same(body: list[Event], usage: Usage, reason: Any) -> None:
    seen: set[int] = set()
    events: list[Event] = []
    for event in body:
        if isinstance(event, Tool) and event.block not in seen:
            seen.add(event.block)
            events.append(Tool(event.block, f"id{event.block}", f"f{event.block}"))
        events.append(event)
    again = back([*events, usage, End(reason)])
    ends_once(again)
    assert content(again) == content(events)
    assert isinstance(again[-1], End)
    assert again[-1].reason == reason
    (counts,) = (e for e in again if isinstance(e, Usage) and e.mode == "final")
    assert (counts.cache_read, counts.cache_write, counts.reasoning) == (usage.cache_read, usage.cache_write, usage.reasoning)
    assert (counts.input, counts.output) == (usage.input or 0, usage.output or 0)


def test_a_refusal_is_text_and_a_reason() -> None:
    events = back([Refusal(0, "no"), End("refusal")])
    assert content(events)["text"] == "no"
    assert events[-1] == End("refusal", "refusal")
