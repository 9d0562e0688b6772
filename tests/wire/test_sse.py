from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets.events import Text, decode, encode
from tokenwidgets.wire import sse
from tokenwidgets.wire.sse import Comment, Message, Overflow, Parser, Stray


def parse(*chunks: bytes, limit: int = sse.EVENT_LIMIT) -> list[sse.Item]:
    parser = Parser(limit)
    return [item for chunk in chunks for item in parser.feed(chunk)] + parser.close()


def byte_by_byte(raw: bytes) -> list[bytes]:
    return [raw[i : i + 1] for i in range(len(raw))]


SAMPLE = (
    "\ufeffdata: first\n\n: alive\n:\ndata:no space\ndata:  two spaces\n\n"
    "data: before its name\nevent: late\nid: 7\nretry: 1500\n\n"
    "event: nothing to say\n\ndata\n\nerror: {}\n<p>\ndata: grüße 🌍 \u2028 \u0085 \x0b\x0c\x1c end\n\ndata: [DONE]"
)
EXPECTED: list[sse.Item] = [
    Message("first"), Comment(), Comment(), Message("no space\n two spaces"), Message("before its name", "late", "7"), Message("", "", "7"),
    Stray("error: {}"), Stray("<p>"), Message("grüße 🌍 \u2028 \u0085 \x0b\x0c\x1c end", "", "7"), Message("[DONE]", "", "7"),
]  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_same_stream_reads_the_same_with_any_line_end_and_any_chunking(end: str) -> None:
    raw = SAMPLE.replace("\n", end).encode()
    assert parse(raw) == EXPECTED
    assert parse(*byte_by_byte(raw)) == EXPECTED
    rng = random.Random(1)
    for _ in range(200):
        cuts = sorted(rng.randrange(len(raw) + 1) for _ in range(rng.randrange(8)))
        assert parse(*(raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True))) == EXPECTED


def test_mixed_line_ends_and_a_crlf_split_over_reads() -> None:
    assert parse(b"data: a\r", b"\ndata: b\r\n", b"\r", b"\n", b"data: c\n\r\n") == [Message("a\nb"), Message("c")]


def test_an_event_comes_with_the_byte_that_ends_it() -> None:
    parser = Parser()
    assert parser.feed(b"data: now\r\n") == []
    assert parser.feed(b"\r") == [Message("now")]
    assert parser.feed(b"\ndata: next\n\n") == [Message("next")]


def test_a_reader_that_comes_back_knows_where_it_was() -> None:
    parser = Parser()
    parser.feed(b"id: 41\ndata: x\n\nid: a\0b\ndata: y\n\nretry: 250\nretry: soon\n\n")
    assert (parser.last_id, parser.retry_ms) == ("41", 250)


@given(st.lists(st.binary(max_size=40), max_size=12))
@settings(deadline=None)
def test_any_bytes_give_items_whatever_the_chunking(chunks: list[bytes]) -> None:
    raw = b"".join(chunks)
    assert parse(*chunks) == parse(raw) == parse(*byte_by_byte(raw))


@given(st.text(alphabet=st.sampled_from("data:evntidry \r\n{}é\ufeff"), max_size=80), st.integers(0, 200))
@settings(max_examples=300, deadline=None)
def test_small_limits_strike_at_the_same_place_whatever_the_chunking(text: str, limit: int) -> None:
    raw = text.encode()
    assert parse(raw, limit=limit) == parse(*byte_by_byte(raw), limit=limit)


def test_every_prefix_reads_without_a_fault_and_never_invents_an_event() -> None:
    raw = SAMPLE.encode()
    expected = [item for item in EXPECTED if isinstance(item, Message)]
    for cut in range(len(raw)):
        messages = [item for item in parse(raw[:cut]) if isinstance(item, Message)]
        assert messages[:-1] == expected[: max(0, len(messages) - 1)]


def test_an_event_that_is_too_large_is_reported_once_and_keeps_what_came_before() -> None:
    raw = b"data: small\n\ndata: " + b"x" * 100 + b"\n\ndata: after\n\n"
    assert parse(raw, limit=50) == [Message("small"), Overflow(50)]
    assert parse(*byte_by_byte(raw), limit=50) == [Message("small"), Overflow(50)]
    many_lines = b"data: x\n" * 20
    assert parse(many_lines, limit=50) == [Overflow(50)]
    assert parse(b"data: 1234\n\n" * 100, limit=50) == [Message("1234")] * 100
    assert parse(b": a long comment\n" * 100, limit=50) == [Comment()] * 100


def test_a_large_event_in_single_bytes_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        raw = b"data: " + b"x" * size + b"\n\n"
        parser, begin = Parser(), time.perf_counter()
        items = [item for i in range(len(raw)) for item in parser.feed(raw[i : i + 1])]
        assert len(items) == 1
        return time.perf_counter() - begin

    seconds(10_000)
    assert seconds(1_000_000) < 40 * seconds(100_000)


def test_what_is_framed_reads_back() -> None:
    entry = encode(Text(0, "grüße\n\r\u2028\ud83d"), 12, 345)
    (message,) = parse(sse.frame(entry.seq, entry.data) + sse.COMMENT)[:1]
    assert isinstance(message, Message)
    assert (message.id, message.event) == ("12", "")
    assert decode(message.data).event == entry.event
    assert parse(sse.COMMENT) == [Comment()]
    assert sse.frame(3, b"{}") == b"id: 3\ndata: {}\n\n"


def test_when_it_was_sent_is_a_comment_which_no_reader_takes_for_data():
    assert sse.sent(4321) == b": sent 4321\n\n"
    assert [type(item) for item in parse(sse.sent(1) + sse.frame(0, b"{}"))] == [Comment, Message]
