"""From the body of Anthropic's Messages to a request of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..dialects.untrusted import mapping, string
from .base import judged, objects_of, refuse, taken

_OPTIONS = {"max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "stop_sequences": "stop"}

_KNOWN = ("model", "messages", "system", "tools", "tool_choice", "stream", "thinking", "output_config", "metadata")

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
"""OpenAI's words for a `tool_choice`."""

_EFFORTS = ((4096, "low"), (12_288, "medium"))
"""Largest budgets of thinking, in tokens, that count as an effort; a larger one is high."""


def request(body: Mapping[str, Any]) -> dict[str, Any]:
    """See `Facade.request`."""
    options = taken(body, _OPTIONS, _KNOWN)
    if (effort := _effort(body)) is not None:
        options["reasoning"] = effort
    options |= _choice(mapping(body.get("tool_choice"))) | _format(mapping(body.get("output_config")))
    extra = {**options.pop("extra", {}), **_user_id(body)}
    out: dict[str, Any] = {"model": body.get("model"), "messages": _messages(body.get("messages"))}
    if system := _system(body.get("system")):
        out["system"] = system
    if tools := objects_of(body.get("tools"), "tools"):
        out["tools"] = [_tool(tool) for tool in tools]
    return {**out, "options": judged({**options, **({"extra": extra} if extra else {})})}


def _effort(body: Mapping[str, Any]) -> str | None:
    """How much the model is to think."""
    thinking = mapping(body.get("thinking"))
    kind, effort = thinking.get("type"), mapping(body.get("output_config")).get("effort")
    if kind == "disabled":
        return "none"
    if effort is not None or kind is None:
        return effort
    budget = thinking.get("budget_tokens")
    if kind == "enabled" and isinstance(budget, int):
        return next((word for limit, word in _EFFORTS if budget <= limit), "high")
    return "medium"


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if choice.get("type") == "tool":
        out["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif kind := string(choice.get("type")):
        out["tool_choice"] = _CHOICES.get(kind, kind)
    if choice.get("disable_parallel_tool_use"):
        out["parallel_tool_calls"] = False
    return out


def _format(config: Mapping[str, Any]) -> dict[str, Any]:
    """A schema for the answer."""
    for name in config:
        if name not in ("effort", "format"):
            raise refuse(f"'output_config' may hold 'effort' and 'format' for this model, not {name!r}.")
    wanted = config.get("format")
    if wanted is None:
        return {}
    if mapping(wanted).get("type") != "json_schema":
        raise refuse("'output_config.format' is {'type': 'json_schema', 'schema': {…}}.")
    inner = {"name": "answer", "schema": wanted.get("schema"), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": inner}}


def _user_id(body: Mapping[str, Any]) -> dict[str, Any]:
    user = mapping(body.get("metadata")).get("user_id")
    return {"user": user} if user else {}


def _system(system: Any) -> str:
    return system if isinstance(system, str) else "\n\n".join(string(block.get("text")) for block in objects_of(system, "system"))


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function's definition; one of the provider's own tools travels as it was given."""
    if "input_schema" not in tool:
        return dict(tool)
    function = {k: tool[k] for k in ("name", "description", "strict") if tool.get(k) is not None}
    return {"type": "function", "function": {**function, "parameters": tool["input_schema"]}}


def _messages(messages: Any) -> list[dict[str, Any]]:
    if messages is None:
        raise refuse("'messages' is a list of messages, each with a 'role' and 'content'.")
    return [ours for message in objects_of(messages, "messages") for ours in _message(message)]


def _message(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One message is several of ours where it brings the results of tools."""
    role, content = message.get("role"), message.get("content")
    if isinstance(content, str):
        return [{"role": role, "content": content}]
    blocks = objects_of(content, "content")
    if role == "assistant":
        return [_assistant(blocks)]
    if not blocks:
        raise refuse("A message needs 'content', a string or a list of blocks; only an answer's may be empty.")
    results = [_result(block) for block in blocks if block.get("type") == "tool_result"]
    said = [_part(block) for block in blocks if block.get("type") != "tool_result"]
    return results + ([{"role": role, "content": said}] if said else [])


def _assistant(blocks: list[Mapping[str, Any]]) -> dict[str, Any]:
    """An answer that comes back. Blocks that only Anthropic can read again are carried, with all that stands between them."""
    out: dict[str, Any] = {"role": "assistant", "content": "".join(string(b.get("text")) for b in blocks if b.get("type") == "text")}
    if calls := [_call(b) for b in blocks if b.get("type") == "tool_use"]:
        out["tool_calls"] = calls
    unsigned = [b for b in blocks if b.get("type") == "thinking" and not b.get("signature")]
    if thoughts := "".join(string(b.get("thinking")) for b in unsigned):
        out["reasoning_content"] = thoughts
    rest = [b for b in blocks if b not in unsigned]
    if any(b.get("type") not in ("text", "tool_use") for b in rest):
        out["carry"] = [dict(b) for b in rest]
    return out


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(block.get("input") or {}, ensure_ascii=False)
    return {"id": block.get("id"), "type": "function", "function": {"name": block.get("name"), "arguments": arguments}}


def _result(block: Mapping[str, Any]) -> dict[str, Any]:
    """What a tool gave back; that it failed is told in words, since our form has no field for it."""
    content = block.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else [_part(part) for part in objects_of(content, "content")]
    if block.get("is_error"):
        parts = [{"type": "text", "text": "The tool failed: "}, *parts]
    plain = all(part["type"] == "text" for part in parts)
    return {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": "".join(p["text"] for p in parts) if plain else parts}


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    kind, source = block.get("type"), mapping(block.get("source"))
    if kind == "text":
        return {"type": "text", "text": string(block.get("text"))}
    if kind == "document" and source.get("type") == "text":
        return {"type": "text", "text": string(source.get("data"))}
    if kind in ("image", "document") and source.get("type") in ("base64", "url"):
        return _located(kind, source, block)
    raise refuse(f"A block of the type {kind!r} with this source cannot be sent to this model: use text, image or document blocks.")


def _located(kind: str, source: Mapping[str, Any], block: Mapping[str, Any]) -> dict[str, Any]:
    url = string(source.get("url")) or f"data:{source.get('media_type')};base64,{source.get('data')}"
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": string(block.get("title")) or "document.pdf", "file_data": url}}
