"""Gemini's generateContent wire from the server's side: our events as SSE chunks, for the simulator and for gateways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import STATUS
from ..events import Audio, Carry, End, EndReason, Error, ErrorCode, Event, Notice, Reasoning, Refusal, Text, Tool, Usage
from .dump import dump
from .untrusted import mapping, parse

_FINISH: dict[EndReason, str] = {
    "length": "MAX_TOKENS", "filter": "SAFETY", "refusal": "PROHIBITED_CONTENT", "pause": "CONTINUATION",
}  # fmt: skip
"""What is not here finishes with STOP, as a pending call does at Google."""

_STATUS: dict[ErrorCode, str] = {
    "auth": "UNAUTHENTICATED",
    "rate_limited": "RESOURCE_EXHAUSTED",
    "overloaded": "UNAVAILABLE",
    "bad_request": "INVALID_ARGUMENT",
    "timeout": "DEADLINE_EXCEEDED",
}
"""Google's `status` for ours; the others travel under our own name, which it shares for the rest."""


@dataclass(slots=True)
class _Call:
    """A tool call of which not everything is known yet."""

    choice: int
    id: str = ""
    name: str = ""
    text: list[str] = field(default_factory=list)

    def part(self, arguments: Any = None) -> dict[str, Any] | None:
        """The whole call as a part; None when its argument text is no object."""
        try:
            value = arguments if arguments is not None else parse("".join(self.text).strip() or "{}")
        except ValueError:
            return None
        named = {"id": self.id, "name": self.name} if self.id else {"name": self.name}
        return {"functionCall": {**named, "args": value}} if isinstance(value, dict) else None


class GeminiServer:
    """One response: events in, bytes of SSE frames out.

    This format has calls only as a whole, so the fragments of one wait for its last event, or for the end. Other events without a place
    give no bytes: starts, speech, transcripts, most notices. A refusal is text.

    Parameters
    ----------
    id : `responseId` of every chunk.
    model : `modelVersion` of every chunk; a `served` notice replaces it.
    created : not told in this format.
    """

    def __init__(self, id: str, model: str, created: int) -> None:
        self._head: dict[str, Any] = {"modelVersion": model, "responseId": id}
        self._usage: Usage | None = None
        self._calls: dict[int, _Call] = {}
        self._sent: set[int] = set()

    def encode(self, event: Event) -> bytes:
        """The frames for one event; empty when it has none."""
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Notice):
            return self._notice(event)
        elif isinstance(event, Tool):
            return self._tool(event)
        elif isinstance(event, Error):
            return error(event)
        elif isinstance(event, End):
            return self._end(event)
        elif part := _part(event):
            return self._chunk(getattr(event, "choice", 0), [part])
        return b""

    def _tool(self, event: Tool) -> bytes:
        if event.block in self._sent:
            return b""
        call = self._calls.setdefault(event.block, _Call(event.choice))
        call.id, call.name = call.id or event.id or "", call.name or event.name or ""
        call.text.append(event.delta)
        if not event.done:
            return b""
        self._sent.add(event.block)
        part = self._calls.pop(event.block).part(event.arguments)
        return self._chunk(event.choice, [part]) if part else b""

    def _notice(self, event: Notice) -> bytes:
        if event.kind == "served":
            self._head["modelVersion"] = event.data.get("model", self._head["modelVersion"])
        if event.kind == "finish":
            return self._finish(event.data["choice"], event.data["reason"], {})
        return b""

    def _chunk(self, choice: int, parts: list[dict[str, Any]], **more: Any) -> bytes:
        return self._frame({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": choice, **more}]})

    def _finish(self, choice: int, reason: EndReason, usage: Mapping[str, Any]) -> bytes:
        """The calls that wait, then the finish reason; a call whose arguments were cut is no part, as at Google."""
        out, raw = b"", _FINISH.get(reason, "STOP")
        for block in [b for b, call in self._calls.items() if call.choice == choice]:
            part = self._calls.pop(block).part()
            if part and reason != "length":
                out += self._chunk(choice, [part])
            elif raw == "STOP":
                raw = "MALFORMED_FUNCTION_CALL"
        candidate = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": raw, "index": choice}
        return out + self._frame({"candidates": [candidate], **usage})

    def _end(self, event: End) -> bytes:
        """Finish the first candidate. A stream that was cut off says so: no finish reason of this format does."""
        if event.reason == "truncated":
            return error(Error("connection", "The provider's stream broke off before its end."))
        return self._finish(0, event.reason, _usage(self._usage) if self._usage else {})

    def _frame(self, body: Mapping[str, Any]) -> bytes:
        return _frame({**body, **self._head})


def _part(event: Event) -> dict[str, Any]:
    if isinstance(event, Text | Refusal):
        return {"text": event.delta}
    if isinstance(event, Reasoning):
        return {"text": event.delta, "thought": True}
    if isinstance(event, Audio) and event.delta:
        return {"inlineData": {"mimeType": f"audio/L16;codec=pcm;rate={event.rate or 24_000}", "data": event.delta}}
    return _carried(mapping(event.opaque)) if isinstance(event, Carry) else {}


def _carried(part: Mapping[str, Any]) -> dict[str, Any]:
    """What a carried part adds to what was sent of it: its signature; work of a server tool was not sent before."""
    if "executableCode" in part or "codeExecutionResult" in part:
        return dict(part)
    return {"text": "", "thoughtSignature": part["thoughtSignature"]} if part.get("thoughtSignature") else {}


def error(event: Error) -> bytes:
    """The frame of a failure at HTTP 200."""
    return _frame(error_body(event))


def error_body(event: Error) -> dict[str, Any]:
    """A failure as Google's error object, for a frame or for an HTTP answer."""
    status = _STATUS.get(event.code, event.code.upper())
    return {"error": {"code": STATUS[event.code], "message": event.message, "status": status}}


def _usage(usage: Usage) -> dict[str, Any]:
    """Disjoint counts as Google's; what the provider did not tell is left out."""
    counts = {
        "promptTokenCount": _sum(usage.input, usage.cache_read, usage.cache_write, usage.audio_in),
        "candidatesTokenCount": _sum(usage.output, usage.audio_out),
        "thoughtsTokenCount": usage.reasoning,
        "cachedContentTokenCount": usage.cache_read,
    }
    details = {"promptTokensDetails": usage.audio_in, "candidatesTokensDetails": usage.audio_out}
    body = {name: n for name, n in counts.items() if n is not None}
    told = {name: [{"modality": "AUDIO", "tokenCount": n}] for name, n in details.items() if n is not None}
    total = _sum(usage.reasoning, counts["promptTokenCount"], counts["candidatesTokenCount"]) or 0
    return {"usageMetadata": {**body, "totalTokenCount": total, **told}}


def _sum(*parts: int | None) -> int | None:
    told = [n for n in parts if n is not None]
    return sum(told) if told else None


def _frame(body: Mapping[str, Any]) -> bytes:
    return b"data: %b\r\n\r\n" % dump(body)
