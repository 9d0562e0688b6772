"""A piece of sound: 16-bit samples of one channel."""

from __future__ import annotations

import base64
import sys
import wave
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from ..errors import Refused, unread
from . import codec
from .inputs import RATES
from .settings import RATE

FILE_BYTES = 64 * 2**20
"""Largest file of sound that is read: half an hour and more of WAV at 16 kHz."""

SHOWN_BYTES = 4 * 2**20
"""Largest clip that is shown with a player, whose sound is then kept in the notebook: a minute and a half at 24 kHz."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of sound; in a notebook it shows itself as a player.

    Parameters
    ----------
    pcm : 16-bit samples of one channel, little-endian.
    rate : of them a second.

    Examples
    --------
    >>> clip = Clip.open("hello.wav")
    >>> clip.seconds, clip.samples.max()
    """

    pcm: bytes
    rate: int = RATE

    @classmethod
    def open(cls, sound: Any, rate: int | None = None) -> Clip:
        """A clip from whatever holds sound, its channels mixed to one.

        Parameters
        ----------
        sound : a clip; a path or the bytes of a file (WAV, and what PyAV can read: FLAC, MP3, Ogg, WebM, …); or an array of samples,
            floats from -1 to 1 or 16-bit integers, of shape (samples,) or (samples, channels).
        rate : samples a second of an array, which cannot tell, or of bytes that are bare 16-bit samples; `RATE` for an array without it.

        Raises
        ------
        Refused : it is no sound, cannot be read, or is too large.
        """
        if isinstance(sound, Clip):
            return sound
        if isinstance(sound, str | Path):
            return cls._decoded(_read(Path(sound).expanduser()))
        if isinstance(sound, bytes | bytearray | memoryview):
            return cls._decoded(bytes(sound)) if rate is None else cls(_whole(bytes(sound)), _rate(rate))
        if hasattr(sound, "__array__"):
            return cls(_samples(sound), _rate(RATE if rate is None else rate))
        raise Refused("bad_request", f"A {type(sound).__name__} is no sound: give a path, the bytes of a file, or an array of samples.")

    @classmethod
    def joined(cls, clips: Iterable[Clip], rate: int = RATE) -> Clip:
        """Clips one behind the other, all with `rate` samples a second."""
        return cls(b"".join(clip.resampled(rate).pcm for clip in clips), rate)

    @classmethod
    def _decoded(cls, data: bytes) -> Clip:
        return cls(*(_wave(data) or codec.decode(data)))

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / 2 / self.rate

    @property
    def samples(self) -> Any:
        """An array of NumPy's: 32-bit floats from -1 to 1."""
        import numpy as np

        return np.frombuffer(self.pcm, "<i2").astype(np.float32) / 32768

    def resampled(self, rate: int) -> Clip:
        """The same sound with another number of samples a second."""
        return self if rate == self.rate else Clip(codec.resample(self.pcm, self.rate, _rate(rate)), rate)

    def wav(self) -> bytes:
        """A WAV file."""
        file = BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(self.rate)
            out.writeframes(self.pcm)
        return file.getvalue()

    def flac(self) -> bytes:
        """A FLAC file, which loses nothing and takes about half of the space."""
        return codec.flac(self.pcm, self.rate)

    def save(self, path: str | Path) -> Path:
        """Write a file of the kind that its name ends in, `.wav` or `.flac`; gives back its path.

        Raises
        ------
        Refused : the name has another ending.
        """
        target = Path(path).expanduser()
        made = {".wav": self.wav, ".flac": self.flac}.get(target.suffix.lower())
        if made is None:
            raise Refused("bad_request", f"A clip is saved as .wav or .flac, not as {target.name!r}.")
        target.write_bytes(made())
        return target

    def __repr__(self) -> str:
        return f"Clip({self.seconds:.2f} s, {self.rate} Hz)"

    def _repr_html_(self) -> str:
        if len(self.pcm) > SHOWN_BYTES:
            return f"<p>{self.seconds:.0f} s of sound, too long to be kept in a notebook: save(path) writes it to a file.</p>"
        data = base64.b64encode(self.wav()).decode()
        return f'<audio controls aria-label="Sound of {self.seconds:.1f} seconds" src="data:audio/wav;base64,{data}"></audio>'


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except OSError as e:
        raise Refused("not_found", unread(f"The sound {path}", e)) from None
    if len(data) > FILE_BYTES:
        raise Refused("limit", f"The sound {path} has more than {FILE_BYTES // 2**20} MiB: give a shorter one.")
    return data


def _wave(data: bytes) -> tuple[bytes, int] | None:
    """Samples and rate of the plainest of files, for which no package is needed."""
    try:
        with wave.open(BytesIO(data)) as file:
            plain = file.getnchannels() == 1 and file.getsampwidth() == 2 and RATES[0] <= file.getframerate() <= RATES[1]
            return (file.readframes(file.getnframes()), file.getframerate()) if plain else None
    except (wave.Error, EOFError):
        return None


def _samples(sound: Any) -> bytes:
    import numpy as np

    values = np.asarray(sound)
    if values.ndim not in (1, 2) or not (np.issubdtype(values.dtype, np.floating) or values.dtype == np.int16):
        raise Refused("bad_request", "An array of sound has the shape (samples,) or (samples, channels), of floats or 16-bit integers.")
    floats = values / 32768 if values.dtype == np.int16 else values
    mono = floats.mean(axis=1) if floats.ndim == 2 else floats
    return bytes(np.clip(np.nan_to_num(mono) * 32768, -32768, 32767).astype("<i2").tobytes())


def _whole(pcm: bytes) -> bytes:
    if len(pcm) % 2:
        raise Refused("bad_request", "Bare sound is whole 16-bit samples: an even number of bytes.")
    return pcm


def _rate(rate: int) -> int:
    if not RATES[0] <= rate <= RATES[1]:
        raise Refused("bad_request", f"The rate of a sound is from {RATES[0]} to {RATES[1]} samples a second.")
    return rate


def values(pcm: bytes) -> array[int]:
    """The samples as integers, without any package."""
    out = array("h", pcm)
    if sys.byteorder == "big":
        out.byteswap()
    return out
