"""What a host gave to be carried goes back to it through a façade whose clients cannot send it."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from gateway_tools import async_anthropic_of, async_openai_of, host
from server_tools import Access, Process

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
ASKED: Any = {"role": "user", "content": "The weather in Oslo?"}


def frames(*bodies: dict[str, Any]) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(body).encode() for body in bodies)


def google(signature: str) -> bytes:
    call = {"functionCall": {"name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": signature}
    return frames({"candidates": [{"content": {"role": "model", "parts": [call]}, "finishReason": "STOP"}]})


def claude(signature: str) -> bytes:
    return frames(
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": signature}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    )


def responses(sealed: str) -> bytes:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": sealed}
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{}", "status": "completed"}
    made = [{"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}}]
    for i, item in enumerate([thought, call]):
        made += [{"type": f"response.output_item.{step}", "output_index": i, "item": item} for step in ("added", "done")]
    return frames(*made, {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [thought, call]}})


ANSWERS = {"gemini": google, "anthropic-messages": claude, "openai-responses": responses}


@pytest.mark.parametrize("dialect", ANSWERS)
async def test_chat_completions(dialect: str, real: Access, process: Process) -> None:
    async with host(process, ANSWERS[dialect]("c2ln/+=="), dialects=[dialect]) as calls, async_openai_of(real) as gpt:
        first = await gpt.chat.completions.create(model="scripted/m", messages=[ASKED], tools=TOOLS)
        (call,) = first.choices[0].message.tool_calls or []
        json.loads(call.function.arguments)  # type: ignore[union-attr]
        said = first.choices[0].message.model_dump(include={"role", "content", "tool_calls"})
        result: Any = {"role": "tool", "tool_call_id": call.id, "content": "12 °C"}
        await gpt.chat.completions.create(model="scripted/m", messages=[ASKED, said, result], tools=TOOLS)  # type: ignore[list-item]
    assert "c2ln/+==" in json.dumps(calls[1][2])


@pytest.mark.parametrize("dialect", ["gemini", "openai-responses"])
async def test_messages(dialect: str, real: Access, process: Process) -> None:
    tools: Any = [{"name": "weather", "input_schema": CITY}]
    async with host(process, ANSWERS[dialect]("c2ln/+=="), dialects=[dialect]) as calls, async_anthropic_of(real) as claude:
        first = await claude.messages.create(model="scripted/m", max_tokens=99, messages=[ASKED], tools=tools)
        assert {block.type for block in first.content} <= {"thinking", "text", "tool_use"}, "blocks that only another format knows"
        (call,) = (block for block in first.content if block.type == "tool_use")
        results: Any = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "12 °C"}]}
        said: Any = {"role": "assistant", "content": first.content}
        await claude.messages.create(model="scripted/m", max_tokens=99, messages=[ASKED, said, results], tools=tools)
    assert "c2ln/+==" in json.dumps(calls[1][2])


async def test_ids_that_we_made_up_go_to_no_host(real: Access, process: Process) -> None:
    """OpenAI looks for items by their ids, and compares the id of an encrypted thought."""
    async with host(process, responses("gAAAA/+=="), dialects=["openai-responses"]) as calls, async_openai_of(real) as gpt:
        first = await gpt.responses.create(model="scripted/m", input="The weather?")
        result = {"type": "function_call_output", "call_id": "call_1", "output": "12 °C"}
        given: Any = [{"role": "user", "content": "The weather?"}, *(item.to_dict() for item in first.output), result]
        await gpt.responses.create(model="scripted/m", input=given)
    sent = calls[1][2]["input"]
    assert [item.get("type") for item in sent] == [None, "reasoning", "function_call", "function_call_output"]
    assert sent[1]["encrypted_content"] == "gAAAA/+=="
    assert [item["id"] for item in sent if "id" in item] == []


async def test_nothing_is_lost_that_goes_on_from_an_earlier_response(real: Access, process: Process) -> None:
    """The conversation before it is in our form, so it cannot go on as it came, which by itself it could."""
    picture: Any = [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1", "detail": "auto"}]}]
    async with host(process, responses("c2ln"), dialects=["openai-responses"]) as calls, async_openai_of(real) as gpt:
        first = await gpt.responses.create(model="scripted/m", input=picture)
        assert calls.pop()[2]["input"] == picture
        with pytest.raises(openai.BadRequestError, match="input_image"):
            await gpt.responses.create(model="scripted/m", input=picture, previous_response_id=first.id)
    assert calls == []


async def test_the_work_of_the_hosts_own_tools_is_told_in_its_own_format(real: Access, process: Process) -> None:
    item = {
        "type": "apply_patch_call",
        "id": "apc_1",
        "call_id": "c",
        "status": "completed",
        "operation": {"type": "delete_file", "path": "a"},
    }
    made = [{"type": f"response.output_item.{step}", "output_index": 0, "item": item} for step in ("added", "done")]
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [item]}}
    async with host(process, frames(*made, end), dialects=["openai-responses"]), async_openai_of(real) as gpt:
        whole = await gpt.responses.create(model="scripted/m", input="Patch it.")
        assert [found.to_dict() for found in whole.output] == [item]
        async with gpt.responses.stream(model="scripted/m", input="Patch it.") as stream:
            streamed = await stream.get_final_response()
    assert [found.to_dict() for found in streamed.output] == [item]
