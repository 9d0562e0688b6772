"""What a host gives to be carried goes back to it, byte for byte, in every dialect, and to no other host."""

from __future__ import annotations

import json
from typing import Any

import pytest
from canned_server import YES, Canned, called, sse
from chat_server import BOUND, Scripted

import tokenwidgets as tw

pytestmark = pytest.mark.usefixtures("in_process")


def get_weather(city: str) -> str:
    """The weather in a city now."""
    return f"12 °C in {city}"


def responses(*items: dict[str, Any]) -> bytes:
    made: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}}]
    for i, item in enumerate(items):
        made.append({"type": "response.output_item.added", "output_index": i, "item": {**item, "status": "in_progress"}})
        made.append({"type": "response.output_item.done", "output_index": i, "item": item})
    return sse(*made, {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": list(items)}})


def claude(*blocks: dict[str, Any], deltas: tuple[dict[str, Any], ...] = ()) -> bytes:
    made: list[dict[str, Any]] = [{"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1, "output_tokens": 1}}}]
    for i, block in enumerate(blocks):
        made.append({"type": "content_block_start", "index": i, "content_block": block})
        made += [{"type": "content_block_delta", "index": i, "delta": d} for d in deltas if i == 0]
        made.append({"type": "content_block_stop", "index": i})
    return sse(
        *made, {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}}, {"type": "message_stop"}
    )


def google(part: dict[str, Any]) -> bytes:
    return sse({"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]})


def chat_delta(delta: dict[str, Any]) -> bytes:
    return sse({"choices": [{"index": 0, "delta": delta}]}, called("get_weather", '{"city":"Oslo"}'))


SIGNED = {"type": "function", "id": "a", "index": 0, "extra_content": {"google": {"thought_signature": "c2ln=="}}}
CALLED = {"name": "get_weather", "arguments": '{"city":"Oslo"}'}


@pytest.mark.parametrize(
    ("dialect", "body", "exact"),
    [
        (
            "anthropic-messages",
            claude(
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "tool_use", "id": "t", "name": "get_weather", "input": {"city": "Oslo"}},
                deltas=({"type": "thinking_delta", "thinking": "hm ü"}, {"type": "signature_delta", "signature": "EqQB/+=="}),
            ),
            '{"role":"assistant","content":[{"type":"thinking","thinking":"hm ü","signature":"EqQB/+=="},'
            '{"type":"tool_use","id":"t","name":"get_weather","input":{"city":"Oslo"}}]},'
            '{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"12 °C in Oslo"}]}]}',
        ),
        (
            "gemini",
            google({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}, "thoughtSignature": "c2ln/+=="}),
            '{"role":"model","parts":[{"functionCall":{"name":"get_weather","args":{"city":"Oslo"}},"thoughtSignature":"c2ln/+=="}]},'
            '{"role":"user","parts":[{"functionResponse":{"name":"get_weather","response":{"output":"12 °C in Oslo"}}}]}',
        ),
        (
            "openai-responses",
            responses(
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA/+=="},
                {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "get_weather", "arguments": '{"city":"Oslo"}'},
            ),
            '"encrypted_content":"gAAAA/+=="',
        ),
        (
            "openai-chat",
            chat_delta({"reasoning_content": "hm ü"}),
            '"reasoning_content":"hm ü"',
        ),
        (
            "openai-chat",
            chat_delta({"reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "EqQB/+==", "index": 0}]}),
            '"reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"EqQB/+==","index":0}]',
        ),
        (
            "openai-chat",
            sse({"choices": [{"index": 0, "delta": {"tool_calls": [{**SIGNED, "function": CALLED}]}, "finish_reason": "tool_calls"}]}),
            '"extra_content":{"google":{"thought_signature":"c2ln=="}}',
        ),
    ],
)
def test_what_a_host_gave_goes_back_to_it_byte_for_byte(dialect, body, exact):
    plain = {
        "anthropic-messages": claude({"type": "text", "text": "Yes."}),
        "gemini": google({"text": "Yes."}),
        "openai-responses": responses(
            {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}
        ),
        "openai-chat": YES,
    }[dialect]
    with Canned(dialect, body, plain, plain).running() as server:
        chat = tw.chat("canned/m", tools=[get_weather], show=False)
        turn = chat("How?").wait(BOUND)
        assert turn.error is None, turn.error
        assert turn.calls[0].result == "12 °C in Oslo"
        chat("And now?").wait(BOUND)
    assert exact.encode() in server.sent[1]
    assert b"12 \xc2\xb0C in Oslo" in server.sent[1]
    assert exact.encode() in server.sent[2], "also in the next turn"
    assert b'"carry"' not in server.sent[1]


def test_it_goes_to_no_other_host():
    body = chat_delta({"reasoning_details": [{"type": "reasoning.encrypted", "data": "opaque", "index": 0}]})
    with Canned("openai-chat", body, YES).running() as server:
        chat = tw.chat("canned/m", tools=[get_weather], show=False)
        chat("How?").wait(BOUND)
        assert b"opaque" in server.sent[1]
    with Scripted(["Yes."]).running() as other:
        other.configure()
        chat.model = "scripted/m"
        chat("And now?").wait(BOUND)
    assert "opaque" not in json.dumps(other.calls[0][2])
