"""Reading a stream of chat completion chunks (wire-formats section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import End, EndReason, Error, Event, Notice, Usage, UsageMode
from ..wire import sse
from . import failures
from .base import Profile
from .openai_chat_choice import Choice
from .openai_chat_usage import usage
from .untrusted import count, mapping, objects, parse, string

_ENDS: dict[str, EndReason] = {
    "stop": "stop", "length": "length", "model_length": "length", "tool_calls": "tool", "function_call": "tool",
    "content_filter": "filter",
}  # fmt: skip
"""What finish reasons mean; an unknown one is a `stop` that keeps its name."""

_FAILED: dict[str, Error] = {
    "insufficient_system_resource": Error("overloaded", "The provider ran out of capacity while it answered: try again.", retryable=True),
    "error": Error("internal", "The provider broke the answer off with an error and gave no reason.", retryable=True),
}

_WHOLE: tuple[EndReason, ...] = ("stop", "tool", "refusal")
"""Ends after which every tool call is complete."""

_REASON_LIMIT = 100


class ChatDecoder:
    """Bytes of one response body in, events out; any bytes give events and exactly one terminal event.

    `finishing` turns True with the first finish reason, for n > 1 when every choice seen has one. The terminal event comes at `[DONE]`,
    at an error, or at `close`; tool calls are ended and usage is given right before it, since both may go on after a finish reason.

    Parameters
    ----------
    profile : quirks of the host.
    """

    def __init__(self, profile: Profile) -> None:
        self.finishing = False
        self.done = False
        self._profile = profile
        self._sse = sse.Parser()
        self._out: list[Event] = []
        self._blocks = 0
        self._choices: dict[int, Choice] = {}
        self._unfinished = 0
        self._usage: Mapping[str, Any] = {}
        self._timings: Mapping[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._valid = False
        self._strays: list[str] = []
        self._strays_size = 0
        self._instead = ""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes of the body, in any chunking."""
        return [] if self.done else self._take(self._sse.feed(data), tail=False)

    def close(self) -> list[Event]:
        """The body has ended: give what is left and the terminal event, if not given yet."""
        if self.done:
            return []
        events = self._take(self._sse.close(), tail=True)
        if not self.done:
            self._end(marked=False)
            events += self._drain()
        return events

    def _take(self, items: list[sse.Item], tail: bool) -> list[Event]:
        for item in items:
            if isinstance(item, sse.Message):
                self._message(item, tail)
            elif isinstance(item, sse.Stray):
                self._stray(item.line)
            elif isinstance(item, sse.Overflow):
                self._finish(Error("protocol", f"One event of the stream is larger than {item.limit >> 20} MiB, so the stream was left."))
            else:
                self._instead = self._instead or "only keep-alives"
            if self.done:
                break
        return self._drain()

    def _drain(self) -> list[Event]:
        out, self._out = self._out, []
        return out

    def _message(self, message: sse.Message, tail: bool) -> None:
        data = message.data.strip()
        if data == "[DONE]":
            self._end(marked=True)
            return
        try:
            body = parse(data)
        except ValueError:
            self._unreadable(message.event, data, tail)
            return
        self._body(message.event, body)

    def _body(self, event: str, body: Any) -> None:
        self._chunk(mapping(body))
        fault = _fault(event, body)
        if fault is not None:
            self._finish(failures.from_object(fault))
        elif not self._valid:
            names = failures.one_line(", ".join(mapping(body)), failures.EXCERPT_LIMIT)
            self._instead = f"JSON with the fields {names}" if names else "JSON that is no object"

    def _unreadable(self, event: str, data: str, tail: bool) -> None:
        """No JSON. At the stream's end it was cut; within, a broken chunk is a hole in the answer, anything else a keep-alive."""
        if event == "error":
            self._finish(failures.from_object(data))
        elif data.startswith("{") and not tail and not self.finishing:
            self._finish(Error("protocol", "The provider sent a piece of the answer that cannot be read.", retryable=True))
        elif data and not self._valid:
            self._instead = f"data that is no JSON: {failures.one_line(data, failures.EXCERPT_LIMIT)}"

    def _stray(self, line: str) -> None:
        """Keep what may be a bare body; old llama.cpp sends its errors as a field `error` (F11)."""
        if line.startswith("error:"):
            rest = line.removeprefix("error:").strip()
            try:
                fault = parse(rest)
            except ValueError:
                fault = rest
            self._finish(failures.from_object(fault))
            return
        self._strays_size += len(line)
        if self._strays_size <= sse.EVENT_LIMIT:
            self._strays.append(line)

    def _bare(self) -> None:
        """Read what came outside of SSE: a JSON error, or a whole completion from a server that does not stream."""
        text = "\n".join(self._strays)
        self._strays.clear()
        try:
            self._body("", parse(text))
        except ValueError:
            self._instead = "HTML" if failures.is_html(text) else f"text: {failures.one_line(text, failures.EXCERPT_LIMIT)}"

    def _chunk(self, chunk: Mapping[str, Any]) -> None:
        if isinstance(chunk.get("choices"), list):
            self._valid = True
        self._notices(chunk)
        for place, raw in enumerate(objects(chunk.get("choices") or [])):
            self._choice(place, raw)
        counts = mapping(chunk.get("usage")) or mapping(mapping(chunk.get("x_groq")).get("usage"))
        self._usage = counts or self._usage
        self._timings = mapping(chunk.get("timings")) or mapping(chunk.get("time_info")) or self._timings
        self.finishing = bool(self._choices) and not self._unfinished

    def _choice(self, place: int, raw: Mapping[str, Any]) -> None:
        index = count(raw.get("index"))
        index = place if index is None else index
        if index not in self._choices:
            self._choices[index] = Choice(index, self._new_block)
            self._unfinished += 1
        choice = self._choices[index]
        self._out += choice.delta(mapping(raw.get("delta")) or mapping(raw.get("message")))
        self._usage = mapping(raw.get("usage")) or self._usage  # Moonshot tells it inside the choice
        self._tell("moderation", "content_filter_results", _flagged(raw.get("content_filter_results")))
        finish = string(raw.get("finish_reason"))[:_REASON_LIMIT]
        if finish and choice.finish is None:
            choice.finish = finish
            self._unfinished -= 1
            if index:
                self._out.append(Notice("finish", {"choice": index, "reason": _reason(choice), "raw": finish}))

    def _new_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1

    def _notices(self, chunk: Mapping[str, Any]) -> None:
        if "model" not in self._told:  # Azure's first chunk has an empty one
            self._tell("served", "model", string(chunk.get("model")))
        self._tell("provider", "provider", string(chunk.get("provider")))
        self._tell("moderation", "moderation", chunk.get("moderation"))
        self._tell("moderation", "prompt_filter_results", _flagged(chunk.get("prompt_filter_results")))
        self._tell("citation", "citations", chunk.get("citations"))
        self._tell("citation", "search_results", chunk.get("search_results"))
        for raw in objects(chunk.get("choices") or []):
            self._tell("citation", "annotations", mapping(raw.get("delta")).get("annotations"))

    def _tell(self, kind: str, name: str, value: Any) -> None:
        """Give a notice when it says something new: Perplexity repeats its citations on every chunk."""
        if value and self._told.get(name) != value:
            self._told[name] = value
            self._out.append(Notice(kind, {name: value}))

    def _end(self, marked: bool) -> None:
        """The stream is over, by its marker or without it."""
        if self._strays:
            self._bare()
        if self.done:
            return
        main = self._choices.get(0) or next(iter(self._choices.values()), None)
        raw = main.finish if main else None
        if not self._valid and not marked:
            hint = ": is the base URL right?" if self._instead == "HTML" else "."
            self._finish(Error("protocol", f"Instead of a chat completion stream the server sent {self._instead or 'nothing'}{hint}"))
        elif raw in _FAILED:
            self._finish(_FAILED[raw])
        elif not marked and not self.finishing:
            self._finish(End("truncated"))
        else:
            self._finish(End(_reason(main) if main else "stop", raw))

    def _finish(self, last: End | Error) -> None:
        complete = isinstance(last, End) and last.reason in _WHOLE
        for choice in self._choices.values():
            self._out += choice.settle(complete)
        mode: UsageMode = "cumulative" if isinstance(last, End) and last.reason == "truncated" else "final"
        counts = usage(self._usage, self._timings, self._profile, mode)
        if counts != Usage(mode=mode):
            self._out.append(counts)
        self._out.append(last)
        self.done = True


def _reason(choice: Choice) -> EndReason:
    """Refusals finish with `stop`; Snowflake gives no reason at all, and some variants none after a tool call."""
    if choice.refused and choice.finish in (None, "stop"):
        return "refusal"
    if choice.finish is None:
        return "tool" if choice.calls else "stop"
    return _ENDS.get(choice.finish, "stop")


def _fault(event: str, body: Any) -> Any:
    """The error a payload holds, whatever its event name and status (F10); None when it holds none."""
    first = body[0] if isinstance(body, list) and body else body
    if event == "error":
        return first or {}
    if not isinstance(first, dict):
        return None
    if first.get("error") or first.get("object") == "error" or first.get("type") == "error":
        return first
    faults = [c["error"] for c in objects(first.get("choices") or []) if c.get("error")]
    return faults[0] if faults else None


def _flagged(results: Any) -> Any:
    """Azure's filter results when one of them says something; they come with every chunk."""
    found = [r for entry in objects(results) for r in (entry, mapping(entry.get("content_filter_results")))]
    flags = [f for r in found for f in r.values() if isinstance(f, dict)]
    return results if any(f.get("filtered") or f.get("detected") for f in flags) else None
