"""The wire format of Anthropic's Messages (wire-formats section 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ..events import Error, Notice
from ..request import Request
from . import anthropic_request, catalogue, failures, messages
from .anthropic_decoder import MessagesDecoder
from .base import Decoder, HttpCall, Profile
from .untrusted import count, string

VERSION = "2023-06-01"
"""The format's version: the one that takes `temperature` and `top_p` (section 4.1)."""

_LIMIT = re.compile(r"anthropic-ratelimit-(requests|tokens|input-tokens|output-tokens)-(limit|remaining|reset)")


class AnthropicMessages:
    """Messages over SSE, below a base URL such as `https://api.anthropic.com/v1`."""

    name = "anthropic-messages"

    def encode(self, request: Request, profile: Profile) -> HttpCall:
        """The streaming call for a request.

        An assistant's message may hold `carry`, the `opaque` values of its stream's carry events in their order: they go back as they
        came, before its text and calls, or instead of those they hold themselves.

        Raises
        ------
        Refused : a message cannot be said in this format, or a value cannot be written as JSON.
        """
        body = anthropic_request.body(request, profile)
        return messages.call("/messages", body, {**messages.STREAM_HEADERS, "anthropic-version": VERSION})

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The headers that carry the key, and the version, which the catalogue needs as well."""
        return {"anthropic-version": VERSION} | ({"x-api-key": key} if key else {})

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one response."""
        return MessagesDecoder()

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Error:
        """What an HTTP answer that is no stream means."""
        return failures.from_http(status, headers, body)

    def head(self, headers: Mapping[str, str]) -> list[Notice]:
        """Rate limits as a notice: numbers, `reset_…` in seconds from the answer's own date, and the `request_id` (section 4.6)."""
        head = {k.lower(): str(v) for k, v in headers.items()}
        data: dict[str, Any] = {}
        for name, value in head.items():
            if found := _LIMIT.fullmatch(name):
                of, what = found.groups()
                n = _seconds(value, head.get("date", "")) if what == "reset" else _whole(value)
                if n is not None:
                    data[f"{what}_{of.replace('-', '_')}"] = n
        if request_id := head.get("request-id"):
            data["request_id"] = failures.one_line(request_id)
        return [Notice("rate_limits", data)] if data else []

    def models(self, body: bytes) -> list[Mapping[str, Any]]:
        """See `Dialect.models`."""
        return [_model(raw) for raw in catalogue.listed(body, "data", "id")]


def _model(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return catalogue.entry(
        raw["id"],
        name=string(raw.get("display_name")),
        created=catalogue.seconds(raw.get("created_at")),
        context=count(raw.get("max_input_tokens")),
        max_output=count(raw.get("max_tokens")),
        capabilities=catalogue.capabilities(raw.get("capabilities")),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _seconds(instant: str, now: str) -> float | None:
    """From the answer's date to an RFC 3339 instant, so that no clock is needed; an instant that has passed is 0."""
    try:
        wait = datetime.fromisoformat(instant) - parsedate_to_datetime(now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(0.0, wait.total_seconds())
