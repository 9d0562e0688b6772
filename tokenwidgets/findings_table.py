"""A comparison as a table: one row a contender, in numbers and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import figures, leg_findings
from .intervals import Interval
from .listing import Table
from .verdicts import Measure, Verdict

if TYPE_CHECKING:
    import pandas

    from .findings import Findings
    from .places import Place

HEAD = ("contender", "by", "n", "median", "its 95 % interval", "p95", "its 95 % interval", "p99", "cold", "note", "place", "its clock")


def frame(of: Findings) -> pandas.DataFrame | Table:
    """The table as a DataFrame, in the figures' own units; where pandas is not installed, in words."""
    try:
        import pandas
    except ImportError:
        return words(of)
    rows = [_row(of, verdict, place) for verdict in (*of.verdicts, *of.ways) for place in range(len(verdict.contenders))]
    for where in of.places:
        part, clock = of.part(where.label), {"clock_ahead": where.ahead, "clock_uncertainty": where.uncertainty}
        rows += [{**_row(part, one, i), "place": where.label, **clock} for one in part.verdicts for i in range(len(one.contenders))]
    return pandas.DataFrame(rows)


def _row(of: Findings, verdict: Verdict, place: int) -> dict[str, Any]:
    found = verdict.summary(place)
    return {
        "contender": verdict.contenders[place].label, "by": verdict.measure.name, "unit": verdict.measure.unit, "n": found.n,
        "median": found.p50, "median_low": found.median and found.median.low, "median_high": found.median and found.median.high,
        "p95": found.p95, "p95_low": found.tail and found.tail.low, "p95_high": found.tail and found.tail.high, "p99": found.p99,
        "cold": cold(of, verdict, place), "two_groups": found.two_groups,
    }  # fmt: skip


def words(of: Findings) -> Table:
    """The table in words, without the columns in which nothing stands."""
    rows = [_words(of, verdict, place) for verdict in (*of.verdicts, *of.ways) for place in range(len(verdict.contenders))]
    for where in of.places:
        part = of.part(where.label)
        rows += [_words(part, verdict, place, where) for verdict in part.verdicts for place in range(len(verdict.contenders))]
    told = [i for i in range(len(HEAD)) if i < 4 or any(row[i] not in ("", figures.UNKNOWN) for row in rows)]
    return Table([HEAD[i] for i in told], [[row[i] for i in told] for row in rows])


def _words(of: Findings, verdict: Verdict, place: int, where: Place | None = None) -> list[str]:
    found, measure = verdict.summary(place), verdict.measure
    return [
        verdict.contenders[place].label, measure.title, f"{found.n:,}", measure.words(found.p50), _span(measure, found.median),
        measure.words(found.p95), _span(measure, found.tail), measure.words(found.p99), measure.words(cold(of, verdict, place)),
        "; ".join(_notes(of, verdict, place)), where.label if where else "all" if of.places else "", where.clock if where else "",
    ]  # fmt: skip


def _notes(of: Findings, verdict: Verdict, place: int) -> list[str]:
    found = verdict.summary(place)
    uncertainty = (
        leg_findings.uncertainty(of, verdict.measure, of.transports[place]) if verdict.measure.name in ("link", "link_alone") else None
    )
    return ["two groups"] * found.two_groups + ([f"clocks ± {verdict.measure.words(uncertainty)}"] if uncertainty else [])


def _span(measure: Measure, interval: Interval | None) -> str:
    return "" if interval is None else f"{measure.words(interval.low)} to {measure.words(interval.high)}"


def cold(of: Findings, verdict: Verdict, place: int) -> float | None:
    """What the first, cold call of an arm gave; of transports, and of several places together, there is none."""
    if verdict.measure.name != of.by or of.places:
        return None
    return next((value for value in of.values(place, cold=True) if value is not None), None)
