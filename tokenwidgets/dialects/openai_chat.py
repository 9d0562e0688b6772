"""The wire format of OpenAI's chat completions, and of all the servers that speak it (wire-formats section 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..events import Error, Notice
from ..request import Request
from . import catalogue, failures, messages, openai_chat_catalogue
from .base import Decoder, HttpCall, Profile
from .openai_chat_decoder import ChatDecoder
from .untrusted import count, number

_SAME_NAME = ("temperature", "top_p", "stop", "seed", "response_format", "tool_choice", "parallel_tool_calls")
"""Options that travel under their own names."""

_FIXED = ("model", "messages", "stream")
"""What `options.extra` cannot change."""

_DEEPSEEK_EFFORT = {"minimal": "low", "medium": "high", "xhigh": "high", "ultra": "max"}
"""Other words for the three efforts DeepSeek knows (wire-formats section 6.2)."""

_CARRIED = ("reasoning_details", "audio")
"""Fields of an assistant's message that go back as they came: OpenRouter's signed reasoning, the id of OpenAI's spoken answer."""

_LIMIT = re.compile(r"x-ratelimit-(limit|remaining|reset)-([a-z-]{1,40})")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class OpenAIChat:
    """Chat completions over SSE."""

    name = "openai-chat"

    def encode(self, request: Request, profile: Profile) -> HttpCall:
        """The streaming call for a request.

        Messages travel as they were given, with the thoughts that a host wants back (DeepSeek, on turns with tool calls) under the name
        it knows, and without what other formats gave to be carried and what is null; `system` goes before them.

        Raises
        ------
        Refused : a value of the request cannot be written as JSON.
        """
        return messages.call("/chat/completions", _body(request, profile), messages.STREAM_HEADERS)

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The headers that carry the key."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one response."""
        return ChatDecoder(profile)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Error:
        """What an HTTP answer that is no stream means."""
        return failures.from_http(status, headers, body)

    def head(self, headers: Mapping[str, str]) -> list[Notice]:
        """Rate limits as a notice: numbers, `reset_…` in seconds, and the `request_id` to give to the provider's support (1.7)."""
        head = {k.lower(): str(v) for k, v in headers.items()}
        data: dict[str, Any] = {}
        for name, value in head.items():
            if found := _LIMIT.fullmatch(name):
                what, of = found.groups()
                n = seconds(value) if what == "reset" else _whole(value)
                if n is not None:
                    data[f"{what}_{of.replace('-', '_')}"] = n
        if request_id := head.get("x-request-id"):
            data["request_id"] = failures.one_line(request_id)
        return [Notice("rate_limits", data)] if data else []

    def models(self, body: bytes) -> list[Mapping[str, Any]]:
        """See `Dialect.models`."""
        return [openai_chat_catalogue.model(raw) for raw in catalogue.listed(body, "data", "id")]


def _body(request: Request, profile: Profile) -> dict[str, Any]:
    options = request.options
    body: dict[str, Any] = {"model": request.name, "messages": _messages(request, profile), "stream": True}
    if request.tools:
        body["tools"] = [dict(t) for t in request.tools]
    if "max_tokens" in options:
        body[profile.max_tokens_field] = options["max_tokens"]
    body |= {name: options[name] for name in _SAME_NAME if name in options}
    if "reasoning" in options:
        body |= _reasoning(options["reasoning"], profile)
    if profile.stream_usage:
        body["stream_options"] = {"include_usage": True}
        if profile.obfuscation is not None:
            body["stream_options"]["include_obfuscation"] = profile.obfuscation
    return body | {k: v for k, v in options.get("extra", {}).items() if k not in _FIXED}


def _messages(request: Request, profile: Profile) -> list[dict[str, Any]]:
    system = [] if request.system is None else [{"role": profile.system_role, "content": request.system}]
    return system + [_message(m, profile.thoughts_field) for m in request.messages]


def _message(message: Mapping[str, Any], thoughts: str) -> dict[str, Any]:
    """A message as it was given, with what a stream of this format gave to be carried in its place."""
    carried = {k: v for part in messages.carried(message) for k, v in part.items() if k in _CARRIED}
    given = {thoughts if k == "reasoning_content" else k: v for k, v in message.items() if v is not None or k == "content"}
    return {k: v for k, v in given.items() if k and k != "carry"} | carried


def _reasoning(effort: str, profile: Profile) -> dict[str, Any]:
    if profile.reasoning_style == "effort":
        return {"reasoning_effort": effort}
    if profile.reasoning_style == "object":
        return {"reasoning": {"effort": effort}}
    if profile.reasoning_style == "deepseek":
        if effort in ("none", "off"):
            return {"thinking": {"type": "disabled"}}
        return {"thinking": {"type": "enabled"}, "reasoning_effort": _DEEPSEEK_EFFORT.get(effort, effort)}
    return {}


def seconds(text: str) -> float | None:
    """A duration such as `6m0s`, `4ms` or `7.5` in seconds; None when it is none, such as Azure's -1 or an instant."""
    text = text.strip()
    parts = _DURATION.findall(text)
    if parts and "".join(n + unit for n, unit in parts) == text:
        return sum(float(n) * _SECONDS[unit] for n, unit in parts)
    plain = _number(text)
    return plain if plain is not None and plain < 1e9 else None


def _number(text: str) -> float | None:
    try:
        n = number(float(text))
    except ValueError:
        return None
    return n if n is not None and n >= 0 else None


def _whole(text: str) -> int | None:
    return count(_number(text))
