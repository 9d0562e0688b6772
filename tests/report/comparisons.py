"""Comparisons that are over, of calls whose events a test decides."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from tokenwidgets.events import End, Error, Event, Notice, Start, Text, Usage, encode
from tokenwidgets.findings import Findings
from tokenwidgets.trials import Arm, Budget, Trial
from tokenwidgets.workloads.base import error_of, figures_of

PROMPT = "Why is the sky blue?"


def stream(first_us: int, words: str = "because of the air", last: Event | None = None) -> tuple[Any, ...]:
    """A stream of a chunk a word, 20 ms apart."""
    head = [(0, Start("x", "a/m", "a", "openai-chat", 1.0)), (first_us, Notice("connection", {"sent": 900, "headers": first_us - 50}))]
    chunks = [(first_us + 20_000 * i, Text(0, f"{word} ")) for i, word in enumerate(words.split(" "))]
    end = chunks[-1][0] + 1000
    tail: list[tuple[int, Event]] = [(end, Usage(input=9, output=len(chunks))), (end, last or End("stop"))]
    return tuple(encode(event, seq, at) for seq, (at, event) in enumerate([*head, *chunks, *tail]))


def trial(number: int, arm: int, entries: tuple[Any, ...], at: float = 0.0) -> Trial:
    failure = error_of(entries)
    return Trial(number, arm, figures=figures_of(entries), failures={"": failure} if failure else {}, cost=0.25, at=at, entries=entries)


def comparison(
    runs: int = 24, seed: int = 7, slower: float = 1.0, fails: Mapping[int, int] | None = None, request: Mapping[str, Any] | None = None
) -> Findings:
    """Contender b takes longer by a factor; by arm, the round in which a call fails."""
    draw = Random(f"{seed} {slower}")
    arms = [Arm(name, {"prompt": PROMPT, "model": f"sim/{name}", **(request or {})}) for name in ("a", "b")]
    found = Findings(arms, [], "time_to_first_token", Budget(runs), seed)
    found.created = 1_795_000_000.25
    for call, (number, arm) in enumerate(found.order):
        first = round(400_000 * (slower if arm else 1) * draw.lognormvariate(0, 0.05))
        last = Error("overloaded", "The host is overloaded.") if (fails or {}).get(arm) == number else None
        found.trials.append(trial(number, arm, stream(first, last=last), call * 0.5))
    found.why = f"the {runs} rounds were made"
    return found
