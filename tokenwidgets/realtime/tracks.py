"""Sound on a track: what was said, cut into frames of 20 ms, and how much of it was really sent. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .settings import RATE

FRAME_SAMPLES = RATE // 50
"""Of one frame: 20 ms, a packet of Opus as every browser sends it."""

FRAME_BYTES = 2 * FRAME_SAMPLES

PLAYED_BLOCKS = 64
"""Of so many blocks it is remembered how much was sent."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something about the sound that is being sent.

    Parameters
    ----------
    kind : `started`, `stopped` (all of it was sent), `cleared` (the rest was dropped).
    block : the last whose sound was sent.
    played_ms : how much of that block was sent, ms.
    """

    kind: Literal["started", "stopped", "cleared"]
    block: int
    played_ms: int


class Playback:
    """Sound on its way to a listener who takes a frame every 20 ms.

    Parameters
    ----------
    told : called at each change.
    """

    def __init__(self, told: Callable[[Change], None] = lambda change: None) -> None:
        self._told = told
        self._waiting: deque[tuple[int, bytearray]] = deque()
        self._sent: dict[int, int] = {}
        self._block: int | None = None
        self._whole = False

    def put(self, block: int, pcm: bytes) -> None:
        """More sound of a block, at `RATE`."""
        self._whole = False
        if self._waiting and self._waiting[-1][0] == block:
            self._waiting[-1][1].extend(pcm)
        elif pcm:
            self._waiting.append((block, bytearray(pcm)))

    def finish(self) -> None:
        """The answer is whole: when all of it is sent, it stops. Before that a lack of sound is a pause."""
        self._whole = True

    def frame(self) -> bytes:
        """The next 20 ms, filled up with silence."""
        out = bytearray()
        while self._waiting and len(out) < FRAME_BYTES:
            out += self._taken(FRAME_BYTES - len(out))
        if not out and self._whole:
            self._silent("stopped")
        return bytes(out.ljust(FRAME_BYTES, b"\0"))

    def _taken(self, size: int) -> bytes:
        block, waiting = self._waiting[0]
        taken = bytes(waiting[:size])
        del waiting[:size]
        if not waiting:
            self._waiting.popleft()
        begins, self._block = self._block is None, block
        self._sent[block] = self._sent.get(block, 0) + len(taken)
        if len(self._sent) > PLAYED_BLOCKS:
            del self._sent[next(iter(self._sent))]
        if begins:
            self._told(Change("started", block, 0))
        return taken

    def clear(self) -> Change | None:
        """Drop what was not sent yet; None where nothing was being sent."""
        self._waiting.clear()
        return self._silent("cleared")

    def _silent(self, kind: Literal["stopped", "cleared"]) -> Change | None:
        if self._block is None:
            return None
        change = Change(kind, self._block, self._sent[self._block] * 500 // RATE)
        self._block, self._whole = None, False
        self._told(change)
        return change
