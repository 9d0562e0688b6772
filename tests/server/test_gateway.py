"""The gateway as its clients see it: the vendors' own SDKs against a real Jupyter server, with the Jupyter token as their key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from gateway_tools import BODIES, CITY, FAST, HELLO
from server_tools import LIMIT, Access, Caller, Process, Upstream

from tokenwidgets.providers import local
from tokenwidgets.runtime import TICKET_HEADER

LLM = Path(sys.executable).with_name("llm")

# Their own clients close connections when they are collected, which is after the test that used them.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


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


# ---- keys


@pytest.mark.parametrize("header", ["bearer", "token", "x-api-key", "ticket", "ticket as the key"])
async def test_every_form_of_the_key_is_taken(header: str, real: Access) -> None:
    forms = {
        "bearer": {"Authorization": f"Bearer {real.token}"},
        "token": {"Authorization": f"token {real.token}"},
        "x-api-key": {"X-Api-Key": real.token},
        "ticket": {TICKET_HEADER: real.ticket},
        "ticket as the key": {"X-Api-Key": real.ticket},
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
