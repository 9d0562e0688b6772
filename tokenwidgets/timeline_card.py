"""The static form of a `Timeline`: the track, and the text with each chunk tinted by the delay before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from . import card, figures
from .card import Info
from .events import Entry, Text
from .markup import Html, tag
from .metrics import delta, is_content, measure
from .skin import INK, LINE, PROSE, QUIET, UI, WRAP
from .timeline import timeline

STEPS_US = (15_000, 50_000, 150_000, 500_000, 1_500_000)
"""Where each tint begins; about three times the one before, which the eye tells apart."""

_STEP_WORDS = ("< 15 ms", "15", "50", "150", "500 ms", "1.5 s")
_TINTS = ("0", ".12", ".24", ".38", ".52", ".66")
_HUE = "176,86,140"

CHUNKS = 2_000
"""Chunks of text in the static form; the rest is counted, so that a notebook stays small."""

TRACK_HEIGHT = 40


def bundle(entries: Sequence[Entry], info: Info) -> dict[str, str]:
    """The mimebundle: the card's text and Markdown, and HTML with the track and the tints.

    Parameters
    ----------
    entries : the whole journal, or what there is of it.
    info : what the stream itself does not say.
    """
    return {**card.bundle(entries, info), "text/html": _html(entries, info)}


def _html(entries: Sequence[Entry], info: Info) -> Html:
    metrics = measure(entries)
    quiet = f"color:{QUIET}"
    name = tag("strong", "Timeline", style="font-weight:600")
    head = tag("div", name, " ", tag("span", info.model or figures.UNKNOWN, style=quiet), " ", _legend(), style=_HEAD)
    foot = tag("div", " · ".join([figures.phase(metrics), figures.line(metrics)]), style=f"{quiet};font-variant-numeric:tabular-nums")
    text = tag("div", *_tinted(entries), style=f"max-width:72ch;margin:12px 0;color:{INK};font:14px/1.6 {PROSE};{WRAP}", dir="auto")
    return tag(
        "div", head, timeline(entries, metrics, TRACK_HEIGHT), text, foot, class_="tex2jax_ignore mathjax_ignore", style=_CARD
    )  # fmt: skip


_HEAD = "display:flex;flex-wrap:wrap;align-items:baseline;gap:0 12px;margin-bottom:8px"
_CARD = (
    f"box-sizing:border-box;max-width:1100px;margin:4px 0;padding:10px 16px;border:1px solid {LINE};border-radius:6px;"
    f"background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI}"
)


def level(us: int) -> int:
    """The tint of a delay, 0 for one that is not felt."""
    return sum(us >= step for step in STEPS_US)


def _legend() -> Html:
    words = [tag("span", word, style=f"padding:0 5px;color:{INK};{_tint(step)}") for step, word in enumerate(_STEP_WORDS)]
    return tag("span", "delay before ", *words, style=f"margin-left:auto;color:{QUIET};font-size:11px")


def _tint(step: int) -> str:
    return f"background:rgba({_HUE},{_TINTS[step]})" if step else ""


def _tinted(entries: Sequence[Entry]) -> Iterator[Html | str]:
    """The answer; chunks of the same tint in a row are one span."""
    chunks = list(_delays(entries))
    for step, run in groupby(chunks[:CHUNKS], key=lambda chunk: chunk[0]):
        text = "".join(piece for _, piece in run)
        yield tag("span", text, style=_tint(step)) if step else text
    if len(chunks) > CHUNKS:
        yield tag("span", f" … and {len(chunks) - CHUNKS:,} chunks more", style=f"color:{QUIET}")


def _delays(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    """Each chunk of the answer with its tint; thinking counts for the time and is left out."""
    before = 0
    for entry in entries:
        if is_content(entry):
            if isinstance(entry.event, Text) and entry.event.choice == 0:
                yield level(entry.at - before), delta(entry)
            before = entry.at
