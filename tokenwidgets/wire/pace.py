"""How soon a message may follow another one, sans-I/O: what acknowledgements tell of a link that loses nothing again by itself.

A link that loses packets is sent more of them, for what is repeated there is sooner whole. A link on which packets queue is sent fewer:
messages that carry what is unacknowledged grow with the round trip, and would make the queue that delays them longer.

Instants are µs of one clock, given by the caller.
"""

from __future__ import annotations

FIRST_TIMEOUT_US = 200_000
"""After so long without an acknowledgement it is sent again, before the round trip is known."""

LEAST_TIMEOUT_US = 30_000
"""The least that may become once it is known."""

GRANULARITY_US = 10_000
"""By so much more than the round trip, at least, an acknowledgement may be late."""

LONGEST_TIMEOUT_US = 1_000_000
"""The most, however often it was repeated: so soon a reader hears of it when the link is back."""

WARY_US = 10_000_000
"""For so long after an acknowledgement was late a link counts as one that loses packets."""

QUEUED, QUEUE_US = 1.5, 30_000
"""A round trip of so many times the least, and so much more, says that packets queue."""

LEAST_US = 10_000_000
"""For so long the least round trip holds, as in BBR (draft-ietf-ccwg-bbr)."""

LEAST_GAP_US, LONGEST_GAP_US = 20_000, 300_000
"""Time between two messages while packets queue."""

WIDER, NARROWER = 1.5, 0.94
"""By what the gap changes with each round trip, while packets queue and while they do not."""

CALM_US = 30_000_000
"""For so long after packets queued a link counts as narrow: nothing is repeated there before an acknowledgement is late."""

COPIES, NARROW_COPIES = 9, 5
"""So often is an event sent before its acknowledgement is late, on any link and on a narrow one: one of them has most likely arrived."""


class RoundTrip:
    """What round trips were like, and how long to wait for one (RFC 6298)."""

    def __init__(self) -> None:
        self._smoothed: float | None = None
        self._deviation = 0.0
        self._latest = self._least = self._least_at = 0

    def take(self, sample: int, now: int) -> None:
        """Take one, µs."""
        self._latest = sample
        if self._smoothed is None or sample <= self._least or now - self._least_at > LEAST_US:
            self._least, self._least_at = sample, now
        if self._smoothed is None:
            self._smoothed, self._deviation = sample, sample / 2
        else:
            self._deviation += (abs(sample - self._smoothed) - self._deviation) / 4
            self._smoothed += (sample - self._smoothed) / 8

    @property
    def queued(self) -> bool:
        """Whether packets queue: the last round trip was much longer than the least of late."""
        return self._latest > QUEUED * self._least + QUEUE_US

    @property
    def timeout(self) -> int:
        """µs."""
        if self._smoothed is None:
            return FIRST_TIMEOUT_US
        late = max(4 * self._deviation, GRANULARITY_US)
        return min(max(int(self._smoothed + late), LEAST_TIMEOUT_US), LONGEST_TIMEOUT_US)


class Pace:
    """Of one sender.

    Attributes
    ----------
    gap : least time between two messages, µs.
    """

    def __init__(self) -> None:
        self.gap = 0
        self._round_trip = RoundTrip()
        self._changed = 0
        self._late: int | None = None
        self._queued: int | None = None

    @property
    def timeout(self) -> int:
        """How long to wait for an acknowledgement, µs."""
        return self._round_trip.timeout

    def acknowledged(self, sent: int, now: int) -> None:
        """Take when a message was sent that is acknowledged now."""
        self._round_trip.take(now - sent, now)
        if sent < self._changed:
            return  # sent at the gap before
        self._changed = now
        if self._round_trip.queued:
            self._queued = now
            self.gap = min(max(int(self.gap * WIDER), LEAST_GAP_US), LONGEST_GAP_US)
        else:
            self.gap = int(self.gap * NARROWER) if self.gap > LEAST_GAP_US // 4 else 0

    def late(self, now: int) -> None:
        """Take that an acknowledgement is late."""
        self._late = now

    def repeats(self, now: int) -> bool:
        """Whether what is unacknowledged is to be sent again before an acknowledgement is late."""
        wary = self._late is not None and now - self._late < WARY_US
        return wary and not self._narrow(now)

    def copies(self, now: int) -> int:
        """How often an event is sent before its acknowledgement is late."""
        return NARROW_COPIES if self._narrow(now) else COPIES

    def _narrow(self, now: int) -> bool:
        return self._queued is not None and now - self._queued < CALM_US
