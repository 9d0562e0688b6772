"""The gateway's realtime protocol: OpenAI's own client against a real server, with voices that need no model."""

from __future__ import annotations

import asyncio
import base64
import json
import math
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import openai
import pytest
from gateway_tools import async_openai_of
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from server_tools import LIMIT, Access, Caller, eventually
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from jupyter_server_ext.app import TokenWidgetsApp
from tokenwidgets.realtime import local, sim
from tokenwidgets.realtime.clips import WORDS, clip
from tokenwidgets.realtime.words import word_error_rate

# OpenAI's client opens its sockets in a way that newer versions of websockets warn of, and closes connections when it is collected.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning"),
]

EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

TEXT = {"type": "realtime", "output_modalities": ["text"]}

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "x",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


class Talk:
    """A session of OpenAI's client; every event is one that its types know."""

    def __init__(self, connection: Any, patience: float) -> None:
        self.connection = connection
        self.patience = patience
        self.events: list[Any] = []

    async def send(self, **event: Any) -> None:
        await self.connection.send(event)

    async def until(self, *kinds: str) -> Any:
        """The next event of some kinds."""
        async with asyncio.timeout(self.patience):
            while True:
                data = await self.connection.recv_bytes()
                event = EVENT.validate_json(data)
                assert event.type == json.loads(data)["type"]
                self.events.append(event)
                if event.type in kinds:
                    return event

    async def say(self, text: str, **response: Any) -> Any:
        """A turn in writing; the response's end."""
        await self.send(
            type="conversation.item.create", item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        )
        await self.send(type="response.create", **({"response": response} if response else {}))
        return await self.until("response.done", "error")

    @property
    def kinds(self) -> list[str]:
        """Types of all events so far, each run of the same once."""
        kinds = [event.type for event in self.events]
        return [kind for before, kind in zip(["", *kinds], kinds, strict=False) if kind != before]


@asynccontextmanager
async def talk(access: Access, model: str = "sim/voice", patience: float = LIMIT) -> AsyncIterator[Talk]:
    async with async_openai_of(access) as client, client.realtime.connect(model=model) as connection:
        talk = Talk(connection, patience)
        assert (await talk.until("session.created")).session.model == model
        yield talk


def speech(seconds: float) -> str:
    """Something loud, then silence enough to end a turn."""
    loud = array("h", (round(12_000 * math.sin(i / 5)) for i in range(int(24_000 * seconds))))
    return base64.b64encode(loud.tobytes() + bytes(48_000)).decode()


async def test_a_written_turn_in_the_order_of_openai(real: Access) -> None:
    async with talk(real) as session:
        await session.send(type="session.update", session={**TEXT, "instructions": "Be brief."})
        updated = await session.until("session.updated")
        assert (updated.session.output_modalities, updated.session.instructions) == (["text"], "Be brief.")
        done = (await session.say("Hello.")).response
        assert session.kinds[2:] == [
            "conversation.item.added", "conversation.item.done", "response.created", "response.output_item.added",
            "conversation.item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.done",
            "response.content_part.done", "conversation.item.done", "response.output_item.done", "response.done",
        ]  # fmt: skip
        said = "".join(e.delta for e in session.events if e.type == "response.output_text.delta")
        assert said
        assert (done.status, done.output[0].content[0].text) == ("completed", said)
        assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens > 0


async def test_a_spoken_answer_has_sound_and_its_words(real: Access) -> None:
    async with talk(real) as session:
        done = (await session.say("Hello.")).response
        pcm = b"".join(base64.b64decode(e.delta) for e in session.events if e.type == "response.output_audio.delta")
        words = "".join(e.delta for e in session.events if e.type == "response.output_audio_transcript.delta")
        assert done.output[0].content[0].transcript == words != ""
        assert len(pcm) > 24_000
        assert {"response.output_audio.done", "response.output_audio_transcript.done"} <= set(session.kinds)
        await session.send(type="conversation.item.retrieve", item_id=done.output[0].id)
        assert (await session.until("conversation.item.retrieved")).item.content[0].transcript == words
        await session.send(type="conversation.item.truncate", item_id=done.output[0].id, content_index=0, audio_end_ms=100)
        assert (await session.until("conversation.item.truncated")).audio_end_ms == 100


async def test_speech_is_heard_written_down_and_answered(real: Access) -> None:
    async with talk(real) as session:
        await session.send(type="input_audio_buffer.append", audio=speech(1.0))
        done = await session.until("response.done")
        started, stopped = (next(e for e in session.events if e.type == f"input_audio_buffer.speech_{k}") for k in ("started", "stopped"))
        heard = next(e for e in session.events if e.type == "conversation.item.input_audio_transcription.completed")
        assert heard.transcript.startswith("I spoke for")
        assert started.item_id == stopped.item_id == heard.item_id
        assert done.response.status == "completed"


async def test_push_to_talk(real: Access) -> None:
    async with talk(real) as session:
        await session.send(type="session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        assert (await session.until("session.updated")).session.audio.input.turn_detection is None
        await session.send(type="input_audio_buffer.commit")
        assert (await session.until("error")).error.code == "input_audio_buffer_commit_empty"
        await session.send(type="input_audio_buffer.append", audio=speech(0.5))
        await session.send(type="input_audio_buffer.clear")
        await session.until("input_audio_buffer.cleared")
        await session.send(type="input_audio_buffer.append", audio=speech(0.5))
        await session.send(type="input_audio_buffer.commit")
        committed = await session.until("input_audio_buffer.committed")
        assert (await session.until("conversation.item.input_audio_transcription.completed")).item_id == committed.item_id
        await session.send(type="response.create")
        assert (await session.until("response.done")).response.status == "completed"
        assert "input_audio_buffer.speech_started" not in session.kinds


async def test_a_response_is_cancelled_and_another_waits_for_its_end(real: Access) -> None:
    async with talk(real) as session:
        await session.send(type="response.cancel", event_id="mine")
        refused = (await session.until("error")).error
        assert (refused.code, refused.event_id) == ("response_cancel_not_active", "mine")
        await session.send(
            type="conversation.item.create", item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
        )
        await session.send(type="response.create")
        await session.until("response.output_audio_transcript.delta")
        await session.send(type="response.create")
        assert (await session.until("error")).error.code == "conversation_already_has_active_response"
        await session.send(type="response.cancel")
        done = (await session.until("response.done")).response
        assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
        assert (await session.say("And now?")).response.status == "completed"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}}, "audio/pcm"),
        ({"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "nobody"}}}}, "voice"),
        ({"type": "session.update", "session": {"type": "realtime", "tool_choice": "required"}}, "'tool_choice'"),
        ({"type": "response.create", "response": {"conversation": "none"}}, "'response.conversation'"),
        ({"type": "conversation.item.delete", "item_id": "item_1"}, "conversation.item.delete"),
        ({"type": "conversation.item.retrieve", "item_id": "item_99"}, "no item"),
        ({"type": "conversation.item.truncate", "item_id": "item_99", "content_index": 0, "audio_end_ms": 1}, "truncated"),
        ({"type": "input_audio_buffer.append", "audio": "?"}, "base64"),
        ({"type": "output_audio_buffer.clear"}, "output_audio_buffer.clear"),
    ],
)
async def test_what_cannot_be_done_is_said_and_the_session_goes_on(real: Access, event: dict[str, Any], words: str) -> None:
    async with talk(real) as session:
        await session.send(**event, event_id="mine")
        refused = (await session.until("error")).error
        assert words in refused.message
        assert refused.type == "invalid_request_error"
        assert (await session.say("Hello.", output_modalities=["text"])).response.output[0].content[0].text


async def test_a_page_written_for_openai_gets_the_host_s_own_voice(real: Access) -> None:
    async with talk(real) as session:
        vad = {"type": "semantic_vad", "eagerness": "high"}
        audio = {"input": {"turn_detection": vad, "noise_reduction": {"type": "near_field"}}, "output": {"voice": "marin"}}
        await session.send(type="session.update", session={"type": "realtime", "audio": audio})
        told = (await session.until("session.updated")).session
        assert told.audio.output.voice is None
        assert told.audio.input.turn_detection.type == "server_vad"
        assert (await session.say("Hello.")).response.status == "completed"


async def test_leaving_ends_the_session(access: Access, app: TokenWidgetsApp) -> None:
    async with talk(access) as session:
        await session.say("Hello.")
        assert (app.hub.running, app.open_sockets) == (1, 1)
    await eventually(lambda: app.hub.running == 0 and app.open_sockets == 0, "it went on")


@pytest.mark.parametrize(
    ("query", "words"), [("?model=sim/steady", "voice"), ("", "'?model="), ("?model=sim/voice&intent=transcription", "intent")]
)
async def test_what_holds_no_session_is_refused_before_it_begins(real: Access, query: str, words: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(address(real) + query, additional_headers={"Authorization": f"Bearer {real.token}"}, proxy=None)
    assert refused.value.response.status_code == 400
    assert words in json.loads(refused.value.response.body)["error"]["message"]


def address(access: Access) -> str:
    return access.socket.replace("tokenwidgets/socket", "tokenwidgets/v1/realtime")


async def test_a_client_secret_opens_sessions_and_nothing_else(real: Access) -> None:
    async with async_openai_of(real) as client:
        session: Any = {"type": "realtime", "model": "sim/voice", "output_modalities": ["text"], "instructions": "Be brief."}
        made = await client.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 60}, session=session)
    assert made.value.startswith("ek_")
    offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{made.value}")]
    async with connect(address(real), subprotocols=offered, proxy=None) as socket:
        assert json.loads(await socket.recv())["session"]["instructions"] == "Be brief."
        assert made.value not in str(socket.response and socket.response.headers)
    async with async_openai_of(real, made.value) as stranger:
        for call in (stranger.models.list(), stranger.realtime.client_secrets.create(session=session)):
            with pytest.raises((openai.AuthenticationError, openai.PermissionDeniedError)):
                await call
    with pytest.raises(InvalidStatus) as refused:
        await connect(address(real), additional_headers={"Authorization": "Bearer ek_none"}, proxy=None)
    assert refused.value.response.status_code == 401
    async with Caller(real) as caller:
        late = await caller.call("POST", "v1/realtime/client_secrets", {"expires_after": {"anchor": "created_at", "seconds": 5}})
    assert late.status_code == 400
    assert "10 to 7200" in late.text


async def test_a_tool_call_and_its_result(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sim, "VOICE", replace(sim.VOICE, thinks="sim/tool-caller"))
    async with talk(access) as session:
        await session.send(type="session.update", session={**TEXT, "tools": [WEATHER], "tool_choice": "auto"})
        assert (await session.until("session.updated")).session.tools[0].name == "weather"
        done = (await session.say("What is the weather?")).response
        (call,) = [item for item in done.output if item.type == "function_call"]
        given = next(e for e in session.events if e.type == "response.function_call_arguments.done")
        assert (call.name, call.call_id, call.arguments) == ("weather", given.call_id, given.arguments)
        assert "".join(e.delta for e in session.events if e.type == "response.function_call_arguments.delta") == given.arguments
        assert "city" in json.loads(given.arguments)
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
        await session.send(type="conversation.item.create", item=result)
        await session.send(type="response.create")
        done = (await session.until("response.done")).response
        assert (done.status, done.output[0].type) == ("completed", "message")
        assert done.output[0].content[0].text


@pytest.mark.model
@pytest.mark.skipif(not local.can_run(), reason="the local voice is not installed")
async def test_the_voice_of_this_machine(real: Access) -> None:
    """A shipped sentence, sent at once with silence behind it, is written down and answered with sound."""
    async with talk(real, "local/voice", 4 * LIMIT) as session:
        await session.send(type="session.update", session={"type": "realtime", "audio": {"output": {"voice": "marin"}}})
        pcm = clip("france").clip.resampled(24_000).pcm + bytes(48_000)
        await session.send(type="input_audio_buffer.append", audio=base64.b64encode(pcm).decode())
        done = (await session.until("response.done")).response
        heard = next(e for e in session.events if e.type == "conversation.item.input_audio_transcription.completed").transcript
        assert word_error_rate(WORDS["france"], heard) < 0.3
        assert done.status == "completed"
        assert done.output[0].content[0].transcript
        assert sum(len(e.delta) for e in session.events if e.type == "response.output_audio.delta") > 24_000
