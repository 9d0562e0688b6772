"""Trying again: after which failures, how often, and how long to wait before it.

The rules are those of the vendors' own SDKs (wire-formats, section 0.3). An attempt that has shown something is never repeated: what
was shown would be said twice, and billed twice. The clock of the stream goes on from attempt to attempt.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..events import End, Error, Event, Notice, Usage
from ..request import Request
from .base import Sink
from .pace import Sleep

RETRIES = 2
"""Further attempts, unless a request says how many (`retries`)."""

FIRST_SECONDS = 0.5
"""Wait before the second attempt; before each further one it is doubled."""

LONGEST_SECONDS = 8.0
"""Longest wait, where the provider asks for none."""

JITTER = 0.25
"""The share by which chance may shorten a wait, so that many clients do not come back at once."""

HONOURED_SECONDS = 60.0
"""Longest wait that a provider may ask for; a failure that asks for a longer one ends the stream, and says so."""

PREFACE = ("connection", "served", "rate_limits", "provider", "moderation", "model_loading")
"""Notices that come before an answer and can come again; a server's tool, for one, is not called twice."""

CUT = Error("connection", "The provider broke the connection before an answer came.", retryable=True)
"""What an answer is that was cut before its first content."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """When to try again.

    Parameters
    ----------
    first, longest : seconds to wait before the second attempt, and at most.
    chance : numbers from 0 to 1.
    sleep : waits some seconds.
    """

    first: float = FIRST_SECONDS
    longest: float = LONGEST_SECONDS
    chance: Callable[[], float] = random.random
    sleep: Sleep = asyncio.sleep

    def wait(self, error: Error, failed: int) -> float | None:
        """Seconds from the `failed`-th attempt (the first is 1) to the next; None where there is to be none."""
        if not error.retryable or (error.retry_after or 0) > HONOURED_SECONDS:
            return None
        return error.retry_after or self.backoff(failed)

    def backoff(self, failed: int) -> float:
        """Seconds to wait where the provider asks for no pause."""
        return float(min(self.first * 2 ** (failed - 1), self.longest)) * (1 - JITTER * self.chance())

    async def run(self, request: Request, sink: Sink, attempt: Callable[[Sink, int], Awaitable[None]]) -> None:
        """Make attempts until one gives an ending that stays.

        Parameters
        ----------
        request : its option `retries` is the number of attempts after the first.
        sink : of the whole stream; between two attempts it gets a notice `retry`.
        attempt : makes one, into the sink it is given; the first is 1.
        """
        of = 1 + request.options.get("retries", RETRIES)
        for number in range(1, of + 1):
            trial = _Attempt(sink, number, of, self)
            await attempt(trial, number)
            if trial.retry is None:
                return
            sink.emit(trial.retry)
            await self.sleep(trial.retry.data["wait"])


class _Attempt:
    """One attempt's sink: everything passes, except a failure before the first content that another attempt may mend."""

    def __init__(self, sink: Sink, number: int, of: int, retrying: Retrying) -> None:
        self.now = sink.now
        self.frame = sink.frame
        self.retry: Notice | None = None
        self._sink = sink
        self._number = number
        self._of = of
        self._retrying = retrying
        self._shown = False

    def emit(self, event: Event, at: int | None = None) -> None:
        self.retry = self._next(event)
        if self.retry is None:
            self._shown = self._shown or not _is_preface(event)
            self._sink.emit(event, at)

    def _next(self, event: Event) -> Notice | None:
        error = CUT if isinstance(event, End) and event.reason == "truncated" else event
        if self._shown or self._number == self._of or not isinstance(error, Error):
            return None
        wait = self._retrying.wait(error, self._number)
        return None if wait is None else _notice(error, self._number + 1, self._of, wait)


def _is_preface(event: Event) -> bool:
    return isinstance(event, Usage | End | Error) or (isinstance(event, Notice) and event.kind in PREFACE)


def _notice(error: Error, attempt: int, of: int, wait: float) -> Notice:
    status = {} if error.status is None else {"status": error.status}
    said = {"attempt": attempt, "of": of, "wait": round(wait, 3), "code": error.code, "message": error.message}
    return Notice("retry", {**said, **status})
