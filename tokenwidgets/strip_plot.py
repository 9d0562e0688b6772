"""Every value of a comparison as a point: a row a contender, on one axis, with medians and their intervals. An SVG without script."""

from __future__ import annotations

from collections.abc import Sequence

from .markup import Html, tag
from .skin import INK, QUIET, UI
from .verdicts import Contender, Measure, Summary, Verdict

WIDTH, ROW, NAME, MARGIN = 760, 52, 18, 6
"""Pixels: of the drawing, of a row, of the name above its points, and at both sides."""

SPREAD = (0, 5, -5, 2.5, -2.5)
"""How far points that follow each other are moved apart, so that equal values are seen."""


class StripPlot:
    """Shows in a notebook as a drawing.

    Parameters
    ----------
    verdicts : what is drawn, one below the other.
    """

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self.verdicts = list(verdicts)

    def _repr_html_(self) -> str:
        return tag("div", *(_strip(verdict) for verdict in self.verdicts), style=f"font:12px/1.45 {UI};color:{INK}")

    def __repr__(self) -> str:
        return "\n".join(
            f"{contender.label}: {', '.join(map(verdict.measure.words, contender.known)) or 'no value'}"
            for verdict in self.verdicts
            for contender in verdict.contenders
        )


def _strip(verdict: Verdict) -> Html:
    known = [value for contender in verdict.contenders for value in contender.known]
    if not known:
        return tag("div", f"No value of {verdict.measure.title} yet.", style=f"color:{QUIET}")
    scale = _Scale(min(known), max(known))
    rows = [_row(i, contender, verdict.summary(i), verdict.measure, scale) for i, contender in enumerate(verdict.contenders)]
    tall = ROW * len(rows)
    ends = [_text(scale.x(at), tall + 14, verdict.measure.words(at), anchor) for at, anchor in ((scale.low, "start"), (scale.high, "end"))]
    words = " ".join(verdict.sentences)
    style = f"display:block;max-width:{WIDTH}px;width:100%"
    drawing = tag("svg", *rows, *ends, style=style, viewBox=f"0 0 {WIDTH} {tall + 20}", role="img", aria_label=words)
    return tag("div", tag("div", verdict.measure.title, style=f"color:{QUIET};margin-top:8px"), drawing, tag("div", words))


class _Scale:
    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.high = high

    def x(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return MARGIN + share * (WIDTH - 2 * MARGIN)


def _row(number: int, contender: Contender, summary: Summary, measure: Measure, scale: _Scale) -> Html:
    middle = number * ROW + NAME + (ROW - NAME) / 2
    points = [_point(scale.x(value), middle + SPREAD[i % len(SPREAD)], measure.words(value)) for i, value in enumerate(contender.known)]
    return tag("g", _text(0, number * ROW + NAME - 4, contender.label, "start"), *points, *_median(middle, summary, measure, scale))


def _point(x: float, y: float, words: str) -> Html:
    return tag("circle", tag("title", words), cx=f"{x:.1f}", cy=f"{y:.1f}", r="2.5", fill="currentColor", fill_opacity="0.5")


def _median(middle: float, summary: Summary, measure: Measure, scale: _Scale) -> list[Html]:
    """The median as a tick, its interval as a bar below the points."""
    found = summary.median
    if found is None:
        return []
    words = f"median {measure.words(found.estimate)}, 95 % interval {measure.words(found.low)} to {measure.words(found.high)}"
    low, at, high = (scale.x(value) for value in (found.low, found.estimate, found.high))
    bar = tag("rect", tag("title", words), x=f"{low:.1f}", y=f"{middle + 9:.1f}", width=f"{max(high - low, 1):.1f}", height="3", fill=QUIET)
    tick = tag("rect", x=f"{at - 1:.1f}", y=f"{middle - 9:.1f}", width="2", height="21", fill="#26828c")
    return [bar, tick]


def _text(x: float, y: float, words: str, anchor: str) -> Html:
    return tag("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, font_size="12", fill="currentColor")
