"""One stream, three transports: the same bytes in the same order, whatever is cut, from one call of the provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import aioice.ice
import pytest
from server_tools import LIMIT, Access, Process, Upstream

from tokenwidgets.clients.base import Disconnected, Reader
from tokenwidgets.clients.follow import follow
from tokenwidgets.clients.rest import Rest
from tokenwidgets.clients.sse import SSEReader
from tokenwidgets.clients.webrtc import OrderedReader, UnorderedReader, WebRTCReader
from tokenwidgets.clients.websocket import WebSocketReader
from tokenwidgets.events import Entry

KINDS = {
    "sse": SSEReader, "ws": WebSocketReader,
    "webrtc": WebRTCReader, "webrtc-ordered": OrderedReader, "webrtc-unordered": UnorderedReader,
}  # fmt: skip
REQUEST = {"model": "scripted/m", "prompt": "x"}
PIECES = [f"w\u00f6rd {n} \u2028\U0001f600, " for n in range(60)]


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that run tests may have no network interface: loopback is a path for WebRTC here, as it is in the server."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@asynccontextmanager
async def scripted(process: Process, free: int) -> AsyncIterator[Upstream]:
    """The provider, known to the server as host `scripted`."""
    async with asyncio.timeout(LIMIT * 2), Upstream(PIECES, free=free) as upstream:
        process.config_file.write_text(upstream.config())
        try:
            yield upstream
        finally:
            process.config_file.unlink()


@asynccontextmanager
async def kernel(real: Access) -> AsyncIterator[tuple[Rest, dict[str, Reader]]]:
    rest = real.rest()
    readers: dict[str, Reader] = {name: kind(rest) for name, kind in KINDS.items()}
    try:
        yield rest, readers
    finally:
        for reader in readers.values():
            await reader.aclose()
        await rest.aclose()


async def some(reader: Reader, stream: str, after: int, count: int, into: list[Entry]) -> None:
    """Read `count` events, or to the end, then leave."""
    attached = reader.attach(stream, after)
    try:
        async for batch in attached:
            into += batch
            count -= len(batch)
            if count <= 0 or batch[-1].terminal:
                return
    finally:
        await attached.aclose()  # type: ignore[attr-defined]


async def whole(reader: Reader, stream: str, into: list[Entry]) -> None:
    await some(reader, stream, -1, 10**9, into)


def told(entries: list[Entry]) -> list[bytes]:
    """What was received: seqs without gaps, and the very bytes."""
    assert [e.seq for e in entries] == list(range(len(entries)))
    return [e.data for e in entries]


async def test_three_readers_at_once_get_the_same_bytes_from_one_call(real: Access, process: Process) -> None:
    got: dict[str, list[Entry]] = {name: [] for name in KINDS}
    async with scripted(process, free=5) as upstream, kernel(real) as (rest, readers):
        stream = (await rest.start(REQUEST)).id
        async with asyncio.TaskGroup() as group:
            for name, reader in readers.items():
                group.create_task(whole(reader, stream, got[name]))
            while not all(len(entries) > 5 for entries in got.values()):  # all three are there in mid-stream
                await asyncio.sleep(0.005)
            upstream.release()
        assert len(upstream.calls) == 1
    assert all(told(entries) == told(got["sse"]) for entries in got.values())
    assert got["sse"][-1].event.type == "end"
    assert "".join(getattr(e.event, "delta", "") for e in got["sse"] if e.event.type == "text") == "".join(PIECES)


async def cut(reader: Reader) -> None:
    """Break the connection as a network does; SSE has none of its own between streams."""
    if isinstance(reader, WebSocketReader) and reader._connection is not None:
        reader._connection.transport.abort()
    if isinstance(reader, WebRTCReader) and reader._peer is not None:
        await reader._peer.close()


@pytest.mark.parametrize("seed", range(3))
async def test_cut_anywhere_and_attached_again_they_are_the_same_bytes(seed: int, real: Access, process: Process) -> None:
    rng = Random(seed)
    async with scripted(process, free=len(PIECES) + 1) as upstream, kernel(real) as (rest, readers):
        stream = (await rest.start(REQUEST)).id
        expected: list[Entry] = []
        await whole(readers["sse"], stream, expected)
        for name, reader in readers.items():
            found: list[Entry] = []
            cuts = 0
            while not found or not found[-1].terminal:
                # A reader may be handed more than it asked for; what is behind the cut is forgotten, as if it had been lost.
                batch: list[Entry] = []
                count = rng.randint(1, 25)
                with suppress(Disconnected):  # a broken link may be noticed only when it is used
                    await some(reader, stream, len(found) - 1, count, batch)
                found += batch[:count]
                if rng.random() < 0.5:
                    await cut(reader)
                cuts += 1
            assert told(found) == told(expected), name
            assert cuts >= 2
        assert len(upstream.calls) == 1


@pytest.mark.parametrize("name", KINDS)
async def test_a_reader_cut_in_mid_stream_goes_on_by_itself(name: str, real: Access, process: Process) -> None:
    """While the provider still speaks: nothing lost, nothing twice."""
    async with scripted(process, free=10) as upstream, kernel(real) as (rest, readers):
        stream = (await rest.start(REQUEST)).id
        found: list[Entry] = []
        async for batch in follow(readers[name], stream, sleep=lambda seconds: asyncio.sleep(0)):
            found += batch
            if 10 < len(found) < 60:
                await cut(readers[name])
            upstream.release(5)
        expected: list[Entry] = []
        await whole(readers["sse"], stream, expected)
    assert told(found) == told(expected)
    assert expected[-1].event.type == "end"


@pytest.mark.parametrize("name", ["ws", "webrtc"])
async def test_a_reader_whose_connection_breaks_is_told(name: str, real: Access, process: Process) -> None:
    async with scripted(process, free=3), kernel(real) as (rest, readers):
        stream = (await rest.start(REQUEST)).id
        attached = readers[name].attach(stream, -1)
        await anext(attached)
        await cut(readers[name])
        with pytest.raises(Disconnected):
            async for _ in attached:
                pass
        await rest.stop(stream)


async def test_stopped_by_anyone_it_ends_for_all(real: Access, process: Process) -> None:
    got: dict[str, list[Entry]] = {name: [] for name in KINDS}
    async with scripted(process, free=5) as upstream, kernel(real) as (rest, readers):
        stream = (await rest.start(REQUEST)).id
        async with asyncio.TaskGroup() as group:
            for name, reader in readers.items():
                group.create_task(whole(reader, stream, got[name]))
            while not all(len(entries) > 5 for entries in got.values()):
                await asyncio.sleep(0.005)
            await rest.stop(stream)
        await upstream.left.wait()
    assert all(told(entries) == told(got["sse"]) for entries in got.values())
    last = got["sse"][-1].event
    assert (last.type, getattr(last, "reason", None)) == ("end", "cancelled")
