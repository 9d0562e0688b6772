"""From the body of OpenAI's Responses to a request of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..dialects.untrusted import items, mapping, objects, string
from .base import judged, objects_of, refuse, taken

_OPTIONS = {
    "max_output_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "parallel_tool_calls": "parallel_tool_calls",
}  # fmt: skip

_KNOWN = (
    "model", "input", "instructions", "tools", "tool_choice", "stream", "reasoning", "text", "include", "truncation", "store",
    "background", "stream_options", "previous_response_id", "metadata",
)  # fmt: skip
"""Fields that are read, and those that say how OpenAI is to keep, label, cut or send an answer, which is not for another host to know."""

_STATEFUL = ("conversation", "prompt", "background")
"""Fields that need what only a vendor keeps."""


_PROBABILITIES = "message.output_text.logprobs"
"""What of an answer is told nowhere here, under the name by which `include` asks for it."""

_MADE_UP = re.compile(r"[a-z]+_\d+_resp_[\w-]+")
"""Ids that `ResponsesServer` gave to items."""


def returned(given: Any) -> Any:
    """The `input` for a host that speaks this format, which knows none of our ids.

    OpenAI compares the id of an encrypted thought, and takes it without one; thoughts of which only a summary is there it looks for.
    """
    if not isinstance(given, list):
        return given
    found = [_returned(item) if isinstance(item, Mapping) else item for item in given]
    return [item for item in found if item is not None]


def _returned(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if not _MADE_UP.fullmatch(string(item.get("id"))):
        return item
    if item.get("type") == "reasoning" and not (item.get("encrypted_content") or item.get("content")):
        return None
    return {k: v for k, v in item.items() if k != "id"}


def request(body: Mapping[str, Any]) -> dict[str, Any]:
    """See `Facade.request`."""
    for name in _STATEFUL:
        if body.get(name):
            raise refuse(f"{name!r} is not served here, where little is stored: send the whole conversation as 'input'.")
    if body.get("top_logprobs") or _PROBABILITIES in items(body.get("include")):
        raise refuse("Probabilities are not told here: leave out 'top_logprobs' and their 'include', or ask the host itself.")
    options = taken(body, _OPTIONS, _KNOWN)
    if (effort := mapping(body.get("reasoning")).get("effort")) is not None:
        options["reasoning"] = effort
    text = mapping(body.get("text"))
    options |= _choice(body.get("tool_choice")) | _format(mapping(text.get("format")))
    extra = {**options.pop("extra", {}), **({"verbosity": text["verbosity"]} if text.get("verbosity") else {})}
    out: dict[str, Any] = {"model": body.get("model"), "messages": _messages(body.get("input"))}
    if body.get("instructions") is not None:
        out["system"] = body["instructions"]
    if tools := objects_of(body.get("tools"), "tools"):
        out["tools"] = [_tool(tool) for tool in tools]
    return {**out, "options": judged({**options, **({"extra": extra} if extra else {})})}


def _choice(choice: Any) -> dict[str, Any]:
    if choice is None:
        return {}
    named = mapping(choice)
    if (kind := named.get("type")) in ("function", "custom"):
        return {"tool_choice": {"type": kind, kind: {"name": named.get("name")}}}
    return {"tool_choice": choice}


def _format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The form of the answer; a text is what it is anyway."""
    if wanted.get("type") == "json_schema":
        return {"response_format": {"type": "json_schema", "json_schema": _inner(wanted)}}
    return {"response_format": dict(wanted)} if wanted.get("type") not in (None, "text") else {}


def _inner(flat: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in flat.items() if k != "type" and v is not None}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function's definition; one of the provider's own tools travels as it was given."""
    kind = string(tool.get("type"))
    return {"type": kind, kind: _inner(tool)} if kind in ("function", "custom") else dict(tool)


def _messages(given: Any) -> list[dict[str, Any]]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list):
        raise refuse("'input' is a string or a list of items.")
    conversation = _Conversation()
    for item in given:
        conversation.add(mapping(item))
    return conversation.messages


class _Conversation:
    """Items put together into messages: what the model thought, said and called in one turn is one message."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def add(self, item: Mapping[str, Any]) -> None:
        kind = string(item.get("type")) or "message"
        if kind == "message" and item.get("role") == "assistant":
            self._turn()["content"] += _said(item.get("content"))
        elif kind == "message":
            self.messages.append({"role": item.get("role"), "content": _content(item.get("content"))})
        elif kind in ("function_call", "custom_tool_call"):
            self._turn().setdefault("tool_calls", []).append(_call(kind, item))
        elif kind in ("function_call_output", "custom_tool_call_output"):
            self.messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": _content(item.get("output"))})
        elif kind in ("reasoning", "compaction"):
            self._thought(item)
        else:
            raise refuse(f"An input item of the type {kind!r} cannot be sent to this model: use messages, reasoning, calls and outputs.")

    def _turn(self) -> dict[str, Any]:
        """The assistant's message that is being put together."""
        if not self.messages or self.messages[-1]["role"] != "assistant":
            self.messages.append({"role": "assistant", "content": ""})
        return self.messages[-1]

    def _thought(self, item: Mapping[str, Any]) -> None:
        """What only OpenAI can read again is carried; plain thoughts are what other hosts want back."""
        turn = self._turn()
        if item.get("encrypted_content"):
            turn.setdefault("carry", []).append(dict(item))
        elif text := "".join(string(part.get("text")) for part in objects(item.get("content") or [])):
            turn["reasoning_content"] = turn.get("reasoning_content", "") + text


def _said(content: Any) -> str:
    """The words of an earlier answer, a refusal's included."""
    if isinstance(content, str):
        return content
    return "".join(string(part.get("text")) or string(part.get("refusal")) for part in objects(content or []))


def _call(kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "custom_tool_call":
        return {"id": item.get("call_id"), "type": "custom", "custom": {"name": item.get("name"), "input": item.get("input")}}
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    return {"id": item.get("call_id"), "type": "function", "function": function}


def _content(content: Any) -> Any:
    """A message's content: a string stays one, parts become ours."""
    return content if isinstance(content, str) else [_part(part) for part in objects_of(content, "content")]


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text"):
        return {"type": "text", "text": string(part.get("text"))}
    if kind == "input_image" and part.get("image_url"):
        return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": part.get("detail") or "auto"}}
    if kind == "input_file" and (data := part.get("file_data") or part.get("file_url")):
        return {"type": "file", "file": {"filename": string(part.get("filename")) or "file", "file_data": data}}
    if kind == "input_audio":
        return dict(part)
    raise refuse(f"A part of the type {kind!r} without its data cannot be sent to this model: give text, or an image or file by URL.")
