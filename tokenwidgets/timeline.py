"""A stream's timeline as a small still picture: when it waited, when content came and how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from . import figures
from .events import Audio, Entry, Error, Reasoning
from .markup import Html, tag
from .metrics import Metrics, code_points, delta, is_content
from .skin import AMBER, RED

WIDTH, HEIGHT = 160, 16
"""Units of the picture; chunks that fall into the same column are one tick, so that it stays small however long the stream."""

GAP_US = 250_000
GAP_FACTOR = 8
"""A gap is shaded when it is longer than `GAP_US` and `GAP_FACTOR` times the median one."""


def timeline(entries: Sequence[Entry], metrics: Metrics, pixels: int = HEIGHT) -> Html:
    """An inline SVG, to scale from 0 to the total time; empty when there was no content.

    Wait and gaps are grey bands, a chunk is a tick as high as it has characters, reasoning fainter than the answer; a red or amber mark
    stands at the end of a stream that failed or was cut. It holds no text, which a sanitiser that drops the drawing would leave behind.

    Parameters
    ----------
    entries : the journal.
    metrics : its figures.
    pixels : its height.
    """
    content = [e for e in entries if is_content(e)]
    if not content:
        return Html("")
    total = max(metrics.total_us or 0, content[-1].at, 1)
    shapes = [_line(), *_bands(content, total), *_ticks(content, total), *_mark(metrics, entries[-1].at, total)]
    return tag(
        "svg",
        *shapes,
        style=f"display:block;width:100%;height:{pixels}px;overflow:visible",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=_words(metrics),
    )


def _words(metrics: Metrics) -> str:
    return f"Timeline: {figures.line(metrics)}, {metrics.chunks:,} chunks"


def _rect(x: float, width: float, height: float, fill: str, opacity: float) -> Html:
    place = {"x": f"{x:.1f}", "y": f"{HEIGHT - height:.1f}", "width": f"{width:.1f}", "height": f"{height:.1f}"}
    return tag("rect", fill=fill, fill_opacity=f"{opacity:g}", **place)


def _line() -> Html:
    return _rect(0, WIDTH, 0.5, "currentColor", 0.25)


def _bands(content: Sequence[Entry], total: int) -> list[Html]:
    """The wait before the first content, and the gaps that stand out."""
    gaps = [(a.at, b.at - a.at) for a, b in pairwise(content)]
    typical = median([length for _, length in gaps]) if gaps else 0
    shaded = [(0, content[0].at), *((start, length) for start, length in gaps if length > max(GAP_US, GAP_FACTOR * typical))]
    return [_rect(start / total * WIDTH, length / total * WIDTH, 5, "currentColor", 0.12) for start, length in shaded]


def _ticks(content: Sequence[Entry], total: int) -> list[Html]:
    """A tick for each column in which chunks came, two units higher for each doubling of their characters (as the widgets draw it)."""
    columns: dict[tuple[bool, int], int] = {}
    for entry in content:
        place = (isinstance(entry.event, Reasoning), min(entry.at * WIDTH // total, WIDTH - 1))
        columns[place] = columns.get(place, 0) + (1 if isinstance(entry.event, Audio) else code_points(delta(entry)))
    return [_comb(columns, thought, opacity) for thought, opacity in ((True, 0.4), (False, 0.85))]


def _comb(columns: Mapping[tuple[bool, int], int], thought: bool, opacity: float) -> Html:
    """One path for all ticks of a kind."""
    tops = [(i, max(0, HEIGHT - 2 - 2 * size.bit_length())) for (kind, i), size in columns.items() if kind == thought]
    path = "".join(f"M{i}.5 {HEIGHT}V{top}" for i, top in tops)
    return tag("path", d=path, stroke="currentColor", stroke_width="0.6", stroke_opacity=f"{opacity:g}") if path else Html("")


def _mark(metrics: Metrics, last: int, total: int) -> list[Html]:
    if metrics.end is not None and not isinstance(metrics.end, Error) and metrics.end.reason != "truncated":
        return []
    colour = RED if isinstance(metrics.end, Error) else AMBER
    return [_rect(min(last / total * WIDTH, WIDTH - 0.8), 0.8, HEIGHT, colour, 1)]
