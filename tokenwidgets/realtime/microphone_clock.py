"""When a sample was spoken, from its place in all the sound of a connection: providers count in that, readers in the stream's time."""

from __future__ import annotations

from collections import deque

REMEMBERED = 4_096
"""How many pieces of sound are remembered: at 20 ms each more than a minute."""


class MicrophoneClock:
    """Places in the sound of one connection, ms, to instants, µs."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, int]] = deque(maxlen=REMEMBERED)
        self._ms = 0.0

    def sent(self, seconds: float, at: int) -> None:
        """A piece of sound was sent at `at`, when its last sample had just been spoken."""
        self._ms += seconds * 1000
        self._pieces.append((self._ms, at))

    def at(self, ms: float) -> int | None:
        """When the sample at a place was spoken; None where that is not known any more, or has not been sent."""
        end = next(((end, at) for end, at in self._pieces if end >= ms), None)
        if end is None or (self._pieces[0] == end and len(self._pieces) == REMEMBERED):
            return None
        return max(0, end[1] - round((end[0] - ms) * 1000))


class TrackClock:
    """The same of sound that goes past us: it is heard when it is spoken, so what is told of a place cannot be told before its instant.

    The least delay within an utterance counts; the next one begins anew, since a track may pause.
    """

    def __init__(self) -> None:
        self._zero: int | None = None

    def began(self, ms: float, at: int) -> None:
        """At `at` it was told that speech has begun at a place."""
        self._zero = at - round(ms * 1000)

    def reached(self, ms: float, at: int) -> None:
        """At `at` a place was told of."""
        zero = at - round(ms * 1000)
        self._zero = zero if self._zero is None else min(self._zero, zero)

    def at(self, ms: float) -> int | None:
        """When the sample at a place was spoken; None before any was told of."""
        return None if self._zero is None else max(0, self._zero + round(ms * 1000))
