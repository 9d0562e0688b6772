"""The static form of a microphone: what was said, and how long each answer took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from . import figures
from .markdown_text import inert
from .markup import Html, clean, join, tag
from .realtime.clip import Clip
from .realtime.spoken import HUMAN_GAP_US, SpokenTurn
from .result import Result
from .skin import INK, LINE, PROSE, QUIET, RED, TINT, UI, WRAP

LEAST_US = 1_000_000
"""What a bar's whole width means at least, µs."""

COLOURS = {"endpoint": "#9fb0be", "words": "#7f95a5", "first_token": "#a06bb8", "first_sound": "#546e7a", "played": "#c08a5a"}
"""Of the stages; they hold on white and on black."""

NOTHING = "Nothing was said yet."

ENDINGS = {"incomplete": "Cut short by the provider.", "failed": "Failed"}

_CARD = (
    f"box-sizing:border-box;max-width:800px;margin:4px 0;padding:10px 16px;border:1px solid {LINE};border-radius:6px;"
    f"background:var(--jp-layout-color0,transparent);color:{INK};font:13px/1.45 {UI};font-variant-numeric:tabular-nums"
)


def bundle(results: Sequence[Result], model: str) -> dict[str, str]:
    """The mimebundle: `text/html`, `text/markdown` and `text/plain`.

    Parameters
    ----------
    results : the sessions, the oldest first.
    model : who is talked to.
    """
    from .realtime.spoken import spoken

    turns = [turn for result in results for turn in spoken(list(result.journal.entries))]
    error = next((result.error.message for result in reversed(results) if result.error), "")
    head = _head(results, model)
    return {
        "text/html": _html(head, turns, error),
        "text/markdown": "\n\n".join(filter(None, [f"*{inert(' · '.join(head))}*", *map(_markdown, turns), inert(clean(error))])),
        "text/plain": "\n\n".join(filter(None, [" · ".join(head), *map(_plain, turns), clean(error)])),
    }


def recorded(clip: Clip) -> dict[str, str]:
    """The mimebundle of the clip recorder; the sound itself is not kept in the notebook."""
    words = (
        f"Clip recorder: {clip.seconds:.1f} s at {clip.rate:,} Hz, not kept in this output." if clip.pcm else "Clip recorder: no clip yet."
    )
    return {"text/html": tag("div", words, style=_CARD), "text/markdown": f"*{words}*", "text/plain": words}


def _head(results: Sequence[Result], model: str) -> list[str]:
    """Who was talked to, whether that was simulated, when."""
    start = next((result.start for result in reversed(results) if result.start), None)
    simulated = start.simulated if start else model.startswith("sim/")
    date = datetime.fromtimestamp(start.created, UTC).strftime("%Y-%m-%d") if start else ""
    return [word for word in (clean(model), "simulated" if simulated else "", date, "" if results else NOTHING) if word]


def wait(turn: SpokenTurn) -> str:
    """How long a turn took, step by step; empty where that is not known."""
    steps = [f"{stage.title} {figures.duration(stage.us)}" for stage in turn.stages]
    return f"{' + '.join(steps)} = {figures.duration(turn.latency)}" if steps and turn.latency is not None else ""


def _ending(turn: SpokenTurn) -> str:
    """How an answer ended, where that is not a matter of course."""
    called = f"Called {', '.join(turn.calls)}." if turn.calls else ""
    cancelled = turn.status == "cancelled"
    cut = "Interrupted." if turn.interrupted or (cancelled and turn.said) else ""
    words = "You went on." if cancelled and not turn.said else ENDINGS.get(turn.status, "")
    why = f": {turn.message or 'the provider gave no reason.'}" if turn.status == "failed" else ""
    return clean(" ".join(filter(None, [called, cut, words + why])))


def _plain(turn: SpokenTurn) -> str:
    answer = " ".join(filter(None, [clean(turn.said), _ending(turn)]))
    lines = [
        f"You: {clean(turn.heard)}" if turn.heard else "",
        f"Answer: {answer}" if answer else "",
        f"({wait(turn)})" if wait(turn) else "",
    ]
    return "\n".join(filter(None, lines))


def _markdown(turn: SpokenTurn) -> str:
    answer = " ".join(filter(None, [inert(clean(turn.said)), inert(_ending(turn))]))
    lines = [
        f"**You** {inert(clean(turn.heard))}" if turn.heard else "",
        f"**Answer** {answer}" if answer else "",
        f"*{wait(turn)}*" if wait(turn) else "",
    ]
    return "\n\n".join(filter(None, lines))


# ---- text/html


def _html(head: Sequence[str], turns: Sequence[SpokenTurn], error: str) -> Html:
    name, *rest = head
    label = f"padding:0 6px;border-radius:3px;background:{TINT};font-size:11px;line-height:18px;color:{QUIET}"
    words = [part for word in rest for part in (" ", tag("span", word, style=label if word == "simulated" else f"color:{QUIET}"))]
    scale = max([LEAST_US, *(turn.latency or 0 for turn in turns)])
    failed = [tag("div", error, style=f"margin:8px 0 0;color:{RED}")] if error else []
    title = tag("div", tag("strong", name, style="font-weight:600"), *words)
    titles = [tag("div", _beside("You", "Answer"), style=f"margin-top:6px;color:{QUIET};font-size:11px")] if turns else []
    return tag("div", title, *titles, *(_turn(turn, scale) for turn in turns), *failed, class_="tex2jax_ignore mathjax_ignore", style=_CARD)


def _beside(heard: str, answer: str) -> Html:
    """The user's side and the answer's."""
    left = tag("div", heard, style=f"flex:2 1 160px;min-width:0;color:{QUIET};{WRAP}", dir="auto")
    right = tag("div", answer, style=f"flex:3 1 240px;min-width:0;{WRAP}", dir="auto")
    return tag("div", left, Html(" "), right, style="display:flex;flex-wrap:wrap;gap:0 24px")


def _turn(turn: SpokenTurn, scale: int) -> Html:
    ending = tag("span", f" {_ending(turn)}", style=f"color:{QUIET};font-size:12px") if _ending(turn) else Html("")
    said = tag("div", _beside(turn.heard, join(turn.said, ending)), style=f"font:14px/1.5 {PROSE}")
    return tag("div", said, _wait(turn, scale), style=f"margin-top:8px;padding-top:8px;border-top:1px solid {LINE}")


def _wait(turn: SpokenTurn, scale: int) -> Html:
    words = wait(turn)
    if not words:
        return Html("")
    line = tag("div", words, style=f"color:{QUIET};font-size:12px;margin-top:4px")
    return join(_bar(turn, scale, words), line)


def _bar(turn: SpokenTurn, scale: int, words: str) -> Html:
    """To scale, with a line where people answer each other."""
    stages = [
        tag(
            "span", style=f"flex:none;width:{100 * stage.us / scale:.2f}%;background:{COLOURS[stage.name]};box-shadow:inset -1px 0 0 {TINT}"
        )
        for stage in turn.stages
    ]
    people = tag("span", style=f"position:absolute;left:{100 * HUMAN_GAP_US / scale:.2f}%;top:0;width:1px;height:100%;background:{QUIET}")
    style = f"position:relative;display:flex;height:8px;margin-top:8px;overflow:hidden;border-radius:2px;background:{TINT}"
    return tag("div", *stages, people, style=style, role="img", aria_label=words)
