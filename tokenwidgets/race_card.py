"""The static form of a race: a row a lane on one axis, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from . import figures
from .card import TRANSPORTS
from .comparison import Lane
from .gaps import fine
from .markdown_text import inert
from .markup import Html, clean, tag
from .metrics import is_content
from .skin import INK, LINE, QUIET, RED, UI, WRAP

if TYPE_CHECKING:
    from .races import Race

WIDTH, HEIGHT = 480, 16

HUES = ("#8a5fb3", "#b85a86", "#6b78cc", "#8f7d3d")
"""Of models: none that a transport has; they show on white and on black."""

LETTERS = "ABCDEFGH"

_CARD = (
    f"box-sizing:border-box;max-width:1100px;margin:4px 0;padding:10px 16px;border:1px solid {LINE};border-radius:6px;"
    f"background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI}"
)
_CELL = f"padding:6px 12px 6px 0;border:0;border-top:1px solid {LINE};text-align:left;vertical-align:middle;background:none"
_NUMBER = f"{_CELL};white-space:nowrap;font-variant-numeric:tabular-nums"


def bundle(race: Race) -> dict[str, str]:
    """The mimebundle: `text/html`, `text/markdown` and `text/plain`; of a race that still runs, one line."""
    if not race.settled:
        return {"text/plain": f"<race of {', '.join(lane.label for lane in race.lanes)}, running>"}
    return {"text/html": _html(race), "text/markdown": _markdown(race), "text/plain": clean(repr(race))}


def _markdown(race: Race) -> str:
    table = race.words
    rows = [map(_inert, table.head), ["---"] * len(table.head), *(map(_inert, row) for row in table.rows)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + f"\n\n{_inert(race.verdict)}"


def _inert(text: str) -> str:
    return inert(" ".join(clean(text).split()))


def _html(race: Race) -> Html:
    end = max([1, *(at for lane in race.lanes for at in (*_instants(race, lane), lane.figures.total_us or 0))])
    head = tag("div", tag("strong", "Race", style="font-weight:600"), " ", tag("span", _title(race), style=f"color:{QUIET}"),
               style="display:flex;flex-wrap:wrap;gap:0 12px;margin-bottom:8px")  # fmt: skip
    compared = any(race.delays)
    rows = [_heading(end, compared), *(_row(race, lane, end, compared) for lane in race.lanes)]
    table = tag("table", *rows, style="width:100%;margin:0;border:0;border-collapse:collapse;table-layout:auto;font:inherit")
    verdict = tag("div", race.verdict, style=f"margin-top:8px;padding-top:8px;border-top:1px solid {LINE}")
    fairness = tag("div", _fairness(race), style=f"color:{QUIET};font-size:12px")
    return tag("div", head, table, verdict, fairness, class_="tex2jax_ignore mathjax_ignore", style=_CARD)


def _title(race: Race) -> str:
    calls = len(race.results)
    date = datetime.fromtimestamp(race.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    what = f"{calls} calls" if calls > 1 else f"one call of {race.lanes[0].model or 'a model'}, {len(race.lanes)} readers"
    told = {word for result in race.results if (start := result.start) for word in ("simulated", "replayed") if getattr(start, word)}
    return " · ".join([what, *sorted(told), date])


def _fairness(race: Race) -> str:
    if len(race.results) == len(race.lanes):
        return "All calls were made at once; each lane is timed from its own request."
    if not any(lane.arrivals for lane in race.lanes):
        return "No page has told when the events came to it: the ticks are the provider's."
    order = ", ".join(race.lanes[number].label for number in race.order)
    return (
        f"All lanes shared one page and its one event loop; they attached in the order {order} (seed {race.seed}). "
        "Delays are those of events that came when all lanes were reading."
    )


def _heading(end: int, compared: bool) -> Html:
    words = ["lane", f"0 to {figures.seconds(end)}", "first token", *(["behind, median"] if compared else []), "rate", "total"]
    style = f"padding:0 12px 4px 0;border:0;text-align:left;font-weight:400;font-size:11px;color:{QUIET};background:none;white-space:nowrap"
    return tag("tr", *(tag("th", word, style=style + (";width:100%" if i == 1 else "")) for i, word in enumerate(words)))


def _row(race: Race, lane: Lane, end: int, compared: bool) -> Html:
    of, delay = lane.figures, race.delays[race.lanes.index(lane)]
    mark, colour = _mark(race, lane)
    weight = "font-weight:600" if lane is race.leader else ""
    name = [tag("span", mark, style=f"color:{colour};font-weight:700"), " ", tag("span", lane.label, style=weight)]
    total = figures.UNKNOWN if of.total_us is None else figures.seconds(of.total_us)
    numbers = [figures.duration(of.first_token_us), *([fine(delay.median_us) if delay else figures.UNKNOWN] if compared else []),
               figures.rate(of.rate, of.tokens_exact), total]  # fmt: skip
    return tag(
        "tr",
        tag("td", *name, style=f"{_CELL};white-space:nowrap"),
        tag("td", _ticks(_instants(race, lane), end, colour), _failure(lane), style=f"{_CELL};min-width:120px"),
        *(tag("td", number, style=_NUMBER) for number in numbers),
        style="background:none",
    )


def _failure(lane: Lane) -> Html:
    outcome = lane.outcome
    return Html("") if outcome == "done" else tag("div", outcome, style=f"color:{RED if lane.error else QUIET};font-size:12px;{WRAP}")


def _mark(race: Race, lane: Lane) -> tuple[str, str]:
    """A transport's where transports race, else the model's letter."""
    if len(race.rivals(lane)) > 1 and lane.transport in TRANSPORTS:
        return TRANSPORTS[lane.transport].mark, TRANSPORTS[lane.transport].colour
    number = list(dict.fromkeys(other.model for other in race.lanes)).index(lane.model)
    return LETTERS[number % len(LETTERS)], HUES[number % len(HUES)]


def _instants(race: Race, lane: Lane) -> list[int]:
    """When its content came: to the page where that is what is raced, else as the provider sent it."""
    entries = lane.result.journal.entries
    if len(race.rivals(lane)) == 1 or not any(rival.arrivals for rival in race.rivals(lane)):
        return [e.at for e in entries if is_content(e)]
    return [at for e, at in zip(entries, lane.arrivals, strict=False) if is_content(e)]


def _ticks(instants: Sequence[int], end: int, colour: str) -> Html:
    columns = dict.fromkeys(min(at * WIDTH // end, WIDTH - 1) for at in instants)
    path = "".join(f"M{column}.5 {HEIGHT}V4" for column in columns)
    first = f"M{min(instants[0] * WIDTH // end, WIDTH - 1)}.5 {HEIGHT}V0" if instants else ""
    return tag(
        "svg",
        tag("path", d=f"M0 {HEIGHT}H{WIDTH}", stroke="currentColor", stroke_opacity="0.3"),
        tag("path", d=path, stroke=colour, stroke_width="1"),
        tag("path", d=first, stroke=colour, stroke_width="2.5"),
        style=f"display:block;width:100%;height:{HEIGHT}px",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{len(instants)} chunks",
    )
