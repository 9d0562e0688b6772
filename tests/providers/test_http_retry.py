"""Calls that are made again, against an upstream on raw sockets: what it is asked, what is told meanwhile, and what a stop does."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from fake_provider import forever, until
from scripted import Scripted, answers, data, piece

from tokenwidgets.events import End, Error, Notice, Text
from tokenwidgets.generation import Limits
from tokenwidgets.hub import Hub
from tokenwidgets.metrics import measure
from tokenwidgets.providers import registry as registry_module
from tokenwidgets.providers.registry import Registry
from tokenwidgets.providers.retry import Retrying
from tokenwidgets.request import parse

OVERLOADED = b'event: error\ndata: {"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}}\n\n'
ANTHROPIC = b"".join(b"event: %b\ndata: %b\n\n" % (name, body) for name, body in [
    (b"message_start", b'{"type":"message_start","message":{"model":"served-1","usage":{"input_tokens":4,"output_tokens":1}}}'),
    (b"content_block_start", b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'),
    (b"content_block_delta", b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}'),
    (b"content_block_stop", b'{"type":"content_block_stop","index":0}'),
    (b"message_delta", b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}'),
    (b"message_stop", b'{"type":"message_stop"}'),
])  # fmt: skip


class Waits:
    """The sleep between attempts, which costs no time; `held` makes it last until it is cancelled."""

    def __init__(self, held: bool = False) -> None:
        self.held = held
        self.seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.held:
            await forever()


@pytest.fixture
def hub(tmp_path):
    """Makes a hub whose host `scripted` is at a base URL, and whose waits cost no time."""

    @asynccontextmanager
    async def made(base_url: str, waits: Waits, dialect: str = "openai-chat"):
        (tmp_path / "tokenwidgets.toml").write_text(f'[hosts.scripted]\nbase_url = "{base_url}"\ndialect = "{dialect}"\nlocal = true\n')
        this = Hub(Registry(tmp_path, retrying=Retrying(chance=lambda: 0.0, sleep=waits.sleep)))
        try:
            yield this
        finally:
            await asyncio.wait_for(this.aclose(), 10)

    return made


def start(hub: Hub, **options: object):
    return hub.start(parse({"model": "scripted/m", "prompt": "Say hello", "options": options}), "ann")


async def finished(stream):
    async with asyncio.timeout(15):
        async for _ in stream.journal.read():
            pass
        await stream.task
    return stream.journal.terminal.event


async def outcome(hub_of, *scripts, dialect="openai-chat", **options):
    """Run a stream whose attempts meet one script each; the stream, what was asked and the waits."""
    left = iter(scripts)

    async def script(connection, asked):
        await next(left)(connection, asked)

    waits = Waits()
    async with Scripted(script) as server, hub_of(server.url, waits, dialect) as hub:
        stream = start(hub, **options)
        await finished(stream)
        return stream, server, waits.seconds


def said(stream) -> str:
    return "".join(e.event.delta for e in stream.journal.entries if isinstance(e.event, Text))


def notices(stream, kind):
    return [e.event.data for e in stream.journal.entries if isinstance(e.event, Notice) and e.event.kind == kind]


def refusing(status: str, *headers: str, body: bytes = b'{"error":{"message":"Slow down."}}'):
    async def script(connection, asked):
        connection.keep = True
        await connection.whole(status, body, *headers)

    return script


async def resets(connection, asked):
    connection.reset()


FORM = "%a, %d %b %Y %H:%M:%S GMT"
NOW = 1_790_000_000


@pytest.mark.parametrize(("headers", "wait"), [
    (["Retry-After: 7"], 7.0),
    (["Retry-After-Ms: 250", "Retry-After: 7"], 0.25),
    ([f"Retry-After: {time.strftime(FORM, time.gmtime(NOW + 30))}", f"Date: {time.strftime(FORM, time.gmtime(NOW))}"], 30.0),
    ([], 0.5),
])  # fmt: skip
async def test_a_429_is_tried_again_when_it_says(hub, headers, wait):
    stream, server, waits = await outcome(hub, refusing("429 Too Many Requests", *headers), answers)
    assert (said(stream), waits) == ("Hello", [wait])
    assert notices(stream, "retry") == [
        {"attempt": 2, "of": 3, "wait": wait, "code": "rate_limited", "message": "Slow down.", "status": 429}
    ]
    first, second = server.asked
    assert (first.line, first.json) == (second.line, second.json)


async def test_the_next_attempt_uses_the_same_connection(hub):
    stream, server, _ = await outcome(hub, refusing("503 Service Unavailable"), answers)
    assert len(server.connections) == 1
    assert [n["reused"] for n in notices(stream, "connection") if "sent" in n] == [False, True]


async def test_the_clock_goes_on_over_all_attempts(hub):
    stream, _, _ = await outcome(hub, refusing("503 Service Unavailable"), refusing("502 Bad Gateway"), answers)
    stamps = [e.at for e in stream.journal.entries]
    assert stamps == sorted(stamps)
    sent = [n["sent"] for n in notices(stream, "connection") if "sent" in n]
    found = measure(stream.journal.entries)
    assert (found.retries, found.sent_us) == (2, sent[-1])
    assert found.first_token_us > sent[-1] > sent[0]


async def test_an_overload_told_within_the_stream_before_content_is_tried_again(hub):
    def streams(body):
        async def script(connection, asked):
            await connection.head()
            await connection.chunk(body)
            await connection.end()

        return script

    stream, _, waits = await outcome(hub, streams(OVERLOADED), streams(ANTHROPIC), dialect="anthropic-messages")
    assert (said(stream), stream.journal.terminal.event.type, waits) == ("Hello", "end", [0.5])
    assert notices(stream, "retry")[0]["code"] == "overloaded"


async def ends_before_content(connection, asked):
    await connection.head()
    await connection.chunk(piece())


@pytest.mark.parametrize("breaks", [resets, ends_before_content])
async def test_a_connection_that_breaks_before_content_is_tried_again(hub, breaks):
    stream, _, waits = await outcome(hub, breaks, resets, answers)
    assert (said(stream), waits) == ("Hello", [0.5, 1.0])
    assert [n["code"] for n in notices(stream, "retry")] == ["connection", "connection"]


@pytest.mark.parametrize("how", ["reset", "error"])
async def test_after_content_nothing_is_tried_again(hub, how):
    seen = asyncio.Event()

    async def breaks(connection, asked):
        await connection.head()
        await connection.chunk(piece("Hel"))
        await seen.wait()
        if how == "error":
            await connection.chunk(data({"error": {"message": "The server is overloaded", "code": 503}}))
        connection.reset()

    waits = Waits()
    async with Scripted(breaks) as server, hub(server.url, waits) as this:
        stream = start(this)
        await until(lambda: said(stream) == "Hel")
        seen.set()
        await finished(stream)
        assert (len(server.asked), waits.seconds, said(stream)) == (1, [], "Hel")


async def test_a_failure_that_stays_is_told_once_with_its_own_words(hub):
    stream, server, waits = await outcome(hub, *[refusing("503 Service Unavailable")] * 3)
    assert isinstance(stream.journal.terminal.event, Error)
    assert (stream.journal.terminal.event.status, len(server.asked), waits) == (503, 3, [0.5, 1.0])
    assert [e.terminal for e in stream.journal.entries].count(True) == 1


async def test_without_retries_the_first_failure_is_the_last(hub):
    stream, server, waits = await outcome(hub, refusing("429 Too Many Requests", "Retry-After: 7"), retries=0)
    assert (stream.journal.terminal.event.retry_after, len(server.asked), waits) == (7.0, 1, [])


async def test_a_wrong_key_is_not_tried_again(hub):
    stream, server, _ = await outcome(hub, refusing("401 Unauthorized"))
    assert (stream.journal.terminal.event.code, len(server.asked)) == ("auth", 1)


async def test_a_stop_during_the_wait_ends_it_at_once_and_nothing_more_is_asked(hub):
    waits = Waits(held=True)
    async with Scripted(refusing("429 Too Many Requests", "Retry-After: 50")) as server, hub(server.url, waits) as this:
        stream = start(this)
        await until(lambda: waits.seconds == [50.0])
        await asyncio.wait_for(this.stop(stream), 5)
        assert stream.journal.terminal.event == End("cancelled")
        assert len(server.asked) == 1


# ---------------------------------------------------------------------- what a stop does to the bill


@pytest.mark.parametrize("unread", [False, True])
@pytest.mark.parametrize(("provider", "told"), [
    (None, "unknown"), ("OpenAI", "yes"), ("Google AI Studio", "no"), ("Amazon Bedrock", "no"), ("Newcomer", "unknown"),
])  # fmt: skip
async def test_a_stop_says_what_the_provider_that_answers_does_to_the_bill(tmp_path, monkeypatch, provider, told, unread):
    there = asyncio.Event()

    async def script(connection, asked):
        await connection.head()
        await connection.chunk(data({"choices": [], **({"provider": provider} if provider else {})}), piece("Hel"))
        there.set()
        await connection.closed.wait()

    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-0123456789abcdef")
    async with Scripted(script) as server:
        (tmp_path / "tokenwidgets.toml").write_text(f'[hosts.openrouter]\nbase_url = "{server.url}"\n')
        registry = Registry(tmp_path)
        monkeypatch.setattr(registry, "upstream", lambda host: registry_module.Upstream(local=True))
        this = Hub(registry, Limits(unread_seconds=0.01 if unread else 300))
        stream = this.start(parse({"model": "openrouter/m", "prompt": "p"}), "ann")
        with stream.attached():
            await asyncio.wait_for(there.wait(), 5)
            await until(lambda: said(stream) == "Hel")
        if not unread:
            await asyncio.wait_for(this.stop(stream), 5)
        await asyncio.wait_for(server.connections[0].closed.wait(), 5)
        await until(lambda: not stream.running)
        end = stream.journal.terminal.event
        assert (end.reason, end.cancel_stops_billing, end.raw is not None) == ("cancelled", told, unread)
        await this.aclose()
