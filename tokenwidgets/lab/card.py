"""The static form of the network lab: a row a lane with its delays and its stalls, what they show, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..card import TRANSPORTS
from ..figures import UNKNOWN
from ..markdown_text import inert
from ..markup import Html, clean, tag
from ..skin import INK, LINE, QUIET, RED, TINT, UI, WRAP
from .names import NAMES
from .spread import BINS

HEAD = ("lane", "delay, 10 ms to 10 s; lines: median, p99", "median", "p99", "stalls per 1,000", "stalled", "missing")

NOT_RUN = "Not run yet: press Start, or call start()."

STALLS = (
    "A stall is more than 200 ms without a token, and more than twice the stream's own pace; "
    "stalled is the share of the time that a reader waited beyond that pace."
)

HEIGHT = 24

_CARD = (
    f"box-sizing:border-box;max-width:1100px;margin:4px 0;padding:10px 16px;border:1px solid {LINE};border-radius:6px;"
    f"background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI};font-variant-numeric:tabular-nums"
)
_CELL = (
    f"padding:6px 12px 6px 0;border:0;border-top:1px solid {LINE};text-align:left;vertical-align:middle;background:none;white-space:nowrap"
)


def bundle(kind: str, rows: Sequence[Mapping[str, Any]], provenance: str, verdict: str) -> dict[str, str]:
    """The mimebundle: `text/html`, `text/markdown` and `text/plain`.

    Parameters
    ----------
    kind : what stands beside every figure: real packets, simulated, …
    rows : as `reading` makes them.
    provenance : where they come from; empty before a run.
    verdict : what they show; may be empty.
    """
    ran = bool(provenance)
    words = f"Network lab ({kind})"
    told = [verdict, f"{provenance}. {STALLS}"] if ran else [NOT_RUN]
    table = [(HEAD[0], *HEAD[2:]), *((row["words"]["name"], *_figures(row)) for row in rows)]
    lines = ["| " + " | ".join(map(inert, cells)) + " |" for cells in table]
    lines.insert(1, "| " + " | ".join(["---"] * len(table[0])) + " |")
    plain = ["  ".join(cell.ljust(width) for cell, width in zip(cells, _widths(table), strict=True)).rstrip() for cells in table]
    return {
        "text/html": _html(kind, rows if ran else [], [word for word in told if word]),
        "text/markdown": "\n\n".join(
            [f"**{inert(words)}**", *(["\n".join(lines)] if ran else []), *(inert(word) for word in told if word)]
        ),
        "text/plain": clean("\n".join([words, *(plain if ran else []), *(word for word in told if word)])),
    }


def _figures(row: Mapping[str, Any]) -> list[str]:
    if row["failed"]:
        return [row["failed"], *[""] * (len(HEAD) - 3)]
    words = row["words"]
    return [words["median"], words["p99"], words["stalls"], words["ratio"], words["missing"] or UNKNOWN]


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*table, strict=True)]


def _html(kind: str, rows: Sequence[Mapping[str, Any]], told: Sequence[str]) -> Html:
    badge = tag("span", kind, style=f"padding:0 6px;border-radius:3px;background:{TINT};font-size:11px;line-height:18px")
    head = tag("div", tag("strong", "Network lab", style="font-weight:600"), " ", badge, style="margin-bottom:8px")
    style = f"padding:0 12px 4px 0;border:0;text-align:left;font-weight:400;font-size:11px;color:{QUIET};background:none;white-space:nowrap"
    heading = tag("tr", *(tag("th", word, style=style + (";width:100%" if i == 1 else "")) for i, word in enumerate(HEAD)))
    table = tag("table", heading, *map(_row, rows), style="width:100%;margin:0;border:0;border-collapse:collapse;font:inherit")
    words = [tag("div", word, style="margin-top:6px" + (f";color:{QUIET};font-size:12px" if word is told[-1] else "")) for word in told]
    scroller = [tag("div", table, style="overflow-x:auto")] if rows else []
    return tag("div", head, *scroller, *words, class_="tex2jax_ignore mathjax_ignore", style=_CARD)


def _row(row: Mapping[str, Any]) -> Html:
    look = TRANSPORTS[row["lane"]]
    name = tag("td", tag("span", look.mark, style=f"color:{look.colour};font-weight:700"), " ", NAMES[row["lane"]], style=_CELL)
    if row["failed"]:
        return tag("tr", name, tag("td", row["failed"], style=f"{_CELL};color:{RED};{WRAP}", colspan=str(len(HEAD) - 1)))
    figures = (tag("td", word, style=_CELL) for word in _figures(row))
    return tag("tr", name, tag("td", _bars(row, look.colour), style=f"{_CELL};min-width:160px"), *figures, style="background:none")


def _bars(row: Mapping[str, Any], colour: str) -> Html:
    """The histogram; lines where median and p99 are."""
    path = "".join(f"M{i}.5 {HEIGHT}v-{max(2.0, tall * HEIGHT):.1f}" for i, tall in enumerate(row["bars"]) if tall)
    median, p99 = ("" if at is None else f"M{at * BINS:.1f} {HEIGHT}V0" for at in row["at"])
    line = {"stroke": "currentColor", "stroke_width": "1", "vector_effect": "non-scaling-stroke"}
    words = row["words"]
    return tag(
        "svg",
        tag("path", d=f"M0 {HEIGHT}H{BINS}", stroke="currentColor", stroke_opacity="0.3", vector_effect="non-scaling-stroke"),
        tag("path", d=path, stroke=colour, stroke_width="0.8"),
        tag("path", d=median, **line),
        tag("path", d=p99, stroke_dasharray="2 2", **line),
        style=f"display:block;width:100%;height:{HEIGHT}px",
        viewBox=f"0 0 {BINS} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"Delays of {words['name']}: median {words['median']}, p99 {words['p99']}",
    )
