"""From chat messages to the input items of OpenAI's Responses (wire-formats section 2.1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import Refused
from ..request import Request
from . import messages
from .base import Profile
from .untrusted import count, items, mapping, objects, string

_SAME_NAME = ("temperature", "top_p", "parallel_tool_calls")
"""Options that travel under their own names."""

_ABSENT = ("seed", "stop")
"""Options that this format does not have (openai types/responses/response_create_params.py)."""

_FIXED = ("model", "input", "stream")
"""What `options.extra` cannot change."""

_CARRIED = ("reasoning", "compaction", "tool_search_call", "tool_search_output", "message", "function_call", "custom_tool_call")
"""What a stream of this format gives to be carried; what other formats carry is not sent."""

_CALLS = ("function_call", "custom_tool_call")


def body(request: Request, profile: Profile) -> dict[str, Any]:
    """The JSON of a streaming call.

    Nothing is stored at the provider, so reasoning is asked for in its encrypted form, to be sent back by us.

    Raises
    ------
    Refused : an option or a message that this format cannot say.
    """
    options = request.options
    for name in _ABSENT:
        if name in options:
            raise Refused("bad_request", f"OpenAI's Responses have no option {name!r}: leave it out, or use the dialect openai-chat.")
    out: dict[str, Any] = {"model": request.name, "input": input_items(request.messages), "stream": True, "store": False}
    out["include"] = ["reasoning.encrypted_content"]
    if request.system is not None:
        out["instructions"] = request.system
    if request.tools:
        out["tools"] = [_tool(t) for t in request.tools]
    if "max_tokens" in options:
        out["max_output_tokens"] = options["max_tokens"]
    out |= {name: options[name] for name in _SAME_NAME if name in options}
    if "tool_choice" in options:
        out["tool_choice"] = _tool_choice(options["tool_choice"])
    if "reasoning" in options and profile.reasoning_style != "none":
        out["reasoning"] = _reasoning(options["reasoning"])
    if profile.obfuscation is not None:
        out["stream_options"] = {"include_obfuscation": profile.obfuscation}
    extra = {k: v for k, v in options.get("extra", {}).items() if k not in _FIXED}
    return _formatted({**out, **extra}, options.get("response_format"), profile)


def _formatted(out: dict[str, Any], wanted: Mapping[str, Any] | None, profile: Profile) -> dict[str, Any]:
    """The body with the form of the answer, which stands beside what else is said of its text."""
    if wanted is None:
        return out
    if not profile.native_format:
        return {"response_format": wanted, **out}
    return {**out, "text": {"format": {"type": wanted["type"], **wanted.get("json_schema", {})}, **mapping(out.get("text"))}}


def _tool_choice(choice: str | Mapping[str, Any]) -> str | dict[str, Any]:
    return choice if isinstance(choice, str) else {"type": "function", "name": choice["function"]["name"]}


def _reasoning(effort: str) -> dict[str, str]:
    """Without thinking there is nothing to sum up."""
    return {"effort": "none"} if effort in ("none", "off") else {"effort": effort, "summary": "auto"}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without its inner object; a provider's own tool travels as it was given.

    Where `strict` is not given it is false, as it is for chat completions: here it would be true
    (platform.openai.com/docs/guides/migrate-to-responses).
    """
    kind = string(tool.get("type")) or "function"
    inner = tool.get(kind)
    if not isinstance(inner, Mapping):
        return dict(tool)
    if kind == "custom":
        grammar = mapping(mapping(inner.get("format")).get("grammar"))
        return {"type": kind, **inner, **({"format": {"type": "grammar", **grammar}} if grammar else {})}
    return {"type": kind, "strict": False, "parameters": None, **inner}


def input_items(conversation: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages as input items.

    Raises
    ------
    Refused : a message has a part that this format cannot say.
    """
    out: list[dict[str, Any]] = []
    custom: set[str] = set()
    for message in conversation:
        role = message.get("role")
        if role == "assistant":
            out += _assistant(message)
            custom |= {string(c.get("id")) for c in objects(message.get("tool_calls") or []) if c.get("type") == "custom"}
        elif role == "tool":
            out.append(_result(message, custom))
        elif parts := [_part(p) for p in _parts(message.get("content"))]:
            out.append({"type": "message", "role": role, "content": parts})
    return out


def _parts(content: Any) -> list[Mapping[str, Any]]:
    """A message's content, a string or a list of parts, as parts; texts without a character are left out."""
    raw = [content] if isinstance(content, str) else items(content)
    parts = [{"type": "text", "text": p} if isinstance(p, str) else mapping(p) for p in raw]
    return [p for p in parts if p.get("type") != "text" or p.get("text")]


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part of what is said to the model; one that is already in this format's form stays as it is."""
    kind = string(part.get("type"))
    if kind == "text":
        return {"type": "input_text", "text": part.get("text")}
    if kind == "image_url":
        image = part.get("image_url")
        detail = string(mapping(image).get("detail")) or "auto"
        return {"type": "input_image", "image_url": string(image) or string(mapping(image).get("url")), "detail": detail}
    if kind == "file":
        return {"type": "input_file", **mapping(part.get("file"))}
    if kind.startswith("input_"):
        return dict(part)
    raise Refused("bad_request", f"A message part of the type {kind!r} cannot be sent: use text, image_url, input_audio or file.")


def _result(message: Mapping[str, Any], custom: Iterable[str]) -> dict[str, Any]:
    """What a tool gave back."""
    call_id = string(message.get("tool_call_id"))
    content = message.get("content")
    output = content if isinstance(content, str) else [_part(p) for p in _parts(content)]
    kind = "custom_tool_call_output" if call_id in custom else "function_call_output"
    return {"type": kind, "call_id": call_id, "output": output}


def _assistant(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is carried goes back in its order, text and calls where their marks stand; what has no mark comes after it."""
    said = [_said(p) for p in _parts(message.get("content"))]
    if refusal := string(message.get("refusal")):
        said.append({"type": "refusal", "refusal": refusal})
    calls = [_call(c) for c in objects(message.get("tool_calls") or [])]
    out: list[dict[str, Any]] = []
    for mark in _carried(message, _text(said)):
        if mark["type"] == "message":
            piece, said = _split(said, count(mark.get("characters")) or 0)
            out.append(_message(piece, {k: mark[k] for k in ("phase",) if k in mark}))
        elif mark["type"] in _CALLS:
            marked = [c for c in calls if c["call_id"] == mark.get("call_id")]
            calls = [c for c in calls if c not in marked]
            out += [{**c, **mark} for c in marked]
        else:
            out.append(dict(mark))
    return out + ([_message(said, {})] if said else []) + calls


def _carried(message: Mapping[str, Any], text: str) -> list[Mapping[str, Any]]:
    """What a stream of this format gave to be carried; without the marks in its text, if the text is no longer as long."""
    found = [c for c in messages.carried(message) if c.get("type") in _CARRIED]
    marked = sum(count(c.get("characters")) or 0 for c in found if c["type"] == "message")
    return [c for c in found if c["type"] != "message" or (marked <= len(text) and c.get("characters"))]


def _split(said: list[dict[str, Any]], size: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first characters of a message's text, and the rest of the message."""
    text = _text(said)
    others = [p for p in said if p["type"] != "output_text"]
    rest = [{"type": "output_text", "text": text[size:]}] if text[size:] else []
    return [{"type": "output_text", "text": text[:size]}], rest + others


def _text(said: list[dict[str, Any]]) -> str:
    return "".join(string(p.get("text")) for p in said)


def _message(content: list[dict[str, Any]], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": content, **fields}


def _said(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = string(part.get("type"))
    if kind == "text":
        return {"type": "output_text", "text": part.get("text")}
    if kind in ("refusal", "output_text"):
        return dict(part)
    raise Refused("bad_request", f"A part of the type {kind!r} cannot be sent in an assistant's message: use text or refusal.")


def _call(raw: Mapping[str, Any]) -> dict[str, Any]:
    kind = "custom" if raw.get("type") == "custom" else "function"
    inner, call_id = mapping(raw.get(kind)), string(raw.get("id"))
    if kind == "custom":
        return {"type": "custom_tool_call", "call_id": call_id, "name": string(inner.get("name")), "input": string(inner.get("input"))}
    arguments = inner.get("arguments")
    text = string(arguments) or ("{}" if arguments in (None, "") else json.dumps(arguments, ensure_ascii=False))
    return {"type": "function_call", "call_id": call_id, "name": string(inner.get("name")), "arguments": text}
