"""A function given to a voice session is called in the kernel, whoever holds the session: here OpenAI's protocol, spoken to our gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from server_tools import LIMIT, Access

import tokenwidgets as tw
from tokenwidgets import api
from tokenwidgets.clients.inprocess import InProcess
from tokenwidgets.hub import Hub
from tokenwidgets.portal import portal
from tokenwidgets.providers.registry import Registry
from tokenwidgets.realtime import sim


@pytest.fixture
def kernel_of_host(access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as a kernel with a host `gateway`, which is our own gateway with a voice that calls tools."""
    monkeypatch.setattr(sim, "VOICE", replace(sim.VOICE, thinks="sim/tool-caller"))
    monkeypatch.setenv("GATEWAY_KEY", access.token)
    url = access.url.replace("http", "ws", 1) + "tokenwidgets/v1"
    head = '[hosts.gateway]\nkey_env = "GATEWAY_KEY"\nlocal = true\n'
    (tmp_path / "tokenwidgets.toml").write_text(f'{head}[hosts.gateway.dialects]\nopenai-realtime = "{url}"\n')
    place = InProcess("a test's", Hub(Registry(tmp_path)))
    monkeypatch.setattr(api, "_gateway", place)
    yield
    portal().run(place.aclose(), LIMIT)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_function_is_called_and_the_answer_knows_its_value(kernel_of_host: None, fails: bool) -> None:
    asked: list[str] = []

    def weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        if fails:
            raise OSError("the line is cut")
        return "clear"

    session = tw.talk("gateway/sim/voice", output="text", tools=[weather])
    turned = asyncio.Event()
    loop = asyncio.get_running_loop()
    session.result.watch(lambda: loop.call_soon_threadsafe(turned.set))
    await asyncio.to_thread(session.say, "How is the weather?")
    async with asyncio.timeout(LIMIT):
        while not (len(session.turns) == 2 and session.turns[1].status):
            assert not session.done, session.error
            await turned.wait()
            turned.clear()
    assert len(asked) == 1
    assert session.turns[0].calls == ["weather"]
    assert (session.turns[1].status, bool(session.turns[1].said)) == ("completed", True)
    sent = b"".join(frame.data for frame in await asyncio.to_thread(lambda: session.result.wire) if frame.direction == "out")
    assert (b"Error: OSError: the line is cut" if fails else b'"output":"clear"') in sent
    await asyncio.to_thread(session.stop)
