"""Sound at another rate, without a dependency: good enough for what a model is to understand."""

from __future__ import annotations

import sys
from array import array


class Resampler:
    """Linear interpolation from one rate to another; any chopping of the same sound gives the same samples.

    Nothing is filtered before, so what lies above half the lower rate folds back: speech from a microphone at 48 kHz holds little of it.

    Parameters
    ----------
    source, target : samples a second before and after.
    """

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._before = 0
        self._taken = 0
        self._given = 0
        self._odd = b""

    def feed(self, pcm: bytes) -> bytes:
        """The samples that the next 16-bit little-endian ones complete; half a sample waits for its other half."""
        data = self._odd + pcm
        whole = len(data) & ~1
        self._odd = data[whole:]
        if self._source == self._target:
            return data[:whole]
        return _bytes(self._resampled(_samples(data[:whole])))

    def _resampled(self, new: array[int]) -> array[int]:
        """Every sample to be given whose two neighbours are known. Positions are counted in whole numbers, so that nothing drifts."""
        out = array("h")
        source, target, first = self._source, self._target, self._taken
        self._taken += len(new)
        while self._given * source <= (self._taken - 1) * target and new:
            place, part = divmod(self._given * source, target)
            if part and place + 1 >= self._taken:
                break
            left = new[place - first] if place >= first else self._before
            right = new[place + 1 - first] if part else left
            out.append(left + (right - left) * part // target)
            self._given += 1
        if new:
            self._before = new[-1]
        return out


def _samples(pcm: bytes) -> array[int]:
    out = array("h")
    out.frombytes(pcm)
    if sys.byteorder == "big":
        out.byteswap()
    return out


def _bytes(samples: array[int]) -> bytes:
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
