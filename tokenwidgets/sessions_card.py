"""The static form of the session bar: what ran at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from . import figures
from .comparison import TRANSPORT_WORDS
from .listing import Table
from .markdown_text import inert
from .markup import Html, clean, tag
from .skin import INK, LINE, QUIET, UI

KIB, MIB = 2**10, 2**20

HEAD = ("model", "phase", "age", "rate", "readers")

_CARD = (
    f"box-sizing:border-box;max-width:1100px;margin:4px 0;padding:10px 16px;border:1px solid {LINE};border-radius:6px;"
    f"background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI};font-variant-numeric:tabular-nums"
)
_CELL = f"padding:4px 16px 4px 0;border:0;border-top:1px solid {LINE};text-align:left;background:none"

LIMITS: Mapping[str, str] = {"open_streams": "streams", "total_bytes": "", "sockets": "sockets", "peers": "WebRTC peers"}
"""Those that are shown, and of what."""


def bundle(seen: Mapping[str, Any]) -> dict[str, str]:
    """The mimebundle: `text/html`, `text/markdown` and `text/plain`.

    Parameters
    ----------
    seen : `streams`, `hosts`, `limits`, `used`, and `at`, the Unix time of the look; `problem` where nothing could be seen.
    """
    rows = [_row(stream) for stream in seen["streams"] if stream["state"] == "running"]
    lines = [str(seen["problem"])] if seen.get("problem") else [_count(seen["streams"]), _used(seen), _hosts(seen["hosts"])]
    return {
        "text/html": _html(_time(seen), rows, lines),
        "text/markdown": _markdown(_time(seen), rows, lines),
        "text/plain": _plain(seen, rows, lines),
    }


def _time(seen: Mapping[str, Any]) -> str:
    return datetime.fromtimestamp(seen["at"], UTC).strftime("as of %Y-%m-%d %H:%M:%S UTC")


def _row(stream: Mapping[str, Any]) -> list[str]:
    readers = ", ".join(f"{TRANSPORT_WORDS.get(name, name)}{f' × {n}' if n > 1 else ''}" for name, n in stream["transports"].items())
    pace = figures.rate(stream["rate"], exact=False)
    return [str(stream["model"]), str(stream["phase"]), figures.clock(stream["age"]), pace, readers or "nobody"]


def _count(streams: Sequence[Mapping[str, Any]]) -> str:
    running = sum(stream["state"] == "running" for stream in streams)
    return f"{running} running, {len(streams) - running} finished"


def _used(seen: Mapping[str, Any]) -> str:
    return " · ".join(_of(name, seen["used"][name], seen["limits"][name]) for name in LIMITS if name in seen["used"])


def _of(name: str, used: float, limit: float) -> str:
    if name == "total_bytes":
        return f"{_bytes(used)} of {_bytes(limit)} held"
    return f"{used:,g} of {limit:,g} {LIMITS[name]}"


def _bytes(n: float) -> str:
    return f"{n / MIB:,.0f} MiB" if n >= 10 * MIB else f"{n / MIB:.1f} MiB" if n >= MIB else f"{n / KIB:.0f} KiB"


def _hosts(hosts: Sequence[Mapping[str, Any]]) -> str:
    present = [str(host["name"]) for host in hosts if host["key"]["present"]]
    return f"keys present for {', '.join(present)}" if present else "no keys present"


def _html(time: str, rows: Sequence[Sequence[str]], lines: Sequence[str]) -> Html:
    head = tag("div", tag("strong", "Sessions", style="font-weight:600"), " ", tag("span", time, style=f"color:{QUIET}"))
    cells = [tag("tr", *(tag("td", cell, style=_CELL) for cell in row), style="background:none") for row in rows]
    heading = tag(
        "tr",
        *(
            tag("th", word, style=f"padding:6px 16px 4px 0;border:0;text-align:left;font-weight:400;color:{QUIET};background:none")
            for word in HEAD
        ),
    )
    table = [tag("table", heading, *cells, style="margin:0;border:0;border-collapse:collapse;font:inherit")] if rows else []
    foot = [tag("div", line, style=f"color:{QUIET};margin-top:4px") for line in lines if line]
    return tag("div", head, *table, *foot, class_="tex2jax_ignore mathjax_ignore", style=_CARD)


def _markdown(time: str, rows: Sequence[Sequence[str]], lines: Sequence[str]) -> str:
    table = [f"| {' | '.join(row)} |" for row in (HEAD, ["---"] * len(HEAD), *([inert(clean(cell)) for cell in row] for row in rows))]
    return "\n\n".join([f"**Sessions** {time}", *(["\n".join(table)] if rows else []), *(inert(clean(line)) for line in lines if line)])


def _plain(seen: Mapping[str, Any], rows: Sequence[Sequence[str]], lines: Sequence[str]) -> str:
    table = [clean(repr(Table(HEAD, rows)))] if rows else []
    return "\n".join([f"Sessions {_time(seen)}", *table, *(clean(line) for line in lines if line)])
