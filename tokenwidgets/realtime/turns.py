"""Where speech begins and ends, found from how likely each moment is speech. No sound, no clock: positions are counts of samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HEARD_RATE = 16_000
"""Samples a second of what detectors and transcribers are given: what speech models are trained on."""

SILENCE_MS = 300
"""Silence that ends a turn, unless a session asks for another."""

ONSET_MS = 96
"""Speech that begins a turn: shorter sounds are clicks and coughs."""

GUESS_MS = 96
"""Silence after which the end of the turn is guessed at."""

SPEECH = 0.5
"""Probability from which a moment is speech."""

STILL_SPEECH = 0.35
"""The same within speech, so that a faint syllable does not end it (both as in Silero's own iterator)."""

LONGEST_SECONDS = 60.0
"""The longest turn: one that never pauses ends there."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something about the user's speech.

    Parameters
    ----------
    kind : `started`; `guess`, a pause that may be its end; `resumed`, it was not; `stopped`.
    position : where speech began (`started`), or last ended, in samples of `HEARD_RATE` since the session began.
    """

    kind: Literal["started", "guess", "resumed", "stopped"]
    position: int


class TurnFinder:
    """Finds turns in moments of sound.

    Parameters
    ----------
    silence_ms : silence that ends a turn.
    """

    def __init__(self, silence_ms: int = SILENCE_MS) -> None:
        self.silence_ms = silence_ms
        self.speaking = False
        self.begin = 0
        self.position = 0
        self._end = 0
        self._guessed = False

    def feed(self, probability: float, samples: int) -> list[Found]:
        """What is known with the next `samples`, which are speech with `probability`."""
        self.position += samples
        speech = probability >= (STILL_SPEECH if self.speaking else SPEECH)
        if not self.speaking:
            return self._begun() if speech else self._quiet()
        if speech:
            self._end = self.position
        return self._resumed() if speech else self._paused()

    def clear(self) -> None:
        """Forget speech that has not ended."""
        self.speaking = False
        self.begin = self._end = self.position

    def _quiet(self) -> list[Found]:
        self.begin = self.position
        return []

    def _begun(self) -> list[Found]:
        self._end = self.position
        if self.position - self.begin < _samples(ONSET_MS):
            return []
        self.speaking, self._guessed = True, False
        return [Found("started", self.begin)]

    def _resumed(self) -> list[Found]:
        if self.position - self.begin >= LONGEST_SECONDS * HEARD_RATE:
            return self._stopped()
        guessed, self._guessed = self._guessed, False
        return [Found("resumed", self._end)] if guessed else []

    def _paused(self) -> list[Found]:
        silence = self.position - self._end
        found = list[Found]()
        if silence >= _samples(GUESS_MS) and not self._guessed:
            self._guessed = True
            found.append(Found("guess", self._end))
        return found + self._stopped() if silence >= _samples(self.silence_ms) else found

    def _stopped(self) -> list[Found]:
        end = self._end
        self.clear()
        return [Found("stopped", end)]


def _samples(ms: int) -> int:
    return ms * HEARD_RATE // 1000
