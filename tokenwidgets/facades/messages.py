"""Anthropic's Messages (wire-formats section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..dialects.anthropic_server import AnthropicServer, error_body
from ..dialects.untrusted import parse
from ..events import Error, Event
from .base import Head, frames, status_of
from .messages_request import request

STATUSES = (400, 401, 402, 403, 404, 413, 429, 500, 504, 529)
"""What Anthropic's clients know."""

_TYPES = {403: "permission_error", 413: "request_too_large"}
"""Types of error that stand for a status alone."""

_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
"""Fields of a block that grow."""


class MessagesFacade:
    """`messages`."""

    dialect = "anthropic-messages"
    request_id_header = "request-id"
    keep_alive = b'event: ping\ndata: {"type":"ping"}\n\n'
    passed_headers: tuple[str, ...] = ("anthropic-version", "anthropic-beta")

    def request(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """See `Facade.request`."""
        return request(body)

    def reply(self, body: Mapping[str, Any], head: Head) -> MessagesReply:
        """See `Facade.reply`."""
        return MessagesReply(head)

    def failure(self, error: Error, request_id: str) -> tuple[int, Mapping[str, Any]]:
        """See `Facade.failure`."""
        spent = error.code == "rate_limited" and not error.retryable
        status = 402 if spent else status_of(error, STATUSES, {"overloaded": 529})
        body = error_body(error)
        inner = {**body["error"], "type": _TYPES.get(status, body["error"]["type"])}
        return status, {**body, "error": inner, "request_id": request_id}


class MessagesReply:
    """One message."""

    def __init__(self, head: Head) -> None:
        self._naming = head.naming()
        self._server = AnthropicServer(f"msg_{head.id}", head.model, head.created)

    def encode(self, event: Event) -> bytes:
        """See `Reply.encode`."""
        return self._server.encode(self._naming(event))

    def whole(self, events: Iterable[Event]) -> Mapping[str, Any]:
        """See `Reply.whole`."""
        message: dict[str, Any] = {}
        for frame in frames(b"".join(self.encode(event) for event in events)):
            _add(message, frame)
        return {**message, "content": [_closed(block) for block in message["content"]]}


def _add(message: dict[str, Any], frame: Mapping[str, Any]) -> None:
    """Put a frame to what came before it."""
    kind = frame["type"]
    if kind == "message_start":
        message.update(frame["message"])
    elif kind == "content_block_start":
        message["content"].append(dict(frame["content_block"]))
    elif kind == "content_block_delta":
        _grow(message["content"][frame["index"]], frame["delta"])
    elif kind == "message_delta":
        message.update({**frame["delta"], "usage": {**message["usage"], **frame["usage"]}})


def _grow(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    if delta["type"] == "input_json_delta":
        block["json"] = block.get("json", "") + delta["partial_json"]
    else:
        name = _PIECES[delta["type"]]
        block[name] += delta[name]


def _closed(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block with its input read. One that was cut by the output limit has none, which the message's stop reason explains."""
    out = {k: v for k, v in block.items() if k != "json"}
    if text := block.get("json"):
        try:
            out["input"] = parse(text)
        except ValueError:
            pass
    return out
