"""Every recorded Responses stream, read by us and by OpenAI's own SDK from the same bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import fixtures
import pytest

from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.openai_responses import OpenAIResponses
from tokenwidgets.events import TERMINAL, Carry, End, Error, Event, Notice, Reasoning, Text, Tool, Usage, encode

fixtures.need()
httpx2 = pytest.importorskip("httpx2")
openai = pytest.importorskip("openai")

RECORDINGS = fixtures.names("openai-responses", "compat", "deepseek", "openrouter", api="responses")
FAILED = "openai-responses/error-insufficient-quota.gpt-5-nano.jsonl"
RESUMED = "openai-responses/resume-starting-after.gpt-4o.sse"


@dataclass
class Answer:
    """What a user sees of a stream."""

    text: str = ""
    reasoning: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    status: str | None = None
    prompt: int | None = None
    cached: int | None = None
    generated: int | None = None
    thought: int | None = None


def chunked(raw: bytes, cuts: list[int]) -> Iterator[bytes]:
    for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        yield raw[begin:end]


def ours(raw: bytes, *, cuts: list[int] | None = None) -> list[Event]:
    decoder = OpenAIResponses().decoder(Profile())
    events = [event for chunk in chunked(raw, cuts or []) for event in decoder.feed(chunk)]
    return events + decoder.close()


def answer(events: list[Event]) -> Answer:
    out, thoughts, calls = Answer(), {}, {}
    for event in events:
        if isinstance(event, Text):
            out.text += event.delta
        elif isinstance(event, Reasoning):
            thoughts[event.block] = thoughts.get(event.block, "") + event.delta
        elif isinstance(event, Tool):
            call = calls.setdefault(event.block, ["", "", ""])
            call[:] = [event.id or call[0], event.name or call[1], call[2] + event.delta]
        elif isinstance(event, Usage):
            out.prompt = sum(n or 0 for n in (event.input, event.cache_read, event.cache_write))
            out.cached, out.generated, out.thought = event.cache_read, event.generated, event.reasoning
        elif isinstance(event, End):
            out.status = "completed" if event.raw == "completed" else "incomplete"
    out.reasoning, out.calls = list(thoughts.values()), [tuple(c) for c in calls.values()]
    return out


def client(raw: bytes) -> Any:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw))
    return openai.OpenAI(api_key="none", base_url="http://sdk.test/v1", http_client=httpx2.Client(transport=transport), max_retries=0)


def accumulated(raw: bytes) -> Any:
    """The final response of the SDK's own accumulator."""
    with client(raw) as sdk, sdk.responses.stream(model="m", input="x") as stream:
        return stream.get_final_response()


def last(raw: bytes) -> Any:
    """The response in the last event, of the SDK's plain stream."""
    with client(raw) as sdk, sdk.responses.create(model="m", input="x", stream=True) as stream:
        return list(stream)[-1].response


def theirs(response: Any) -> Answer:
    thoughts = [part.text for item in response.output if item.type == "reasoning" for part in [*(item.content or []), *item.summary]]
    calls = [(i.call_id, i.name, i.arguments) for i in response.output if i.type == "function_call"]
    usage = response.usage
    cached, thought = usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens
    return Answer(response.output_text, thoughts, calls, response.status, usage.input_tokens, cached, usage.output_tokens, thought)


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 17


@pytest.mark.parametrize("name", [n for n in RECORDINGS if n != FAILED])
def test_we_read_what_the_sdk_reads(name: str) -> None:
    raw = fixtures.body(name)
    assert answer(ours(raw)) == theirs(last(raw))


@pytest.mark.parametrize("name", [n for n in RECORDINGS if n not in (FAILED, RESUMED)])
def test_we_read_what_the_sdk_accumulates(name: str) -> None:
    raw = fixtures.body(name)
    assert answer(ours(raw)) == theirs(accumulated(raw))


def test_a_resumed_stream_needs_no_beginning_where_the_sdk_asks_for_one() -> None:
    with pytest.raises(RuntimeError, match=r"Expected to have received `response\.created`"):
        accumulated(fixtures.body(RESUMED))
    assert answer(ours(fixtures.body(RESUMED))).text == "2 + 2 equals 4."


def rotated(raw: bytes) -> bytes:
    """As GitHub Copilot sends it: every id another one in every event."""
    lines = raw.split(b"\n")
    return b"\n".join(x.replace(b'"item_id":"', b'"item_id":"%d' % n).replace(b'"id":"', b'"id":"%d' % n) for n, x in enumerate(lines))


def test_ids_that_rotate_are_refused_by_the_sdk_and_read_by_us() -> None:
    raw = rotated(fixtures.body("openai-responses/function-call.gpt-4o.sse"))
    with pytest.raises(RuntimeError, match="identity changed"):
        accumulated(raw)
    assert answer(ours(raw)) == theirs(last(raw))


def test_an_error_told_twice_is_one_end_and_the_sdks_exception() -> None:
    raw = fixtures.body(FAILED)
    with pytest.raises(openai.APIError) as caught:
        last(raw)
    *_, error = ours(raw)
    assert isinstance(error, Error)
    assert (error.code, error.retryable, error.message) == ("rate_limited", False, caught.value.message)
    without_first = raw.replace(b'data: {"type":"error"', b'data: {"type":"other"').replace(b'"error":{"type"', b'"was":{"type"')
    assert ours(without_first)[-1] == error


@pytest.mark.parametrize("name", RECORDINGS)
def test_arguments_of_every_recorded_call_parse(name: str) -> None:
    assert all(isinstance(e.arguments, dict) for e in ours(fixtures.body(name)) if isinstance(e, Tool) and e.done)


@pytest.mark.parametrize("name", RECORDINGS)
def test_any_chunking_gives_the_same_events(name: str) -> None:
    raw = fixtures.body(name)
    whole, rng = ours(raw), random.Random(name)
    if len(raw) < 30_000:
        assert ours(raw, cuts=list(range(1, len(raw)))) == whole
    for _ in range(4):
        assert ours(raw, cuts=sorted(rng.randrange(len(raw)) for _ in range(rng.randrange(1, 60)))) == whole


@pytest.mark.parametrize("name", RECORDINGS)
def test_line_ends_and_field_order_change_nothing(name: str) -> None:
    raw = fixtures.body(name)
    whole = ours(raw)
    assert ours(raw.replace(b"\n", b"\r\n")) == whole
    lines = [sorted(event.splitlines(), reverse=True) for event in raw.split(b"\n\n")]
    assert ours(b"\n\n".join(b"\n".join(event) for event in lines)) == whole
    named_only_inside = b"\n".join(line for line in raw.split(b"\n") if not line.startswith(b"event:"))
    assert ours(named_only_inside) == whole


def _cut_places(raw: bytes) -> list[int]:
    """Every event boundary (at most 60 of a long stream), and some offsets between."""
    rng, ends = random.Random(len(raw)), [i + 2 for i in range(len(raw)) if raw[i : i + 2] == b"\n\n"]
    return sorted({*rng.sample(ends, min(60, len(ends))), *(rng.randrange(len(raw)) for _ in range(30)), *ends[-4:]})


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_stream_cut_anywhere_ends_once_and_keeps_what_came(name: str) -> None:
    raw = fixtures.body(name)
    whole = answer(ours(raw))
    for cut in _cut_places(raw):
        events = ours(raw[:cut])
        assert [isinstance(e, TERMINAL) for e in events] == [False] * (len(events) - 1) + [True]
        assert whole.text.startswith(answer(events).text)
        if isinstance(events[-1], End):
            assert events[-1].reason == "truncated" or events == ours(raw)
        for i, event in enumerate(events):
            encode(event, i, 0)


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_damaged_stream_ends_once(name: str) -> None:
    raw, rng = fixtures.body(name)[:6_000], random.Random(name)
    for _ in range(25):
        damaged = bytearray(raw)
        for _ in range(rng.randrange(1, 12)):
            damaged[rng.randrange(len(damaged))] = rng.choice([rng.randrange(256), *b'\n\r":{}[],0'])
        events = ours(bytes(damaged))
        assert [isinstance(e, TERMINAL) for e in events] == [False] * (len(events) - 1) + [True]
        for i, event in enumerate(events):
            encode(event, i, 0)


@pytest.mark.parametrize("name", [n for n in RECORDINGS if n != FAILED])
def test_an_item_index_is_all_that_is_needed(name: str) -> None:
    raw = fixtures.body(name)
    assert answer(ours(rotated(raw))) == answer(ours(raw))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai-responses/phase-commentary-tool.gpt-5.5.sse", Usage(63, 0, 0, 43, 26)),
        ("openai-responses/reasoning-summary.o3-mini.sse", Usage(13, 0, None, 272, 1408)),
        ("deepseek/responses-tool.v4-flash.sse", Usage(110, 256, None, 45, 14)),
        ("compat/xai-responses-web-search.grok-4-fast.jsonl", Usage(297, 1578, None, 298, 397)),
        ("compat/lmstudio-responses-tool.glm-4.7-flash.jsonl", Usage(180, 2, None, 13, 48)),
        ("openrouter/responses-reasoning.gpt-5-nano.sse", Usage(20, 0, None, 19, 0, cost=8.6e-06)),
    ],
)
def test_usage_is_given_once_and_disjoint(name: str, expected: Usage) -> None:
    assert [e for e in ours(fixtures.body(name)) if isinstance(e, Usage)] == [expected]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("openai-responses/function-call.gpt-4o.sse", "tool"),
        ("openai-responses/apply-patch.gpt-5.1.jsonl", "tool"),
        ("openai-responses/phase-final.gpt-5.5.sse", "stop"),
        ("compat/xai-responses-web-search.grok-4-fast.jsonl", "stop"),
        ("openai-responses/tool-search.gpt-5.4.sse", "tool"),
    ],
)
def test_a_pending_call_is_seen_in_its_item_alone(name: str, reason: Any) -> None:
    assert ours(fixtures.body(name))[-1] == End(reason, "completed")


def told(name: str, kind: str) -> list[Any]:
    return [dict(e.data) for e in ours(fixtures.body(name)) if isinstance(e, Notice) and e.kind == kind]


def test_what_the_providers_tools_do_is_told() -> None:
    patch = told("openai-responses/apply-patch.gpt-5.1.jsonl", "server_tool")
    assert patch[0] == {"type": "apply_patch_call", "status": "in_progress", "block": 0}
    assert "".join(n.get("delta", "") for n in patch) == patch[-1]["operation"]["diff"]
    assert [n["status"] for n in told("openai-responses/tool-search.gpt-5.4.sse", "server_tool")] == ["in_progress", "completed"] * 2
    cited = told("compat/xai-responses-web-search.grok-4-fast.jsonl", "citation")
    assert [len(n["annotations"]) for n in cited] == [1] * 5
    assert told("openai-responses/text-headers.gpt-5.5.sse", "served") == [{"model": "gpt-5.5-2026-04-23"}]


@pytest.mark.parametrize("name", RECORDINGS)
def test_encrypted_reasoning_is_carried_as_it_came(name: str) -> None:
    if name == FAILED:
        return
    items = [i for i in fixtures_items(name) if i["type"] == "reasoning" and (i.get("encrypted_content") or i.get("content"))]
    carried = [e.opaque for e in ours(fixtures.body(name)) if isinstance(e, Carry) and e.opaque["type"] == "reasoning"]
    assert carried == items


def fixtures_items(name: str) -> list[dict[str, Any]]:
    """The items of a recording as they were when they were done, in that order."""
    lines = [line.removeprefix(b"data: ") for line in fixtures.body(name).splitlines() if b"output_item.done" in line and b"{" in line]
    return [json.loads(line)["item"] for line in lines]
