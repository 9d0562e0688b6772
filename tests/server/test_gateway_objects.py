"""The objects that the vendors' SDKs make of the gateway's answers are complete: the same in one piece and streamed, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anthropic
import openai
import pytest
from gateway_tools import HELLO, anthropic_of, async_anthropic_of, async_openai_of, chunk, host, openai_of, sse
from server_tools import Access, Process

# Their own clients close connections when they are collected, which is after the test that used them.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "completion_tokens_details": {"reasoning_tokens": 2}}
COUNTS = {**chunk({}), "choices": [], "usage": USAGE}
CALLS = sse(
    chunk({"role": "assistant", "reasoning_content": "hm"}),
    chunk({"content": "Let me see."}),
    chunk({"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city"'}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": ': "Oslo"}'}}]}),
    chunk({"tool_calls": [{"index": 1, "type": "function", "function": {"name": "time", "arguments": "{}"}}]}),
    chunk({}, "tool_calls"),
    COUNTS,
)
"""A host's answer with thoughts, words and two calls, the second of which has no id."""

REFUSAL = sse(chunk({"role": "assistant", "refusal": "I will not."}), chunk({}, "stop"), COUNTS)
TWO = sse(chunk({"content": "one"}), chunk({"content": "two"}, index=1), chunk({}, "stop"), chunk({}, "length", 1), COUNTS)

Ask = Callable[[Access], Awaitable[Any]]


async def chat(access: Access, **more: Any) -> Any:
    def ask() -> Any:
        with openai_of(access) as gpt:
            return gpt.chat.completions.create(model="scripted/m", messages=HELLO, **more)

    return await asyncio.to_thread(ask)


async def chat_streamed(access: Access) -> Any:
    asked: Any = {"model": "scripted/m", "messages": HELLO, "stream_options": {"include_usage": True}}
    async with async_openai_of(access) as gpt, gpt.chat.completions.stream(**asked) as stream:
        return await stream.get_final_completion()


async def responses(access: Access) -> Any:
    async with async_openai_of(access) as gpt:
        return await gpt.responses.create(model="scripted/m", input="hello")


async def responses_streamed(access: Access) -> Any:
    def ask() -> Any:
        with openai_of(access) as gpt, gpt.responses.stream(model="scripted/m", input="hello") as stream:
            return stream.get_final_response()

    return await asyncio.to_thread(ask)


async def messages(access: Access) -> Any:
    async with async_anthropic_of(access) as claude:
        return await claude.messages.create(model="scripted/m", max_tokens=9, messages=HELLO)


async def messages_streamed(access: Access) -> Any:
    def ask() -> Any:
        with anthropic_of(access) as claude, claude.messages.stream(model="scripted/m", max_tokens=9, messages=HELLO) as stream:
            return stream.get_final_message()

    return await asyncio.to_thread(ask)


def essence(answer: Any) -> Any:
    """An answer without what is of its own each time, and what only a stream's helper adds."""
    return _without(answer.model_dump(exclude_none=True), "id", "call_id", "item_id", "created", "created_at", "parsed", "parsed_arguments")


def _without(value: Any, *names: str) -> Any:
    if isinstance(value, dict):
        return {k: _without(v, *names) for k, v in value.items() if k not in names and (k, v) != ("index", value.get("index"))}
    return [_without(v, *names) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("body", [CALLS, REFUSAL], ids=["calls", "refusal"])
@pytest.mark.parametrize(
    ("whole", "streamed"),
    [
        pytest.param(chat, chat_streamed, id="chat"),
        pytest.param(responses, responses_streamed, id="responses"),
        pytest.param(messages, messages_streamed, id="messages"),
    ],
)
async def test_in_one_piece_and_streamed_are_the_same(whole: Ask, streamed: Ask, body: bytes, process: Process, real: Access) -> None:
    async with host(process, body):
        one, other = await whole(real), await streamed(real)
    assert essence(one) == essence(other)
    assert one.id != other.id
    assert one.usage


async def test_chat_with_thoughts_and_calls(process: Process, real: Access) -> None:
    async with host(process, CALLS):
        answers: list[Any] = [await chat(real), await chat_streamed(real)]
    for answer in answers:
        [choice] = answer.choices
        assert (choice.index, choice.finish_reason, choice.message.content) == (0, "tool_calls", "Let me see.")
        assert [(c.type, c.function.name, c.function.arguments) for c in choice.message.tool_calls] == [
            ("function", "weather", '{"city": "Oslo"}'), ("function", "time", "{}"),
        ]  # fmt: skip
        assert (answer.usage.total_tokens, answer.usage.completion_tokens_details.reasoning_tokens) == (14, 2)
    ids = [call.id for answer in answers for call in answer.choices[0].message.tool_calls]
    assert ids[0] == ids[2] == "c1"
    assert len({*ids}) == 3, "a call that came without an id has one of its own"


async def test_chat_of_two_choices(process: Process, real: Access) -> None:
    async with host(process, TWO) as calls:
        answer = await chat(real, n=2, stop=["."])
    assert [(c.index, c.message.content, c.finish_reason) for c in answer.choices] == [(0, "one", "stop"), (1, "two", "length")]
    assert (calls[0][2]["n"], calls[0][2]["stop"]) == (2, ["."])


async def test_a_response_with_thoughts_and_calls_can_be_gone_on_from(process: Process, real: Access) -> None:
    """With the ids that its client got, whoever made them."""
    async with host(process, CALLS) as calls, async_openai_of(real) as gpt:
        answer: Any = await gpt.responses.create(model="scripted/m", input="hello")
        kinds = [item.type for item in answer.output]
        made = [item.call_id for item in answer.output if item.type == "function_call"]
        results: Any = [{"type": "function_call_output", "call_id": call_id, "output": "x"} for call_id in made]
        await gpt.responses.create(model="scripted/m", input=results, previous_response_id=answer.id)
    assert kinds == ["reasoning", "message", "function_call", "function_call"]
    assert answer.usage.output_tokens_details.reasoning_tokens == 2
    _, asked, *told = calls[1][2]["messages"]
    assert [call["id"] for call in asked["tool_calls"]] == made == [result["tool_call_id"] for result in told]


async def test_a_message_with_thoughts_and_calls(process: Process, real: Access) -> None:
    async with host(process, CALLS):
        answer: Any = await messages(real)
    assert [block.type for block in answer.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block.input for block in answer.content[2:]] == [{"city": "Oslo"}, {}]
    assert len({block.id for block in answer.content[2:]} - {""}) == 2
    assert (answer.stop_reason, answer.usage.input_tokens, answer.usage.output_tokens) == ("tool_use", 9, 5)


async def test_a_refusal_is_one_where_the_format_has_it(process: Process, real: Access) -> None:
    async with host(process, REFUSAL):
        completion, response, message = await chat(real), await responses(real), await messages(real)
    assert (completion.choices[0].message.refusal, completion.choices[0].message.content) == ("I will not.", None)
    assert response.output[0].content[0].refusal == "I will not."
    assert (message.content[0].text, message.stop_reason) == ("I will not.", "refusal")


@pytest.mark.parametrize(
    ("status", "of_openai", "of_anthropic"),
    [(401, openai.AuthenticationError, anthropic.AuthenticationError),
     (404, openai.NotFoundError, anthropic.NotFoundError),
     (429, openai.RateLimitError, anthropic.RateLimitError),
     (500, openai.InternalServerError, anthropic.InternalServerError)],
)  # fmt: skip
async def test_a_host_s_failure_is_the_sdk_s_own_exception(
    status: int, of_openai: type[Exception], of_anthropic: type[Exception], process: Process, real: Access
) -> None:
    async with host(process, {"error": {"message": "it went wrong"}}, status, ["Retry-After: 7"]):
        for ask in (chat, chat_streamed, responses, responses_streamed, messages, messages_streamed):
            with pytest.raises((of_openai, of_anthropic), match="it went wrong") as failed:
                await ask(real)
            failure: Any = failed.value
            assert (failure.status_code, failure.response.headers.get("retry-after")) == (status, "7")
            assert failure.request_id


async def test_a_failure_after_the_first_content_is_raised_in_its_place(process: Process, real: Access) -> None:
    broken = b"".join(
        sse(chunk({"content": "one"}), {"error": {"message": "it went wrong", "type": "server_error"}}).partition(b"data: [DONE]")[:1]
    )
    async with host(process, broken):
        for ask in (chat_streamed, messages_streamed):
            with pytest.raises((openai.APIError, anthropic.APIError), match="it went wrong"):
                await ask(real)
        with pytest.raises(openai.APIError, match="it went wrong"):
            await responses_streamed(real)
        for ask in (chat, responses, messages):
            with pytest.raises((openai.InternalServerError, anthropic.InternalServerError), match="it went wrong"):
                await ask(real)
