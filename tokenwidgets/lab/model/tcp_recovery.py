"""How TCP's sender finds out what is lost, how long it waits for that, and how much it sends meanwhile; without I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .cubic import Cubic

RTO_FLOOR_US = 200_000
"""Linux's TCP_RTO_MIN: the least that is added to the smoothed round trip."""


@dataclass(slots=True, eq=False)
class Segment:
    """One that is not acknowledged. `flying`: a retransmission of it is under way; `repeated`: there ever was one."""

    start: int
    end: int
    sent: int
    sacked: bool = False
    lost: bool = False
    flying: bool = False
    repeated: bool = False


class RoundTrip:
    """The smoothed round trip and the retransmission timeout, µs (RFC 6298, with Linux's floor under the variation)."""

    def __init__(self, first: int) -> None:
        self.smoothed: float = first
        self.least = float(first)
        self._deviation = first / 2

    def take(self, sample: int) -> None:
        """A round trip was measured."""
        self._deviation += (abs(sample - self.smoothed) - self._deviation) / 4
        self.smoothed += (sample - self.smoothed) / 8
        self.least = min(self.least, sample)

    @property
    def rto(self) -> int:
        """The retransmission timeout, before any backing off."""
        return int(self.smoothed + max(4 * self._deviation, RTO_FLOOR_US))


class Rack:
    """What was sent before something that arrived, and has not arrived itself in good time, is lost (RFC 8985)."""

    def __init__(self) -> None:
        self.round_trip = 0
        self.steps = 1
        self.reordered = False
        self._newest = (-1, -1)

    def delivered(self, segment: Segment, least: float, now: int) -> None:
        """A segment has arrived; `least` is the shortest round trip."""
        round_trip = now - segment.sent
        if segment.repeated and round_trip < least:
            return  # it was the first copy that arrived
        self.round_trip = round_trip
        self._newest = max(self._newest, (segment.sent, segment.end))

    def lost(self, segments: Iterable[Segment], round_trip: RoundTrip, recovering: bool, now: int) -> tuple[list[Segment], int | None]:
        """What is, and how long until more may be."""
        impatient = not self.reordered and recovering
        patience = 0.0 if impatient else min(round_trip.least / 4 * self.steps, round_trip.smoothed)
        out = [s for s in segments if not s.sacked and not (s.lost and not s.flying) and (s.sent, s.end) < self._newest]
        waits = {id(s): s.sent + self.round_trip + patience - now for s in out}
        left = [wait for wait in waits.values() if wait > 0]
        return [s for s in out if waits[id(s)] <= 0], int(max(left)) + 1 if left else None


class Reduction:
    """Proportional rate reduction (RFC 6937): while a loss is repaired, about so much is sent as arrives."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._delivered = 0
        self.sent = 0

    def window(self, cubic: Cubic, in_flight: int, delivered: int, growing: bool) -> int:
        """The window after an acknowledgement of `delivered` segments."""
        if not delivered or not self._window:
            return cubic.window
        self._delivered += delivered
        above = in_flight - cubic.threshold
        if above > 0:
            more = -(-cubic.threshold * self._delivered // self._window) - self.sent
        else:
            more = min(-above, max(self._delivered - self.sent, delivered) + growing)
        return in_flight + max(more, 0 if self.sent else 1)
