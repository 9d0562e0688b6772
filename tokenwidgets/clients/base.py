"""What a kernel needs of the place where streams live, be it a Jupyter server or the kernel itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..errors import TokenwidgetsError
from ..events import Entry
from ..realtime.inputs import Input
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


class Batch(list[Entry]):
    """Events that came to a reader together.

    Parameters
    ----------
    entries : the events.
    sent : when they were written to this reader, µs of the stream's clock; None where nobody says.
    read : when they were read, before parsing, ns of `time.perf_counter_ns`.
    """

    def __init__(self, entries: Iterable[Entry], sent: int | None, read: int) -> None:
        super().__init__(entries)
        self.sent = sent
        self.read = read


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment as a server tells it, and when it was asked for and answered by this process' clock; all in µs.

    Parameters
    ----------
    asked, answered : of `time.perf_counter_ns`.
    at : of the stream's clock.
    now : of the server's own, which all its streams share.
    """

    asked: float
    at: int
    now: int
    answered: float


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


class TimedReader(Reader, Protocol):
    """One whose link and clock can be measured."""

    def attach(self, stream: str, after: int) -> AsyncIterator[Batch]:
        """See `Reader.attach`; tells when events were written and read."""
        ...

    async def clock(self, stream: str) -> Instant:
        """Ask what a stream's clock says, over this reader's own kind of connection. Raises like `attach`."""
        ...


class Gateway(Protocol):
    """Where streams are started and live. Every method raises `Refused` for what cannot be done and `Disconnected` for what is away."""

    place: Place
    why: str

    async def start(self, request: Mapping[str, Any]) -> Started:
        """Begin a generation."""
        ...

    async def input(self, stream: str, given: Sequence[Input]) -> None:
        """Give a voice session inputs."""
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

    def reader_over(self, transport: str) -> TimedReader | None:
        """The way of that name; None where this process does not read so."""
        ...
