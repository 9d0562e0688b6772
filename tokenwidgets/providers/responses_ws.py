"""A provider behind a WebSocket: OpenAI's Responses in their WebSocket mode (wire-formats section 2.6).

A request that goes on from an earlier answer sends only what is new, over the connection whose server still holds the rest. Stop closes
the connection, since no frame cancels a response.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed

from ..dialects import messages, responses_request
from ..dialects.base import Dialect, Profile
from ..events import CONTENT, End, Error, Event, Notice
from ..request import Request
from ..turn import turn
from .base import Sink
from .http import connection_error
from .key_filter import KeyFilter
from .keys import Secret
from .responses_pool import Line, Place, ResponsesPool, now
from .retry import Retrying
from .timeline import Timeline
from .watchdogs import Deadline, Watchdogs
from .websocket import UpgradeRefused

_STREAM = "response"
"""Name of the one stream that a connection has at a time."""

_OWN_STATE = ("previous_response_id", "conversation")
"""Fields of `options.extra` with which a caller says what to go on from; what is held then is not known here."""


class ResponsesSocketProvider:
    """Calls a model over a WebSocket that serves many requests, one after the other.

    Parameters
    ----------
    dialect, profile : the same wire format over HTTP, which says what the key's header and a refused connection are; the host's quirks.
    place, key : whom to call; the key is sent in the dialect's own header when a connection is opened, kept nowhere else.
    pool : the connections.
    watchdogs : when to give up on a silent provider.
    retrying : when to try again.
    """

    def __init__(
        self,
        dialect: Dialect,
        profile: Profile,
        place: Place,
        key: Secret | None,
        pool: ResponsesPool,
        watchdogs: Watchdogs,
        retrying: Retrying | None = None,
    ) -> None:
        self.dialect = dialect
        self.profile = profile
        self.place = place
        self.key = key
        self.pool = pool
        self.watchdogs = watchdogs
        self.retrying = retrying or Retrying()

    async def run(self, request: Request, sink: Sink) -> None:
        """See `Provider.run`."""
        asked = _Asked.of(request, responses_request.body(request, self.profile))
        await self.retrying.run(request, sink, lambda attempt, number: self._attempt(asked, attempt))

    async def _attempt(self, asked: _Asked, sink: Sink) -> None:
        timeline = Timeline(sink, self.pool.clock, KeyFilter(self.key))
        try:
            line = self.pool.take(self.place, asked.beginnings)
            if line is None or not await self._serve(line, asked, timeline, reused=True):
                headers = self.dialect.headers(self.key.reveal() if self.key else None)
                line = await self.pool.dial(self.place, headers, self.profile)
                await self._serve(line, asked, timeline, reused=False)
        except UpgradeRefused as e:
            body = timeline.keys.whole(e.body)
            sink.frame(body, sink.now())
            timeline.emit_all([self.dialect.failure(e.status, e.headers, body)])
        except (httpx.HTTPError, httpx.InvalidURL) as e:
            sink.emit(connection_error(e, self.place.base_url))

    async def _serve(self, line: Line, asked: _Asked, timeline: Timeline, reused: bool) -> bool:
        """Carry a request out over a connection; whether it did: a kept one may turn out to have been closed by its server meanwhile."""
        keep = False
        try:
            if reused and not await line.ready():
                return False
            exchange = await self._exchange(line, asked, timeline, reused)
            if reused and exchange.unheard:
                return False
            keep = exchange.conclude(asked)
        finally:
            if keep:
                self.pool.give(line)
            else:
                await line.socket.aclose()
        return True

    async def _exchange(self, line: Line, asked: _Asked, timeline: Timeline, reused: bool) -> _Exchange:
        """Ask, and ask for all of it where the server has forgotten what it held."""
        exchange = _Exchange(line, timeline, self.watchdogs)
        if not reused:
            timeline.emit_all(self.dialect.head(line.socket.headers))
        phases = {} if reused else {name: timeline.at(instant) for name, instant in line.socket.instants.items()}
        await exchange.ask(asked, line.held(asked.beginnings), {**phases, "reused": reused})
        if exchange.forgotten:
            await exchange.ask(asked, 0, {"reused": True})
        return exchange


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request.

    Parameters
    ----------
    items : how many input items it makes.
    beginnings : digests of its first items: of none, of one, … of all; empty where the caller says what to go on from.
    """

    request: Request
    items: int
    beginnings: list[bytes]

    @classmethod
    def of(cls, request: Request, body: Mapping[str, Any]) -> _Asked:
        own = any(name in body for name in _OWN_STATE)
        return cls(request, len(body["input"]), [] if own else _beginnings(request.model, body["input"]))

    def answered(self, said: list[Event]) -> list[bytes]:
        """The digests of the conversation that it is with its answer."""
        conversation = [*self.request.messages, turn(said)]
        return _beginnings(self.request.model, responses_request.input_items(conversation)) if self.beginnings else []


def _beginnings(model: str, items: list[dict[str, Any]]) -> list[bytes]:
    digest = sha256(model.encode())
    out = [digest.digest()]
    for item in items:
        digest.update(messages.call("", item, {}).body)
        out.append(digest.digest())
    return out


class _Exchange:
    """One request over a connection. Its ending is held back, since another try may take its place.

    Attributes
    ----------
    unheard : the connection closed before anything came.
    """

    def __init__(self, line: Line, timeline: Timeline, watchdogs: Watchdogs) -> None:
        self.unheard = False
        self._line = line
        self._timeline = timeline
        self._watchdogs = watchdogs
        self._held = 0
        self._heard = 0
        self._said: list[Event] = []
        self._ending: tuple[End | Error, int] | None = None

    @property
    def forgotten(self) -> bool:
        """The server does not hold any more what the request goes on from."""
        ending = self._ending[0] if self._ending else None
        shown = any(isinstance(event, CONTENT) for event in self._said)
        return self._held > 0 and isinstance(ending, Error) and ending.code == "not_found" and not shown

    async def ask(self, asked: _Asked, held: int, phases: Mapping[str, Any]) -> None:
        """Send the request, without the items that the server holds, and journal what comes up to its ending."""
        protocol, sink = self._line.protocol, self._timeline.sink
        self._held, self._ending = held, None
        message = protocol.create(_STREAM, asked.request, now(), after=protocol.newest() if held else None, held=held)
        try:
            await self._line.socket.send(message)
        except ConnectionClosed:
            self._closed()
            return
        at = sink.now()
        sink.frame(message, at, "out")
        told = {**phases, "sent": at, "continued": held > 0, "items_sent": asked.items - held, "items": asked.items}
        sink.emit(Notice("connection", told), at)
        await self._answer()

    async def _answer(self) -> None:
        deadline = Deadline(self._watchdogs)
        while self._ending is None:
            try:
                async with asyncio.timeout_at(deadline.at()):
                    data, instant = await self._line.socket.recv()
            except TimeoutError:
                self._take([deadline.error()])
            except ConnectionClosed:
                self._closed()
            else:
                deadline.saw(self._read(data, self._timeline.at(instant)))

    def _read(self, data: bytes, at: int) -> list[Event]:
        self._heard += 1
        data = self._timeline.keys.whole(data)
        self._timeline.sink.frame(data, at)
        return self._take((event for _, event in self._line.protocol.receive(data)), at)

    def _closed(self) -> None:
        self.unheard = self._heard == 0
        self._take(event for _, event in self._line.protocol.close(self._line.socket.close_code))

    def _take(self, events: Iterable[Event], at: int | None = None) -> list[Event]:
        """Journal events, without the ending."""
        sink, struck = self._timeline.sink, self._timeline.keys.events(events)
        for event in struck:
            if isinstance(event, End | Error):
                self._ending = event, sink.now() if at is None else at
            else:
                sink.emit(event, at)
                self._said.append(event)
        return struck

    def conclude(self, asked: _Asked) -> bool:
        """Journal the ending; whether the connection can take further requests."""
        assert self._ending is not None  # noqa: S101 (what `ask` waits for)
        event, at = self._ending
        if isinstance(event, End):
            conversation = asked.answered(self._said)
            self._line.items, self._line.digest = max(0, len(conversation) - 1), b"".join(conversation[-1:])
        self._timeline.sink.emit(event, at)
        return isinstance(event, End) and self._line.usable
