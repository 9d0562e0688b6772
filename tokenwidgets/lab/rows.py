"""The figures of lanes, from reports, and their table. Pure.

A token's delay is from `Given` to `Shown`. Between one moment at which a lane shows something and the next its reader waits: as long as the
source itself took, or longer. What is longer, as a share of the stream's time, is the stall ratio (as Eloquent, arXiv 2401.12961: the
proportion of token rendering wait time).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise, zip_longest
from statistics import median
from typing import Any

from ..errors import Refused
from ..intervals import quantile
from .base import LANES, Ended, Given, Lane, Report, Shown

STALL_US = 200_000
"""A time without a token that is longer is a stall, µs,"""

STALL_PACES = 2
"""if it is also longer than so many times the source's own pace there."""

LEAST_RATIO = 0.01
"""A stall ratio of SSE's below this is the machine's own unrest: no other is compared with it."""

OWN = ("backend", "congestion_control", "rtt_ms", "loss_model", "rate")
"""What runs must share to be one row."""


@dataclass(slots=True)
class Seen:
    """What one run reported.

    Parameters
    ----------
    about : the run's, once it has ended.
    given : instants by seq, µs.
    shown : (seq, instant) as they came, by lane.
    failed : why a lane gave up, by lane.
    """

    about: Mapping[str, Any]
    given: dict[int, int] = field(default_factory=dict)
    shown: dict[Lane, list[tuple[int, int]]] = field(default_factory=dict)
    failed: dict[Lane, str] = field(default_factory=dict)

    def take(self, report: Report) -> None:
        """Keep what counts of a report."""
        match report:
            case Given(seq, at):
                self.given[seq] = at
            case Shown(lane, seq, at):
                self.shown.setdefault(lane, []).append((seq, at))
            case Ended(lane, _, failed) if failed:
                self.failed[lane] = failed

    @classmethod
    def of(cls, about: Mapping[str, Any], reports: Iterable[Report]) -> Seen:
        """What some reports say."""
        seen = cls(about)
        for report in reports:
            seen.take(report)
        return seen


@dataclass(frozen=True, slots=True)
class Row:
    """A lane's figures, over one run or several alike.

    Parameters
    ----------
    tokens : given by the source; `missing` of them were never shown.
    p50_ms, p95_ms, p99_ms, max_ms : of the delays; None where too few were shown to say.
    stalls : times without a token above `STALL_US`, while the stream ran, the one that goes on with them; `stalls_per_1000` of its tokens.
    stall_ratio : see the module; None for a stream without a second moment.
    failed : why the lane gave up.
    about : of the runs: backend, congestion control, RTT, loss model, rate, seeds, and this lane's packets and drops.
    """

    lane: Lane
    tokens: int
    missing: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    stalls: int
    stalls_per_1000: float
    stall_ratio: float | None
    failed: str
    about: Mapping[str, Any]


def rows(runs: Sequence[Seen]) -> list[Row]:
    """A row a lane, of one run or of several with the same link.

    Raises
    ------
    Refused : the runs are not alike.
    """
    for name in OWN:
        if len({str(run.about.get(name)) for run in runs}) > 1:
            raise Refused("bad_request", f"These runs differ in {name}: they cannot be one row.")
    return [_row(lane, runs) for lane in LANES if any(lane in run.shown or lane in run.failed for run in runs)]


def _row(lane: Lane, runs: Sequence[Seen]) -> Row:
    waits = [_waits(run, lane) for run in runs]
    delays = sorted(at - run.given[seq] for run in runs for seq, at in run.shown.get(lane, ()) if seq in run.given)
    given, shown = sum(len(run.given) for run in runs), sum(len(run.shown.get(lane, ())) for run in runs)
    stalls = sum(wait.stalls for wait in waits)
    time = sum(wait.time for wait in waits)
    return Row(
        lane,
        given,
        given - shown,
        _ms(quantile(delays, 0.5)),
        _ms(quantile(delays, 0.95)),
        _ms(quantile(delays, 0.99)),
        _ms(delays[-1] if delays else None),
        stalls,
        round(1000 * stalls / given, 2) if given else 0.0,
        round(sum(wait.beyond for wait in waits) / time, 4) if time else None,
        next((run.failed[lane] for run in runs if lane in run.failed), ""),
        _about(lane, runs),
    )


@dataclass(frozen=True, slots=True)
class _Waits:
    """A lane's waiting in one run: stalls, time beyond the source's own pace, the whole time; µs."""

    stalls: int
    beyond: int
    time: int


def _waits(run: Seen, lane: Lane) -> _Waits:
    moments = [[seq for seq, _ in batch] for _, batch in groupby(run.shown.get(lane, ()), key=lambda item: item[1])]
    instants = [at for at, _ in groupby(at for _, at in run.shown.get(lane, ()))]
    pace = median([b - a for a, b in pairwise(run.given.values())] or [0])
    gaps = [b - a for a, b in pairwise(instants)] + _going_on(run, lane)
    own = [max(pace, run.given.get(b[0], 0) - run.given.get(a[-1], 0)) for a, b in pairwise(moments)]
    pairs = list(zip_longest(gaps, own, fillvalue=pace))
    beyond = sum(max(0, gap - source) for gap, source in pairs)
    return _Waits(sum(gap > max(STALL_US, STALL_PACES * source) for gap, source in pairs), round(beyond), sum(gaps))


def _going_on(run: Seen, lane: Lane) -> list[int]:
    """The wait that has no end yet: for tokens that were given and not shown."""
    shown = run.shown.get(lane, ())
    if len(shown) >= len(run.given):
        return []
    since = shown[-1][1] if shown else min(run.given.values())
    return [max(0, max(run.given.values()) - since)]


def _about(lane: Lane, runs: Sequence[Seen]) -> dict[str, Any]:
    first = runs[0].about
    counted = {name: sum(run.about.get(name, {}).get(lane, 0) for run in runs) for name in ("packets", "drops")}
    return {**first, "seed": ", ".join(str(run.about.get("seed")) for run in runs), **counted}


def _ms(us: float | None) -> float | None:
    return None if us is None else round(us / 1000, 1)


def ratio(row: Row, others: Iterable[Row]) -> float | None:
    """A row's stall ratio against SSE's over the same link, as a change: -0.7 is 70 % below. None where there is none to compare with,
    or nothing that was waited for.
    """
    same = (other for other in others if other.lane == "sse" and other.about.get("loss_model") == row.about.get("loss_model"))
    sse = next(same, None)
    if sse is None or sse.stall_ratio is None or sse.stall_ratio < LEAST_RATIO or row.stall_ratio is None:
        return None
    return row.stall_ratio / sse.stall_ratio - 1


COLUMNS = (
    "lane", "p50", "p95", "p99", "max (ms)", "stalls per 1,000", "stall ratio", "against SSE", "missing", "tokens", "drops of packets",
    "backend", "congestion control", "RTT (ms)", "loss model", "seed",
)  # fmt: skip


def table(all_rows: Sequence[Row]) -> str:
    """Rows as Markdown; each says where it comes from.

    Raises
    ------
    Refused : they are of different backends.
    """
    backends = sorted({str(row.about.get("backend")) for row in all_rows})
    if len(backends) > 1:
        raise Refused("bad_request", f"Rows of {' and '.join(backends)} are not put in one table: make one of each.")
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(_cells(row, all_rows) for row in all_rows)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _cells(row: Row, all_rows: Sequence[Row]) -> tuple[Any, ...]:
    about, change = row.about, ratio(row, all_rows) if row.lane != "sse" else None
    return (
        LANES[row.lane],
        *("-" if value is None else f"{value:.0f}" for value in (row.p50_ms, row.p95_ms, row.p99_ms, row.max_ms)),
        f"{row.stalls_per_1000:.1f}",
        "-" if row.stall_ratio is None else f"{row.stall_ratio:.3f}",
        "" if change is None else f"{change:+.0%}",
        row.failed or row.missing,
        row.tokens,
        f"{about.get('drops')} of {about.get('packets')}",
        *(about.get(name) for name in ("backend", "congestion_control", "rtt_ms", "loss_model", "seed")),
    )
