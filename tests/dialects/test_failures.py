"""Failures as every dialect tells them: HTTP answers that are no stream, vendors' words, keys in messages."""

from __future__ import annotations

import json
from typing import Any

import fixtures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets.dialects import failures
from tokenwidgets.events import Error


def failure(status: int, raw: Any = b"", **headers: str) -> Error:
    raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    return failures.from_http(status, {k.replace("_", "-"): v for k, v in headers.items()}, raw)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [(400, "bad_request", False), (401, "auth", False), (402, "rate_limited", False), (403, "auth", False), (404, "not_found", False),
     (408, "timeout", True), (422, "bad_request", False), (429, "rate_limited", True), (500, "internal", True), (503, "overloaded", True),
     (504, "timeout", True), (529, "overloaded", True)],
)  # fmt: skip
def test_a_status_alone_says_what_is_wrong(status: int, code: str, retryable: bool) -> None:
    error = failure(status)
    assert (error.code, error.retryable, error.status, error.stage) == (code, retryable, status, "http")
    assert str(status) in error.message
    assert failure(status, {"error": {"message": "m", "type": "invalid_request_error"}}).code == code


def test_a_page_instead_of_json() -> None:
    error = failure(502, b"\n<html><head><title>502</title></head>secret</html>")
    assert error.message == "The server answered HTML, not JSON (status 502): is the base URL right?"


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
@pytest.mark.parametrize("raw", [b"", b"<html>Moved</html>", {"error": {"message": "m", "type": "server_error"}}])
def test_a_redirect_is_the_base_urls_fault(status: int, raw: Any) -> None:
    error = failure(status, raw, x_should_retry="true")
    assert (error.code, error.retryable, error.status, error.stage) == ("bad_request", False, status, "http")
    assert error.message.startswith(f"The server (status {status}) answered with a redirect, which is not followed: ")


def test_messages_are_short_single_lines_in_whatever_shape_they_come() -> None:
    assert failure(400, {"error": {"message": "a\nb\x00 \u2028c\ud83d"}}).message == "a b c"
    assert len(failure(400, {"error": {"message": "x y " * 9999}}).message) <= 300
    assert failure(422, {"detail": [{"msg": "field required", "loc": ["body"]}]}).message == "field required"
    assert failure(404, {"detail": "Not Found"}).message == "Not Found"
    assert failure(500, {"message": "m"}).message == failure(500, {"error": "m"}).message == "m"
    assert failure(500, [{"error": {"message": "m"}}]).message == failure(500, {"object": "error", "message": "m"}).message == "m"
    assert "Bad gateway" in failure(500, b"Bad gateway").message


@pytest.mark.parametrize(
    "key",
    ["sk-proj-abcDEF123456", "sk-abcd***********wxyz", "sk-or-v1-0123456789abcdef", "gsk_abcdefgh1234", "hf_abcdefgh1234", "hello",
     "****9f3a", "AIzaSyA1234567890abcdef", "xai-abcdefgh12345678"],
)  # fmt: skip
def test_keys_in_messages_are_masked(key: str) -> None:
    for raw in (
        {"error": {"message": f"Incorrect API key provided: {key}. Find yours at https://x.test."}},
        f"Your api key: {key} is invalid".encode(),
    ):
        message = failure(401, raw).message
        assert key not in message
        assert key[-4:] not in message
        assert "[key]" in message
    if key != "hello":
        assert key not in failures.from_object({"error": f"bad key {key} given"}).message


def test_names_that_look_a_little_like_keys_are_left_alone() -> None:
    text = "The model `deepseek-r1-distill-qwen-32b-instruct-awq` of xai-grok-mini is risk-free: see hf.co/sk, task-runner."
    assert failure(404, {"error": {"message": text}}).message == text


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry_after": "7"}, 7),
        ({"Retry_After": "0.5"}, 0.5),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after": "Tue, 13 May 2025 14:54:39 GMT", "date": "Tue, 13 May 2025 14:54:09 GMT"}, 30),
        ({"retry_after": "Tue, 13 May 2025 14:54:09 GMT", "date": "Tue, 13 May 2025 14:54:39 GMT"}, 0),
        ({"retry_after": "Tue, 13 May 2025 14:54:39 GMT"}, None),
        ({"retry_after": "soon", "date": "now"}, None),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "nan"}, None),
        ({}, None),
    ],
)
def test_the_pause_a_server_asks_for(headers: dict[str, str], expected: float | None) -> None:
    assert failure(429, **headers).retry_after == expected


def test_the_server_may_say_whether_to_retry() -> None:
    assert failure(429, x_should_retry="false").retryable is False
    assert failure(400, **{"X-Should-Retry": "true"}).retryable is True


@pytest.mark.parametrize("status", [0, 200, 302, 418, 599, 999])
@given(raw=st.binary(max_size=80))
@settings(max_examples=40, deadline=None)
def test_any_failure_body_gives_an_error(status: int, raw: bytes) -> None:
    assert failure(status, raw).message


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("openai-chat-404.json", "not_found", "gpt-5.2-proo"),
        ("groq-404.json", "not_found", "llama-3.3-70b-versatlie"),
        ("openrouter-429.json", "rate_limited", "temporarily rate-limited upstream"),
        ("groq-tool-use-failed-400.json", "bad_request", "Tool call"),
        ("gemini-404.json", "not_found", "gemini-3.6-flahs"),
        ("openai-responses-400.json", "not_found", "gpt-5.2-proo"),
    ],
)
def test_recorded_failures(name: str, code: str, words: str) -> None:
    if not fixtures.ROOT.is_dir():
        pytest.skip("no recorded streams")
    recorded = fixtures.failure(name)
    error = failure(recorded["status"], recorded["body"])
    assert (error.code, error.status) == (code, recorded["status"])
    assert words in error.message
    assert "bar" not in error.message  # what the model wrote, in Groq's `failed_generation`
