"""A provider behind HTTP: one dialect spoken to one host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

import httpx

from ..dialects.base import Decoder, Dialect, HttpCall, Profile
from ..events import End, Error, Event, Notice
from ..request import Request
from .base import Sink
from .key_filter import KeyFilter
from .keys import Secret
from .retry import Retrying
from .timeline import Timeline
from .upstream import AddressRefused, Clock, Phase, Response, Upstream
from .watchdogs import Deadline, Watchdogs, silent

READ_OUT_SECONDS = 0.25
"""Longest wait for a body's end after the end marker."""


class HttpProvider:
    """Calls a model over HTTP and decodes its stream.

    Parameters
    ----------
    dialect, profile : the wire format and the host's quirks.
    base_url : from configuration, never from a request.
    key : sent in the dialect's own header, kept nowhere else.
    upstream : the connections.
    watchdogs : when to give up on a silent provider.
    retrying : when to try again.
    """

    def __init__(
        self,
        dialect: Dialect,
        profile: Profile,
        base_url: str,
        key: Secret | None,
        upstream: Upstream,
        watchdogs: Watchdogs,
        retrying: Retrying | None = None,
    ) -> None:
        self.dialect = dialect
        self.profile = profile
        self.base_url = base_url
        self.key = key
        self.upstream = upstream
        self.watchdogs = watchdogs
        self.retrying = retrying or Retrying()

    async def run(self, request: Request, sink: Sink) -> None:
        """See `Provider.run`."""
        call = self.dialect.encode(request, self.profile)
        await self.retrying.run(request, sink, lambda attempt, number: self._attempt(call, attempt))

    async def _attempt(self, call: HttpCall, sink: Sink) -> None:
        timeline = _HttpTimeline(sink, self.upstream.clock, KeyFilter(self.key))
        try:
            async with self._opened(call, timeline) as response:
                await self._answer(response, timeline)
        except TimeoutError:
            sink.emit(silent("sent no answer", self.watchdogs.idle, "http"))
        except (httpx.HTTPError, httpx.InvalidURL) as e:
            sink.emit(connection_error(e, self.base_url))

    @asynccontextmanager
    async def _opened(self, call: HttpCall, timeline: _HttpTimeline) -> AsyncIterator[Response]:
        """The call's response, within the idle time; the body has its own watchdogs."""
        async with asyncio.timeout(self.watchdogs.idle) as watchdog, self._request(call, timeline) as response:
            watchdog.reschedule(None)
            yield response

    def _request(self, call: HttpCall, timeline: _HttpTimeline) -> AbstractAsyncContextManager[Response]:
        headers = {**self.dialect.headers(self.key.reveal() if self.key else None), **call.headers}
        return self.upstream.request("POST", self.base_url + call.path, headers, call.body, timeline.phase(self.base_url, call))

    async def _answer(self, response: Response, timeline: _HttpTimeline) -> None:
        at = timeline.at(response.read_ns())
        timeline.sink.emit(Notice("connection", {"headers": at, "status": response.status}), at)
        if response.status >= 300:
            body = timeline.keys.whole(await response.body())
            timeline.sink.frame(body, at)
            timeline.emit_all([self.dialect.failure(response.status, response.headers, body)], at)
            return
        timeline.emit_all(self.dialect.head(response.headers), at)
        await self._decode(response, timeline)

    async def _decode(self, response: Response, timeline: _HttpTimeline) -> None:
        decoder = self.dialect.decoder(self.profile)
        deadline = Deadline(self.watchdogs)
        events: list[Event] = []
        chunks = response.chunks()
        while not decoder.done:
            try:
                async with asyncio.timeout_at(deadline.at(decoder.finishing)):
                    data, instant = await anext(chunks)
            except TimeoutError:
                timeline.let_go(decoder)
                timeline.emit_all(decoder.close() if decoder.finishing or decoder.done else [deadline.error()])
                return
            except (StopAsyncIteration, httpx.HTTPError) as e:
                timeline.let_go(decoder)
                timeline.emit_all(_cut(decoder, e, self.base_url))
                return
            events = timeline.read(data, timeline.at(instant), decoder)
            deadline.saw(events)
        if events and isinstance(events[-1], End):
            await _read_out(chunks)


class _HttpTimeline(Timeline):
    """The timeline of an attempt over HTTP, whose bytes come in any chunking."""

    def __init__(self, sink: Sink, clock: Clock, keys: KeyFilter) -> None:
        super().__init__(sink, clock, keys)
        self._last = sink.now()

    def phase(self, base_url: str, call: HttpCall) -> Phase:
        def saw(name: str, instants: Mapping[str, int]) -> None:
            if name == "sent":
                at = self.at(instants["sent"])
                self.sink.frame(_request_text(base_url, call), at, "out")
                phases = {k: self.at(v) for k, v in instants.items()}
                self.sink.emit(Notice("connection", {**phases, "reused": "connect" not in phases}), at)

        return saw

    def read(self, data: bytes, at: int, decoder: Decoder) -> list[Event]:
        """Keep and decode what came at `at`; bytes held back are those of the read that completed them."""
        self._last = at
        return self._decoded(self.keys.feed(data), decoder)

    def let_go(self, decoder: Decoder) -> None:
        """Decode what is still held: no more will come."""
        self._decoded(self.keys.close(), decoder)

    def _decoded(self, data: bytes, decoder: Decoder) -> list[Event]:
        if not data:
            return []
        self.sink.frame(data, self._last)
        events = decoder.feed(data)
        self.emit_all(events, self._last)
        return events


async def _read_out(chunks: AsyncIterator[tuple[bytes, int]]) -> None:
    """Take the rest of a body, which is its end, so that the connection serves the next call; one that goes on is closed instead."""
    try:
        async with asyncio.timeout(READ_OUT_SECONDS):
            async for _ in chunks:
                pass
    except (TimeoutError, httpx.HTTPError):
        pass


def _cut(decoder: Decoder, cause: Exception, base_url: str) -> list[Event]:
    """The body ended, in good order or not. After valid frames the decoder knows the ending; a break before them is the connection's."""
    events = decoder.close()
    if isinstance(cause, httpx.HTTPError) and events and isinstance(events[-1], Error):
        return [*events[:-1], connection_error(cause, base_url)]
    return events


def _request_text(base_url: str, call: HttpCall) -> bytes:
    """The request as it travelled, without the headers that carry the key."""
    url = urlsplit(base_url + call.path)
    return f"POST {url.path} HTTP/1.1\r\nhost: {url.netloc}\r\n\r\n".encode() + call.body


def connection_error(error: Exception, base_url: str) -> Error:
    """What an httpx error means to a user. The error's own text is not used: it may hold the URL's secrets or the library's jargon."""
    where = urlsplit(base_url).netloc
    if isinstance(error.__cause__, AddressRefused):
        text = f"{where} is at a private address: set local = true for this host in tokenwidgets.toml if that is meant."
        return Error("connection", text, stage="connect")
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return Error("timeout", f"{where} did not accept the connection in time: is the address right?", stage="connect", retryable=True)
    if isinstance(error, httpx.ConnectError):
        text = f"{where} cannot be reached ({_reason(error)}): is the server running and the address right?"
        return Error("connection", text, stage="connect", retryable=True)
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Error("bad_request", f"The base URL of this host is not one: {where or 'it has no host name'}.", stage="connect")
    return Error("connection", f"{where} broke the connection before an answer came.", stage="http", retryable=True)


def _reason(error: Exception) -> str:
    text = str(error).lower()
    if "certificate" in text:
        return "its certificate is not trusted"
    if "resolve" in text or "no address" in text:
        return "its name does not resolve"
    return "connection refused" if "refused" in text or "all connection attempts failed" in text else "no connection"
