"""A voice session whose user speaks with the provider itself, which is our own gateway: a page's call, and our server beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import voices
from server_tools import LIMIT, Access, Caller, eventually
from test_realtime_host import hub, start, turned, until
from test_rtc_audio import LOUD, Phone, loopback, phone

from jupyter_server_ext.app import TokenWidgetsApp
from tokenwidgets.generation import Stream
from tokenwidgets.hub import Hub
from tokenwidgets.realtime.inputs import Interrupt, Join, Say, Sound

__all__ = ["hub", "loopback"]


async def called(this: Hub, stream: Stream, page: Phone) -> str:
    """Call the provider as a page does, with a secret of the session's; the call's name."""
    secret = await this.registry.client_secret(stream.call.request)
    headers = {"Authorization": f"Bearer {secret['value']}", "Content-Type": "application/sdp"}
    async with httpx.AsyncClient(timeout=LIMIT, trust_env=False) as http:
        answer = await http.post(secret["url"], content=await page.offer(), headers=headers)
    assert answer.status_code == 201, answer.text
    assert "Location" in answer.headers["Access-Control-Expose-Headers"]
    await page.accept(answer.text)
    await page.until("session.created")
    return answer.headers["Location"].rsplit("/", 1)[1]


async def joined(stream: Stream, call: str) -> None:
    stream.take(Join(call))
    await until(stream, lambda all: any(notice.get("call") == call for notice in voices.notices(all, "session")))


async def test_what_page_and_provider_say_is_in_the_session_and_its_inputs_reach_the_call(real: Access, hub: Callable[[], Any]) -> None:
    async with hub() as this, phone("oai-events") as page:
        stream = start(this, silence_ms=400)
        await until(stream, lambda all: bool(voices.notices(all, "session")))
        await joined(stream, await called(this, stream, page))
        told = (await page.until("session.updated"))["session"]["audio"]["input"]["turn_detection"]
        assert told["silence_duration_ms"] == 400, "the page hears what the server says"
        page.microphone.speaking = True
        await until(stream, lambda all: "started" in [state for state, _ in voices.speech(all)])
        page.microphone.speaking = False
        found = await until(stream, turned(1))
        assert voices.words(found, "user")
        assert voices.words(found, "assistant")
        assert [(sound.track, sound.delta) for sound in voices.sounds(found)] == [(True, "")]
        began, ended = (since for _, since in voices.speech(found)[:2])
        assert 0 < began < ended
        await eventually(lambda: page.heard > 5, "no answer sounded")
        await page.until("output_audio_buffer.stopped")

        stream.take(Say("Hello."))
        started = len(page.events)
        await page.until("output_audio_buffer.started", started)
        stream.take(Interrupt())
        await page.until("output_audio_buffer.cleared", started)
        found = await until(stream, turned(2))
        assert ("interrupted", None) in voices.speech(found)
        await eventually(lambda: page.level < LOUD, "it went on")

        stream.take(Sound(bytes(960)))
        stream.take(Join())
        await until(stream, lambda all: "again" in voices.notices(all, "session")[-1].get("renewed", ""))
        stream.take(Say("Do you hear me?"))
        assert [t["status"] for t in voices.turns(await until(stream, turned(3)))][::2] == ["completed", "completed"]
        assert await page.until("session.created"), "the call goes on without who listened"


async def test_a_session_outlives_the_call_and_a_call_that_is_none(real: Access, app: TokenWidgetsApp, hub: Callable[[], Any]) -> None:
    async with hub() as this:
        stream = start(this)
        stream.take(Join("rtc_none"))
        stream.take(Say("Hello."))
        found = await until(stream, turned(1))
        assert "the host answered 404" in voices.notices(found, "session")[-1]["renewed"]
        async with phone("oai-events") as page:
            await joined(stream, await called(this, stream, page))
        await until(stream, lambda all: "call" not in voices.notices(all, "session")[-1])
        stream.take(Say("Still there?"))
        assert [t["status"] for t in voices.turns(await until(stream, turned(2)))] == ["completed"] * 2
        await eventually(lambda: len(app.rtc) == 0 and not app.rtc.calls, "the call outlived its page")


async def test_a_page_asks_for_a_secret_of_its_session_s(access: Access, real: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_KEY", real.token)
    url = real.url.replace("http", "ws", 1) + "tokenwidgets/v1"
    config = f'[hosts.gateway]\nkey_env = "GATEWAY_KEY"\nlocal = true\n[hosts.gateway.dialects]\nopenai-realtime = "{url}"\n'
    Path(os.environ["TOKENWIDGETS_CONFIG"]).write_text(config)
    async with Caller(access) as caller:
        session = await caller.start({"model": "sim/voice", "session": {}})
        refused = await caller.call("POST", f"streams/{session}/call", {})
        assert (refused.status_code, "makes no secrets" in refused.text) == (400, True)
        await caller.call("DELETE", f"streams/{session}")
        over = await caller.call("POST", f"streams/{session}/call", {})
        assert (over.status_code, "has not ended" in over.text) == (400, True)
        session = await caller.start({"model": "gateway/sim/voice", "session": {}})
        secret = await caller.call("POST", f"streams/{session}/call", {})
        assert secret.headers["Cache-Control"] == "no-store"
        assert secret.json()["value"].startswith("ek_")
        assert real.token not in secret.text
        await caller.call("DELETE", f"streams/{session}")


@pytest.mark.parametrize("call", ["rtc_x/../secrets", "", 7, "a" * 201])
async def test_what_names_no_call_is_refused(real: Access, call: Any) -> None:
    async with Caller(real) as caller:
        session = await caller.start({"model": "sim/voice", "session": {}})
        refused = await caller.call("POST", f"streams/{session}/input", {"inputs": [{"type": "join", "call": call}]})
        assert refused.status_code == 400
        await caller.call("DELETE", f"streams/{session}")
