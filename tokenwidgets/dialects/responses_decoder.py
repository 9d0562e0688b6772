"""Reading a stream of Responses events (wire-formats section 2), from an SSE body or frame by frame from a socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import End, EndReason, Error, Event, Notice, Usage
from .base import Profile
from .frames import FrameDecoder
from .openai_chat_usage import usage
from .responses_failures import fault
from .responses_output import Output
from .untrusted import mapping, objects, string

_STATUS = {
    "response.completed": "completed", "response.done": "completed", "response.incomplete": "incomplete", "response.failed": "failed",
    "response.cancelled": "cancelled",
}  # fmt: skip
"""Terminal events; where the response in one tells another of these statuses, that one holds."""

_INCOMPLETE: dict[str, EndReason] = {
    "max_output_tokens": "length", "max_messages": "length", "content_filter": "filter", "steered": "superseded",
}  # fmt: skip
"""Reasons of an incomplete response; an unknown one is a `length` that keeps its name."""

_WHOLE: tuple[EndReason, ...] = ("stop", "tool", "refusal")
"""Ends after which every tool call is complete."""

_LIFE = ("response.created", "response.queued", "response.in_progress", *_STATUS)

_REASON_LIMIT = 100


class ResponsesDecoder(FrameDecoder):
    """Bytes of one response body in, events out; any bytes give events and exactly one terminal event.

    The terminal event comes with the response's own: it holds the usage, and nothing but `[DONE]` can follow. An error may be told twice,
    as an `error` event and as a failed response: the first one ends the stream.

    Parameters
    ----------
    profile : quirks of the host.
    """

    stream_of = "Responses stream"

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self._profile = profile
        self._output = Output(self._new_block)
        self._usage: Mapping[str, Any] = {}
        self._told: dict[str, Any] = {}

    @property
    def begun(self) -> bool:
        """Whether a frame of a response has come."""
        return self._valid

    def frame(self, body: Any) -> list[Event]:
        """Take one JSON frame of a socket instead of bytes."""
        if not self.done:
            self._payload("", body)
        return self._drain()

    def fail(self, error: Error) -> list[Event]:
        """End the stream with an error that was met outside of it."""
        if not self.done:
            self._finish(error)
        return self._drain()

    def _body(self, event: str, body: Any) -> None:
        raw = mapping(body[0] if isinstance(body, list) and body else body)
        kind = string(raw.get("type")) or event
        if raw.get("object") == "response" and "output" in raw:
            self._whole(raw)
        elif kind == "error" or raw.get("error"):
            self._finish(fault(raw))
        elif kind.startswith("response.") or kind == "keepalive":
            self._valid = True
            self._event(kind, raw)

    def _event(self, kind: str, raw: Mapping[str, Any]) -> None:
        response = mapping(raw.get("response"))
        if kind in _LIFE:
            self._about(response)
        if kind in _STATUS:
            self._over_with(_STATUS[kind], response)
        else:
            self._out += self._output.take(kind, raw)

    def _whole(self, response: Mapping[str, Any]) -> None:
        """A response from a server that does not stream."""
        self._valid = True
        self._about(response)
        self._over_with("", response)

    def _about(self, response: Mapping[str, Any]) -> None:
        if "model" not in self._told:
            self._tell("served", "model", string(response.get("model")))
        self._tell("provider", "provider", string(response.get("provider")))
        self._tell("moderation", "moderation", response.get("moderation"))

    def _tell(self, kind: str, name: str, value: Any) -> None:
        """Give a notice when it says something new."""
        if value and self._told.get(name) != value:
            self._told[name] = value
            self._out.append(Notice(kind, {name: value}))

    def _over_with(self, status: str, response: Mapping[str, Any]) -> None:
        """The response's own end."""
        told = string(response.get("status"))
        status = told if told in _STATUS.values() else status
        self._usage = mapping(response.get("usage"))
        if self._output.empty:
            for index, item in enumerate(objects(response.get("output") or [])):
                self._out += self._output.take("response.output_item.done", {"output_index": index, "item": item})
        if status == "failed":
            self._finish(fault({"error": response.get("error")}))
        else:
            self._finish(self._end(status, response))

    def _end(self, status: str, response: Mapping[str, Any]) -> End:
        if status == "incomplete":
            raw = string(mapping(response.get("incomplete_details")).get("reason"))[:_REASON_LIMIT]
            return End(_INCOMPLETE.get(raw, "length"), raw or status)
        if status == "cancelled":
            return End("cancelled", status)
        if status != "completed":
            return End("truncated", string(response.get("status"))[:_REASON_LIMIT] or None)
        if self._output.waiting:
            return End("tool", status)
        return End("refusal" if self._output.refused else "stop", status)

    def _ended(self, marked: bool) -> None:
        """The body is over without the response's own end; `[DONE]` is none (F9)."""
        self._finish(End("truncated"))

    def _settle(self, last: End | Error) -> None:
        self._out += self._output.settle(isinstance(last, End) and last.reason in _WHOLE)
        counts = usage(_in_chat_words(self._usage), {}, self._profile, "final")
        if counts != Usage():
            self._out.append(counts)


def _in_chat_words(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A `usage` object under the names of chat completions, which nest and count in the same way (section 2.5)."""
    names = {
        "input_tokens": "prompt_tokens", "input_tokens_details": "prompt_tokens_details",
        "output_tokens": "completion_tokens", "output_tokens_details": "completion_tokens_details",
    }  # fmt: skip
    return {names.get(k, k): v for k, v in raw.items()}
