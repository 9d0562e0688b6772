"""`sim/voice`: a voice that needs nothing. It hears how long somebody spoke, answers with the simulated text model, and hums its words.

Its ear is the loudness of the sound; each of its words is a soft tone, always the same one for the same word.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import AsyncIterator
from functools import lru_cache
from zlib import crc32

from .clip import values
from .parts import Voice
from .settings import RATE
from .turns import HEARD_RATE

FRAME_SECONDS = 0.02
"""How much sound it looks at at once."""

LOUD = 10 ** (-40 / 20)
"""Loudness from which sound is speech, as a share of the loudest: -40 dB."""

WORD_SECONDS = 0.18
"""How long a word sounds, with the gap behind it."""

GAP_SECONDS = 0.04
"""The gap."""

PITCHES = (220.0, 246.94, 277.18, 329.63, 369.99, 440.0)
"""Tones of the words, Hz: a pentatonic scale, so that any order of them sounds well."""

VOLUME = 0.25
"""Of the loudest."""


class Loudness:
    """Takes what is loud for speech."""

    frame = int(FRAME_SECONDS * HEARD_RATE)

    def speech(self, pcm: bytes) -> float:
        """See `VoiceActivity.speech`."""
        samples = values(pcm)
        return float(math.sqrt(sum(x * x for x in samples) / len(samples)) >= LOUD * 32768)


class Listener:
    """Writes down how long somebody spoke."""

    async def load(self) -> None:
        """There is nothing to load."""

    async def transcribe(self, pcm: bytes) -> str:
        """See `Transcriber.transcribe`."""
        return f"I spoke for {len(pcm) * 500 // HEARD_RATE} milliseconds."


class Hum:
    """Hums words."""

    async def load(self) -> None:
        """There is nothing to load."""

    async def speak(self, text: str, voice: str | None) -> AsyncIterator[bytes]:
        """See `Synthesizer.speak`."""
        for word in text.split():
            yield _tone(PITCHES[crc32(word.lower().encode("utf-8", "replace")) % len(PITCHES)])


@lru_cache(maxsize=len(PITCHES))
def _tone(pitch: float) -> bytes:
    count = int((WORD_SECONDS - GAP_SECONDS) * RATE)
    envelope = (math.sin(math.pi * i / count) ** 2 for i in range(count))
    tone = array("h", (round(32767 * VOLUME * e * math.sin(2 * math.pi * pitch * i / RATE)) for i, e in enumerate(envelope)))
    if sys.byteorder == "big":
        tone.byteswap()
    return tone.tobytes() + bytes(2 * int(GAP_SECONDS * RATE))


VOICE = Voice(
    activity=Loudness,
    hears=Listener(),
    thinks="sim/steady",
    speaks=Hum(),
    options={"tokens": 24},
    names={"activity": "loudness", "hears": "the length of speech", "thinks": "sim/steady", "speaks": "a hum"},
    about="simulated: hears how long you speak, answers with made-up words, hums them",
)
