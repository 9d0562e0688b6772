"""The gateway as its clients see it: the vendors' own SDKs against a real Jupyter server, with the Jupyter token as their key."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from server_tools import LIMIT, Access, Caller, Process, Upstream, eventually
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from jupyter_server_ext.app import TokenWidgetsApp
from jupyter_server_ext.handlers import gateway, streams
from tokenwidgets.events import End, Error
from tokenwidgets.providers import local
from tokenwidgets.providers.sim import script
from tokenwidgets.request import parse
from tokenwidgets.runtime import TICKET_HEADER

FAST: dict[str, Any] = {"ttft_ms": 0, "itl_ms": 0, "tokens": 8}
"""The simulator's own options, which the SDKs send as fields they do not know."""

ENDLESS: dict[str, Any] = {"ttft_ms": 0, "itl_ms": 20, "jitter": 0, "tokens": 100_000}

HELLO: Any = [{"role": "user", "content": "hello"}]

LLM = Path(sys.executable).with_name("llm")

BODIES: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": HELLO},
    "messages": {"messages": HELLO, "max_tokens": 10_000_000},
    "responses": {"input": "hello"},
}

CITY = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo"]}}, "required": ["city"]}

# Their own clients close connections when they are collected, which is after the test that used them.
# OpenAI's opens its sockets in a way that newer versions of websockets warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning"),
]


def openai_of(access: Access, key: str | None = None, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=access.url + "tokenwidgets/v1", api_key=key or access.token, max_retries=0, timeout=LIMIT, **more)


def anthropic_of(access: Access, key: str | None = None, **more: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=access.url + "tokenwidgets", api_key=key or access.token, max_retries=0, timeout=LIMIT, **more)


@pytest.fixture
def gpt(real: Access) -> Iterator[openai.OpenAI]:
    with openai_of(real) as client:
        yield client


@pytest.fixture
def claude(real: Access) -> Iterator[anthropic.Anthropic]:
    with anthropic_of(real) as client:
        yield client


# ---- chat completions


def test_chat_in_one_piece(gpt: openai.OpenAI) -> None:
    answer = gpt.chat.completions.create(model="sim/steady", messages=HELLO, extra_body=FAST)
    assert answer.id.startswith("chatcmpl-")
    assert (answer.object, answer.model) == ("chat.completion", "sim/steady")
    assert answer.choices[0].message.content
    assert answer.choices[0].message.role == "assistant"
    assert (answer.choices[0].index, answer.choices[0].finish_reason) == (0, "stop")
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens == 8


def test_chat_streamed_says_the_same(gpt: openai.OpenAI) -> None:
    whole = gpt.chat.completions.create(model="sim/steady", messages=HELLO, extra_body=FAST)
    asked = {"include_usage": True}
    chunks = list(gpt.chat.completions.create(model="sim/steady", messages=HELLO, extra_body=FAST, stream=True, stream_options=asked))  # type: ignore[call-overload]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole.choices[0].message.content
    assert {c.id for c in chunks} == {chunks[0].id}
    assert chunks[-1].usage == whole.usage
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"


def test_usage_is_streamed_only_to_who_asks(gpt: openai.OpenAI) -> None:
    chunks = list(gpt.chat.completions.create(model="sim/steady", messages=HELLO, extra_body=FAST, stream=True))
    assert all(c.usage is None and c.choices for c in chunks)


def test_chat_with_the_sdk_s_own_accumulator(gpt: openai.OpenAI) -> None:
    with gpt.chat.completions.stream(model="sim/steady", messages=HELLO, extra_body=FAST) as stream:
        assert [e for e in stream if e.type == "content.done"]
        assert stream.get_final_completion().choices[0].message.content


def test_chat_calls_a_tool_and_goes_on_with_its_result(gpt: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
    answer = gpt.chat.completions.create(model="sim/tool-caller", messages=HELLO, tools=tools, extra_body=FAST)
    call: Any = (answer.choices[0].message.tool_calls or [])[0]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (call.type, call.function.name, json.loads(call.function.arguments)) == ("function", "weather", {"city": "Oslo"})
    turns: Any = [*HELLO, answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    after = gpt.chat.completions.create(model="sim/tool-caller", messages=turns, tools=tools, extra_body=FAST)
    assert after.choices[0].finish_reason == "stop"
    with gpt.chat.completions.stream(model="sim/tool-caller", messages=HELLO, tools=tools, extra_body=FAST) as stream:
        streamed: Any = (stream.get_final_completion().choices[0].message.tool_calls or [])[0]
    assert (streamed.id, streamed.function.arguments) == (call.id, call.function.arguments)


def test_chat_reasons_apart_from_its_answer(gpt: openai.OpenAI) -> None:
    answer: Any = gpt.chat.completions.create(model="sim/reasoner", messages=HELLO, reasoning_effort="low", extra_body=FAST)
    assert answer.choices[0].message.reasoning_content
    assert answer.choices[0].message.reasoning_content not in answer.choices[0].message.content
    assert answer.usage.completion_tokens_details.reasoning_tokens == 40


# ---- messages


def test_messages_in_one_piece(claude: anthropic.Anthropic) -> None:
    answer = claude.messages.create(model="sim/steady", max_tokens=100, messages=HELLO, extra_body=FAST)
    assert answer.id.startswith("msg_")
    assert (answer.type, answer.role, answer.model, answer.stop_reason) == ("message", "assistant", "sim/steady", "end_turn")
    assert [block.type for block in answer.content] == ["text"]
    assert answer.usage.output_tokens == 8


def test_messages_streamed_say_the_same(claude: anthropic.Anthropic) -> None:
    whole: Any = claude.messages.create(model="sim/steady", max_tokens=100, messages=HELLO, extra_body=FAST)
    with claude.messages.stream(model="sim/steady", max_tokens=100, messages=HELLO, extra_body=FAST) as stream:
        assert "".join(stream.text_stream) == whole.content[0].text
        assert stream.get_final_message().usage == whole.usage


def test_messages_stop_at_their_limit(claude: anthropic.Anthropic) -> None:
    answer = claude.messages.create(model="sim/steady", max_tokens=3, messages=HELLO, extra_body=FAST)
    assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", 3)


def test_messages_call_a_tool_and_go_on_with_its_result(claude: anthropic.Anthropic) -> None:
    tools: Any = [{"name": "weather", "input_schema": CITY}]
    common: Any = {"model": "sim/tool-caller", "max_tokens": 100, "tools": tools, "extra_body": FAST}
    answer = claude.messages.create(messages=HELLO, **common)
    call: Any = answer.content[0]
    assert answer.stop_reason == "tool_use"
    assert (call.type, call.name, call.input) == ("tool_use", "weather", {"city": "Oslo"})
    with claude.messages.stream(messages=HELLO, **common) as stream:
        assert stream.get_final_message().content[0] == call
    result = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "rain"}]}
    turns: Any = [*HELLO, {"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    assert claude.messages.create(messages=turns, **common).stop_reason == "end_turn"


def test_messages_think_in_a_block_of_its_own(claude: anthropic.Anthropic) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 2048}
    answer: Any = claude.messages.create(model="sim/reasoner", max_tokens=4000, thinking=thinking, messages=HELLO, extra_body=FAST)
    assert [block.type for block in answer.content] == ["thinking", "text"]
    turns: Any = [*HELLO, {"role": "assistant", "content": answer.content}, *HELLO]
    again = claude.messages.create(model="sim/reasoner", max_tokens=4000, messages=turns, extra_body=FAST)
    assert again.stop_reason == "end_turn"


# ---- responses


def test_responses_in_one_piece(gpt: openai.OpenAI) -> None:
    answer = gpt.responses.create(model="sim/steady", input="hello", instructions="be brief", extra_body=FAST)
    assert answer.id.startswith("resp_")
    assert (answer.object, answer.status, answer.model) == ("response", "completed", "sim/steady")
    assert answer.output_text
    assert answer.instructions == "be brief"
    assert answer.usage
    assert answer.usage.output_tokens == 8


def test_responses_streamed_say_the_same(gpt: openai.OpenAI) -> None:
    whole = gpt.responses.create(model="sim/steady", input="hello", extra_body=FAST)
    events = list(gpt.responses.create(model="sim/steady", input="hello", extra_body=FAST, stream=True))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == whole.output_text
    assert [e.sequence_number for e in events] == list(range(len(events)))
    last: Any = events[-1]
    assert (last.type, last.response.output_text, last.response.usage) == ("response.completed", whole.output_text, whole.usage)


def test_responses_call_a_tool_and_go_on_with_its_result(gpt: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "name": "weather", "parameters": CITY, "strict": True}]
    answer = gpt.responses.create(model="sim/tool-caller", input=HELLO, tools=tools, extra_body=FAST)
    call: Any = answer.output[0]
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "weather", {"city": "Oslo"})
    items: Any = [*HELLO, *answer.output, {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}]
    after = gpt.responses.create(model="sim/tool-caller", input=items, tools=tools, extra_body=FAST)
    assert after.output_text


def test_responses_reason_in_an_item_of_its_own(gpt: openai.OpenAI) -> None:
    answer = gpt.responses.create(model="sim/reasoner", input="hello", reasoning={"effort": "low"}, extra_body=FAST)
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.usage
    assert answer.usage.output_tokens_details.reasoning_tokens == 40


async def test_responses_go_on_from_an_earlier_one(process: Process, real: Access) -> None:
    async with Upstream(["Hi"], free=100) as upstream:
        process.config_file.write_text(upstream.config())
        client = openai.AsyncOpenAI(base_url=real.url + "tokenwidgets/v1", api_key=real.token, timeout=LIMIT, max_retries=0)
        try:
            async with client:
                one = await client.responses.create(model="scripted/m", input="one")
                two = await client.responses.create(model="scripted/m", input="two", previous_response_id=one.id)
                await client.responses.create(model="scripted/m", input="three", previous_response_id=two.id)
                with pytest.raises(openai.BadRequestError) as forgotten:
                    await client.responses.create(model="scripted/m", input="two", previous_response_id="resp_unknown")
        finally:
            process.config_file.unlink()
    assert forgotten.value.code == "previous_response_not_found"
    sent = json.loads(upstream.calls[-1][1])["messages"]
    assert [(m["role"], m["content"]) for m in sent] == [
        ("user", "one"), ("assistant", "Hi"), ("user", "two"), ("assistant", "Hi"), ("user", "three"),
    ]  # fmt: skip


# ---- responses over their socket


def test_responses_over_a_socket(gpt: openai.OpenAI) -> None:
    whole = gpt.responses.create(model="sim/steady", input="hello", extra_body=FAST)
    with gpt.responses.connect() as socket:
        for _ in range(2):
            socket.send({"type": "response.create", "model": "sim/steady", "input": "hello", **FAST})  # type: ignore[misc]
            events = until_last(socket)
            assert [e.sequence_number for e in events] == list(range(len(events)))
            assert events[-1].response.output_text == whole.output_text
        socket.send({"type": "response.create", "model": "sim/nothing", "input": "hello"})
        failure = until_last(socket)[-1]
        assert (failure.status, failure.error.code) == (404, "model_not_found")
        after = {"input": "and now?", "previous_response_id": events[-1].response.id}
        socket.send({"type": "response.create", "model": "sim/steady", **after, **FAST})  # type: ignore[misc]
        assert until_last(socket)[-1].type == "response.completed"
        socket.send({"type": "response.create", "model": "sim/steady", "input": "x", "previous_response_id": "resp_unknown"})
        assert until_last(socket)[-1].error.code == "previous_response_not_found"


def until_last(socket: Any) -> list[Any]:
    """The events of one response."""
    events = []
    while not events or events[-1].type not in ("response.completed", "response.incomplete", "response.failed", "error"):
        events.append(socket.recv())
    return events


def test_lanes_of_a_socket_run_side_by_side(gpt: openai.OpenAI) -> None:
    with gpt.responses.connect() as socket:
        for lane, options in (("slow", ENDLESS), ("quick", FAST), ("quick", FAST)):
            socket.send({"type": "response.create", "model": "sim/steady", "input": "hello", "stream_id": lane, **options})  # type: ignore[misc]
        quick: list[Any] = []
        while [e.type for e in quick].count("response.completed") < 2:
            event: Any = socket.recv()
            quick += [event] if event.stream_id == "quick" else []
        assert len({e.response.id for e in quick if e.type.startswith("response.c") and hasattr(e, "response")}) == 2


async def test_closing_a_socket_stops_its_responses(access: Access, app: TokenWidgetsApp) -> None:
    url = access.socket.replace("tokenwidgets/socket", "tokenwidgets/v1/responses")
    async with connect(url, additional_headers={"Authorization": f"Bearer {access.token}"}, proxy=None) as socket:
        for _ in range(2):
            await socket.send(json.dumps({"type": "response.create", "model": "sim/steady", "input": "hello", **ENDLESS}))
        assert json.loads(await socket.recv())["type"] == "response.created"
        assert app.hub.running == 1, "the second waits for the first"
        assert app.open_sockets == 1
    await eventually(lambda: app.hub.running == 0 and app.open_sockets == 0, "they went on")


async def test_a_socket_opens_for_nobody_without_the_key(real: Access) -> None:
    url = real.socket.replace("tokenwidgets/socket", "tokenwidgets/v1/responses")
    for kind in ("nothing", "wrong token", "cookie, foreign origin", "forged cookie"):
        headers = real.headers(kind)
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=headers, origin=headers.pop("Origin", None), proxy=None)  # type: ignore[arg-type]
        assert refused.value.response.status_code in (401, 404)


async def test_what_a_socket_cannot_do_is_said(real: Access) -> None:
    url = real.socket.replace("tokenwidgets/socket", "tokenwidgets/v1/responses")
    async with connect(url, additional_headers={"Authorization": f"Bearer {real.token}"}, proxy=None) as socket:
        create = {"type": "response.create", "model": "sim/steady", "input": "hello"}
        for message in ("{", "[]", '{"type": "response.steer"}', json.dumps({**create, "generate": False}), '{"type": "response.create"}'):
            await socket.send(message)
            answer = json.loads(await socket.recv())
            assert (answer["type"], answer["status"]) == ("error", 400), message
        await socket.send(json.dumps({**create, "stream_id": "not a lane"}))
        assert json.loads(await socket.recv())["stream_id"] == "not a lane"
        for lane in range(33):
            await socket.send(json.dumps({**create, "stream_id": f"lane{lane}", "model": "sim/nothing"}))
        last = [json.loads(await socket.recv()) for _ in range(33)][-1]
        assert any(code == "websocket_stream_limit_reached" for code in [last["error"]["code"]])


# ---- async clients


async def test_the_async_clients_stream_as_well(real: Access) -> None:
    async with openai.AsyncOpenAI(base_url=real.url + "tokenwidgets/v1", api_key=real.token, timeout=LIMIT) as client:
        chunks = [c async for c in await client.chat.completions.create(model="sim/steady", messages=HELLO, extra_body=FAST, stream=True)]
        assert chunks[-1].choices[0].finish_reason == "stop"
        events = [e async for e in await client.responses.create(model="sim/steady", input="hello", extra_body=FAST, stream=True)]
        assert events[-1].type == "response.completed"
    claude = anthropic.AsyncAnthropic(base_url=real.url + "tokenwidgets", api_key=real.token, timeout=LIMIT)
    async with claude, claude.messages.stream(model="sim/steady", max_tokens=9, messages=HELLO, extra_body=FAST) as stream:
        assert (await stream.get_final_message()).stop_reason == "end_turn"


# ---- models


def test_models_are_listed_for_both_sdks(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    models = {m.id: m for m in gpt.models.list()}
    assert (models["sim/steady"].object, models["sim/steady"].owned_by) == ("model", "sim")
    assert {m.id for m in claude.models.list()} == set(models)
    assert gpt.models.retrieve("sim/steady").id == claude.models.retrieve("sim/steady").id == "sim/steady"
    with pytest.raises(openai.NotFoundError):
        gpt.models.retrieve("sim/nothing")
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve("sim/nothing")


# ---- failures


@pytest.mark.parametrize("model", ["sim/nothing", "nowhere/model", "gpt-without-a-host"])
def test_an_unknown_model_is_not_found(model: str, gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    for call in (
        lambda: gpt.chat.completions.create(model=model, messages=HELLO),
        lambda: gpt.chat.completions.create(model=model, messages=HELLO, stream=True),
        lambda: gpt.responses.create(model=model, input="hello"),
    ):
        with pytest.raises(openai.NotFoundError) as failure:
            call()
        assert (failure.value.type, failure.value.code) == ("invalid_request_error", "model_not_found")
        assert failure.value.request_id
    with pytest.raises(anthropic.NotFoundError) as refused:
        claude.messages.create(model=model, max_tokens=9, messages=HELLO)
    body: Any = refused.value.body
    assert (body["type"], body["error"]["type"], body["request_id"]) == ("error", "not_found_error", refused.value.request_id)


def test_a_bad_option_is_a_bad_request(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    with pytest.raises(openai.BadRequestError, match="temperature"):
        gpt.chat.completions.create(model="sim/steady", messages=HELLO, temperature=9)
    with pytest.raises(openai.BadRequestError, match="itl_ms"):
        gpt.responses.create(model="sim/steady", input="hello", extra_body={"itl_ms": "soon"})
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        claude.messages.create(model="sim/steady", max_tokens=0, messages=HELLO)


def test_a_wrong_key_is_said_to_be_wrong(real: Access) -> None:
    with openai_of(real, "wrong") as gpt, pytest.raises(openai.AuthenticationError, match="Jupyter server's token") as refused:
        gpt.chat.completions.create(model="sim/steady", messages=HELLO)
    assert refused.value.code == "invalid_api_key"
    assert refused.value.response.headers["www-authenticate"] == "Bearer"
    with openai_of(real, "wrong") as gpt, pytest.raises(openai.AuthenticationError):
        gpt.models.list()
    with anthropic_of(real, "wrong") as claude, pytest.raises(anthropic.AuthenticationError):
        claude.messages.create(model="sim/steady", max_tokens=9, messages=HELLO)
    with anthropic_of(real, "wrong") as claude, pytest.raises(anthropic.AuthenticationError) as unlisted:
        claude.models.list()
    assert unlisted.value.body["type"] == "error"  # type: ignore[index, call-overload]


def test_a_provider_without_a_key_is_an_authentication_error(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """The gateway has no key to show there, which is what a vendor would say of such a call; the sentence names the variable."""
    with pytest.raises(openai.AuthenticationError, match="MISTRAL_API_KEY"):
        gpt.chat.completions.create(model="mistral/some-model", messages=HELLO)
    with pytest.raises(anthropic.AuthenticationError, match="MISTRAL_API_KEY"):
        claude.messages.create(model="mistral/some-model", max_tokens=9, messages=HELLO)


def overloaded(at: int) -> tuple[Any, dict[str, Any]]:
    """Messages and options at which the simulator says that it is overloaded, in place of a token; its other ways to fail are a cut."""
    options = {**FAST, "fail_at": at}
    for word in range(100):
        steps = script(parse({"model": "sim/steady", "prompt": str(word), "options": options}))
        if isinstance(steps[-1].event, Error):
            return [{"role": "user", "content": str(word)}], options
    raise AssertionError("it never is")


def test_a_failure_before_the_first_content_has_a_status(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    turns, options = overloaded(0)
    for stream in (True, False):
        with pytest.raises(openai.InternalServerError) as failure:
            gpt.chat.completions.create(model="sim/steady", messages=turns, extra_body=options, stream=stream)
        assert (failure.value.status_code, failure.value.code) == (503, "server_overloaded")
        with pytest.raises(openai.InternalServerError) as failure:
            gpt.responses.create(model="sim/steady", input=turns, extra_body=options, stream=stream)
        assert failure.value.status_code == 503
        with pytest.raises(anthropic.InternalServerError) as busy:
            claude.messages.create(model="sim/steady", max_tokens=9, messages=turns, extra_body=options, stream=stream)
        assert busy.value.status_code == 529


@pytest.mark.parametrize("stream", [True, False])
async def test_a_provider_s_failure_keeps_its_status_and_its_pause(stream: bool, process: Process, real: Access) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        writer.write(head + b'{"error": {"message": "slow down", "type": "rate_limit_error"}}')
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, Caller(real) as caller:
        host = Upstream([])
        host.port = server.sockets[0].getsockname()[1]
        process.config_file.write_text(host.config())
        try:
            for path in BODIES:
                failed = await caller.call("POST", f"v1/{path}", {"model": "scripted/m", "stream": stream, **BODIES[path]})
                assert (failed.status_code, failed.headers["retry-after"]) == (429, "7")
                assert failed.json()["error"]["type"] == "rate_limit_error"
                assert failed.json()["error"]["message"] == "slow down"
                assert failed.headers["x-tokenwidgets-stream"]
        finally:
            process.config_file.unlink()


def test_a_failure_after_it_is_told_in_the_stream(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    turns, options = overloaded(4)
    said: list[Any] = []
    with pytest.raises(openai.APIError, match="overloaded"):
        said.extend(gpt.chat.completions.create(model="sim/steady", messages=turns, extra_body=options, stream=True))
    with pytest.raises(anthropic.APIStatusError) as failure:
        said.extend(claude.messages.create(model="sim/steady", max_tokens=9, messages=turns, extra_body=options, stream=True))
    body: Any = failure.value.body
    assert body["error"]["type"] == "overloaded_error"
    with pytest.raises(openai.APIError, match="overloaded"):
        said.extend(gpt.responses.create(model="sim/steady", input=turns, extra_body=options, stream=True))
    assert said


def test_a_failure_after_it_fails_an_answer_in_one_piece(gpt: openai.OpenAI) -> None:
    turns, options = overloaded(4)
    with pytest.raises(openai.InternalServerError, match="overloaded"):
        gpt.chat.completions.create(model="sim/steady", messages=turns, extra_body=options)


# ---- streams of the gateway are streams like others


async def snapshot(access: Access, stream: str) -> dict[str, Any]:
    async with Caller(access) as caller:
        return dict((await caller.call("GET", f"streams/{stream}")).json())


async def gone(access: Access, stream: str) -> dict[str, Any]:
    """Its last event, once it has ended."""
    async with Caller(access) as caller:
        return (await caller.events(stream))[-1]


@pytest.mark.parametrize("path", BODIES)
async def test_the_first_token_arrives_while_the_model_goes_on(path: str, real: Access) -> None:
    """Whatever the client accepts, byte for byte as tokens come, and watched from elsewhere at the same time."""
    body = {"model": "sim/steady", "stream": True, **BODIES[path], **ENDLESS}
    async with Caller(real, Accept="application/json") as caller, asyncio.timeout(LIMIT):
        async with caller.http.stream("POST", f"tokenwidgets/v1/{path}", json=body) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.headers["request-id" if path == "messages" else "x-request-id"]
            stream = answer.headers["x-tokenwidgets-stream"]
            reading = answer.aiter_raw()  # kept until the end: a client that forgets it has left
            pieces = [await anext(reading) for _ in range(5)]
            assert (await snapshot(real, stream))["state"] == "running"
            assert max(len(piece) for piece in pieces[1:]) < 1000, "a token at a time"
        last = await gone(real, stream)
        assert (last["type"], last["reason"]) == ("end", "cancelled")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_stops_its_stream(stream: bool, access: Access, app: TokenWidgetsApp) -> None:
    body = {"model": "sim/steady", "messages": HELLO, "stream": stream, **ENDLESS, "ttft_ms": 600_000}
    async with Caller(access) as caller:
        call = asyncio.ensure_future(caller.call("POST", "v1/chat/completions", body))
        await eventually(lambda: app.hub.running == 1, "it did not start")
        call.cancel()
        await eventually(lambda: app.hub.running == 0, "it went on")
    [ended] = app.hub.streams("server")
    assert ended.journal.terminal
    assert ended.journal.terminal.event == End("cancelled")


def test_closing_the_sdk_s_stream_stops_it(gpt: openai.OpenAI, claude: anthropic.Anthropic, real: Access) -> None:
    chat = gpt.chat.completions.create(model="sim/steady", messages=HELLO, extra_body=ENDLESS, stream=True)
    message = claude.messages.create(model="sim/steady", max_tokens=10_000_000, messages=HELLO, extra_body=ENDLESS, stream=True)
    for opened in (chat, message):
        next(iter(opened))
        opened.close()
        last = asyncio.run(gone(real, opened.response.headers["x-tokenwidgets-stream"]))
        assert last["reason"] == "cancelled"


async def test_a_stream_stopped_from_elsewhere_ends_in_good_order(real: Access) -> None:
    async with openai.AsyncOpenAI(base_url=real.url + "tokenwidgets/v1", api_key=real.token, timeout=LIMIT) as client, Caller(real) as page:
        chunks = await client.chat.completions.create(model="sim/steady", messages=HELLO, extra_body=ENDLESS, stream=True)
        await anext(chunks)
        await page.call("DELETE", f"streams/{chunks.response.headers['x-tokenwidgets-stream']}")
        rest = [c async for c in chunks]
        assert rest[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize(("path", "keep_alive"), [("chat/completions", b": keep-alive\n\n"), ("messages", b"event: ping\n")])
async def test_a_silent_stream_is_kept_open(path: str, keep_alive: bytes, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first content too, once the head could wait no longer."""
    monkeypatch.setattr(streams, "KEEPALIVE_SECONDS", 0.05)
    monkeypatch.setattr(gateway, "HEAD_SECONDS", 0.05)
    body = {"model": "sim/steady", "stream": True, **BODIES[path], **ENDLESS, "ttft_ms": 600_000}
    caller = Caller(access)
    async with asyncio.timeout(LIMIT), caller, caller.http.stream("POST", f"tokenwidgets/v1/{path}", json=body) as answer:
        reading = answer.aiter_raw()
        assert [(await anext(reading)).startswith(keep_alive) for _ in range(2)] == [True, True]


# ---- keys


@pytest.mark.parametrize("header", ["bearer", "token", "x-api-key", "ticket"])
async def test_every_form_of_the_key_is_taken(header: str, real: Access) -> None:
    forms = {
        "bearer": {"Authorization": f"Bearer {real.token}"},
        "token": {"Authorization": f"token {real.token}"},
        "x-api-key": {"X-Api-Key": real.token},
        "ticket": {TICKET_HEADER: real.ticket},
    }
    async with Caller(real, "nothing", **forms[header]) as caller:
        assert (await caller.call("GET", "v1/models")).status_code == 200
        answer = await caller.call("POST", "v1/chat/completions", {"model": "sim/steady", "messages": HELLO, **FAST})
        assert answer.status_code == 200


async def test_a_wrong_key_is_not_saved_by_a_cookie(real: Access) -> None:
    async with Caller(real, "page", Authorization="Bearer wrong") as caller:
        answer = await caller.call("POST", "v1/chat/completions", {"model": "sim/steady", "messages": HELLO, **FAST})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_a_cookie_without_xsrf_is_refused_in_the_facade_s_form(real: Access) -> None:
    async with Caller(real, "cookie without xsrf") as caller:
        answer = await caller.call("POST", "v1/messages", {"model": "sim/steady", "max_tokens": 9, "messages": HELLO, **FAST})
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")


# ---- what the host gets


async def test_a_request_reaches_the_host_with_nothing_lost(process: Process, real: Access) -> None:
    async with Upstream(["Hi"]) as upstream:
        process.config_file.write_text(upstream.config())
        try:
            body = {"messages": HELLO, "model": "scripted/m", "max_completion_tokens": 9, "logit_bias": {"5": 1}, "user": "u", "n": 1}
            async with Caller(real) as caller:
                answer = await caller.call("POST", "v1/chat/completions", body)
        finally:
            process.config_file.unlink()
    sent = json.loads(upstream.calls[0][1])
    assert (sent["max_tokens"], sent["logit_bias"], sent["user"], sent["n"]) == (9, {"5": 1}, "u", 1)
    assert upstream.calls[0][0].get("authorization") is None, "the Jupyter token stays here"
    assert answer.json()["model"] == "scripted/m"


async def test_a_request_goes_on_as_it_came_to_a_host_that_speaks_its_format(process: Process, real: Access) -> None:
    """Also with what has no place in our form. The upstream answers in another format, which is then an error of the protocol."""
    bodies: dict[str, dict[str, Any]] = {
        "messages": {
            "max_tokens": 9,
            "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
            "messages": [{"role": "user", "content": [{"type": "search_result", "source": "x", "title": "t", "content": []}]}],
            "metadata": {"user_id": "u"},
        },
        "responses": {"input": [{"type": "item_reference", "id": "x"}], "text": {"verbosity": "low"}, "truncation": "auto"},
    }
    async with Upstream(["Hi"], free=100) as upstream, Caller(real, **{"anthropic-beta": "b"}) as caller:
        spoken = "".join(f'{name} = "http://127.0.0.1:{upstream.port}/v1"\n' for name in ("anthropic-messages", "openai-responses"))
        process.config_file.write_text(upstream.config() + "[hosts.scripted.dialects]\n" + spoken)
        try:
            for path, body in bodies.items():
                answer = await caller.call("POST", f"v1/{path}", {"model": "scripted/m", "stream": False, **body})
                assert answer.status_code >= 500
                headers, sent = upstream.calls[-1][0], json.loads(upstream.calls[-1][1])
                assert {k: v for k, v in sent.items() if k != "store"} == {"model": "m", "stream": True, **body}
                assert headers.get("anthropic-beta") == ("b" if path == "messages" else None)
        finally:
            process.config_file.unlink()


async def test_what_is_no_request_is_a_bad_one(real: Access) -> None:
    async with Caller(real) as caller:
        for content in (
            b"",
            b"{",
            b"[]",
            b'{"model": 5}',
            b'{"model": "sim/steady"}',
            b'{"model": "sim/steady", "messages": 7, "input": 7}',
        ):
            for path in BODIES:
                answer = await caller.call("POST", f"v1/{path}", content=content)
                assert answer.status_code == 400, (path, content)
                assert answer.json()["error"]["type"] == "invalid_request_error"


# ---- one more client


@pytest.mark.skipif(not LLM.exists(), reason="the llm command line is not installed here")
def test_the_llm_command_line_speaks_to_it(real: Access, tmp_path: Path) -> None:
    model = {"model_id": "here", "model_name": "sim/steady", "api_base": real.url + "tokenwidgets/v1", "api_key_name": "jupyter"}
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps([model]))
    (tmp_path / "keys.json").write_text(json.dumps({"jupyter": real.token}))
    # Without its plugins: one that is installed for the sake of its model file cannot be loaded.
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path), "LLM_LOAD_PLUGINS": ""}
    done = subprocess.run([LLM, "-m", "here", "hello"], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "simulated answer" in done.stdout) == (0, True), done.stderr


# ---- a real model


@pytest.mark.model
@pytest.mark.skipif(not local.can_run({}), reason="the local model is not installed")
def test_a_real_model_answers_through_every_facade(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    model, ask = f"local/{local.DEFAULT_MODEL}", "What is the capital of France?"
    turns: Any = [{"role": "user", "content": ask}]
    cold: Any = {"temperature": 0, "extra_body": {"seed": 1}, "timeout": 120}
    chat = gpt.chat.completions.create(model=model, messages=turns, max_tokens=12, **cold)
    chunks = list(gpt.chat.completions.create(model=model, messages=turns, max_tokens=12, stream=True, **cold))
    response = gpt.responses.create(model=model, input=ask, max_output_tokens=12, **cold)
    cold = {"extra_body": {"temperature": 0, "seed": 1}}
    message: Any = claude.messages.create(model=model, max_tokens=12, messages=turns, **cold)
    with claude.messages.stream(model=model, max_tokens=12, messages=turns, **cold) as stream:
        streamed: Any = stream.get_final_message()
    said = "".join(c.choices[0].delta.content or "" for c in chunks)
    assert said == chat.choices[0].message.content == response.output_text == message.content[0].text == streamed.content[0].text
    assert len(chunks) > 5
    assert streamed.usage.output_tokens > 0
