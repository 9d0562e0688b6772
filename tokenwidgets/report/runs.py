"""Every call of a comparison as a row on one axis: when it waited, when content came, how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .. import figures
from ..breakdown import breakdown
from ..events import Entry, Error
from ..formulas import whole
from ..markup import Html, tag
from ..metrics import is_content, measure
from ..skin import AMBER, RED
from .marks import hue, letter
from .style import wide

if TYPE_CHECKING:
    from ..findings import Findings
    from ..trials import Trial

WIDTH, HEIGHT = 320, 14
"""Units of a row's drawing; chunks that fall into one column are one tick."""

SHOWN = 400
"""The most calls that are drawn; the others are counted, so that a page opens at once."""

BANDS = {
    "retry": (AMBER, 0.55), "loading": (AMBER, 0.3), "connect": ("currentColor", 0.55), "upload": ("currentColor", 0.55),
    "wait": ("currentColor", 0.16), "unknown": ("currentColor", 0.16),
}  # fmt: skip
"""Colour and opacity of what comes before the content."""

LEGEND = (("connect", "connect and send"), ("wait", "wait"), ("retry", "failed attempts"), ("loading", "loading the model"))

MARKS = "a tick a chunk, in its contender's colour; red: it failed, amber: it was stopped or cut off"


def runs(of: Findings) -> Html:
    """The table of calls, in the order in which they were made."""
    shown = of.trials[:SHOWN]
    spans = [list(_streams(trial)) for trial in shown]
    end = max([1, *(start + entries[-1].at for streams in spans for start, entries in streams)])
    rows = [_row(of, trial, number, streams, end) for number, (trial, streams) in enumerate(zip(shown, spans, strict=True), 1)]
    more = len(of.trials) - len(shown)
    head = [tag("th", words, scope="col") for words in ("call", "round", "who", f"0 to {figures.seconds(end)}", "first token", "total")]
    table = tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows), class_="runs")
    rest = tag("p", f"… and {more:,} calls more; they are in the data.", class_="quiet") if more else Html("")
    return tag("div", _legend(of), wide("Calls", table), rest)


def _streams(trial: Trial) -> Iterator[tuple[int, Sequence[Entry]]]:
    """Each stream with its beginning on the call's clock, µs."""
    begun = trial.begun or (trial.at,) * len(trial.streams)
    for at, entries in zip(begun, trial.streams, strict=False):
        yield round((at - trial.at) * 1e6), entries


def _legend(of: Findings) -> Html:
    names = [
        tag("span", tag("span", letter(i), class_="letter", style=f"color:{hue(i)}"), f" {arm.label}") for i, arm in enumerate(of.arms)
    ]
    boxes = [tag("span", _box(*BANDS[phase]), words) for phase, words in LEGEND]
    return tag("div", tag("p", *names), tag("p", *boxes, tag("span", MARKS), class_="quiet"), class_="legend")


def _box(colour: str, opacity: float) -> Html:
    return tag("i", style=f"background:{colour};opacity:{opacity:g}")


def _row(of: Findings, trial: Trial, number: int, streams: Sequence[tuple[int, Sequence[Entry]]], end: int) -> Html:
    first, total = (trial.figures.get(name) for name in ("time_to_first_token", "total"))
    name = tag("span", letter(trial.arm), class_="letter", style=f"color:{hue(trial.arm)}", title=of.arms[trial.arm].label)
    failure = "; ".join(trial.failures.values())
    track = [_track(streams, hue(trial.arm), end)] if streams else [tag("span", "its events were not kept", class_="quiet")]
    cells = [
        tag("td", f"{number:,}"), tag("td", f"{trial.round:,}" + (" cold" if trial.cold else "")), tag("td", name),
        tag("td", *track, *([tag("div", failure, class_="failure")] if failure else []), class_="track"),
        tag("td", figures.duration(None if first is None else round(first))),
        tag("td", figures.UNKNOWN if total is None else figures.seconds(round(total))),
    ]  # fmt: skip
    return tag("tr", *cells)


def _track(streams: Sequence[tuple[int, Sequence[Entry]]], colour: str, end: int) -> Html:
    shapes = [shape for start, entries in streams for shape in _shapes(start, entries, colour, end)]
    return tag(
        "svg", tag("path", d=f"M0 {HEIGHT - 0.5}H{WIDTH}", stroke="currentColor", stroke_opacity="0.15"), *shapes,
        viewBox=f"0 0 {WIDTH} {HEIGHT}", preserveAspectRatio="none", role="img", aria_label=_words(streams),
    )  # fmt: skip


def _words(streams: Sequence[tuple[int, Sequence[Entry]]]) -> str:
    if len(streams) > 1:
        return f"{len(streams):,} streams"
    found = measure(streams[0][1])
    return f"{figures.outcome(found)}: {figures.line(found)}, {found.chunks:,} chunks"


def _shapes(start: int, entries: Sequence[Entry], colour: str, end: int) -> Iterator[Html]:
    """The bands before the content, its ticks, and the mark of an end that was none."""
    for span in breakdown(entries).spans:
        if span.phase in BANDS:
            fill, opacity = BANDS[span.phase]
            low, high = (start + at for at in (span.start, span.end))
            yield _rect(low / end * WIDTH, (high - low) / end * WIDTH, HEIGHT - 8, fill, opacity)
    columns = dict.fromkeys(min((start + e.at) * WIDTH // end, WIDTH - 1) for e in entries if is_content(e))
    if columns:
        yield tag("path", d="".join(f"M{column}.5 {HEIGHT}V3" for column in columns), stroke=colour, stroke_width="0.9")
    last = entries[-1].event
    if not whole(measure(entries)):
        yield _rect(min((start + entries[-1].at) / end * WIDTH, WIDTH - 2), 2, HEIGHT, RED if isinstance(last, Error) else AMBER, 1)


def _rect(x: float, width: float, height: float, fill: str, opacity: float) -> Html:
    place = {"x": f"{x:.1f}", "y": f"{HEIGHT - height:g}", "width": f"{max(width, 0.3):.1f}", "height": f"{height:g}"}
    return tag("rect", fill=fill, fill_opacity=f"{opacity:g}", **place)
