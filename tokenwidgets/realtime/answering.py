"""One answer: the text model's words into clauses, the clauses into sound, all of it into the journal as it is made."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from dataclasses import replace

from ..errors import Refused
from ..events import Audio, Carry, End, Error, Event, Notice, Reasoning, Refusal, Text, Tool, Transcript, Usage
from ..journal import JournalClosed, JournalFull
from ..providers.base import Provider, Sink
from ..request import Request
from .clauses import Clauses, spoken
from .parts import Synthesizer
from .said import Said
from .settings import RATE

log = logging.getLogger("tokenwidgets")

PIECE_BYTES = 2 * RATE // 10
"""The most sound in one event: 100 ms."""

ANSWER_CHARS = 20_000
"""The longest answer: twenty minutes of speech."""


class Answering:
    """Gives an answer.

    Parameters
    ----------
    said : what is known of it, kept up while it is given.
    sink : the session's.
    block : makes numbers for blocks.
    """

    def __init__(self, said: Said, sink: Sink, block: Callable[[], int]) -> None:
        self.now = sink.now
        self.frame = sink.frame
        self._said = said
        self._sink = sink
        self._block = block
        self._blocks: dict[int, int] = {}
        self._cutter = Clauses()
        self._clauses: asyncio.Queue[str | None] = asyncio.Queue()
        self._chars = 0
        self._ending: End | Error = Error("internal", "The text model gave no ending.")

    async def give(self, model: Provider, request: Request, speaks: Synthesizer, voice: str | None) -> Notice:
        """Give it; the notice is its end. Cancelling leaves it as far as it came."""
        try:
            await self._given(model, request, speaks, voice)
        except (JournalClosed, JournalFull):
            raise
        except Refused as e:
            return ended("failed", e.message)
        except Exception as e:
            return failed(e)
        return _ended(self._ending)

    async def _given(self, model: Provider, request: Request, speaks: Synthesizer, voice: str | None) -> None:
        thinking = asyncio.create_task(self._think(model, request))
        try:
            while (clause := await self._clauses.get()) is not None:
                await self._speak(clause, speaks, voice)
            await thinking
        finally:
            thinking.cancel()
            await asyncio.wait([thinking])

    async def _think(self, model: Provider, request: Request) -> None:
        try:
            await model.run(request, self)
        finally:
            for clause in [*self._cutter.close(), None]:
                self._clauses.put_nowait(clause)

    def emit(self, event: Event, at: int | None = None) -> None:
        """What the text model gives: see `Sink.emit`."""
        if getattr(event, "choice", 0) or self._said.over:  # the text model goes on for a moment after it was told to stop
            return
        match event:
            case End() | Error():
                self._ending = event
            case Text() | Refusal():
                self._words(event.delta, at)
            case Reasoning() | Tool() | Carry():
                self._said.events.append(event)
                self._sink.emit(replace(event, block=self._numbered(event.block)), at)
            case Usage() | Notice():
                self._sink.emit(event, at)

    def _words(self, text: str, at: int | None) -> None:
        self._chars += len(text)
        if self._chars > ANSWER_CHARS:
            raise Refused("limit", f"The answer is longer than {ANSWER_CHARS} characters, so it was ended.")
        self._said.events.append(Text(0, text))
        block = self._said.block
        if not self._said.spoken:
            self._sink.emit(Text(block, text), at)
            return
        self._sink.emit(Transcript(block, "assistant", text), at)
        for clause in self._cutter.feed(text):
            self._clauses.put_nowait(clause)

    def _numbered(self, block: int) -> int:
        """The session's number for a block of the text model's."""
        if block not in self._blocks:
            self._blocks[block] = self._block()
        return self._blocks[block]

    async def _speak(self, clause: str, speaks: Synthesizer, voice: str | None) -> None:
        self._said.clauses.append((clause, 0))
        if not (words := spoken(clause)):
            return
        waiting = bytearray()
        async for pcm in speaks.speak(words, voice):
            waiting += pcm
            while len(waiting) >= PIECE_BYTES:
                self._sound(bytes(waiting[:PIECE_BYTES]))
                del waiting[:PIECE_BYTES]
        self._sound(bytes(waiting))

    def _sound(self, pcm: bytes) -> None:
        if not pcm:
            return
        said = self._said
        said.began = self.now() if said.began is None else said.began
        text, ms = said.clauses[-1]
        said.clauses[-1] = (text, ms + len(pcm) / 2 / RATE * 1000)
        self._sink.emit(Audio(said.block, base64.b64encode(pcm).decode(), rate=RATE))


def ended(status: str, message: str = "") -> Notice:
    """The end of a turn."""
    return Notice("turn", {"status": status, **({"message": message} if message else {})})


def failed(cause: Exception) -> Notice:
    """The end of a turn in which a part raised: only the kind is logged or told, its text may quote what was said."""
    log.error("a part of a voice session failed in %s", type(cause).__name__)
    return ended("failed", f"A part of the voice failed ({type(cause).__name__}).")


def _ended(ending: End | Error) -> Notice:
    if isinstance(ending, Error):
        return ended("failed", ending.message)
    return ended("completed") if ending.reason in ("stop", "tool") else ended("incomplete", f"The answer ended early ({ending.reason}).")
