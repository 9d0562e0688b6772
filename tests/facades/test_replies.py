"""Answers in the façades' forms: complete objects, streams, and failures, as the vendors' own types read them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from tokenwidgets.errors import Refused
from tokenwidgets.events import Carry, End, Error, Event, Notice, Reasoning, Refusal, Text, Tool, Usage
from tokenwidgets.facades.base import Facade, Head, failed, frames
from tokenwidgets.facades.chat import ChatFacade
from tokenwidgets.facades.messages import MessagesFacade
from tokenwidgets.facades.responses import ResponsesFacade

HEAD = Head("s1", "host/model", 1_700_000_000)
COUNTS = Usage(input=10, cache_read=4, cache_write=2, output=5, reasoning=3)
FULL: list[Event] = [
    Notice("served", {"model": "model-2026"}),
    Reasoning(0, "I "),
    Reasoning(0, "think."),
    Text(1, "Hello "),
    Text(1, "world"),
    Tool(2, "c1", "weather"),
    Tool(3, "c2", "time", '{"zo'),
    Tool(2, delta='{"city":'),
    Tool(3, delta='ne": 1}'),
    Tool(2, delta='"Oslo"}'),
    Tool(2, done=True, arguments={"city": "Oslo"}),
    Tool(3, done=True, arguments={"zone": 1}),
    COUNTS,
    End("tool", "tool_calls"),
]


def whole(facade: Facade, events: list[Event], **body: Any) -> Any:
    answer = facade.reply(body, HEAD).whole(events)
    json.dumps(answer)
    return answer


def test_chat_is_complete() -> None:
    answer: Any = ChatCompletion.model_validate(whole(ChatFacade(), FULL), strict=True)
    assert (answer.id, answer.model, answer.created) == ("chatcmpl-s1", "host/model-2026", HEAD.created)
    [choice] = answer.choices
    assert (choice.index, choice.finish_reason) == (0, "tool_calls")
    assert (choice.message.content, choice.message.reasoning_content) == ("Hello world", "I think.")
    calls = [(c.id, c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls]
    assert calls == [("c1", "weather", {"city": "Oslo"}), ("c2", "time", {"zone": 1})]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (16, 8, 24)
    assert answer.usage.prompt_tokens_details.cached_tokens == 4
    assert answer.usage.completion_tokens_details.reasoning_tokens == 3


def test_chat_choices_apart() -> None:
    events: list[Event] = [
        Text(0, "a"),
        Text(1, "b", choice=1),
        Notice("finish", {"choice": 1, "reason": "length"}),
        Text(0, "c"),
        End("stop"),
    ]
    answer = ChatCompletion.model_validate(whole(ChatFacade(), events))
    assert [(c.index, c.message.content, c.finish_reason) for c in answer.choices] == [(0, "ac", "stop"), (1, "b", "length")]
    assert answer.usage is None


def test_chat_refusal_and_nothing() -> None:
    refused = ChatCompletion.model_validate(whole(ChatFacade(), [Refusal(0, "No."), End("refusal")]))
    assert (refused.choices[0].message.refusal, refused.choices[0].message.content) == ("No.", None)
    assert ChatCompletion.model_validate(whole(ChatFacade(), [End("stop")])).choices[0].finish_reason == "stop"


def test_messages_are_complete() -> None:
    answer: Any = Message.model_validate(whole(MessagesFacade(), FULL))
    assert (answer.id, answer.model, answer.stop_reason) == ("msg_s1", "host/model-2026", "tool_use")
    thinking, text, first, second = answer.content
    assert (thinking.thinking, thinking.signature, text.text) == ("I think.", "", "Hello world")
    assert (first.id, first.name, first.input) == ("c1", "weather", {"city": "Oslo"})
    assert (second.id, second.name, second.input) == ("c2", "time", {"zone": 1})
    counts = answer.usage
    assert (counts.input_tokens, counts.cache_read_input_tokens, counts.cache_creation_input_tokens, counts.output_tokens) == (10, 4, 2, 8)
    assert counts.output_tokens_details.thinking_tokens == 3


def test_messages_keep_what_only_they_can_read() -> None:
    signed = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    redacted = {"type": "redacted_thinking", "data": "x"}
    events: list[Event] = [Reasoning(0, "hm"), Carry(0, signed), Carry(1, redacted), Text(2, "yes"), End("stop")]
    assert whole(MessagesFacade(), events)["content"] == [signed, redacted, {"type": "text", "text": "yes"}]


def test_messages_with_a_call_that_was_cut() -> None:
    answer = whole(MessagesFacade(), [Tool(0, "c1", "weather", '{"ci'), End("length")])
    assert (answer["stop_reason"], answer["content"][0]["input"]) == ("max_tokens", {})


def test_responses_are_complete() -> None:
    answer: Any = Response.model_validate(whole(ResponsesFacade(), FULL, instructions="be brief", temperature=0.5))
    assert (answer.id, answer.model, answer.status) == ("resp_s1", "host/model-2026", "completed")
    assert (answer.instructions, answer.temperature) == ("be brief", 0.5)
    assert [item.type for item in answer.output] == ["reasoning", "message", "function_call", "function_call"]
    assert answer.output_text == "Hello world"
    assert [json.loads(item.arguments) for item in answer.output[2:]] == [{"city": "Oslo"}, {"zone": 1}]
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (16, 8, 24)
    assert answer.usage.output_tokens_details.reasoning_tokens == 3


def test_a_call_without_an_id_gets_one_that_is_its_own() -> None:
    """A late id is left out: the SDKs would put it behind the first one."""
    events: list[Event] = [Tool(0, name="f"), Tool(1, "theirs", "g"), Tool(0, "late", delta="{}"), Tool(0, done=True, arguments={})]
    naming = HEAD.naming()
    assert [event.id for event in map(naming, events) if isinstance(event, Tool)] == ["call_s1_0", "theirs", None, None]
    names = {Head(stream, "h/m", 0).naming()(events[0]).id for stream in ("a", "b")}  # type: ignore[union-attr]
    assert len(names) == 2


def test_a_message_says_that_it_met_a_stop_sequence() -> None:
    assert whole(MessagesFacade(), [Text(0, "a"), End("stop", "stop_sequence")])["stop_reason"] == "stop_sequence"
    assert whole(MessagesFacade(), [Text(0, "a"), End("stop", "stop")])["stop_reason"] == "end_turn"


@pytest.mark.parametrize("facade", [ChatFacade(), MessagesFacade(), ResponsesFacade()], ids=lambda f: f.dialect)
def test_keep_alives_mean_nothing(facade: Facade) -> None:
    assert facade.keep_alive.endswith(b"\n\n")
    assert [f["type"] for f in frames(facade.keep_alive)] == (["ping"] if facade.dialect == "anthropic-messages" else [])


# ---- failures


@pytest.mark.parametrize(
    ("error", "chat", "messages"),
    [
        (Error("auth", "m", status=401), (401, "authentication_error"), (401, "authentication_error")),
        (Error("auth", "m", status=403), (403, "authentication_error"), (403, "permission_error")),
        (Error("rate_limited", "m", status=429, retryable=True), (429, "rate_limit_error"), (429, "rate_limit_error")),
        (Error("rate_limited", "m", status=402), (429, "insufficient_quota"), (402, "billing_error")),
        (Error("overloaded", "m", status=529, retryable=True), (503, "server_error"), (529, "overloaded_error")),
        (Error("overloaded", "m", status=503, retryable=True), (503, "server_error"), (529, "overloaded_error")),
        (Error("overloaded", "m"), (503, "server_error"), (529, "overloaded_error")),
        (Error("context_length", "m", status=400), (400, "invalid_request_error"), (400, "context_length_error")),
        (Error("bad_request", "m", status=413), (413, "invalid_request_error"), (413, "request_too_large")),
        (Error("not_found", "m", status=404), (404, "invalid_request_error"), (404, "not_found_error")),
        (Error("timeout", "m"), (504, "server_error"), (504, "timeout_error")),
        (Error("connection", "m"), (502, "server_error"), (502, "connection_error")),
        (Error("internal", "m", status=200), (500, "server_error"), (500, "api_error")),
        (Refused("not_found", "m").event(), (404, "invalid_request_error"), (404, "not_found_error")),
    ],
)
def test_failures_have_the_status_and_type_that_clients_know(error: Error, chat: Any, messages: Any) -> None:
    for facade, expected in ((ChatFacade(), chat), (ResponsesFacade(), chat), (MessagesFacade(), messages)):
        status, body = facade.failure(error, "req_1")
        assert (status, body["error"]["type"]) == expected
        assert body["error"]["message"] == "m"
    assert (body["type"], body["request_id"]) == ("error", "req_1")


def test_what_did_not_end_well() -> None:
    assert failed(End("stop")) is failed(End("cancelled")) is None
    assert failed(Error("timeout", "m")) == Error("timeout", "m")
    cut = failed(End("truncated"))
    assert cut
    assert cut.code == "connection"
