"""Requests of the façades as requests of ours: nothing is lost, and what cannot be said is refused in a sentence."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.errors import Refused
from tokenwidgets.facades.base import Facade, lifted
from tokenwidgets.facades.chat import ChatFacade
from tokenwidgets.facades.messages import MessagesFacade
from tokenwidgets.facades.responses import ResponsesFacade
from tokenwidgets.request import parse

FACADES: list[Facade] = [ChatFacade(), MessagesFacade(), ResponsesFacade()]
PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": SCHEMA}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


def messages(content: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    return MessagesFacade().request({"model": "a/b", "max_tokens": 9, "messages": [{"role": role, "content": content}], **more})


def responses(given: Any, **more: Any) -> dict[str, Any]:
    return ResponsesFacade().request({"model": "a/b", "input": given, **more})


# ---- chat completions


def test_chat_is_ours_already() -> None:
    turns = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hi"}]
    body = {"model": "a/b", "messages": turns, "tools": [TOOL], "stream": True, "stream_options": {"include_usage": True}}
    options = {"max_completion_tokens": 9, "temperature": 0.5, "top_p": None, "stop": "x", "seed": 1, "reasoning_effort": "low"}
    shaped = {"response_format": {"type": "json_object"}, "tool_choice": "auto", "parallel_tool_calls": False}
    ours = ChatFacade().request({**body, **options, **shaped, "n": 2})
    assert ours == {
        "model": "a/b",
        "messages": turns,
        "tools": [TOOL],
        "options": {
            "max_tokens": 9,
            "temperature": 0.5,
            "stop": "x",
            "seed": 1,
            "reasoning": "low",
            **shaped,
            "extra": {"n": 2},
        },
    }
    parse(ours)


def test_a_form_that_only_some_hosts_know_is_for_them_to_judge() -> None:
    foreign = {"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}, "response_format": {"type": "json_object", "schema": SCHEMA}}
    body = {"model": "a/b", "messages": [{"role": "user", "content": "hi"}]}
    assert ChatFacade().request({**body, **foreign, "n": 2})["options"] == {"extra": {"n": 2, **foreign}}
    assert responses("hi", tool_choice={"type": "file_search"})["options"] == {"extra": {"tool_choice": {"type": "file_search"}}}


def test_a_host_s_own_options_stand_beside_the_vendor_s() -> None:
    assert lifted({"seed": 1, "extra": {"tokens": 3, "n": 2}}, ("tokens",)) == {"seed": 1, "tokens": 3, "extra": {"n": 2}}
    assert lifted({"seed": 1}, ("tokens",)) == {"seed": 1}


# ---- messages


def test_messages_options() -> None:
    more: dict[str, Any] = {
        "temperature": 0.5, "top_p": 0.9, "top_k": 5, "stop_sequences": ["x"], "stream": True, "metadata": {"user_id": "u"},
        "service_tier": "auto", "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "system": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
        "tools": [{"name": "weather", "input_schema": SCHEMA}],
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    }  # fmt: skip
    ours = messages("hi", **more)
    assert ours["system"] == "one\n\ntwo"
    assert ours["tools"] == [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
    choice = {"type": "function", "function": {"name": "weather"}}
    shaped = {"response_format": form, "tool_choice": choice, "parallel_tool_calls": False}
    options = {"max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "stop": ["x"], "reasoning": "low", **shaped}
    assert ours["options"] == {**options, "extra": {"top_k": 5, "service_tier": "auto", "user": "u"}}
    parse(ours)


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({"type": "disabled"}, "none"),
        ({"type": "enabled", "budget_tokens": 1024}, "low"),
        ({"type": "enabled", "budget_tokens": 8192}, "medium"),
        ({"type": "enabled", "budget_tokens": 32_000}, "high"),
        ({"type": "adaptive"}, "medium"),
        (None, None),
    ],
)
def test_messages_thinking_is_an_effort(thinking: Any, effort: str | None) -> None:
    assert messages("hi", thinking=thinking)["options"].get("reasoning") == effort


@pytest.mark.parametrize(("theirs", "ours"), [("auto", "auto"), ("any", "required"), ("none", "none")])
def test_messages_tool_choices(theirs: str, ours: str) -> None:
    assert messages("hi", tool_choice={"type": theirs})["options"]["tool_choice"] == ours


def test_messages_images_and_documents() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    linked = {"type": "image", "source": {"type": "url", "url": "https://example.org/x.png"}}
    document = {"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": PNG}}
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
    [message] = messages([image, linked, document, plain])["messages"]
    assert message["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"}},
        {"type": "text", "text": "words"},
    ]


def test_messages_results_of_tools_are_messages_of_their_own() -> None:
    good = {"type": "tool_result", "tool_use_id": "c1", "content": "rain"}
    bad = {"type": "tool_result", "tool_use_id": "c2", "is_error": True, "content": [{"type": "text", "text": "no such city"}]}
    image = {"type": "image", "source": {"type": "url", "url": "https://example.org/x.png"}}
    seen = {"type": "tool_result", "tool_use_id": "c3", "content": [image]}
    ours = messages([good, bad, seen, {"type": "text", "text": "and now?"}])["messages"]
    assert ours == [
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "tool", "tool_call_id": "c2", "content": "The tool failed: no such city"},
        {"role": "tool", "tool_call_id": "c3", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}]},
        {"role": "user", "content": [{"type": "text", "text": "and now?"}]},
    ]


def test_messages_answers_come_back() -> None:
    call = {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Oslo"}}
    text = {"type": "text", "text": "let me see"}
    assert messages([text, call], "assistant")["messages"] == [{"role": "assistant", "content": "let me see", "tool_calls": [CALL]}]


def test_messages_thoughts_that_are_signed_are_carried_and_others_are_words() -> None:
    text = {"type": "text", "text": "yes"}
    signed = {"type": "thinking", "thinking": "hm", "signature": "s"}
    assert messages([signed, text], "assistant")["messages"][0]["carry"] == [signed, text]
    plain = {"type": "thinking", "thinking": "hm", "signature": ""}
    assert messages([plain, text], "assistant")["messages"] == [{"role": "assistant", "content": "yes", "reasoning_content": "hm"}]


# ---- responses


def test_responses_options() -> None:
    more: dict[str, Any] = {
        "instructions": "be brief", "max_output_tokens": 9, "temperature": 0.5, "reasoning": {"effort": "low"}, "store": False,
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}, "user": "u",
        "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA}], "tool_choice": {"type": "function", "name": "weather"},
        "parallel_tool_calls": True, "metadata": {"run": "1"},
    }  # fmt: skip
    ours = responses("hi", **more)
    assert ours["system"] == "be brief"
    assert ours["messages"] == [{"role": "user", "content": "hi"}]
    assert ours["tools"] == [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    choice = {"type": "function", "function": {"name": "weather"}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    shaped = {"response_format": form, "tool_choice": choice, "parallel_tool_calls": True}
    options = {"max_tokens": 9, "temperature": 0.5, "reasoning": "low", **shaped}
    assert ours["options"] == {**options, "extra": {"user": "u", "verbosity": "low"}}
    parse(ours)


def test_responses_items_of_a_turn_are_one_message() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "let me see"}]}
    thought = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"}
    plain = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    call = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Oslo"}'}
    result = {"type": "function_call_output", "call_id": "c1", "output": "rain"}
    asked = {
        "role": "user",
        "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "https://example.org/x.png"}],
    }
    image = {"type": "image_url", "image_url": {"url": "https://example.org/x.png", "detail": "auto"}}
    turn = {"role": "assistant", "content": "let me see", "carry": [thought], "reasoning_content": "hm", "tool_calls": [CALL]}
    assert responses([asked, thought, plain, said, call, result])["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, image]},
        turn,
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]


# ---- what cannot be said


@pytest.mark.parametrize(
    "body",
    [
        {"input": "hi", "background": True},
        {"input": "hi", "conversation": "conv_1"},
        {"input": [{"type": "item_reference", "id": "x"}]},
        {"input": [{"type": "web_search_call"}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
        {"input": None},
    ],
)
def test_responses_refuse_what_cannot_be_said(body: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        ResponsesFacade().request({"model": "a/b", **body})


def test_a_chat_that_asks_for_probabilities_is_told_that_there_are_none() -> None:
    body = {"model": "a/b", "messages": [{"role": "user", "content": "hi"}]}
    with pytest.raises(Refused, match="'logprobs'"):
        ChatFacade().request({**body, "logprobs": True, "top_logprobs": 2})
    ChatFacade().request({**body, "logprobs": False})


@pytest.mark.parametrize("asked", [{"top_logprobs": 2}, {"include": ["message.output_text.logprobs"]}])
def test_so_is_a_response_that_asks_for_them(asked: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="Probabilities"):
        responses("hi", **asked)
    responses("hi", top_logprobs=0, include=["reasoning.encrypted_content"])
    responses("hi", include=5)


@pytest.mark.parametrize("block", [{"type": "image", "source": {"type": "file", "file_id": "f"}}, {"type": "search_result"}, {}])
def test_messages_refuse_what_cannot_be_said(block: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        messages([block])


@pytest.mark.parametrize("content", [None, [], 5, ["hi"], {"type": "text", "text": "hi"}])
def test_no_message_gets_lost(content: Any) -> None:
    turns = [{"role": "user", "content": "hi"}, {"role": "user", "content": content}]
    with pytest.raises(Refused, match="content"):
        MessagesFacade().request({"model": "a/b", "messages": turns})


@pytest.mark.parametrize("wrong", ["x", 5, ["x"], {"name": "weather"}])
def test_what_is_no_list_of_objects_is_refused(wrong: Any) -> None:
    for body in (
        {"messages": wrong},
        {"messages": [{"role": "user", "content": "hi"}], "tools": wrong},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": [wrong]}]}]},
    ):
        with pytest.raises(Refused):
            MessagesFacade().request({"model": "a/b", **body})
    with pytest.raises(Refused, match="'tools' is a list"):
        responses("hi", tools=wrong)
    with pytest.raises(Refused, match="'content' is a list"):
        responses([{"role": "user", "content": [wrong, "x"]}])
    with pytest.raises(Refused, match="'system' is a list"):
        messages("hi", system=[wrong, "x"])


@pytest.mark.parametrize("config", [{"format": {"type": "grammar"}}, {"format": "json"}, {"task_budget": 5}])
def test_messages_refuse_an_output_that_cannot_be_said(config: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="output_config"):
        messages("hi", output_config=config)


NAMES = st.sampled_from(
    ["model", "messages", "input", "system", "tools", "tool_choice", "thinking", "output_config", "metadata", "text", "format", "type",
     "reasoning", "role", "content", "source", "name", "input_schema", "effort", "budget_tokens", "image_url", "file_data", "output",
     "call_id", "encrypted_content", "signature", "data", "temperature"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["user", "assistant", "tool", "enabled", "adaptive", "function", "custom", "tool_use", "tool_result", "text", "image", "document",
     "base64", "url", "thinking", "reasoning", "message", "function_call", "function_call_output", "json_schema", "input_text",
     "input_image", "input_file", "a/b"]
)  # fmt: skip
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)


@pytest.mark.parametrize("facade", FACADES, ids=lambda f: f.dialect)
@given(body=st.dictionaries(NAMES, ANYTHING))
def test_anything_is_a_request_or_is_refused(facade: Facade, body: dict[str, Any]) -> None:
    with suppress(Refused):
        parse(facade.request(body))
