"""One attempt's sink, on the stream's clock and without our key."""

from __future__ import annotations

from collections.abc import Iterable

from ..events import Event
from .base import Sink
from .key_filter import KeyFilter
from .upstream import Clock


class Timeline:
    """What comes from a provider, on its way to the sink: instants (ns) of the connection's clock become those of the stream (µs).

    Parameters
    ----------
    sink : of the attempt.
    clock : the connection's.
    keys : strikes our key out of every event.
    """

    def __init__(self, sink: Sink, clock: Clock, keys: KeyFilter) -> None:
        self.sink = sink
        self.keys = keys
        self._base = sink.now()
        self._started_ns = clock()

    def at(self, instant_ns: int) -> int:
        """The instant in µs of the stream."""
        return self._base + max(0, instant_ns - self._started_ns) // 1000

    def emit_all(self, events: Iterable[Event], at: int | None = None) -> None:
        """Journal events read at `at` µs (default: now)."""
        for event in self.keys.events(events):
            self.sink.emit(event, at)
