"""A stream whose reader changes its way in the middle; peers that vanish; STUN and TURN servers."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import aioice.ice
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from server_tools import ENDLESS, LIMIT, Access, Caller, eventually, until
from traitlets import TraitError

import tokenwidgets as tw
from jupyter_server_ext import ice
from jupyter_server_ext.app import TokenWidgetsApp
from tokenwidgets.clients.base import Disconnected
from tokenwidgets.clients.follow import follow
from tokenwidgets.clients.readers import READERS
from tokenwidgets.clients.webrtc import WebRTCReader

SECRET = "a-credential-to-be-found"
HALF_SECOND = {"ttft_ms": 0, "itl_ms": 5, "jitter": 0, "tokens": 300}


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that run tests may have no network interface: loopback is a path for WebRTC here."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


# ---- switching


def test_switching_in_the_middle_loses_and_doubles_nothing(kernel: Any, loopback: None) -> None:
    r = tw.stream("hello", model="sim/steady", show=False, **{**HALF_SECOND, "tokens": 100_000})
    seen = 0
    for name in (*READERS, "auto"):
        until(lambda: len(r.journal.entries) > seen + 20, f"nothing came before {name}")  # noqa: B023
        r.switch(name)
        assert r.wanted == name
        seen = len(r.journal.entries)
    r.stop()
    again = tw.open(r.id, show=False).wait(LIMIT)
    assert [entry.seq for entry in r.journal.entries] == list(range(len(r.journal.entries)))
    assert _hash(r) == _hash(again)


def _hash(result: Any) -> str:
    return sha256(b"".join(entry.data for entry in result.journal.entries)).hexdigest()


def test_a_way_that_does_not_open_changes_nothing(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: WebRTCReader) -> Any:
        raise Disconnected("There is no path.")

    monkeypatch.setattr(WebRTCReader, "_connect", refuse)
    r = tw.stream("hello", model="sim/steady", show=False, **HALF_SECOND)
    next(iter(r))
    with pytest.raises(Disconnected, match="no path"):
        r.switch("webrtc")
    assert (r.wanted, r.wait(LIMIT).error) == ("auto", None)


def test_what_cannot_be_switched_is_refused_in_a_sentence(in_process: Any) -> None:
    r = tw.stream("hello", model="sim/steady", show=False, tokens=5)
    with pytest.raises(tw.Refused, match="no transport 'pigeon'"):
        r.switch("pigeon")
    with pytest.raises(tw.Refused, match="over the comm and nothing else"):
        r.switch("ws")


# ---- a peer that is gone


class BlackHole:
    """Swallows every datagram of a connected reader, both ways, its library's own signs of life too."""

    def __init__(self, reader: WebRTCReader) -> None:
        assert reader._peer is not None
        assert reader._peer.sctp is not None
        self.swallowed = 0
        for protocol in reader._peer.sctp.transport.transport._connection._protocols:
            protocol.transport.sendto = self._swallow
            protocol.datagram_received = self._swallow

    def _swallow(self, data: bytes, address: Any) -> None:
        self.swallowed += 1


async def test_both_sides_notice_a_black_hole_long_before_their_library_and_the_reader_comes_back(
    access: Access, app: TokenWidgetsApp, loopback: None
) -> None:
    rest = access.rest()
    reader = WebRTCReader(rest)
    async with Caller(access) as caller:
        stream = await caller.start(ENDLESS)
    found = app.hub.get(stream, "server")
    loop, seqs = asyncio.get_running_loop(), []

    async def read() -> None:
        async for batch in follow(reader, stream):
            seqs.extend(entry.seq for entry in batch)

    reading = asyncio.create_task(read())
    try:
        await eventually(lambda: len(seqs) > 30, "nothing comes")
        server, client = next(iter(app.rtc._open)), reader._peer
        hole, began, before = BlackHole(reader), loop.time(), len(seqs)
        await eventually(lambda: reader._peer is not client, "the client still believes in the dead peer")
        client_noticed = loop.time() - began
        await eventually(lambda: server not in app.rtc._open, "the server still keeps the dead peer")
        server_noticed = loop.time() - began
        await eventually(lambda: len(seqs) > before + 5, "the reader did not come back")
        assert hole.swallowed > 5
        assert seqs == list(range(len(seqs)))
        assert max(client_noticed, server_noticed) < 10, "aiortc alone needs half a minute"
        assert len(app.rtc._open) == 1
        assert found.running
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await reader.aclose()
        await rest.aclose()


async def test_who_never_pings_is_left_alone(access: Access, app: TokenWidgetsApp, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_server_ext.handlers import liveness

    monkeypatch.setattr(liveness, "DEAD_SECONDS", 0.1)
    gone: list[bool] = []

    class Reading:
        owed_pings = False

    reading = Reading()
    watched = liveness.Liveness(lambda: gone.append(True))
    watched.watch(reading)  # type: ignore[arg-type]
    await asyncio.sleep(0.3)
    assert not gone
    reading.owed_pings = True
    await eventually(lambda: gone, "one that owes a ping is never gone")
    watched.close()


# ---- STUN and TURN


class TestConfigured:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"TokenWidgetsApp": {"ice_servers": [{"urls": "turn:127.0.0.1:9?transport=tcp", "username": "u", "credential": SECRET}]}}

    async def test_who_may_open_a_peer_is_told_and_nothing_else_tells(self, access: Access, caplog: pytest.LogCaptureFixture) -> None:
        async with Caller(access) as caller:
            answer = await caller.call("GET", "rtc")
            assert answer.json() == {"iceServers": [{"urls": ["turn:127.0.0.1:9?transport=tcp"], "username": "u", "credential": SECRET}]}
            assert answer.headers["cache-control"] == "no-store"
            assert SECRET not in (await caller.call("GET", "capabilities")).text
        async with Caller(access, "nothing") as caller:
            assert SECRET not in (await caller.call("GET", "rtc")).text
        assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "servers",
    [
        [7],
        [{}],
        [{"urls": "http://x"}],
        [{"urls": ["turn:x", 3]}],
        [{"urls": "turn:x", "credential": 7}],
        [{"urls": "turn:x", "password": SECRET}],
    ],
)
def test_what_is_no_server_is_named_by_its_number_and_not_quoted(servers: list[Any]) -> None:
    with pytest.raises(TraitError, match="ICE server 1") as caught:
        ice.checked(servers)
    assert SECRET not in str(caught.value)


def test_the_environment_may_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ice.ENVIRONMENT, json.dumps([{"urls": "stun:x"}]))
    assert TokenWidgetsApp().ice_servers == [{"urls": ["stun:x"]}]
    monkeypatch.setenv(ice.ENVIRONMENT, f'[{{"credential": "{SECRET}"')
    with pytest.raises(TraitError, match="JSON list") as caught:
        ice.from_environment()
    assert SECRET not in str(caught.value)


@pytest.fixture(scope="module")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[dict[str, str]]]]:
    """A real TURN server, and how it is reached each way."""
    program, openssl = shutil.which("turnserver"), shutil.which("openssl")
    if program is None or openssl is None:
        pytest.skip("there is no turnserver; apt-get install coturn openssl brings it")
    home = tmp_path_factory.mktemp("turn")
    certificate, key = home / "cert.pem", home / "key.pem"
    new = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", str(key)]
    subprocess.run([*new, "-out", str(certificate)], check=True, capture_output=True)
    port, tls = _free(), _free()
    command = [
        program, "-n", "--no-cli", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}",
        f"--tls-listening-port={tls}",
        "--allow-loopback-peers", "--lt-cred-mech", f"--user=u:{SECRET}", "--realm=test", f"--cert={certificate}", f"--pkey={key}",
        f"--log-file={home / 'log'}", "--simple-log", f"--pidfile={home / 'pid'}",
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    who = {"username": "u", "credential": SECRET}
    try:
        until(lambda: _listens(port) and _listens(tls), "the TURN server does not listen")
        yield {
            "udp": [{"urls": f"turn:127.0.0.1:{port}?transport=udp", **who}],
            "tcp": [{"urls": f"turn:127.0.0.1:{port}?transport=tcp", **who}],
            "tls": [{"urls": f"turns:127.0.0.1:{tls}?transport=tcp", **who}],
        }
    finally:
        child.terminate()
        child.wait(LIMIT)


def _free() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("way", ["udp", "tcp", "tls"])
async def test_a_stream_comes_through_a_turn_server_alone(
    way: str,
    turn: Any,
    access: Access,
    app: TokenWidgetsApp,
    loopback: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app.ice_servers = turn[way]
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: trusting)  # a certificate of the test's own
    begin = RTCPeerConnection.__init__

    def relayed(self: RTCPeerConnection, configuration: Any = None) -> None:
        begin(self, RTCConfiguration(configuration.iceServers, iceTransportPolicy=RTCIceTransportPolicy.RELAY))

    rest = access.rest()
    reader = WebRTCReader(rest)
    async with Caller(access) as caller:
        stream = await caller.start({"model": "sim/steady", "prompt": "x", "options": {"ttft_ms": 0, "itl_ms": 2, "tokens": 50}})
        monkeypatch.setattr(RTCPeerConnection, "__init__", relayed)  # either side: nothing but the relay
        async with asyncio.timeout(LIMIT):
            read = [json.loads(entry.data) async for batch in follow(reader, stream) for entry in batch]
        assert reader._peer is not None
        assert "typ relay" in reader._peer.localDescription.sdp
        assert "typ host" not in reader._peer.localDescription.sdp
        assert read == await caller.events(stream)
    await reader.aclose()
    await rest.aclose()
    assert SECRET not in caplog.text
