"""The wire of Anthropic's Messages from the server's side: our events as its frames, for the simulator and for gateways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Carry, End, EndReason, Error, ErrorCode, Event, Notice, Reasoning, Refusal, Text, Tool, Usage
from .anthropic_request import CARRIED
from .dump import dump
from .untrusted import mapping, string

_STOPS: dict[EndReason, str] = {
    "length": "max_tokens", "tool": "tool_use", "refusal": "refusal", "filter": "refusal", "pause": "pause_turn",
}  # fmt: skip
"""What is not here stops with `end_turn`."""

_ERRORS: dict[ErrorCode, str] = {
    "auth": "authentication_error",
    "rate_limited": "rate_limit_error",
    "bad_request": "invalid_request_error",
    "internal": "api_error",
}
"""Anthropic's types for ours; the others travel under our own name, which it shares for the rest of its types."""


@dataclass(slots=True)
class _Call:
    """A tool call: its index once its block has begun, and the text that waits for it."""

    id: str = ""
    name: str = ""
    index: int | None = None
    text: list[str] = field(default_factory=list)


class AnthropicServer:
    """One response: events in, bytes of SSE frames out.

    Events without a place in this format give no bytes: starts, speech, sound, further choices, most notices. A refusal is text, as it
    is at Anthropic.

    Parameters
    ----------
    id : of the message, such as `msg_…`.
    model : name in the message's start; a `served` notice before it replaces it.
    created : not told in this format.
    """

    def __init__(self, id: str, model: str, created: int) -> None:
        self._id = id
        self._model = model
        self._usage = Usage()
        self._started = False
        self._blocks = 0
        self._kind = ""
        self._block = -1
        self._calls: dict[int, _Call] = {}

    def encode(self, event: Event) -> bytes:
        """The frames for one event, in the order of wire-formats section 4.3; empty when it has none."""
        if getattr(event, "choice", 0):
            return b""
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Notice) and event.kind == "served" and not self._started:
            self._model = event.data.get("model", self._model)
        elif isinstance(event, Text | Refusal):
            return self._piece("text", event.block, {"type": "text_delta", "text": event.delta})
        elif isinstance(event, Reasoning):
            return self._piece("thinking", event.block, {"type": "thinking_delta", "thinking": event.delta})
        elif isinstance(event, Tool):
            return self._tool(event)
        elif isinstance(event, Carry):
            return self._carry(event)
        elif isinstance(event, Error):
            return error(event)
        elif isinstance(event, End):
            return self._end(event)
        return b""

    def _begin(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        message: dict[str, Any] = {
            "id": self._id, "type": "message", "role": "assistant", "model": self._model, "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": _counts(self._usage),
        }  # fmt: skip
        return _frame("message_start", {"message": message})

    def _piece(self, kind: str, block: int, delta: Mapping[str, Any]) -> bytes:
        """A delta of a text or thinking block, which begins where another one was open."""
        out = b""
        if (kind, block) != (self._kind, self._block):
            empty = {"text": ""} if kind == "text" else {"thinking": "", "signature": ""}
            out = self._close() + self._open({"type": kind, **empty})
            self._kind, self._block = kind, block
        return out + _frame("content_block_delta", {"index": self._last(), "delta": delta})

    def _open(self, content: Mapping[str, Any]) -> bytes:
        self._blocks += 1
        return self._begin() + _frame("content_block_start", {"index": self._last(), "content_block": content})

    def _close(self) -> bytes:
        """End the text or thinking block that is open. Calls stay open: their fragments may interleave."""
        if not self._kind:
            return b""
        self._kind = ""
        return _frame("content_block_stop", {"index": self._last()})

    def _last(self) -> int:
        return self._blocks - 1

    def _tool(self, event: Tool) -> bytes:
        """A fragment; a block cannot begin before its call has a name. What a call's last event repeats was sent before."""
        call = self._calls.setdefault(event.block, _Call())
        call.id, call.name = call.id or event.id or "", call.name or event.name or ""
        fresh = call.index is None and not call.text
        whole = event.done and fresh and event.arguments is not None
        call.text.append(dump(event.arguments).decode() if whole else event.delta)
        if call.index is None and not (call.name or event.done):
            return b""
        out = self._close() + self._open_call(event.block, call) + self._fragments(call)
        return out + (self._close_call(event.block, call) if event.done else b"")

    def _open_call(self, block: int, call: _Call) -> bytes:
        if call.index is not None:
            return b""
        call.index = self._blocks
        return self._open({"type": "tool_use", "id": call.id or f"toolu_{block}", "name": call.name, "input": {}})

    def _fragments(self, call: _Call) -> bytes:
        text, call.text = "".join(call.text), []
        delta = {"type": "input_json_delta", "partial_json": text}
        return _frame("content_block_delta", {"index": call.index, "delta": delta}) if text else b""

    def _close_call(self, block: int, call: _Call) -> bytes:
        del self._calls[block]
        return _frame("content_block_stop", {"index": call.index})

    def _carry(self, event: Carry) -> bytes:
        """Thinking's signature, and whole blocks of this format that were not sent in pieces."""
        content = mapping(event.opaque)
        kind = content.get("type")
        if kind == "thinking" and (self._kind, self._block) == ("thinking", event.block):
            return (
                self._piece("thinking", event.block, {"type": "signature_delta", "signature": content.get("signature", "")}) + self._close()
            )
        if kind in ("text", "tool_use") or not CARRIED.fullmatch(string(kind)):
            return b""
        return self._close() + self._open(content) + _frame("content_block_stop", {"index": self._last()})

    def _end(self, event: End) -> bytes:
        """End what is open. A stream that was cut off says so: no stop reason of this format does."""
        if event.reason == "truncated":
            return error(Error("connection", "The provider's stream broke off before its end."))
        out = self._begin() + self._close()
        for block, call in list(self._calls.items()):
            out += self._open_call(block, call) + self._fragments(call)
            out += b"" if event.reason == "length" else self._close_call(block, call)
        reason = event.raw if event.raw == "stop_sequence" else _STOPS.get(event.reason, "end_turn")
        delta = {"stop_reason": reason, "stop_sequence": None}
        return out + _frame("message_delta", {"delta": delta, "usage": _counts(self._usage)}) + _frame("message_stop", {})


def error(event: Error) -> bytes:
    """The frame of a failure at HTTP 200."""
    return _frame("error", error_body(event))


def error_body(event: Error) -> dict[str, Any]:
    """A failure as Anthropic's error object, for a frame or for an HTTP answer."""
    kind = _ERRORS.get(event.code, f"{event.code}_error")
    if event.code == "rate_limited" and not event.retryable:
        kind = "billing_error"
    return {"type": "error", "error": {"details": None, "type": kind, "message": event.message}}


def _counts(usage: Usage) -> dict[str, Any]:
    """Disjoint counts as Anthropic's; thinking is told where the provider told it."""
    made = (usage.output or 0) + (usage.reasoning or 0) + (usage.audio_out or 0)
    out: dict[str, Any] = {"input_tokens": (usage.input or 0) + (usage.audio_in or 0), "output_tokens": made}
    caches = {"cache_creation_input_tokens": usage.cache_write, "cache_read_input_tokens": usage.cache_read}
    out |= {name: n for name, n in caches.items() if n is not None}
    return out | ({"output_tokens_details": {"thinking_tokens": usage.reasoning}} if usage.reasoning is not None else {})


def _frame(event: str, body: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event.encode(), dump({"type": event, **body}))
