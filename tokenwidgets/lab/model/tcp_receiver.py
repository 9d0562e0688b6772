"""TCP's receiving end, without I/O, with lengths in place of bytes; and what travels on the wire.

It acknowledges each segment at once, as Linux does for a program that empties its buffer and answers nothing (seen on `tun`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .endpoint import IP_BYTES

HEADER_BYTES = IP_BYTES + 20 + 12
"""IPv4, TCP, and its timestamps (RFC 7323)."""

SEGMENT_BYTES = 1500 - HEADER_BYTES
"""The largest segment, of an MTU of 1,500."""

SACK_BLOCKS = 3
"""As many as fit beside timestamps."""


@dataclass(frozen=True, slots=True)
class Data:
    """A segment: bytes from `start` up to `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Ack:
    """All bytes before `una` are there, and those of the ranges; `again`: what it answers had been there before."""

    una: int
    ranges: tuple[tuple[int, int], ...] = ()
    again: bool = False

    def covers(self, start: int, end: int) -> bool:
        """Whether all of a range is there."""
        return end <= self.una or any(first <= start and end <= last for first, last in self.ranges)


class TcpReceiver:
    """Takes a stream of bytes. See `Endpoint`.

    Attributes
    ----------
    received : bytes that are there without a gap.
    """

    due: int | None = None

    def __init__(self) -> None:
        self.received = 0
        self._ranges: list[tuple[int, int]] = []
        self._out: list[tuple[int, Any]] = []

    def wake(self, now: int) -> None:
        """See `Endpoint`: it has no timer."""

    def receive(self, packet: Any, now: int) -> None:
        """See `Endpoint`: `Data`."""
        data: Data = packet
        again = data.end <= self.received or any(start <= data.start and data.end <= end for start, end in self._ranges)
        if not again:
            self._take(data.start, data.end)
        blocks = tuple(self._ranges[:SACK_BLOCKS])
        size = HEADER_BYTES + (4 + 8 * (len(blocks) + again) if blocks or again else 0)
        self._out.append((size, Ack(self.received, blocks, again)))

    def _take(self, start: int, end: int) -> None:
        """Join the ranges it touches; the newest stands first (RFC 2018 section 4)."""
        touching = [r for r in self._ranges if r[0] <= end and start <= r[1]]
        apart = [r for r in self._ranges if r not in touching]
        whole = min([start, *(r[0] for r in touching)]), max([end, *(r[1] for r in touching)])
        if whole[0] <= self.received:
            self.received = max(self.received, whole[1])
            self._ranges = [r for r in apart if r[1] > self.received]
        else:
            self._ranges = [whole, *apart]

    def packets(self) -> list[tuple[int, Any]]:
        """See `Endpoint`."""
        out, self._out = self._out, []
        return out
