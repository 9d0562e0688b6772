"""The legs of an event's way behind the provider, as one reader of its stream measured them. Pure.

* `gateway`: read at the provider's socket, to written to this reader. Both by the stream's clock, so it is exact.
* `link`: from there to this reader, before parsing. The reader's clock and the stream's are aligned by round trips: every delay may be
  wrong by the same amount, which is said with it. Lanes that read one stream share the two clocks, so their difference is not wrong by it.
* `paint`: from there to the end of the frame that shows it, in a page. Both by the page's clock, so it is exact.

What comes before them, from the request to the provider's socket, is the stream's own figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypedDict

from .breakdown import LEGS
from .gaps import fine
from .intervals import quantile

if TYPE_CHECKING:
    from .comparison import Lane


class Leg(TypedDict):
    """The delays of one leg, µs.

    `p95_us` is None with too few events, `uncertainty_us` how far all of the delays may be wrong together.
    """

    median_us: float
    p95_us: float | None
    n: int
    uncertainty_us: float


def legs(lane: Lane, events: Iterable[int]) -> dict[str, Leg]:
    """Of a lane, by name; a leg that it did not measure is missing.

    Parameters
    ----------
    lane : one reader of a stream.
    events : the seqs that count.
    """
    found = {"gateway": list[float](), "link": list[float](), "paint": list[float]()}
    entries, clock = lane.result.journal.entries, lane.clock
    for seq in events:
        arrived, sent = lane.arrivals[seq], _at(lane.sent, seq)
        painted = _at(lane.painted, seq)
        if sent is not None and seq < len(entries):
            found["gateway"].append(sent - entries[seq].at)
        if sent is not None and clock is not None:
            found["link"].append(arrived - clock.own(sent))
        if painted is not None:
            found["paint"].append(painted - arrived)
    uncertainty = clock.uncertainty if clock else 0.0
    told = {name: leg(found[name], uncertainty if name == "link" else 0.0) for name in LEGS}
    return {name: of for name, of in told.items() if of is not None}


def leg(delays: Sequence[float], uncertainty: float = 0.0) -> Leg | None:
    """Delays in few numbers; None with fewer than two."""
    median = quantile(delays, 0.5)
    if median is None:
        return None
    return {"median_us": median, "p95_us": quantile(delays, 0.95), "n": len(delays), "uncertainty_us": uncertainty}


def told(median_us: float, uncertainty_us: float) -> str:
    """A delay in words: `0.42 ms ± 0.05 ms`, or that it cannot be told from none."""
    if median_us <= uncertainty_us:
        return f"less than can be told (the clocks are aligned to ± {fine(round(uncertainty_us))})"
    return f"{fine(round(median_us))} ± {fine(round(uncertainty_us))}" if uncertainty_us else fine(round(median_us))


def _at(times: Sequence[float | None], seq: int) -> float | None:
    return times[seq] if seq < len(times) else None
