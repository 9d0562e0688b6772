"""Our side of OpenAI's realtime protocol against our gateway's, over real sockets: what one says the other understands."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import voices
from server_tools import LIMIT, Access

from tokenwidgets.events import Event
from tokenwidgets.generation import Limits, Stream
from tokenwidgets.hub import Hub
from tokenwidgets.providers.registry import Registry
from tokenwidgets.realtime.inputs import Commit, Input, Interrupt, Respond, Say, Sound, Update
from tokenwidgets.request import parse


@pytest.fixture
def hub(real: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Makes a hub whose host `gateway` is our own gateway."""
    monkeypatch.setenv("GATEWAY_KEY", real.token)
    url = real.url.replace("http", "ws", 1) + "tokenwidgets/v1"
    head = '[hosts.gateway]\nkey_env = "GATEWAY_KEY"\nlocal = true\n'
    (tmp_path / "tokenwidgets.toml").write_text(f'{head}[hosts.gateway.dialects]\nopenai-realtime = "{url}"\n')

    @asynccontextmanager
    async def made() -> AsyncIterator[Hub]:
        this = Hub(Registry(tmp_path), Limits())
        try:
            yield this
        finally:
            await asyncio.wait_for(this.aclose(), LIMIT)

    return made


def start(hub: Hub, *inputs: Input, **session: Any) -> Stream:
    stream = hub.start(parse({"model": "gateway/sim/voice", "session": session}), "ann")
    for given in inputs:
        stream.take(given)
    return stream


async def until(stream: Stream, what: Callable[[list[Event]], bool]) -> list[Event]:
    async with asyncio.timeout(LIMIT):
        async for _ in stream.journal.read():
            if what(found := [entry.event for entry in stream.journal.entries]):
                return found
    raise AssertionError([entry.event for entry in stream.journal.entries][-3:])


def turned(count: int) -> Callable[[list[Event]], bool]:
    return lambda found: len(voices.turns(found)) >= count


def speech(seconds: float, rate: int = 24_000) -> Sound:
    """Something loud, then silence enough to end a turn."""
    loud = array("h", (round(12_000 * math.sin(i / 5)) for i in range(int(rate * seconds))))
    return Sound(loud.tobytes() + bytes(2 * rate), rate)


@pytest.mark.parametrize("rate", [24_000, 48_000])
async def test_a_spoken_turn_is_heard_and_answered(hub: Callable[[], Any], rate: int) -> None:
    async with hub() as this:
        found = await until(start(this, speech(1.0, rate)), turned(1))
    assert [state for state, _ in voices.speech(found)] == ["started", "stopped"]
    assert all(since is not None for _, since in voices.speech(found))
    assert voices.words(found, "user")
    assert voices.words(found, "assistant")
    assert sum(len(e.delta) for e in voices.sounds(found)) > 10_000
    assert voices.turns(found) == [{"status": "completed"}]


async def test_a_written_turn_and_a_change_of_the_session(hub: Callable[[], Any]) -> None:
    async with hub() as this:
        stream = start(this, Say("Hello"), output="text")
        found = await until(stream, turned(1))
        assert voices.text(found)
        assert not voices.sounds(found)
        stream.take(Update({"output": "audio"}))
        stream.take(Say("Hello"))
        assert voices.sounds(await until(stream, turned(2)))
        assert not voices.notices(await until(stream, turned(2)), "fault")


async def test_push_to_talk(hub: Callable[[], Any]) -> None:
    async with hub() as this:
        found = await until(start(this, speech(0.5), Commit(), Respond(), turn_detection="none"), turned(1))
    assert voices.words(found, "user")
    assert voices.words(found, "assistant")


async def test_an_interruption_ends_the_answer_once(hub: Callable[[], Any]) -> None:
    async with hub() as this:
        stream = start(this, Say("Hello"))
        found = await until(stream, lambda all: bool(voices.sounds(all)))
        stream.take(Interrupt(voices.sounds(found)[0].block, 100))
        stream.take(Say("Hello again"))
        found = await until(stream, turned(2))
    assert [state for state, _ in voices.speech(found)] == ["interrupted"]
    assert [t["status"] for t in voices.turns(found)][-1] == "completed"
    assert not voices.notices(found, "fault")


async def test_a_secret_for_a_page(hub: Callable[[], Any]) -> None:
    async with hub() as this:
        secret = await this.registry.client_secret(parse({"model": "gateway/sim/voice", "session": {}}))
    assert secret["value"].startswith("ek_")
    assert secret["url"].endswith("tokenwidgets/v1/realtime/calls")
