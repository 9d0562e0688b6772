"""What the tests of every dialect ask of a stream: any chunking, any cut, any damage."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from tokenwidgets import dialects
from tokenwidgets.dialects.base import Profile
from tokenwidgets.events import TERMINAL, Event, Reasoning, Refusal, Text, Tool, encode


def read(dialect: str, *chunks: bytes) -> list[Event]:
    decoder = dialects.get(dialect).decoder(Profile())
    return [e for chunk in chunks for e in decoder.feed(chunk)] + decoder.close()


def chunked(raw: bytes, cuts: list[int]) -> Iterator[bytes]:
    for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        yield raw[begin:end]


def bytewise(raw: bytes) -> list[bytes]:
    return [raw[i : i + 1] for i in range(len(raw))]


def ends_once(events: list[Event]) -> None:
    """One terminal event, the last one, and all of them can be written as JSON."""
    assert [isinstance(e, TERMINAL) for e in events] == [False] * (len(events) - 1) + [True]
    for i, event in enumerate(events):
        json.loads(encode(event, i, 0).data, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def text(events: list[Event]) -> str:
    return "".join(e.delta for e in events if isinstance(e, Text))


def thought(events: list[Event]) -> str:
    return "".join(e.delta for e in events if isinstance(e, Reasoning))


def content(events: list[Event]) -> dict[str, Any]:
    """What a user sees: text by kind, calls in their order."""
    calls: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, Tool):
            call = calls.setdefault(event.block, [None, None, ""])
            call[:] = [event.id or call[0], event.name or call[1], call[2] + event.delta]
    refusal = "".join(e.delta for e in events if isinstance(e, Refusal))
    return {"text": text(events) + refusal, "thought": thought(events), "calls": list(calls.values())}


def done(events: list[Event]) -> list[tuple[Any, ...]]:
    return [(e.id, e.name, e.arguments, e.invalid) for e in events if isinstance(e, Tool) and e.done]


def same_in_any_chunking(dialect: str, raw: bytes) -> None:
    whole, rng = read(dialect, raw), random.Random(len(raw))
    if len(raw) < 20_000:
        assert read(dialect, *bytewise(raw)) == whole
    for _ in range(4):
        assert read(dialect, *chunked(raw, sorted(rng.randrange(len(raw)) for _ in range(rng.randrange(1, 60))))) == whole


def cut_places(raw: bytes, end: bytes) -> list[int]:
    """Every offset of a short stream; of a long one event boundaries (at most 40 of them) and some offsets between."""
    if len(raw) < 1_500:
        return list(range(len(raw)))
    rng, ends = random.Random(len(raw)), [i + len(end) for i in range(len(raw)) if raw.startswith(end, i)]
    return sorted({*rng.sample(ends, min(40, len(ends))), *(rng.randrange(len(raw)) for _ in range(40)), *ends[-4:]})


def damaged(raw: bytes, name: str) -> Iterator[bytes]:
    rng = random.Random(name)
    for _ in range(25):
        out = bytearray(raw[:6_000])
        for _ in range(rng.randrange(1, 12)):
            out[rng.randrange(len(out))] = rng.choice([rng.randrange(256), *b'\n\r":{}[],0'])
        yield bytes(out)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([10**400, "STOP", "a\ud83d", 0, 1, ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def shaped(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Objects with some of the fields, each of its own kind or of any."""
    return st.fixed_dictionaries({}, optional={k: v | ANY for k, v in fields.items()})


NASTY = [
    "[" * 100_000, '{"candidates":' * 20_000, '{"type": "message_start", "message": ' + '{"a":' * 500 + "1" + "}" * 500 + "}",
    '{"usageMetadata": {"promptTokenCount": ' + "9" * 10_000 + "}}",
    '{"type": "message_delta", "usage": {"input_tokens": NaN, "x": 1e999}}',
    '{"type": "content_block_delta", "delta": {"type": "text_delta", "text": "\\ud83d\\u0000\\r\\n"}}',
    '{"candidates": [{"content": {"parts": [{"text": "\\ud83d\\u0000"}]}}]}',
    "\x00", "\ufeff{}", "]", "[]", "[[{}]]", '{"a": "', '"{"', "{}}{",
]  # fmt: skip
