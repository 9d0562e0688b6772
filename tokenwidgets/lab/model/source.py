"""The stream that all lanes read: the simulator's words at an even pace."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random

from ...events import End, Entry, Text, encode
from ...providers import sim_text
from ..base import Plan

PROMPT = "The network lab"

ANSWER_TOKENS = 1000
"""An endless stream is answers of so many tokens, one after another."""


def source(plan: Plan) -> Iterator[Entry]:
    """Every event after the stream's start, which lanes have before the run begins; `at` is µs since then."""
    rng = Random(f"{plan.seed}\nwords\n{PROMPT}")  # noqa: S311 (it imitates, it protects nothing)
    number = 0
    for number, delta in enumerate(_words(plan.tokens, rng), 1):
        yield encode(Text(1, delta), number, _instant(number, plan.rate))
    yield encode(End("stop"), number + 1, _instant(number + 1, plan.rate))


def _words(tokens: int, rng: Random) -> Iterator[str]:
    if tokens:
        return iter(sim_text.answer(PROMPT, tokens, rng))
    return (word for _ in count() for word in sim_text.answer(PROMPT, ANSWER_TOKENS, rng))


def _instant(number: int, rate: float) -> int:
    return round(number * 1e6 / rate)
