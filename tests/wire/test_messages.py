"""The socket's messages: events are the same bytes as everywhere, and long messages arrive whole or not at all."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets.errors import Refused
from tokenwidgets.events import Entry, Notice, Text, Tool, encode
from tokenwidgets.wire import messages
from tokenwidgets.wire.messages import PART_OVERHEAD, Joiner, entries, split

HOSTILE = [
    '"events":[', '\\"events\\":[', '"],"events":[{', "]}", ',{"type":"end"}', "\ud83d", "\u2028\x00\n\r",
    '{"part":[1,0,1],"data":""}', "\\",
]  # fmt: skip
hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=6), max_size=6).map("".join)
plain = st.text(st.characters(codec="utf-8"))
batches = st.lists(
    st.builds(Text, st.integers(0, 3), hostile) | st.builds(lambda s: Tool(0, s, s, s, arguments={s: [s]}), hostile)
    | st.builds(lambda s: Notice(s, {s: s}), hostile),
    max_size=6,
).map(lambda found: [encode(event, seq, seq) for seq, event in enumerate(found)])  # fmt: skip


@given(hostile, batches)
def test_events_come_out_with_the_bytes_that_went_in(stream, batch: list[Entry]):
    data = messages.events(stream, batch)
    body = json.loads(data)
    assert body["stream"] == stream
    assert len(body["events"]) == len(batch)
    for entry in batch:
        assert entry.data in data
    found = entries(data.decode())
    assert found == batch
    assert [e.data for e in found] == [e.data for e in batch]


def test_bytes_of_another_writer_are_kept():
    odd = b'{"type":"text", "at":1,"seq":0, "block":0, "delta":"\\u00e9","later":[1, 2]}'
    (entry,) = entries(messages.events("s", [Entry(0, 1, Text(0, "é"), odd)]).decode())
    assert entry.data == odd


@pytest.mark.parametrize(
    "text", ["", "{}", '{"events":[', '{"events":[{}', '{"events":[{}]}', '{"events":[1]}', '{"events":[,]}', '{"events":{}}',
             '{"events":[{"type":"text","seq":0,"at":0}]}', '{"events":[{"type":"x","seq":0,"at":0};]}', '{"events":[' + "[" * 100_000],
)  # fmt: skip
def test_what_is_no_message_of_events_is_a_value_error(text):
    with pytest.raises(ValueError):
        entries(text)


@given(st.text(max_size=80))
def test_any_text_gives_events_or_a_value_error(text):
    try:
        entries('{"events":[' + text)
    except ValueError:
        return


@pytest.mark.parametrize("data", ["", "{", "[]", "5", "null", '"x"', b"\xff", "[" * 100_000, "1" * 5000])
def test_what_is_no_object_is_refused_in_one_sentence(data):
    with pytest.raises(Refused, match=r"^A message is a JSON object with 'op'\.$") as refusal:
        messages.parse(data)
    assert refusal.value.status == 400


def test_the_other_messages_leave_out_what_they_do_not_say():
    assert json.loads(messages.message("started", ref="r", stream="s")) == {"op": "started", "ref": "r", "stream": "s"}
    assert json.loads(messages.message("pong", t=None, now=4)) == {"op": "pong", "now": 4}
    assert json.loads(messages.refused(Refused("not_found", "There is none."), "r")) == {
        "op": "refused", "ref": "r", "error": {"code": "not_found", "message": "There is none."}
    }  # fmt: skip


# ---------------------------------------------------------------------- parts


def joined(joiner: Joiner, parts: list[bytes]) -> list[str]:
    return [whole for part in parts if (whole := joiner.feed(part.decode())) is not None]


@given(plain, st.integers(1, 3000))
def test_any_text_comes_through_parts_of_any_size(text, limit):
    assert joined(Joiner(), split(text.encode(), limit, 7)) == [text]


@given(plain.map(lambda t: t * 5), st.integers(PART_OVERHEAD + 6, 600), st.integers(0, 2**31))
def test_every_part_fits_the_link(text, limit, ident):
    parts = split(text.encode(), limit, ident)
    assert all(len(part) <= limit for part in parts)
    assert len(parts) == 1 or all(json.loads(p)["part"] == [ident, i, len(parts)] for i, p in enumerate(parts))


def test_a_short_message_travels_as_itself():
    assert split(b'{"op":"ping"}', 100, 1) == [b'{"op":"ping"}']
    assert Joiner().feed('{"op":"ping"}') == '{"op":"ping"}'


@given(st.lists(plain.map(lambda t: t + "x" * 200), min_size=1, max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_messages_may_interleave_and_parts_come_in_any_order(texts, rng: random.Random):
    parts = [p for n, text in enumerate(texts) for p in split(text.encode(), PART_OVERHEAD + 60, n)]
    rng.shuffle(parts)
    assert sorted(joined(Joiner(), parts)) == sorted(texts)


def test_a_message_between_parts_passes_at_once():
    joiner = Joiner()
    first, *rest = split(b"y" * 300, PART_OVERHEAD + 100, 1)
    assert joiner.feed(first.decode()) is None
    assert joiner.feed('{"op":"pong"}') == '{"op":"pong"}'
    assert joined(joiner, rest) == ["y" * 300]


def part(ident: object, index: object, count: object, data: object = "x") -> str:
    return '{"part":' + json.dumps([ident, index, count]) + ',"data":' + json.dumps(data) + "}"


@pytest.mark.parametrize(
    "text", ['{"part":', '{"part":5,"data":"x"}', '{"part":[1,0],"data":"x"}', part(1, 2, 2), part(1, -1, 2), part(1, 0, 0),
             part("1", 0, 2), part(1, 0.5, 2), part(1, 0, 2, 5), part(1, 0, 10**12), '{"part":[1,0,2]}'],
)  # fmt: skip
def test_rubbish_parts_are_refused(text):
    with pytest.raises(Refused):
        Joiner().feed(text)


def test_parts_that_contradict_each_other_are_refused_and_what_was_held_is_dropped():
    joiner = Joiner()
    assert joiner.feed(part(1, 0, 2)) is None
    with pytest.raises(Refused, match="contradict"):
        joiner.feed(part(1, 0, 2))
    assert joiner.feed(part(1, 1, 2)) is None  # the first half is gone
    with pytest.raises(Refused, match="contradict"):
        joiner.feed(part(1, 0, 3))


def test_unfinished_messages_are_bounded_together():
    joiner = Joiner(limit=10_000)
    parts = [part(ident, 0, 2, "x" * 1000).encode() for ident in range(100)]
    with pytest.raises(Refused, match="10000 bytes"):
        joined(joiner, parts)
    assert joined(joiner, split(b"z" * 3000, 1000, 1)) == ["z" * 3000]


def test_many_beginnings_without_text_are_bounded_too():
    parts = [part(ident, 0, 70, "").encode() for ident in range(1000)]
    with pytest.raises(Refused):
        joined(Joiner(limit=10_000), parts)


def test_finished_messages_free_their_room():
    joiner = Joiner(limit=4000)
    for ident in range(50):
        assert joined(joiner, split(b"w" * 900, 500, ident)) == ["w" * 900]
