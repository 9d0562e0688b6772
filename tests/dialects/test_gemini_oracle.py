"""Every recorded Gemini stream, read by us and by Google's own SDK from the same bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import fixtures
import pytest
from streams import content, cut_places, damaged, done, ends_once, read, same_in_any_chunking, text, thought

from tokenwidgets.events import Carry, End, Event, Notice, Usage

fixtures.need()
httpx2 = pytest.importorskip("httpx2")
genai = pytest.importorskip("google.genai")

APIS = ("generateContent alt=sse", "streamGenerateContent alt=sse", "streamGenerateContent", "streamGenerateContent WITHOUT alt=sse")
RECORDINGS = [name for api in APIS for name in fixtures.names("gemini", api=api)]
PARTIAL = "gemini/partial-args.3.1-pro.jsonl"


def body(name: str) -> bytes:
    return fixtures.body(name).removesuffix(b"data: [DONE]\n\n")


def ours(name: str) -> list[Event]:
    return read("gemini", body(name))


def framed(name: str) -> bytes:
    """The body as SSE: the SDK asks for nothing else, and fails on the array."""
    raw = body(name)
    if not name.endswith(".json"):
        return raw
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(chunk).encode() for chunk in json.loads(raw))


def theirs(raw: bytes) -> Iterator[Any]:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw))
    with genai.Client(api_key="none", http_options=genai.types.HttpOptions(client_args={"transport": transport})) as client:
        yield from client.models.generate_content_stream(model="gemini-2.5-flash", contents="hi")


def parts(chunks: list[Any]) -> list[Any]:
    return [p for c in chunks for p in (c.candidates[0].content.parts if c.candidates and c.candidates[0].content else None) or []]


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 9


@pytest.mark.parametrize("name", RECORDINGS)
def test_we_read_what_the_sdk_reads(name: str) -> None:
    events, chunks = ours(name), list(theirs(framed(name)))
    found = parts(chunks)
    assert text(events) == "".join(p.text or "" for p in found if not p.thought)
    assert thought(events) == "".join(p.text or "" for p in found if p.thought)
    if name != PARTIAL:
        assert [(n, a) for _, n, a, _ in done(events)] == [(p.function_call.name, p.function_call.args) for p in found if p.function_call]
    assert isinstance(events[-1], End)
    assert events[-1].raw == next(c.candidates[0].finish_reason for c in reversed(chunks) if c.candidates[0].finish_reason).value
    assert Notice("served", {"model": chunks[0].model_version}) in events


@pytest.mark.parametrize("name", RECORDINGS)
def test_usage_is_given_once_and_adds_up_to_the_total(name: str) -> None:
    (usage,) = (e for e in ours(name) if isinstance(e, Usage))
    last = list(theirs(framed(name)))[-1].usage_metadata
    assert usage.mode == "final"
    assert usage.output == last.candidates_token_count
    assert usage.reasoning == last.thoughts_token_count
    assert sum(n or 0 for n in (usage.input, usage.cache_read, usage.output, usage.reasoning)) == last.total_token_count


@pytest.mark.parametrize("name", RECORDINGS)
def test_signatures_are_carried_byte_for_byte_in_their_order(name: str) -> None:
    carried = [e.opaque for e in ours(name) if isinstance(e, Carry)]
    signed = [p.thought_signature for p in parts(list(theirs(framed(name)))) if p.thought_signature]
    assert [base64.b64decode(p["thoughtSignature"]) for p in carried if "thoughtSignature" in p] == signed
    if signed:  # then all of the content is carried, thoughts aside
        assert "".join(p.get("text", "") for p in carried) == text(ours(name))


def test_patches_of_arguments_are_put_together_where_the_sdk_hands_them_on() -> None:
    assert [(n, a, invalid) for _, n, a, invalid in done(ours(PARTIAL))] == [
        ("getWeather", {"location": "Boston"}, False), ("getWeather", {"location": "San Francisco"}, False),
    ]  # fmt: skip
    assert len({i for i, *_ in done(ours(PARTIAL))}) == 2
    pieces = [p.function_call for p in parts(list(theirs(framed(PARTIAL)))) if p.function_call]
    assert all(piece.args is None for piece in pieces)
    assert ours(PARTIAL)[-1] == End("tool", "STOP")


def test_an_array_is_read_where_the_sdk_fails() -> None:
    name = "gemini/json-array-tool.3-flash.json"
    with pytest.raises(genai.errors.UnknownApiResponseError):
        list(theirs(body(name)))
    assert read("gemini", framed(name)) == ours(name)


def test_what_google_did_is_told() -> None:
    told = [(e.kind, *e.data) for e in ours("gemini/code-execution.3-flash.sse") if isinstance(e, Notice)]
    assert told == [("served", "model"), ("server_tool", "block", "executableCode"), ("server_tool", "block", "codeExecutionResult")]
    (grounding,) = (e for e in ours("gemini/grounding.2.5-pro.sse") if isinstance(e, Notice) and e.kind == "citation")
    assert len(grounding.data["groundingMetadata"]["groundingChunks"]) == 5


@pytest.mark.parametrize("name", RECORDINGS)
def test_any_chunking_gives_the_same_events(name: str) -> None:
    same_in_any_chunking("gemini", body(name))


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_stream_cut_anywhere_ends_once_and_keeps_what_came(name: str) -> None:
    raw, whole = body(name), content(ours(name))
    finished = raw.index(b'"finishReason"')
    for cut in cut_places(raw, b"\n"):
        events = read("gemini", raw[:cut])
        ends_once(events)
        assert whole["text"].startswith(text(events))
        if text(events) and cut <= finished:
            assert events[-1] == End("truncated")


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_damaged_stream_ends_once(name: str) -> None:
    for raw in damaged(body(name), name):
        ends_once(read("gemini", raw))


def test_events_of_an_array_come_with_their_bytes() -> None:
    from tokenwidgets.dialects.gemini_decoder import GeminiDecoder

    raw = body("gemini/json-array-no-alt-sse.flash-latest.json")
    decoder = GeminiDecoder()
    assert decoder.feed(raw[: raw.index(b"\n,") - 1]) == []
    assert thought(decoder.feed(raw[raw.index(b"\n,") - 1 : raw.index(b"\n,")])).startswith("**Considering")


def test_a_recorded_failure() -> None:
    from tokenwidgets.dialects.gemini import Gemini

    recorded = fixtures.failure("gemini-404.json")
    error = Gemini().failure(recorded["status"], recorded["headers"], json.dumps(recorded["body"]).encode())
    assert (error.code, error.status, error.retryable) == ("not_found", 404, False)
    assert "gemini-3.6-flahs is not found" in error.message
