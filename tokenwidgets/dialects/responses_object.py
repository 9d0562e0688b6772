"""Objects of the Responses wire as OpenAI's server fills them (openai types/responses/response.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import Usage


def response(id: str, model: str, created: int) -> dict[str, Any]:
    """A response that has just begun, with every field that clients require."""
    return {
        "id": id, "object": "response", "created_at": created, "status": "in_progress", "background": False, "completed_at": None,
        "error": None, "incomplete_details": None, "instructions": None, "max_output_tokens": None, "metadata": {}, "model": model,
        "output": [], "parallel_tool_calls": True, "previous_response_id": None, "reasoning": {"effort": None, "summary": None},
        "store": False, "temperature": None, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": None,
        "truncation": "disabled", "usage": None,
    }  # fmt: skip


def usage(counts: Usage) -> dict[str, Any]:
    """Disjoint counts as OpenAI's nested ones; a detail that nobody told is 0, since clients require a number."""
    asked = sum(n or 0 for n in (counts.input, counts.cache_read, counts.cache_write, counts.audio_in))
    made = sum(n or 0 for n in (counts.output, counts.reasoning, counts.audio_out))
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": counts.cache_read or 0, "cache_write_tokens": counts.cache_write or 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning or 0},
        "total_tokens": asked + made,
        **({"cost": counts.cost} if counts.cost is not None else {}),
    }


def message(id: str) -> dict[str, Any]:
    """A message without content yet."""
    return {"id": id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}


def reasoning(id: str) -> dict[str, Any]:
    """A reasoning item without content yet."""
    return {"id": id, "type": "reasoning", "status": "in_progress", "summary": []}


def call(id: str, call_id: str, name: str) -> dict[str, Any]:
    """A function call without arguments yet."""
    return {"id": id, "type": "function_call", "status": "in_progress", "call_id": call_id, "name": name, "arguments": ""}


def part(kind: str) -> dict[str, Any]:
    """An empty part: `output_text`, `refusal`, `reasoning_text` or `summary_text`."""
    if kind == "refusal":
        return {"type": kind, "refusal": ""}
    return {"type": kind, "text": "", **({"annotations": [], "logprobs": []} if kind == "output_text" else {})}


def failure(error: Mapping[str, Any]) -> dict[str, Any]:
    """What a failed response says of an error object."""
    return {"code": error["code"], "message": error["message"]}
