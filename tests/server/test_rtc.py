"""Streams over a data channel: an aiortc client against the real endpoint."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aioice.ice
import httpx
import pytest
from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from jupyter_server.auth import Authorizer
from pyee.asyncio import AsyncIOEventEmitter
from server_tools import ENDLESS, FAST, LIMIT, Access, Caller, Upstream, eventually, text

from jupyter_server_ext.app import TokenWidgetsApp
from jupyter_server_ext.handlers import rtc
from jupyter_server_ext.handlers.channel import BUFFERED_BYTES, ChannelLink
from tokenwidgets.wire.messages import Joiner


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that run tests may have no network interface: loopback is a path for WebRTC here."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


class Peer:
    """The page's side of a peer connection with one data channel."""

    def __init__(self, label: str = "streams") -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channel = self.peer.createDataChannel(label)
        self.raw: list[str] = []
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.opened = asyncio.Event()
        self.closed = asyncio.Event()
        self._joiner = Joiner()
        self.channel.on("open", self.opened.set)
        self.channel.on("close", self.closed.set)
        self.channel.on("message", self._message)

    def _message(self, message: str) -> None:
        self.raw.append(message)
        if (whole := self._joiner.feed(message)) is not None:
            self.inbox.put_nowait(json.loads(whole))

    async def offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    async def accept(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["type"] == "answer"
        await self.peer.setRemoteDescription(RTCSessionDescription(body["sdp"], "answer"))

    def send(self, **message: Any) -> None:
        self.channel.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.inbox.get(), LIMIT)

    async def ask(self, **message: Any) -> dict[str, Any]:
        self.send(**message)
        return await self.receive()

    async def events(self, stream: str) -> list[dict[str, Any]]:
        """What comes of one stream, to its end."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["type"] not in ("end", "error"):
            body = await self.receive()
            if body.get("stream") == stream:
                found += body["events"]
        return found


class Side:
    """A further channel of a peer."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self.channel = channel
        self.opened = asyncio.Event()
        self.closed = asyncio.Event()
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        channel.on("open", self.opened.set)
        channel.on("close", self.closed.set)
        channel.on("message", lambda text: self.inbox.put_nowait(json.loads(text)))

    async def ask(self, **message: Any) -> dict[str, Any]:
        await self.opened.wait()
        self.channel.send(json.dumps(message))
        return await asyncio.wait_for(self.inbox.get(), LIMIT)


class FullChannel(AsyncIOEventEmitter):
    """A data channel whose other side takes nothing."""

    readyState = "open"
    bufferedAmount = BUFFERED_BYTES + 1


async def offered(access: Access, sdp: Any, kind: str = "token") -> httpx.Response:
    async with Caller(access, kind) as caller:
        return await caller.call("POST", "rtc", {"sdp": sdp, "type": "offer"})


@asynccontextmanager
async def connected(access: Access, label: str = "streams", change: Any = lambda sdp: sdp) -> AsyncIterator[Peer]:
    peer = Peer(label)
    try:
        async with asyncio.timeout(LIMIT):
            await peer.accept(await offered(access, change(await peer.offer())))
            await peer.opened.wait()
            yield peer
    finally:
        await peer.peer.close()


async def test_a_stream_over_the_data_channel(access: Access) -> None:
    async with connected(access) as peer, Caller(access) as caller:
        started = await peer.ask(op="start", request=FAST, ref=1)
        assert (started["op"], started["ref"]) == ("started", 1)
        events = await peer.events(started["stream"])
        assert events == await caller.events(started["stream"])
        peer.send(op="attach", stream=started["stream"], after=4)
        assert await peer.events(started["stream"]) == events[5:]
        assert (await peer.ask(op="ping", t=7))["t"] == 7


async def test_stop_detach_and_refused(access: Access, app: TokenWidgetsApp) -> None:
    async with connected(access) as peer:
        stream = (await peer.ask(op="start", request=ENDLESS))["stream"]
        peer.send(op="detach", stream=stream)
        await eventually(lambda: app.hub.get(stream, "server").readers == 0, "the reader goes on")
        peer.send(op="attach", stream=stream, after=-1)
        peer.send(op="stop", stream=stream)
        assert (await peer.events(stream))[-1]["reason"] == "cancelled"
        for rubbish in ("x", "[]", '{"op": []}', b"\xff\x00"):
            peer.channel.send(rubbish)
            assert (await peer.receive())["error"]["code"] == "bad_request"
        assert (await peer.ask(op="attach", stream="nothing-here"))["error"]["code"] == "not_found"
        assert (await peer.ask(op="start", request={**FAST, "base_url": "x"}, ref=3))["error"]["code"] == "bad_request"


async def test_one_peer_many_streams(access: Access) -> None:
    async with connected(access) as peer:
        for n in range(10):
            peer.send(op="start", request={**FAST, "options": {**FAST["options"], "seed": n}}, ref=n)
        ended: dict[str, int] = {}
        while len(ended) < 10:
            body = await peer.receive()
            if "events" in body and body["events"][-1]["type"] == "end":
                ended[body["stream"]] = body["events"][-1]["seq"]


@pytest.mark.parametrize("limit", [65536, 4096, 0])
async def test_what_is_larger_than_the_peer_takes_comes_in_parts_and_whole(limit: int, access: Access, tmp_path: Path) -> None:
    """0 is how a peer says that it takes any size; we send no more than 64 KiB at once all the same."""
    piece = 'a\u00e4\u2028\U0001f600"\\\x01' * 20_000
    async with Upstream([piece]) as upstream:
        (tmp_path / "tokenwidgets.toml").write_text(upstream.config())
        async with connected(access, change=lambda sdp: re.sub(r"a=max-message-size:\d+", f"a=max-message-size:{limit}", sdp)) as peer:
            stream = (await peer.ask(op="start", request={"model": "scripted/m", "prompt": "x"}))["stream"]
            events = await peer.events(stream)
    assert text(events) == piece
    assert any(m.startswith('{"part":') for m in peer.raw)
    assert max(len(m.encode()) for m in peer.raw) <= (limit or 65536)


async def test_a_peer_that_takes_next_to_nothing_gets_nothing(access: Access) -> None:
    async with connected(access, change=lambda sdp: re.sub(r"a=max-message-size:\d+", "a=max-message-size:100", sdp)) as peer:
        await asyncio.wait_for(peer.closed.wait(), LIMIT)


async def test_a_rush_goes_at_the_channels_pace(access: Access) -> None:
    """Far more than a channel's buffer holds: all of it arrives, in order."""
    rush = {"model": "sim/steady", "prompt": "x", "options": {"ttft_ms": 0, "itl_ms": 0, "tokens": 5_000}}
    async with connected(access) as peer:
        stream = (await peer.ask(op="start", request=rush))["stream"]
        events = await peer.events(stream)
    assert [e["seq"] for e in events] == list(range(len(events)))
    assert sum(e["type"] == "text" for e in events) == 5_000


async def test_closing_the_peer_leaves_the_stream_running(access: Access, app: TokenWidgetsApp) -> None:
    async with connected(access) as peer:
        stream = (await peer.ask(op="start", request=ENDLESS))["stream"]
        await peer.receive()
    found = app.hub.get(stream, "server")
    await eventually(lambda: found.readers == 0, "the peer's reader is still there")
    assert found.running


async def test_closing_the_channel_alone_leaves_it_too(access: Access, app: TokenWidgetsApp) -> None:
    async with connected(access) as peer:
        stream = (await peer.ask(op="start", request=ENDLESS))["stream"]
        await peer.receive()
        peer.channel.close()
        found = app.hub.get(stream, "server")
        await eventually(lambda: found.readers == 0, "the channel's reader is still there")
        assert found.running


async def test_a_peer_that_vanishes_without_a_word(access: Access, app: TokenWidgetsApp, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page whose computer fell asleep says nothing more; its place and its readers are given back."""
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.02)
    async with connected(access) as peer:
        stream = (await peer.ask(op="start", request=ENDLESS))["stream"]
        await peer.receive()
        await peer.peer.sctp.transport.transport._connection.close()
        found = app.hub.get(stream, "server")
        await eventually(lambda: found.readers == 0, "the vanished peer's reader is still there")
        await eventually(lambda: not app.rtc._open, "the vanished peer keeps its place")
        assert found.running


async def test_a_channel_of_another_name_is_closed(access: Access) -> None:
    async with connected(access, label="shell") as peer:
        await asyncio.wait_for(peer.closed.wait(), LIMIT)
        assert peer.raw == []


async def test_a_fifth_channel_of_a_peer_is_closed_until_another_is(access: Access) -> None:
    async with connected(access) as peer:
        more = [Side(peer.peer.createDataChannel("streams")) for _ in range(rtc.CHANNELS)]
        await more[-1].closed.wait()
        for side in more[:-1]:
            assert (await side.ask(op="ping", t=1))["op"] == "pong"
        peer.channel.close()
        await peer.closed.wait()
        again = Side(peer.peer.createDataChannel("streams"))
        assert (await again.ask(op="ping", t=1))["op"] == "pong"


async def test_what_waits_beyond_its_limit_closes_the_channel(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing holds up who sends over a data channel and does not read, so it is closed."""
    monkeypatch.setattr(rtc, "WAITING_BYTES", 3000)
    async with connected(access) as peer:
        peer.send(op="ping", t=1, more="x" * 3000)
        await peer.closed.wait()


async def test_a_full_channel_that_closes_holds_nobody_up() -> None:
    channel = FullChannel()
    link = ChannelLink(channel, 65536, itertools.count())  # type: ignore[arg-type]
    waiting = asyncio.ensure_future(link.ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    channel.readyState = "closed"
    channel.emit("close")
    await asyncio.wait_for(waiting, LIMIT)
    link.send(b"x")


# ---- offers


NOWHERE = "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"sdp": "v=0\r\n", "type": "offer"}, 422, "no_candidates"),
        ({"sdp": "", "type": "offer"}, 422, "no_candidates"),
        ({"sdp": NOWHERE, "type": "offer"}, 400, "bad_request"),
        ({"sdp": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 9 x\r\n" + NOWHERE, "type": "offer"}, 400, "bad_request"),
        ({"sdp": NOWHERE + "\r\n" + "x" * 65536, "type": "offer"}, 400, "bad_request"),
        ({"sdp": NOWHERE, "type": "answer"}, 400, "bad_request"),
        ({"sdp": 7, "type": "offer"}, 400, "bad_request"),
        ({"sdp": NOWHERE}, 400, "bad_request"),
        ([], 400, "bad_request"),
        ("v=0", 400, "bad_request"),
    ],
)
async def test_an_offer_that_cannot_be_used(body: Any, status: int, code: str, access: Access, app: TokenWidgetsApp) -> None:
    async with Caller(access) as caller:
        answer = await caller.call("POST", "rtc", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert answer.json()["message"]
        assert "192.0.2.1" not in answer.text, "nothing of an offer is quoted"
        assert not app.rtc._open


async def test_an_offer_without_candidates_of_ours(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer()
    sdp = await peer.offer()
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: [])
    answer = await offered(access, sdp)
    await peer.peer.close()
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_candidates")
    assert "server" in answer.json()["message"]


async def test_names_of_mdns_are_struck_out_and_the_peers_meet_without_them(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser hides its addresses behind `.local` names; to look one up would stall for a second."""
    applied: list[str] = []
    apply = RTCPeerConnection.setRemoteDescription

    async def noted(self: RTCPeerConnection, description: RTCSessionDescription) -> None:
        applied.append(description.sdp)
        await apply(self, description)

    def hidden(sdp: str) -> str:
        found = re.sub(r"(a=candidate:\S+ \d+ \S+ \d+) \S+", r"\1 0a1b2c3d-1111-2222-3333-444455556666.local", sdp)
        assert ".local " in found
        return found

    monkeypatch.setattr(RTCPeerConnection, "setRemoteDescription", noted)
    async with connected(access, change=hidden) as peer:
        assert (await peer.ask(op="ping", t=1))["op"] == "pong"
    assert ".local" not in applied[0], "the server's is the first that is applied"
    assert "m=application" in applied[0]


class TestLimits:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"TokenWidgetsApp": {"peers": 1}}

    async def test_one_peer_too_many(self, access: Access) -> None:
        second = Peer()
        sdp = await second.offer()
        async with connected(access):
            answer = await offered(access, sdp)
            assert (answer.status_code, answer.json()["error"]["code"]) == (429, "limit")
        async with asyncio.timeout(LIMIT):
            while (answer := await offered(access, sdp)).status_code == 429:
                await asyncio.sleep(0.02)
        assert answer.status_code == 200, "the closed one's place is free again"
        await second.peer.close()

    async def test_a_peer_that_never_connects_gives_its_place_back(self, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rtc, "CONNECT_SECONDS", 0.2)
        stuck = Peer()
        sdp = await stuck.offer()
        assert (await offered(access, sdp)).status_code == 200
        assert (await offered(access, sdp)).status_code == 429
        async with asyncio.timeout(LIMIT):
            while (answer := await offered(access, sdp)).status_code == 429:
                await asyncio.sleep(0.02)
        assert answer.status_code == 200
        await stuck.peer.close()


class Slow(Authorizer):
    """Thinks longer about the first question than about the next, as one that asks a service may."""

    asked = 0

    async def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        Slow.asked += 1
        for _ in range(5 if Slow.asked % 2 else 0):
            await asyncio.sleep(0)
        return True


class TestOrder:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"ServerApp": {"authorizer_class": Slow}}

    async def test_operations_are_carried_out_in_their_order(self, access: Access, app: TokenWidgetsApp) -> None:
        async with connected(access) as peer, Caller(access) as caller:
            stream = await caller.start(ENDLESS)
            Slow.asked = 0
            for _ in range(3):
                peer.send(op="attach", stream=stream, after=10**6)
                peer.send(op="detach", stream=stream)
            await peer.ask(op="ping", t=1)
            assert app.hub.get(stream, "server").readers == 0
