"""Sound from one form into another, by FFmpeg's libraries (package av, which aiortc brings with it)."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from io import BytesIO
from itertools import chain
from typing import Any

from ..errors import Refused
from .inputs import RATES
from .settings import RATE

DECODED_SECONDS = 1800
"""The longest sound that is decoded: a small file may hold much silence."""


class Resampler:
    """Sound that comes piece by piece, to another rate.

    Parameters
    ----------
    source, target : samples a second of what is given and of what is wanted.
    """

    def __init__(self, source: int, target: int) -> None:
        self.source = source
        self._made = _av().AudioResampler("s16", "mono", target) if source != target else None

    def feed(self, pcm: bytes) -> bytes:
        """The next piece; some of its end stays inside until the piece after it."""
        if self._made is None or not pcm:
            return pcm
        return _joined(self._made.resample(_frame(pcm, self.source)))

    def close(self) -> bytes:
        """What stayed inside."""
        return b"" if self._made is None else _joined(self._made.resample(None))


def load() -> None:
    """Import what the others here need, which takes a while."""
    if find_spec("av"):
        _av()


def resample(pcm: bytes, source: int, target: int) -> bytes:
    """A whole sound at another rate."""
    resampler = Resampler(source, target)
    return resampler.feed(pcm) + resampler.close()


def decode(data: bytes) -> tuple[bytes, int]:
    """Samples of one channel, and their rate, of a file of any kind that FFmpeg knows; a rate that is out of bounds becomes `RATE`.

    Raises
    ------
    Refused : it is no sound, or too long.
    """
    av = _av()
    try:
        with av.open(BytesIO(data)) as file:
            stream = file.streams.audio[0]
            rate = stream.rate if RATES[0] <= stream.rate <= RATES[1] else RATE
            resampler = av.AudioResampler("s16", "mono", rate)
            pcm = bytearray()
            for frame in chain(file.decode(stream), [None]):
                pcm += _joined(resampler.resample(frame))
                if len(pcm) > 2 * rate * DECODED_SECONDS:
                    raise Refused("limit", f"The sound is longer than {DECODED_SECONDS // 60} minutes: give a shorter one.")
    except (av.FFmpegError, IndexError):
        raise Refused("bad_request", "These bytes are no sound that can be read: give a WAV, FLAC, MP3 or Ogg file.") from None
    return bytes(pcm), rate


def flac(pcm: bytes, rate: int) -> bytes:
    """A FLAC file."""
    out = BytesIO()
    with _av().open(out, "w", format="flac") as file:
        stream = file.add_stream("flac", rate=rate, layout="mono", format="s16")
        for frame in (_frame(pcm, rate), None):
            file.mux(stream.encode(frame))
    return out.getvalue()


def _av() -> Any:
    if find_spec("av") is None:
        raise Refused("not_found", "Sound is converted by the package av, which is not installed here: pip install av.")
    import av

    return av


def _frame(pcm: bytes, rate: int) -> Any:
    frame = _av().AudioFrame("s16", "mono", len(pcm) // 2, align=1)
    frame.planes[0].update(pcm)
    frame.sample_rate = rate
    return frame


def _joined(frames: Iterable[Any]) -> bytes:
    return b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in frames)
