"""How the delivery of an answer feels: stalls, jitter, and a reader who reads along. Pure.

Instants are `Entry.at`. Chunks that came in one read of the socket have no time between them, so stalls and jitter are of reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from .events import Entry, Refusal, Text
from .metrics import code_points, is_content
from .timeline import GAP_US

STALL_US = GAP_US
"""A time without content that is longer is a stall, µs; the same that the timeline shades."""

READING_SPEED = 24.0
"""Code points a second of silent reading: 238 words a minute (Brysbaert 2019, doi 10.1016/j.jml.2019.104047), six with their space."""

EXPECTED_US = 1_000_000
"""When a reader expects the first word, µs."""

SMOOTHING = 16
"""RFC 3550, 6.4.1: each difference moves the jitter by a sixteenth of what it is off."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """The stalls of a stream.

    Parameters
    ----------
    count : how many there were.
    longest_us : the longest, 0 without any. Neither is known before the first content.
    ratio : their share of the time from the first content to the last; None where no time passed between those.
    """

    count: int | None
    longest_us: int | None
    ratio: float | None


def stalls(entries: Iterable[Entry], threshold_us: int = STALL_US) -> Stalls:
    """Times without content, between the first and the last. The wait for the first is none, and an end that comes late is none.

    Parameters
    ----------
    entries : of one stream.
    threshold_us : what is longer is a stall, µs.
    """
    reads = _reads(entries)
    long = [gap for gap in _gaps(reads) if gap > threshold_us]
    span = reads[-1] - reads[0] if reads else 0
    return Stalls(len(long) if reads else None, max(long, default=0) if reads else None, sum(long) / span if span else None)


def smoothed_jitter(entries: Iterable[Entry]) -> float | None:
    """Interarrival jitter after RFC 3550, 6.4.1, in µs, over the reads of a stream; None with fewer than two.

    RFC 3550 takes the sender's instants from the packets. A provider tells none, so it counts as sending at an even pace, the mean one.
    """
    gaps = _gaps(_reads(entries))
    if not gaps:
        return None
    pace, jitter = fmean(gaps), 0.0
    for gap in gaps:
        jitter += (abs(gap - pace) - jitter) / SMOOTHING
    return jitter


def perceived_delay(entries: Iterable[Entry], speed: float = READING_SPEED) -> float | None:
    """How much later than without any wait a reader has read the answer, µs: the wait for its beginning and each one for its next word.

    Parameters
    ----------
    entries : of one stream; its text and its refusal are read, nothing else.
    speed : code points a second that are read.
    """
    read = _read(entries, speed)
    return read[-1] - (len(read) - 1) * 1e6 / speed if read else None


def qoe(entries: Iterable[Entry], speed: float = READING_SPEED, expected_us: int = EXPECTED_US) -> float | None:
    """Quality of experience of token delivery after Andes (arXiv 2404.16283): 1 if nobody ever waited longer than expected, down to 0.

    Reading is compared with what was expected, a first word at `expected_us` and `speed` from there: one less the area between the two
    curves, as a share of the area below the expected one up to the end. What comes faster than it is read, or earlier, gains nothing. The
    unit of the curves is the code point and not the token, which needs no tokenizer.

    Parameters
    ----------
    entries, speed : as of `perceived_delay`.
    expected_us : when the first word is expected, µs.
    """
    read = _read(entries, speed)
    if not read:
        return None
    expected = [expected_us + i * 1e6 / speed for i in range(len(read))]
    end = max(read[-1], expected[-1])
    whole = sum(end - at for at in expected)
    late = sum(max(0.0, at - due) for at, due in zip(read, expected, strict=True))
    return 1 - late / whole if whole else 1.0 if not late else 0.0


def _read(entries: Iterable[Entry], speed: float) -> list[float]:
    """When each code point is read: when it is there and those before it were read, µs."""
    step, read = 1e6 / speed, list[float]()
    for at, count in _pieces(entries):
        for _ in range(count):
            read.append(max(float(at), read[-1] + step) if read else float(at))
    return read


def _pieces(entries: Iterable[Entry]) -> list[tuple[int, int]]:
    """Instants and lengths of what a reader reads."""
    shown = [(e.at, e.event) for e in entries if isinstance(e.event, Text | Refusal) and e.event.choice == 0]
    return [(at, code_points(event.delta)) for at, event in shown]


def _reads(entries: Iterable[Entry]) -> list[int]:
    return sorted({e.at for e in entries if is_content(e)})


def _gaps(reads: Sequence[int]) -> list[int]:
    return [b - a for a, b in pairwise(reads)]
