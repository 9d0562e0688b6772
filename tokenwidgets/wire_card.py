"""The static form of a `WireInspector`: a table of the first frames."""

from __future__ import annotations

from collections.abc import Sequence

from . import card, figures
from .card import Info
from .events import Entry
from .markup import Html, tag
from .recording import Frame, without_secrets
from .skin import CODE, INK, LINE, QUIET, UI

FRAMES = 24
"""Frames in the table; the rest is counted."""

BEGINNING = 120
"""Characters shown of a frame."""

_CELL = f"padding:2px 12px 2px 0;border:0;border-bottom:1px solid {LINE};text-align:left;vertical-align:top;white-space:nowrap"
_NUMBER = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"
_BEGINS = f"{_CELL};width:100%;max-width:0;overflow:hidden;text-overflow:ellipsis;font:12px/1.45 {CODE}"
_CARD = (
    f"box-sizing:border-box;max-width:1200px;margin:4px 0;padding:10px 16px;border:1px solid {LINE};border-radius:6px;"
    f"background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI}"
)


def bundle(entries: Sequence[Entry], frames: Sequence[Frame], info: Info) -> dict[str, str]:
    """The mimebundle: the card's text and Markdown, and HTML with the table.

    Parameters
    ----------
    entries : the journal.
    frames : its frames, as far as they are known.
    info : what the stream itself does not say.
    """
    return {**card.bundle(entries, info), "text/html": _html(frames, info)}


def _html(frames: Sequence[Frame], info: Info) -> Html:
    quiet = f"color:{QUIET}"
    name = tag("strong", "Wire", style="font-weight:600")
    head = tag("div", name, " ", tag("span", info.model or figures.UNKNOWN, style=quiet), style="margin-bottom:8px")
    names = [("at", _NUMBER), ("", _CELL), ("size", _NUMBER), ("kind", _CELL), ("begins", _CELL)]
    titles = tag("tr", *(tag("th", words, style=f"{style};font-weight:400;{quiet}") for words, style in names))
    rows = [titles, *map(_row, frames[:FRAMES])]
    table = tag("table", *rows, style=f"width:100%;border-collapse:collapse;margin:0;font-size:12px;color:{INK}")
    foot = tag("div", _total(frames), style=f"{quiet};margin-top:8px")
    return tag("div", head, table, foot, class_="tex2jax_ignore mathjax_ignore", style=_CARD)


def _row(frame: Frame) -> Html:
    arrow = "→" if frame.direction == "out" else "←"
    size = f"{len(frame.data):,} B"
    beginning = str(without_secrets(frame.data.decode("utf-8", "replace")))[:BEGINNING]
    cells = [(f"{frame.at / 1000:,.1f} ms", _NUMBER), (arrow, _CELL), (size, _NUMBER), (kind(frame), _CELL)]
    return tag("tr", *(tag("td", text, style=style) for text, style in cells), tag("td", " ".join(beginning.split()), style=_BEGINS))


def kind(frame: Frame) -> str:
    """What a frame is, as far as its first bytes say: a request, one or several SSE messages, a message of JSON, a piece of one."""
    data = frame.data.lstrip()
    if frame.direction == "out":
        return "request"
    if data.startswith((b"data:", b"event:", b"id:", b"retry:", b":")):
        count = max(1, frame.data.replace(b"\r\n", b"\n").count(b"\n\n"))
        return "SSE" if count == 1 else f"SSE, {count} messages"
    return "JSON" if data.startswith((b"{", b"[")) else "piece"


def _total(frames: Sequence[Frame]) -> str:
    if not frames:
        return "No frame was kept of this stream."
    total = f"{len(frames):,} frames, {sum(len(f.data) for f in frames):,} bytes"
    rest = len(frames) - FRAMES
    return f"{total}; {rest:,} more are not shown here" if rest > 0 else total
