"""Many streams over one link: each message answered, streams in turns, a full link costs nothing but its own time."""

from __future__ import annotations

import asyncio
import json

import pytest
from fake_provider import until
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_link import MemoryLink, MemoryStreams

from tokenwidgets.journal import BATCH_BYTES
from tokenwidgets.multiplex import STOPS, Multiplexer
from tokenwidgets.wire import messages


class Session:
    def __init__(self, *names: str) -> None:
        self.streams = MemoryStreams(*names)
        self.link = MemoryLink()
        self.multiplexer = Multiplexer(self.streams, self.link)

    def __getitem__(self, name: str):
        return self.streams.all[name]

    async def receive(self, **body) -> None:
        await asyncio.wait_for(self.multiplexer.receive(json.dumps(body)), 10)

    def seqs(self, name: str) -> list[int]:
        return [e.seq for e in self.link.events(name)]


async def test_start_answers_first_and_then_sends_everything():
    session = Session("new")
    session["new"].say("a")
    await session.receive(op="start", request={"model": "m"}, ref="r1")
    session["new"].say("b")
    session["new"].end()
    await session.link.until(lambda: session.seqs("new") == [0, 1, 2])
    assert session.link.bodies()[0] == {"op": "started", "ref": "r1", "stream": "new"}
    assert session.link.events("new") == session["new"].journal.entries
    await session.multiplexer.aclose()


async def test_attach_from_any_place_and_everything_ready_in_one_message():
    session = Session("s")
    session["s"].say("a", "b", "c")
    await session.receive(op="attach", stream="s", after=0)
    await session.link.until(lambda: session.link.sent)
    assert session.seqs("s") == [1, 2]
    assert len(session.link.sent) == 1
    assert session["s"].readers == 1
    await session.multiplexer.aclose()


async def test_attach_at_the_end_says_that_there_is_nothing_more():
    session = Session("s")
    session["s"].say("a")
    session["s"].end()
    for after in (1, 7):
        await session.receive(op="attach", stream="s", after=after)
        await session.link.until(lambda: session.link.sent)
        assert json.loads(session.link.sent.pop()) == {"stream": "s", "events": []}
    await until(lambda: session["s"].readers == 0)
    await session.multiplexer.aclose()


async def test_attach_again_reads_from_there_anew():
    session = Session("s")
    session["s"].say("a", "b", "c")
    await session.receive(op="attach", stream="s")
    await session.link.until(lambda: session.seqs("s") == [0, 1, 2])
    await session.receive(op="attach", stream="s", after=1)
    await session.link.until(lambda: len(session.link.sent) == 2)
    session["s"].say("d")
    await session.link.until(lambda: len(session.link.sent) == 3)
    assert session.seqs("s") == [0, 1, 2, 2, 3]  # once each from there: the first reader is gone
    assert session["s"].readers == 1
    await session.multiplexer.aclose()


async def test_detach_leaves_the_stream_running_and_sends_no_more():
    session = Session("s", "t")
    session["s"].say("a")
    await session.receive(op="attach", stream="s")
    await session.link.until(lambda: session.seqs("s") == [0])
    await session.receive(op="detach", stream="s")
    session["s"].say("b")
    session["t"].say("later")
    await session.receive(op="attach", stream="t")
    await session.link.until(lambda: session.seqs("t") == [0])
    assert session.seqs("s") == [0]
    assert (session["s"].readers, session["s"].journal.terminal, session.streams.stopped) == (0, None, [])
    await session.receive(op="detach", stream="never attached")
    await session.multiplexer.aclose()


async def test_stop_ends_the_stream_and_its_reader_gets_the_ending():
    session = Session("s")
    await session.receive(op="attach", stream="s")
    await session.receive(op="stop", stream="s")
    await session.link.until(lambda: session.seqs("s") == [0])
    assert session.link.events("s")[0].event.reason == "cancelled"
    assert session.streams.stopped == ["s"]
    await session.multiplexer.aclose()


async def test_ping_brings_back_what_was_given():
    session = Session()
    await session.receive(op="ping", t=12.5)
    (pong,) = session.link.bodies()
    assert (pong["op"], pong["t"], isinstance(pong["now"], int)) == ("pong", 12.5, True)


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({"op": "attach", "stream": "gone", "after": -1}, {"stream": "gone"}, "not_found"),
        ({"op": "stop", "stream": "gone"}, {"stream": "gone"}, "not_found"),
        ({"op": "start", "request": 5, "ref": 9}, {"ref": 9}, "bad_request"),
        ({"op": "attach", "stream": "s", "after": "1"}, {"stream": "s"}, "bad_request"),
        ({"op": "attach", "stream": 5}, {}, "bad_request"),
        ({"op": "dance", "ref": "r"}, {"ref": "r"}, "bad_request"),
        ({"op": ["start"]}, {}, "bad_request"),
        ({"op": "attach", "stream": "s" * 257}, {}, "bad_request"),
        ({"op": "start", "request": {}, "ref": ["r"]}, {}, "bad_request"),
        ({"op": "start", "request": {}, "ref": "r" * 257}, {}, "bad_request"),
        ({"op": "start", "request": {}, "ref": True}, {}, "bad_request"),
        ({"op": "ping", "t": "1", "ref": "r" * 256}, {"ref": "r" * 256}, "bad_request"),
        ({"op": "ping", "t": [1]}, {}, "bad_request"),
        ({"op": "ping", "t": True}, {}, "bad_request"),
        ({}, {}, "bad_request"),
    ],
)
async def test_what_cannot_be_done_is_answered_where_it_was_asked(body, place, code):
    session = Session("s")
    await session.receive(**body)
    await session.link.until(lambda: session.link.sent)
    (answer,) = session.link.bodies()
    assert answer.pop("error")["code"] == code
    assert answer == {"op": "refused", **place}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["start", "attach", "stop", "detach", "ping", "s"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["op", "stream", "after", "part", "ref", "t"]), inner),
    max_leaves=6,
)


@given(st.text(max_size=40) | json_values.map(json.dumps) | st.dictionaries(
    st.sampled_from(["op", "stream", "after", "part", "ref", "t", "request"]), json_values).map(json.dumps))  # fmt: skip
@settings(max_examples=200)
def test_rubbish_never_raises(text):
    async def session() -> None:
        made = Session("s")
        made["s"].end()
        await made.multiplexer.receive(text)
        await made.multiplexer.aclose()
        for data in made.link.sent:
            json.loads(data)

    asyncio.run(session())


@pytest.mark.parametrize("depth", [900, 940, 960, 980, 990, 100_000])
async def test_deep_nesting_never_raises(depth):
    session = Session()
    await session.multiplexer.receive('{"op":"ping","t":' + "[" * depth + "]" * depth + "}")
    await session.multiplexer.receive('{"op":"dance","ref":' + "[" * depth + "]" * depth + "}")
    assert len(session.link.sent) == 2


# ---------------------------------------------------------------------- turns and back-pressure


async def test_a_flood_does_not_starve_a_slow_stream():
    session = Session("flood", "slow")
    session["flood"].say(*("x" * 1000 for _ in range(2000)))
    session["flood"].end()
    await session.receive(op="attach", stream="flood")
    await session.receive(op="attach", stream="slow")
    before = len(session.link.sent)
    session["slow"].say("a")
    await session.link.until(lambda: session.seqs("slow") == [0])
    order = [body["stream"] for body in session.link.bodies()]
    assert order.index("slow") - before <= 2
    assert session.seqs("flood")[-1] < 2000
    assert all(len(data) < BATCH_BYTES + 2000 for data in session.link.sent)
    await session.link.until(lambda: session.seqs("flood")[-1] == 2000)
    assert session.seqs("flood") == list(range(2001))
    await session.multiplexer.aclose()


async def test_streams_of_one_link_take_turns():
    session = Session("a", "b", "c")
    for name in "abc":
        session[name].say(*("x" * 1000 for _ in range(300)))
        session[name].end()
    session.link.open.clear()
    for name in "abc":
        await session.receive(op="attach", stream=name)
    await asyncio.sleep(0)
    session.link.open.set()
    await session.link.until(lambda: all(session[n].journal.entries == session.link.events(n) for n in "abc"))
    order = "".join(body["stream"] for body in session.link.bodies())
    assert order == "abc" * (len(order) // 3)
    await session.multiplexer.aclose()


async def test_while_the_link_is_full_nothing_is_collected_and_then_all_comes_in_one_message():
    session = Session("s")
    session["s"].say("first")
    await session.receive(op="attach", stream="s")
    await session.link.until(lambda: session.seqs("s") == [0])
    session.link.open.clear()
    for n in range(50):
        session["s"].say(str(n))
        await asyncio.sleep(0)
    session["s"].end()
    await asyncio.sleep(0)
    assert session.seqs("s") == [0]
    session.link.open.set()
    await session.link.until(lambda: len(session.link.sent) == 2)
    assert messages.entries(session.link.sent[-1].decode()) == session["s"].journal.entries[1:]
    await session.multiplexer.aclose()


@pytest.mark.parametrize("body", [{"op": "ping", "t": 1}, {"op": "start", "request": {}}, {"op": "dance"}])
async def test_who_sends_and_does_not_read_is_not_heard_any_further(body):
    session = Session()
    session.link.open.clear()
    asking = asyncio.ensure_future(session.receive(**body))
    for _ in range(10):
        await asyncio.sleep(0)
    assert (asking.done(), session.link.sent) == (False, [])
    session.link.open.set()
    await asking
    assert len(session.link.sent) == 1
    await session.multiplexer.aclose()


class SlowStops(MemoryStreams):
    """Its stops end when a test lets them."""

    def __init__(self, *names: str) -> None:
        super().__init__(*names)
        self.let_go = asyncio.Event()
        self.asked: list[str] = []

    async def stop(self, stream_id: str) -> None:
        self.asked.append(stream_id)
        await self.let_go.wait()
        await super().stop(stream_id)


async def test_a_slow_stop_holds_nothing_up_and_is_carried_out_though_the_page_leaves():
    session = Session()
    slow = session.multiplexer._streams = SlowStops("s")
    await session.receive(op="stop", stream="s")
    await session.receive(op="stop", stream="gone")
    await session.receive(op="ping", t=1)
    assert [body["op"] for body in session.link.bodies()] == ["pong"]
    closing = asyncio.ensure_future(session.multiplexer.aclose())
    await until(lambda: slow.asked == ["s", "gone"])
    slow.let_go.set()
    await asyncio.wait_for(closing, 10)
    assert slow.stopped == ["s"]
    assert len(session.link.sent) == 1, "who left is not told"


async def test_a_refused_stop_is_answered_late():
    session = Session()
    slow = session.multiplexer._streams = SlowStops()
    await session.receive(op="stop", stream="gone", ref=3)
    slow.let_go.set()
    await session.link.until(lambda: session.link.sent)
    (answer,) = session.link.bodies()
    assert (answer["op"], answer["ref"], answer["stream"], answer["error"]["code"]) == ("refused", 3, "gone", "not_found")
    await session.multiplexer.aclose()


async def test_stops_without_end_wait_for_each_other():
    session = Session()
    slow = session.multiplexer._streams = SlowStops()
    for n in range(STOPS):
        await session.receive(op="stop", stream=str(n))
    one_more = asyncio.ensure_future(session.receive(op="stop", stream="more"))
    await until(lambda: len(slow.asked) == STOPS)
    assert not one_more.done()
    slow.let_go.set()
    await one_more
    await session.multiplexer.aclose()
    assert slow.asked[-1] == "more"


async def test_what_was_waiting_when_the_page_left_is_carried_out_and_not_followed():
    session = Session("s")
    await session.multiplexer.aclose()
    await session.receive(op="stop", stream="s")
    await session.receive(op="start", request={})
    await session.receive(op="attach", stream="s")
    await session.receive(op="ping", t=1)
    await until(lambda: session.streams.stopped == ["s"])
    assert (session["s"].readers, session["new"].readers, session.link.sent) == (0, 0, [])


async def test_a_reader_that_leaves_a_full_link_does_not_block_the_others():
    session = Session("s", "t")
    session.link.open.clear()
    session["s"].say("a")
    session["t"].say("b")
    await session.receive(op="attach", stream="s")
    await session.receive(op="attach", stream="t")
    await asyncio.sleep(0)
    await session.receive(op="detach", stream="s")
    session.link.open.set()
    await session.link.until(lambda: session.seqs("t") == [0])
    assert session.seqs("s") == []
    await session.multiplexer.aclose()


async def test_a_link_that_breaks_costs_its_readers_and_nothing_else():
    session = Session("s")

    def broken(_: str) -> None:
        raise ConnectionResetError

    session.link.hand_on = broken
    session["s"].say("a")
    await session.receive(op="attach", stream="s")
    await until(lambda: session.link.sent)
    await until(lambda: session["s"].readers == 0)
    assert session["s"].journal.terminal is None
    await session.multiplexer.aclose()


async def test_aclose_leaves_every_stream_and_stops_none():
    session = Session("s", "t")
    for name in "st":
        await session.receive(op="attach", stream=name)
    await until(lambda: session["s"].readers == session["t"].readers == 1)
    await session.multiplexer.aclose()
    assert (session["s"].readers, session["t"].readers, session.streams.stopped) == (0, 0, [])


# ---------------------------------------------------------------------- clocks


async def test_events_say_when_they_were_written_where_the_stream_has_a_clock():
    session = Session("s", "t")
    session["s"].clock = lambda: 4321
    for name in "st":
        session[name].say("a")
        await session.receive(op="attach", stream=name)
        await session.link.until(lambda name=name: session.seqs(name) == [0])
    assert [body.get("sent") for body in session.link.bodies()] == [4321, None]
    await session.multiplexer.aclose()


@pytest.mark.parametrize(("stream", "at"), [("s", 4321), ("t", None), ("gone", None)])
async def test_a_ping_may_ask_for_a_streams_clock_and_is_answered_in_any_case(stream, at):
    session = Session("s", "t")
    session["s"].clock = lambda: 4321
    await session.receive(op="ping", t=1, stream=stream)
    (pong,) = session.link.bodies()
    assert (pong["op"], pong["t"], pong.get("at")) == ("pong", 1, at)


async def test_a_ping_that_names_no_stream_rightly_is_refused():
    session = Session()
    await session.receive(op="ping", t=1, stream=5)
    (answer,) = session.link.bodies()
    assert answer["error"]["code"] == "bad_request"
