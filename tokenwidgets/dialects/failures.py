"""What goes wrong, in one vocabulary: from an HTTP status, a vendor's error object, or a body that is neither.

Shared by the dialects. Messages are the vendor's own, made safe to show: one line, short, without keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, get_args

from ..events import Error, ErrorCode, Stage
from .untrusted import mapping, number, objects, parse, string

MESSAGE_LIMIT = 300
"""Longest message kept of a vendor's, in characters."""

EXCERPT_LIMIT = 80
"""Longest piece shown of a body that is no message, in characters."""

_STATUS: dict[int, ErrorCode] = {
    401: "auth", 402: "rate_limited", 403: "auth", 404: "not_found", 408: "timeout", 429: "rate_limited",
    503: "overloaded", 504: "timeout", 524: "timeout", 529: "overloaded",
}  # fmt: skip

_QUOTA = "insufficient_quota insufficient_balance billing_hard_limit_reached billing_not_active payment_required"

_SAID: dict[ErrorCode, str] = {
    "auth": "invalid_api_key authentication permission permission_denied unauthorized unauthenticated forbidden account_deactivated",
    "rate_limited": "rate_limit rate_limit_exceeded too_many_requests resource_exhausted " + _QUOTA,
    "overloaded": "server_overloaded engine_overloaded service_unavailable unavailable insufficient_system_resource slow_down",
    "not_found": "model_not_found deployment_not_found",
    "context_length": "context_length_exceeded context_window_exceeded exceed_context_size",
    "filtered": "content_filter content_policy_violation responsible_ai_policy_violation data_inspection_failed",
    "timeout": "request_timeout gateway_timeout deadline_exceeded",
    "bad_request": "invalid_request invalid_argument tool_use_failed",
    "internal": "server internal_server api",
}
"""Words of vendors' `code`, `type` and `status`, without a closing "error"; ours stand for themselves."""

_VAGUE: tuple[ErrorCode, ...] = ("bad_request", "internal")
"""What a status says better than a word does: OpenAI's 404 has the type `invalid_request_error`."""

_RETRYABLE: tuple[ErrorCode, ...] = ("rate_limited", "overloaded", "timeout", "internal", "connection")

_TOO_LONG = re.compile(r"(maximum|exceeds?|available|than) .{0,40}context (length|window|size)|prompt is too long", re.IGNORECASE)

_AFTER_KEY = re.compile(r"(?i)(\bapi[ _-]?key(?: provided)?: ?|\bbearer )\S+")
_KEY = re.compile(
    r"\b(?:sk|pk|rk)[-_][\w*.…-]{4,}"  # OpenAI, Anthropic, DeepSeek, OpenRouter and most others
    r"|\b(?:gsk|hf|r8|xai|pplx|nvapi|csk)[-_][A-Za-z0-9*]{8,}"
    r"|\bAIza[\w*-]{8,}"
    r"|[\w.-]*\*{3,}[\w.*-]*"  # shortened by the vendor itself
    r"|\b[A-Za-z0-9]{32,}\b"
)


def mask(text: str) -> str:
    """The text with all that looks like a key replaced: vendors repeat parts of it in their 401."""
    return _KEY.sub("[key]", _AFTER_KEY.sub(r"\1[key]", text))


def one_line(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """The text made safe to show: keys masked, no line breaks or control characters, at most `limit` characters."""
    head = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    safe = mask(head)
    return safe if len(safe) <= limit else safe[: limit - 1].rstrip() + "…"


def is_html(text: str) -> bool:
    """Whether a body is a page for people, such as a proxy's error page or a web site's front page."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def from_object(fault: Any, stage: Stage = "stream", status: int | None = None, retry_after: float | None = None) -> Error:
    """A vendor's error object, in whichever of the known shapes, as our error.

    Parameters
    ----------
    fault : JSON: `{"error": {…}}`, `{"error": "…"}`, the inner object alone, a string, or a list of one of these.
    stage : where it was met.
    status : the HTTP status, when there is one; one told inside the object is used for the code alone.
    retry_after : pause in seconds the server asked for.
    """
    inner = _inner(fault)
    message = _message(inner)
    said = [s for s in (_said(inner.get(k)) for k in ("code", "type", "status")) if s]
    code = _code(said, status or _told_status(inner), message)
    spent = any(s in _words(_QUOTA) for s in said) or status == 402
    if not message:
        message = f"The provider reported an error without a message ({', '.join(said) or 'no code'})."
    retryable = (code in _RETRYABLE and not spent) or status == HTTPStatus.CONFLICT
    return Error(code, message, stage, status, retryable, retry_after)


_REDIRECT = "The server (status {}) answered with a redirect, which is not followed: is the base URL right?"


def from_http(status: int, headers: Mapping[str, str], body: bytes) -> Error:
    """What an HTTP answer that is no stream means.

    Parameters
    ----------
    status : HTTP status.
    headers : of the answer; `retry-after-ms`, `retry-after` and `x-should-retry` are honoured (wire-formats section 0.3).
    body : as it came, complete or cut.
    """
    if 300 <= status < 400:
        return Error("bad_request", _REDIRECT.format(status), "http", status)
    head = {k.lower(): str(v) for k, v in headers.items()}
    text = body.decode("utf-8-sig", "replace")
    try:
        fault = parse(text)
    except ValueError:
        fault = {"message": _bare(status, text)}
    error = from_object(fault or {"message": _bare(status, "")}, "http", status, retry_after(head))
    should = head.get("x-should-retry", "").lower()
    return error if should not in ("true", "false") else _with_retry(error, should == "true")


def _with_retry(e: Error, retryable: bool) -> Error:
    return Error(e.code, e.message, e.stage, e.status, retryable, e.retry_after)


def _bare(status: int, text: str) -> str:
    """A sentence for a body that is no JSON."""
    if is_html(text):
        return f"The server answered HTML, not JSON (status {status}): is the base URL right?"
    if not text.strip():
        return f"The server answered status {status} with an empty body."
    return f"The server answered status {status}, not as JSON: {one_line(text, EXCERPT_LIMIT)}"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The pause a server asks for, in seconds, from lower-case headers.

    An HTTP date counts from the answer's own `date`, so that no clock is needed; without it the date says nothing.
    """
    ms, plain = _seconds(headers.get("retry-after-ms")), headers.get("retry-after")
    if ms is not None:
        return ms / 1000
    return _until(plain, headers.get("date")) if _seconds(plain) is None else _seconds(plain)


def _seconds(text: str | None) -> float | None:
    try:
        value = number(float(text or ""))
    except ValueError:
        return None
    return value if value is not None and value >= 0 else None


def _until(then: str | None, now: str | None) -> float | None:
    try:
        wait = parsedate_to_datetime(then or "") - parsedate_to_datetime(now or "")
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(wait, timedelta(0)).total_seconds()


def _inner(fault: Any) -> Mapping[str, Any]:
    """The object that holds message and code."""
    if isinstance(fault, list):
        fault = fault[0] if fault else None
    outer = mapping(fault)
    inner = outer.get("error") or outer.get("detail") or outer
    if isinstance(inner, list):
        inner = next(iter(objects(inner)), outer)
    return {**outer, "message": inner} if isinstance(inner, str) else mapping(inner) or {"message": string(fault)}


def _message(inner: Mapping[str, Any]) -> str:
    message = next((m for m in (string(inner.get(k)) for k in ("message", "msg", "detail", "error_description")) if m), "")
    upstream = string(mapping(inner.get("metadata")).get("raw"))  # OpenRouter's own message is only "Provider returned error"
    return one_line(f"{message}: {upstream}" if upstream else message)


def _normal(word: str) -> str:
    """`rate_limit_error`, `RateLimitError` and `RATE_LIMIT` are one word."""
    return re.sub(r"[^a-z]", "", word.lower()).removesuffix("error")


def _words(text: str) -> frozenset[str]:
    return frozenset(_normal(word) for word in text.split())


_CODES: dict[str, ErrorCode] = {
    **{_normal(code): code for code in get_args(ErrorCode)},
    **{word: code for code, said in _SAID.items() for word in _words(said)},
}


def _said(value: Any) -> str:
    return _normal(string(value)[:100])


def _told_status(inner: Mapping[str, Any]) -> int | None:
    """The HTTP status inside an error object: Groq's `status_code`, a numeric `code` of OpenRouter, vLLM and llama.cpp."""
    for value in (inner.get("status_code"), inner.get("code"), inner.get("status")):
        n = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3 else number(value)
        if n is not None and 400 <= n < 600:
            return int(n)
    return None


def _code(said: list[str], status: int | None, message: str) -> ErrorCode:
    """Exact words first, then the status, then vague words; a prompt that is too long often has no word of its own."""
    codes = [_CODES[s] for s in said if s in _CODES]
    exact = [c for c in codes if c not in _VAGUE]
    if exact:
        return exact[0]
    code = _by_status(status) or (codes[0] if codes else "internal")
    return "context_length" if code in _VAGUE and _TOO_LONG.search(message) else code


def _by_status(status: int | None) -> ErrorCode | None:
    if status is None or status < 400:
        return None
    return _STATUS.get(status) or ("bad_request" if status < 500 else "internal")
