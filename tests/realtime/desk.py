"""A voice pipeline on a desk: its time stands still unless sound comes, its parts do what a test says."""

from __future__ import annotations

import asyncio
import base64
import math
from array import array
from collections.abc import AsyncIterator, Callable
from typing import Any

from tokenwidgets.events import Audio, End, Error, Event, Notice, Speech, Text, Transcript
from tokenwidgets.realtime.inbox import Inbox
from tokenwidgets.realtime.inputs import Input, Sound
from tokenwidgets.realtime.parts import Voice
from tokenwidgets.realtime.pipeline import VoicePipeline
from tokenwidgets.realtime.settings import RATE, Settings
from tokenwidgets.realtime.sim import Loudness
from tokenwidgets.request import Request

HEARD = 16_000
PATIENCE = 20.0
WORD_MS = 200


def tone(ms: int, rate: int = HEARD) -> bytes:
    return array("h", (round(9000 * math.sin(i * 0.3)) for i in range(rate * ms // 1000))).tobytes()


def silence(ms: int, rate: int = HEARD) -> bytes:
    return bytes(2 * (rate * ms // 1000))


class Ears:
    """Writes down the next of some texts, each of which may be an exception; keeps the sounds."""

    def __init__(self, *texts: Any) -> None:
        self.texts = list(texts)
        self.heard: list[bytes] = []

    async def load(self) -> None:
        pass

    async def transcribe(self, pcm: bytes) -> str:
        self.heard.append(pcm)
        text = self.texts.pop(0) if self.texts else f"said {len(self.heard)}"
        if isinstance(text, Exception):
            raise text
        return text


class Mouth:
    """200 ms of sound a word."""

    def __init__(self) -> None:
        self.voices: list[str | None] = []
        self.broken: Exception | None = None

    async def load(self) -> None:
        pass

    async def speak(self, text: str, voice: str | None) -> AsyncIterator[bytes]:
        self.voices.append(voice)
        if self.broken:
            raise self.broken
        for _ in text.split():
            yield tone(WORD_MS, RATE)


class Mind:
    """Answers with the next of some lists of events; a list that ends without an end waits to be let go on."""

    def __init__(self, *answers: list[Event]) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []
        self.go_on = asyncio.Event()
        self.cancelled = 0

    async def run(self, request: Request, sink: Any) -> None:
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else said("Good.")
        for event in answer:
            sink.emit(event)
            await asyncio.sleep(0)
        if not isinstance(answer[-1], End | Error):
            try:
                await self.go_on.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            sink.emit(End("stop"))

    @property
    def told(self) -> list[tuple[str, Any]]:
        """What it was told the last time."""
        return [(message["role"], message["content"]) for message in self.asked[-1].messages]


def said(*words: str) -> list[Event]:
    return [*(Text(0, word) for word in words), End("stop")]


class Desk:
    """A session.

    Attributes
    ----------
    us : its clock.
    events : what it journalled, each with its time.
    """

    def __init__(self, ears: Ears | None = None, mind: Mind | None = None, mouth: Mouth | None = None, **settings: Any) -> None:
        self.us = 0
        self.events: list[tuple[int, Event]] = []
        self.news = asyncio.Event()
        self.refuse: Callable[[Event], None] = lambda event: None
        self.ears, self.mind, self.mouth = ears or Ears(), mind or Mind(), mouth or Mouth()
        self.inbox = Inbox()
        self.voice = Voice(Loudness, self.ears, "sim/steady", self.mouth, system="Be brief.", voices=("low", "high"))
        self.request = Request("desk/voice", (), session=Settings(**settings))

    def now(self) -> int:
        return self.us

    def emit(self, event: Event, at: int | None = None) -> None:
        self.refuse(event)
        self.events.append((self.us if at is None else at, event))
        self.news.set()

    def frame(self, data: bytes, at: int, direction: str = "in") -> None:
        pass

    async def __aenter__(self) -> Desk:
        self.task = asyncio.ensure_future(VoicePipeline(self.voice, lambda request: self.mind).converse(self.request, self, self.inbox))
        await self.until(lambda: self.notices("session"))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    async def until(self, seen: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not seen():
                if self.task.done():
                    await self.task
                self.news.clear()
                await self.news.wait()

    async def rest(self) -> None:
        """Until nothing happens any more."""
        for _ in range(200):
            await asyncio.sleep(0)

    async def give(self, *given: Input) -> None:
        for each in given:
            self.inbox.put(each)
        await self.rest()

    async def hear(self, pcm: bytes, rate: int = HEARD, piece_ms: int = 20) -> None:
        """Sound as a microphone gives it: time goes on with it."""
        size = 2 * rate * piece_ms // 1000
        for start in range(0, len(pcm), size):
            sound = Sound(pcm[start : start + size], rate)
            self.us += round(sound.seconds * 1e6)
            await self.give(sound)

    async def turn(self, ms: int = 500) -> None:
        """Somebody speaks, and stops."""
        await self.hear(tone(ms) + silence(400))

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for _, event in self.events if isinstance(event, kind)]

    def notices(self, kind: str) -> list[Any]:
        return [event.data for event in self.of(Notice) if event.kind == kind]

    @property
    def turns(self) -> list[str]:
        """How turns ended."""
        return [data["status"] for data in self.notices("turn")]

    @property
    def speech(self) -> list[str]:
        return [event.state for event in self.of(Speech)]

    def words(self, role: str) -> list[str]:
        blocks: dict[int, str] = {}
        for event in self.of(Transcript):
            if event.role == role:
                blocks[event.block] = blocks.get(event.block, "") + event.delta
        return list(blocks.values())

    @property
    def sound_ms(self) -> float:
        return sum(len(base64.b64decode(event.delta)) for event in self.of(Audio)) / 2 / RATE * 1000
