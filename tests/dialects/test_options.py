"""What is asked for beside the messages, in every dialect: the vendors' own request types take it, or it is refused in a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from google.genai import types as google
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import TypeAdapter

from tokenwidgets import dialects
from tokenwidgets.dialects.base import Profile
from tokenwidgets.errors import Refused
from tokenwidgets.request import OPTIONS, check_options, parse

DIALECTS = ("openai-chat", "openai-responses", "anthropic-messages", "gemini")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
NAMED = {"type": "function", "function": {"name": "weather"}}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
LLAMA_CPP = Profile(native_format=False)


def asked(dialect: str, profile: Profile | None = None, **options: Any) -> dict[str, Any]:
    check_options(options, "h", {})
    request = parse({"model": "h/m", "prompt": "hi", "tools": TOOLS, "options": options})
    return json.loads(dialects.get(dialect).encode(request, profile or Profile()).body)


def known(sdk: Any, body: dict[str, Any], *names: str) -> dict[str, Any]:
    """The fields as the SDK's type has them, which leaves out what it does not know."""
    read = TypeAdapter(sdk).validate_python(body)
    return {name: read[name] for name in names}


def test_chat_completions_take_them_as_they_are() -> None:
    options = {"response_format": JSON_SCHEMA, "tool_choice": NAMED, "parallel_tool_calls": False}
    assert known(CompletionCreateParamsStreaming, asked("openai-chat", **options), *options) == options


def test_responses_take_them_flat() -> None:
    body = asked("openai-responses", response_format=JSON_SCHEMA, tool_choice=NAMED, parallel_tool_calls=False)
    assert known(ResponseCreateParamsStreaming, body, "text", "tool_choice", "parallel_tool_calls") == {
        "text": {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}},
        "tool_choice": {"type": "function", "name": "weather"},
        "parallel_tool_calls": False,
    }
    assert "response_format" not in body


def test_the_form_of_a_response_stands_beside_what_else_is_said_of_its_text() -> None:
    body = asked("openai-responses", response_format={"type": "json_object"}, extra={"text": {"verbosity": "low"}})
    assert body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}


def test_anthropic_takes_a_schema_beside_the_effort() -> None:
    body = asked("anthropic-messages", response_format=JSON_SCHEMA, reasoning="low", extra={"output_config": {"more": 1}})
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}, "more": 1}
    config = known(MessageCreateParamsStreaming, body, "output_config")["output_config"]
    assert config == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": NAMED, "parallel_tool_calls": True}, {"type": "tool", "name": "weather"}),
        ({"tool_choice": NAMED, "parallel_tool_calls": False}, {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_anthropic_s_choice_says_also_whether_calls_are_parallel(options: dict[str, Any], expected: dict[str, Any]) -> None:
    body = asked("anthropic-messages", **options)
    assert known(MessageCreateParamsStreaming, body, "tool_choice") == {"tool_choice": expected}


def test_anthropic_is_told_nothing_of_what_is_so_anyway() -> None:
    body = asked("anthropic-messages", parallel_tool_calls=True, response_format={"type": "text"})
    assert not {"tool_choice", "output_config", "parallel_tool_calls"} & body.keys()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"type": "json_object"}, {"responseMimeType": "application/json"}),
        (JSON_SCHEMA, {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}),
    ],
)
def test_gemini_takes_a_type_and_a_schema(wanted: dict[str, Any], expected: dict[str, Any]) -> None:
    config = asked("gemini", response_format=wanted)["generationConfig"]
    assert config == expected
    google.GenerationConfig.model_validate(config)


def test_gemini_answers_in_text_anyway() -> None:
    assert "generationConfig" not in asked("gemini", response_format={"type": "text"})


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("auto", {"mode": "AUTO"}),
        ("required", {"mode": "ANY"}),
        ("none", {"mode": "NONE"}),
        (NAMED, {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
    ],
)
def test_gemini_s_choice_among_tools(choice: Any, config: dict[str, Any]) -> None:
    body = asked("gemini", tool_choice=choice, parallel_tool_calls=True)
    assert body["toolConfig"] == {"functionCallingConfig": config}
    google.ToolConfig.model_validate(body["toolConfig"])
    assert not {"tool_choice", "parallel_tool_calls"} & body.keys()


@pytest.mark.parametrize(
    ("dialect", "options", "named"),
    [
        ("anthropic-messages", {"response_format": {"type": "json_object"}}, "json_object"),
        ("gemini", {"parallel_tool_calls": False}, "parallel_tool_calls"),
    ],
)
def test_what_a_dialect_cannot_say_is_refused(dialect: str, options: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused, match=named):
        asked(dialect, **options)


def test_a_server_that_knows_chat_completions_form_alone_is_asked_in_it_or_not_at_all() -> None:
    body = asked("openai-responses", LLAMA_CPP, response_format=JSON_SCHEMA)
    assert body["response_format"] == JSON_SCHEMA
    assert "text" not in body
    with pytest.raises(Refused, match="openai-chat"):
        asked("anthropic-messages", LLAMA_CPP, response_format=JSON_SCHEMA)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_not_asked_for_is_not_sent(dialect: str) -> None:
    mentioned = {"text", "response_format", "tool_choice", "parallel_tool_calls", "toolConfig", "generationConfig", "output_config"}
    assert not mentioned & asked(dialect).keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_format", "json_object"),
        ("response_format", {"type": "xml"}),
        ("response_format", {"type": "json_object", "schema": SCHEMA}),
        ("response_format", {"type": "json_schema", "json_schema": {"schema": SCHEMA}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "n", "schema": "{}"}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": "yes"}}),
        ("response_format", {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "more": 1}}),
        ("response_format", None),
        ("tool_choice", "weather"),
        ("tool_choice", {"type": "function", "name": "weather"}),
        ("tool_choice", {"type": "function", "function": {}}),
        ("tool_choice", {"type": "function", "function": {"name": "weather", "more": 1}}),
        ("parallel_tool_calls", "false"),
        ("parallel_tool_calls", 0),
    ],
)
def test_another_value_is_refused_in_words_that_show_a_good_one(name: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        check_options({name: value}, "h", {})
    assert name in refused.value.message
    assert OPTIONS[name][1] in refused.value.message
