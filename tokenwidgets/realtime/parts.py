"""What a voice pipeline is made of: four parts, each of which can be anybody's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .history import MEMORY_CHARS

PARTS = ("activity", "hears", "thinks", "speaks")
"""Fields of `Voice` that do something."""


class VoiceActivity(Protocol):
    """Tells speech from silence. Each session has one of its own, which may remember what came before.

    Attributes
    ----------
    frame : samples of `HEARD_RATE` that it is given at once.
    """

    frame: int

    def speech(self, pcm: bytes) -> float:
        """How likely the next frame is speech, from 0 to 1; within some ms, since it is called on the event loop."""
        ...


class Transcriber(Protocol):
    """Speech to words. Sessions share it."""

    async def load(self) -> None:
        """Get ready, if that takes a while."""
        ...

    async def transcribe(self, pcm: bytes) -> str:
        """What is said in a piece of sound at `HEARD_RATE`; empty where nothing is.

        Raises
        ------
        Refused : it could not be done, and why.
        """
        ...


class Synthesizer(Protocol):
    """Words to speech. Sessions share it."""

    async def load(self) -> None:
        """Get ready, if that takes a while."""
        ...

    def speak(self, text: str, voice: str | None) -> AsyncIterator[bytes]:
        """Sound at `RATE`, as it is made. Whoever iterates may leave off.

        Raises
        ------
        Refused : it could not be done, and why.
        """
        ...


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice: something that hears, something that thinks, something that speaks.

    Parameters
    ----------
    activity : makes what tells speech from silence, for each session.
    hears : speech to words.
    thinks : the text model that answers, as `host/model`.
    speaks : words to speech.
    system : what the text model is told where a session says nothing.
    options : what it is asked with where a session says nothing.
    names : what the parts are, for the session's notice.
    voices : names that a session may ask for; empty where there is only one voice.
    about : one line for listings.
    memory : the most that the text model is told of what was said, in characters.
    warm : whether the text model is called once before a session begins, to be loaded and have read `system`: one of this machine.
    """

    activity: Callable[[], VoiceActivity]
    hears: Transcriber
    thinks: str
    speaks: Synthesizer
    system: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    voices: tuple[str, ...] = ()
    about: str = ""
    memory: int = MEMORY_CHARS
    warm: bool = False
