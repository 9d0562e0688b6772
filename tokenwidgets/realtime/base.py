"""What the provider of voice sessions is to the hub."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ..providers.base import Sink
from ..request import Request
from .inbox import Inbox

MICROPHONE = 0
"""The block of the user's own sound, and of what is said in writing; the hub journals both. Providers number theirs from 1: an utterance
of the user's, an answer, a call have one each."""


@runtime_checkable
class RealtimeProvider(Protocol):
    """One host, ready for a session.

    What it journals, per turn:

    * `Speech("started")`, `Speech("stopped")` with `since`, where it finds turns itself; the user's `Transcript` in a block of its own;
    * the answer's `Audio` and `Transcript` of role "assistant" in one block, or `Text` where it is written; `Tool` calls as in any stream;
    * `Speech("interrupted")` when speech, or an `Interrupt`, ended an answer;
    * `Usage` where it is told, and at last `Notice("turn", {"status": …})`: `completed`, `cancelled`, `incomplete` or `failed`, then with
      a `message`.

    `Notice("session", {…})` tells what the session is (`voice`, `rates`, `expires_at`, `parts`) once it is known, and when that changes.
    """

    async def converse(self, request: Request, sink: Sink, inputs: Inbox) -> None:
        """Hold a session: emit all that comes, the terminal event last. Cancelling the task is how a session is closed: it must close
        the upstream connection and let `CancelledError` pass. The user's sound is journalled by the hub.
        """
        ...
