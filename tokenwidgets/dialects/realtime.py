"""What a dialect of voice sessions is: one wire format, both ways at once, without I/O.

Like the dialects of text streams it imports no asyncio, socket, time or ssl. Any frames at all give events, never an exception; a session
outlives its connections, and ends once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..events import End, Error, Event, Notice
from ..realtime.inputs import Input
from ..request import Request

RECOVERABLE = (None, 1001, 1005, 1006, 1011, 1012, 1013)
"""Close codes after which a session may go on over another connection: the peer, or the way to it, was lost (RFC 6455, section 7.4)."""


@dataclass(slots=True)
class Step:
    """What follows from an input or a frame.

    Parameters
    ----------
    events : to be journalled.
    frames : to be sent.
    """

    events: list[Event] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)


class RealtimeWire(Protocol):
    """One session. Instants are µs of the stream's clock."""

    ready: bool
    """The provider has said that it is there: inputs can be said on this connection."""

    renew: bool
    """This connection is to be closed and another one opened, on which the session goes on."""

    call: str
    """The provider's call in which the user speaks with it; the next connection only listens there. Empty where there is none."""

    @property
    def waiting(self) -> bool:
        """Whether the provider owes something: its readiness, or an answer's end."""
        ...

    def opening(self) -> list[bytes]:
        """A connection has been opened: what is sent on it first."""
        ...

    def say(self, given: Input, at: int) -> Step:
        """An input in the provider's words. Not before `ready`."""
        ...

    def receive(self, frame: bytes, at: int) -> Step:
        """What a frame means that was read at `at`."""
        ...

    def missed(self, why: str) -> list[Event]:
        """The call cannot be listened to: the next connection is one of the session's own."""
        ...

    def closed(self, code: int | None, reason: str) -> list[Event]:
        """The connection is closed: the session's terminal event is the last, unless it goes on over another connection.

        Parameters
        ----------
        code, reason : of the close frame; None where none came.
        """
        ...


class RealtimeDialect(Protocol):
    """One wire format of voice sessions."""

    name: str

    def url(self, base_url: str, model: str, call: str = "") -> str:
        """Where a session is held, or a call is listened to."""
        ...

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The headers that carry the key."""
        ...

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Error:
        """What an answer means that opens no WebSocket."""
        ...

    def head(self, headers: Mapping[str, str]) -> list[Notice]:
        """What the head of a good answer says: rate limits, ids."""
        ...

    def wire(self, request: Request) -> RealtimeWire:
        """A session that has not begun.

        Raises
        ------
        Refused : the request cannot be said in this format.
        """
        ...


def fault(message: str, code: str = "bad_request") -> Notice:
    """Something went wrong, and the session goes on."""
    return Notice("fault", {"code": code, "message": message})


def turned(status: str, message: str = "") -> Notice:
    """An answer has ended."""
    return Notice("turn", {"status": status, **({"message": message} if message else {})})


def lost(code: int | None, reason: str) -> End | Error:
    """What a connection's end means that nothing else explains."""
    if code == 1000:
        return End("stop", raw=reason or None)
    told = f" (close code {code}{': ' + reason if reason else ''})" if code else ""
    return Error("connection", f"The provider broke the connection of the voice session{told}.", stage="close", retryable=True)


def told(**values: Any) -> dict[str, Any]:
    """Those that are known."""
    return {name: value for name, value in values.items() if value not in (None, "", {}, [])}
