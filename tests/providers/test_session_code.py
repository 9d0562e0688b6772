"""The program of a voice session: a question in a file is said to a provider, and the answer heard."""

from __future__ import annotations

import asyncio
import base64
import wave
from pathlib import Path
from typing import Any

import pytest
from programs import ran
from scripted import KEY
from scripted_voice import Peer, Script, Server

from tokenwidgets.code import code
from tokenwidgets.codegen import sessions
from tokenwidgets.errors import Refused

PCM = bytes(range(1, 101)) * 48
"""A tenth of a second."""

SOUND = base64.b64encode(PCM).decode()
QUESTION = b"\x01\x02" * 3000

OPENAI: list[Any] = [
    {"type": "conversation.item.input_audio_transcription.completed", "transcript": "Why?"},
    {"type": "response.output_audio.delta", "delta": SOUND},
    {"type": "response.output_audio_transcript.delta", "delta": "Because"},
    {"type": "response.output_audio_transcript.delta", "delta": "."},
]
DONE = {"type": "response.done", "response": {"status": "completed"}}
GEMINI: list[Any] = [
    {"serverContent": {"inputTranscription": {"text": "Why?"}}},
    {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": SOUND}}]}}},
    {"serverContent": {"outputTranscription": {"text": "Because."}}},
]
OVER = {"serverContent": {"turnComplete": True}}


def openai(*answer: Any) -> Script:
    async def script(peer: Peer) -> None:
        await peer.says({"type": "session.created", "session": {"type": "realtime"}})
        await peer.hears("session.update")
        await peer.hears("input_audio_buffer.append")
        await peer.says(*answer)

    return script


def gemini(*answer: Any) -> Script:
    async def script(peer: Peer) -> None:
        await peer.hears("setup")
        await peer.says({"setupComplete": {}}, binary=True)
        await peer.hears("realtimeInput")
        await peer.says(*answer, binary=True)

    return script


def question(path: Path, rate: int) -> str:
    with wave.open(str(path / "question.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", None))
        file.writeframes(QUESTION)
    return "question.wav"


async def talked(
    script: Script, dialect: str, language: str, tmp_path: Path, rate: int = 24_000, **request: Any
) -> tuple[tuple[int, str, str], Server]:
    """The program that our request gives, and how it went."""
    async with Server(script) as server:
        (tmp_path / "tokenwidgets.toml").write_text(
            f'[hosts.scripted]\nkey_env = "SCRIPTED_KEY"\n[hosts.scripted.dialects]\n{dialect} = "{server.url}"\n'
        )
        text = code({"model": "scripted/voice-1", "session": {"voice": "ann"}, "system": "Be 'brief'.", **request}, language)
        assert KEY not in text
        asked = (language, text, tmp_path, question(tmp_path, rate))
        return await asyncio.to_thread(ran, *asked, SCRIPTED_KEY=KEY), server


def heard(path: Path) -> bytes:
    with wave.open(str(path / "answer.wav")) as file:
        assert file.getparams()[:3] == (1, 2, 24_000)
        return file.readframes(file.getnframes())


@pytest.mark.parametrize("language", sessions.LANGUAGES)
async def test_openais_realtime_is_told_our_session_and_answers(language: str, tmp_path: Path) -> None:
    (status, out, err), server = await talked(openai(*OPENAI, DONE), "openai-realtime", language, tmp_path)
    assert (status, out, err) == (0, "Because.\n", "You: Why?\n")
    assert heard(tmp_path) == PCM
    assert server.paths == ["/v1/realtime?model=voice-1"]
    update, sound = server.peers[0].asked[:2]
    assert update["session"]["instructions"] == "Be 'brief'."
    assert update["session"]["audio"]["output"]["voice"] == "ann"
    assert base64.b64decode(sound["audio"]) == QUESTION[:4800]


@pytest.mark.parametrize("language", sessions.LANGUAGES)
async def test_gemini_live_is_told_our_session_and_answers(language: str, tmp_path: Path) -> None:
    (status, out, err), server = await talked(gemini(*GEMINI, OVER), "gemini-live", language, tmp_path, 16_000)
    assert (status, out, err) == (0, "Because.\n", "You: Why?\n")
    assert heard(tmp_path) == PCM
    setup, sound = server.peers[0].asked[:2]
    assert setup["setup"]["systemInstruction"]["parts"] == [{"text": "Be 'brief'."}]
    assert sound["realtimeInput"]["audio"]["mimeType"] == "audio/pcm;rate=16000"
    assert base64.b64decode(sound["realtimeInput"]["audio"]["data"]) == QUESTION[:3200]


@pytest.mark.parametrize("language", sessions.LANGUAGES)
@pytest.mark.parametrize(
    ("dialect", "script", "out"),
    [
        ("openai-realtime", openai({"type": "response.output_item.done",
                                    "item": {"type": "function_call", "name": "look", "arguments": '{"at": 1}'}}, DONE), 'look({"at": 1})'),
        ("gemini-live", gemini({"toolCall": {"functionCalls": [{"id": "1", "name": "look", "args": {"at": 1}}]}}), "look({"),
    ],
)  # fmt: skip
async def test_a_function_that_it_calls_is_named(dialect: str, script: Script, out: str, language: str, tmp_path: Path) -> None:
    rate = 24_000 if dialect == "openai-realtime" else 16_000
    (status, printed, err), _ = await talked(script, dialect, language, tmp_path, rate)
    assert status == 0, err
    assert out in printed


async def closes(peer: Peer) -> None:
    await peer.socket.close(1011, "out of voices")


@pytest.mark.parametrize("language", sessions.LANGUAGES)
@pytest.mark.parametrize(
    ("script", "why"),
    [
        (openai({"type": "error", "error": {"message": "No such voice."}}), "No such voice."),
        (openai({"type": "response.done", "response": {"status": "failed"}}), "The answer's end: failed."),
        (closes, "out of voices"),
    ],
)
async def test_what_goes_wrong_is_said(script: Script, why: str, language: str, tmp_path: Path) -> None:
    (status, _, err), _ = await talked(script, "openai-realtime", language, tmp_path)
    assert status == 1
    assert why in err


@pytest.mark.parametrize("language", sessions.LANGUAGES)
async def test_a_file_of_another_form_is_told_how_to_be_made_one(language: str, tmp_path: Path) -> None:
    (status, _, err), _ = await talked(openai(DONE), "openai-realtime", language, tmp_path, 8_000)
    assert status == 1
    assert "ffmpeg -i question.wav -ac 1 -ar 24000" in err


def test_xais_session_has_its_own_shape() -> None:
    text = code({"model": "xai/grok-voice", "session": {}}, "python")
    assert "wss://api.x.ai/v1/realtime?model=grok-voice" in text
    assert '"output_modalities"' not in text.replace("'", '"')


@pytest.mark.parametrize(
    ("request_", "language", "why"),
    [
        ({"model": "sim/voice", "session": {}}, "curl", "A voice session can be had in python or javascript"),
        ({"model": "sim/voice", "session": {"turn_detection": "none"}}, "python", "finds the end of a turn"),
        ({"model": "sim/voice", "session": {}, "prompt": "Hello."}, "python", "what was said before"),
        ({"model": "deepseek/v4", "session": {}}, "python", "holds no voice sessions"),
    ],
)
def test_what_cannot_be_had_is_refused_in_a_sentence(request_: dict[str, Any], language: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        code(request_, language)
