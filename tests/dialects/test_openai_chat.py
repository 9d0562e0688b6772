from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets import dialects
from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.openai_chat import OpenAIChat, seconds
from tokenwidgets.errors import Refused
from tokenwidgets.events import (
    TERMINAL,
    Audio,
    Carry,
    End,
    Error,
    Event,
    Notice,
    Reasoning,
    Refusal,
    Text,
    Tool,
    Transcript,
    Usage,
    encode,
)  # fmt: skip
from tokenwidgets.providers.hosts import BUILT_IN
from tokenwidgets.request import Request, parse

DONE = b"data: [DONE]\n\n"
CHAT = OpenAIChat()


def data(*payloads: Any) -> bytes:
    return b"".join(
        b"data: %b\n\n" % (p.encode("utf-8", "surrogatepass") if isinstance(p, str) else json.dumps(p).encode()) for p in payloads
    )


def delta(finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": fields, "finish_reason": finish}]}


def call(text: Any = "", **fields: Any) -> dict[str, Any]:
    name = {"name": fields.pop("name")} if "name" in fields else {}
    return delta(tool_calls=[{**fields, "function": {**name, "arguments": text}}])


def read(*chunks: bytes, profile: Profile | None = None) -> list[Event]:
    decoder = CHAT.decoder(profile or Profile())
    return [e for chunk in chunks for e in decoder.feed(chunk)] + decoder.close()


def stream(*payloads: Any, done: bool = True, profile: Profile | None = None) -> list[Event]:
    return read(data(*payloads) + (DONE if done else b""), profile=profile)


def body(request: Request, profile: Profile | None = None) -> dict[str, Any]:
    return json.loads(CHAT.encode(request, profile or Profile()).body)


def asked(profile: Profile | None = None, **fields: Any) -> dict[str, Any]:
    return body(parse({"model": "h/m", "prompt": "hi", **fields}), profile)


# --- the request ---


def test_a_plain_request() -> None:
    sent = CHAT.encode(parse({"model": "openrouter/openai/gpt-5.2", "prompt": "grüße"}), Profile())
    assert json.loads(sent.body) == {
        "model": "openai/gpt-5.2", "messages": [{"role": "user", "content": "grüße"}], "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert sent.path == "/chat/completions"
    assert sent.headers["Accept-Encoding"] == "identity"
    assert CHAT.headers("k") == {"Authorization": "Bearer k"}
    assert CHAT.headers(None) == {}


def test_the_system_message_stands_first_in_the_hosts_role_and_messages_stay_as_given() -> None:
    history = [
        {"role": "user", "content": [{"type": "text", "text": "a"}]},
        {"role": "assistant", "content": "", "reasoning_content": "why", "tool_calls": [{"id": "1"}]},
    ]
    sent = body(parse({"model": "h/m", "messages": history, "system": "be kind"}), Profile(system_role="developer"))
    assert sent["messages"] == [{"role": "developer", "content": "be kind"}, *history]


@pytest.mark.parametrize(
    ("host", "name"), [("deepseek", "reasoning_content"), ("groq", "reasoning"), ("cerebras", "reasoning"), ("mistral", None)]
)
def test_thoughts_go_back_under_the_name_the_host_knows_and_nothing_that_is_null(host: str, name: str | None) -> None:
    """Groq, Cerebras and Mistral refuse fields they do not know, so a second question would be refused."""
    said = {"role": "assistant", "content": None, "refusal": None, "reasoning_content": "why", "tool_calls": [{"id": "1"}]}
    (sent,) = body(parse({"model": "h/m", "messages": [said]}), BUILT_IN[host].profile)["messages"]
    assert sent == {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}], **({name: "why"} if name else {})}


def test_options_travel_under_the_hosts_names() -> None:
    options = {"max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "stop": ["x"], "seed": 7, "reasoning": "high"}
    sent = asked(Profile(max_tokens_field="max_completion_tokens", obfuscation=False), options=options, tools=[{"type": "function"}])
    assert sent["max_completion_tokens"] == 5
    assert "max_tokens" not in sent
    assert (sent["temperature"], sent["top_p"], sent["stop"], sent["seed"]) == (0.5, 0.9, ["x"], 7)
    assert sent["reasoning_effort"] == "high"
    assert sent["tools"] == [{"type": "function"}]
    assert sent["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert "stream_options" not in asked(Profile(stream_usage=False))


@pytest.mark.parametrize(
    ("style", "effort", "fields"),
    [
        ("object", "low", {"reasoning": {"effort": "low"}}),
        ("deepseek", "medium", {"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
        ("deepseek", "none", {"thinking": {"type": "disabled"}}),
        ("none", "low", {}),
    ],
)
def test_effort_is_asked_for_in_the_hosts_style(style: Any, effort: str, fields: Mapping[str, Any]) -> None:
    plain, sent = asked(), asked(Profile(reasoning_style=style), options={"reasoning": effort})
    assert {k: v for k, v in sent.items() if k not in plain} == fields


def test_extra_fields_win_but_never_change_who_is_asked_what() -> None:
    extra = {"temperature": 1, "top_k": 3, "model": "other", "messages": [], "stream": False, "stream_options": {"include_usage": False}}
    sent = asked(options={"temperature": 0, "extra": extra})
    assert (sent["temperature"], sent["top_k"]) == (1, 3)
    assert (sent["model"], sent["messages"], sent["stream"]) == ("m", [{"role": "user", "content": "hi"}], True)
    assert sent["stream_options"] == {"include_usage": False}


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(Refused, match="JSON"):
        asked(options={"extra": {"x": value}})


def test_half_a_character_in_a_prompt_can_be_sent() -> None:
    assert asked(prompt="a\ud83d")["messages"][0]["content"] == "a?"


def test_an_unknown_dialect_is_refused_with_the_known_ones() -> None:
    assert dialects.get("openai-chat").name == "openai-chat"
    with pytest.raises(Refused, match="openai-chat"):
        dialects.get("openai-chatt")


# --- text, reasoning, tools ---


def test_a_plain_answer() -> None:
    events = stream(delta(role="assistant", content=""), delta(content="Hel"), delta(content="lo"), delta("stop"))
    assert events == [Text(0, "Hel"), Text(0, "lo"), End("stop", "stop")]


def test_events_come_with_their_bytes_and_the_end_with_the_mark() -> None:
    decoder = CHAT.decoder(Profile())
    assert decoder.feed(data(delta(content="a"))) == [Text(0, "a")]
    assert not decoder.finishing
    assert decoder.feed(data(delta("stop"))) == []
    assert decoder.finishing
    assert not decoder.done
    assert decoder.feed(data({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})) == []
    assert decoder.feed(DONE) == [Usage(input=1, output=2), End("stop", "stop")]
    assert decoder.done
    assert decoder.feed(data(delta(content="late"))) == decoder.close() == []


def test_several_choices_are_finishing_when_all_have_finished() -> None:
    decoder = CHAT.decoder(Profile())
    decoder.feed(data(delta(content="a"), delta(content="b", index=1), delta("stop")))
    assert not decoder.finishing
    assert decoder.feed(data(delta("length", index=1))) == [Notice("finish", {"choice": 1, "reason": "length", "raw": "length"})]
    assert decoder.finishing
    assert decoder.close() == [End("stop", "stop")]


def test_a_change_of_kind_opens_a_new_block_and_empty_pieces_open_none() -> None:
    events = stream(
        delta(reasoning_content="", content=None),
        delta(reasoning_content="hm", content=None),
        delta(reasoning_content=None, content="yes"),
        delta(refusal="no"),
        delta(reasoning="hm again"),
        delta("stop"),
    )
    assert events[:-1] == [Reasoning(0, "hm"), Text(1, "yes"), Refusal(2, "no"), Reasoning(3, "hm again")]
    assert events[-1] == End("refusal", "stop")


def test_reasoning_sent_in_two_places_is_given_once_and_summaries_are_named() -> None:
    detail = {"type": "reasoning.summary", "summary": "in short", "index": 0}
    assert stream(delta(reasoning="in short", reasoning_details=[detail]))[0] == Reasoning(0, "in short", "summary")
    assert stream(delta(reasoning_details=[{"type": "reasoning.text", "text": "t"}]))[0] == Reasoning(0, "t")


def test_pieces_of_signed_reasoning_are_joined_to_what_the_next_request_returns() -> None:
    pieces = [
        {"type": "reasoning.text", "text": "a", "index": 0, "format": "f"},
        {"type": "reasoning.text", "text": "b", "index": 0, "format": None},
        {"type": "reasoning.text", "signature": "sig", "index": 0},
        {"type": "reasoning.encrypted", "data": "xyz", "index": 1},
    ]
    events = stream(*(delta(reasoning_details=[p]) for p in pieces), delta("stop"))
    assert events[-2] == Carry(0, {"reasoning_details": [
        {"type": "reasoning.text", "text": "ab", "index": 0, "format": "f", "signature": "sig"}, pieces[3],
    ]})  # fmt: skip


def test_content_may_be_a_list_of_parts() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "so"}, {"type": "image"}]
    assert stream(delta(content=parts), delta("stop"))[:2] == [Reasoning(0, "hm"), Text(1, "so")]


def test_a_tool_call_in_fragments() -> None:
    events = stream(call(index=0, id="c1", name="f"), call('{"a"', index=0), call(":1}", index=0), delta("tool_calls"))
    assert events == [
        Tool(0, "c1", "f"), Tool(0, delta='{"a"'), Tool(0, delta=":1}"), Tool(0, "c1", "f", done=True, arguments={"a": 1}),
        End("tool", "tool_calls"),
    ]  # fmt: skip


def ended(*payloads: Any, done: bool = True) -> list[tuple[Any, ...]]:
    return [(e.id, e.name, e.arguments, e.invalid) for e in stream(*payloads, done=done) if isinstance(e, Tool) and e.done]


def test_parallel_calls_interleave_by_index() -> None:
    calls = (
        call(index=0, id="a", name="f"),
        call(index=1, id="b", name="f"),
        call('{"x":', index=0),
        call("{}", index=1),
        call("2}", index=0),
    )
    assert ended(*calls, delta("tool_calls")) == [("a", "f", {"x": 2}, False), ("b", "f", {}, False)]


@pytest.mark.parametrize(
    "fragments",
    [
        [call('{"x":1}', id="a", name="f")],  # Mistral: no index
        [call('{"x"', id="a", name="f"), call(":1}", id="null", name="")],
        [call(id="a", name="f"), call('{"x":1}')],
        [call(id="a", name="f"), call('{"x":1}', id="a")],
        [call(id="a", name="f", index=0), call('{"x":1}', id="", name="", index=0)],  # Alibaba
        [call(id="a", name="f", index=0), call('{"x":1}', id=None, name=None, index=0)],
        [call(None, id="a", name="f", index=0), call('{"x":1}', index=0)],  # Meta
        [call(id="a", index=0), call('{"x":1}', name="f", index=0.0)],
        [call(id="a", name="f", index=0), call('{"x":1}', id="a", name="f", index=0)],
        [call({"x": 1}, id="a", name="f", index="zero")],
    ],
)
def test_a_call_keeps_its_id_and_name_however_its_fragments_are_keyed(fragments: list[Any]) -> None:
    assert ended(*fragments, delta("tool_calls")) == [("a", "f", {"x": 1}, False)]


def test_calls_without_a_key_are_told_apart_by_their_names() -> None:
    assert ended(call("{}", name="f"), call("{}", name="g"), delta("stop")) == [(None, "f", {}, False), (None, "g", {}, False)]
    assert ended(call("{}", index=0, id="a", name="f"), call("{}", index=0, id="b", name="f"), delta("stop")) == [
        ("a", "f", {}, False), ("b", "f", {}, False),
    ]  # fmt: skip


def test_the_deprecated_function_call_is_a_call_without_id() -> None:
    events = (delta(function_call={"name": "f", "arguments": "{"}), delta(function_call={"arguments": "}"}), delta("function_call"))
    assert ended(*events) == [(None, "f", {}, False)]
    assert stream(*events)[-1] == End("tool", "function_call")


@pytest.mark.parametrize("text", ["", " ", "null"])
def test_a_call_without_argument_text_has_no_arguments(text: str) -> None:
    assert ended(call(text, index=0, id="a", name="f"), delta("tool_calls")) == [("a", "f", {}, False)]


@pytest.mark.parametrize("text", ['{"x":', "nope", "NaN", "[" * 5000])
def test_arguments_that_do_not_parse_are_marked(text: str) -> None:
    assert ended(call(text, index=0, id="a", name="f"), delta("tool_calls")) == [("a", "f", None, True)]


@pytest.mark.parametrize("end", [{"done": False}, {"done": True}])
def test_a_call_cut_before_its_arguments_is_not_taken_for_one_without(end: Any) -> None:
    payloads = [call(index=0, id="a", name="f")] + ([delta("length")] if end["done"] else [])
    assert ended(*payloads, **end) == [("a", "f", None, True)]


def test_what_belongs_to_a_call_is_carried_with_it() -> None:
    fragment = {
        "index": 0,
        "id": "a",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "s"}},
    }
    assert Carry(0, {"extra_content": fragment["extra_content"]}) in stream(delta(tool_calls=[fragment]), delta("tool_calls"))


def test_sound_and_its_words_share_a_block() -> None:
    audio = [{"id": "au1", "transcript": "Hi"}, {"id": "au1", "data": "UklG"}, {"expires_at": 1}]
    events = stream(*(delta(audio=a) for a in audio), delta("stop"))
    assert events == [
        Transcript(0, "assistant", "Hi"),
        Carry(0, {"audio": {"id": "au1"}}),
        Audio(0, "UklG", rate=24_000),
        End("stop", "stop"),
    ]


# --- usage and notices ---


def usage(raw: dict[str, Any], profile: Profile | None = None, **chunk: Any) -> Usage:
    (found,) = (e for e in stream(delta("stop"), {"choices": [], "usage": raw, **chunk}, profile=profile) if isinstance(e, Usage))
    return found


def test_counts_are_made_disjoint() -> None:
    raw = {
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20, "audio_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 15, "audio_tokens": 5},
    }  # fmt: skip
    assert usage(raw) == Usage(40, 30, 20, 30, 15, 10, 5)


def test_reasoning_beside_the_output_is_seen_in_the_total_or_told_by_the_profile() -> None:
    raw = {"prompt_tokens": 12, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 340}}
    assert usage({**raw, "total_tokens": 354}).output == 2
    assert usage(raw, Profile(reasoning_in_output=False)).output == 2
    assert usage({**raw, "completion_tokens": 342, "total_tokens": 354}, Profile(reasoning_in_output=False)).output == 2


def test_other_vendors_places_for_the_same_counts() -> None:
    assert usage({"prompt_tokens": 9, "completion_tokens": 5, "prompt_cache_hit_tokens": 4, "reasoning_tokens": 2}) == Usage(
        5, 4, None, 3, 2
    )
    groq = stream(delta("stop"), {"choices": [], "x_groq": {"usage": {"prompt_tokens": 1}}})
    assert Usage(input=1) in groq
    moonshot = stream({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 3}}]})
    assert Usage(input=3) in moonshot


@pytest.mark.parametrize("cost", [{"cost": 0.5}, {"cost": {"total_cost": 0.5}}, {"cost_in_usd_ticks": 5 * 10**9}])
def test_cost_is_in_dollars(cost: dict[str, Any]) -> None:
    assert usage(cost).cost == 0.5


def test_llama_cpps_timings_come_along_and_its_verbose_part_does_not() -> None:
    events = stream(delta(content="a"), {**delta("stop"), "timings": {"predicted_ms": 1.5}, "__verbose": {"prompt": "secret"}})
    assert events[-2] == Usage(timings={"predicted_ms": 1.5})
    assert "secret" not in repr(events)


def test_usage_of_a_cut_stream_is_not_final() -> None:
    events = stream({**delta(content="a"), "usage": {"prompt_tokens": 1, "completion_tokens": 1}}, done=False)
    assert events[1:] == [Usage(input=1, output=1, mode="cumulative"), End("truncated")]


@pytest.mark.parametrize(
    "raw", [{"prompt_tokens": "7"}, {"prompt_tokens": -1}, {"prompt_tokens": True}, {"prompt_tokens": 10**400}, ["x"], 5]
)
def test_counts_that_are_none_are_not_given(raw: Any) -> None:
    assert not any(isinstance(e, Usage) for e in stream(delta("stop"), {"choices": [], "usage": raw}))


def test_notices_say_what_is_new_once() -> None:
    filtered = {"violence": {"filtered": True, "severity": "high"}}
    events = stream(
        {"choices": [], "model": "", "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": filtered}]},
        {**delta(content="a"), "model": "m-1", "provider": "A", "citations": ["u"]},
        {**delta(content="b"), "model": "m-2", "provider": "B", "citations": ["u"], "search_results": [{"url": "u"}]},
        delta("content_filter", annotations=[{"type": "url_citation"}]),
        {"choices": [], "moderation": {"output": {"flagged": False}}},
    )
    assert [(e.kind, *e.data) for e in events if isinstance(e, Notice)] == [
        ("moderation", "prompt_filter_results"), ("served", "model"), ("provider", "provider"), ("citation", "citations"),
        ("provider", "provider"), ("citation", "search_results"), ("citation", "annotations"), ("moderation", "moderation"),
    ]  # fmt: skip
    assert events[-1] == End("filter", "content_filter")


# --- how a stream ends ---


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool"),
        ("function_call", "tool"),
        ("content_filter", "filter"),
        ("eos", "stop"),
    ],
)
def test_ends(raw: str, reason: Any) -> None:
    assert stream(delta(content="a"), delta(raw))[-1] == End(reason, raw)
    assert stream(delta(content="a"), delta(raw), done=False)[-1] == End(reason, raw)


def test_a_repeated_finish_reason_is_no_second_end_and_what_follows_still_counts() -> None:
    events = stream(delta("length", content="a"), delta("length", content="b"), delta("stop"))
    assert events == [Text(0, "a"), Text(0, "b"), End("length", "length")]


def test_no_finish_reason() -> None:
    assert stream(delta(content="a"))[-1] == End("stop")
    assert stream(delta(content="a"), done=False)[-1] == End("truncated")
    assert stream({"choices": []}, done=False)[-1] == End("truncated")
    assert stream()[-1] == End("stop")


def test_the_last_event_may_lack_its_blank_line_or_its_end() -> None:
    assert read(data(delta(content="a")) + b"data: [DONE]")[-1] == End("stop")
    assert read(data(delta(content="a")) + b'data: {"choices": [{"del') == [Text(0, "a"), End("truncated")]
    assert read(data(delta(content="a")), b"data: " + json.dumps(delta("stop")).encode())[-1] == End("stop", "stop")


def test_comments_and_words_that_are_no_json_are_keep_alives() -> None:
    events = read(b": PING\n\ndata: ping\n\n" + data(delta(content="a")) + b":\n\ndata:\n\n" + data(delta("stop")) + DONE)
    assert events == [Text(0, "a"), End("stop", "stop")]


def test_a_hole_in_the_answer_is_an_error() -> None:
    events = read(data(delta(content="a")) + b'data: {"choices": [{"delta": {"content": "b\n\n' + data(delta("stop")) + DONE)
    assert [type(e) for e in events] == [Text, Error]
    assert events[-1].code == "protocol"


def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    whole = {
        "object": "chat.completion",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    events = read(json.dumps(whole, indent=2).encode())
    assert events == [Notice("served", {"model": "m"}), Text(0, "Hi"), Usage(input=1, output=2), End("stop", "stop")]


# --- errors within a stream ---


def failed(events: list[Event]) -> Error:
    assert [isinstance(e, TERMINAL) for e in events] == [False] * (len(events) - 1) + [True]
    assert isinstance(events[-1], Error)
    return events[-1]


FAULT = {"error": {"message": "no", "type": "invalid_request_error", "code": "context_length_exceeded"}}


@pytest.mark.parametrize(
    "raw",
    [
        data(FAULT) + DONE,
        data(delta(content="a"), FAULT),
        b"event: error\n" + data(FAULT),
        b"event: error\n" + data(FAULT["error"]),
        json.dumps(FAULT).encode(),
        json.dumps(FAULT, indent=4).replace("\n", "\r\n").encode(),
        json.dumps([FAULT], indent=2).encode(),
        data(delta(content="a")) + json.dumps(FAULT, indent=2).encode(),
        b"error: " + json.dumps(FAULT["error"]).encode() + b"\n\n" + DONE,
        data({**delta(content="a"), **FAULT}) + DONE,
        data({"choices": [{"index": 0, "delta": {}, "finish_reason": "error", **FAULT}]}) + DONE,
        data({**FAULT["error"], "type": "error"}),
    ],
)
def test_an_error_is_found_wherever_it_stands(raw: bytes) -> None:
    assert failed(read(raw)) == Error("context_length", "no")


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ({"code": "insufficient_quota", "type": "insufficient_quota"}, "rate_limited", False),
        ({"code": "rate_limit_exceeded", "type": "tokens"}, "rate_limited", True),
        ({"code": "invalid_api_key", "type": "invalid_request_error"}, "auth", False),
        ({"code": 429}, "rate_limited", True),
        ({"code": "503"}, "overloaded", True),
        ({"code": 500, "type": "server_error"}, "internal", True),
        ({"code": 404, "type": "NotFoundError"}, "not_found", False),
        ({"type": "overloaded_error"}, "overloaded", True),
        ({"code": "tool_use_failed", "status_code": 400}, "bad_request", False),
        ({"code": 400, "message": "This model's maximum context length is 8 tokens"}, "context_length", False),
        ({"code": 400, "type": "exceed_context_size_error"}, "context_length", False),
        ({"code": "content_filter", "status": 400}, "filtered", False),
        ({"status": "RESOURCE_EXHAUSTED", "code": 429}, "rate_limited", True),
        ({}, "internal", True),
        ({"code": ["x"], "type": {}, "message": 7}, "internal", True),
    ],
)
def test_vendors_words_become_ours(fault: dict[str, Any], code: str, retryable: bool) -> None:
    error = failed(stream({"error": {"message": "", "param": 1, **fault}}))
    assert (error.code, error.retryable, error.stage) == (code, retryable, "stream")
    assert error.message


def test_an_error_that_is_only_a_string() -> None:
    assert failed(stream({"error": "the model crashed"})).message == "the model crashed"
    assert failed(read(b"event: error\ndata: upstream gone\n\n")).message == "upstream gone"
    assert failed(read(b"event: error\ndata: null\n\n")).code == "internal"
    assert failed(read(b"error: out of memory\n\n")).message == "out of memory"


@pytest.mark.parametrize(("raw", "code"), [("insufficient_system_resource", "overloaded"), ("error", "internal")])
def test_finish_reasons_that_are_failures_keep_text_and_usage(raw: str, code: str) -> None:
    events = stream(delta(content="a"), delta(raw), {"choices": [], "usage": {"prompt_tokens": 1}})
    assert events[:2] == [Text(0, "a"), Usage(input=1)]
    assert (failed(events).code, failed(events).retryable) == (code, True)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "nothing"),
        (b": PING\n\n: PING\n\n", "keep-alives"),
        (b"<!DOCTYPE html>\n<html><body>secret</body></html>", "HTML: is the base URL right?"),
        (b'{"status": "ok", "version": 3}', "JSON with the fields status, version"),
        (data({"type": "response.created", "response": {}}), "fields type, response"),
        (b"data: hello\n\n", "no JSON: hello"),
        (b"Bad gateway", "text: Bad gateway"),
        (b"data: 5\n\n", "JSON that is no object"),
    ],
)
def test_what_came_instead_of_a_stream_is_said(raw: bytes, words: str) -> None:
    error = failed(read(raw))
    assert error.code == "protocol"
    assert words in error.message
    assert "<" not in error.message


def test_an_event_without_end_ends_the_stream() -> None:
    decoder = CHAT.decoder(Profile())
    events = decoder.feed(data(delta(content="a")))
    chunk = b"data: " + b"x" * 2**20
    for _ in range(5):
        events += decoder.feed(chunk)
    assert [type(e) for e in events] == [Text, Error]
    assert "4 MiB" in failed(events).message
    assert decoder.close() == []


# --- any bytes ---


def check(*chunks: bytes) -> None:
    events = read(*chunks)
    assert [isinstance(e, TERMINAL) for e in events] == [False] * (len(events) - 1) + [True]
    for i, event in enumerate(events):
        json.loads(encode(event, i, 0).data, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    raw = b"".join(chunks)
    assert read(*(raw[i : i + 1] for i in range(len(raw)))) == events


@given(st.lists(st.binary(max_size=60), max_size=6))
@settings(deadline=None)
def test_random_bytes_end_in_one_event(chunks: list[bytes]) -> None:
    check(*chunks)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([10**400, "stop", "a\ud83d", 0, 1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def shaped(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={k: v | ANY for k, v in fields.items()})


DETAIL = shaped({"type": st.sampled_from(["reasoning.text", "reasoning.encrypted"]), "text": ANY, "data": ANY, "index": ANY})
FRAGMENT = shaped({"index": st.integers(0, 2), "id": ANY, "function": shaped({"name": ANY, "arguments": ANY}), "extra_content": ANY})
DELTA = shaped({
    "content": ANY, "reasoning_content": ANY, "reasoning": ANY, "reasoning_details": st.lists(DETAIL, max_size=2), "refusal": ANY,
    "tool_calls": st.lists(FRAGMENT, max_size=2), "function_call": shaped({"name": ANY, "arguments": ANY}), "annotations": ANY,
    "audio": shaped({"id": ANY, "data": ANY, "transcript": ANY}),
})  # fmt: skip
CHOICE = shaped(
    {"index": st.integers(0, 2), "delta": DELTA, "message": DELTA, "finish_reason": ANY, "content_filter_results": ANY, "usage": ANY}
)
DETAILS = shaped({"cached_tokens": ANY, "reasoning_tokens": ANY})
USAGE = shaped({"prompt_tokens": ANY, "completion_tokens": ANY, "cost": ANY, "prompt_tokens_details": DETAILS, "x_time": ANY})
CHUNK = shaped({
    "choices": st.lists(CHOICE, max_size=2), "usage": USAGE, "model": ANY, "provider": ANY, "error": ANY, "timings": ANY, "citations": ANY,
    "moderation": ANY, "prompt_filter_results": ANY, "x_groq": ANY, "object": ANY, "type": ANY,
})  # fmt: skip


@given(st.lists(CHUNK | ANY, max_size=4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_wrong_types_anywhere_end_in_one_event(payloads: list[Any], done: bool) -> None:
    check(data(*payloads) + (DONE if done else b""))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000, '{"choices":' * 20_000, '{"choices": [{"delta": ' + '{"a":' * 500 + "1" + "}" * 500 + "}]}",
        '{"usage": {"prompt_tokens": ' + "9" * 10_000 + "}}", '{"choices": [], "timings": {"x": NaN, "y": 1e999, "z": -Infinity}}',
        '{"choices": [{"delta": {"content": "\\ud83d"}}]}', '{"choices": [{"delta": {"content": "a\\u0000\\r\\n"}}]}', "\x00", "\ufeff{}",
    ],
)  # fmt: skip
def test_nasty_payloads(text: str) -> None:
    for raw in (data(text), data(text) + DONE, text.encode(), b"error: " + text.encode()):
        events = read(raw)
        assert [isinstance(e, TERMINAL) for e in events] == [False] * (len(events) - 1) + [True]
        for i, event in enumerate(events):
            json.loads(encode(event, i, 0).data, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


# --- head and catalogue ---


def test_rate_limits_of_the_head() -> None:
    (notice,) = CHAT.head({
        "x-ratelimit-limit-requests": "30000", "X-RateLimit-Remaining-Requests": "29999", "x-ratelimit-reset-requests": "2ms",
        "x-ratelimit-limit-tokens": "-1", "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-limit-requests-day": "100",
        "x-ratelimit-remaining-tokens": "many", "x-request-id": "req_1", "content-type": "text/event-stream",
    })  # fmt: skip
    assert notice == Notice("rate_limits", {
        "limit_requests": 30000, "remaining_requests": 29999, "reset_requests": 0.002, "reset_tokens": 360, "limit_requests_day": 100,
        "request_id": "req_1",
    })  # fmt: skip
    assert CHAT.head({"content-type": "text/event-stream"}) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6m0s", 360),
        ("4ms", 0.004),
        ("0s", 0),
        ("1h2m3.5s", 3723.5),
        ("1d", 86400),
        ("7.66", 7.66),
        ("-1", None),
        ("soon", None),
        ("1m x", None),
        ("", None),
        ("1763817600000", None),
    ],
)
def test_durations(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


def test_catalogues() -> None:
    listed = {"data": [
        {"id": "a", "object": "model", "context_length": 8, "name": "A", "top_provider": {"max_completion_tokens": 4, "context_length": 9}},
        {"id": "b", "max_model_len": 16, "owned_by": "vllm"}, {"id": "c", "meta": {"n_ctx_train": 32}}, {"id": ""}, {"x": 1}, 7,
        {"id": "d", "context_window": "big"},
    ]}  # fmt: skip
    assert CHAT.models(json.dumps(listed).encode()) == [
        {"id": "a", "name": "A", "context": 8, "max_output": 4}, {"id": "b", "owned_by": "vllm", "context": 16},
        {"id": "c", "context": 32}, {"id": "d"},
    ]  # fmt: skip
    assert CHAT.models(b'[{"id": "x"}]') == [{"id": "x"}]
    for raw in (b"", b"<html>", b"{}", b"null", b'{"data": 5}', b"\xff"):
        assert CHAT.models(raw) == []
