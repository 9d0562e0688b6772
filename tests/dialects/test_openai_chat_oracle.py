"""Every recorded chat stream, read by us and by OpenAI's own SDK from the same bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import fixtures
import pytest

from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.openai_chat import OpenAIChat
from tokenwidgets.events import TERMINAL, Carry, End, Error, Event, Notice, Reasoning, Refusal, Text, Tool, Usage, encode

fixtures.need()
httpx2 = pytest.importorskip("httpx2")
openai = pytest.importorskip("openai")

RECORDINGS = fixtures.names("openai-chat", "compat", "deepseek", "openrouter", api="chat.completions")
TWO_ANSWERS = "compat/cerebras-tools.glm-4.7.jsonl"
CONTENT_LISTS = "compat/mistral-thinking.magistral.sse"
ERROR_LATE = "openrouter/midstream-error.minimax-m2.sse"


@dataclass
class Call:
    id: str = ""
    name: str = ""
    text: str = ""


@dataclass
class Answer:
    """What a user sees of a stream, per choice."""

    text: dict[int, str] = field(default_factory=dict)
    refusal: dict[int, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    finish: str | None = None
    prompt: int | None = None
    generated: int | None = None
    error: str | None = None


def chunked(raw: bytes, cuts: list[int]) -> Iterator[bytes]:
    for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        yield raw[begin:end]


def ours(raw: bytes, *, cuts: list[int] | None = None, profile: Profile | None = None) -> list[Event]:
    decoder = OpenAIChat().decoder(profile or Profile())
    events = [event for chunk in chunked(raw, cuts or []) for event in decoder.feed(chunk)]
    return events + decoder.close()


def answer(events: list[Event]) -> Answer:
    out, calls = Answer(), {}
    for event in events:
        if isinstance(event, Text):
            out.text[event.choice] = out.text.get(event.choice, "") + event.delta
        elif isinstance(event, Refusal):
            out.refusal[event.choice] = out.refusal.get(event.choice, "") + event.delta
        elif isinstance(event, Tool):
            call = calls.setdefault(event.block, Call())
            call.id, call.name, call.text = event.id or call.id, event.name or call.name, call.text + event.delta
        elif isinstance(event, Usage):
            out.prompt = sum(n or 0 for n in (event.input, event.cache_read, event.cache_write, event.audio_in))
            out.generated = event.generated
        elif isinstance(event, End):
            out.finish = event.raw
        elif isinstance(event, Error):
            out.error = event.message
    return replace(out, calls=list(calls.values()))


def sdk_chunks(raw: bytes) -> Iterator[Any]:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=raw))
    with (
        httpx2.Client(transport=transport) as http,
        openai.OpenAI(api_key="none", base_url="http://sdk.test/v1", http_client=http, max_retries=0) as client,
        client.chat.completions.create(model="m", messages=[], stream=True) as stream,
    ):
        yield from stream


def theirs(raw: bytes) -> Answer:
    out, calls = Answer(), {}
    try:
        for chunk in sdk_chunks(raw):
            for choice in chunk.choices or []:
                _add(out, calls, choice)
            if chunk.usage:
                out.prompt, out.generated = chunk.usage.prompt_tokens, chunk.usage.total_tokens - chunk.usage.prompt_tokens
    except openai.APIError as e:
        out.error = e.message
    return replace(out, calls=list(calls.values()))


def _add(out: Answer, calls: dict[Any, Call], choice: Any) -> None:
    if choice.delta.content:
        out.text[choice.index] = out.text.get(choice.index, "") + choice.delta.content
    if choice.delta.refusal:
        out.refusal[choice.index] = out.refusal.get(choice.index, "") + choice.delta.refusal
    for fragment in choice.delta.tool_calls or []:
        call = calls.setdefault((choice.index, fragment.index), Call())
        call.id, call.name = fragment.id or call.id, fragment.function.name or call.name
        call.text += fragment.function.arguments or ""
    if choice.index == 0:
        out.finish = choice.finish_reason or out.finish


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 27


@pytest.mark.parametrize("name", [n for n in RECORDINGS if n not in (TWO_ANSWERS, CONTENT_LISTS, ERROR_LATE)])
def test_we_read_what_the_sdk_reads(name: str) -> None:
    raw = fixtures.body(name)
    assert answer(ours(raw)) == theirs(raw)


@pytest.mark.parametrize("name", [n for n in RECORDINGS if n.startswith("openai-chat/sdk-")])
def test_we_read_what_the_sdk_accumulates(name: str) -> None:
    from openai.lib.streaming.chat import ChatCompletionStreamState

    state: Any = ChatCompletionStreamState()
    raw = fixtures.body(name)
    for chunk in sdk_chunks(raw):
        state.handle_chunk(chunk)
    final, mine = state.get_final_completion(), answer(ours(raw))
    for choice in final.choices:
        assert mine.text.get(choice.index) == (choice.message.content or None)
        assert mine.refusal.get(choice.index) == (choice.message.refusal or None)
    assert [(c.id, c.name, c.text) for c in mine.calls] == [
        (c.id, c.function.name, c.function.arguments) for c in final.choices[0].message.tool_calls or []
    ]
    assert (mine.finish, mine.prompt, mine.generated) == (
        final.choices[0].finish_reason, final.usage.prompt_tokens, final.usage.completion_tokens,
    )  # fmt: skip


def test_content_as_a_list_of_parts_is_read_where_the_sdk_hands_on_the_list() -> None:
    raw = fixtures.body(CONTENT_LISTS)
    with pytest.raises(TypeError):
        theirs(raw)
    events = ours(raw)
    parts = [p for c in sdk_chunks(raw) for p in c.choices[0].delta.content if isinstance(c.choices[0].delta.content, list)]
    thought = "".join(t["text"] for p in parts if p["type"] == "thinking" for t in p["thinking"])
    said = "".join(c.choices[0].delta.content for c in sdk_chunks(raw) if isinstance(c.choices[0].delta.content, str))
    assert "".join(e.delta for e in events if isinstance(e, Reasoning)) == thought != ""
    assert answer(events).text[0] == said + "".join(p["text"] for p in parts if p["type"] == "text") != ""
    assert (answer(events).finish, answer(events).generated) == ("stop", 232)


def test_an_index_used_again_by_a_call_with_another_id_is_another_call() -> None:
    """The recording holds two answers one after the other; keyed by index alone, their calls would be joined into one."""
    calls = answer(ours(fixtures.body(TWO_ANSWERS))).calls
    assert len(theirs(fixtures.body(TWO_ANSWERS)).calls) == 1
    assert len({c.id for c in calls}) == len(calls) == 2
    assert "".join(c.text for c in calls) == theirs(fixtures.body(TWO_ANSWERS)).calls[0].text


def test_an_error_after_the_finish_reason_is_an_error_that_keeps_its_usage() -> None:
    """The SDK raises and drops the chunk; that chunk's counts were billed, so we give them. The vendor counts more reasoning (11) than
    output (10), so the disjoint sum is its reasoning."""
    raw = fixtures.body(ERROR_LATE)
    mine = answer(ours(raw))
    assert mine.error == theirs(raw).error == "Token limit reached"
    assert (mine.prompt, mine.generated) == (43, 11)
    assert ours(raw)[-1] == Error("bad_request", "Token limit reached")


def test_arguments_of_every_recorded_call_parse() -> None:
    for name in RECORDINGS:
        ended = [e for e in ours(fixtures.body(name)) if isinstance(e, Tool) and e.done]
        assert all(isinstance(e.arguments, dict) and not e.invalid for e in ended), name


@pytest.mark.parametrize("name", RECORDINGS)
def test_any_chunking_gives_the_same_events(name: str) -> None:
    raw = fixtures.body(name)
    whole, rng = ours(raw), random.Random(name)
    if len(raw) < 20_000:
        assert ours(raw, cuts=list(range(1, len(raw)))) == whole
    for _ in range(4):
        assert ours(raw, cuts=sorted(rng.randrange(len(raw)) for _ in range(rng.randrange(1, 60)))) == whole


def _cut_places(raw: bytes) -> list[int]:
    """Every offset of a short stream; of a long one event boundaries (at most 40 of them) and some offsets between."""
    if len(raw) < 2_500:
        return list(range(len(raw)))
    rng, ends = random.Random(len(raw)), [i + 2 for i in range(len(raw)) if raw[i : i + 2] == b"\n\n"]
    return sorted({*rng.sample(ends, min(40, len(ends))), *(rng.randrange(len(raw)) for _ in range(20)), *ends[-4:]})


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_stream_cut_anywhere_ends_once_and_keeps_what_came(name: str) -> None:
    raw = fixtures.body(name)
    whole = answer(ours(raw))
    for cut in _cut_places(raw):
        events = ours(raw[:cut])
        assert sum(isinstance(e, TERMINAL) for e in events) == 1
        assert isinstance(events[-1], TERMINAL)
        text = answer(events).text
        assert all(whole.text[choice].startswith(part) for choice, part in text.items())
        if text and not isinstance(events[-1], Error):
            assert events[-1].reason in ("truncated", "stop", "tool", "length")
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


@pytest.mark.parametrize("name", [n for n in RECORDINGS if n.startswith("openai-chat/") and "variant" not in n])
def test_a_stream_cut_before_its_finish_reason_is_truncated(name: str) -> None:
    raw = fixtures.body(name)
    before_finish = raw.rindex(b"data:", 0, min(raw.index(f'"finish_reason":"{r}"'.encode()) for r in ("stop", "tool_calls")
                                               if f'"finish_reason":"{r}"'.encode() in raw))  # fmt: skip
    assert ours(raw[:before_finish])[-1] == End("truncated")
    without_mark = raw[: raw.index(b"data: [DONE]")]
    assert ours(without_mark) == ours(raw)


def told(name: str, kind: str) -> list[Any]:
    return [dict(e.data) for e in ours(fixtures.body(name)) if isinstance(e, Notice) and e.kind == kind]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai-chat/sdk-tool.gpt-4o.sse", Usage(input=76, output=24, reasoning=0)),
        ("deepseek/tool-call.reasoner.jsonl", Usage(input=19, cache_read=320, output=44, reasoning=39)),
        ("deepseek/azure-reasoning.v4-pro.jsonl", Usage(input=19, output=1720, reasoning=0)),
        ("compat/xai-reasoning.grok-3-mini.jsonl",
         Usage(input=1, cache_read=11, audio_in=0, output=2, reasoning=340, audio_out=0, cost=0.000172125)),
        ("compat/perplexity-text.sonar.jsonl", Usage(input=11, output=434)),
        ("compat/huggingface-novita.llama-3.1-8b.sse", Usage(input=40, output=2)),
        ("openrouter/cache.claude-sonnet-4.6.sse",
         Usage(input=254, cache_read=0, cache_write=0, audio_in=0, output=5, reasoning=0, audio_out=0, cost=0.000837)),
    ],
)  # fmt: skip
def test_usage_is_given_once_and_disjoint(name: str, expected: Usage) -> None:
    found = [e for e in ours(fixtures.body(name)) if isinstance(e, Usage)]
    assert [replace(u, timings=None) for u in found] == [expected]


def test_a_servers_own_timings_come_with_the_usage() -> None:
    (usage,) = (e for e in ours(fixtures.body("compat/groq-tool.llama-3.3-70b.jsonl")) if isinstance(e, Usage))
    assert usage.timings == {
        "queue_time": 0.041520249, "prompt_time": 0.010407901, "completion_time": 0.046601227, "total_time": 0.057009128,
    }  # fmt: skip


def test_reasoning_is_never_doubled_and_never_part_of_the_answer() -> None:
    events = ours(fixtures.body("openrouter/reasoning-text.claude-sonnet-4.5.sse"))
    thought = "".join(e.delta for e in events if isinstance(e, Reasoning))
    (carry,) = (e for e in events if isinstance(e, Carry))
    (detail,) = carry.opaque["reasoning_details"]
    assert thought == detail["text"] != ""
    assert detail["signature"]
    assert answer(events).text == {0: "2 + 2 = 4"}


def test_encrypted_reasoning_is_carried_byte_for_byte() -> None:
    name = "openrouter/reasoning-encrypted.o3.sse"
    (carry,) = (e for e in ours(fixtures.body(name)) if isinstance(e, Carry))
    sent = next(
        c.choices[0].delta.reasoning_details for c in sdk_chunks(fixtures.body(name)) if getattr(c.choices[0].delta, "reasoning_details", 0)
    )
    assert carry.opaque == {"reasoning_details": sent}


def test_who_answered_is_told_once() -> None:
    assert told("compat/azure-prompt-filter-first.gpt-5-nano.jsonl", "served") == [{"model": "gpt-5-nano-2025-08-07"}]
    assert told("openrouter/cache.claude-sonnet-4.6.sse", "provider") == [{"provider": "Amazon Bedrock"}]
    (citations,) = told("compat/perplexity-text.sonar.jsonl", "citation")
    assert len(citations["citations"]) == 5
    assert told("compat/azure-prompt-filter-first.gpt-5-nano.jsonl", "moderation") == []


def test_several_choices_are_kept_apart() -> None:
    events = ours(fixtures.body("openai-chat/sdk-n3.gpt-4o.sse"))
    assert sorted({e.choice for e in events if isinstance(e, Text)}) == [0, 1, 2]
    assert [dict(e.data) for e in events if isinstance(e, Notice) and e.kind == "finish"] == [
        {"choice": 1, "reason": "stop", "raw": "stop"}, {"choice": 2, "reason": "stop", "raw": "stop"},
    ]  # fmt: skip
    assert len({(e.choice, e.block) for e in events if isinstance(e, Text)}) == 3


@pytest.mark.parametrize("name", ["openai-chat/sdk-refusal.gpt-4o.sse", "openai-chat/sdk-refusal-logprobs.gpt-4o.sse"])
def test_a_refusal_ends_as_one(name: str) -> None:
    assert ours(fixtures.body(name))[-1] == End("refusal", "stop")


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("compat/snowflake-text.claude-sonnet-4-6.sse", End("stop")),
        ("openai-chat/tool-delta-variant-a.sse", End("tool")),
        ("openai-chat/tool-call.gpt-4o-mini.sse", End("tool", "tool_calls")),
        ("compat/perplexity-text.sonar.jsonl", End("stop", "stop")),
    ],
)
def test_the_end_is_named_even_where_the_provider_does_not(name: str, end: End) -> None:
    assert ours(fixtures.body(name))[-1] == end
