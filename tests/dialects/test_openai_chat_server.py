from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.openai_chat import OpenAIChat
from tokenwidgets.dialects.openai_chat_server import DONE, ChatServer, error_body
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
    Transcript,
    Usage,
)  # fmt: skip


def wire(events: list[Event], include_usage: bool = True) -> bytes:
    server = ChatServer("chatcmpl-1", "m", 1_700_000_000, include_usage)
    return b"".join(map(server.encode, events))


def chunks(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in raw.splitlines() if line.startswith(b"data: {")]


def back(raw: bytes) -> list[Event]:
    decoder = OpenAIChat().decoder(Profile())
    return decoder.feed(raw) + decoder.close()


def content(events: list[Event]) -> dict[Any, Any]:
    """What a user sees: text by kind and choice, calls, counts, the end."""
    out: dict[Any, Any] = defaultdict(str)
    calls: dict[tuple[int, int], list[Any]] = {}
    for event in events:
        if isinstance(event, Text | Reasoning | Refusal) and event.delta:
            out[type(event), event.choice] += event.delta
        elif isinstance(event, Tool):
            call = calls.setdefault((event.choice, event.block), [None, None, ""])
            call[:] = [event.id or call[0], event.name or call[1], call[2] + event.delta]
        elif isinstance(event, Usage | End | Error):
            out[type(event)] = event
    by_choice: dict[int, list[Any]] = defaultdict(list)
    for (choice, _), call in calls.items():
        by_choice[choice].append(call)
    return {**out, "calls": by_choice}


def test_the_order_is_openais() -> None:
    raw = wire([Start("s", "m", "h", "d", 0.0), Text(0, "Hi"), Usage(input=3, output=1, reasoning=2, cache_read=4), End("stop")])
    role, text, finish, usage = chunks(raw)
    assert role["choices"] == [{"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}]
    assert (text["choices"][0]["delta"], text["usage"]) == ({"content": "Hi"}, None)
    assert (finish["choices"][0]["delta"], finish["choices"][0]["finish_reason"]) == ({}, "stop")
    assert usage["choices"] == []
    assert usage["usage"] == {
        "prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2},
    }  # fmt: skip
    assert {(c["id"], c["object"], c["created"], c["model"]) for c in chunks(raw)} == {
        ("chatcmpl-1", "chat.completion.chunk", 1_700_000_000, "m")
    }
    assert raw.endswith(DONE)
    assert b"usage" not in wire([Text(0, "Hi"), Usage(input=3), End("stop")], include_usage=False)


def test_every_event_gives_its_bytes_at_once() -> None:
    server = ChatServer("i", "m", 0)
    assert server.encode(Notice("served", {"model": "m-2"})) == b""
    assert len(chunks(server.encode(Text(0, "a")))) == 2
    (second,) = chunks(server.encode(Text(0, "b")))
    assert second["model"] == "m-2"
    assert server.encode(Carry(0, {"x": 1})) == server.encode(Notice("rate_limits", {})) == b""


def test_a_call_in_fragments_and_a_call_at_once() -> None:
    events = [Tool(3, "a", "f"), Tool(3, delta='{"x":1}'), Tool(3, "a", "f", done=True, arguments={"x": 1}),
              Tool(5, "b", "g", done=True, arguments={"y": 2})]  # fmt: skip
    fragments = [c["choices"][0]["delta"]["tool_calls"][0] for c in chunks(wire(events))[1:]]
    assert fragments == [
        {"index": 0, "function": {"arguments": "", "name": "f"}, "type": "function", "id": "a"},
        {"index": 0, "function": {"arguments": '{"x":1}'}},
        {"index": 1, "function": {"arguments": '{"y":2}', "name": "g"}, "type": "function", "id": "b"},
    ]


def test_the_arguments_of_a_call_without_any_are_json_for_clients_to_parse() -> None:
    whole, cut = Tool(0, "a", "f", done=True, arguments={}), Tool(1, "b", "g", done=True, invalid=True)
    sent = wire([Tool(0, "a", "f"), whole, Tool(1, "b", "g"), cut])
    calls = [c["choices"][0]["delta"]["tool_calls"][0] for c in chunks(sent)[1:]]
    assert [(c["index"], c["function"]["arguments"]) for c in calls] == [(0, ""), (0, "{}"), (1, "")]
    assert "id" not in calls[1]


def test_several_choices_finish_each() -> None:
    events = [Text(0, "a"), Text(1, "b", choice=1), Notice("finish", {"choice": 1, "reason": "length", "raw": "length"}), End("stop")]
    read = back(wire(events))
    assert content(read)[Text, 1] == "b"
    assert Notice("finish", {"choice": 1, "reason": "length", "raw": "length"}) in read
    assert [e for e in read if isinstance(e, End)] == [End("stop", "stop")]


def test_sound_and_words_come_through() -> None:
    read = back(wire([Audio(0, "UklG", rate=24_000), Transcript(0, "assistant", "Hi"), End("stop")]))
    assert Audio(0, "UklG", rate=24_000) in read
    assert Transcript(0, "assistant", "Hi") in read


def test_a_stream_cut_off_upstream_is_no_normal_end() -> None:
    read = back(wire([Text(0, "a"), End("truncated")]))
    assert isinstance(read[-1], Error)
    assert read[-1].code == "connection"


@pytest.mark.parametrize("code", get_args(ErrorCode))
def test_a_failure_comes_through_with_its_meaning(code: ErrorCode) -> None:
    read = back(wire([Text(0, "a"), Error(code, "It broke.")]))[-1]
    assert isinstance(read, Error)
    assert (read.code, read.message) == (code, "It broke.")
    assert error_body(Error("rate_limited", "spent"))["error"]["code"] == "insufficient_quota"


def test_the_official_sdk_reads_it() -> None:
    httpx2, openai = pytest.importorskip("httpx2"), pytest.importorskip("openai")
    raw = wire([Reasoning(0, "hm"), Text(1, "Hi"), Tool(2, "c", "f", "{}"), Usage(input=1, output=2), End("tool")])
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw))
    with (
        httpx2.Client(transport=transport) as http,
        openai.OpenAI(api_key="none", base_url="http://sdk.test/v1", http_client=http) as client,
        client.chat.completions.stream(model="m", messages=[]) as stream,
    ):
        final = stream.get_final_completion()
    message = final.choices[0].message
    assert (message.content, message.tool_calls[0].function.name, final.choices[0].finish_reason) == ("Hi", "f", "tool_calls")
    assert final.usage.total_tokens == 3


CHOICES = st.integers(0, 2)
WORDS = st.text(st.characters() | st.sampled_from("\ud83d\u2028\r\n"), min_size=1, max_size=8)
COUNT = st.none() | st.integers(0, 1000)
CONTENT = st.one_of(
    st.builds(Text, st.just(0), WORDS, choice=CHOICES),
    st.builds(Reasoning, st.just(1), WORDS, choice=CHOICES),
    st.builds(Refusal, st.just(2), WORDS, choice=CHOICES),
    st.builds(lambda block, text: Tool(10 + block, delta=text, choice=block % 3), st.integers(0, 5), WORDS),
)


@given(
    st.lists(CONTENT, max_size=12),
    st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT, COUNT),
    st.sampled_from(["stop", "length", "tool", "filter"]),
)
@settings(deadline=None)
def test_what_is_encoded_reads_back_the_same(body: list[Event], usage: Usage, reason: Any) -> None:
    seen: set[int] = set()
    events: list[Event] = []
    for event in body:
        if isinstance(event, Tool) and event.block not in seen:
            seen.add(event.block)
            events.append(Tool(event.block, f"id{event.block}", f"f{event.block}", choice=event.choice))
        events.append(event)
    sent, read = content(events), content(back(wire([*events, usage, End(reason)])))
    end, counts = read.pop(End), read.pop(Usage)
    assert read == sent
    refused = reason == "stop" and (Refusal, 0) in sent
    assert end.reason == ("refusal" if refused else reason)
    told = ("cache_read", "cache_write", "reasoning", "audio_in", "audio_out")
    assert [getattr(counts, f) for f in told] == [getattr(usage, f) for f in told]
    assert (counts.input, counts.output) == (usage.input or 0, usage.output or 0)
