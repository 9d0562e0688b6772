"""The chat completions wire from the server's side: our events as chunks, for the simulator and for gateways."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..events import Audio, End, EndReason, Error, ErrorCode, Event, Notice, Reasoning, Refusal, Text, Tool, Transcript, Usage
from .dump import dump

DONE = b"data: [DONE]\n\n"
"""The end marker."""

_FINISH: dict[EndReason, str] = {"length": "length", "tool": "tool_calls", "filter": "content_filter"}
"""What is not here finishes with `stop`, as a refusal does at OpenAI."""

_ERRORS: dict[ErrorCode, tuple[str, str]] = {
    "auth": ("authentication_error", "invalid_api_key"),
    "rate_limited": ("rate_limit_error", "rate_limit_exceeded"),
    "overloaded": ("server_error", "server_overloaded"),
    "bad_request": ("invalid_request_error", "bad_request"),
    "not_found": ("invalid_request_error", "model_not_found"),
    "context_length": ("invalid_request_error", "context_length_exceeded"),
    "filtered": ("invalid_request_error", "content_filter"),
}
"""OpenAI's `type` and `code` for ours; the others are a `server_error` under our own name."""


class ChatServer:
    """One response: events in, bytes of SSE frames out.

    Events without a place in this format give no bytes: starts, speech, what must be carried, most notices.

    Parameters
    ----------
    id : of the completion, such as `chatcmpl-…`.
    model : name in every chunk; a `served` notice replaces it.
    created : Unix time in seconds.
    include_usage : as `stream_options.include_usage` of the request: a chunk with the counts and without choices before the end.
    """

    def __init__(self, id: str, model: str, created: int, include_usage: bool = True) -> None:
        self._head: dict[str, Any] = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._include_usage = include_usage
        self._usage: Usage | None = None
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._calls: dict[int, int] = {}
        self._calls_of: Counter[int] = Counter()
        self._argued: set[int] = set()

    def encode(self, event: Event) -> bytes:
        """The frames for one event, in the order of wire-formats section 1.3; empty when it has none."""
        if isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Notice):
            return self._notice(event)
        elif isinstance(event, End):
            return self._end(event)
        elif isinstance(event, Error):
            return error(event) + DONE
        elif delta := self._delta(event):
            return self._chunk(getattr(event, "choice", 0), delta)
        return b""

    def _delta(self, event: Event) -> dict[str, Any]:
        if isinstance(event, Text):
            return {"content": event.delta}
        if isinstance(event, Reasoning):
            return {"reasoning_content": event.delta}
        if isinstance(event, Refusal):
            return {"refusal": event.delta}
        if isinstance(event, Tool):
            return self._tool(event)
        if isinstance(event, Audio) and event.delta:
            return {"audio": {"id": f"audio_{event.block}", "data": event.delta}}
        if isinstance(event, Transcript) and event.role == "assistant":
            return {"audio": {"id": f"audio_{event.block}", "transcript": event.delta}}
        return {}

    def _tool(self, event: Tool) -> dict[str, Any]:
        """A fragment. A call's last event repeats what was sent before; its arguments are new if they had no text, which clients parse."""
        started = event.block in self._calls
        if event.done and started:
            event = Tool(event.block, delta="" if event.arguments is None else dump(event.arguments).decode())
            if event.block in self._argued or not event.delta:
                return {}
        if not started:
            self._calls[event.block] = self._calls_of[event.choice]
            self._calls_of[event.choice] += 1
        text = dump(event.arguments).decode() if event.done and event.arguments is not None else event.delta
        if text:
            self._argued.add(event.block)
        fragment: dict[str, Any] = {"index": self._calls[event.block], "function": {"arguments": text}}
        if not started:
            fragment["type"] = "function"
        if event.id is not None:
            fragment["id"] = event.id
        if event.name is not None:
            fragment["function"]["name"] = event.name
        return {"tool_calls": [fragment]}

    def _notice(self, event: Notice) -> bytes:
        if event.kind == "served":
            self._head["model"] = event.data.get("model", self._head["model"])
        if event.kind == "finish":
            return self._finish(event.data["choice"], event.data["reason"])
        return b""

    def _chunk(self, choice: int, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        first = b""
        if choice not in self._open:
            self._open.add(choice)
            content = None if "tool_calls" in delta or "refusal" in delta else ""
            first = self._choice(choice, {"role": "assistant", "content": content}, None)
        return first + self._choice(choice, delta, finish)

    def _choice(self, choice: int, delta: Mapping[str, Any], finish: str | None) -> bytes:
        return self._frame({"choices": [{"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish}]})

    def _finish(self, choice: int, reason: EndReason) -> bytes:
        self._finished.add(choice)
        return self._chunk(choice, {}, _FINISH.get(reason, "stop"))

    def _end(self, event: End) -> bytes:
        """Finish what is open. A stream that was cut off says so: no reason of this format does."""
        if event.reason == "truncated":
            return error(Error("connection", "The provider's stream broke off before its end.")) + DONE
        open_choices = (self._open | {0}) - self._finished
        out = b"".join(self._finish(choice, event.reason) for choice in sorted(open_choices))
        if self._include_usage and self._usage is not None:
            out += self._frame({"choices": [], **_usage(self._usage)})
        return out + DONE

    def _frame(self, body: Mapping[str, Any]) -> bytes:
        usage = {"usage": None} if self._include_usage else {}
        return _frame({**self._head, **usage, **body})


def error(event: Error) -> bytes:
    """The frame of a failure at HTTP 200."""
    return _frame(error_body(event))


def error_body(event: Error) -> dict[str, Any]:
    """A failure as OpenAI's error object, for a frame or for an HTTP answer."""
    kind, code = _ERRORS.get(event.code, ("server_error", event.code))
    if event.code == "rate_limited" and not event.retryable:
        kind = code = "insufficient_quota"
    return {"error": {"message": event.message, "type": kind, "param": None, "code": code}}


def _usage(usage: Usage) -> dict[str, Any]:
    """Disjoint counts as OpenAI's nested ones; details the provider did not tell are left out."""
    prompt = _sum(usage.input, usage.cache_read, usage.cache_write, usage.audio_in)
    completion = _sum(usage.output, usage.reasoning, usage.audio_out)
    body: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    asked = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write, "audio_tokens": usage.audio_in}
    made = {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_out}
    body |= _told({"prompt_tokens_details": _told(asked) or None, "completion_tokens_details": _told(made) or None, "cost": usage.cost})
    return _told({"usage": body, "timings": usage.timings})


def _sum(*parts: int | None) -> int:
    return sum(p or 0 for p in parts)


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in fields.items() if v is not None}


def _frame(body: Mapping[str, Any]) -> bytes:
    return b"data: %b\n\n" % dump(body)
