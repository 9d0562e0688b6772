"""Google's error objects: what the shared vocabulary cannot tell from them (wire-formats section 5.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..events import Error
from . import failures
from .untrusted import mapping, objects, parse, string

_TOO_LONG = re.compile(r"input token count .{0,80}exceeds the maximum", re.IGNORECASE)
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")


def fault(body: Any) -> Error:
    """A failure at HTTP 200: a frame, or a bare object."""
    return _refined(failures.from_object(body), body)


def failure(status: int, headers: Mapping[str, str], body: bytes) -> Error:
    """What an HTTP answer that is no stream means."""
    error = failures.from_http(status, headers, body)
    try:
        return _refined(error, parse(body))
    except ValueError:
        return error


def _refined(error: Error, body: Any) -> Error:
    """A wrong key is an INVALID_ARGUMENT with details, so is a prompt that is too long; the pause to make stands in the details."""
    first = body[0] if isinstance(body, list) and body else body
    details = objects(mapping(mapping(first).get("error")).get("details") or [])
    if any(d.get("reason") == "API_KEY_INVALID" for d in details):
        return replace(error, code="auth", retryable=False)
    if error.code == "bad_request" and _TOO_LONG.search(error.message):
        return replace(error, code="context_length")
    return error if error.retry_after is not None else replace(error, retry_after=_pause(details))


def _pause(details: list[Mapping[str, Any]]) -> float | None:
    """`retryDelay` of a google.rpc.RetryInfo, such as `34.07s`, in seconds."""
    found = [_DURATION.fullmatch(string(d.get("retryDelay"))) for d in details]
    return next((float(f[1]) for f in found if f), None)
