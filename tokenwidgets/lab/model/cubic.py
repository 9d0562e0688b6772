"""The congestion window of TCP as CUBIC grows and cuts it (RFC 9438, in whole segments as Linux counts them), without I/O.

A stream of tokens seldom fills it. After several losses it is so small that it holds tokens back all the same.
"""

from __future__ import annotations

INITIAL_WINDOW = 10
"""Segments (RFC 6928)."""

LEAST_WINDOW = 2
"""Segments to which a loss cuts at most."""

C = 0.4
"""How steeply it grows, in segments per second³ (RFC 9438 section 4.1)."""

BETA = 0.7
"""What is left of the window after a loss (section 4.6)."""

ALPHA = 3 * (1 - BETA) / (1 + BETA)
"""Segments a round trip by which it grows at least, as Reno would (section 4.3)."""

UNKNOWN = 2**31
"""A slow-start threshold before the first loss."""


class Cubic:
    """The window.

    Attributes
    ----------
    window : segments that may be in flight.
    threshold : below it the window grows by what was acknowledged.
    """

    def __init__(self) -> None:
        self.window = INITIAL_WINDOW
        self.threshold = UNKNOWN
        self._most = 0.0
        self._epoch: int | None = None
        self._origin = self._plateau = 0.0
        self._reno = 0.0
        self._acked = 0.0

    @property
    def slow_start(self) -> bool:
        """Whether it grows fast."""
        return self.window < self.threshold

    def cut(self) -> None:
        """A loss: where the window is to go, which is the caller's to do (section 4.6 and 4.7)."""
        fast_convergence = self.window < self._most
        self._most = self.window * (1 + BETA) / 2 if fast_convergence else float(self.window)
        self.threshold = max(int(self.window * BETA), LEAST_WINDOW)
        self._epoch = None

    def grow(self, acked: int, round_trip: float, now: int) -> None:
        """Segments were acknowledged while the window was what held the sender back.

        Parameters
        ----------
        round_trip : the shortest, µs.
        now : µs.
        """
        if self.slow_start:
            grown = min(self.window + acked, self.threshold)
            acked -= grown - self.window
            self.window = grown
        if acked:
            self._avoid(acked, round_trip / 1e6, now)

    def _avoid(self, acked: int, round_trip: float, now: int) -> None:
        """Congestion avoidance: towards where the curve is one round trip from now, or where Reno would be."""
        if self._epoch is None:
            self._epoch, self._acked, self._reno = now, 0.0, float(self.window)
            self._origin = max(self._most, self.window)
            self._plateau = ((self._origin - self.window) / C) ** (1 / 3)
        seconds = (now - self._epoch) / 1e6 + round_trip
        target = min(self._origin + C * (seconds - self._plateau) ** 3, 1.5 * self.window)
        self._reno += ALPHA * acked / self.window
        self._acked += acked * max(target - self.window, self._reno - self.window, 0) / self.window
        whole = int(self._acked)
        self._acked -= whole
        self.window += whole
