"""Whether something on the way holds events back: a proxy that waits until it has so many bytes, so much time, or the whole answer. Pure.

Events that were written one after the other and came together were held, wherever the sender's own bunches were written together. Only
differences of one clock at a time count, so the clocks need not agree. One such bunch is no symptom: a lost packet, or a reader that was
busy, makes one too. Most of the events have to have come so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, pstdev

from . import figures
from .gaps import fine

EVENTS = 10
"""The fewest events from which anything is said."""

HELD_US = 50_000
"""Over how long events must have been written that came together: more than a busy loop or a network's own coalescing explains."""

TOGETHER = 0.1
"""The share of that time within which they came."""

MOST = 0.5
"""The share of the events that came so, from which it is a symptom."""

EVEN = 0.2
"""How much bunches may vary, as a share of their mean, to be of one size, or of one time."""

REMEDY = (
    "A proxy may do that until it is told otherwise (nginx: proxy_buffering off, and no compression of text/event-stream); a WebSocket is "
    "rarely held back."
)


@dataclass(frozen=True, slots=True)
class Held:
    """What was held back.

    Parameters
    ----------
    events : how many of the events came in bunches that were written over some time.
    total : how many there are.
    bunches : how many of those.
    span_us : over how long the events of the longest one were written.
    by : `end`, `size` or `time`, by which they seem to be let go; empty where that cannot be told.
    """

    events: int
    total: int
    bunches: int
    span_us: float
    by: str

    @property
    def symptom(self) -> str:
        """In a sentence."""
        span = fine(round(self.span_us)) if self.span_us < 1_000_000 else figures.seconds(round(self.span_us))
        if self.bunches == 1:
            return f"{self.events:,} of {self.total:,} events, written over {span}, came at once{_TELLS[self.by]}."
        return (
            f"{self.events:,} of {self.total:,} events came in {self.bunches:,} bunches, each written over up to {span}{_TELLS[self.by]}."
        )


_TELLS = {
    "end": ", as when the whole answer is waited for", "size": ", each of about as many bytes, as when a buffer is filled",
    "time": ", each over about the same time, as when a timer runs", "": "",
}  # fmt: skip


def words(reader: str, symptom: str, how_often: str = "") -> str:
    """What it looks like, and what to do, in sentences."""
    where = f"{reader}, {how_often}" if how_often else reader
    return f"Something between the gateway and the reader holds events back ({where}): {symptom} {REMEDY}"


def held(sent: Sequence[float | None], arrived: Sequence[float], sizes: Sequence[int] = ()) -> Held | None:
    """What was held back on the way; None where nothing was, or too little is known.

    Parameters
    ----------
    sent : when each event was written, µs, by the sender's clock; None where nobody says.
    arrived : when each was read, µs, by the reader's clock.
    sizes : of each, in bytes; without them a full buffer is not recognised.
    """
    known = [seq for seq in range(min(len(sent), len(arrived))) if sent[seq] is not None]
    if len(known) < EVENTS:
        return None
    written = [float(sent[seq] or 0) for seq in known]
    found = list(_bunches(written, [arrived[seq] for seq in known]))
    events = sum(end - start for start, end in found)
    if events < MOST * len(known):
        return None
    spans = [written[end - 1] - written[start] for start, end in found]
    weights = [float(sum(sizes[seq] for seq in known[start:end])) for start, end in found] if len(sizes) > known[-1] else []
    return Held(events, len(known), len(found), max(spans), _by(found, len(known), spans, weights))


def _bunches(written: Sequence[float], arrived: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Runs of events, as (first, behind the last), that came in far less time than they were written in."""
    start = 0
    while start < len(written):
        end = start + 1
        while end < len(written) and arrived[end] - arrived[start] <= max(0.0, TOGETHER * (written[end] - written[start])):
            end += 1
        if written[end - 1] - written[start] >= HELD_US:
            yield start, end
        start = end


def _by(found: Sequence[tuple[int, int]], total: int, spans: Sequence[float], weights: Sequence[float]) -> str:
    """What lets the bunches go. The last one is let go by the answer's end, whatever its size."""
    if found[0][0] < total * TOGETHER and found[-1][1] == total and len(found) == 1:
        return "end"
    if not all(a[1] == b[0] for a, b in pairwise(found)):
        return ""
    if _even(spans[:-1]):
        return "time" if not _even(weights[:-1]) else ""
    return "size" if _even(weights[:-1]) else ""


def _even(values: Sequence[float]) -> bool:
    return len(values) > 1 and pstdev(values) <= EVEN * fmean(values)
