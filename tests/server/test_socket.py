"""One socket, any number of streams."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket as sockets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from server_tools import ENDLESS, FAST, LIMIT, Access, Caller, Upstream, eventually, text
from tornado.iostream import IOStream
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from jupyter_server_ext.app import TokenWidgetsApp


class Page:
    """The page's side of a socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(await self.connection.recv())
        return body

    async def ask(self, **message: Any) -> dict[str, Any]:
        await self.send(**message)
        return await self.receive()

    async def events(self, stream: str) -> list[dict[str, Any]]:
        """What comes of one stream, to its end."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["type"] not in ("end", "error"):
            body = await self.receive()
            if body.get("stream") == stream:
                found += body["events"]
        return found

    async def nothing_before(self, mark: int) -> list[dict[str, Any]]:
        """Everything up to the answer to a ping, which is the last thing said until then."""
        await self.send(op="ping", t=mark)
        found = []
        while (body := await self.receive()).get("op") != "pong":
            found.append(body)
        return found


@asynccontextmanager
async def opened(access: Access, kind: str = "token", **options: Any) -> AsyncIterator[Page]:
    options = {"compression": None, "max_size": None, "proxy": None, "open_timeout": LIMIT} | options
    async with asyncio.timeout(LIMIT * 2), connect(access.socket, additional_headers=access.headers(kind), **options) as connection:
        yield Page(connection)


# ---- operations


async def test_start_answers_with_the_id_and_then_the_events(real: Access) -> None:
    async with opened(real) as page:
        started = await page.ask(op="start", request=FAST, ref="mine")
        assert started == {"op": "started", "ref": "mine", "stream": started["stream"]}
        events = await page.events(started["stream"])
        assert events[0]["id"] == started["stream"]
        assert [e["seq"] for e in events] == list(range(len(events)))
        assert events[-1]["reason"] == "stop"


async def test_the_events_are_those_of_http(real: Access) -> None:
    async with opened(real) as page, Caller(real) as caller:
        stream = (await page.ask(op="start", request=FAST))["stream"]
        assert await page.events(stream) == await caller.events(stream)


async def test_attach_goes_on_behind_a_cursor_and_again_from_elsewhere(real: Access) -> None:
    async with opened(real) as page, Caller(real) as caller:
        stream = await caller.ended()
        whole = await caller.events(stream)
        for after in (3, -1, len(whole) - 2, 0, -9):
            await page.send(op="attach", stream=stream, after=after)
            assert await page.events(stream) == whole[max(-1, after) + 1 :]
        await page.send(op="attach", stream=stream)
        assert await page.events(stream) == whole


async def test_a_cursor_at_the_end_is_told_that_no_more_comes(real: Access) -> None:
    async with opened(real) as page, Caller(real) as caller:
        stream = await caller.ended()
        last = (await caller.events(stream))[-1]["seq"]
        for after in (last, last + 5, 10**30):
            assert await page.ask(op="attach", stream=stream, after=after) == {"stream": stream, "events": []}


async def test_to_attach_anew_replaces_the_reader(access: Access, app: TokenWidgetsApp) -> None:
    async with opened(access) as page:
        stream = (await page.ask(op="start", request=ENDLESS))["stream"]
        found = app.hub.get(stream, "server")
        for after in (0, 1, 0):
            await page.send(op="attach", stream=stream, after=after)
        await page.nothing_before(1)
        await eventually(lambda: found.readers == 1, "earlier readers go on")


async def test_detach_leaves_and_the_stream_goes_on(access: Access, app: TokenWidgetsApp) -> None:
    async with opened(access) as page, Caller(access) as caller:
        stream = (await page.ask(op="start", request=ENDLESS))["stream"]
        await page.receive()
        await page.send(op="detach", stream=stream)
        await page.nothing_before(1)
        before = app.hub.get(stream, "server").journal.entries[-1].seq
        await eventually(lambda: app.hub.get(stream, "server").journal.entries[-1].seq > before + 1, "the stream stands still")
        assert await page.nothing_before(2) == []
        assert (await caller.call("GET", f"streams/{stream}")).json()["readers"] == 0


async def test_stop_ends_it_for_every_reader(real: Access) -> None:
    async with opened(real) as page, opened(real) as other:
        stream = (await page.ask(op="start", request=ENDLESS))["stream"]
        await other.send(op="attach", stream=stream)
        await other.receive()
        await page.send(op="stop", stream=stream)
        for reader in (page, other):
            assert (await reader.events(stream))[-1]["reason"] == "cancelled"


async def test_ping_is_answered_with_the_servers_clock(real: Access) -> None:
    async with opened(real) as page:
        first = await page.ask(op="ping", t=1.5)
        second = await page.ask(op="ping", t=-7)
        assert (first["op"], first["t"], second["t"]) == ("pong", 1.5, -7)
        assert isinstance(first["now"], int)
        assert second["now"] > first["now"]


async def test_a_closed_socket_leaves_its_streams_running(access: Access, app: TokenWidgetsApp) -> None:
    async with opened(access) as page:
        stream = (await page.ask(op="start", request=ENDLESS))["stream"]
        await page.receive()
    found = app.hub.get(stream, "server")
    await eventually(lambda: found.readers == 0 and app.open_sockets == 0, "the socket's readers are still there")
    assert found.running


async def test_a_socket_that_breaks_while_much_is_on_its_way(
    access: Access, app: TokenWidgetsApp, caplog: pytest.LogCaptureFixture
) -> None:
    """A page that is closed in mid-answer is nothing to report: no traceback, no error nobody fetched."""
    with caplog.at_level(logging.WARNING):
        rush = {**ENDLESS, "options": {"ttft_ms": 0, "itl_ms": 0, "tokens": 20_000}}
        async with opened(access) as page:
            ids = [(await page.ask(op="start", request=rush))["stream"]]
            await page.receive()
            page.connection.transport.abort()
        await eventually(lambda: app.open_sockets == 0 and app.hub.get(ids[0], "server").readers == 0, "readers are left")
        gc.collect()
        await asyncio.sleep(0)
    assert not [r for r in caplog.records if r.exc_info or "never retrieved" in r.getMessage()]


# ---- many at once


async def test_fifty_streams_through_one_socket(real: Access) -> None:
    options = {"ttft_ms": 20, "itl_ms": 5, "tokens": 40}
    requests = {n: {"model": "sim/steady", "prompt": f"number {n}", "options": {**options, "seed": n}} for n in range(50)}
    ids: dict[str, int] = {}
    got: dict[str, list[dict[str, Any]]] = {}
    async with opened(real) as page:
        for n, request in requests.items():
            await page.send(op="start", request=request, ref=n)
        ended = 0
        while ended < 50:
            body = await page.receive()
            if body.get("op") == "started":
                ids[body["stream"]] = body["ref"]
            else:
                got.setdefault(body["stream"], []).extend(body["events"])
                ended += body["events"][-1]["type"] == "end"
    assert sorted(ids.values()) == list(range(50))
    async with Caller(real) as caller:
        for stream in ids:
            assert [e["seq"] for e in got[stream]] == list(range(len(got[stream])))
            assert got[stream] == await caller.events(stream)
            assert sum(e["type"] == "text" for e in got[stream]) == 40
    assert len({text(events) for events in got.values()}) > 40, "each its own answer"


class TestSlowPage:
    """A page that takes nothing more, against a provider that says more than all buffers on the way hold."""

    WORD = "x" * 2**20

    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"TokenWidgetsApp": {"journal_bytes": 64 * 2**20, "frame_bytes": 0}}

    @pytest.fixture
    def host(self, tmp_path: Path) -> Iterator[Any]:
        @asynccontextmanager
        async def host() -> AsyncIterator[dict[str, Any]]:
            async with Upstream([self.WORD] * 24) as upstream:
                (tmp_path / "tokenwidgets.toml").write_text(upstream.config())
                yield {"model": "scripted/m", "prompt": "x"}

        return host

    @staticmethod
    def narrow(access: Access) -> sockets.socket:
        """A connection whose kernel buffer does not grow."""
        connection = sockets.socket()
        connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 2**16)
        connection.connect(("127.0.0.1", urlsplit(access.url).port))
        return connection

    async def test_it_costs_the_others_nothing_and_gets_everything_later(self, access: Access, app: TokenWidgetsApp, host: Any) -> None:
        async with host() as request, opened(access, max_queue=1, sock=self.narrow(access)) as slow, opened(access) as quick:
            stream = (await quick.ask(op="start", request=request))["stream"]
            await slow.send(op="attach", stream=stream)  # and nothing is read there
            events = await quick.events(stream)
            assert text(events) == self.WORD * 24
            assert app.hub.get(stream, "server").readers == 1, "the link is not full: this test shows nothing"
            assert await slow.events(stream) == events

    async def test_a_reader_that_leaves_a_full_socket_costs_the_others_nothing(
        self, access: Access, app: TokenWidgetsApp, host: Any
    ) -> None:
        """Both wait for the same message to be written."""
        async with host() as request, opened(access, max_queue=1, sock=self.narrow(access)) as page:
            stream = (await page.ask(op="start", request=request))["stream"]
            found = app.hub.get(stream, "server")
            await eventually(lambda: not found.running, "the provider waits for a reader")
            async with Caller(access) as caller:
                other = app.hub.get(await caller.ended(), "server")
            await page.send(op="attach", stream=other.id)
            await eventually(lambda: other.readers == 1, "it is not attached")
            await page.send(op="detach", stream=stream)
            await eventually(lambda: found.readers == 0, "it is not detached")
            assert (await page.events(other.id))[-1]["type"] == "end"

    async def test_it_leaves_with_answers_unsent(
        self, access: Access, app: TokenWidgetsApp, host: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It goes on asking, and is gone: every answer on its way fails, and none of that is an error."""
        with caplog.at_level(logging.WARNING):
            async with host() as request, opened(access, max_queue=1, sock=self.narrow(access)) as page:
                stream = (await page.ask(op="start", request=request))["stream"]
                found = app.hub.get(stream, "server")
                await eventually(lambda: not found.running, "the provider waits for a reader")
                await page.send(op="start", request=FAST)
                for n in range(5):
                    await page.send(op="ping", t=n)
                await eventually(lambda: len(app.hub.streams("server")) == 2, "the socket no longer takes operations")
                assert found.readers == 1, "the link is not full: this test shows nothing"
                page.connection.transport.abort()
                await eventually(lambda: app.open_sockets == 0 and found.readers == 0, "readers are left")
            gc.collect()
            await asyncio.sleep(0)
        assert not [r for r in caplog.records if r.exc_info or "never retrieved" in r.getMessage()]


# ---- what is not understood

RUBBISH = [
    "",
    "x",
    "null",
    "7",
    '"text"',
    "[]",
    "{}",
    "{",
    '{"op": null}',
    '{"op": 5}',
    '{"op": []}',
    '{"op": {"a": 1}}',
    '{"op": "dance"}',
    '{"op": "__init__"}',
    '{"op": "start"}',
    '{"op": "start", "request": null}',
    '{"op": "start", "request": []}',
    '{"op": "attach"}',
    '{"op": "attach", "stream": 5}',
    '{"op": "attach", "stream": {"a": 1}}',
    '{"op": "attach", "stream": "x", "after": "3"}',
    '{"op": "attach", "stream": "x", "after": 1.5}',
    '{"op": "attach", "stream": "x", "after": true}',
    '{"op": "attach", "stream": "x", "after": null}',
    '{"op": "attach", "stream": "\\ud800"}',
    '{"op": "detach", "stream": []}',
    '{"op": "stop", "stream": null}',
    '{"op": "stop", "stream": "x", "ref": {"deep": [1, 2]}}',
    '{"part": [1, 0, 2]}',
    '{"part": [1, 5, 2], "data": "x"}',
    '{"part": [1, 0, 99999999], "data": "x"}',
    '{"part": "x", "data": "x"}',
    "[" * 100_000,
    *('{"op": "dance", "ref": ' + "[" * deep + "]" * deep + "}" for deep in (150, 800)),
    '{"op": "start", "request": ' + '{"a":' * 5000 + "1" + "}" * 5001,
    "\ufeff{}",
    "\x00",
]


@pytest.mark.parametrize("message", RUBBISH, ids=lambda m: m[:40].encode("unicode_escape").decode())
async def test_rubbish_is_refused_and_the_socket_stays(message: str, real: Access) -> None:
    async with opened(real) as page:
        await page.connection.send(message)
        body = await page.receive()
        assert body["op"] == "refused", body
        assert body["error"]["code"] in ("bad_request", "not_found")
        assert body["error"]["message"]
        assert (await page.ask(op="ping", t=1))["op"] == "pong"


@pytest.mark.parametrize("data", [b"", b"\x00\xff\xfe", b"\xed\xa0\x80", bytes(range(256))])
async def test_binary_rubbish_is_refused_and_the_socket_stays(data: bytes, real: Access) -> None:
    async with opened(real) as page:
        await page.connection.send(data)
        assert (await page.receive())["error"]["code"] == "bad_request"
        assert (await page.ask(op="ping", t=1))["op"] == "pong"


async def test_to_leave_what_one_does_not_read_is_no_error(real: Access) -> None:
    async with opened(real) as page:
        await page.send(op="detach", stream="nothing-here")
        assert await page.nothing_before(1) == []


async def test_a_ping_with_what_json_does_not_know(real: Access) -> None:
    """Python reads NaN where a browser reads an error: it must not come back."""
    async with opened(real) as page:
        await page.connection.send('{"op": "ping", "t": NaN}')
        answer = str(await page.connection.recv())
        assert "NaN" not in answer


class TestLimits:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"TokenWidgetsApp": {"message_bytes": 2000, "sockets": 2}}

    async def test_a_message_that_is_too_large_closes_the_socket_and_nothing_else(self, access: Access, app: TokenWidgetsApp) -> None:
        async with opened(access) as page, opened(access) as other:
            stream = (await page.ask(op="start", request=ENDLESS))["stream"]
            await other.send(op="attach", stream=stream)
            await other.receive()
            await page.connection.send("x" * 3000)
            with pytest.raises(ConnectionClosed) as closed:
                await page.events("none: reads until the socket closes")
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
            assert (await other.receive())["stream"] == stream
        assert app.hub.get(stream, "server").running

    async def test_one_socket_too_many(self, access: Access, app: TokenWidgetsApp) -> None:
        async with opened(access):
            async with opened(access):
                with pytest.raises(InvalidStatus) as refused:
                    async with opened(access):
                        pass
                assert refused.value.response.status_code == 429
            await eventually(lambda: app.open_sockets == 1, "the closed one still counts")
            async with opened(access) as page:
                assert (await page.ask(op="ping", t=1))["op"] == "pong"


# ---- how it travels


async def test_no_compression_is_agreed_to(real: Access) -> None:
    async with opened(real, compression="deflate") as page:
        assert page.connection.response is not None
        assert "Sec-WebSocket-Extensions" not in page.connection.response.headers
        assert page.connection.protocol.extensions == []


async def test_every_small_write_leaves_at_once(
    access: Access, app: TokenWidgetsApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TCP_NODELAY is looked at on the very sockets that carried events, at each write."""
    seen: list[tuple[bytes, int]] = []
    write = IOStream.write_to_fd

    def noted(self: IOStream, data: memoryview) -> int:
        seen.append((bytes(data[:2000]), self.socket.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY)))
        return write(self, data)

    monkeypatch.setattr(IOStream, "write_to_fd", noted)
    async with Upstream(["a", "b"], free=1) as upstream, opened(access) as page, Caller(access) as caller:
        (tmp_path / "tokenwidgets.toml").write_text(upstream.config())
        stream = (await page.ask(op="start", request={"model": "scripted/m", "prompt": "x"}))["stream"]
        async with caller.reading(stream) as events:
            while '"a"' not in (await anext(events)).data:
                pass
            upstream.release()
            assert [e async for e in events]
        await page.events(stream)
    carried = [nodelay for data, nodelay in seen if b'"delta":"b"' in data]
    assert len(carried) == 2, "one SSE response and one socket"
    assert all(carried)
