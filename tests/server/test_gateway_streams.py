"""Streams of the gateway are streams like others, but that they end with their client."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import openai
import pytest
from gateway_tools import BODIES, ENDLESS, HELLO
from server_tools import LIMIT, Access, Caller, eventually

from jupyter_server_ext.app import TokenWidgetsApp
from jupyter_server_ext.handlers import gateway, streams
from tokenwidgets.events import End

# Their own clients close connections when they are collected, which is after the test that used them.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


async def snapshot(access: Access, stream: str) -> dict[str, Any]:
    async with Caller(access) as caller:
        return dict((await caller.call("GET", f"streams/{stream}")).json())


async def gone(access: Access, stream: str) -> dict[str, Any]:
    """Its last event, once it has ended."""
    async with Caller(access) as caller:
        return (await caller.events(stream))[-1]


@pytest.mark.parametrize("path", BODIES)
async def test_the_first_token_arrives_while_the_model_goes_on(path: str, real: Access) -> None:
    """Whatever the client accepts, byte for byte as tokens come, and watched from elsewhere at the same time."""
    body = {"model": "sim/steady", "stream": True, **BODIES[path], **ENDLESS}
    async with Caller(real, Accept="application/json") as caller, asyncio.timeout(LIMIT):
        async with caller.http.stream("POST", f"tokenwidgets/v1/{path}", json=body) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.headers["request-id" if path == "messages" else "x-request-id"]
            stream = answer.headers["x-tokenwidgets-stream"]
            reading = answer.aiter_raw()  # kept until the end: a client that forgets it has left
            pieces = [await anext(reading) for _ in range(5)]
            assert (await snapshot(real, stream))["state"] == "running"
            assert max(len(piece) for piece in pieces[1:]) < 1000, "a token at a time"
        last = await gone(real, stream)
        assert (last["type"], last["reason"]) == ("end", "cancelled")


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_stops_its_stream(stream: bool, access: Access, app: TokenWidgetsApp) -> None:
    body = {"model": "sim/steady", "messages": HELLO, "stream": stream, **ENDLESS, "ttft_ms": 600_000}
    async with Caller(access) as caller:
        call = asyncio.ensure_future(caller.call("POST", "v1/chat/completions", body))
        await eventually(lambda: app.hub.running == 1, "it did not start")
        call.cancel()
        await eventually(lambda: app.hub.running == 0, "it went on")
    [ended] = app.hub.streams("server")
    assert ended.journal.terminal
    assert ended.journal.terminal.event == End("cancelled")


def test_closing_the_sdk_s_stream_stops_it(gpt: openai.OpenAI, claude: anthropic.Anthropic, real: Access) -> None:
    chat = gpt.chat.completions.create(model="sim/steady", messages=HELLO, extra_body=ENDLESS, stream=True)
    message = claude.messages.create(model="sim/steady", max_tokens=10_000_000, messages=HELLO, extra_body=ENDLESS, stream=True)
    for opened in (chat, message):
        next(iter(opened))
        opened.close()
        last = asyncio.run(gone(real, opened.response.headers["x-tokenwidgets-stream"]))
        assert last["reason"] == "cancelled"


async def test_a_stream_stopped_from_elsewhere_ends_in_good_order(real: Access) -> None:
    async with openai.AsyncOpenAI(base_url=real.url + "tokenwidgets/v1", api_key=real.token, timeout=LIMIT) as client, Caller(real) as page:
        chunks = await client.chat.completions.create(model="sim/steady", messages=HELLO, extra_body=ENDLESS, stream=True)
        await anext(chunks)
        await page.call("DELETE", f"streams/{chunks.response.headers['x-tokenwidgets-stream']}")
        rest = [c async for c in chunks]
        assert rest[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize(("path", "keep_alive"), [("chat/completions", b": keep-alive\n\n"), ("messages", b"event: ping\n")])
async def test_a_silent_stream_is_kept_open(path: str, keep_alive: bytes, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first content too, once the head could wait no longer."""
    monkeypatch.setattr(streams, "KEEPALIVE_SECONDS", 0.05)
    monkeypatch.setattr(gateway, "HEAD_SECONDS", 0.05)
    body = {"model": "sim/steady", "stream": True, **BODIES[path], **ENDLESS, "ttft_ms": 600_000}
    caller = Caller(access)
    async with asyncio.timeout(LIMIT), caller, caller.http.stream("POST", f"tokenwidgets/v1/{path}", json=body) as answer:
        reading = answer.aiter_raw()
        assert [(await anext(reading)).startswith(keep_alive) for _ in range(2)] == [True, True]
