"""What goes wrong in a Responses stream, in our vocabulary (wire-formats sections 2.4 and 2.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..events import Error
from . import failures
from .untrusted import count, mapping, string

CONNECTION_LIMIT = "websocket_connection_limit_reached"
"""The connection's time is up: its status is 400, and the same request is good on a new connection."""

STREAM_LIMIT = "websocket_stream_limit_reached"
"""Too many lanes, or too many responses at a time."""

_WORDS = {
    "server_is_overloaded": "overloaded",
    "bio_policy": "content_filter",
    "misalignment_policy_violation": "content_filter",
    "image_content_policy_violation": "content_filter",
    "invalid_prompt": "invalid_request",
    "data_residency_mismatch": "invalid_request",
    "previous_response_not_found": "not_found",
    "invalid_stream_id": "invalid_request",
    STREAM_LIMIT: "rate_limit",
    CONNECTION_LIMIT: "connection",
}
"""Codes of this format alone (openai types/responses/response_error.py), in words that the shared table knows."""


def code(raw: Mapping[str, Any]) -> str:
    """The vendor's code of an error frame, flat or nested."""
    return string((mapping(raw.get("error")) or raw).get("code"))


def fault(raw: Mapping[str, Any]) -> Error:
    """An error frame, or what a failed response says.

    Parameters
    ----------
    raw : `{"type": "error", "code", "message"}`, `{"error": {"code", "message", "headers"?}, "status"?}`, or any other shape.
    """
    inner = mapping(raw.get("error")) or (raw if not raw.get("error") else {})
    word = _word(string(inner.get("code")))
    status = count(raw.get("status"))
    head = {k.lower(): str(v) for k, v in mapping(inner.get("headers")).items()}
    error = failures.from_object(
        {"error": {**inner, "status": word}} if word else raw,
        status=status if status and 400 <= status < 600 else None,
        retry_after=failures.retry_after(head),
    )
    return replace(error, retryable=True) if code(raw) in (CONNECTION_LIMIT, STREAM_LIMIT) else error


def _word(said: str) -> str:
    """Every code about an image is the caller's doing, except for a download that failed on the way."""
    return _WORDS.get(said, "invalid_request" if "image" in said and not said.startswith("failed_") else "")
