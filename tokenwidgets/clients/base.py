"""What a kernel needs of the place where streams live, be it a Jupyter server or the kernel itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..errors import TokenwidgetsError
from ..events import Entry
from ..recording import Frame

Place = Literal["server", "kernel"]


class Disconnected(TokenwidgetsError):
    """A connection ended or could not be made; attaching again may work."""


class Gone(Disconnected):
    """The place itself has ended, and its streams with it: attaching again will not work."""


@dataclass(frozen=True, slots=True)
class Started:
    """A stream that began: its id, and the model that was chosen for it."""

    id: str
    model: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a place by name, and how much of those is used that hold for all its streams together."""

    limits: Mapping[str, float]
    used: Mapping[str, int]


class Reader(Protocol):
    """One way to read streams."""

    transport: str

    def attach(self, stream: str, after: int) -> AsyncIterator[list[Entry]]:
        """The events behind `after`, over one connection: ends when that ends, with or without the terminal event.

        Raises
        ------
        Disconnected : there is no connection any more.
        Refused : there is no such stream for us.
        """
        ...

    async def aclose(self) -> None:
        """Close the connection."""
        ...


class Gateway(Protocol):
    """Where streams are started and live. Every method raises `Refused` for what cannot be done and `Disconnected` for what is away."""

    place: Place
    why: str

    async def start(self, request: Mapping[str, Any]) -> Started:
        """Begin a generation."""
        ...

    async def stop(self, stream: str) -> None:
        """Stop it; returns when the upstream is closed and the journal has ended."""
        ...

    async def snapshot(self, stream: str) -> Mapping[str, Any]:
        """What a stream is now."""
        ...

    async def wire(self, stream: str) -> list[Frame]:
        """Its upstream frames."""
        ...

    async def streams(self) -> list[Mapping[str, Any]]:
        """Snapshots of all our streams."""
        ...

    async def briefs(self) -> list[Mapping[str, Any]]:
        """The same without texts and figures."""
        ...

    async def limits(self) -> Limits:
        """What can grow, and how much of it is used."""
        ...

    async def models(self) -> list[Mapping[str, Any]]:
        """Every model that can be named now."""
        ...

    async def hosts(self) -> list[Mapping[str, Any]]:
        """Every host, and whether its key is present."""
        ...

    def reader(self) -> Reader:
        """The best way this process has to read streams."""
        ...
