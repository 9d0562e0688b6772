"""OpenAI's chat completions (wire-formats section 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..dialects.openai_chat_server import ChatServer, error_body
from ..dialects.untrusted import mapping
from ..events import Error, Event
from .base import Head, frames, judged, refuse, status_of, taken

STATUSES = (400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504)
"""What OpenAI's clients know."""

_OPTIONS = {
    "max_tokens": "max_tokens", "max_completion_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "stop": "stop",
    "seed": "seed", "reasoning_effort": "reasoning", "response_format": "response_format", "tool_choice": "tool_choice",
    "parallel_tool_calls": "parallel_tool_calls",
}  # fmt: skip

_KNOWN = ("model", "messages", "tools", "stream", "stream_options")


class ChatFacade:
    """`chat/completions`. Messages and tools are in our form already: it is this one's."""

    dialect = "openai-chat"
    request_id_header = "x-request-id"
    keep_alive = b": keep-alive\n\n"
    passed_headers: tuple[str, ...] = ()

    def request(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """See `Facade.request`."""
        if body.get("logprobs"):
            raise refuse("'logprobs' are not told here: leave it out, or ask the host itself.")
        out = {name: body[name] for name in ("model", "messages", "tools") if body.get(name) is not None}
        return {**out, "options": judged(taken(body, _OPTIONS, _KNOWN))}

    def reply(self, body: Mapping[str, Any], head: Head) -> ChatReply:
        """See `Facade.reply`. A stream tells usage only if it was asked to, an answer in one piece always."""
        asked = not body.get("stream") or bool(mapping(body.get("stream_options")).get("include_usage"))
        return ChatReply(head, asked)

    def failure(self, error: Error, request_id: str) -> tuple[int, Mapping[str, Any]]:
        """See `Facade.failure`."""
        return status_of(error, STATUSES, {}), error_body(error)


class ChatReply:
    """One completion."""

    def __init__(self, head: Head, include_usage: bool) -> None:
        self._naming = head.naming()
        self._server = ChatServer(f"chatcmpl-{head.id}", head.model, head.created, include_usage)

    def encode(self, event: Event) -> bytes:
        """See `Reply.encode`."""
        return self._server.encode(self._naming(event))

    def whole(self, events: Iterable[Event]) -> Mapping[str, Any]:
        """See `Reply.whole`."""
        chunks = frames(b"".join(self.encode(event) for event in events))
        choices: dict[int, dict[str, Any]] = {}
        for chunk in chunks:
            for piece in chunk["choices"]:
                _add(choices, piece)
        last = chunks[-1]
        out = {**last, "object": "chat.completion", "choices": [choices[i] for i in sorted(choices)]}
        return out if last["usage"] else {k: v for k, v in out.items() if k != "usage"}


def _add(choices: dict[int, dict[str, Any]], piece: Mapping[str, Any]) -> None:
    """Put a chunk's choice to what came of it before."""
    empty = {"role": "assistant", "content": None, "refusal": None}
    choice = choices.setdefault(
        piece["index"], {"index": piece["index"], "message": empty, "logprobs": piece["logprobs"], "finish_reason": None}
    )
    choice["finish_reason"] = piece["finish_reason"] or choice["finish_reason"]
    message, delta = choice["message"], piece["delta"]
    for name in ("content", "reasoning_content", "refusal"):
        if delta.get(name):
            message[name] = (message.get(name) or "") + delta[name]
    for fragment in delta.get("tool_calls", ()):
        _add_call(message.setdefault("tool_calls", []), fragment)
    for name, value in delta.get("audio", {}).items():
        audio = message.setdefault("audio", {"id": "", "data": "", "transcript": "", "expires_at": 0})
        audio[name] = value if name == "id" else audio[name] + value


def _add_call(calls: list[dict[str, Any]], fragment: Mapping[str, Any]) -> None:
    if fragment["index"] == len(calls):
        calls.append({"id": fragment["id"], "type": "function", "function": {"name": "", "arguments": ""}})
    call, function = calls[fragment["index"]], fragment["function"]
    call["function"]["name"] += function.get("name", "")
    call["function"]["arguments"] += function["arguments"]
