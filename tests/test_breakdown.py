"""A breakdown adds up, and the front end's is the same; what is between chunks is counted and not guessed."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.breakdown import LEGS, breakdown
from tokenwidgets.events import End, Entry, Error, Event, Notice, Reasoning, Start, Text, decode, encode
from tokenwidgets.gaps import QUANTILES, fine, gaps, line
from tokenwidgets.metrics import is_content

VECTORS = json.loads((Path(__file__).parent / "data" / "breakdown.json").read_text(encoding="utf-8"))


def entries_of(vector: Any) -> list[Entry]:
    return [decode(json.dumps(event)) for event in vector["events"]]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_the_front_end_cuts_the_same_spans(vector):
    found = breakdown(entries_of(vector), vector["until"])
    assert [[s.phase, s.start, s.end] for s in found.spans] == vector["spans"]
    assert dict(found.notes) == vector["notes"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_the_front_end_counts_the_same_gaps(vector):
    found = gaps([e.at for e in entries_of(vector) if is_content(e)])
    expected = vector["gaps"]
    assert (found.chunks, found.reads) == (expected["chunks"], expected["reads"])
    assert {name: found.quantile(name) for name in QUANTILES} == {name: expected[name] for name in QUANTILES}
    assert [[i, n] for i, n in enumerate(found.histogram()) if n] == expected["histogram"]
    assert [list(gap) for gap in found.long] == expected["long"]
    assert line(found) == vector["line"]


data = st.dictionaries(
    st.sampled_from(["dns", "connect", "tls", "sent", "headers", "wait", "reused", "simulated"]),
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats(0, 2) | st.text(max_size=2),
)
steps = st.lists(
    st.tuples(
        st.integers(0, 10**6),
        st.sampled_from([Text(0, "a"), Text(0, ""), Reasoning(0, "b")])
        | st.builds(Notice, st.sampled_from(["connection", "retry", "model_loading", "served"]), data),
    ),
    max_size=12,
)


@given(steps, st.sampled_from([None, End("stop"), Error("connection", "x", stage="connect"), Error("internal", "x")]))
def test_whatever_comes_it_adds_up_to_the_total(steps: list[tuple[int, Event]], ending: End | Error | None):
    ats = sorted(at for at, _ in steps)
    events = [event for _, event in steps] + ([ending] if ending else [])
    ats += [ats[-1] if ats else 7] if ending else []
    journal = [encode(event, seq, at) for seq, (at, event) in enumerate(zip(ats, events, strict=True))]
    found = breakdown(journal)
    assert all(a.end == b.start for a, b in pairwise(found.spans))
    assert all(s.start < s.end for s in found.spans)
    assert found.spans == () or found.spans[0].start == 0
    assert found.total >= (ats[-1] if ats else 0)
    assert found.total == sum(s.end - s.start for s in found.spans)


def test_what_the_page_measured_follows_and_adds_up_as_far_as_it_is_known():
    whole = breakdown([encode(Start("s", "m", "h", "d", 1.0), 0, 0), encode(Text(0, "a"), 1, 500), encode(End("stop"), 2, 700)])
    seen = whole.seen({"gateway": 200, "link": 0, "paint": 9000})
    assert seen.total == 9900
    assert [seen.us(leg) for leg in LEGS] == [200, 0, 9000]
    assert whole.seen({"gateway": 200, "paint": 9000}).total == 900, "behind an unknown leg nothing has a place"
    assert [whole.us(leg) for leg in LEGS] == [None, None, None]
    assert whole.us("wait") is None, "it cannot be told from connect and upload"


@pytest.mark.parametrize(
    ("us", "words"),
    [
        (None, "–"),
        (4, "0.00 ms"),
        (206, "0.21 ms"),
        (994, "0.99 ms"),
        (995, "1.0 ms"),
        (9_949, "9.9 ms"),
        (9_950, "10 ms"),
        (412_000, "412 ms"),
    ],
)
def test_times_below_a_millisecond(us, words):
    assert fine(us) == words


def test_quantiles_are_not_told_of_too_few():
    reads = [10_000 * i for i in range(100)]
    assert gaps(reads).quantile("p99") is None
    assert gaps([*reads, 10**6]).quantile("p99") == 10_000
    assert "p99 –" in line(gaps(reads))
