"""The vocabulary: whatever an event says comes back from its bytes, and what it does not say is not in them."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets import events
from tokenwidgets.card import bundle
from tokenwidgets.events import (
    TERMINAL,
    Audio,
    Billing,
    Carry,
    End,
    EndReason,
    Error,
    ErrorCode,
    Event,
    Notice,
    Reasoning,
    Refusal,
    Speech,
    Stage,
    Start,
    Text,
    Tool,
    Transcript,
    Unknown,
    Usage,
    decode,
    encode,
)
from tokenwidgets.metrics import measure

texts = st.text(st.characters())  # lone surrogates included: providers split characters
blocks = st.integers(0, 2**31)
choices = st.integers(0, 7)
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)
counts = st.none() | st.integers(0, 2**40)

EVENTS: dict[type[Any], st.SearchStrategy[Any]] = {
    Start: st.builds(Start, texts, texts, texts, texts, st.floats(-events.CALENDAR, events.CALENDAR), st.booleans(), st.booleans()),
    Text: st.builds(Text, blocks, texts, choices),
    Reasoning: st.builds(Reasoning, blocks, texts, st.sampled_from(["full", "summary"]), choices),
    Refusal: st.builds(Refusal, blocks, texts, choices),
    Tool: st.builds(Tool, blocks, st.none() | texts, st.none() | texts, texts, st.booleans(), values, st.booleans(), choices),
    Audio: st.builds(Audio, blocks, texts, st.booleans(), st.none() | st.integers(0, 96_000), choices),
    Transcript: st.builds(Transcript, blocks, texts, texts, st.booleans(), choices),
    Speech: st.builds(Speech, st.sampled_from(["started", "stopped", "interrupted"])),
    Carry: st.builds(Carry, blocks, values, choices),
    Usage: st.builds(
        Usage, counts, counts, counts, counts, counts, counts, counts, st.sampled_from(["final", "cumulative", "estimated"]),
        st.none() | numbers, st.none() | objects,
    ),
    Notice: st.builds(Notice, texts, objects),
    End: st.builds(End, st.sampled_from(get_args(EndReason)), st.none() | texts, st.sampled_from([None, *get_args(Billing)])),
    Error: st.builds(
        Error, st.sampled_from(get_args(ErrorCode)), texts, st.sampled_from(get_args(Stage)), counts, st.booleans(), st.none() | numbers
    ),
}  # fmt: skip
anything = st.one_of(*EVENTS.values())


def test_every_type_of_the_vocabulary_is_tested_here():
    assert set(EVENTS) | {Unknown} == set(get_args(Event))


@given(anything, st.integers(0, 2**40), st.integers(0, 2**50))
def test_what_is_encoded_reads_back(event, seq, at):
    entry = encode(event, seq, at)
    assert decode(entry.data) == entry
    assert decode(entry.data.decode()) == entry
    assert entry.terminal == isinstance(event, TERMINAL)


@given(anything)
def test_the_bytes_are_one_line_of_utf8_json(event):
    data = encode(event, 3, 4).data
    body = json.loads(data.decode("utf-8"))
    assert (body["type"], body["seq"], body["at"]) == (event.type, 3, 4)
    assert not set(b"\r\n") & set(data)
    assert list(body)[:3] == ["type", "seq", "at"]


@given(anything)
def test_what_an_event_does_not_say_is_not_in_its_bytes(event):
    body = json.loads(encode(event, 0, 0).data)
    assert body.get("choice") != 0
    assert all(value is not None for name, value in body.items() if name not in ("opaque",))
    assert ("choice" in body) == (getattr(event, "choice", 0) != 0)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (Text(0, "Grüße 🌍"), '{"type":"text","seq":7,"at":9,"block":0,"delta":"Grüße 🌍"}'),
        (Text(1, "x", choice=2), '{"type":"text","seq":7,"at":9,"block":1,"delta":"x","choice":2}'),
        (Text(0, "\ud83d"), '{"type":"text","seq":7,"at":9,"block":0,"delta":"\\ud83d"}'),
        (Tool(0, "a", "f", done=True, arguments={"x": 1}),
         '{"type":"tool","seq":7,"at":9,"block":0,"id":"a","name":"f","done":true,"arguments":{"x":1}}'),
        (Tool(0, done=True, arguments=0), '{"type":"tool","seq":7,"at":9,"block":0,"done":true,"arguments":0}'),
        (Tool(0, done=True, arguments=False), '{"type":"tool","seq":7,"at":9,"block":0,"done":true,"arguments":false}'),
        (Usage(input=0), '{"type":"usage","seq":7,"at":9,"input":0}'),
        (End("stop"), '{"type":"end","seq":7,"at":9,"reason":"stop"}'),
        (Error("limit", "Too much."), '{"type":"error","seq":7,"at":9,"code":"limit","message":"Too much."}'),
    ],
)  # fmt: skip
def test_the_bytes_every_reader_gets(event, data):
    assert encode(event, 7, 9).data.decode() == data


def test_the_two_halves_of_a_split_character_make_it_whole():
    halves = "🌍".encode("utf-16-be", "surrogatepass")
    first, second = (halves[i : i + 2].decode("utf-16-be", "surrogatepass") for i in (0, 2))
    read = [decode(encode(Text(0, half), 0, 0).data).event.delta for half in (first, second)]
    assert "".join(read).encode("utf-16", "surrogatepass").decode("utf-16") == "🌍"


@given(objects.filter(lambda o: not {"type", "seq", "at"} & set(o)))
def test_an_event_of_a_later_version_is_kept_whole(fields):
    data = json.dumps({"type": "hologram", "seq": 4, "at": 5, **fields}, separators=(",", ":")).encode()
    entry = decode(data)
    assert isinstance(entry.event, Unknown)
    assert not entry.terminal
    assert json.loads(encode(entry.event, 4, 5).data) == json.loads(data)


def test_a_later_versions_field_of_a_known_event_is_passed_over():
    entry = decode(b'{"type":"text","seq":0,"at":1,"block":0,"delta":"x","mood":"merry"}')
    assert entry.event == Text(0, "x")
    assert b"merry" in entry.data


@pytest.mark.parametrize(
    "data", ["", "{", "[]", "5", "null", "{}", '{"type":5}', '{"type":"text"}', '{"type":"text","seq":"0","at":0}',
             '{"type":"text","seq":0,"at":0,"block":0}', '{"type":"end","seq":0,"at":1.5,"reason":"stop"}', b"\xff\xfe", "[" * 100_000],
)  # fmt: skip
def test_rubbish_is_a_value_error(data):
    with pytest.raises(ValueError):
        decode(data)


@given(st.binary(max_size=60) | st.text(max_size=60) | values.map(lambda v: json.dumps(v)))
def test_any_bytes_give_an_entry_or_a_value_error(data):
    try:
        entry = decode(data)
    except ValueError:
        return
    assert isinstance(entry, events.Entry)


@pytest.mark.parametrize(
    ("fields", "words"),
    [('"type":"notice","kind":"connection","data":[]', "in 'notice', 'data' is an object"),
     ('"type":"error","code":"internal","message":5', "'message' is a string"),
     ('"type":"error","code":"internal","message":"m","status":"500"', "'status' is a whole number or null"),
     ('"type":"error","code":"internal","message":"m","retryable":1', "'retryable' is true or false"),
     ('"type":"text","block":true,"delta":"x"', "'block' is a whole number"),
     ('"type":"text","block":0,"delta":null', "'delta' is a string"),
     ('"type":"usage","output":1.5', "'output' is a whole number or null"),
     ('"type":"usage","output":1' + "0" * 400, "'output' is a whole number or null"),
     ('"type":"usage","cost":NaN', "'cost' is a number or null"),
     ('"type":"usage","mode":null', "'mode' is a string"),
     ('"type":"usage","timings":[]', "'timings' is an object or null"),
     ('"type":"end","reason":["stop"]', "'reason' is a string"),
     ('"type":"start","id":"x","model":"m","host":"h","dialect":"d","created":1e300', "'created' is a number")],
)  # fmt: skip
def test_a_field_of_another_kind_is_a_value_error_that_names_it(fields, words):
    with pytest.raises(ValueError, match=words):
        decode(f'{{"seq":0,"at":0,{fields}}}')


@pytest.mark.parametrize("place", ['"seq":true,"at":0', '"seq":0,"at":false', '"seq":0,"at":1' + "0" * 400, '"seq":0,"at":null'])
def test_a_place_is_two_whole_numbers(place):
    with pytest.raises(ValueError, match="needs integers"):
        decode(f'{{"type":"text",{place},"block":0,"delta":"x"}}')


def test_null_may_stand_where_it_says_nothing_and_a_word_of_a_later_version_anywhere():
    assert decode('{"type":"usage","seq":0,"at":0,"output":null,"cost":2}').event == Usage(cost=2)
    assert decode('{"type":"end","seq":0,"at":0,"reason":"bored","raw":null}').event == End("bored")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)  # what Python's json reads, which is more than JSON
LOADED = st.sampled_from(list(EVENTS)).flatmap(
    lambda cls: EVENTS[cls].flatmap(
        lambda event: st.fixed_dictionaries({}, optional={f.name: ANY for f in dataclasses.fields(cls)}).map(
            lambda changes: {"type": event.type, **events.payload(event), **changes}
        )
    )
)


@given(st.lists(st.tuples(LOADED, st.integers(-(2**53), 2**53)), max_size=4))
def test_whatever_loads_can_be_measured_and_shown(bodies):
    entries = []
    for body, at in bodies:
        with suppress(ValueError):
            entries.append(decode(json.dumps({**body, "seq": len(entries), "at": at})))
    measure(entries)
    assert bundle(entries)["text/plain"]


def test_generated_tokens_are_all_that_the_model_produced():
    assert Usage(input=9).generated is None
    assert Usage(output=3, reasoning=4, audio_out=5, input=100).generated == 12
    assert Usage(output=0).generated == 0
