"""What was said in a session, as its text model is told it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .said import Said

MEMORY_CHARS = 200_000
"""The most of it that is told, unless a voice has a smaller memory; what is older is left out."""


class History:
    """Messages, and answers that may still grow or be cut.

    Parameters
    ----------
    messages : what was said before the session.
    limit : see `MEMORY_CHARS`.
    """

    def __init__(self, messages: Iterable[Mapping[str, Any]], limit: int = MEMORY_CHARS) -> None:
        self._turns: list[Mapping[str, Any] | Said] = list(messages)
        self._limit = limit
        self._first = 0

    def user(self, text: str, images: Iterable[str] = ()) -> None:
        """The user said something."""
        parts: list[Mapping[str, Any]] = [{"type": "image_url", "image_url": {"url": url}} for url in images]
        self._turns.append({"role": "user", "content": [*parts, {"type": "text", "text": text}] if parts else text})

    def answer(self, said: Said) -> None:
        """An answer begins."""
        self._turns.append(said)

    def result(self, call: str, output: str) -> bool:
        """A tool gave something back; False where no answer made that call."""
        said = next((turn for turn in reversed(self._turns) if isinstance(turn, Said) and turn.called(call)), None)
        if said is not None:
            said.results[call] = output
        return said is not None

    def cut(self, block: int, played_ms: float) -> None:
        """Of the answer in `block` only so much was heard."""
        for turn in self._turns:
            if isinstance(turn, Said) and turn.block == block:
                turn.cut(played_ms)

    def messages(self) -> tuple[Mapping[str, Any], ...]:
        """The newest of it, whole turns, of which the last is always told.

        Where it has become too much, half of it is left out at once: as long as it begins alike, a text model need not read it anew.
        """
        told = [turn.messages() if isinstance(turn, Said) else [turn] for turn in self._turns[self._first :]]
        if _chars(told) > self._limit:
            while len(told) > 1 and _chars(told) > self._limit // 2:
                del told[0]
                self._first += 1
        return tuple(message for turn in told for message in turn)


def _chars(told: Iterable[Iterable[Mapping[str, Any]]]) -> int:
    return sum(len(str(message.get("content"))) for turn in told for message in turn)
