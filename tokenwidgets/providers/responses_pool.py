"""Connections that outlive their responses, each with the conversation its server holds in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from time import perf_counter_ns

from websockets.exceptions import ConnectionClosed

from ..dialects.base import Profile
from ..dialects.responses_socket import ResponsesSocket
from .keys import Secret
from .upstream import Clock
from .websocket import WebSocket, dial

KEEP_SECONDS = 300.0
"""How long a connection is kept for the next request."""

KEPT = 4
"""How many connections to a place are kept, and so how many conversations it holds for us; the next one takes that of the oldest."""

KEPT_IN_ALL = 64
"""How many are kept to all places together."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whom a connection may serve: one host, with one key.

    Parameters
    ----------
    base_url : from configuration.
    local : whether private and loopback addresses may be reached.
    key : its digest.
    """

    base_url: str
    local: bool
    key: bytes

    @classmethod
    def of(cls, base_url: str, local: bool, key: Secret | None) -> Place:
        """The place where calls are made with this key."""
        return cls(base_url, local, sha256(key.reveal().encode()).digest() if key else b"")


@dataclass(eq=False, slots=True)
class Line:
    """One connection.

    Parameters
    ----------
    place : where it leads.
    socket, protocol : what it is sent over, and what is said on it.
    items : how many input items the conversation has that its server holds; 0 for none.
    digest : theirs.
    timer : ends its being kept.
    """

    place: Place
    socket: WebSocket
    protocol: ResponsesSocket
    items: int = 0
    digest: bytes = b""
    timer: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Whether it can take a request."""
        return self.socket.open and not self.protocol.must_renew(now())

    def held(self, beginnings: Sequence[bytes]) -> int:
        """How many of a request's items its server holds; 0 where it goes on from something else, or has nothing to add."""
        goes_on = 0 < self.items < len(beginnings) - 1 and beginnings[self.items] == self.digest
        return self.items if goes_on and self.protocol.newest() else 0

    async def ready(self) -> bool:
        """Take what came while no response was waited for; whether it still can take a request."""
        try:
            while self.socket.waiting:
                self.protocol.receive((await self.socket.recv())[0])
        except ConnectionClosed:
            return False
        return self.usable


def now() -> float:
    """Seconds of the event loop's clock."""
    return asyncio.get_running_loop().time()


class ResponsesPool:
    """Connections that no response is on. One that is has it to itself: closing the connection is the only way to cancel.

    Conversations have a connection each, not a lane each: only OpenAI documents lanes, and the memory of others is the connection's.

    Parameters
    ----------
    clock : monotonic nanoseconds.
    """

    def __init__(self, clock: Clock = perf_counter_ns) -> None:
        self.clock = clock
        self._kept: list[Line] = []
        self._closing: set[asyncio.Task[None]] = set()

    def take(self, place: Place, beginnings: Sequence[bytes]) -> Line | None:
        """A kept connection for a request: the one that holds most of its conversation, else the oldest where as many are kept as may be.

        Parameters
        ----------
        beginnings : digests of the request's first items: of none, of one, … of all.
        """
        for spent in [line for line in self._kept if not line.usable]:
            self._drop(spent)
        here = self._at(place)
        line = max(here, key=lambda line: line.held(beginnings), default=None)
        if line is None or not (line.held(beginnings) or len(here) >= KEPT):
            return None
        self._release(line)
        return line

    def _at(self, place: Place) -> list[Line]:
        """The oldest first, as `max` takes the first of equals."""
        return [line for line in self._kept if line.place == place]

    async def dial(self, place: Place, headers: Mapping[str, str], profile: Profile) -> Line:
        """A new connection. Raises like `websocket.dial`."""
        socket = await dial(f"{place.base_url}/responses", headers, place.local, self.clock)
        return Line(place, socket, ResponsesSocket(profile, now()))

    def give(self, line: Line) -> None:
        """Keep a connection, for a while."""
        line.timer = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._drop, line)
        self._kept.append(line)
        if len(here := self._at(line.place)) > KEPT:
            self._drop(here[0])
        elif len(self._kept) > KEPT_IN_ALL:
            self._drop(self._kept[0])

    def _release(self, line: Line) -> None:
        self._kept.remove(line)
        if line.timer:
            line.timer.cancel()

    def _drop(self, line: Line) -> None:
        self._release(line)
        task = asyncio.create_task(line.socket.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Close what is kept."""
        for line in list(self._kept):
            self._drop(line)
        await asyncio.gather(*self._closing)
