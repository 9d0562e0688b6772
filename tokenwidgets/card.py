"""The static form of a stream: what stands in a saved notebook, with no kernel and no script, on any viewer.

The HTML has inline styles only, in Jupyter's colours with fallbacks that hold in light and dark, and reads as plain prose where a
sanitiser takes the styles and the drawing away. Model text never becomes markup: its Markdown is read by `markdown.py`, and what is set is
made here. It has the measures of the live card (`js/src/stream/stream.css`), which takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from . import asides, figures
from .events import End, Entry, Error, Notice, Start
from .markdown_html import code, prose
from .markdown_text import fence, inert, rewritten
from .markup import Html, clean, join, tag
from .metrics import code_points, estimate, measure, reasoning_us
from .parts import Part, parts
from .pretty import laid_out
from .skin import AMBER, CODE, DONE, INK, LINE, PROSE, QUIET, RED, TINT, UI, WRAP
from .timeline import timeline

Format = Literal["markdown", "text", "json", "code"]
"""How the answer is set: as Markdown, as the text it is, or as one block of code; JSON that is valid is laid out."""


@dataclass(frozen=True, slots=True)
class Info:
    """What a card says beside the stream.

    Parameters
    ----------
    model : `host/model`; by default as the stream's `start` says.
    transport : how it was read, of `TRANSPORTS`; None leaves it out.
    why : why it was that one, shown on hover.
    origin : what is special about who answered, in words.
    date : when it began; by default as `start` says.
    """

    model: str | None = None
    transport: str | None = None
    why: str = ""
    origin: str = ""
    date: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Transport:
    mark: str
    name: str
    colour: str


TRANSPORTS: Mapping[str, _Transport] = {
    "sse": _Transport("●", "SSE", "#0072b2"),
    "ws": _Transport("■", "WebSocket", "#e69f00"),
    "webrtc": _Transport("▲", "WebRTC", "#009e73"),
    "webrtc-ordered": _Transport("△", "WebRTC ordered", "#56b4e9"),
    "webrtc-unordered": _Transport("▽", "WebRTC unordered", "#cc79a7"),
    "comm": _Transport("◆", "comm", "#8c8c8c"),
    "direct": _Transport("▬", "direct", "currentColor"),
}
"""One colour and one mark for each, everywhere (Okabe and Ito's palette)."""

SPOKEN = ("text", "refusal", "tool", "transcript")
"""Parts that make the plain answer."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a reader must not miss of an end: the same in colour, in a bold word, and in a sentence."""

    title: str
    words: str
    rgb: str


_RED_RGB, _AMBER_RGB = "211,47,47", "245,124,0"

_VERDICTS: Mapping[str, _Verdict] = {
    "truncated": _Verdict("Cut off", figures.CUT_OFF.split(": ", 1)[1], _AMBER_RGB),
    "length": _Verdict("Token limit", figures.NOTES["length"], _AMBER_RGB),
    "filter": _Verdict("Filtered", figures.NOTES["filter"], _AMBER_RGB),
    "refusal": _Verdict("Refused", "The model refused this request.", _AMBER_RGB),
}


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
        self.parts = parts(entries)
        self.start = next((e.event for e in entries if isinstance(e.event, Start)), None)

    @property
    def model(self) -> str:
        return clean(self.info.model or (self.start.model if self.start else figures.UNKNOWN))

    @property
    def served(self) -> str:
        """The model that answers, where it is another than was asked for."""
        names = [e.event.data.get("model") for e in self.entries if isinstance(e.event, Notice) and e.event.kind == "served"]
        return str(names[-1]) if names and names[-1] and names[-1] not in (self.model, self.model.partition("/")[2]) else ""

    @property
    def date(self) -> str:
        date = self.info.date or (datetime.fromtimestamp(self.start.created, UTC) if self.start else None)
        return date.strftime("%Y-%m-%d %H:%M %Z").strip() if date else ""

    @property
    def origin(self) -> list[str]:
        """`simulated`, `replayed`, or whose key it was: said wherever the stream is shown."""
        start = self.start
        words = [word for word, holds in (("simulated", start and start.simulated), ("replayed", start and start.replayed)) if holds]
        return [*words, *([self.info.origin] if self.info.origin else [])]

    @property
    def verdict(self) -> _Verdict | None:
        end = self.metrics.end
        if isinstance(end, Error):
            return _Verdict("Failed", end.message, _RED_RGB)
        return _VERDICTS.get(end.reason if isinstance(end, End) else "truncated")

    # ---- text/plain and text/markdown

    def summary(self) -> str:
        """The one line under the answer."""
        transport = TRANSPORTS.get(self.info.transport or "")
        words = [figures.line(self.metrics), self.model, *self.origin, transport.name if transport else "", self.date]
        outcome = figures.outcome(self.metrics)
        return " · ".join(w for w in (clean(outcome) if outcome != "done" else "", *words) if w)

    def plain(self) -> str:
        texts = [f"{clean(p.note) or 'tool'}({p.arguments()})" if p.kind == "tool" else p.text for p in self.parts if p.kind in SPOKEN]
        return "\n\n".join(t for t in (*texts, self.summary()) if t)

    def markdown(self) -> str:
        texts = [self._written(part) for part in self.parts if part.kind in SPOKEN]
        return "\n\n".join(t for t in (*texts, f"*{inert(self.summary())}*") if t)

    def _written(self, part: Part) -> str:
        if part.kind == "tool":
            return inert(f"{clean(part.note) or 'tool'}({part.arguments()})")
        if part.kind == "text" and self.format in ("json", "code"):
            return fence(self._laid_out(part.text), "json" if self.format == "json" else "") if part.text else ""
        return rewritten(part.text) if self.format == "markdown" else inert(part.text)

    # ---- text/html

    def html(self) -> str:
        bar = tag("div", style=f"flex:none;width:3px;background:{self._colour()}")
        body = tag("div", *self._body(), self._end(), style="min-height:60px;padding:0 16px 4px 13px")
        inside = tag("div", self._head(), body, self._foot(), style="flex:1;min-width:0")
        return tag(
            "div",
            bar,
            inside,
            # Jupyter's own MathJax would set "from $5 to $9" as a formula.
            class_="tex2jax_ignore mathjax_ignore",
            style=f"display:flex;overflow:hidden;box-sizing:border-box;max-width:800px;margin:4px 0;border:1px solid {LINE};"
            f"border-radius:6px;background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI}",
        )

    def _colour(self) -> str:
        verdict = self.verdict
        if verdict is None:
            return AMBER if figures.phase(self.metrics) != "done" else DONE
        return RED if verdict.rgb == _RED_RGB else AMBER

    def _head(self) -> Html:
        label = f"padding:0 6px;border-radius:3px;background:{TINT};font-size:11px;line-height:18px;color:{QUIET}"
        phase = figures.phase(self.metrics)
        words = figures.outcome(self.metrics) if phase == "done" else phase
        model = tag("span", self.model, style=f"color:{QUIET}")
        answered = [tag("span", f"answered by {self.served}", style=f"color:{QUIET}")] if self.served else []
        tags = [tag("span", word, style=label) for word in self.origin]
        left = [tag("strong", words, style="font-weight:600"), model, *answered, *tags, *self._transport()]
        right = [tag("span", self.date)] if self.date else []
        return tag(
            "div",
            _row(left, f"color:{INK}"),
            Html(" "),
            _row(right, f"color:{QUIET};margin-left:auto"),
            style="display:flex;flex-wrap:wrap;align-items:center;gap:0 16px;min-height:40px;padding:0 16px 0 13px",
        )

    def _transport(self) -> list[Html]:
        transport = TRANSPORTS.get(self.info.transport or "")
        if transport is None:
            return []
        mark = tag("span", transport.mark, style=f"color:{transport.colour};font-size:11px")
        return [tag("span", mark, Html(" "), transport.name, title=self.info.why or f"read over {transport.name}", style=f"color:{QUIET}")]

    def _body(self) -> list[Html]:
        several = len({p.choice for p in self.parts}) > 1
        out: list[Html] = []
        for i, part in enumerate(self.parts):
            if several and (i == 0 or part.choice != self.parts[i - 1].choice):
                out.append(_label(f"Choice {part.choice + 1}"))
            out.append(self._part(part))
        return out

    def _part(self, part: Part) -> Html:
        match part.kind:
            case "reasoning":
                return self._reasoning(part)
            case "tool":
                return _tool(part)
            case "refusal":
                words = join(_label(tag("strong", "Refusal")), self._words(part.text))
                return tag("div", words, style=f"margin:0 0 8px;padding:0 0 0 12px;border-left:2px solid {AMBER}")
            case "transcript":
                return join(_label(f"Spoken, {part.note}"), self._words(part.text))
            case "audio":
                return _label("Sound, not kept in this output")
            case _:
                return self._answer(part.text)

    def _answer(self, text: str) -> Html:
        if self.format in ("json", "code"):
            return code(self._laid_out(text), "json" if self.format == "json" else "") if text else Html("")
        return self._words(text)

    def _laid_out(self, text: str) -> str:
        return laid_out(text) if self.format == "json" else text

    def _words(self, text: str, colour: str = INK) -> Html:
        return prose(text, colour) if self.format == "markdown" else _verbatim(text, colour)

    def _reasoning(self, part: Part) -> Html:
        words = ["Reasoning summary" if part.note == "summary" else "Reasoning"]
        if sum(p.kind == "reasoning" for p in self.parts) == 1:
            words += [_elapsed(reasoning_us(self.entries)), self._thought_tokens(part)]
        return tag(
            "details",
            tag("summary", ", ".join(words), style=f"color:{QUIET};cursor:pointer"),
            tag("div", self._words(part.text, QUIET), style="margin:8px 0 0"),
            style="margin:0 0 8px",
        )

    def _thought_tokens(self, part: Part) -> str:
        counted = self.metrics.usage.reasoning if self.metrics.usage else None
        count = estimate(sum(map(bool, part.deltas)), code_points("".join(part.deltas))) if counted is None else counted
        return f"{'' if counted is not None else '~'}{count:,} tokens"

    def _end(self) -> Html:
        """What else came, and what is to be said of the end."""
        verdict = self.verdict
        return join(_asides(self.entries), _notice(verdict) if verdict else _label(self._aside()))

    def _aside(self) -> str:
        """A pause, an answer without words, what a stop did to the bill, or a rate limit that is near; a replay calls nobody."""
        end = self.metrics.end
        if isinstance(end, End) and end.reason in figures.NOTES:
            return figures.NOTES[end.reason]
        if figures.phase(self.metrics) == "done" and not self.parts:
            return "The answer is empty."
        if self.start is None or self.start.replayed:
            return ""
        notices = [e.event.data for e in self.entries if isinstance(e.event, Notice) and e.event.kind == "rate_limits"]
        host = self.start.host
        return clean(figures.bill(end, host) or figures.limit(notices[-1] if notices else {}, host))

    def _foot(self) -> Html:
        line = tag("span", figures.line(self.metrics), style="flex:none;max-width:100%;font-variant-numeric:tabular-nums")
        chart = tag("div", timeline(self.entries, self.metrics), style="flex:1;min-width:160px")
        style = "display:flex;flex-wrap:wrap;align-items:center;gap:4px 16px;min-height:36px;padding:0 16px 0 13px;font-size:12px"
        return tag("div", line, chart, style=f"{style};color:{QUIET}")


def _row(items: Sequence[Html], style: str) -> Html:
    """Items beside each other, with blanks between them for where styles are gone."""
    spaced = [Html(" ") if i % 2 else items[i // 2] for i in range(2 * len(items) - 1)]
    return tag("div", *spaced, style=f"display:flex;flex-wrap:wrap;align-items:baseline;gap:0 16px;{style}")


def _elapsed(us: int | None) -> str:
    """A time of thinking, in the tenths of a clock."""
    return figures.clock(us) if us is not None and us >= 1_000_000 else figures.duration(us)


def _label(words: str) -> Html:
    return tag("div", words, style=f"color:{QUIET};margin:0 0 4px") if words else Html("")


def _notice(verdict: _Verdict) -> Html:
    colours = f"border-left:3px solid rgb({verdict.rgb});background:rgba({verdict.rgb},.12)"
    style = f"max-width:72ch;margin:0 0 8px;padding:6px 10px;border-radius:4px;{colours};{WRAP}"
    return tag("div", tag("strong", f"{verdict.title}: "), verdict.words, style=style)


def _verbatim(text: str, colour: str) -> Html:
    return (
        tag("div", text, style=f"max-width:72ch;margin:0 0 8px;color:{colour};font:14px/1.5 {PROSE};{WRAP}", dir="auto")
        if text
        else Html("")
    )


def _tool(part: Part) -> Html:
    state = "" if part.call is None or not part.call.invalid else ", arguments are not valid JSON"
    words = f"Tool call{state if part.call else ', cut off'}"
    name = tag("code", part.note or "tool", style=f"font:12px {CODE};color:{INK};background:none")
    whole = part.call is not None and not part.call.invalid and part.text.strip()
    arguments = laid_out(part.text) if whole else part.arguments(indent=2)
    return join(tag("div", f"{words} ", name, style=f"color:{QUIET};margin:0 0 4px"), code(arguments) if arguments else Html(""))


def _asides(entries: Sequence[Entry]) -> Html:
    """Sources, tools that ran elsewhere, and what is not kept here, each in one quiet line."""
    links = asides.sources(entries)
    shown = [_source(source) for source in links[: asides.SOURCES]]
    more = [f"and {len(links) - len(shown)} more"] if len(links) > len(shown) else []
    tools, media = asides.tools(entries), asides.media(entries)
    lines = [
        join("Sources: ", *_separated([*shown, *more])) if shown else Html(""),
        join(f"Used at the provider: {', '.join(tools)}") if tools else Html(""),
        join(f"{media} {'picture or file' if media == 1 else 'pictures and files'}, not kept in this output") if media else Html(""),
    ]
    return join(*(_label(line) for line in lines))


def _source(source: asides.Source) -> Html:
    return tag("a", source.title or source.address, href=source.address, title=source.address, rel="noopener noreferrer", target="_blank")


def _separated(items: Sequence[str]) -> list[str]:
    return [" · " if i % 2 else items[i // 2] for i in range(2 * len(items) - 1)]
