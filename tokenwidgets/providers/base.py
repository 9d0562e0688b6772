"""What a provider is to the hub: something that runs one request into a sink."""

from __future__ import annotations

from typing import Literal, Protocol

from ..events import Event
from ..request import Request

Direction = Literal["in", "out"]


class Sink(Protocol):
    """Where one attempt's events and frames go. The hub owns it."""

    def now(self) -> int:
        """µs since the first attempt began, before DNS and connect."""
        ...

    def emit(self, event: Event, at: int | None = None) -> None:
        """Journal an event read at `at` µs (default: now)."""
        ...

    def frame(self, data: bytes, at: int, direction: Direction = "in") -> None:
        """Keep bytes as they travelled, for the inspector and recordings; bounded, and never with a key in them."""
        ...


class Provider(Protocol):
    """One host, ready to be called."""

    async def run(self, request: Request, sink: Sink) -> None:
        """Call the model and emit all that comes, the terminal event last; a call that failed before any content may be made again.

        The hub adds the terminal event where a provider returns or raises without one. Cancelling the task is how a stream is
        stopped: it must close the upstream connection and let `CancelledError` pass.
        """
        ...
