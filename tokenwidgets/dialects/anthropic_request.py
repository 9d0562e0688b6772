"""From our request to the body of Anthropic's Messages (wire-formats section 4.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import Refused
from ..request import Request
from . import messages
from .base import Profile
from .messages import Media, Part, Words
from .untrusted import mapping, string

MAX_TOKENS = 4096
"""Output limit where the request names none: this format needs one."""

_SAME_NAME = ("temperature", "top_p")
"""Options that travel under their own names."""

_FIXED = ("model", "messages", "stream")
"""What `options.extra` cannot change."""

_BUDGET_MODELS = re.compile(r"claude-(?:[23]|instant|(?:opus|sonnet|haiku)-4(?:$|[@-](?:[0-5](?!\d)|20\d{6})))")
"""Models before Claude 4.6: they think within a budget of tokens, the later ones by effort
(platform.claude.com/docs/en/build-with-claude/adaptive-thinking)."""

_EFFORTS = {"minimal": "low", "ultra": "max"}
"""Other words for the efforts this format knows: low, medium, high, xhigh, max."""

_BUDGETS = {"low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_000, "max": 32_000}
"""Tokens of thinking for each effort; another word counts as medium."""

_LEAST_BUDGET = 1024

CARRIED = re.compile(r"text|thinking|redacted_thinking|compaction|fallback|container_upload|\w*tool_use|\w*tool_result")
"""Blocks of this format; what a stream of another format left to be carried is not sent."""

_CHOICES = {"auto": "auto", "required": "any"}
"""OpenAI's words for `tool_choice`; the others are not a matter of words alone."""

_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")


def body(request: Request, profile: Profile) -> dict[str, Any]:
    """The body of the streaming call.

    An `output_config` in `options.extra` is put over ours field by field.

    Raises
    ------
    Refused : an option or a message cannot be said in this format.
    """
    options = request.options
    if "seed" in options:
        raise Refused("bad_request", "Anthropic's format has no option 'seed': leave it out.")
    out: dict[str, Any] = {"model": request.name, "messages": _messages(request), "stream": True}
    if system := messages.system(request):
        out["system"] = system
    if request.tools:
        out["tools"] = [_tool(tool) for tool in request.tools]
    out |= _limits(request, profile)
    out |= {name: options[name] for name in _SAME_NAME if name in options}
    if "stop" in options:
        out["stop_sequences"] = messages.stops(options["stop"])
    out |= _tool_choice(options.get("tool_choice"), options.get("parallel_tool_calls", True))
    extra = {k: v for k, v in options.get("extra", {}).items() if k not in _FIXED}
    config = {**out.get("output_config", {}), **_format(options.get("response_format"), profile), **mapping(extra.get("output_config"))}
    return {**out, **extra, **({"output_config": config} if config else {})}


def _limits(request: Request, profile: Profile) -> dict[str, Any]:
    """The output limit, and how much the model may think within it."""
    options = request.options
    limit = options.get("max_tokens")
    effort = options.get("reasoning")
    if effort is None or profile.reasoning_style == "none":
        return {"max_tokens": limit or MAX_TOKENS}
    if effort in ("none", "off"):
        return {"max_tokens": limit or MAX_TOKENS, "thinking": {"type": "disabled"}}
    effort = _EFFORTS.get(effort, effort)
    if _BUDGET_MODELS.search(request.name):
        return _budget(effort, limit)
    # Newer models leave the text of their thinking out unless it is asked for.
    thinking = {"type": "adaptive", "display": "summarized"}
    return {"max_tokens": limit or MAX_TOKENS, "thinking": thinking, "output_config": {"effort": effort}}


def _budget(effort: str, limit: int | None) -> dict[str, Any]:
    """Thinking counts against the limit, so a given limit leaves at most half of it for thinking, and a small one leaves none."""
    budget = _BUDGETS.get(effort, _BUDGETS["medium"])
    if limit is None:
        return {"max_tokens": MAX_TOKENS + budget, "thinking": {"type": "enabled", "budget_tokens": budget}}
    budget = min(budget, limit // 2)
    if budget < _LEAST_BUDGET:
        return {"max_tokens": limit}
    return {"max_tokens": limit, "thinking": {"type": "enabled", "budget_tokens": budget}}


def _messages(request: Request) -> list[dict[str, Any]]:
    """Turns that alternate: a tool's results and what the user says after them are one."""
    out: list[dict[str, Any]] = []
    for message in messages.conversation(request):
        role = "assistant" if message.get("role") == "assistant" else "user"
        blocks = _assistant(message) if role == "assistant" else _user(message)
        if out and out[-1]["role"] == role:
            out[-1]["content"] += blocks
        elif blocks:
            out.append({"role": role, "content": blocks})
    return out


def _user(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    blocks = [_block(part) for part in messages.parts(message.get("content"))]
    if message.get("role") != "tool":
        return blocks
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": string(message.get("tool_call_id"))}
    return [{**result, "content": blocks} if blocks else result]


def _assistant(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is carried goes first and as it was. Where it holds the text, or a call, it holds these in their place."""
    blocks = [dict(b) for b in messages.carried(message) if CARRIED.fullmatch(string(b.get("type")))]
    there = {b.get("id") for b in blocks if b["type"] == "tool_use"}
    if not any(b["type"] == "text" for b in blocks):
        blocks += [_block(part) for part in messages.parts(message.get("content"))]
    calls = [c for c in messages.calls(message) if c.id not in there]
    return blocks + [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments} for c in calls]


def _block(part: Part) -> dict[str, Any]:
    if isinstance(part, Words):
        return {"type": "text", "text": part.text}
    if part.mime in _IMAGES or (part.url and messages.extension(part.url) != "pdf"):
        return {"type": "image", "source": _source(part)}
    if part.mime == "application/pdf" or part.url:
        return {"type": "document", "source": _source(part)}
    raise Refused("bad_request", f"Anthropic's format takes images ({', '.join(_IMAGES)}) and PDF files, not {part.mime or 'this file'}.")


def _source(part: Media) -> dict[str, Any]:
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.mime, "data": part.data}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = messages.function(tool)
    if function is None:
        return dict(tool)
    out = {k: function[k] for k in ("name", "description", "strict") if function.get(k) is not None}
    return {**out, "input_schema": function.get("parameters") or {"type": "object", "properties": {}}}


def _tool_choice(choice: str | Mapping[str, Any] | None, parallel: bool) -> dict[str, Any]:
    """Which tool is to be called, with it whether one call at most is to be made; nothing where nothing was asked for."""
    if choice == "none":
        return {"tool_choice": {"type": "none"}}
    if choice is None and parallel:
        return {}
    named = {"type": "tool", "name": choice["function"]["name"]} if isinstance(choice, Mapping) else {"type": _CHOICES[choice or "auto"]}
    return {"tool_choice": named if parallel else {**named, "disable_parallel_tool_use": True}}


def _format(wanted: Mapping[str, Any] | None, profile: Profile) -> dict[str, Any]:
    """The schema of the answer; this format has no name for it, and always follows it strictly."""
    if wanted is None or wanted["type"] == "text":
        return {}
    if not profile.native_format:
        raise Refused("bad_request", "This host takes no 'response_format' in Anthropic's format: use the dialect openai-chat.")
    if wanted["type"] == "json_object":
        raise Refused("bad_request", "Anthropic's format takes no 'json_object' without a schema: give a response_format 'json_schema'.")
    return {"format": {"type": "json_schema", "schema": wanted["json_schema"]["schema"]}}
