"""A comparison by matplotlib: of each figure the points with medians and their intervals, and the share of calls up to each value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import TokenwidgetsError
from ..markup import clean
from ..strip_plot import SPREAD
from ..verdicts import Contender, Verdict
from .marks import mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, TALL = 7.0, 2.6
"""Inches: of the figure, the width of a page's text, and of each row of it."""

UNITS = {"µs": (1000.0, "ms"), "1": (1.0, "")}
"""By a measure's unit: what it is divided by, and what it is then called; others stay as they are."""


def figure(verdicts: Sequence[Verdict]) -> Figure:
    """A row a verdict; not one of pyplot's, so that none is shown twice and none is left open.

    Raises
    ------
    TokenwidgetsError : matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise TokenwidgetsError("Figures need matplotlib: pip install 'tokenwidgets[plots]'.") from None
    drawn = Figure(figsize=(WIDE, TALL * max(1, len(verdicts))), layout="constrained")
    for row, verdict in zip(drawn.subplots(max(1, len(verdicts)), 2, squeeze=False), verdicts, strict=False):
        _points(row[0], verdict)
        _shares(row[1], verdict)
    return drawn


def _points(axes: Axes, verdict: Verdict) -> None:
    by, unit = UNITS.get(verdict.measure.unit, (1.0, verdict.measure.unit))
    for place, contender in enumerate(verdict.contenders):
        offsets = [place + 0.03 * SPREAD[i % len(SPREAD)] for i in range(len(contender.known))]
        axes.plot([value / by for value in contender.known], offsets, ".", color=mark(contender.label, place)[1], alpha=0.6, markersize=4)
        found = verdict.summary(place).median
        if found is not None:
            ends = [[(found.estimate - found.low) / by], [(found.high - found.estimate) / by]]
            axes.errorbar([found.estimate / by], [place + 0.32], xerr=ends, fmt="|", color="black", capsize=3)
    axes.set_yticks(range(len(verdict.contenders)), [_plain(contender.label) for contender in verdict.contenders])
    axes.invert_yaxis()
    axes.set_xlabel(_axis(verdict, unit))


def _shares(axes: Axes, verdict: Verdict) -> None:
    by, unit = UNITS.get(verdict.measure.unit, (1.0, verdict.measure.unit))
    for place, contender in enumerate(verdict.contenders):
        if contender.known:
            axes.ecdf([value / by for value in contender.known], label=_named(contender), color=mark(contender.label, place)[1])
    axes.set_xlabel(_axis(verdict, unit))
    axes.set_ylabel("share of calls")
    if axes.lines:
        axes.legend(fontsize="small")


def _axis(verdict: Verdict, unit: str) -> str:
    return f"{verdict.measure.title} ({unit})" if unit else verdict.measure.title


def _named(contender: Contender) -> str:
    return f"{_plain(contender.label)} (n = {len(contender.known):,})"


def _plain(label: str) -> str:
    """A dollar begins a formula to matplotlib."""
    return clean(label).replace("$", r"\$")
