"""Voice from parts: what is said becomes words, a text model answers them, and the answer becomes speech, each stage while the one before
it still works.

* The end of a turn is guessed at early, and what was said until then is written down meanwhile, and read by a text model of this machine:
  when the turn has ended, its words are there, and only the answer is left. Where speech goes on, the guess is thrown away.
* Speech ends an answer that is being made, or that may still be playing: sound is sent as fast as it is made, and its readers play it as
  fast as it sounds. The text model is then told only what was heard: by the clock, or exactly, once an `Interrupt` tells it.
* A stage that fails ends its turn, never the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from ..errors import Refused
from ..events import Error, Notice, Speech, Transcript
from ..providers.base import Provider, Sink
from ..request import Request
from . import codec
from .answering import Answering, ended, failed
from .ear import Ear
from .history import History
from .inbox import Inbox
from .inputs import Clear, Commit, Input, Interrupt, Respond, Say, Sound, ToolResult, Update
from .parts import Voice
from .read_ahead import ReadAhead, read
from .said import Said
from .settings import RATE, Settings
from .turns import HEARD_RATE, SILENCE_MS, Found, TurnFinder

PIECE_SECONDS = 0.1
"""How much sound is listened to before others have their turn on the event loop."""

HELLO = {"role": "user", "content": "Hello."}
UNHEARD = "No words were heard."
UNASKED = "Nothing was said yet that could be answered."


class VoicePipeline:
    """Holds voice sessions with a voice made of parts.

    Parameters
    ----------
    voice : the parts.
    think : finds who carries out a request to the voice's text model; raises `Refused` like `Registry.resolve`.
    """

    def __init__(self, voice: Voice, think: Callable[[Request], Provider]) -> None:
        self.voice = voice
        self.think = think

    async def converse(self, request: Request, sink: Sink, inputs: Inbox) -> None:
        """See `RealtimeProvider.converse`."""
        try:
            await self._load(request, sink)
        except Refused as e:
            sink.emit(Error(e.code, e.message, stage="connect"))
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                session = _Session(self, request, sink, tasks)
                session.tell()
                async for given in inputs:
                    await session.take(given)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _load(self, request: Request, sink: Sink) -> None:
        sink.emit(Notice("model_loading", {"model": request.model}))
        imports = (asyncio.to_thread(codec.load), asyncio.to_thread(self.voice.activity))  # so that none of it stops the event loop later
        await asyncio.gather(*imports, self.voice.hears.load(), self.voice.speaks.load(), self._warm(request))

    async def _warm(self, request: Request) -> None:
        """Have the text model read its instructions; what it says is thrown away, and a failure is told by the first answer."""
        if self.voice.warm:
            await read(self.think, thinking(self.voice, request, (HELLO,)))


def thinking(voice: Voice, request: Request, messages: tuple[Mapping[str, Any], ...]) -> Request:
    """What a voice's text model is asked, for a session's request."""
    options = {**voice.options, **request.options}
    return Request(voice.thinks, messages, request.system or voice.system, request.tools, options=options)


class _Session:
    """One session: its turns so far, and what is being done now. Words are written down in turn, and answers are given in turn."""

    def __init__(self, pipeline: VoicePipeline, request: Request, sink: Sink, tasks: asyncio.TaskGroup) -> None:
        self.voice = pipeline.voice
        self.think = pipeline.think
        self.sink = sink
        self.tasks = tasks
        self.settings = request.session or Settings()
        self.request = request
        self.history = History(request.messages, self.voice.memory)
        self.block = count(1).__next__
        self.ear = self._ear()
        self.said: Said | None = None
        self.answers: set[asyncio.Task[None]] = set()
        self.guess: asyncio.Task[str | Notice] | None = None
        self.ahead = ReadAhead(pipeline.think)
        self._writing = asyncio.Lock()
        self._speaking = asyncio.Lock()
        self._ahead = 0
        self._interrupts = 0
        self._cut = 0

    def _ear(self) -> Ear:
        finds = self.settings.turn_detection == "server"
        return Ear(self.voice.activity(), TurnFinder(self.settings.silence_ms or SILENCE_MS) if finds else None)

    def tell(self) -> None:
        """What the session is."""
        rates = {"input": HEARD_RATE, "output": RATE}
        about = {"voice": self.settings.voice or next(iter(self.voice.voices), None), "about": self.voice.about}
        self.sink.emit(Notice("session", {"parts": dict(self.voice.names), "rates": rates, **{k: v for k, v in about.items() if v}}))

    async def take(self, given: Input) -> None:
        """The next input."""
        match given:
            case Sound():
                await self._listen(given)
            case Commit():
                self._utter(asked=True)
            case Clear():
                self._forget_guess()
                self.ear.clear()
            case Say():
                self.tasks.create_task(self._written(given, self._interrupts))
            case ToolResult():
                self.tasks.create_task(self._resulted(given, self._interrupts))
            case Respond():
                self.tasks.create_task(self._asked(given, self._interrupts))
            case Interrupt():
                self._interrupted(given)
            case Update():
                self._update(given)

    # ------------------------------------------------------------------ hearing

    async def _listen(self, sound: Sound) -> None:
        size = 2 * int(PIECE_SECONDS * sound.rate)
        for start in range(0, len(sound.pcm), size):
            rest = max(0, len(sound.pcm) - start - size)
            self._ahead = rest * 500_000 // sound.rate
            for found in self.ear.feed(Sound(sound.pcm[start : start + size], sound.rate)):
                self._found(found)
            await asyncio.sleep(0)

    def _found(self, found: Found) -> None:
        match found.kind:
            case "started":
                self.sink.emit(Speech("started", self._since(found)))
                if self.settings.interrupt:
                    self._interrupt()
            case "guess":
                self.guess = asyncio.create_task(self._guessed(self.ear.said))
            case "resumed":
                self._forget_guess()
            case "stopped":
                self.sink.emit(Speech("stopped", self._since(found)))
                self._utter(asked=False)

    def _since(self, found: Found) -> int:
        """The instant of a position, by the sound that came since."""
        return max(0, self.sink.now() - self.ear.ago(found.position) - self._ahead)

    def _forget_guess(self) -> None:
        if self.guess is not None:
            self.guess.cancel()
            self.guess = None
            self.ahead.stop()

    def _utter(self, asked: bool) -> None:
        """The turn has ended: its words, and the answer, unless that will be asked for."""
        words = self.guess or asyncio.create_task(self._transcribed(self.ear.said))
        self.guess = None
        if asked:
            self.ear.clear()
        self.tasks.create_task(self._heard(words, asked, self._interrupts))

    async def _guessed(self, pcm: bytes) -> str | Notice:
        """The words of what may be a turn: the text model reads them while the detector is not sure yet."""
        text = await self._transcribed(pcm)
        if isinstance(text, str) and text:
            self._read_ahead({"role": "user", "content": text})
        return text

    def _read_ahead(self, *further: Mapping[str, Any]) -> None:
        """Have a text model of this machine read what was said so far: to others that would be a call that costs."""
        if self.voice.warm and not self.answers:
            self.ahead.begin(thinking(self.voice, self.request, (*self.history.messages(), *further)))

    async def _transcribed(self, pcm: bytes) -> str | Notice:
        """The words in a piece of sound; where they are not to be had, the end of their turn."""
        try:
            return await self.voice.hears.transcribe(pcm)
        except Refused as e:
            return ended("failed", e.message)
        except Exception as e:
            return failed(e)

    async def _heard(self, words: asyncio.Task[str | Notice], asked: bool, interrupts: int) -> None:
        async with self._writing:
            text = await words
            if isinstance(text, Notice):
                self.sink.emit(Transcript(self.block(), "user", final=True))  # no words: those of the next turn are not this one's
                self.sink.emit(text)
                return
            self.sink.emit(Transcript(self.block(), "user", text, final=True))
            if text:
                self.history.user(text)
        if asked or not self.settings.respond:
            return
        if not text:
            self.sink.emit(ended("incomplete", UNHEARD))
        elif self.ear.speaking and self.settings.interrupt:
            self.sink.emit(ended("cancelled"))  # the user goes on: the answer would be interrupted before it began
        elif self._wanted(interrupts):
            self._answer(Respond())

    # ------------------------------------------------------------------ what is no sound

    async def _written(self, given: Say, interrupts: int) -> None:
        async with self._writing:
            self.history.user(given.text, given.images)
        if given.respond and self._wanted(interrupts):
            self._answer_now(Respond())

    async def _resulted(self, given: ToolResult, interrupts: int) -> None:
        if not self.history.result(given.id, given.output):
            self.sink.emit(ended("failed", "A tool's result came for a call that nobody made."))
        elif given.respond and self._wanted(interrupts):
            self._answer(Respond())

    async def _asked(self, given: Respond, interrupts: int) -> None:
        async with self._writing:
            pass  # what was said before is written down first
        if self._wanted(interrupts):
            self._answer_now(given)

    def _update(self, given: Update) -> None:
        try:
            settings = checked(self.settings.changed(given.settings), self.voice)
        except Refused as e:
            self.sink.emit(Notice("session", {"refused": e.message}))
            return
        hearing = (settings.turn_detection, settings.silence_ms) != (self.settings.turn_detection, self.settings.silence_ms)
        self.settings = settings
        system = self.request.system if given.system is None else given.system
        tools = self.request.tools if given.tools is None else given.tools
        self.request = replace(self.request, system=system, tools=tools)
        if hearing:
            self._forget_guess()
            self.ear = self._ear()
        self.tell()

    # ------------------------------------------------------------------ answering

    def _interrupted(self, given: Interrupt) -> None:
        """The user has had enough.

        Of an answer that was cut off already this only tells how much was heard, perhaps late: the next one may have begun.
        """
        if given.block is None or given.block > self._cut:
            self._interrupts += 1
            self._interrupt()
        if given.block is not None and given.played_ms is not None:
            self.history.cut(given.block, given.played_ms)

    def _wanted(self, interrupts: int) -> bool:
        """Whether an answer that was asked for after so many interrupts is still to be given; ends its turn where it is not."""
        if interrupts != self._interrupts:
            self.sink.emit(ended("cancelled"))
        return interrupts == self._interrupts

    def _interrupt(self) -> None:
        """End what is being answered or may be playing, and let the text model know how much of it was heard."""
        making = [task for task in self.answers if not task.done()]
        for task in making:
            task.cancel()
        now = self.sink.now()
        if self.said is not None and (making or self.said.sounds(now)):
            self.sink.emit(Speech("interrupted"))
            self.said.cut(self.said.played(now))
            self.said.over = True
            self._cut = self.said.block
            self.said = None
        for _ in making:
            self.sink.emit(ended("cancelled"))
        self.answers.clear()

    def _answer_now(self, given: Respond) -> None:
        self._interrupt()
        self._answer(given)

    def _answer(self, given: Respond) -> None:
        task = self.tasks.create_task(self._answered(given))
        self.answers.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self.answers.discard(task)
        if not task.cancelled():
            self._read_ahead()

    async def _answered(self, given: Respond) -> None:
        async with self._speaking:
            messages = self.history.messages() or _opening(given)
            if not messages:
                self.sink.emit(ended("failed", UNASKED))
                return
            said = self.said = Said(self.block(), (given.output or self.settings.output) == "audio")
            self.history.answer(said)
            asked = replace(self.request, system=given.instructions or self.request.system)
            request = thinking(self.voice, asked, messages)
            try:
                model = self.think(request)
            except Refused as e:
                self.sink.emit(ended("failed", e.message))
                return
            await self.ahead.ready(messages)
            self.sink.emit(await Answering(said, self.sink, self.block).give(model, request, self.voice.speaks, self.settings.voice))


def _opening(given: Respond) -> tuple[dict[str, str], ...]:
    """Text models answer somebody: one who is to speak first is told so in the user's place."""
    return ({"role": "user", "content": given.instructions},) if given.instructions else ()


def checked(settings: Settings, voice: Voice) -> Settings:
    """Settings that a voice can follow.

    Raises
    ------
    Refused : it does not have the voice that is asked for.
    """
    if settings.voice is not None and settings.voice not in voice.voices:
        there = f"it has {', '.join(voice.voices)}" if voice.voices else "it has one voice, so leave 'voice' out"
        raise Refused("bad_request", f"There is no voice {settings.voice!r} here; {there}.")
    return settings
