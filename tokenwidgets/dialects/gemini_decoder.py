"""Reading a stream of Gemini's generateContent, as SSE or as a JSON array (wire-formats section 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import End, EndReason, Error, Notice, Usage, UsageMode
from .frames import FrameDecoder
from .gemini_candidate import Candidate
from .gemini_failures import fault
from .gemini_usage import tells, usage
from .untrusted import count, items, mapping, objects, string

_FILTERED = (
    "SAFETY RECITATION LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION ESCALATION "
    "PUP_LIMITED_DISABLED MODEL_ARMOR"
)

_ENDS: dict[str, EndReason] = {
    "STOP": "stop", "MAX_TOKENS": "length", "TOO_MANY_TOOL_CALLS": "length", "CONTINUATION": "pause",
    **dict.fromkeys(_FILTERED.split(), "filter"),
}  # fmt: skip
"""What finish reasons mean; an unknown one is a `stop` that keeps its name."""

_FAILED: dict[str, Error] = {
    "MALFORMED_FUNCTION_CALL": Error("internal", "The model wrote a tool call that cannot be read: try again.", retryable=True),
    "MALFORMED_RESPONSE": Error("internal", "The model wrote an answer that cannot be read: try again.", retryable=True),
    "UNEXPECTED_TOOL_CALL": Error("internal", "The model called a tool that it was not given: try again.", retryable=True),
    "MISSING_THOUGHT_SIGNATURE": Error(
        "bad_request", "An assistant message of the request lacks the thought signatures it came with: send back what its stream carried."
    ),
}

_WHOLE: tuple[EndReason, ...] = ("stop", "tool", "pause")
"""Ends after which every call is complete."""

_REASON_LIMIT = 100


class GeminiDecoder(FrameDecoder):
    """Bytes of one response body in, events out; any bytes give events and exactly one terminal event.

    The body has no end marker as SSE, so the end is told at `close`; `finishing` turns True with the finish reason.
    """

    stream_of = "Gemini stream"

    def __init__(self) -> None:
        super().__init__()
        self._candidates: dict[int, Candidate] = {}
        self._usage: Mapping[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._response_id = ""
        self._blocked = ""

    def _body(self, event: str, body: Any) -> None:
        """One chunk, or the chunks of an array that came at once."""
        for chunk in objects(body):
            if not self.done:
                self._chunk(chunk)
                if event == "error" or chunk.get("error"):
                    self._finish(fault(chunk))

    def _chunk(self, chunk: Mapping[str, Any]) -> None:
        if any(name in chunk for name in ("candidates", "promptFeedback", "usageMetadata")):
            self._valid = True
        self._response_id = self._response_id or string(chunk.get("responseId"))
        self._tell("served", "model", string(chunk.get("modelVersion")))
        feedback = mapping(chunk.get("promptFeedback"))
        if reason := string(feedback.get("blockReason"))[:_REASON_LIMIT]:
            self._blocked = reason
            self._tell("moderation", "promptFeedback", feedback)
        for place, raw in enumerate(objects(chunk.get("candidates") or [])):
            self._candidate(place, raw)
        counts = mapping(chunk.get("usageMetadata"))
        self._usage = counts if tells(counts) else self._usage  # not monotonic: the last object replaces all
        self.finishing = bool(self._blocked) or (bool(self._candidates) and all(c.finish for c in self._candidates.values()))

    def _candidate(self, place: int, raw: Mapping[str, Any]) -> None:
        index = count(raw.get("index"))
        index = place if index is None else index
        candidate = self._candidates.setdefault(index, Candidate(index, self._new_block))
        candidate.response_id = self._response_id
        for part in objects(items(mapping(raw.get("content")).get("parts"))):
            self._out += candidate.part(part)
        self._notices(raw)
        finish = string(raw.get("finishReason"))[:_REASON_LIMIT]
        if finish and finish != "FINISH_REASON_UNSPECIFIED" and candidate.finish is None:
            candidate.finish = finish
            if index:
                self._out.append(Notice("finish", {"choice": index, "reason": _reason(candidate), "raw": finish}))

    def _notices(self, raw: Mapping[str, Any]) -> None:
        for name in ("citationMetadata", "groundingMetadata", "urlContextMetadata"):
            self._tell("citation", name, mapping(raw.get(name)))
        if any(rating.get("blocked") for rating in objects(raw.get("safetyRatings") or [])):
            self._tell("moderation", "safetyRatings", raw.get("safetyRatings"))
        self._tell("moderation", "finishMessage", string(raw.get("finishMessage")))

    def _tell(self, kind: str, name: str, value: Any) -> None:
        """Give a notice when it says something new."""
        if value and self._told.get(name) != value:
            self._told[name] = value
            self._out.append(Notice(kind, {name: value}))

    def _ended(self, marked: bool) -> None:
        main = self._candidates.get(0) or next(iter(self._candidates.values()), None)
        raw = main.finish if main else None
        if raw in _FAILED:
            self._finish(_FAILED[raw])
        elif main and raw:
            self._finish(End(_reason(main), raw))
        elif self._blocked:
            self._finish(End("filter", self._blocked))
        else:
            self._finish(End("truncated"))

    def _settle(self, last: End | Error) -> None:
        complete = isinstance(last, End) and last.reason in _WHOLE
        for candidate in self._candidates.values():
            self._out += candidate.settle(complete)
        mode: UsageMode = "cumulative" if isinstance(last, End) and last.reason == "truncated" else "final"
        counts = usage(self._usage, mode)
        if counts != Usage(mode=mode):
            self._out.append(counts)


def _reason(candidate: Candidate) -> EndReason:
    """A pending tool call finishes with STOP as well."""
    reason = _ENDS.get(candidate.finish or "", "stop")
    return "tool" if reason == "stop" and candidate.calls else reason
