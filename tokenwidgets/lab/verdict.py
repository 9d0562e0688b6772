"""What a run shows of a prediction, in a sentence. Pure.

Stalls of two lanes are told apart where their numbers differ by more than chance would let two lanes differ that stall alike: McNemar's
test with the correction for continuity, at 5 %. It is a word on one run, with this link and this seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from .names import NAMES, capital
from .rows import Row

NONE, SKIPPED = "none", "skipped"
"""Predictions that name no lane: none stalls more than another; none is made."""

LEAST_TOKENS = 20
"""Fewer tell nothing."""


def differ(a: int, b: int) -> bool:
    """Whether two counts of stalls, over the same tokens, differ by more than chance."""
    return abs(a - b) - 1 > 1.96 * sqrt(a + b)


def verdict(rows: Sequence[Row], prediction: str) -> str:
    """The sentence; empty where too little was run, or nothing is to be compared."""
    compared = sorted((row for row in rows if not row.failed), key=lambda row: -row.stalls)
    if len(compared) < 2 or compared[0].tokens < LEAST_TOKENS:
        return ""
    top = [row for row in compared if row is compared[0] or not differ(compared[0].stalls, row.stalls)]
    return f"{_on(prediction, compared, top)}{_shown(compared, top)}"


def _on(prediction: str, compared: Sequence[Row], top: Sequence[Row]) -> str:
    said = NONE if len(top) == len(compared) else prediction if prediction in {row.lane for row in top} else ""
    if prediction in ("", SKIPPED):
        return ""
    if prediction == said:
        return "You were right. " if said == NONE or len(top) == 1 else "You may be right. "
    words = "that no lane stalls more than another" if prediction == NONE else NAMES[prediction]  # type: ignore[index]
    return f"You said {words}. "


def _shown(compared: Sequence[Row], top: Sequence[Row]) -> str:
    tokens = f"{compared[0].tokens:,} tokens"
    if compared[0].stalls == 0:
        return f"No difference shown: no lane stalled in {tokens}."
    if len(top) == len(compared):
        return f"No difference shown in {tokens}: stalls were {_counts(compared)}."
    rest = _counts([row for row in compared if row not in top])
    if len(top) == 1:
        return f"{capital(NAMES[top[0].lane])} stalled most: {_times(top[0].stalls)} in {tokens}; {rest}."
    return f"{capital(_counts(top))} stalls in {tokens}, no difference shown between them; {rest}."


def _counts(rows: Sequence[Row]) -> str:
    return ", ".join(f"{NAMES[row.lane]} {row.stalls:,}" for row in rows)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
