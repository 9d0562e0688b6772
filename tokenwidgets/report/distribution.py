"""How values are distributed: for each contender the share of its calls that took at most so much. An SVG without script."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..markup import Html, tag
from ..verdicts import Measure, Verdict
from .marks import dash, mark

WIDTH, HEIGHT, LEFT, BOTTOM = 560, 200, 44, 24
"""Units: of the drawing, and of what stands beside the curves."""

SHARES = (0.0, 0.5, 0.95, 1.0)
"""Where lines cross the curves."""


def distribution(verdict: Verdict) -> Html:
    """The empirical distribution of every contender's values, on one axis; empty where there are none."""
    known = {place: sorted(contender.known) for place, contender in enumerate(verdict.contenders) if contender.known}
    if not known:
        return Html("")
    low, high = min(values[0] for values in known.values()), max(values[-1] for values in known.values())
    curves = [_curve(values, verdict.contenders[place].label, place, low, high) for place, values in known.items()]
    names = [_name(place, verdict.contenders[place].label) for place in known]
    words = f"Share of calls with {verdict.measure.title} up to a value, for {len(known)} contenders"
    drawing = tag("svg", *_grid(verdict.measure, low, high), *curves, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=words)
    return tag(
        "figure", tag("figcaption", f"Share of calls with {verdict.measure.title} up to …"), tag("p", *names, class_="legend"), drawing
    )


def _name(place: int, label: str) -> Html:
    sign, colour = mark(label, place)
    line = tag("path", d="M0 5H22", stroke=colour, stroke_width="2", stroke_dasharray=dash(place))
    drawing = tag("svg", line, viewBox="0 0 22 10", width="22", height="10", aria_hidden="true")
    return tag("span", drawing, f" {sign} {label}")


def _x(value: float, low: float, high: float) -> float:
    return LEFT + (value - low) / ((high - low) or 1) * (WIDTH - LEFT - 8)


def _y(share: float) -> float:
    return 8 + (1 - share) * (HEIGHT - BOTTOM - 8)


def _grid(measure: Measure, low: float, high: float) -> list[Html]:
    lines = [tag("path", d=f"M{LEFT} {_y(share):.1f}H{WIDTH - 8}", stroke="currentColor", stroke_opacity="0.15") for share in SHARES]
    shares = [_text(LEFT - 6, _y(share) + 4, f"{share:.0%}", "end") for share in SHARES[:-1]]  # 95 and 100 % would stand on each other
    ends = [_text(_x(at, low, high), HEIGHT - 4, measure.words(at), anchor) for at, anchor in ((low, "start"), (high, "end"))]
    return [*lines, *shares, *ends]


def _curve(values: Sequence[float], label: str, place: int, low: float, high: float) -> Html:
    """Steps: at each value the share rises by one call."""
    n = len(values)
    corners = [f"M{_x(low, low, high):.1f} {_y(0):.1f}", f"H{_x(values[0], low, high):.1f}V{_y(1 / n):.1f}"]
    corners += [f"H{_x(value, low, high):.1f}V{_y((i + 2) / n):.1f}" for i, (_, value) in enumerate(pairwise(values))]
    path = "".join([*corners, f"H{WIDTH - 8}"])
    return tag("path", d=path, fill="none", stroke=mark(label, place)[1], stroke_width="1.8", stroke_dasharray=dash(place))


def _text(x: float, y: float, words: str, anchor: str) -> Html:
    return tag("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, font_size="11", fill="currentColor", fill_opacity="0.75")
