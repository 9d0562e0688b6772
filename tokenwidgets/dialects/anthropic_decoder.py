"""Reading a stream of Anthropic's Messages (wire-formats section 4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..events import End, EndReason, Error, Notice, Usage
from . import failures
from .anthropic_blocks import Blocks, index_of
from .anthropic_usage import usage
from .frames import FrameDecoder
from .untrusted import mapping, objects, string

_ENDS: dict[str, EndReason] = {
    "end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length", "tool_use": "tool",
    "refusal": "refusal", "pause_turn": "pause", "compaction": "pause",
}  # fmt: skip
"""What stop reasons mean; an unknown one is a `stop` that keeps its name."""

_WHOLE: tuple[EndReason, ...] = ("stop", "tool", "pause")
"""Ends after which every block is complete."""

_WORDS = {"billing_error": "payment_required", "request_too_large": "invalid_request"}
"""Error types that only this vendor has, in words that the shared table knows."""

_REASON_LIMIT = 100


class MessagesDecoder(FrameDecoder):
    """Bytes of one response body in, events out; any bytes give events and exactly one terminal event.

    Input counts are given with the message's start, all counts right before the terminal event. A second start in mid-stream, as a
    proxy splices it in, begins a new message; what came before it stands.
    """

    stream_of = "message stream"

    def __init__(self) -> None:
        super().__init__()
        self._content = Blocks(self._new_block)
        self._usage: dict[str, Any] = {}
        self._counted: Usage | None = None
        self._model = ""
        self._stop: str | None = None
        self._read: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "message_start": lambda body: self._start(mapping(body.get("message"))),
            "content_block_start": self._block,
            "content_block_delta": self._delta,
            "content_block_stop": self._block_stop,
            "message_delta": self._message_delta,
            "message_stop": lambda _: self._ended(marked=True),
            "message": self._whole,
        }

    def _body(self, event: str, body: Any) -> None:
        raw = mapping(body[0] if isinstance(body, list) and body else body)
        kind = string(raw.get("type")) or event
        if "error" in (kind, event) or raw.get("error"):
            self._finish(_fault(raw))
        elif kind in self._read:
            self._valid = True
            self._read[kind](raw)

    def _start(self, message: Mapping[str, Any]) -> None:
        self._out += self._content.settle(complete=False)
        self._content = Blocks(self._new_block)
        self._stop, self.finishing, self._usage = None, False, {}
        model = string(message.get("model"))
        if model.startswith("claude-") and not model.startswith("claude-3"):
            self._content.thinking = "summary"  # platform.claude.com/docs/en/build-with-claude/extended-thinking
        if model and model != self._model:
            self._model = model
            self._out.append(Notice("served", {"model": model}))
        self._count(message.get("usage"))
        started = usage(self._usage, "cumulative")
        if started != Usage(mode="cumulative"):
            self._counted = started
            self._out.append(started)

    def _block(self, body: Mapping[str, Any]) -> None:
        self._out += self._content.start(index_of(body), mapping(body.get("content_block")))

    def _delta(self, body: Mapping[str, Any]) -> None:
        self._out += self._content.delta(index_of(body), mapping(body.get("delta")))

    def _block_stop(self, body: Mapping[str, Any]) -> None:
        self._out += self._content.stop(index_of(body))

    def _message_delta(self, body: Mapping[str, Any]) -> None:
        self._count(body.get("usage"))
        delta = mapping(body.get("delta"))
        if details := mapping(delta.get("stop_details")):
            self._out.append(Notice("moderation", {"stop_details": details}))
        if reason := string(delta.get("stop_reason"))[:_REASON_LIMIT]:
            self._stop = self._stop or reason
            self.finishing = True

    def _whole(self, message: Mapping[str, Any]) -> None:
        """A message from a server that does not stream."""
        self._start(message)
        for index, block in enumerate(objects(message.get("content") or [])):
            self._out += self._content.start(index, block)
            self._out += self._content.stop(index)
        self._message_delta({"delta": message})

    def _count(self, raw: Any) -> None:
        """Counts are cumulative and may be corrected: the last one of each wins (section 4.5)."""
        self._usage |= {k: v for k, v in mapping(raw).items() if v is not None}

    def _ended(self, marked: bool) -> None:
        if self._stop is None and not marked:
            self._finish(End("truncated"))
        elif self._stop is None:
            self._finish(End("tool" if self._content.calls else "stop"))
        else:
            self._finish(End(_ENDS.get(self._stop, "stop"), self._stop))

    def _settle(self, last: End | Error) -> None:
        complete = isinstance(last, End) and last.reason in _WHOLE
        self._out += self._content.settle(complete)
        counts = usage(self._usage, "final" if self._stop is not None else "cumulative")
        if counts not in (self._counted, Usage(), Usage(mode="cumulative")):
            self._out.append(counts)


def _fault(raw: Mapping[str, Any]) -> Error:
    """A mid-stream error (section 4.4); it can be the first event."""
    inner = mapping(raw.get("error"))
    word = _WORDS.get(string(inner.get("type")))
    return failures.from_object({"error": {**inner, "type": word}} if word else raw)
