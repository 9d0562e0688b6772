"""Both sides of the socket's protocol joined in memory: every reader gets its stream, whole, and a broken link tells them all."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from fake_provider import until
from memory_link import MemoryLink, MemoryStreams

from tokenwidgets.clients.base import Disconnected
from tokenwidgets.clients.channel import Channel
from tokenwidgets.clients.follow import follow
from tokenwidgets.errors import Refused
from tokenwidgets.events import Entry
from tokenwidgets.multiplex import Multiplexer
from tokenwidgets.wire.messages import split


class Joined:
    """A channel and a multiplexer, joined by two queues; `limit` is the link's largest message."""

    def __init__(self, streams: MemoryStreams, limit: int = 2**20) -> None:
        self.streams = streams
        self.link = MemoryLink()
        self.multiplexer = Multiplexer(streams, self.link)
        self.asked: list[str] = []
        self._up: asyncio.Queue[str] = asyncio.Queue()
        self._ident = itertools.count()
        self.channel = Channel(self._ask)
        self.link.hand_on = lambda text: [self.channel.receive(p.decode()) for p in split(text.encode(), limit, next(self._ident))]
        self._task = asyncio.ensure_future(self._carry())

    def _ask(self, text: str) -> None:
        self.asked.append(text)
        self._up.put_nowait(text)

    async def _carry(self) -> None:
        while True:
            await self.multiplexer.receive(await self._up.get())

    async def aclose(self) -> None:
        self._task.cancel()
        await self.multiplexer.aclose()


async def read_all(channel: Channel, stream: str, after: int = -1) -> list[Entry]:
    async with asyncio.timeout(10):
        return [entry async for batch in channel.attach(stream, after) for entry in batch]


async def test_a_stream_arrives_whole_and_is_left_again():
    joined = Joined(MemoryStreams("s"))
    reading = asyncio.ensure_future(read_all(joined.channel, "s"))
    stream = joined.streams.all["s"]
    for n in range(10):
        stream.say(str(n))
        await asyncio.sleep(0)
    stream.end()
    assert await reading == stream.journal.entries
    assert '"detach"' in joined.asked[-1]
    await until(lambda: stream.readers == 0)
    await joined.aclose()


@pytest.mark.parametrize("limit", [150, 1000, 2**20])
async def test_streams_side_by_side_over_links_of_any_message_size(limit):
    joined = Joined(MemoryStreams("a", "b"), limit)
    for name, stream in joined.streams.all.items():
        stream.say(*(f'{name}{n} "events":[ 🌍' for n in range(40)))
        stream.end()
    found = await asyncio.gather(*(read_all(joined.channel, name, after) for name, after in (("a", -1), ("b", 20))))
    assert found[0] == joined.streams.all["a"].journal.entries
    assert found[1] == joined.streams.all["b"].journal.entries[21:]
    await joined.aclose()


async def test_attaching_at_the_end_ends():
    joined = Joined(MemoryStreams("s"))
    joined.streams.all["s"].end()
    assert await read_all(joined.channel, "s", 0) == []
    await joined.aclose()


async def test_a_refusal_reaches_the_reader_it_is_for():
    joined = Joined(MemoryStreams("s"))
    other = asyncio.ensure_future(read_all(joined.channel, "s"))
    with pytest.raises(Refused, match=r"There is no such stream\.") as refusal:
        await read_all(joined.channel, "gone")
    assert (refusal.value.code, refusal.value.status) == ("not_found", 404)
    joined.streams.all["s"].end()
    assert len(await other) == 1
    await joined.aclose()


async def test_a_broken_link_tells_every_reader_and_every_later_one():
    joined = Joined(MemoryStreams("s", "t"))
    readers = [asyncio.ensure_future(read_all(joined.channel, name)) for name in ("s", "t")]
    await until(lambda: len(joined.asked) == 2)
    joined.channel.broken("The socket closed.")
    for reader in readers:
        with pytest.raises(Disconnected, match=r"The socket closed\."):
            await reader
    with pytest.raises(Disconnected):
        await read_all(joined.channel, "s")
    await joined.aclose()


@pytest.mark.parametrize("after", [-1, 3, 9])
async def test_two_readers_of_one_stream_both_get_all_of_theirs(after):
    """Such as a result and `tw.open` of the same stream in one kernel."""
    joined = Joined(MemoryStreams("s"))
    stream = joined.streams.all["s"]
    stream.say(*(str(n) for n in range(10)))
    first = asyncio.ensure_future(read_all(joined.channel, "s"))
    await joined.link.until(lambda: len(joined.link.events("s")) >= 10)
    second = asyncio.ensure_future(read_all(joined.channel, "s", after))
    await until(lambda: len(joined.asked) == 2)
    stream.say("more")
    stream.end()
    assert await first == stream.journal.entries
    assert await second == stream.journal.entries[after + 1 :]
    await joined.aclose()


async def test_one_of_two_readers_may_leave_and_the_other_reads_on():
    joined = Joined(MemoryStreams("s"))
    stream = joined.streams.all["s"]
    leaving = joined.channel.attach("s", -1)
    staying = asyncio.ensure_future(read_all(joined.channel, "s"))
    stream.say("a")
    async with asyncio.timeout(10):
        assert [e.seq for e in await anext(leaving)] == [0]
    await leaving.aclose()
    stream.say("b")
    stream.end()
    assert await staying == stream.journal.entries
    await joined.aclose()


async def test_follow_over_a_channel_whose_link_is_broken_at_every_event():
    """A new link for each attempt, as the socket's reader does; it breaks with the next message but one."""
    streams = MemoryStreams("s")
    stream = streams.all["s"]
    stream.say(*(str(n) for n in range(12)))
    stream.end()
    links: list[Joined] = []

    class Breaking:
        transport = "memory"

        async def attach(self, name, after):
            joined = Joined(streams)
            links.append(joined)
            joined.link.hand_on = lambda text: self._carry(joined, text)
            async for batch in joined.channel.attach(name, after):
                yield batch[:1]
                joined.channel.broken("Gone.")

        def _carry(self, joined, text):
            joined.channel.receive(text)

        async def aclose(self):
            pass

    async def no_wait(_: float) -> None:
        await asyncio.sleep(0)

    async with asyncio.timeout(10):
        found = [e async for batch in follow(Breaking(), "s", sleep=no_wait) for e in batch]
    assert found == stream.journal.entries
    for joined in links:
        await joined.aclose()


@pytest.mark.parametrize("text", ['{"op":"started","stream":"s"}', '{"op":"later"}', '{"stream":"other","events":[]}', '{"op":"pong"}'])
async def test_messages_for_nobody_are_passed_over(text):
    joined = Joined(MemoryStreams("s"))
    reading = asyncio.ensure_future(read_all(joined.channel, "s"))
    await until(lambda: joined.asked)
    joined.channel.receive(text)
    joined.streams.all["s"].end()
    assert len(await reading) == 1
    await joined.aclose()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"part":[1,2]}'])
def test_rubbish_is_refused(text):
    with pytest.raises(Refused):
        Channel(lambda text: None).receive(text)


@pytest.mark.parametrize(
    "text", ['{"events":5}', '{"events":[5]}', '{"events": [{"type":"x"}]}', '{"stream":"s","events":{"a":"\\"events\\":["}}']
)
def test_events_that_are_none_are_a_value_error(text):
    with pytest.raises(ValueError):
        Channel(lambda text: None).receive(text)
