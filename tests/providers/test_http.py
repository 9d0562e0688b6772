"""The provider behind HTTP, against an upstream on raw sockets: nothing is lost, everything ends, and the key stays where it belongs."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import pickle
import re
import socket
import time
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from fake_provider import until
from hypothesis import given
from hypothesis import strategies as st
from scripted import ANSWER, DONE, FINISH, KEY, USAGE, Scripted, answers, data, piece

from tokenwidgets import dialects
from tokenwidgets.dialects.base import Profile
from tokenwidgets.events import Carry, End, Error, Notice, Text, Tool, Usage
from tokenwidgets.generation import Limits
from tokenwidgets.hub import Hub
from tokenwidgets.providers import upstream, watchdogs
from tokenwidgets.providers.http import HttpProvider
from tokenwidgets.providers.key_filter import KeyFilter
from tokenwidgets.providers.keys import Secret
from tokenwidgets.providers.registry import Registry
from tokenwidgets.providers.upstream import Upstream
from tokenwidgets.providers.watchdogs import Watchdogs
from tokenwidgets.recording import Header, Tape, dump, load
from tokenwidgets.request import parse

PROMPT = "Say hello"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Makes a hub whose host `scripted` is at a base URL."""
    monkeypatch.setenv("SCRIPTED_KEY", KEY)

    @asynccontextmanager
    async def made(base_url: str, local: bool = True, **limits: float):
        host = f'[hosts.scripted]\nbase_url = "{base_url}"\nkey_env = "SCRIPTED_KEY"\nlocal = {str(local).lower()}\n'
        (tmp_path / "tokenwidgets.toml").write_text(host)
        this = Hub(Registry(tmp_path, watchdogs=Watchdogs(**limits)), Limits())
        try:
            yield this
        finally:
            await asyncio.wait_for(this.aclose(), 10)

    return made


def start(hub: Hub):
    """One attempt; further ones are told of in test_http_retry."""
    return hub.start(parse({"model": "scripted/some-model", "prompt": PROMPT, "options": {"retries": 0}}), "ann")


async def finished(stream):
    """A stream's terminal event, once its provider has let go of the connection."""
    async with asyncio.timeout(15):
        async for _ in stream.journal.read():
            pass
        await stream.task
    return stream.journal.terminal.event


async def outcome(hub_of, script, **limits):
    """Run one stream against a script; returns it."""
    async with Scripted(script) as server, hub_of(server.url, **limits) as hub:
        stream = start(hub)
        await finished(stream)
        return stream


def said(stream) -> str:
    return "".join(e.event.delta for e in stream.journal.entries if isinstance(e.event, Text))


def of(stream, kind):
    return [e.event for e in stream.journal.entries if isinstance(e.event, kind)]


def ending(stream):
    return stream.journal.terminal.event


def connection_notices(stream):
    return [e.data for e in of(stream, Notice) if e.kind == "connection"]


# ---------------------------------------------------------------------- a good answer


async def test_text_usage_and_ending_arrive(hub):
    stream = await outcome(hub, answers)
    assert said(stream) == "Hello"
    assert (ending(stream).reason, ending(stream).raw) == ("stop", "stop")
    assert [(u.input, u.output, u.mode) for u in of(stream, Usage)] == [(4, 2, "final")]
    assert Notice("served", {"model": "served-1"}) in of(stream, Notice)


async def test_the_request_is_what_was_asked_and_carries_the_key_in_its_header(hub):
    async with Scripted(answers) as server, hub(server.url) as this:
        await finished(start(this))
        (asked,) = server.asked
    assert asked.line == "POST /v1/chat/completions HTTP/1.1"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["accept-encoding"] == "identity"
    assert (asked.json["model"], asked.json["stream"]) == ("some-model", True)
    assert asked.json["messages"] == [{"role": "user", "content": PROMPT}]
    assert "cookie" not in asked.headers


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_any_framing_and_any_cut_of_the_bytes_give_the_same_answer(hub, framing, size):
    body = b": hello\n\n" + b"".join(ANSWER)

    async def script(connection, asked):
        pieces = [body[i : i + size] for i in range(0, len(body), size)]
        if framing == "chunked":
            await connection.head()
            await connection.chunk(*pieces)
            await connection.end()
            return
        await connection.head("200 OK", f"Content-Length: {len(body)}" if framing == "length" else "Connection: close", chunked=False)
        await connection.raw(*pieces)

    stream = await outcome(hub, script)
    assert (said(stream), ending(stream).reason) == ("Hello", "stop")
    assert [u.output for u in of(stream, Usage)] == [2]


async def test_a_compressed_answer_is_read_although_none_was_asked_for(hub):
    async def script(connection, asked):
        await connection.whole("200 OK", gzip.compress(b"".join(ANSWER)), "Content-Encoding: gzip")

    stream = await outcome(hub, script)
    assert (said(stream), ending(stream).reason) == ("Hello", "stop")


async def test_frames_hold_what_travelled_both_ways(hub):
    stream = await outcome(hub, answers)
    out, *rest = stream.frames
    assert (out.direction, out.data.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")) == ("out", True)
    assert PROMPT.encode() in out.data
    assert b"".join(f.data for f in rest) == b"".join(ANSWER)


# ---------------------------------------------------------------------- time and connections


async def test_stamps_are_in_order_and_the_phases_too(hub):
    stream = await outcome(hub, answers)
    stamps = [e.at for e in stream.journal.entries]
    assert stamps == sorted(stamps)
    sent, headers = connection_notices(stream)
    assert 0 < sent["dns"] <= sent["connect"] <= sent["sent"] <= headers["headers"] <= stamps[-1]
    assert (sent["reused"], headers["status"]) == (False, 200)
    assert "tls" not in sent


async def test_an_event_is_stamped_with_the_instant_of_its_read_and_not_of_its_parsing():
    now = [1_000_000_000]
    tape = Tape(lambda: now[0])

    class SlowDialect(type(dialects.get("openai-chat"))):
        def decoder(self, profile):
            decoder = super().decoder(profile)
            feed = decoder.feed

            def slow(data):
                now[0] += 40_000_000  # a parser that takes 40 ms
                return feed(data)

            decoder.feed = slow
            return decoder

    texts = lambda: [e for e in tape.entries if isinstance(e.event, Text)]  # noqa: E731

    async def script(connection, asked):
        await connection.head()
        for n in range(4):
            now[0] = 2_000_000_000 + n * 500_000_000
            await connection.chunk(piece(f"a{n}") + piece(f"b{n}"))
            await until(lambda n=n: len(texts()) == 2 * n + 2)
        await connection.chunk(FINISH + DONE)
        await connection.end()

    async with Scripted(script) as server:
        pool = Upstream(local=True, clock=lambda: now[0])
        provider = HttpProvider(SlowDialect(), Profile(), server.url, None, pool, Watchdogs())
        await asyncio.wait_for(provider.run(parse({"model": "x/y", "prompt": "p"}), tape), 10)
        await pool.aclose()
    assert [e.at for e in texts()] == [at for n in range(4) for at in [1_000_000 + n * 500_000] * 2]
    assert {f.at for f in tape.frames if f.direction == "in"} >= {e.at for e in texts()}


async def test_the_second_call_uses_the_first_ones_connection(hub):
    async with Scripted(answers) as server, hub(server.url) as this:
        for expected in (False, True, True):
            stream = start(this)
            await finished(stream)
            sent, _ = connection_notices(stream)
            assert sent["reused"] is expected
            assert ("connect" in sent) is not expected
        assert len(server.connections) == 1


@pytest.mark.parametrize("ending_of_it", ["aclose", "reset"])
async def test_a_kept_connection_that_the_server_closes_as_it_is_used_again_costs_nothing(hub, ending_of_it):
    async def closes_when_asked_again(connection, asked):
        if connection is server.connections[0] and len(calls) == 1:
            calls.append("closed")
            gone = getattr(connection, ending_of_it)()
            if gone is not None:
                await gone
            return
        calls.append("answered")
        await answers(connection, asked)

    calls: list[str] = []
    async with Scripted(closes_when_asked_again) as server, hub(server.url) as this:
        await finished(start(this))
        stream = start(this)
        assert (await finished(stream)).type == "end"
        assert said(stream) == "Hello"
        assert calls == ["answered", "closed", "answered"]


async def test_a_server_that_closes_every_connection_is_asked_once_and_is_an_error(hub):
    async def closes(connection, asked):
        await connection.aclose()

    async with Scripted(closes) as server, hub(server.url) as this:
        stream = start(this)
        assert (await finished(stream)).code == "connection"
        assert len(server.connections) == 1


async def test_a_kept_connection_that_the_server_closed_meanwhile_is_replaced_without_an_error(hub):
    async with Scripted(answers) as server, hub(server.url) as this:
        await finished(start(this))
        await server.connections[0].aclose()
        await asyncio.sleep(0)
        stream = start(this)
        assert (await finished(stream)).type == "end"
        assert connection_notices(stream)[0]["reused"] is False


async def test_an_answer_whose_body_goes_on_after_its_end_marker_ends_there_and_is_closed(hub):
    async def script(connection, asked):
        connection.keep = True
        await connection.head()
        await connection.chunk(*ANSWER)
        await connection.closed.wait()

    stream = await outcome(hub, script)
    assert ending(stream).reason == "stop"
    assert said(stream) == "Hello"


async def test_fifty_streams_at_once(hub):
    together, waiting = asyncio.Event(), []

    async def script(connection, asked):
        waiting.append(asked)
        if len(waiting) == 50:
            together.set()
        await together.wait()
        await connection.head()
        await connection.chunk(piece(asked.json["messages"][0]["content"]), *ANSWER[2:])
        await connection.end()

    async with Scripted(script) as server, hub(server.url) as this:
        streams = [this.start(parse({"model": "scripted/m", "prompt": f"Number {n}"}), "ann") for n in range(50)]
        await asyncio.gather(*(finished(s) for s in streams))
        assert [said(s) for s in streams] == [f"Number {n}" for n in range(50)]


# ---------------------------------------------------------------------- no connection


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


async def test_a_port_where_nobody_listens(hub):
    port = free_port()
    async with hub(f"http://127.0.0.1:{port}/v1") as this:
        stream = start(this)
        assert await finished(stream) == Error(
            "connection", f"127.0.0.1:{port} cannot be reached (connection refused): is the server running and the address right?",
            stage="connect", retryable=True,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["tokenwidgets-test.invalid", "a..b.invalid", "x" * 70 + ".invalid"])
async def test_a_name_that_does_not_resolve(hub, name):
    async with hub(f"http://{name}/v1") as this:
        error = await finished(start(this))
    assert (error.code, error.stage) == ("connection", "connect")
    assert error.message == f"{name} cannot be reached (its name does not resolve): is the server running and the address right?"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433"])
async def test_a_host_that_is_not_local_cannot_be_at_a_private_address(hub, name):
    async with Scripted(answers) as server, hub(f"http://{name}:{server.port}/v1", local=False) as this:
        error = await finished(start(this))
        assert error.code == "connection"
        if name not in ("[::1]",):  # without IPv6 on a machine this name has no address at all
            where = f"{name}:{server.port}"
            meant = "set local = true for this host in tokenwidgets.toml if that is meant"
            assert error.message == f"{where} is at a private address: {meant}."
        assert server.connections == []


async def test_a_redirect_is_not_followed(hub):
    async with Scripted(answers) as elsewhere:

        async def script(connection, asked):
            await connection.whole("307 Temporary Redirect", b"", f"Location: {elsewhere.url}/chat/completions")

        stream = await outcome(hub, script)
        assert elsewhere.asked == []
    error = ending(stream)
    assert (error.code, error.status, error.retryable) == ("bad_request", 307, False)
    assert error.message.endswith("answered with a redirect, which is not followed: is the base URL right?")


# ---------------------------------------------------------------------- other answers than a stream


async def test_a_web_page_with_status_200(hub):
    async def script(connection, asked):
        await connection.whole("200 OK", b"<!doctype html><html><body>Welcome!</body></html>", "Content-Type: text/html")

    error = ending(await outcome(hub, script))
    assert (error.code, error.message) == (
        "protocol", "Instead of a chat completion stream the server sent HTML: is the base URL right?"
    )  # fmt: skip


async def test_a_proxys_page_with_status_502(hub):
    async def script(connection, asked):
        await connection.whole("502 Bad Gateway", b"<html><h1>502 Bad Gateway</h1><hr>nginx</html>", "Content-Type: text/html")

    error = ending(await outcome(hub, script))
    assert (error.status, error.stage, error.retryable) == (502, "http", True)
    assert "<" not in error.message


async def test_a_401_that_repeats_the_key_shows_it_nowhere(hub, caplog, capfd):
    caplog.set_level(logging.DEBUG)

    async def script(connection, asked):
        body = b'{"error":{"message":"Incorrect API key provided: %b. Find yours at example.org.","code":"invalid_api_key"}}'
        await connection.whole("401 Unauthorized", body % KEY.encode(), "Content-Type: application/json")

    stream = await outcome(hub, script)
    error = ending(stream)
    assert (error.code, error.status, error.retryable) == ("auth", 401, False)
    assert "Find yours at example.org" in error.message
    shown = b"".join([e.data for e in stream.journal.entries] + [f.data for f in stream.frames]).decode()
    shown += caplog.text + repr(stream.snapshot()) + repr(stream.call) + "".join(capfd.readouterr())
    assert KEY not in shown


@pytest.mark.parametrize(("given", "seconds"), [("7", 7.0), ("date", 30.0)])
async def test_a_429_says_when_to_come_back(hub, given, seconds):
    async def script(connection, asked):
        now = time.time()
        form = "%a, %d %b %Y %H:%M:%S GMT"
        after = given if given != "date" else time.strftime(form, time.gmtime(now + 30))
        date = f"Date: {time.strftime(form, time.gmtime(now))}"
        await connection.whole("429 Too Many Requests", b'{"error":{"message":"Slow down."}}', f"Retry-After: {after}", date)

    error = ending(await outcome(hub, script))
    assert (error.code, error.retryable) == ("rate_limited", True)
    assert error.retry_after == pytest.approx(seconds, abs=2)


@pytest.mark.parametrize("how", ["cut", "reset", "stalls"])
async def test_a_failure_keeps_its_status_when_its_body_does_not_come(hub, how, monkeypatch):
    monkeypatch.setattr(upstream, "ERROR_SECONDS", 0.05)

    async def script(connection, asked):
        await connection.whole("401 Unauthorized", b'{"error":{"mess', length=500)
        if how == "reset":
            connection.reset()
        elif how == "stalls":
            await connection.closed.wait()

    error = ending(await outcome(hub, script))
    assert (error.code, error.status) == ("auth", 401)


# ---------------------------------------------------------------------- broken streams


@pytest.mark.parametrize("how", ["cut", "length", "reset", "close"])
async def test_a_break_in_the_middle_loses_nothing_that_came(hub, how):
    arrived = asyncio.Event()

    async def script(connection, asked):
        headers = {"length": ["Content-Length: 100000"], "close": ["Connection: close"]}.get(how, [])
        await connection.head("200 OK", *headers, chunked=how in ("cut", "reset"))
        await (connection.chunk if how in ("cut", "reset") else connection.raw)(piece("Hel"), piece("lo"))
        await arrived.wait()
        if how == "reset":
            connection.reset()

    async with Scripted(script) as server, hub(server.url) as this:
        stream = start(this)
        await until(lambda: said(stream) == "Hello")
        arrived.set()
        assert (await finished(stream)).reason == "truncated"
    assert said(stream) == "Hello"
    assert [e.terminal for e in stream.journal.entries].count(True) == 1


async def test_half_an_event_at_the_cut_is_no_event_and_no_error(hub):
    async def script(connection, asked):
        await connection.head()
        await connection.chunk(piece("Hel"), piece("lo"), piece("lost")[:-20])

    stream = await outcome(hub, script)
    assert (said(stream), ending(stream).reason) == ("Hello", "truncated")


@pytest.mark.parametrize("how", ["before the head", "within the head", "behind the head", "reset"])
async def test_a_break_before_any_event_is_an_error_of_the_connection(hub, how):
    async def script(connection, asked):
        if how == "within the head":
            await connection.raw(b"HTTP/1.1 200 O")
        elif how == "behind the head":
            await connection.head()
        elif how == "reset":
            connection.reset()

    stream = await outcome(hub, script)
    error = ending(stream)
    assert (error.code, error.retryable) == ("connection", True)
    assert error.message.endswith("broke the connection before an answer came.")
    assert said(stream) == ""


async def test_what_is_no_http_is_an_error(hub):
    async def script(connection, asked):
        await connection.raw(b"SSH-2.0-OpenSSH_9.2\r\n")

    assert ending(await outcome(hub, script)).code == "connection"


async def test_an_error_within_the_stream_keeps_what_came(hub):
    async def script(connection, asked):
        await connection.head()
        await connection.chunk(piece("Hel"), data({"error": {"message": "The server is overloaded", "code": 503}}))
        await connection.end()

    stream = await outcome(hub, script)
    assert (said(stream), ending(stream).type) == ("Hel", "error")


# ---------------------------------------------------------------------- the end that does not come


def received(stream) -> bytes:
    return b"".join(f.data for f in stream.frames if f.direction == "in")


async def test_usage_after_the_finish_frame_is_waited_for(hub):
    finish_seen = asyncio.Event()

    async def script(connection, asked):
        await connection.head()
        await connection.chunk(piece("Hello"), FINISH)
        await finish_seen.wait()
        await connection.chunk(USAGE, DONE)
        await connection.closed.wait()

    async with Scripted(script) as server, hub(server.url) as this:
        stream = start(this)
        await until(lambda: FINISH in received(stream))
        assert stream.running
        finish_seen.set()
        assert (await finished(stream)).reason == "stop"
    assert [u.output for u in of(stream, Usage)] == [2]


async def test_a_server_that_never_closes_after_the_finish_frame_is_left(hub, monkeypatch):
    monkeypatch.setattr(watchdogs, "FINISH_SECONDS", 0.05)

    async def script(connection, asked):
        await connection.head()
        await connection.chunk(piece("Hello"), FINISH)
        await connection.closed.wait()
        left.set()

    left = asyncio.Event()
    async with Scripted(script) as server, hub(server.url) as this:
        stream = start(this)
        assert (await finished(stream)).reason == "stop"
        await asyncio.wait_for(left.wait(), 5)


async def test_keep_alives_do_not_prolong_the_wait_after_the_finish_frame(hub, monkeypatch):
    monkeypatch.setattr(watchdogs, "FINISH_SECONDS", 0.05)

    async def script(connection, asked):
        await connection.head()
        await connection.chunk(piece("Hello"), FINISH)
        while not connection.closed.is_set():
            await connection.chunk(b": ping\n\n")
            await asyncio.sleep(0.005)

    assert ending(await outcome(hub, script)).reason == "stop"


async def test_the_wait_after_the_finish_frame_begins_anew_when_another_choice_comes(hub, monkeypatch):
    monkeypatch.setattr(watchdogs, "FINISH_SECONDS", 0.3)
    last = piece(finish_reason="stop", index=1)
    last_seen = asyncio.Event()

    async def script(connection, asked):
        await connection.head()
        await connection.chunk(FINISH, piece("second", index=1))
        await asyncio.sleep(0.35)  # the first wait is over by then, and was given up
        await connection.chunk(last)
        await last_seen.wait()
        await connection.chunk(USAGE, DONE)
        await connection.end()

    async with Scripted(script) as server, hub(server.url) as this:
        stream = start(this)
        await until(lambda: last in received(stream))
        last_seen.set()
        await finished(stream)
    assert [u.output for u in of(stream, Usage)] == [2]


# ---------------------------------------------------------------------- silence


@pytest.mark.parametrize("where", ["before the head", "behind the head", "behind text"])
async def test_a_silent_provider_is_left(hub, where):
    async def script(connection, asked):
        if where != "before the head":
            await connection.head()
        if where == "behind text":
            await connection.chunk(piece("Hel"))
        await connection.closed.wait()
        left.set()

    left = asyncio.Event()
    async with Scripted(script) as server, hub(server.url, idle=0.1) as this:
        stream = start(this)
        error = await finished(stream)
        await asyncio.wait_for(left.wait(), 5)
    assert (error.code, error.retryable, "0.1 s" in error.message) == ("timeout", True, True)
    assert said(stream) == ("Hel" if where == "behind text" else "")


async def test_keep_alives_are_life_but_no_progress(hub):
    async def script(connection, asked):
        await connection.head()
        await connection.chunk(piece("Hel"))
        while not connection.closed.is_set():
            await connection.chunk(b": ping\n\n")
            await asyncio.sleep(0.01)

    stream = await outcome(hub, script, idle=0.3, progress=0.6)
    error = ending(stream)
    assert error.code == "timeout"
    assert "keep-alives but no content for 0.6 s" in error.message
    assert error.type == "error"
    assert stream.journal.terminal.at > 500_000  # the idle watchdog was fed


async def test_content_is_progress(hub):
    async def script(connection, asked):
        await connection.head()
        for n in range(12):
            await connection.chunk(piece(str(n)))
            await asyncio.sleep(0.07)
        await connection.chunk(*ANSWER[2:])
        await connection.end()

    assert ending(await outcome(hub, script, idle=5, progress=0.6)).reason == "stop"


# ---------------------------------------------------------------------- stop


@pytest.mark.parametrize("where", ["before the head", "within the head", "behind the head", "behind text", "within a refusal"])
async def test_stop_closes_the_socket_before_it_is_answered(hub, where):
    there = asyncio.Event()

    async def script(connection, asked):
        if where == "within the head":
            await connection.raw(b"HTTP/1.1 200 O")
        elif where == "within a refusal":
            await connection.whole("503 Service Unavailable", b'{"error"', length=500)
        elif where != "before the head":
            await connection.head()
        if where == "behind text":
            await connection.chunk(piece("Hel"))
        there.set()
        await connection.closed.wait()

    async with Scripted(script) as server, hub(server.url) as this:
        stream = start(this)
        await asyncio.wait_for(there.wait(), 5)
        if where == "behind text":
            await until(lambda: said(stream) == "Hel")
        await asyncio.wait_for(this.stop(stream), 5)
        assert ending(stream).reason == "cancelled"
        await asyncio.wait_for(server.connections[0].closed.wait(), 5)
        assert said(stream) == ("Hel" if where == "behind text" else "")
        # The pool is not left with a connection that no one can use.
        server.script = answers
        again = start(this)
        assert (await finished(again)).reason == "stop"


async def test_an_answer_beyond_the_journals_limit_closes_the_socket(hub):
    async def script(connection, asked):
        await connection.head()
        while not connection.closed.is_set():
            await connection.chunk(piece("x" * 500))

    async with Scripted(script) as server, hub(server.url) as this:
        this.limits = Limits(journal_bytes=20_000)
        stream = start(this)
        assert (await finished(stream)).code == "limit"
        await asyncio.wait_for(server.connections[0].closed.wait(), 5)


# ---------------------------------------------------------------------- the key


async def test_the_key_is_in_no_event_frame_log_or_text_form(hub, caplog, capfd):
    caplog.set_level(logging.DEBUG)

    async def echoes(connection, asked):
        connection.keep = True
        await connection.head("200 OK", f"X-Request-Id: {KEY[:8]}")
        await connection.chunk(piece(f"You sent {asked.headers['authorization']}"), *ANSWER[2:])
        await connection.end()

    async with Scripted(echoes) as server, hub(server.url) as this:
        stream = start(this)
        await finished(stream)
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
        provider = stream.call.provider
        with pytest.raises(TypeError):
            pickle.dumps(provider.key)
        shown = "".join(e.data.decode() for e in stream.journal.entries) + "".join(str(f.data) for f in stream.frames)
        shown += f"{provider.key!r} {provider.key} {provider.__dict__} {stream.call} {this.registry.hosts()} {stream.snapshot()}"
    assert KEY not in shown + caplog.text + "".join(capfd.readouterr())
    assert "You sent Bearer [key]" in said(stream)


def unescaped(data: bytes) -> bytes:
    """What JSON's escapes of letters stand for."""
    return re.sub(rb"\\u00([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]), data)


def kept(stream, path) -> bytes:
    """All that is kept of a stream: events, frames beside each other, and what a recording has of them."""
    with path.open("wb") as file:
        dump(file, Header.of(stream.call.request, 1.0), stream.journal.entries, stream.frames)
    found = load(path)
    return b"".join([e.data for e in (*stream.journal.entries, *found.entries)] + [f.data for f in (*stream.frames, *found.frames)])


@pytest.mark.parametrize("size", [1, 3, 4, 20, len(KEY) - 1])
async def test_a_key_that_comes_in_two_reads_is_struck_out(hub, tmp_path, size):
    whole = piece(f"You sent {KEY}, right?")
    cut = whole.index(KEY.encode()) + size
    arrived = asyncio.Event()

    async def echoes(connection, asked):
        await connection.head()
        await connection.chunk(whole[:cut])
        await arrived.wait()
        await connection.chunk(whole[cut:], *ANSWER[2:])
        await connection.end()

    async with Scripted(echoes) as server, hub(server.url) as this:
        stream = start(this)
        await until(lambda: any(b"You sent" in f.data for f in stream.frames))
        assert b"".join(f.data for f in stream.frames if f.direction == "in") == whole[: cut - size]
        arrived.set()
        await finished(stream)
    assert said(stream) == "You sent [key], right?"
    assert KEY.encode() not in kept(stream, tmp_path / "run.jsonl")
    first, second = [f for f in stream.frames if f.direction == "in"][:2]
    assert second.data.startswith(b"[key]")
    assert next(e.at for e in stream.journal.entries if isinstance(e.event, Text)) == second.at > first.at


@pytest.mark.parametrize("letters", ["s", "k-", "7", KEY])
async def test_a_key_with_escaped_letters_is_struck_out(hub, tmp_path, letters):
    spelled = "".join(f"\\u{ord(c):04X}" if c in letters else c for c in KEY).encode()

    async def echoes(connection, asked):
        await connection.head()
        await connection.chunk(piece("You sent KEY.").replace(b"KEY", spelled), *ANSWER[2:])
        await connection.end()

    stream = await outcome(hub, echoes)
    assert said(stream) == "You sent [key]."
    assert KEY.encode() not in unescaped(kept(stream, tmp_path / "run.jsonl"))


async def test_a_body_that_ends_within_the_key_shows_no_more_than_its_first_letters(hub):
    async def echoes(connection, asked):
        await connection.head()
        await connection.chunk(*ANSWER[:2], piece("x")[:-2] + KEY[:-1].encode())
        await connection.end()

    stream = await outcome(hub, echoes)
    assert stream.frames[-1].data.endswith(b"[key]")
    assert ending(stream).reason == "truncated"


async def test_bytes_that_only_begin_like_the_key_are_lost_nowhere(hub):
    async def short(connection, asked):
        await connection.head()
        await connection.chunk(*ANSWER[:3], b"data: [DONE]", b"\n\n: s")
        await connection.end()

    stream = await outcome(hub, short)
    assert (said(stream), ending(stream).reason) == ("Hello", "stop")


TEXTS = st.text(st.sampled_from('sk-x7 \n"é'), max_size=6).map(str.encode)
SPELLED = st.lists(st.booleans(), min_size=len(KEY), max_size=len(KEY)).map(
    lambda escaped: "".join(f"\\u{ord(c):04x}" if e else c for c, e in zip(KEY, escaped, strict=True)).encode()
)
PARTS = st.integers(0, len(KEY)).flatmap(lambda n: st.sampled_from([KEY[:n].encode(), KEY[n:].encode()]))
CUTS = st.lists(st.integers(0, 400), max_size=12)


def filtered(key: str, data: bytes, cuts: list[int]) -> bytes:
    keys = KeyFilter(Secret(key))
    at = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return b"".join([keys.feed(data[a:b]) for a, b in pairwise(at)]) + keys.close()


@given(st.lists(TEXTS | PARTS | st.just(KEY.encode())).map(b"".join), CUTS)
def test_any_cuts_strike_out_the_key_and_nothing_else(text, cuts):
    assert filtered(KEY, text + b"\n", cuts) == text.replace(KEY.encode(), b"[key]") + b"\n"


@given(st.lists(TEXTS | PARTS | SPELLED).map(b"".join), CUTS)
def test_any_cuts_strike_out_the_key_in_any_spelling(text, cuts):
    out = filtered(KEY, text, cuts)
    assert KEY.encode() not in unescaped(out)
    assert out == filtered(KEY, text, [])


@given(st.text(st.sampled_from("ab"), min_size=8, max_size=10), st.text(st.sampled_from("abc")), CUTS)
def test_a_key_that_overlaps_with_itself_is_no_exception(key, text, cuts):
    assert filtered(key, text.encode() + b"\n", cuts) == text.encode().replace(key.encode(), b"[key]") + b"\n"


def test_a_slash_may_be_escaped_and_an_escaped_backslash_stays_whole():
    assert filtered("abc/def/ghi", rb"<abc\/def/ghi>", [6]) == b"<[key]>"
    assert json.loads(filtered("abcdefgh", rb'"\\u0061bcdefgh"', [])) == "\\u0061bcdefgh"


def test_a_short_key_is_a_placeholder_and_stays():
    assert filtered("none", b"none of it", [2]) == b"none of it"
    assert KeyFilter(None).feed(b"none of it") == b"none of it"
    assert KeyFilter(None).events([Text(0, "none")]) == [Text(0, "none")]


def test_the_key_is_struck_out_of_every_text_of_an_event():
    events = [
        Text(0, f"a {KEY}"), Tool(0, KEY, KEY, f"{KEY}b", done=True, arguments={"x": [KEY, {KEY: 1}]}), Carry(0, {"sig": KEY}),
        Notice("served", {"model": KEY}), Usage(timings={KEY: 1}), End("stop", KEY), Error("internal", f"no {KEY}"), Text(0, "b"),
    ]  # fmt: skip
    struck = KeyFilter(Secret(KEY)).events(events)
    assert struck[0] == Text(0, "a [key]")
    assert struck[1] == Tool(0, "[key]", "[key]", "[key]b", done=True, arguments={"x": ["[key]", {"[key]": 1}]})
    assert struck[-1] is events[-1]
    assert KEY not in repr(struck)


async def test_an_exception_of_a_call_does_not_quote_the_key():
    class Broken(type(dialects.get("openai-chat"))):
        def decoder(self, profile):
            raise ZeroDivisionError

    async with Scripted(answers) as server:
        pool = Upstream(local=True)
        provider = HttpProvider(Broken(), Profile(), server.url, Secret(KEY), pool, Watchdogs())
        with pytest.raises(ZeroDivisionError) as failure:
            await provider.run(parse({"model": "x/y", "prompt": "p"}), Tape())
        await pool.aclose()
    assert KEY not in str(failure.getrepr(style="long", showlocals=False))
