"""Events over the channels `tokens` and `unordered`, through a real peer connection: nothing is lost, whatever the link loses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import aioice.ice
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from server_tools import LIMIT, Access, Caller, eventually

from jupyter_server_ext.app import TokenWidgetsApp
from jupyter_server_ext.handlers import rtc, tokens
from tokenwidgets.clients.base import Reader
from tokenwidgets.clients.sse import SSEReader
from tokenwidgets.clients.webrtc import UnorderedReader, WebRTCReader
from tokenwidgets.events import End, Entry, Text
from tokenwidgets.generation import Stream
from tokenwidgets.wire import redundancy

STREAM = {"model": "sim/steady", "prompt": "hello", "options": {"ttft_ms": 300, "itl_ms": 4, "tokens": 150, "seed": 1}}


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that run tests may have no network interface: loopback is a path for WebRTC here."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


class Page:
    """A peer that has a channel `streams` and one beside it, and does nothing by itself."""

    def __init__(self, side: str = "tokens") -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.streams = self.peer.createDataChannel("streams")
        self.side = self.peer.createDataChannel(side, ordered=False, maxRetransmits=0)
        self.came: dict[str, list[dict[str, Any]]] = {"streams": [], side: []}
        self.opened = asyncio.Event()
        self.streams.on("open", self._open)
        self.side.on("open", self._open)
        for channel in (self.streams, self.side):
            channel.on("message", lambda text, kept=self.came[channel.label]: kept.append(json.loads(text)))

    def _open(self) -> None:
        if self.streams.readyState == self.side.readyState == "open":
            self.opened.set()

    def ask(self, **message: Any) -> None:
        self.streams.send(json.dumps(message))

    def ack(self, **message: Any) -> None:
        self.side.send(json.dumps({"op": "ack", **message}))

    def seqs(self, label: str) -> list[list[int]]:
        return [[event["seq"] for event in body["events"]] for body in self.came[label] if "events" in body]


@asynccontextmanager
async def page(access: Access, side: str = "tokens") -> AsyncIterator[Page]:
    made = Page(side)
    try:
        async with asyncio.timeout(LIMIT), Caller(access) as caller:
            await made.peer.setLocalDescription(await made.peer.createOffer())
            answer = await caller.call("POST", "rtc", {"sdp": made.peer.localDescription.sdp, "type": "offer"})
            await made.peer.setRemoteDescription(RTCSessionDescription(answer.json()["sdp"], "answer"))
            await made.opened.wait()
            yield made
    finally:
        await made.peer.close()


class Lossy:
    """Loses datagrams of a connected reader, both ways."""

    def __init__(self, reader: WebRTCReader, loss: float, seed: int) -> None:
        assert reader._peer is not None
        assert reader._peer.sctp is not None
        ice = reader._peer.sctp.transport.transport
        self.lost = 0
        self._rng, self._loss = Random(seed), loss
        ice._send, ice._recv = self._sender(ice._send), self._receiver(ice._recv)

    def _loses(self) -> bool:
        lost = self._rng.random() < self._loss
        self.lost += lost
        return lost

    def _sender(self, send: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        async def lossy(data: bytes) -> None:
            if not self._loses():
                await send(data)

        return lossy

    def _receiver(self, receive: Callable[[], Any]) -> Callable[[], Any]:
        async def lossy() -> Any:
            while True:
                data = await receive()
                if not self._loses():
                    return data

        return lossy


async def whole(reader: Reader, stream: str, begun: Callable[[], Any] = lambda: None) -> list[Entry]:
    """All of a stream; `begun` is called when something of it is there."""
    found: list[Entry] = []
    async with asyncio.timeout(LIMIT):
        async for batch in reader.attach(stream, -1):
            if not found:
                begun()
            found += batch
    return found


async def test_a_whole_stream_over_a_link_that_loses_a_fifth(real: Access) -> None:
    rest = real.rest()
    reader = WebRTCReader(rest)
    links: list[Lossy] = []
    try:
        stream = (await rest.start(STREAM)).id
        got = await whole(reader, stream, lambda: links.append(Lossy(reader, 0.2, seed=1)))
        assert [entry.data for entry in got] == [entry.data for entry in await whole(SSEReader(rest), stream)]
        assert links[0].lost > 20
    finally:
        await reader.aclose()
        await rest.aclose()


async def quiet(app: TokenWidgetsApp, access: Access) -> Stream:
    """A stream of which there are two events so far; what more comes a test says."""
    async with Caller(access) as caller:
        stream = app.hub.get(await caller.start({**STREAM, "options": {"ttft_ms": 60_000}}), "server")
    await eventually(lambda: len(stream.journal.entries) == 2, "the stream does not begin")
    return stream


async def test_each_message_carries_what_is_not_acknowledged_and_the_end_is_repeated_until_it_is(
    access: Access, app: TokenWidgetsApp
) -> None:
    stream = await quiet(app, access)
    async with page(access) as client:
        client.ask(op="attach", stream=stream.id, after=-1, via="tokens")
        await eventually(lambda: client.seqs("tokens"), "nothing comes over tokens")
        stream.emit(Text(0, "a"))
        await eventually(lambda: [0, 1, 2] in client.seqs("tokens"), "the first events are not carried again")
        assert stream.brief()["transports"] == {"webrtc": 1}
        client.ack(stream=stream.id, seq=2)
        stream.end(End("stop"))
        await eventually(lambda: client.seqs("tokens").count([3]) > 2, "the end is not repeated")
        assert stream.readers == 1
        client.ack(stream=stream.id, seq=3)
        await eventually(lambda: stream.readers == 0, "an acknowledged end is still read")


async def test_what_no_packet_holds_and_what_had_gathered_go_over_the_reliable_channel(access: Access, app: TokenWidgetsApp) -> None:
    stream = await quiet(app, access)
    for _ in range(400):
        stream.emit(Text(0, "gathered"))
    async with page(access) as client:
        client.ask(op="attach", stream=stream.id, after=-1, via="tokens")
        await eventually(lambda: client.seqs("streams"), "nothing of what had gathered comes")
        assert client.seqs("streams") == [list(range(402))]
        for size in (3, 5000, 3):
            stream.emit(Text(0, "x" * size))
        await eventually(lambda: client.seqs("streams")[1:] == [[403]], "what is large does not come over streams")
        await eventually(lambda: [402, 404] in client.seqs("tokens"), "what is small does not come over tokens")
        client.ack(stream=stream.id, seq=404)


async def test_who_acknowledges_nothing_is_sent_little_and_then_reads_over_the_reliable_channel(
    access: Access, app: TokenWidgetsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redundancy, "SILENT_US", 700_000)
    stream = await quiet(app, access)
    async with page(access) as client:
        client.ask(op="attach", stream=stream.id, after=-1, via="tokens")
        await eventually(lambda: client.seqs("tokens"), "nothing comes over tokens")
        for _ in range(600):
            stream.emit(Text(0, "x" * 20))
        await eventually(lambda: client.seqs("streams"), "it does not go on over streams")
        assert sum(map(len, client.seqs("tokens"))) < 4 * redundancy.WINDOW_BYTES / 70
        await eventually(lambda: [seq for seqs in client.seqs("streams") for seq in seqs] == list(range(602)), "something is missing")


async def test_without_the_channel_and_when_it_closes_events_come_over_the_other(access: Access, app: TokenWidgetsApp) -> None:
    stream = await quiet(app, access)
    async with page(access, "another") as client:
        client.ask(op="attach", stream=stream.id, after=-1, via="tokens")
        await eventually(lambda: client.seqs("streams") == [[0, 1]], "nothing comes over streams")
    async with page(access) as client:
        client.ask(op="attach", stream=stream.id, after=-1, via="tokens")
        await eventually(lambda: client.seqs("tokens"), "nothing comes over tokens")
        client.ack(stream=stream.id, seq=1)
        client.side.close()
        await eventually(lambda: client.side.readyState == "closed", "the channel does not close")
        stream.emit(Text(0, "a"))
        await eventually(lambda: [2] in client.seqs("streams"), "nothing comes over streams")


async def test_losses_hold_the_congestion_window_for_less_than_sctps_second(access: Access, app: TokenWidgetsApp) -> None:
    stream = await quiet(app, access)
    async with page(access) as reader:
        reader.ask(op="attach", stream=stream.id, after=-1, via="tokens")
        (peer,) = app.rtc._open
        await eventually(lambda: peer.sctp._rto == tokens.T3_SECONDS, "aiortc's timer T3 still waits a second")


async def test_rubbish_on_the_channel_is_dropped(access: Access, app: TokenWidgetsApp) -> None:
    stream = await quiet(app, access)
    async with page(access) as client:
        client.ask(op="attach", stream=stream.id, after=-1, via="tokens")
        await eventually(lambda: client.seqs("tokens"), "nothing comes over tokens")
        for rubbish in ("x", "[]", b"\xff", '{"op":"ack"}', '{"op":"ack","stream":"?","seq":1}', '{"op":"ack","stream":[],"seq":[]}'):
            client.side.send(rubbish)
        for seq, sent in ((10**9, None), (-5, 10**12), (0, -1), (0, "x")):
            client.ack(stream=stream.id, seq=seq, sent=sent)
        stream.emit(Text(0, "a"))
        await eventually(lambda: client.seqs("tokens")[-1] == [1, 2], "what follows does not come")


@pytest.mark.parametrize("kind", [WebRTCReader, UnorderedReader])
async def test_a_server_that_knows_no_further_channel_sends_all_over_streams(
    kind: type[WebRTCReader], access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtc._Channels, "way", lambda self, channel, limit: False)
    rest = access.rest()
    reader = kind(rest)
    try:
        stream = (await rest.start(STREAM)).id
        got = await whole(reader, stream)
        assert [entry.data for entry in got] == [entry.data for entry in await whole(SSEReader(rest), stream)]
    finally:
        await reader.aclose()
        await rest.aclose()
