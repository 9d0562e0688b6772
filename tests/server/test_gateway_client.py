"""tokenwidgets as a client of tokenwidgets: Responses over a WebSocket to the gateway of a real Jupyter server, and what is behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from server_tools import Access, Caller, eventually

from tokenwidgets.events import Event, Notice, Text, Usage
from tokenwidgets.generation import Limits, Stream
from tokenwidgets.hub import Hub
from tokenwidgets.providers import local
from tokenwidgets.providers.registry import Registry
from tokenwidgets.request import parse
from tokenwidgets.turn import turn

BOUND = 120.0
"""Longest wait for an answer, in seconds, a real model's on a busy machine included."""

FAST: dict[str, Any] = {"extra": {"ttft_ms": 0, "itl_ms": 0, "tokens": 8}}
ENDLESS: dict[str, Any] = {"extra": {"ttft_ms": 0, "itl_ms": 20, "jitter": 0, "tokens": 100_000}}
HELLO = [{"role": "user", "content": "hello"}]
CITY = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo"]}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]


@asynccontextmanager
async def client(access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None = None) -> AsyncIterator[Hub]:
    """A hub of its own, to which a server's gateway is the host `own`."""
    monkeypatch.setenv("OWN_KEY", key or access.token)
    urls = {"openai-responses-ws": access.socket.removesuffix("/socket") + "/v1", "openai-responses": f"{access.url}tokenwidgets/v1"}
    lines = "\n".join(f'{dialect} = "{url}"' for dialect, url in urls.items())
    host = '[hosts.own]\nlocal = true\nkey_env = "OWN_KEY"\n'
    (tmp_path / "tokenwidgets.toml").write_text(f"{host}[hosts.own.dialects]\n{lines}\n")
    hub = Hub(Registry(tmp_path), Limits())
    try:
        yield hub
    finally:
        await hub.aclose()


async def asked(hub: Hub, model: str, messages: Any = HELLO, options: Any = FAST, **more: Any) -> Stream:
    stream = hub.start(parse({"model": f"own/{model}", "messages": messages, "options": options, **more}), "ann")
    async with asyncio.timeout(BOUND):
        async for _ in stream.journal.read():
            pass
    assert stream.task
    await stream.task
    return stream


def events(stream: Stream) -> list[Event]:
    return [entry.event for entry in stream.journal.entries]


def said(stream: Stream) -> str:
    return "".join(e.delta for e in events(stream) if isinstance(e, Text))


def ending(stream: Stream) -> Any:
    assert stream.journal.terminal
    return stream.journal.terminal.event


def connections(stream: Stream) -> list[Any]:
    return [e.data for e in events(stream) if isinstance(e, Notice) and e.kind == "connection"]


async def test_the_simulator_behind_it(real: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client(real, tmp_path, monkeypatch) as hub, Caller(real) as caller:
        stream = await asked(hub, "sim/steady")
        direct = await caller.events(await caller.start({"model": "sim/steady", "messages": HELLO, "options": FAST["extra"]}))
    assert said(stream) == "".join(e["delta"] for e in direct if e["type"] == "text")
    assert ending(stream).reason == "stop"
    assert [u.output for u in events(stream) if isinstance(u, Usage)] == [8]


async def test_a_tool_loop_over_one_connection(real: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client(real, tmp_path, monkeypatch) as hub:
        first = await asked(hub, "sim/tool-caller", tools=TOOLS)
        answer = turn(events(first))
        (call,) = answer["tool_calls"]
        talk = [*HELLO, answer, {"role": "tool", "tool_call_id": call["id"], "content": "rain"}]
        second = await asked(hub, "sim/tool-caller", talk, tools=TOOLS)
        third = await asked(hub, "sim/tool-caller", [*talk, turn(events(second)), *HELLO], tools=TOOLS)
    assert (call["function"]["name"], ending(first).reason) == ("weather", "tool")
    assert said(second)
    assert [(n["reused"], n["continued"], n["items_sent"], n["items"]) for s in (first, second, third) for n in connections(s)] == [
        (False, False, 1, 1),
        (True, True, 1, 3),
        (True, True, 1, 5),
    ]


async def test_stop_ends_it_there_too(access: Access, app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client(access, tmp_path, monkeypatch) as hub:
        stream = hub.start(parse({"model": "own/sim/steady", "messages": HELLO, "options": ENDLESS}), "ann")
        await eventually(lambda: said(stream) != "", "nothing was said")
        assert app.hub.running == 1
        await hub.stop(stream)
        await eventually(lambda: app.hub.running == 0 and app.open_sockets == 0, "it went on")
    assert ending(stream).reason == "cancelled"


async def test_a_wrong_key_is_said_to_be_wrong(real: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client(real, tmp_path, monkeypatch, key="not-the-token") as hub:
        stream = await asked(hub, "sim/steady")
    assert (ending(stream).code, ending(stream).status) == ("auth", 401)
    assert "Jupyter server's token" in ending(stream).message


async def test_an_unknown_model_is_not_found(real: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client(real, tmp_path, monkeypatch) as hub:
        stream = await asked(hub, "sim/nothing")
    assert (ending(stream).code, ending(stream).status) == ("not_found", 404)


@pytest.mark.model
@pytest.mark.skipif(not local.can_run({}), reason="the local model is not installed")
async def test_a_real_model_behind_it_reads_the_whole_conversation(real: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the second request only the last message travels: the rest must be held at the other end."""
    options = {"max_tokens": 16, "temperature": 0}
    async with client(real, tmp_path, monkeypatch) as hub:
        first = await asked(hub, "local/smollm2-135m", [{"role": "user", "content": "My name is Ada. Say hello to me."}], options)
        talk = [*first.call.request.messages, turn(events(first)), {"role": "user", "content": "What is my name?"}]
        second = await asked(hub, "local/smollm2-135m", talk, options)
        over_http = await asked(hub, "local/smollm2-135m", talk, options, dialect="openai-responses")
    assert said(first)
    assert said(second)
    (told,) = connections(second)
    assert (told["continued"], told["items_sent"], told["items"]) == (True, 1, 3)
    assert read(second) == read(over_http) > read(first)


def read(stream: Stream) -> int:
    """How many tokens the model was given, those included that it still had."""
    return sum((u.input or 0) + (u.cache_read or 0) for u in events(stream) if isinstance(u, Usage))
