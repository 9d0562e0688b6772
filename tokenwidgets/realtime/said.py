"""An answer as far as it was given: its words beside its sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Audio, Event, Tool
from ..turn import turn
from .settings import RATE

CHARS_PER_SECOND = 15
"""Of usual speech: 150 words a minute, of six characters with the space."""

WORD_CHARS = 40
"""The longest word; what is longer is written without spaces, as Chinese is."""


@dataclass(slots=True)
class Said:
    """One answer.

    Parameters
    ----------
    block : of its words and sound in the journal.
    spoken : whether it has sound.
    events : what the text model gave.
    clauses : what was spoken so far: the text of each clause, and how long its sound is, ms.
    began : when its first sound was sent, µs of the session's clock; None before.
    heard : the words that the user heard, once it was interrupted; None for all.
    results : of the tools it called, by the call's id.
    over : whether it was cut off, and takes nothing more.
    """

    block: int
    spoken: bool = True
    events: list[Event] = field(default_factory=list)
    clauses: list[tuple[str, float]] = field(default_factory=list)
    began: int | None = None
    heard: str | None = None
    results: dict[str, str] = field(default_factory=dict)
    over: bool = False

    def sounds(self, now: int) -> bool:
        """Whether its sound may be playing: it is not over before it has lasted as long as it is."""
        return self.began is not None and now - self.began < 1000 * sum(ms for _, ms in self.clauses)

    def played(self, now: int) -> float:
        """The most of its sound that can have been played by now, ms."""
        return 0 if self.began is None else (now - self.began) / 1000

    def cut(self, played_ms: float) -> None:
        """Only so much of its sound was heard. What was written stays."""
        if self.spoken:
            self.heard = self._words(played_ms)

    def _words(self, played_ms: float) -> str:
        out = ""
        for text, ms in self.clauses:
            if played_ms < ms:
                return out + heard(text, played_ms, ms)
            out += text
            played_ms -= ms
        return out

    def called(self, call: str) -> bool:
        """Whether a tool call is one of its own."""
        return any(isinstance(event, Tool) and event.id == call for event in self.events)

    def messages(self) -> list[Mapping[str, Any]]:
        """What the text model is told of it. A call without a result was given up: no host takes it back."""
        message = turn(self.events)
        if self.heard is not None:
            message["content"] = self.heard
        calls = [call for call in message.pop("tool_calls", ()) if call["id"] in self.results]
        if calls:
            message["tool_calls"] = calls
        elif not message["content"].strip():
            return []
        return [message, *({"role": "tool", "tool_call_id": c["id"], "content": self.results[c["id"]]} for c in calls)]


def sound_ms(sound: Audio) -> float:
    """How long a piece of sound is; 0 of sound on a track."""
    return len(sound.delta) * 3 / 4 / 2 / (sound.rate or RATE) * 1000


def heard(text: str, played_ms: float, sound_ms: float) -> str:
    """The words of a text that were heard: by the share of its sound that was played, as nobody tells which word was where. They are whole
    words where the text has spaces.

    Parameters
    ----------
    text : what was said.
    played_ms : how much of its sound was played.
    sound_ms : how long its sound is; 0 where nobody tells, as of sound on a track: then as it is usually spoken.
    """
    end = int(len(text) * played_ms / sound_ms if sound_ms else CHARS_PER_SECOND * played_ms / 1000)
    if end >= len(text) or text[end].isspace():
        return text[:end]
    space = text.rfind(" ", 0, end)
    return text[: space + 1] if " " in text and end - space <= WORD_CHARS else text[:end]
