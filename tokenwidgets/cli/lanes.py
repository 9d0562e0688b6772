"""Lanes of a race in a terminal: one line each, drawn again as the answers come."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TextIO

from ..comparison import Lane
from ..figures import line
from ..markup import clean
from ..races import Race

EVERY_SECONDS = 0.1
"""Lines change no oftener."""


def watch(race: Race, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
    """Draw a race until it is over, then its verdict. An interrupt stops it; its lanes as they ended are drawn all the same.

    Parameters
    ----------
    race : that runs.
    out : a terminal.
    clock : seconds; a seam.
    """
    out.write("\n" * len(race.lanes))
    due = clock()
    try:
        with race.stopped_by_interrupt():  # which may come while the lanes are drawn
            for _ in race:
                if clock() >= due:
                    _draw(race, out)
                    due = clock() + EVERY_SECONDS
    finally:
        _draw(race, out)
        out.write(f"{clean(race.verdict)}\n")
        out.flush()


def _draw(race: Race, out: TextIO) -> None:
    width = shutil.get_terminal_size().columns - 1
    lines = "".join(f"\x1b[K{_words(lane, width)}\n" for lane in race.lanes)
    out.write(f"\x1b[{len(race.lanes)}F{lines}")
    out.flush()


def _words(lane: Lane, width: int) -> str:
    """A lane in one line: its figures, and while it runs the end of what it said."""
    head = clean(f"{lane.label}: {lane.outcome} · {line(lane.figures)}")
    said = "" if lane.result.done else clean(" ".join(lane.result.text.split()))
    room = max(0, width - len(head) - 3)
    return f"{head} · {said[-room:]}" if said and room else head[:width]
