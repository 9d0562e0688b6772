"""How a stream fares at this moment, at a cost that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .events import Audio, End, Entry, Error, Reasoning
from .metrics import code_points, delta, estimate, is_content

RATE_US = 5_000_000
"""The time over which a rate of now is taken, µs."""

LEAST_US = 1_000_000
"""A rate over less than this says nothing, µs."""


def phase(entries: Sequence[Entry]) -> str:
    """The phase a stream is in: `waiting`, `reasoning`, `answering`, `done`, `stopped`, `cut off`, `failed`."""
    last = entries[-1].event if entries else None
    if isinstance(last, Error):
        return "failed"
    if isinstance(last, End):
        return {"cancelled": "stopped", "superseded": "stopped", "truncated": "cut off"}.get(last.reason, "done")
    newest = next(filter(is_content, reversed(entries)), None)
    if newest is None:
        return "waiting"
    return "reasoning" if isinstance(newest.event, Reasoning) else "answering"


def rate(entries: Sequence[Entry], now: int) -> float | None:
    """Tokens a second over the last seconds, estimated; None as long as content came for less than a second.

    Parameters
    ----------
    entries : of a stream that runs.
    now : µs since its attempt began.
    """
    first = next(filter(is_content, entries), None)
    if first is None or now - first.at < LEAST_US:
        return None
    recent = list(_recent(entries, now))
    characters = sum(code_points(delta(e)) for e in recent if not isinstance(e.event, Audio))
    return estimate(len(recent), characters) * 1e6 / min(RATE_US, now - first.at)


def _recent(entries: Sequence[Entry], now: int) -> Iterator[Entry]:
    """The content of the last seconds, the newest first."""
    for entry in reversed(entries):
        if entry.at < now - RATE_US:
            return
        if is_content(entry):
            yield entry
