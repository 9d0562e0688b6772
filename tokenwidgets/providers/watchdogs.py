"""When a provider counts as hung."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..events import CONTENT, Error, Event, Stage

FINISH_SECONDS = 1.0
"""Longest wait for usage and the end marker after the finish frame."""


@dataclass(frozen=True, slots=True)
class Watchdogs:
    """Two ways a stream can hang, in seconds.

    Parameters
    ----------
    idle : longest time without any byte, keep-alives included.
    progress : longest time without content; keep-alives do not count.
    """

    idle: float = 300.0
    progress: float = 900.0


class Deadline:
    """The next instant (loop time) at which a stream counts as hung, and why."""

    def __init__(self, watchdogs: Watchdogs) -> None:
        self._watchdogs = watchdogs
        self._progress_from = self._now()
        self._finish_by: float | None = None
        self._hung = ""

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def saw(self, events: list[Event]) -> None:
        """Something came; content counts as progress."""
        if any(isinstance(e, CONTENT) for e in events):
            self._progress_from = self._now()

    def at(self, finishing: bool = False) -> float:
        """The instant, if nothing comes from now on; after a finish frame there is little more to wait for."""
        if finishing:
            self._finish_by = self._finish_by or self._now() + FINISH_SECONDS
            return self._finish_by
        self._finish_by = None
        idle = self._now() + self._watchdogs.idle
        progress = self._progress_from + self._watchdogs.progress
        self._hung = "idle" if idle <= progress else "progress"
        return min(idle, progress)

    def error(self) -> Error:
        """What is said when the instant of the last `at` has passed."""
        if self._hung == "idle":
            return silent("sent nothing", self._watchdogs.idle, "stream")
        return silent("sent keep-alives but no content", self._watchdogs.progress, "stream")


def silent(what: str, seconds: float, stage: Stage) -> Error:
    """The error of a provider that was given up on."""
    return Error("timeout", f"The provider {what} for {seconds:g} s, so the connection was closed.", stage=stage, retryable=True)
