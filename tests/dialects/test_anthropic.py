from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import ANY, NASTY, bytewise, done, ends_once, read, shaped, text

from tokenwidgets import dialects
from tokenwidgets.dialects.anthropic_messages import AnthropicMessages
from tokenwidgets.dialects.base import Profile
from tokenwidgets.errors import Refused
from tokenwidgets.events import Carry, End, Error, Event, Notice, Reasoning, Text, Tool, Usage
from tokenwidgets.request import Request, parse

MESSAGES = AnthropicMessages()
STOP = {"type": "message_stop"}


def data(*payloads: Any) -> bytes:
    return b"".join(
        b"data: %b\n\n" % (p.encode("utf-8", "surrogatepass") if isinstance(p, str) else json.dumps(p).encode()) for p in payloads
    )


def start(model: str = "claude-x", **usage: Any) -> dict[str, Any]:
    return {"type": "message_start", "message": {"id": "msg_1", "model": model, "content": [], "usage": usage}}


def block(index: int = 0, kind: str = "text", **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **fields}}


def delta(index: int = 0, kind: str = "text_delta", **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def reason(raw: str | None = "end_turn", details: Any = None, **usage: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": raw, "stop_details": details}, "usage": usage}


def call(*pieces: str, index: int = 0, ended: bool = True, **fields: Any) -> list[dict[str, Any]]:
    head = block(index, "tool_use", **{"id": "toolu_1", "name": "f", "input": {}, **fields})
    return [head, *(delta(index, "input_json_delta", partial_json=p) for p in pieces), *([stop(index)] if ended else [])]


def stream(*payloads: Any) -> list[Event]:
    return read("anthropic-messages", data(*payloads))


def body(request: Request, profile: Profile | None = None) -> dict[str, Any]:
    return json.loads(MESSAGES.encode(request, profile or Profile()).body)


def asked(model: str = "h/claude-sonnet-4-6", **fields: Any) -> dict[str, Any]:
    return body(parse({"model": model, **({} if "messages" in fields else {"prompt": "hi"}), **fields}))


# --- the request ---


def test_a_plain_request() -> None:
    sent = MESSAGES.encode(parse({"model": "anthropic/claude-opus-5", "prompt": "grüße"}), Profile())
    assert json.loads(sent.body) == {
        "model": "claude-opus-5", "max_tokens": 4096, "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "grüße"}]}],
    }  # fmt: skip
    assert (sent.path, sent.headers["anthropic-version"], sent.headers["Accept-Encoding"]) == ("/messages", "2023-06-01", "identity")
    assert MESSAGES.headers("k") == {"anthropic-version": "2023-06-01", "x-api-key": "k"}
    assert MESSAGES.headers(None) == {"anthropic-version": "2023-06-01"}
    assert dialects.get("anthropic-messages").name == "anthropic-messages"


def test_instructions_go_to_the_top_wherever_they_stand() -> None:
    history = [
        {"role": "system", "content": "b"},
        {"role": "user", "content": "hi"},
        {"role": "developer", "content": [{"type": "text", "text": "c"}]},
    ]
    sent = asked(system="a", messages=history)
    assert sent["system"] == "a\n\nb\n\nc"
    assert [m["role"] for m in sent["messages"]] == ["user"]


def test_options_travel_under_its_names() -> None:
    sent = asked(options={"max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "stop": "x"})
    assert (sent["max_tokens"], sent["temperature"], sent["top_p"], sent["stop_sequences"]) == (5, 0.5, 0.9, ["x"])
    with pytest.raises(Refused, match="no option 'seed'"):
        asked(options={"seed": 7})
    assert asked(options={"stop": ["x", "y"]})["stop_sequences"] == ["x", "y"]


@pytest.mark.parametrize(
    ("model", "effort", "limit", "fields"),
    [
        ("claude-sonnet-4-6", "low", None, {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}}),
        ("claude-opus-5", "ultra", 9, {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "max"}}),
        ("claude-opus-5", "none", None, {"thinking": {"type": "disabled"}}),
        ("claude-haiku-4-5-20251001", "low", None, {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 4096 + 2048}),
        ("claude-sonnet-4-20250514", "high", 4096, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ("claude-3-7-sonnet-latest", "high", 2000, {}),
        ("anthropic/claude-opus-4", "odd", 100_000, {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
    ],
)  # fmt: skip
def test_effort_is_asked_for_in_the_models_style(model: str, effort: str, limit: int | None, fields: dict[str, Any]) -> None:
    options = {} if limit is None else {"max_tokens": limit}
    plain, sent = asked(f"h/{model}", options=options), asked(f"h/{model}", options={**options, "reasoning": effort})
    assert {k: v for k, v in sent.items() if plain.get(k) != v} == fields


def test_a_host_that_takes_no_effort_is_not_asked_for_it() -> None:
    request = parse({"model": "h/m", "prompt": "hi", "options": {"reasoning": "high"}})
    assert "thinking" not in body(request, Profile(reasoning_style="none"))


def test_images_and_files_become_blocks() -> None:
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/PNG;base64,iVBO\nRw=="}},
        {"type": "image_url", "image_url": "https://x.test/a.jpg"},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"}},
        {"type": "image_url", "image_url": {"url": "https://x.test/b.PDF"}},
        {"type": "text", "text": ""},
    ]
    (message,) = asked(messages=[{"role": "user", "content": parts}])["messages"]
    assert message["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
        {"type": "image", "source": {"type": "url", "url": "https://x.test/a.jpg"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
        {"type": "document", "source": {"type": "url", "url": "https://x.test/b.PDF"}},
    ]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}, "audio/wav"),
        ({"type": "image_url", "image_url": {"url": "/etc/passwd"}}, "data: URL"),
        ({"type": "image_url"}, "data: URL"),
        ({"type": "video", "video": 1}, "'video'"),
        (5, "''"),
    ],
)
def test_a_part_it_cannot_say_is_refused(part: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        asked(messages=[{"role": "user", "content": [part]}])


TOOL_TURN = [
    {"role": "user", "content": "weather?"},
    {"role": "assistant", "content": "Let me see.", "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
    ]},
    {"role": "tool", "tool_call_id": "a", "content": "sunny"},
    {"role": "tool", "tool_call_id": "b", "content": ""},
    {"role": "user", "content": "and?"},
]  # fmt: skip


def test_a_tool_turn() -> None:
    _, assistant, user = asked(messages=TOOL_TURN)["messages"]
    assert assistant == {"role": "assistant", "content": [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {}},
    ]}  # fmt: skip
    assert user == {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "sunny"}]},
        {"type": "tool_result", "tool_use_id": "b"},
        {"type": "text", "text": "and?"},
    ]}  # fmt: skip


@pytest.mark.parametrize("arguments", ["{", "[1]", "5", [1]])
def test_arguments_that_are_no_object_are_refused(arguments: Any) -> None:
    history = [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": arguments}}]}]
    with pytest.raises(Refused, match="'f'"):
        asked(messages=history)


def test_tools() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"x": {}}}, "strict": True}
    own = {"type": "web_search_20250305", "name": "web_search"}
    sent = asked(tools=[{"type": "function", "function": function}, {"type": "function", "function": {"name": "g"}}, own])
    assert sent["tools"] == [
        {"name": "f", "description": "d", "strict": True, "input_schema": function["parameters"]},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}}, own,
    ]  # fmt: skip


def test_extra_fields_win_but_never_change_who_is_asked_what() -> None:
    extra = {
        "temperature": 1,
        "top_k": 3,
        "model": "other",
        "messages": [],
        "stream": False,
        "max_tokens": 1,
        "thinking": {"type": "disabled"},
    }
    sent = asked(options={"temperature": 0, "reasoning": "low", "extra": extra})
    assert (sent["temperature"], sent["top_k"], sent["max_tokens"], sent["thinking"]) == (1, 3, 1, {"type": "disabled"})
    assert (sent["model"], sent["stream"], len(sent["messages"])) == ("claude-sonnet-4-6", True, 1)


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(Refused, match="JSON"):
        asked(options={"extra": {"x": float("nan")}})


# --- what is carried, there and back ---

THINKING = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "s1",
    "content": [{"type": "web_search_result", "encrypted_content": "xyz", "url": "u"}],
}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": 1}}
CITED = {"type": "text", "text": "so", "citations": [{"type": "web_search_result_location", "encrypted_index": "e", "url": "u"}]}


def events_of(*blocks: dict[str, Any]) -> list[Event]:
    payloads = [p for i, b in enumerate(blocks) for p in ({"type": "content_block_start", "index": i, "content_block": b}, stop(i))]
    return stream(start(), *payloads, reason("tool_use"), STOP)


def message_of(events: list[Event]) -> dict[str, Any]:
    """The assistant's message as a caller puts it together."""
    calls = [{"id": i, "type": "function", "function": {"name": n, "arguments": json.dumps(a)}} for i, n, a, _ in done(events)]
    return {"role": "assistant", "content": text(events), "tool_calls": calls, "carry": [e.opaque for e in events if isinstance(e, Carry)]}


@pytest.mark.parametrize(
    "blocks",
    [
        [THINKING, {"type": "text", "text": "so"}, CALL],
        [{"type": "redacted_thinking", "data": "enc"}, CALL],
        [THINKING, SEARCH, FOUND, CITED],
        [{"type": "text", "text": "Let me see."}, THINKING, CALL],
        [{"type": "text", "text": "a"}, SEARCH, FOUND, {"type": "text", "text": "b"}, {**CALL, "caller": {"type": "direct"}}],
        [{"type": "text", "text": "b"}, {**CALL, "input": {}}, SEARCH],
        [{"type": "text", "text": "b"}, CALL],
        [{"type": "compaction", "content": "summary"}, {"type": "text", "text": "b"}],
    ],
)
def test_content_goes_back_as_it_came_and_in_its_order(blocks: list[dict[str, Any]]) -> None:
    sent = asked(messages=[{"role": "user", "content": "hi"}, message_of(events_of(*blocks))])
    if FOUND in blocks and blocks[-1] is CITED:
        # Text behind what is carried is not carried itself, so it goes back without its citations.
        blocks = [*blocks[:-1], {"type": "text", "text": "so"}]
    assert sent["messages"][1]["content"] == blocks


def test_thinking_is_carried_with_its_signature_once_it_is_whole() -> None:
    opening = [
        start(),
        block(0, "thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="h"),
        delta(0, "thinking_delta", thinking="m"),
    ]
    signed = [*opening, delta(0, "thinking_delta", thinking=""), delta(0, "signature_delta", signature="c2ln"), stop()]
    assert Carry(0, THINKING) in stream(*signed, reason(), STOP)
    assert not [e for e in stream(*signed[:-1]) if isinstance(e, Carry)]
    assert not [e for e in stream(*opening, stop(), reason(), STOP) if isinstance(e, Carry)]


def test_thinking_may_have_only_a_signature() -> None:
    events = stream(
        start(), block(0, "thinking", thinking="", signature=""), delta(0, "signature_delta", signature="s"), stop(), reason(), STOP
    )
    assert events[-2:] == [Carry(0, {"type": "thinking", "thinking": "", "signature": "s"}), End("stop", "end_turn")]


def test_a_text_of_blanks_is_not_carried_since_it_is_refused() -> None:
    events = events_of({"type": "text", "text": "\n\n"}, THINKING, {"type": "text", "text": "so"})
    assert [e.opaque for e in events if isinstance(e, Carry)] == [THINKING]


def test_what_another_format_left_to_be_carried_is_not_sent() -> None:
    foreign = [{"reasoning_details": []}, {"type": "reasoning", "encrypted_content": "x"}, {"text": "", "thoughtSignature": "s"}, 5]
    sent = asked(messages=[{"role": "assistant", "content": "a", "carry": foreign}])
    assert sent["messages"][0]["content"] == [{"type": "text", "text": "a"}]


# --- text, thinking, tools ---


def test_a_plain_answer() -> None:
    events = stream(
        start(input_tokens=3, output_tokens=1), block(text=""), {"type": "ping"}, delta(text="Hel"), delta(text="lo"), stop(),
        reason(output_tokens=5), STOP,
    )  # fmt: skip
    assert events == [
        Notice("served", {"model": "claude-x"}), Usage(input=3, output=1, mode="cumulative"), Text(0, "Hel"), Text(0, "lo"),
        Usage(input=3, output=5), End("stop", "end_turn"),
    ]  # fmt: skip


def test_the_end_comes_with_message_stop_or_soon_after_the_stop_reason() -> None:
    decoder = MESSAGES.decoder(Profile())
    decoder.feed(data(start(), delta(text="a")))
    assert not decoder.finishing
    assert decoder.feed(data(reason("max_tokens"))) == []
    assert decoder.finishing
    assert not decoder.done
    assert decoder.close() == [End("length", "max_tokens")]
    assert decoder.feed(data(STOP)) == decoder.close() == []


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("model_context_window_exceeded", "length"),
        ("tool_use", "tool"), ("refusal", "refusal"), ("pause_turn", "pause"), ("compaction", "pause"), ("new", "stop"),
    ],
)  # fmt: skip
def test_ends(raw: str, expected: Any) -> None:
    assert stream(start(), delta(text="a"), reason(raw), STOP)[-1] == End(expected, raw)


def test_thinking_is_a_summary_where_the_vendor_says_so() -> None:
    for model, kind in (("claude-sonnet-4-6", "summary"), ("claude-3-7-sonnet", "full"), ("deepseek-v4", "full")):
        assert Reasoning(0, "hm", kind) in stream(start(model), delta(0, "thinking_delta", thinking="hm"))


def test_a_call_in_fragments() -> None:
    events = stream(start("m"), *call("", '{"a"', ":1}"), reason("tool_use"), STOP)
    assert events[1:] == [
        Tool(0, "toolu_1", "f"), Tool(0, delta='{"a"'), Tool(0, delta=":1}"), Tool(0, "toolu_1", "f", done=True, arguments={"a": 1}),
        End("tool", "tool_use"),
    ]  # fmt: skip


def test_a_call_ends_with_its_block() -> None:
    assert [e.done for e in stream(start("m"), *call("{}")) if isinstance(e, Tool)] == [False, False, True]


@pytest.mark.parametrize(
    ("payloads", "expected"),
    [
        ([*call(""), reason("tool_use"), STOP], ({}, False)),
        ([*call(), block(1), reason("max_tokens"), STOP], ({}, False)),  # what follows shows that it was whole
        ([*call(input={"x": 1}), reason("tool_use"), STOP], ({"x": 1}, False)),
        ([*call(""), reason("max_tokens"), STOP], (None, True)),
        ([*call(""), reason(None)], (None, True)),
        ([*call(ended=False), reason("max_tokens"), STOP], (None, True)),
        ([*call('{"x":', ended=False), reason("max_tokens"), STOP], (None, True)),
        ([*call('{"x":1}', ended=False), reason("tool_use"), STOP], ({"x": 1}, False)),
        ([*call('{"x":'), reason("tool_use"), STOP], (None, True)),
        ([*call('{"x":', ended=False), *call('{"x":1}')[1:], reason("tool_use"), STOP], (None, True)),
    ],
)
def test_arguments_are_whole_or_marked(payloads: list[Any], expected: tuple[Any, bool]) -> None:
    ((_, _, arguments, invalid),) = done(stream(start(), *payloads))
    assert (arguments, invalid) == expected


def test_arguments_given_at_once_are_a_delta_too() -> None:
    events = stream(start(), *call(input={"x": 1}), reason("tool_use"), STOP)
    assert "".join(e.delta for e in events if isinstance(e, Tool)) == '{"x": 1}'


def test_citations_are_notices_and_text_stays_text() -> None:
    citation = {"type": "char_location", "cited_text": "c"}
    events = stream(start("m"), block(text="a"), delta(0, "citations_delta", citation=citation), delta(text="b"), stop(), reason(), STOP)
    assert events[1:-1] == [Text(0, "a"), Notice("citation", {"block": 0, "citation": citation}), Text(0, "b")]


def test_what_servers_tools_do_is_told_without_what_is_encrypted() -> None:
    events = events_of(SEARCH, FOUND)
    told = [e.data for e in events if isinstance(e, Notice) and e.kind == "server_tool"]
    assert told == [{"block": 0, **SEARCH}, {"block": 1, **FOUND, "content": [{"type": "web_search_result", "url": "u"}]}]
    assert not done(events)


def test_a_fallback_model_is_a_change_of_provider() -> None:
    fallback = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}, "trigger": {"type": "refusal"}}
    assert Notice("provider", {"block": 0, **fallback}) in events_of(fallback)


def test_why_it_refused_is_told() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "no"}
    events = stream(start("m"), reason("refusal", details), STOP)
    assert events[1:] == [Notice("moderation", {"stop_details": details}), End("refusal", "refusal")]


def test_pieces_without_a_beginning_and_kinds_of_a_later_version() -> None:
    events = stream(start("m"), delta(3, text="a"), delta(4, "new_delta", x=1), {"type": "new_event"}, reason(), STOP)
    assert events[1:] == [Text(0, "a"), End("stop", "end_turn")]
    assert stream(start("m"), block(0, "hologram", data="d"), stop(), reason(), STOP)[1].kind == "server_tool"


def test_a_server_that_does_not_stream_is_read_all_the_same() -> None:
    whole = {"type": "message", "model": "m", "content": [{"type": "text", "text": "Hi"}, CALL], "stop_reason": "tool_use",
             "usage": {"input_tokens": 1, "output_tokens": 2}}  # fmt: skip
    events = read("anthropic-messages", json.dumps(whole, indent=2).encode())
    assert (text(events), done(events), events[-2:]) == (
        "Hi", [("toolu_1", "f", {"x": 1}, False)], [Usage(input=1, output=2), End("tool", "tool_use")],
    )  # fmt: skip


# --- usage ---


def last_usage(*payloads: Any) -> Usage:
    return [e for e in stream(*payloads) if isinstance(e, Usage)][-1]


def test_counts_are_disjoint_and_the_last_of_each_wins() -> None:
    begin = start(input_tokens=10, cache_read_input_tokens=5, cache_creation_input_tokens=3, output_tokens=1)
    told = reason(input_tokens=None, cache_read_input_tokens=6, output_tokens=9, output_tokens_details={"thinking_tokens": 4})
    assert last_usage(begin, told, STOP) == Usage(input=10, cache_read=6, cache_write=3, output=5, reasoning=4)


def test_more_thinking_than_output_is_no_negative_count() -> None:
    assert last_usage(start(), reason(output_tokens=3, output_tokens_details={"thinking_tokens": 4})).output == 0


def test_usage_of_a_cut_stream_is_not_final_and_not_given_twice() -> None:
    events = stream(start(input_tokens=3, output_tokens=1), delta(text="a"))
    assert [e for e in events if isinstance(e, Usage)] == [Usage(input=3, output=1, mode="cumulative")]
    assert events[-1] == End("truncated")


@pytest.mark.parametrize("count", ["7", -1, True, 10**400, [1], 1.5])
def test_counts_that_are_none_are_not_given(count: Any) -> None:
    assert not any(isinstance(e, Usage) for e in stream(start(input_tokens=count), reason(output_tokens=count), STOP))


# --- errors within a stream ---

OVERLOADED = {"type": "error", "error": {"details": None, "type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}


def failed(events: list[Event]) -> Error:
    ends_once(events)
    assert isinstance(events[-1], Error)
    return events[-1]


@pytest.mark.parametrize(
    "raw",
    [
        b"event: error\n" + data(OVERLOADED),  # before any other event
        data(OVERLOADED),
        data(start(), delta(text="a")) + b"event: error\n" + data(OVERLOADED),
        data(start(), OVERLOADED),
        b"event: error\n" + data(OVERLOADED["error"]),
        json.dumps(OVERLOADED).encode(),
        json.dumps(OVERLOADED, indent=4).replace("\n", "\r\n").encode(),
        data(start(), delta(text="a")) + json.dumps(OVERLOADED, indent=2).encode(),
        data([OVERLOADED]),
        json.dumps([OVERLOADED], indent=1).encode(),
    ],
)
def test_an_error_is_found_wherever_it_stands(raw: bytes) -> None:
    assert failed(read("anthropic-messages", raw)) == Error("overloaded", "Overloaded", retryable=True)
    assert failed(read("anthropic-messages", *bytewise(raw))) == Error("overloaded", "Overloaded", retryable=True)


@pytest.mark.parametrize(
    ("kind", "code", "retryable"),
    [
        ("invalid_request_error", "bad_request", False), ("authentication_error", "auth", False), ("billing_error", "rate_limited", False),
        ("permission_error", "auth", False), ("not_found_error", "not_found", False), ("request_too_large", "bad_request", False),
        ("rate_limit_error", "rate_limited", True), ("api_error", "internal", True), ("timeout_error", "timeout", True),
        ("overloaded_error", "overloaded", True), ("new_error", "internal", True),
    ],
)  # fmt: skip
def test_its_words_become_ours(kind: str, code: str, retryable: bool) -> None:
    error = failed(stream(start(), {"type": "error", "error": {"type": kind, "message": "m"}}))
    assert (error.code, error.retryable, error.stage, error.message) == (code, retryable, "stream", "m")


def test_a_prompt_that_is_too_long() -> None:
    fault = {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"}}
    assert failed(stream(fault)).code == "context_length"
    assert MESSAGES.failure(400, {}, json.dumps(fault).encode()).code == "context_length"


def test_what_came_before_an_error_stands() -> None:
    events = stream(start(input_tokens=3), *call('{"x":', ended=False), OVERLOADED)
    assert done(events) == [("toolu_1", "f", None, True)]
    assert [e for e in events if isinstance(e, Usage)] == [Usage(input=3, mode="cumulative")]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "nothing"),
        (b": PING\n\n", "keep-alives"),
        (b"<!DOCTYPE html>\n<html>secret</html>", "HTML: is the base URL right?"),
        (b'{"status": "ok"}', "JSON with the fields status"),
        (b"Bad gateway", "text: Bad gateway"),
        (b"data: hello\n\n", "no JSON: hello"),
        (b"data: 5\n\n", "JSON that is no object"),
        (b" \r\n \n", "nothing"),
        (b"data: [DONE]\n\n", "nothing"),
        (data({"type": "ping"}), "fields type"),
    ],
)
def test_what_came_instead_of_a_stream_is_said(raw: bytes, words: str) -> None:
    error = failed(read("anthropic-messages", raw))
    assert error.code == "protocol"
    assert words in error.message
    assert "<" not in error.message


def test_a_hole_in_the_answer_is_an_error_and_a_torn_end_is_not() -> None:
    assert failed(stream(start(), delta(text="a"), '{"type": "content_bl', reason(), STOP)).code == "protocol"
    assert read("anthropic-messages", data(start(), delta(text="a")) + b'data: {"type": "cont')[-1] == End("truncated")
    assert stream(start(), delta(text="a"), "ping", reason(), "{", STOP)[-1] == End("stop", "end_turn")


@pytest.mark.parametrize("opening", [b"data: ", b'{"a": "', b'[{"a": "'])
def test_an_event_without_end_ends_the_stream(opening: bytes) -> None:
    decoder = MESSAGES.decoder(Profile())
    events = decoder.feed(opening)
    for _ in range(5):
        events += decoder.feed(b"x" * 2**20)
    assert "4 MiB" in failed(events).message
    assert decoder.close() == []


def test_an_end_mark_of_a_gateway_ends_the_stream() -> None:
    assert stream(start(), delta(text="a"), "[DONE]", delta(text="late"))[-1] == End("stop")


# --- any bytes ---


def check(raw: bytes, *chunks: bytes) -> None:
    events = read("anthropic-messages", *(chunks or (raw,)))
    ends_once(events)
    assert read("anthropic-messages", *bytewise(raw)) == events


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b" ", b"\n", b"{", b"[", b"data: ", b"\xef", b"\xbb", b"\xbf"]), max_size=6))
@settings(deadline=None)
def test_random_bytes_end_in_one_event(chunks: list[bytes]) -> None:
    check(b"".join(chunks), *chunks)


INDEX = st.integers(0, 2)
BLOCK = shaped({
    "type": st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result", "fallback"]),
    "text": ANY, "thinking": ANY, "signature": ANY, "id": ANY, "name": ANY, "input": ANY, "citations": ANY, "content": ANY,
})  # fmt: skip
DELTA = shaped({
    "type": st.sampled_from(["text_delta", "thinking_delta", "signature_delta", "input_json_delta", "citations_delta", "compaction_delta"]),
    "text": ANY, "thinking": ANY, "signature": ANY, "partial_json": ANY, "citation": ANY, "content": ANY, "stop_reason": ANY,
    "stop_details": ANY,
})  # fmt: skip
USAGE = shaped({"input_tokens": ANY, "output_tokens": ANY, "output_tokens_details": ANY, "iterations": st.lists(ANY, max_size=2)})
PAYLOAD = shaped({
    "type": st.sampled_from([
        "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "message",
        "error", "ping",
    ]),
    "index": INDEX, "content_block": BLOCK, "delta": DELTA, "usage": USAGE, "message": shaped({"model": ANY, "usage": USAGE}),
    "content": st.lists(BLOCK, max_size=2), "error": ANY,
})  # fmt: skip


@given(st.lists(PAYLOAD | ANY, max_size=6))
@settings(max_examples=300, deadline=None)
def test_wrong_types_anywhere_end_in_one_event(payloads: list[Any]) -> None:
    check(data(*payloads))


@pytest.mark.parametrize("nasty", NASTY)
def test_nasty_payloads(nasty: str) -> None:
    for raw in (data(nasty), data(start()) + data(nasty), nasty.encode(), data(start()) + nasty.encode()):
        ends_once(read("anthropic-messages", raw))


# --- head and catalogue ---


def test_rate_limits_of_the_head() -> None:
    (notice,) = MESSAGES.head({
        "Date": "Tue, 17 Feb 2026 19:29:30 GMT", "anthropic-ratelimit-requests-limit": "4000",
        "Anthropic-Ratelimit-Requests-Remaining": "3999", "anthropic-ratelimit-requests-reset": "2026-02-17T19:29:32Z",
        "anthropic-ratelimit-input-tokens-reset": "2026-02-17T19:29:00Z", "anthropic-ratelimit-tokens-limit": "many",
        "anthropic-ratelimit-tokens-reset": "soon", "anthropic-organization-id": "secret", "request-id": "req_1",
    })  # fmt: skip
    assert notice == Notice("rate_limits", {
        "limit_requests": 4000, "remaining_requests": 3999, "reset_requests": 2.0, "reset_input_tokens": 0.0, "request_id": "req_1",
    })  # fmt: skip
    assert MESSAGES.head({"anthropic-ratelimit-requests-reset": "2026-02-17T19:29:32Z"}) == []


def test_a_pause_that_is_asked_for_is_kept() -> None:
    error = MESSAGES.failure(529, {"Retry-After": "7"}, json.dumps(OVERLOADED).encode())
    assert error == Error("overloaded", "Overloaded", "http", 529, True, 7.0)
    assert MESSAGES.failure(402, {}, b'{"type":"error","error":{"type":"billing_error","message":"m"}}').retryable is False


def test_catalogues() -> None:
    listed = {"data": [
        {"type": "model", "id": "claude-a", "display_name": "A", "max_input_tokens": 8, "max_tokens": 4}, {"id": "b", "max_tokens": None},
        {"id": ""}, 7,
    ], "has_more": False}  # fmt: skip
    assert MESSAGES.models(json.dumps(listed).encode()) == [
        {"id": "claude-a", "name": "A", "context": 8, "max_output": 4}, {"id": "b"},
    ]  # fmt: skip
    for raw in (b"", b"<html>", b"{}", b"null", b'{"data": 5}', b"\xff"):
        assert MESSAGES.models(raw) == []
