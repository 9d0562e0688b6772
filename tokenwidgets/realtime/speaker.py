"""The child process that speaks by eSpeak NG, a program of its own that only pipes connect to this package.

Run as `python -m tokenwidgets.realtime.speaker`. It prints `{"rate": …}` once it is ready; then for each line `{"text": …, "voice": …}` of
standard input the sound, in pieces: a length in 4 bytes, little-endian, and so many bytes of 16-bit samples; the length 0 ends a text. It
ends when standard input closes, which happens when its parent dies, however it dies.

The library is the system's (Debian: libespeak-ng1), else that of package espeakng-loader.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import struct
import sys
from typing import Any

SYNCHRONOUS = 2
"""Sound is handed over and not played, all of it before the call returns (`AUDIO_OUTPUT_SYNCHRONOUS`)."""

BUFFER_MS = 60
"""How much sound is handed over at once."""

UTF8, CHARACTERS = 1, 1
"""Text is UTF-8 (`espeakCHARS_UTF8`); positions count characters (`POS_CHARACTER`)."""

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main() -> None:
    """Speak until standard input closes."""
    library, rate = _library()
    say = _CALLBACK(_say)
    library.espeak_SetSynthCallback(say)
    _write(json.dumps({"rate": rate}).encode() + b"\n")
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        library.espeak_SetVoiceByName(asked["voice"].encode())
        text = asked["text"].encode() + b"\0"
        library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, CHARACTERS, 0, UTF8, None, None)
        _write(struct.pack("<I", 0))


def _library() -> tuple[Any, int]:
    """The library, and the rate of its sound."""
    if name := ctypes.util.find_library("espeak-ng"):
        library, data = ctypes.CDLL(name), None
    else:
        import espeakng_loader

        library, data = ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path().encode()
    rate = library.espeak_Initialize(SYNCHRONOUS, BUFFER_MS, data, 0)
    if rate <= 0:
        sys.exit("eSpeak NG found no data of its voices.")
    return library, rate


def _say(samples: Any, count: int, _events: Any) -> int:
    if samples and count:
        _write(struct.pack("<I", 2 * count) + ctypes.string_at(samples, 2 * count))
    return 0


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
