"""The user's sound, cut into what is said in it."""

from __future__ import annotations

from collections.abc import Iterator

from . import codec
from .inputs import Sound
from .parts import VoiceActivity
from .turns import HEARD_RATE, Found, TurnFinder

BEFORE_SECONDS = 0.25
"""How much of the sound before the beginning of speech belongs to it: soft consonants are found late."""

HELD_SECONDS = 300.0
"""The most sound that is kept for a turn; what is older is forgotten."""


class Ear:
    """Keeps the sound of the turn that is being spoken.

    Parameters
    ----------
    activity : tells speech from silence.
    finder : finds turns; None where the user tells their end.
    """

    def __init__(self, activity: VoiceActivity, finder: TurnFinder | None) -> None:
        self.finder = finder
        self._activity = activity
        self._resampler = codec.Resampler(HEARD_RATE, HEARD_RATE)
        self._frame = bytearray()
        self._held = bytearray()
        self._position = 0

    def feed(self, sound: Sound) -> Iterator[Found]:
        """What the next sound tells; while something is told, `said` and `ago` are those of its moment."""
        if sound.rate != self._resampler.source:
            self._resampler = codec.Resampler(sound.rate, HEARD_RATE)
        self._frame += self._resampler.feed(sound.pcm)
        size = 2 * self._activity.frame
        while len(self._frame) >= size:
            frame = bytes(self._frame[:size])
            del self._frame[:size]
            yield from self._heard(frame)

    def _heard(self, frame: bytes) -> Iterator[Found]:
        self._held += frame
        self._position += len(frame) // 2
        if self.finder is None:
            self._forget(HELD_SECONDS)
            return
        yield from self.finder.feed(self._activity.speech(frame), len(frame) // 2)
        spoken = (self.finder.position - self.finder.begin) / HEARD_RATE
        self._forget(min(HELD_SECONDS, spoken + BEFORE_SECONDS))

    def _forget(self, seconds: float) -> None:
        """Keep the newest `seconds`."""
        del self._held[: max(0, len(self._held) - 2 * int(seconds * HEARD_RATE))]

    @property
    def speaking(self) -> bool:
        """Whether the user does, as far as that is found here."""
        return self.finder is not None and self.finder.speaking

    @property
    def said(self) -> bytes:
        """The sound of the turn so far."""
        return bytes(self._held)

    def ago(self, position: int) -> int:
        """How long ago a position was heard, µs, by the sound that came since."""
        return (self._position + len(self._frame) // 2 - position) * 1_000_000 // HEARD_RATE

    def clear(self) -> None:
        """Forget the turn so far."""
        self._held.clear()
        if self.finder is not None:
            self.finder.clear()
