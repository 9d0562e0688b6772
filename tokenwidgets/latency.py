"""The static form of a latency chart: what stands in a saved notebook, with no kernel and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from . import figures, gaps
from .breakdown import LEGS, PHASES, Breakdown, breakdown
from .events import Entry
from .gaps import BINS_PER_DECADE, FIRST_DECADE, QUANTILES, Gaps, fine
from .markup import Html, clean, join, tag
from .metrics import is_content, measure
from .skin import INK, LINE, QUIET, UI
from .timeline import timeline

COLOURS: Mapping[str, str] = {
    "retry": "#c98a1b", "loading": "#9fb0be", "connect": "#6e8599", "upload": "#9fb0be", "wait": "#d3dae0", "unknown": "#d3dae0",
    "reasoning": "#a06bb8", "answer": "#546e7a", "end": "#b0bec5", "gateway": "#8d6e63", "link": "#26828c", "paint": "#c08a5a",
}  # fmt: skip
"""Of the phases, on white and on black."""

WIDTH = 1000
TALL = 60
RARE = ("retry", "loading")
"""Phases that have a column only where they occurred."""


@dataclass(frozen=True, slots=True)
class Run:
    """One stream of a chart.

    Parameters
    ----------
    entries : its journal.
    label : what it is called.
    legs : of its terminal event, as the page measured them, µs.
    """

    entries: Sequence[Entry]
    label: str
    legs: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its label, and whether it was simulated or replayed: said wherever it is shown."""
        start = self.entries[0].event if self.entries else None
        words = [word for word in ("simulated", "replayed") if getattr(start, word, False)]
        return f"{self.label} ({', '.join(words)})" if words else self.label

    @property
    def breakdown(self) -> Breakdown:
        """Its time, as far as it is known."""
        return breakdown(self.entries).seen(self.legs)

    @property
    def gaps(self) -> Gaps:
        """The times between its chunks."""
        return gaps.gaps([e.at for e in self.entries if is_content(e)])


def bundle(runs: Sequence[Run]) -> dict[str, str]:
    """The chart as `text/html`, `text/markdown` and `text/plain`.

    Parameters
    ----------
    runs : in their order.
    """
    plain = "\n".join(line for run in runs for line in lines(run))
    return {"text/html": _html(runs), "text/markdown": "\n".join(f"    {line}" for line in plain.split("\n")), "text/plain": plain}


def lines(run: Run) -> list[str]:
    """A run in three lines of text: its name and total, its breakdown, its gaps."""
    found = run.breakdown
    occurred = [phase for phase in (*PHASES, "unknown") if any(s.phase == phase for s in found.spans)]
    parts = [f"{_name(phase)} {fine(found.us(phase) if phase != 'unknown' else _unknown(found))}" for phase in occurred]
    return [
        f"{clean(run.name)}: {figures.duration(found.total)}",
        f"  {' + '.join(parts) or 'nothing yet'}",
        f"  {gaps.line(run.gaps)}",
    ]


def _unknown(found: Breakdown) -> int:
    return sum(s.end - s.start for s in found.spans if s.phase == "unknown")


def _name(phase: str) -> str:
    return "not told apart" if phase == "unknown" else phase


def _html(runs: Sequence[Run]) -> Html:
    longest = max((run.breakdown.total for run in runs), default=0)
    rows = [_run(run, longest, len(runs) > 1) for run in runs]
    return tag(
        "div",
        *rows,
        tag("div", _table(runs), style="overflow-x:auto"),
        class_="tex2jax_ignore mathjax_ignore",
        style=f"box-sizing:border-box;max-width:1100px;margin:4px 0;padding:10px 16px;border:1px solid {LINE};border-radius:6px;"
        f"background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI};font-variant-numeric:tabular-nums",
    )


def _run(run: Run, longest: int, several: bool) -> Html:
    """Bar and rug of a run, all runs on one scale; alone, with the distribution of its gaps."""
    share = 100 * run.breakdown.total / longest if longest else 100
    scaled = tag("div", _bar(run), _rug(run), style=f"width:{share:.2f}%")
    name = tag("div", run.name, style=f"color:{INK}")
    spread = [_histogram(run.gaps)] if not several else []
    return tag("div", name, scaled, *spread, style="margin-bottom:10px")


def _rug(run: Run) -> Html:
    """The chunks, below their part of the bar."""
    metrics = measure(run.entries)
    read = max(metrics.total_us or 0, metrics.last_content_us or 0)
    share = 100 * read / run.breakdown.total if run.breakdown.total else 100
    return tag("div", timeline(run.entries, metrics), style=f"max-width:{share:.2f}%")


def _caption(words: str) -> Html:
    return tag("div", words, style=f"margin-top:8px;color:{QUIET};font-size:11px")


def _bar(run: Run) -> Html:
    found = run.breakdown
    total = max(found.total, 1)
    pieces = [_piece(found, s.phase, s.start / total * WIDTH, s.end / total * WIDTH, s.end - s.start) for s in found.spans]
    return _svg(pieces, 16, f"Breakdown of {run.label}: {lines(run)[1].strip()}", "margin:2px 0 6px")


def _piece(found: Breakdown, phase: str, start: float, end: float, us: int) -> Html:
    words = f"{_name(phase)} {fine(us)}"
    note = found.notes.get(phase)
    return _rect(start, 0, max(end - start, 0.6), 16, COLOURS[phase], f"{words}: {note}" if note else words)


def _histogram(of: Gaps) -> Html:
    """The bins in which there is something, each with its title."""
    counts = of.histogram()
    used = [i for i, n in enumerate(counts) if n]
    if not used:
        return tag("div", figures.UNKNOWN, style=f"color:{QUIET}", title="there are fewer than two reads")
    first, last = used[0], used[-1] + 1
    wide = WIDTH / (last - first)
    bars = [_count(i, counts[i], max(counts), wide * (i - first), wide) for i in used]
    return join(
        _caption(f"Time between reads, log, from {_edge(first)} to {_edge(last)}"),
        _svg(bars, TALL, f"Time between reads: {gaps.line(of)}", f"max-width:{min(100, 100 * (last - first) / BINS_PER_DECADE):.0f}%"),
        tag("div", gaps.line(of), style=f"color:{QUIET};font-size:12px"),
    )


def _edge(i: int) -> str:
    """Where a bin begins."""
    return fine(round(10 ** (FIRST_DECADE + i / BINS_PER_DECADE)))


def _count(i: int, count: int, most: int, x: float, wide: float) -> Html:
    height = TALL * count / most
    return _rect(x, TALL - height, wide - 2, height, COLOURS["answer"], f"{count:,} from {_edge(i)} to {_edge(i + 1)}")


def _svg(shapes: Sequence[Html], height: int, words: str, style: str) -> Html:
    return tag(
        "svg",
        *shapes,
        style=f"display:block;width:100%;height:{height}px;{style}",
        viewBox=f"0 0 {WIDTH} {height}",
        preserveAspectRatio="none",
        role="img",
        aria_label=words,
    )


def _rect(x: float, y: float, width: float, height: float, fill: str, title: str) -> Html:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
    return tag("rect", tag("title", title), fill=fill, **place)


def _table(runs: Sequence[Run]) -> Html:
    occurred = {s.phase for run in runs for s in run.breakdown.spans}
    phases = [phase for phase in PHASES if phase not in RARE or phase in occurred]
    named = [_cell("th", name, QUIET, key=COLOURS[name]) for name in phases]
    head = [_cell("th", "", QUIET), *named, *(_cell("th", name, QUIET) for name in ("total", *(f"gap {q}" for q in QUANTILES)))]
    body = [tag("tr", *_row(run, phases), style="background:none") for run in runs]
    style = f"border-collapse:collapse;border:0;margin:0;font-size:12px;color:{INK}"
    return tag("table", tag("thead", tag("tr", *head, style="background:none")), tag("tbody", *body), style=style)


def _row(run: Run, phases: Sequence[str]) -> list[Html]:
    found, between = run.breakdown, run.gaps
    times = [_cell("td", _time(found, phase), INK, _why(found, phase)) for phase in phases]
    spread = [_cell("td", fine(between.quantile(q)), INK, _few(between, q)) for q in QUANTILES]
    return [_cell("th", run.label, INK), *times, _cell("td", figures.duration(found.total), INK), *spread]


def _time(found: Breakdown, phase: str) -> str:
    """In words; what took no time, because there was none of it, says so."""
    us = found.us(phase)
    if us == 0 and phase not in LEGS:
        return "reused" if found.notes.get(phase, "").startswith("reused") else "none"
    return fine(us)


def _why(found: Breakdown, phase: str) -> str:
    if found.us(phase) is not None:
        return found.notes.get(phase, "")
    return "measured by a page that shows the stream while it runs" if phase in LEGS else found.notes.get("unknown", "")


def _few(between: Gaps, q: str) -> str:
    n = f"n = {len(between.times):,} gaps"
    return n if between.quantile(q) is not None else f"{q} needs {gaps.needed(q)} gaps; {n}"


def _cell(name: str, words: str, colour: str, title: str = "", key: str = "") -> Html:
    """A cell; with the colour that stands for it in the drawing."""
    style = f"padding:2px 12px 2px 0;border:0;text-align:left;font-weight:400;white-space:nowrap;color:{colour}"
    dot = f"display:inline-block;width:8px;height:8px;margin-right:5px;border-radius:2px;background:{key}"
    return tag(name, *([tag("span", style=dot)] if key else []), words, style=style, **({"title": title} if title else {}))
