"""Sentences that are shipped as sound, for demonstrations, tests and machines without a microphone: 16 kHz, made with a synthetic voice.

They were spoken by Piper with its voice en_US-joe-medium, whose recordings are in the public domain (CC0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ...errors import Refused
from ..clip import Clip

WORDS: Mapping[str, str] = {
    "hello": "Hello, how are you today?",
    "france": "What is the capital of France?",
    "weather": "What will the weather be like in Paris tomorrow?",
    "sky": "Why is the sky blue?",
    "story": "Tell me a short story about a little dog.",
    "tea": "How do I make a good cup of tea?",
    "stop": "Stop, that is enough.",
    "thanks": "Thank you very much, and goodbye.",
}
"""What is said in each."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sentence.

    Parameters
    ----------
    name : of `WORDS`.
    """

    name: str

    @property
    def words(self) -> str:
        """What is said in it."""
        return WORDS[self.name]

    @property
    def path(self) -> Path:
        """Its WAV file."""
        return Path(__file__).with_name(f"{self.name}.wav")

    @property
    def clip(self) -> Clip:
        """Its sound."""
        return Clip.open(self.path)


def clip(name: str) -> Sample:
    """A sentence by its name.

    Raises
    ------
    Refused : there is none.
    """
    if name not in WORDS:
        near = get_close_matches(name, WORDS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise Refused("not_found", f"There is no clip {name!r}{hint}; there is {', '.join(WORDS)}.")
    return Sample(name)
