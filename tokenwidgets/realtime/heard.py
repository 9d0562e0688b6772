"""The way of a session's inputs: the user's sound and written words, and what of an answer was heard, into the journal; and all of it to
the provider.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Protocol

from ..events import Audio, Event, Notice, Transcript
from ..journal import JournalClosed, JournalFull
from .base import MICROPHONE
from .inbox import Inbox
from .inputs import Input, Interrupt, Played, Say, Sound

HEARD_SECONDS = 0.2
"""How much of the user's sound goes into the journal at once."""


class Journalling(Protocol):
    """What writes a session's journal."""

    def emit(self, event: Event, at: int | None = None) -> None:
        """See `Sink.emit`."""
        ...


class Inputs:
    """Takes what the user gives.

    Parameters
    ----------
    stream : the session.
    """

    def __init__(self, stream: Journalling) -> None:
        self.inbox = Inbox()
        self._stream = stream
        self._heard = bytearray()
        self._rate = 0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, given: Input) -> None:
        """Take an input. Raises `Refused` where as much waits as may."""
        if isinstance(given, Played):
            data = {"block": given.block, "at": given.at, "uncertainty": given.uncertainty}
            self._stream.emit(Notice("played", data))
            return
        self.inbox.put(given)
        if isinstance(given, Interrupt) and given.block is not None and given.played_ms is not None:
            self._stream.emit(Notice("truncated", {"block": given.block, "played_ms": given.played_ms}))
        elif isinstance(given, Sound):
            self._hear(given)
        elif isinstance(given, Say):
            self._stream.emit(Transcript(MICROPHONE, "user", given.text, final=True))

    def _hear(self, sound: Sound) -> None:
        if sound.rate != self._rate:
            self._tell()
            self._rate = sound.rate
        self._heard += sound.pcm
        if len(self._heard) >= 2 * HEARD_SECONDS * self._rate:
            self._tell()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HEARD_SECONDS, self._tell)

    def _tell(self) -> None:
        self._forget_timer()
        if self._heard:
            try:
                self._stream.emit(Audio(MICROPHONE, base64.b64encode(self._heard).decode(), rate=self._rate, role="user"))
            except (JournalClosed, JournalFull):
                pass  # the session has ended, or does so at the provider's next event
        self._heard.clear()

    def close(self) -> None:
        """Take nothing more."""
        self._forget_timer()

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
