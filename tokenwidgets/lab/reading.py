"""A lane's figures as a page and a card show them, and where they come from, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from .. import figures
from .base import Lane
from .names import NAMES
from .rows import Row, Seen, rows
from .spread import bins, heights, place

OWN = ("backend", "congestion_control", "rtt_ms", "loss_model", "rate", "seed", "packets", "drops")
"""What a row says of its run."""

CHANGES = 3
"""Loss models of one run that are all named."""

PROVENANCE: Mapping[str, str] = {
    "backend": "{}", "date": "run of {}", "congestion_control": "congestion control {}", "rtt_ms": "round trip {:g} ms", "loss_model": "{}",
    "rate": "{:g} tok/s", "seed": "seed {}", "kernel": "kernel {}", "client": "client: {}",
    "clock_ms": "its clock within ±{:.1f} ms", "beside_tun": "{}",
}  # fmt: skip
"""What is told of a run, in this order."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run showed.

    Parameters
    ----------
    rows : the figures, of the lanes that have any.
    readings : the same and those of lanes without, as a page and a card show them.
    """

    rows: Sequence[Row]
    readings: list[dict[str, Any]]


def measure(seen: Seen, lanes: Sequence[Lane], ended: Set[Lane]) -> Measured:
    """Count the figures.

    Parameters
    ----------
    seen : what was reported.
    lanes : of the run, in their order.
    ended : those that have shown the end.
    """
    found = {row.lane: row for row in rows([seen])}
    readings = [reading(found[lane], _delays(seen, lane), lane in ended) if lane in found else nothing(lane) for lane in lanes]
    return Measured(list(found.values()), readings)


def _delays(seen: Seen, lane: Lane) -> list[float]:
    """Of every token that a lane has shown, ms."""
    return [(at - seen.given[seq]) / 1000 for seq, at in seen.shown.get(lane, ()) if seq in seen.given]


def reading(row: Row, delays: Iterable[float], ended: bool) -> dict[str, Any]:
    """A row as a dictionary of plain values, with its words and its histogram.

    Parameters
    ----------
    row : of a lane.
    delays : of its tokens, ms.
    ended : whether it has shown the end: until then what is missing may still be on its way, and is unknown.
    """
    missing = row.missing if ended else None
    values = {**asdict(row), **{name: _brief(row.about.get(name)) for name in OWN}, "missing": missing}
    del values["about"]
    marks = [None if ms is None else round(place(ms), 4) for ms in (row.p50_ms, row.p99_ms)]
    return {**values, "words": _words(row, missing), "bars": heights(bins(delays)), "at": marks}


def nothing(lane: Lane) -> dict[str, Any]:
    """The same of a lane that has shown nothing yet."""
    return reading(Row(lane, 0, 0, None, None, None, None, 0, 0.0, None, "", {}), (), False)


def provenance(about: Mapping[str, Any]) -> str:
    """Where a run's figures come from."""
    return " · ".join(words.format(value) for name, words in PROVENANCE.items() if (value := _brief(about.get(name))) not in (None, ""))


def _brief(value: Any) -> Any:
    """A loss model that was changed many times, as a slider is moved: the first and the last."""
    parts = value.split("; then ") if isinstance(value, str) else []
    return value if len(parts) <= CHANGES else f"{parts[0]}; then changed {len(parts) - 1} times, at last {parts[-1]}"


def _words(row: Row, missing: int | None) -> dict[str, str]:
    median, p99 = (figures.duration(None if ms is None else round(ms * 1000)) for ms in (row.p50_ms, row.p99_ms))
    stalls = f"{row.stalls_per_1000:.1f}" if row.stalls_per_1000 < 10 else f"{row.stalls_per_1000:.0f}"
    behind = f"{row.missing:,}"
    packets, drops = row.about.get("packets") or 0, row.about.get("drops") or 0
    return {
        "name": NAMES[row.lane],
        "median": median,
        "p99": p99,
        "stalls": stalls if row.tokens else figures.UNKNOWN,
        "ratio": figures.UNKNOWN if row.stall_ratio is None else f"{row.stall_ratio * 100:.1f} %",
        "missing": f"{missing:,}" if missing is not None else "",
        "behind": behind,
        "lost": f"{drops:,} lost" if packets else "",
        "packets": f"{drops:,} of {packets:,} packets, both ways, were lost",
    }
