"""What is asked for through the gateway reaches each host in its own words, or is refused in the client's; and tokens that are counted."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest
from gateway_tools import CITY, FAST, HELLO, anthropic_of, async_anthropic_of, async_openai_of, host, openai_of
from server_tools import Access, Caller, Process

from tokenwidgets.providers import local

NAMED = {"type": "function", "function": {"name": "weather"}}
FUNCTION = {"type": "function", "function": {"name": "weather", "parameters": CITY}}
FAILURE = {"error": {"message": "it is broken", "type": "server_error"}}

ASKED: dict[str, dict[str, Any]] = {
    "chat/completions": {
        "messages": HELLO, "tools": [FUNCTION], "tool_choice": NAMED, "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": CITY, "strict": True}},
    },
    "responses": {
        "input": "hello", "tools": [{"type": "function", "name": "weather", "parameters": CITY}], "parallel_tool_calls": False,
        "tool_choice": {"type": "function", "name": "weather"}, "store": True, "metadata": {"run": "1"},
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": CITY, "strict": True}},
    },
    "messages": {
        "messages": HELLO, "max_tokens": 9, "tools": [{"name": "weather", "input_schema": CITY}],
        "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
        "output_config": {"format": {"type": "json_schema", "schema": CITY}},
    },
}  # fmt: skip
"""The same in the words of each façade."""

SENT: dict[str, dict[str, Any]] = {
    "openai-chat": {name: ASKED["chat/completions"][name] for name in ("response_format", "tool_choice", "parallel_tool_calls")},
    "openai-responses": {name: ASKED["responses"][name] for name in ("text", "tool_choice", "parallel_tool_calls")},
    "anthropic-messages": {name: ASKED["messages"][name] for name in ("output_config", "tool_choice")},
    "gemini": {
        "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": CITY},
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
    },
}
"""And in the words of each host."""

# Their own clients close connections when they are collected, which is after the test that used them.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def subset(part: Any, whole: Any) -> bool:
    """Whether an object has all that another has."""
    if not isinstance(part, dict):
        return bool(part == whole)
    return isinstance(whole, dict) and all(name in whole and subset(value, whole[name]) for name, value in part.items())


@pytest.mark.parametrize("dialect", SENT)
@pytest.mark.parametrize("path", ASKED)
async def test_every_facade_reaches_every_host_in_its_own_words(path: str, dialect: str, process: Process, real: Access) -> None:
    body = dict(ASKED[path])
    if dialect == "gemini":  # which cannot forbid parallel calls
        body.pop("parallel_tool_calls", None)
        if path == "messages":
            body["tool_choice"] = {"type": "tool", "name": "weather"}
    async with host(process, FAILURE, 500, dialects=[dialect]) as calls, Caller(real) as caller:
        answer = await caller.call("POST", f"v1/{path}", {"model": "scripted/m", **body})
    assert answer.status_code == 500
    [(_, _, sent)] = calls
    assert subset(SENT[dialect], sent), sent
    if (path, dialect) != ("responses", "openai-responses"):  # where metadata goes on as it came
        assert "metadata" not in sent, "a label is for its client"


async def test_a_failure_is_asked_for_once_since_the_client_tries_again_itself(process: Process, real: Access) -> None:
    async with host(process, FAILURE, 503, ["Retry-After: 0"]) as calls, Caller(real) as caller:
        for path in ASKED:
            assert (await caller.call("POST", f"v1/{path}", {"model": "scripted/m", **ASKED[path]})).status_code in (503, 529)
    assert len(calls) == len(ASKED)


@pytest.mark.parametrize("path", ["messages", "responses"])
async def test_a_form_that_a_host_knows_in_chat_completions_alone_is_asked_for_there(path: str, process: Process, real: Access) -> None:
    """As llama.cpp does. Without one, a request goes on as it came."""
    dialects = ["openai-chat", "openai-responses", "anthropic-messages"]
    async with host(process, FAILURE, 500, dialects=dialects, profile="native_format = false") as calls, Caller(real) as caller:
        for body in (ASKED[path], {k: v for k, v in ASKED[path].items() if k not in ("text", "output_config")}):
            await caller.call("POST", f"v1/{path}", {"model": "scripted/m", **body})
    assert [at for at, _, _ in calls] == ["/v1/chat/completions", f"/v1/{path}"]
    assert subset(SENT["openai-chat"], calls[0][2])


@pytest.mark.parametrize("stream", [True, False])
async def test_what_a_host_cannot_be_told_is_a_bad_request(stream: bool, process: Process, real: Access) -> None:
    gpt, claude = async_openai_of(real), async_anthropic_of(real)
    async with gpt, claude:
        async with host(process, FAILURE, 500, dialects=["anthropic-messages"]) as calls:
            form: Any = {"type": "json_object"}
            with pytest.raises(openai.BadRequestError, match="json_object"):
                await gpt.chat.completions.create(model="scripted/m", messages=HELLO, response_format=form, stream=stream)
        assert calls == []
        async with host(process, FAILURE, 500, dialects=["gemini"]) as calls:
            choice: Any = {"type": "auto", "disable_parallel_tool_use": True}
            with pytest.raises(anthropic.BadRequestError, match="parallel_tool_calls") as refused:
                await claude.messages.create(model="scripted/m", max_tokens=9, messages=HELLO, tool_choice=choice, stream=stream)
        assert calls == []
    assert refused.value.body["error"]["type"] == "invalid_request_error"  # type: ignore[index, call-overload]


async def test_an_option_of_a_wrong_kind_is_a_bad_request(real: Access) -> None:
    async with Caller(real) as caller:
        for path, wrong in (
            ("chat/completions", {"parallel_tool_calls": "no"}),
            ("responses", {"parallel_tool_calls": "no"}),
            ("messages", {"output_config": {"format": {"type": "grammar"}}}),
        ):
            answer = await caller.call("POST", f"v1/{path}", {"model": "sim/steady", **FAST, **ASKED[path], **wrong})
            assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_whether_to_stream_is_true_or_false(real: Access) -> None:
    async with Caller(real) as caller:
        for path, body in ASKED.items():
            answer = await caller.call("POST", f"v1/{path}", {"model": "sim/steady", **FAST, **body, "stream": "no"})
            assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_response_repeats_what_was_asked_of_it(real: Access) -> None:
    asked: Any = ASKED["responses"]
    with openai_of(real) as gpt:
        answer: Any = gpt.responses.create(model="sim/steady", reasoning={"effort": "low"}, extra_body=FAST, **asked)
    assert (answer.metadata, answer.parallel_tool_calls, answer.reasoning.effort) == ({"run": "1"}, False, "low")
    assert (answer.text.format.name, answer.tool_choice.name, answer.tools[0].name) == ("answer", "weather", "weather")


# ---- tokens that are counted


async def test_tokens_are_counted_by_a_host_that_can(process: Process, real: Access) -> None:
    asked: Any = {"model": "scripted/m", "messages": HELLO, "system": [{"type": "text", "text": "x"}], "thinking": {"type": "adaptive"}}
    dialects = ["openai-chat", "anthropic-messages"]
    async with host(process, {"input_tokens": 12}, dialects=dialects) as calls, async_anthropic_of(real) as claude:
        counted = await claude.messages.count_tokens(**asked, extra_headers={"anthropic-beta": "b"})
    assert counted.input_tokens == 12
    [(path, headers, sent)] = calls
    assert (path, headers["anthropic-beta"]) == ("/v1/messages/count_tokens", "b")
    assert sent == {**asked, "model": "m"}


@pytest.mark.parametrize(
    ("status", "answer", "failure"),
    [(429, {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}, anthropic.RateLimitError),
     (404, {"detail": "Not Found"}, anthropic.NotFoundError),
     (200, {"tokens": 12}, anthropic.InternalServerError),
     (200, b"x" * 100_000, anthropic.InternalServerError)],
)  # fmt: skip
async def test_a_count_that_fails_does_so_in_anthropic_s_form(
    status: int, answer: Any, failure: type[anthropic.APIStatusError], process: Process, real: Access
) -> None:
    async with host(process, answer, status, ["Retry-After: 7"], ["anthropic-messages"]), async_anthropic_of(real) as claude:
        with pytest.raises(failure) as failed:
            await claude.messages.count_tokens(model="scripted/m", messages=HELLO)
    assert failed.value.body["type"] == "error"  # type: ignore[index, call-overload]
    assert status != 429 or failed.value.response.headers["retry-after"] == "7"


def test_no_count_is_made_up(real: Access) -> None:
    with anthropic_of(real) as claude, pytest.raises(anthropic.NotFoundError, match="sim counts no tokens"):
        claude.messages.count_tokens(model="sim/steady", messages=HELLO)
    with anthropic_of(real) as claude, pytest.raises(anthropic.NotFoundError, match="nowhere"):
        claude.messages.count_tokens(model="nowhere/m", messages=HELLO)


# ---- a real model


@pytest.mark.model
@pytest.mark.skipif(not local.can_run({}), reason="the local model is not installed")
def test_a_real_model_keeps_to_a_schema_through_every_facade(real: Access) -> None:
    model: Any = f"local/{local.DEFAULT_MODEL}"
    with openai_of(real) as gpt, anthropic_of(real) as claude:
        form: Any = ASKED["chat/completions"]["response_format"]
        chat = gpt.chat.completions.create(model=model, messages=HELLO, response_format=form, max_tokens=60, timeout=120)
        response = gpt.responses.create(model=model, input="hello", text=ASKED["responses"]["text"], max_output_tokens=60, timeout=120)
        config: Any = ASKED["messages"]["output_config"]
        with claude.messages.stream(model=model, messages=HELLO, output_config=config, max_tokens=60, timeout=120) as stream:
            message = stream.get_final_text()
        for text in (chat.choices[0].message.content or "", response.output_text, message):
            assert json.loads(text) == {"city": "Oslo"}
        counted = claude.messages.count_tokens(model=model, messages=HELLO).input_tokens
        usage = claude.messages.create(model=model, messages=HELLO, max_tokens=1).usage
        assert counted == usage.input_tokens + (usage.cache_read_input_tokens or 0)
