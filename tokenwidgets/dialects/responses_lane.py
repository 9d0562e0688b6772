"""One lane of a Responses socket: whose turn it is (wire-formats section 2.6)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Error, Event
from .responses_decoder import ResponsesDecoder
from .untrusted import mapping, string

_BEGINS = ("response.created", "response.queued")


@dataclass(slots=True)
class Turn:
    """One response of a stream.

    Parameters
    ----------
    stream : whose response it is.
    decoder : reads its frames.
    after : id of the response that it continues.
    id : its own id, once it has begun.
    steers : inputs that wait to become this response, while it is a successor.
    """

    stream: str
    decoder: ResponsesDecoder
    after: str | None = None
    id: str = ""
    steers: int = 0


@dataclass(slots=True)
class Lane:
    """Responses that follow one another.

    Parameters
    ----------
    turns : in the order of their requests; the first one's frames come now.
    successors : by the id of the response that was steered: what the server will begin by itself.
    newest : id of the response the server holds in memory for this lane.
    failed : the last response ended with an error, and the next one has not begun: what comes now is about the last one.
    """

    turns: deque[Turn] = field(default_factory=deque)
    successors: dict[str, Turn] = field(default_factory=dict)
    newest: str | None = None
    failed: bool = False
    _ended: str = ""

    def turn(self, kind: str, raw: Mapping[str, Any]) -> Turn | None:
        """The turn a frame belongs to; None for one that comes after its response's end, such as a failed response after its error."""
        response = mapping(raw.get("response"))
        response_id = string(response.get("id"))
        if response_id and response_id == self._ended:
            return None
        if kind in _BEGINS:
            self.failed = False
            self._succeed(string(response.get("previous_response_id")))
        elif self.failed and kind != "error":
            return None
        turn = self.turns[0] if self.turns else None
        if turn and not turn.id:
            turn.id = response_id
        return turn

    def _succeed(self, parent: str) -> None:
        """Put a successor first when it is what begins. An explicit request that continues the same response goes before it."""
        head = self.turns[0] if self.turns else None
        if head is None and parent not in self.successors:
            parent = next(iter(self.successors), "")
        if parent in self.successors and (head is None or head.after != parent):
            self.turns.appendleft(self.successors.pop(parent))

    def settle(self, events: list[Event]) -> None:
        """Take note of what the first turn's events say of its end."""
        turn = self.turns[0]
        if not turn.decoder.done:
            return
        self.turns.popleft()
        self._ended = turn.id
        self.failed = isinstance(events[-1], Error)
        if not self.failed:
            self.newest = turn.id or None
        elif turn.after == self.newest:
            self.newest = None  # the server forgets what a failed request continued

    def all(self) -> list[Turn]:
        """Every turn that has not ended."""
        return [*self.turns, *self.successors.values()]

    def remove(self, turn: Turn) -> None:
        """Forget a turn that was ended from outside."""
        if turn in self.turns:
            self.turns.remove(turn)
        self.successors = {k: v for k, v in self.successors.items() if v is not turn}
