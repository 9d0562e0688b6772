"""A provider of voice sessions behind a WebSocket: one dialect spoken to one host, over as many connections as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from time import perf_counter_ns

import httpx
from websockets.exceptions import ConnectionClosed

from ..dialects.realtime import RealtimeDialect, RealtimeWire, Step
from ..events import TERMINAL, Event, Notice
from ..realtime.inbox import Inbox
from ..realtime.inputs import Input
from ..request import Request
from .base import Sink
from .http import connection_error
from .key_filter import KeyFilter
from .keys import Secret
from .retry import Retrying
from .timeline import Timeline
from .upstream import Clock
from .watchdogs import Watchdogs, silent
from .websocket import UpgradeRefused, WebSocket, dial

RENEWALS = 4
"""Attempts to open the next connection of a session that is under way."""


class RealtimeSocketProvider:
    """Holds voice sessions over a WebSocket. See `RealtimeProvider`.

    Parameters
    ----------
    dialect : the wire format.
    base_url : from configuration, never from a request.
    local : whether private and loopback addresses may be reached.
    key : sent in the dialect's own header, kept nowhere else.
    watchdogs : `idle` is the longest silence of a provider that owes an answer; while the user is silent it may be, too.
    retrying : when to try again to begin a session.
    clock : monotonic nanoseconds.
    """

    def __init__(
        self,
        dialect: RealtimeDialect,
        base_url: str,
        local: bool,
        key: Secret | None,
        watchdogs: Watchdogs,
        retrying: Retrying | None = None,
        clock: Clock = perf_counter_ns,
    ) -> None:
        self.dialect = dialect
        self.base_url = base_url
        self.local = local
        self.key = key
        self.watchdogs = watchdogs
        self.retrying = retrying or Retrying()
        self.clock = clock

    async def converse(self, request: Request, sink: Sink, inputs: Inbox) -> None:
        """See `RealtimeProvider.converse`."""
        await self.retrying.run(request, sink, lambda attempt, number: self._attempt(request, attempt, inputs))

    async def _attempt(self, request: Request, sink: Sink, inputs: Inbox) -> None:
        timeline = Timeline(sink, self.clock, KeyFilter(self.key))
        session = _Session(self.dialect.wire(request), timeline, inputs, self.watchdogs.idle)
        try:
            while not session.over:
                await self._connection(request, session, timeline)
        except UpgradeRefused as e:
            body = timeline.keys.whole(e.body)
            sink.frame(body, sink.now())
            timeline.emit_all([self.dialect.failure(e.status, e.headers, body)])
        except (httpx.HTTPError, httpx.InvalidURL) as e:
            sink.emit(connection_error(e, self.base_url))
        finally:
            session.close()

    async def _connection(self, request: Request, session: _Session, timeline: Timeline) -> None:
        """Open a connection and hold the session on it, as long as it lasts."""
        try:
            socket = await self._dialled(request, session)
        except (UpgradeRefused, httpx.HTTPError) as e:
            if not session.missed(_why(e)):
                raise
            return
        try:
            phases = {name: timeline.at(instant) for name, instant in socket.instants.items()}
            at = timeline.sink.now()
            timeline.sink.emit(Notice("connection", {**phases, "sent": at, "reused": False}), at)
            timeline.emit_all(self.dialect.head(socket.headers))
            await session.hold(socket)
        finally:
            await socket.aclose()

    async def _dialled(self, request: Request, session: _Session) -> WebSocket:
        """A connection; for a session that is under way it is tried for more than once, since whatever cut it may last."""
        url = self.dialect.url(self.base_url, request.name, session.call)
        headers = self.dialect.headers(self.key.reveal() if self.key else None)
        for failed in range(1, RENEWALS if session.begun else 1):
            try:
                return await dial(url, headers, self.local, self.clock)
            except httpx.HTTPError:
                await self.retrying.sleep(self.retrying.backoff(failed))
        return await dial(url, headers, self.local, self.clock)


class _Session:
    """Carries both directions, in one task: whatever comes first, an input or a frame.

    Attributes
    ----------
    over : the terminal event was given.
    begun : a connection was ready once.
    """

    def __init__(self, wire: RealtimeWire, timeline: Timeline, inputs: Inbox, idle: float) -> None:
        self.over = False
        self.begun = False
        self._wire = wire
        self._timeline = timeline
        self._inputs = inputs
        self._idle = idle
        self._given: asyncio.Task[Input] | None = None
        self._silent_from: float | None = None

    @property
    def call(self) -> str:
        """See `RealtimeWire.call`."""
        return self._wire.call

    def missed(self, why: str) -> bool:
        """The next connection cannot be opened; whether the session goes on over another all the same."""
        if self.call:
            self._emit(self._wire.missed(why))
            return True
        return False

    async def hold(self, socket: WebSocket) -> None:
        """Hold the session on a connection, up to its end, or until another one is asked for."""
        await self._send(socket, self._wire.opening())
        heard = asyncio.create_task(socket.recv())
        try:
            while not self.over and not self._wire.renew:
                waits = {heard, self._next_input()} if self._wire.ready else {heard}
                done, _ = await asyncio.wait(waits, timeout=self._patience(), return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    self._emit([silent("sent nothing", self._idle, "stream")])
                if heard in done:
                    await self._hear(socket, heard)
                    heard = asyncio.create_task(socket.recv())
                elif done:
                    await self._say(socket)
        finally:
            await _settled(heard)

    def _next_input(self) -> asyncio.Task[Input]:
        """The input that is waited for; it is kept from one connection to the next."""
        if self._given is None:
            self._given = asyncio.create_task(self._inputs.take())
        return self._given

    def _patience(self) -> float | None:
        """Seconds for which the provider may still be silent; None as long as it owes nothing."""
        now = asyncio.get_running_loop().time()
        if not self._wire.waiting:
            self._silent_from = None
            return None
        if self._silent_from is None:
            self._silent_from = now
        return max(0.0, self._silent_from + self._idle - now)

    async def _hear(self, socket: WebSocket, heard: asyncio.Task[tuple[bytes, int]]) -> None:
        """A frame, or the end of the connection."""
        self._silent_from = None
        try:
            data, instant = heard.result()
        except ConnectionClosed:
            self._emit(self._wire.closed(socket.close_code, socket.close_reason))
            return
        at = self._timeline.at(instant)
        data = self._timeline.keys.whole(data)
        self._timeline.sink.frame(data, at)
        await self._do(socket, self._wire.receive(data, at), at)
        self.begun = self.begun or self._wire.ready

    async def _say(self, socket: WebSocket) -> None:
        """The input that came."""
        given, self._given = self._next_input(), None
        at = self._timeline.sink.now()
        await self._do(socket, self._wire.say(given.result(), at), at)

    async def _do(self, socket: WebSocket, step: Step, at: int) -> None:
        self._emit(step.events, at)
        await self._send(socket, step.frames)

    def _emit(self, events: Iterable[Event], at: int | None = None) -> None:
        events = list(events)
        self.over = self.over or any(isinstance(event, TERMINAL) for event in events)
        self._timeline.emit_all(events, at)

    async def _send(self, socket: WebSocket, frames: list[bytes]) -> None:
        for frame in frames:
            try:
                await socket.send(frame)
            except ConnectionClosed:
                return  # which is the next that is heard
            self._timeline.sink.frame(frame, self._timeline.sink.now(), "out")

    def close(self) -> None:
        """Take no more inputs."""
        if self._given is not None:
            self._given.cancel()


def _why(error: UpgradeRefused | httpx.HTTPError) -> str:
    return f"the host answered {error.status}." if isinstance(error, UpgradeRefused) else "the host cannot be reached."


async def _settled(task: asyncio.Task[tuple[bytes, int]]) -> None:
    """End a task whose outcome nobody waits for."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
