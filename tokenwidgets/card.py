"""The static form of a stream: what stands in a saved notebook, with no kernel and no script, on any viewer.

The HTML has inline styles only, in Jupyter's colours with fallbacks that hold in light and dark, and reads as plain prose where a
sanitiser takes the styles and the drawing away. Model text never becomes markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from . import figures
from .events import CONTENT, Audio, End, Entry, Error, Reasoning, Refusal, Start, Text, Tool, Transcript
from .markup import Html, clean, join, tag
from .metrics import code_points, estimate, measure, reasoning_us
from .timeline import AMBER, RED, timeline

Format = Literal["markdown", "text", "json", "code"]
"""How the answer is set: prose, or one block of code."""


@dataclass(frozen=True, slots=True)
class Info:
    """What a card says beside the stream.

    Parameters
    ----------
    model : `host/model`; by default as the stream's `start` says.
    transport : how it was read: sse, ws, webrtc, comm or direct; None leaves it out.
    why : why it was that one, shown on hover.
    date : when it began; by default as `start` says.
    """

    model: str | None = None
    transport: str | None = None
    why: str = ""
    date: datetime | None = None


@dataclass(slots=True)
class _Part:
    """One block of one choice, put together."""

    kind: str
    choice: int
    note: str = ""
    """What sort of it: a summary, a speaker, a tool's name."""
    deltas: list[str] = field(default_factory=list)
    call: Tool | None = None
    """The finished call, once it is."""

    @property
    def text(self) -> str:
        return clean("".join(self.deltas))

    def add(self, event: _Content) -> None:
        self.deltas.append("" if isinstance(event, Audio) else event.delta)
        match event:
            case Reasoning():
                self.note = event.kind
            case Transcript():
                self.note = event.role
            case Tool():
                self.note = event.name or self.note
                self.call = event if event.done else self.call
            case _:
                pass


_Content: TypeAlias = Text | Reasoning | Refusal | Tool | Audio | Transcript


def _parts(entries: Sequence[Entry]) -> list[_Part]:
    """Blocks in the order in which they began, choice by choice."""
    parts: dict[tuple[int, int, str], _Part] = {}
    for entry in entries:
        if isinstance(entry.event, CONTENT):
            event = entry.event
            place = (event.choice, event.block, event.type)
            parts.setdefault(place, _Part(event.type, event.choice)).add(event)
    return sorted(parts.values(), key=lambda part: part.choice)


@dataclass(frozen=True, slots=True)
class _Transport:
    mark: str
    name: str
    colour: str


TRANSPORTS: Mapping[str, _Transport] = {
    "sse": _Transport("●", "SSE", "#0072b2"),
    "ws": _Transport("■", "WebSocket", "#e69f00"),
    "webrtc": _Transport("▲", "WebRTC", "#009e73"),
    "comm": _Transport("◆", "comm", "#8c8c8c"),
    "direct": _Transport("▬", "direct", "currentColor"),
}
"""One colour and one mark for each, everywhere (Okabe and Ito's palette)."""

INK = "var(--jp-ui-font-color1,inherit)"
QUIET = "var(--jp-ui-font-color2,#777)"
LINE = "var(--jp-border-color2,rgba(128,128,128,.4))"
TINT = "rgba(128,128,128,.15)"
CODE = "var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace)"
UI = "var(--jp-ui-font-family,system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif)"
PROSE = "var(--jp-content-font-family,system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif)"
DONE = "var(--jp-border-color1,#9e9e9e)"
"""Colours and fonts of the host; the fallbacks are the page's own ink and greys that show on white and on black."""

SPOKEN = ("text", "refusal", "tool", "transcript")
"""Parts that make the plain answer."""

WRAP = "white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate"


def bundle(entries: Sequence[Entry], info: Info | None = None, format: Format = "markdown") -> dict[str, str]:
    """The mimebundle of a finished stream: `text/html`, `text/markdown` and `text/plain`.

    Parameters
    ----------
    entries : the whole journal, or what there is of it.
    info : what the stream itself does not say.
    format : how the answer is set.
    """
    card = _Card(entries, info or Info(), format)
    return {"text/html": card.html(), "text/markdown": card.markdown(), "text/plain": card.plain()}


class _Card:
    def __init__(self, entries: Sequence[Entry], info: Info, format: Format) -> None:
        self.entries = entries
        self.info = info
        self.format = format
        self.metrics = measure(entries)
        self.parts = _parts(entries)
        self.start = next((e.event for e in entries if isinstance(e.event, Start)), None)

    @property
    def model(self) -> str:
        return clean(self.info.model or (self.start.model if self.start else figures.UNKNOWN))

    @property
    def date(self) -> str:
        date = self.info.date or (datetime.fromtimestamp(self.start.created, UTC) if self.start else None)
        return date.strftime("%Y-%m-%d %H:%M %Z").strip() if date else ""

    @property
    def origin(self) -> list[str]:
        """`simulated`, `replayed`: said wherever the stream is shown."""
        start = self.start
        return [word for word, holds in (("simulated", start and start.simulated), ("replayed", start and start.replayed)) if holds]

    # ---- text/plain and text/markdown

    def summary(self) -> str:
        """The one line under the answer."""
        transport = TRANSPORTS.get(self.info.transport or "")
        words = [figures.line(self.metrics), self.model, *self.origin, transport.name if transport else "", self.date]
        outcome = figures.outcome(self.metrics)
        return " · ".join(w for w in (clean(outcome) if outcome != "done" else "", *words) if w)

    def spoken(self) -> str:
        """The answer and the tool calls as text."""
        texts = [f"{clean(p.note) or 'tool'}({_arguments(p)})" if p.kind == "tool" else p.text for p in self.parts if p.kind in SPOKEN]
        return "\n\n".join(text for text in texts if text)

    def plain(self) -> str:
        return "\n\n".join(t for t in (self.spoken(), self.summary()) if t)

    def markdown(self) -> str:
        answer = self.spoken()
        body = _fence(answer) if self.format in ("json", "code") and answer else _inert(answer)
        return "\n\n".join(t for t in (body, f"*{_inert(self.summary())}*") if t)

    # ---- text/html

    def html(self) -> str:
        colour = self._colour()
        bar = tag("div", style=f"flex:none;width:4px;background:{colour}")
        inside = "flex:1;min-width:0;padding:10px 16px 10px 12px"
        body = tag("div", self._head(), *self._body(), self._verdict(), self._foot(), style=inside)
        return tag(
            "div",
            bar,
            body,
            # Jupyter's own MathJax would set "from $5 to $9" as a formula.
            class_="tex2jax_ignore mathjax_ignore",
            style=f"display:flex;overflow:hidden;box-sizing:border-box;max-width:800px;margin:4px 0;border:1px solid {LINE};"
            f"border-radius:6px;background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI}",
        )

    def _colour(self) -> str:
        end = self.metrics.end
        if isinstance(end, Error):
            return RED
        return AMBER if not isinstance(end, End) or end.reason in ("truncated", "filter") else DONE

    def _head(self) -> Html:
        label = f"padding:0 6px;border-radius:3px;background:{TINT};font-size:11px;line-height:18px;color:{QUIET}"
        tags = [tag("span", word, style=label) for word in self.origin]
        model = tag("strong", self.model, style=f"font-weight:600;color:{INK}")
        left = [tag("span", figures.phase(self.metrics), style=f"color:{QUIET}"), model, *tags]
        right = [*self._transport(), *([tag("span", self.date)] if self.date else [])]
        return tag(
            "div",
            _row(left, f"color:{INK}"),
            Html(" "),
            _row(right, f"color:{QUIET};margin-left:auto"),
            style="display:flex;flex-wrap:wrap;gap:0 16px;min-height:20px;margin-bottom:10px",
        )

    def _transport(self) -> list[Html]:
        transport = TRANSPORTS.get(self.info.transport or "")
        if transport is None:
            return []
        mark = tag("span", transport.mark, style=f"color:{transport.colour};font-size:11px")
        return [tag("span", mark, Html(" "), transport.name, title=self.info.why or f"read over {transport.name}")]

    def _body(self) -> list[Html]:
        several = len({p.choice for p in self.parts}) > 1
        out: list[Html] = []
        for i, part in enumerate(self.parts):
            if several and (i == 0 or part.choice != self.parts[i - 1].choice):
                out.append(_label(f"Choice {part.choice + 1}"))
            out.append(self._part(part))
        return out

    def _part(self, part: _Part) -> Html:
        match part.kind:
            case "reasoning":
                return self._reasoning(part)
            case "tool":
                return _tool(part)
            case "refusal":
                return join(_label("Refusal"), _prose(part.text))
            case "transcript":
                return join(_label(f"Spoken, {part.note}"), _prose(part.text))
            case "audio":
                return _label("Sound, not kept in this output")
            case _:
                return _code(part.text) if self.format in ("json", "code") else _prose(part.text)

    def _reasoning(self, part: _Part) -> Html:
        words = ["Reasoning summary" if part.note == "summary" else "Reasoning"]
        if sum(p.kind == "reasoning" for p in self.parts) == 1:
            words += [_elapsed(reasoning_us(self.entries)), self._thought_tokens(part)]
        return tag(
            "details",
            tag("summary", ", ".join(words), style=f"color:{QUIET};cursor:pointer"),
            tag("div", _prose(part.text, QUIET), style="margin:4px 0 0 16px"),
            style="margin:0 0 8px",
        )

    def _thought_tokens(self, part: _Part) -> str:
        counted = self.metrics.usage.reasoning if self.metrics.usage else None
        count = estimate(sum(map(bool, part.deltas)), code_points("".join(part.deltas))) if counted is None else counted
        return f"{'' if counted is not None else '~'}{count:,} tokens"

    def _verdict(self) -> Html:
        """What a reader must not miss: a failure, a cut; and what else is to be said of the end."""
        end = self.metrics.end
        if isinstance(end, Error):
            return _notice("Failed", end.message, "211,47,47")
        if not isinstance(end, End) or end.reason == "truncated":
            return _notice("Cut off", figures.CUT_OFF.split(": ", 1)[1], "245,124,0")
        note = figures.NOTES.get(end.reason)
        return _label(note) if note else Html("")

    def _foot(self) -> Html:
        line = tag("span", figures.line(self.metrics), style=f"flex:none;max-width:100%;color:{QUIET};font-variant-numeric:tabular-nums")
        chart = tag("div", timeline(self.entries, self.metrics), style="flex:1;min-width:160px")
        return tag("div", line, chart, style="display:flex;flex-wrap:wrap;align-items:center;gap:4px 16px;margin-top:8px")


def _row(items: Sequence[Html], style: str) -> Html:
    """Items beside each other, with blanks between them for where styles are gone."""
    spaced = [Html(" ") if i % 2 else items[i // 2] for i in range(2 * len(items) - 1)]
    return tag("div", *spaced, style=f"display:flex;flex-wrap:wrap;align-items:baseline;gap:0 10px;{style}")


def _elapsed(us: int | None) -> str:
    """A time of thinking, in the tenths of a clock."""
    return figures.clock(us) if us is not None and us >= 1_000_000 else figures.duration(us)


def _label(words: str) -> Html:
    return tag("div", words, style=f"color:{QUIET};margin:0 0 4px")


def _notice(title: str, words: str, rgb: str) -> Html:
    return tag(
        "div",
        tag("strong", f"{title}: "),
        words,
        style=f"margin:0 0 8px;padding:4px 8px;border-radius:4px;background:rgba({rgb},.14);{WRAP}",
    )


def _prose(text: str, colour: str = INK) -> Html:
    """Paragraphs; line breaks stay where styles do not. They stand a line apart, as they did while they came: nothing moves."""
    style = f"max-width:72ch;padding:0;color:{colour};font:14px/1.5 {PROSE};{WRAP}"
    paragraphs = [p for p in re.split(r"\n[ \t]*\n+", text.strip("\n")) if p]
    margins = [*("0 0 21px" for _ in paragraphs[1:]), "0 0 8px"]
    return join(*(tag("p", *_lines(p), style=f"margin:{m};{style}", dir="auto") for p, m in zip(paragraphs, margins, strict=False)))


def _lines(paragraph: str) -> list[str]:
    first, *rest = paragraph.split("\n")
    return [first, *(piece for line in rest for piece in (tag("br"), line))]


def _code(text: str) -> Html:
    style = f"margin:0 0 8px;padding:8px;border:0;border-radius:4px;background:{TINT};color:{INK};font:12px/1.45 {CODE};{WRAP}"
    return tag("pre", text, style=style, dir="ltr") if text else Html("")


def _tool(part: _Part) -> Html:
    state = "" if part.call is None or not part.call.invalid else ", arguments are not valid JSON"
    words = f"Tool call{state if part.call else ', cut off'}"
    return join(tag("div", f"{words} ", tag("code", part.note or "tool", style=f"font:12px {CODE};color:{INK};background:none"),
                    style=f"color:{QUIET};margin:0 0 4px"), _code(_arguments(part, indent=2)))  # fmt: skip


def _arguments(part: _Part, indent: int | None = None) -> str:
    """A call's arguments: as parsed, else as they came."""
    if part.call is None or part.call.invalid or part.call.arguments is None:
        return part.text
    return clean(json.dumps(part.call.arguments, indent=indent, ensure_ascii=False))


_MARKS = re.compile(r"[\\`*_{}\[\]()<>#|~!&$:@=^+\-]|(?<=\w)\.(?=\w)|^\s+|(?<=\d)\.(?=\s)", re.MULTILINE)


def _inert(text: str) -> str:
    """Text as Markdown that renders as that text: marks become character references, which no Markdown takes for structure."""
    lines = _MARKS.sub(lambda m: "".join(c if c == "\n" else f"&#{ord(c)};" if c != " " else "&nbsp;" for c in m[0]), text)
    return re.sub(r"(?<=[^\n])\n(?=[^\n])", "  \n", lines)


def _fence(text: str) -> str:
    """A code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}\n{text}\n{marks}"
