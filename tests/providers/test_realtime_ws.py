"""Voice sessions over a WebSocket, against a server on a real socket that says what a test scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fixtures
import pytest
import voices
from fake_time import FakeTime
from scripted import KEY
from scripted_voice import Peer, Server

from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Error, Event, Transcript
from tokenwidgets.generation import Limits, Stream
from tokenwidgets.hub import Hub
from tokenwidgets.providers.registry import Registry
from tokenwidgets.providers.retry import Retrying
from tokenwidgets.providers.watchdogs import Watchdogs
from tokenwidgets.realtime.inputs import Input, Say, Sound, ToolResult
from tokenwidgets.request import parse

CREATED = {"type": "session.created", "session": {"type": "realtime", "model": "m"}}
DONE = {"type": "response.done", "response": {"status": "completed"}}
HANDLE = {"sessionResumptionUpdate": {"newHandle": "h1", "resumable": True}}


def answer(text: str) -> list[Any]:
    return [{"type": "response.created"}, {"type": "response.output_text.delta", "item_id": text, "delta": text}, DONE]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


Hubs = Callable[..., Any]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, time: FakeTime) -> Hubs:
    """Makes a hub whose host `scripted` is at a server."""
    monkeypatch.setenv("SCRIPTED_KEY", KEY)

    @asynccontextmanager
    async def made(url: str, dialect: str = "openai-realtime", **limits: float) -> AsyncIterator[Hub]:
        (tmp_path / "tokenwidgets.toml").write_text(
            f'[hosts.scripted]\nkey_env = "SCRIPTED_KEY"\nlocal = true\n[hosts.scripted.dialects]\n{dialect} = "{url}"\n'
        )
        this = Hub(Registry(tmp_path, watchdogs=Watchdogs(**limits), retrying=Retrying(chance=lambda: 0.0, sleep=time.sleep)), Limits())
        try:
            yield this
        finally:
            await asyncio.wait_for(this.aclose(), 10)

    return made


def start(hub: Hub, *inputs: Input, **more: Any) -> Stream:
    stream = hub.start(parse({"model": "scripted/voice-1", "session": {}, **more}), "ann")
    for given in inputs:
        stream.take(given)
    return stream


def events(stream: Stream) -> list[Event]:
    return [entry.event for entry in stream.journal.entries]


async def until(stream: Stream, what: Callable[[list[Event]], bool] = lambda _: False) -> list[Event]:
    """The journal once it holds something, or ends."""
    async with asyncio.timeout(15):
        async for _ in stream.journal.read():
            if what(events(stream)):
                break
    return events(stream)


async def ended(stream: Stream) -> Any:
    """The session's ending, once its provider has let go of the connection."""
    await until(stream)
    assert stream.task
    await stream.task
    return events(stream)[-1]


def turned(count: int) -> Callable[[list[Event]], bool]:
    return lambda all: len(voices.turns(all)) >= count


def played(name: str, binary: bool = False) -> Callable[[Peer], Any]:
    async def script(peer: Peer) -> None:
        await peer.plays(voices.recorded(name), binary)

    return script


async def test_a_recorded_session_is_held_and_closed_by_a_stop(hub: Hubs) -> None:
    fixtures.need()
    async with Server(played("openai-ws-tool-call.jsonl")) as server, hub(server.url) as this:
        stream = start(this, Say("What is the weather in London?"))
        found = await until(stream, lambda all: bool(voices.calls(all)))
        stream.take(ToolResult(voices.calls(found)[0][0], "It is foggy."))
        found = await until(stream, turned(2))
        assert voices.calls(found)[0][1:] == ("get_weather", {"city": "London"}, False)
        assert voices.text(found)
        assert voices.notices(found, "session")[0]["model"] == "gpt-realtime"
        assert "connect" in voices.notices(found, "connection")[0]
        assert server.paths == ["/v1/realtime?model=voice-1"]
        await this.stop(stream)
        await asyncio.wait_for(server.peers[0].closed.wait(), 5)
        assert isinstance(events(stream)[-1], End)
        assert events(stream)[-1].reason == "cancelled"


async def test_gemini_speaks_in_binary_messages(hub: Hubs) -> None:
    fixtures.need()
    script = played("gemini-live-vertex.jsonl", binary=True)
    async with Server(script) as server, hub(server.url, "gemini-live") as this:
        found = await until(start(this, Say("Say a short greeting.")), turned(1))
        assert voices.words(found, "assistant") == "Hello there."
        assert server.paths[0].endswith("BidiGenerateContent")


async def test_inputs_wait_until_the_server_is_there_and_keep_their_order(hub: Hubs) -> None:
    ready = asyncio.Event()

    async def script(peer: Peer) -> None:
        await ready.wait()
        await peer.says(CREATED)
        await peer.hears("response.create")
        await peer.says(*answer("Hi"))

    async with Server(script) as server, hub(server.url) as this:
        stream = start(this, Sound(bytes(960)), Sound(bytes(960)), Say("Hello"))
        ready.set()
        await until(stream, turned(1))
        kinds = [frame["type"] for frame in server.peers[0].asked]
        assert kinds == ["session.update", *["input_audio_buffer.append"] * 2, "conversation.item.create", "response.create"]


async def test_a_session_that_expires_goes_on_over_a_connection_that_is_told_what_was_said(hub: Hubs) -> None:
    async def expires(peer: Peer) -> None:
        await peer.says(CREATED)
        await peer.hears("response.create")
        await peer.says(*answer("Oslo"), {"type": "error", "error": {"code": "session_expired", "message": "60 minutes."}})

    async def goes_on(peer: Peer) -> None:
        await peer.says(CREATED)
        await peer.hears("response.create")
        await peer.says(*answer("Bergen"))

    async with Server(expires, goes_on) as server, hub(server.url) as this:
        stream = start(this, Say("Where?"))
        await until(stream, lambda all: any("renewed" in n for n in voices.notices(all, "session")))
        stream.take(Say("And then?"))
        found = await until(stream, turned(2))
        assert voices.text(found) == "OsloBergen"
        said = [f["item"]["content"][0]["text"] for f in server.peers[1].asked if f["type"] == "conversation.item.create"]
        assert said == ["Where?", "Oslo", "And then?"]
        assert not any(isinstance(e, Error) for e in found)


async def test_a_cut_in_the_middle_fails_the_turn_and_not_the_session(hub: Hubs) -> None:
    async def cut(peer: Peer) -> None:
        await peer.says(CREATED)
        await peer.hears("response.create")
        await peer.says(*answer("Oslo")[:2])
        peer.socket.transport.abort()

    async def goes_on(peer: Peer) -> None:
        await peer.says(CREATED)
        await peer.hears("response.create")
        await peer.says(*answer("Bergen"))

    async with Server(cut, goes_on) as server, hub(server.url) as this:
        stream = start(this, Say("Where?"))
        await until(stream, turned(1))
        stream.take(Say("Again?"))
        found = await until(stream, turned(2))
        assert [t["status"] for t in voices.turns(found)] == ["failed", "completed"]


async def test_gemini_is_resumed_by_its_handle_when_it_says_that_it_goes(hub: Hubs) -> None:
    async def goes(peer: Peer) -> None:
        await peer.hears("setup")
        await peer.says({"setupComplete": {}}, HANDLE, {"goAway": {"timeLeft": "50s"}}, binary=True)

    async def resumed(peer: Peer) -> None:
        setup = await peer.hears("setup")
        assert setup["setup"]["sessionResumption"] == {"handle": "h1"}
        await peer.says({"setupComplete": {}}, binary=True)
        await peer.hears("clientContent")
        await peer.says({"serverContent": {"outputTranscription": {"text": "Hello"}}}, {"serverContent": {"turnComplete": True}})

    async with Server(goes, resumed) as server, hub(server.url, "gemini-live") as this:
        stream = start(this)
        await until(stream, lambda all: any("renewed" in n for n in voices.notices(all, "session")))
        stream.take(Say("Hi"))
        found = await until(stream, turned(1))
        assert voices.words(found, "assistant") == "Hello"
        assert len(voices.notices(found, "connection")) == 2
        assert any(isinstance(e, Transcript) and e.role == "user" for e in found)


async def test_geminis_reason_for_closing_is_the_error(hub: Hubs) -> None:
    async def closes(peer: Peer) -> None:
        await peer.hears("setup")
        await peer.socket.close(1007, f"API key {KEY} not valid.")

    async with Server(closes) as server, hub(server.url, "gemini-live") as this:
        error = await ended(start(this))
        assert (error.code, error.stage) == ("auth", "close")
        assert "not valid" in error.message
        assert KEY not in error.message


async def test_a_refused_connection_is_said_with_its_status_and_without_the_key(hub: Hubs, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(played("none")) as server, hub(server.url) as this:
        monkeypatch.setenv("SCRIPTED_KEY", f"{KEY}x")
        stream = start(this)
        error = await ended(stream)
        assert (error.code, error.status) == ("auth", 401)
        assert KEY not in "".join(entry.data.decode() for entry in stream.journal.entries)
        assert len(server.paths) == 1


async def test_a_host_that_is_overloaded_is_asked_again(hub: Hubs, time: FakeTime, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(played("none"), status=503) as server, hub(server.url) as this:
        monkeypatch.setenv("SCRIPTED_KEY", f"{KEY}x")
        error = await ended(start(this))
        assert error.code == "overloaded"
        assert len(server.paths) == 3
        assert time.waits == [0.5, 1.0]


async def test_a_host_that_cannot_be_reached_again_ends_the_session(hub: Hubs, time: FakeTime) -> None:
    async def cut(peer: Peer) -> None:
        await peer.says(CREATED)
        await peer.hears("response.create")
        await peer.says(*answer("Oslo"))
        server._server.close(close_connections=False)
        peer.socket.transport.abort()

    async with Server(cut) as server, hub(server.url) as this:
        error = await ended(start(this, Say("Where?")))
        assert (error.code, error.stage) == ("connection", "connect")
        assert time.waits == [0.5, 1.0, 2.0]


async def test_a_server_that_owes_an_answer_may_not_be_silent_for_ever(hub: Hubs) -> None:
    async def silent(peer: Peer) -> None:
        await peer.says(CREATED)
        await peer.hears("response.create")

    async with Server(silent) as server, hub(server.url, idle=0.05) as this:
        error = await ended(start(this, Say("Where?")))
        assert error.code == "timeout"


async def test_a_voice_dialect_that_the_host_does_not_speak_is_refused(hub: Hubs) -> None:
    async with hub("ws://127.0.0.1:9/v1") as this:
        with pytest.raises(Refused, match="holds no voice sessions"):
            start(this, dialect="gemini-live")
        refused = await ended(start(this, options={"seed": 1}))
        assert "'seed'" in refused.message
