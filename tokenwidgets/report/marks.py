"""How contenders are told apart: a transport has the mark and the colour that it has everywhere, any other a letter and a hue."""

from __future__ import annotations

from ..card import TRANSPORTS
from ..comparison import TRANSPORT_WORDS
from ..race_card import HUES, LETTERS

DASHES = ("", "6 3", "2 2")
"""Of curves that share a hue, of which there are fewer than contenders."""

_WAYS = {words: name for name, words in TRANSPORT_WORDS.items()}


def letter(place: int) -> str:
    """What an arm is called for short."""
    return LETTERS[place % len(LETTERS)]


def hue(place: int) -> str:
    """An arm's colour."""
    return HUES[place % len(HUES)]


def dash(place: int) -> str:
    """How its curve is dashed."""
    return DASHES[place // len(HUES) % len(DASHES)]


def mark(label: str, place: int) -> tuple[str, str]:
    """The sign and the colour of a contender.

    Parameters
    ----------
    label : what it is called; a transport is known by it.
    place : among the contenders.
    """
    way = TRANSPORTS.get(_WAYS.get(label, ""))
    return (way.mark, way.colour) if way else (letter(place), hue(place))
