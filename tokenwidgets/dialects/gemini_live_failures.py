"""Why Gemini Live closes a connection: the close frame's reason is the only diagnosis (wire-formats section 5.3)."""

from __future__ import annotations

import re

from ..events import End, Error, ErrorCode
from . import failures
from .realtime import lost

_SAID: tuple[tuple[re.Pattern[str], ErrorCode], ...] = (
    (re.compile(r"api.?key|authenticat|permission|credential|token", re.IGNORECASE), "auth"),
    (re.compile(r"quota|rate.?limit|resource.?exhausted|billing", re.IGNORECASE), "rate_limited"),
    (re.compile(r"not found|not supported for bidi", re.IGNORECASE), "not_found"),
    (re.compile(r"unavailable|overloaded", re.IGNORECASE), "overloaded"),
    (re.compile(r"deadline|timed? ?out", re.IGNORECASE), "timeout"),
)

_BY_CODE: dict[int, ErrorCode] = {1007: "bad_request", 1008: "bad_request", 1011: "internal"}


def ending(code: int | None, reason: str) -> End | Error:
    """What the end of a connection means."""
    if code not in _BY_CODE:
        return lost(code, failures.one_line(reason))
    kind = next((kind for pattern, kind in _SAID if pattern.search(reason)), _BY_CODE[code])
    message = failures.one_line(reason) or f"Gemini closed the voice session without a reason (close code {code})."
    return Error(kind, message, stage="close", retryable=kind in ("rate_limited", "overloaded", "timeout", "internal"))
