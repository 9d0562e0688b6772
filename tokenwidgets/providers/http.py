"""A provider behind HTTP: one dialect spoken to one host."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from ..dialects.base import Decoder, Dialect, HttpCall, Profile
from ..events import CONTENT, End, Error, Event, Notice, Stage, payload
from ..request import Request
from .base import Sink
from .keys import Secret
from .upstream import AddressRefused, Phase, Response, Upstream

FINISH_SECONDS = 1.0
"""Longest wait for usage and the end marker after the finish frame."""

READ_OUT_SECONDS = 0.25
"""Longest wait for a body's end after the end marker."""

KEY_BYTES = 8
"""A key at least this long is struck out of what a host sends; a shorter one is a placeholder, and could be a word of the answer."""

MARK = "[key]"
"""What stands where a key was."""


@dataclass(frozen=True, slots=True)
class Watchdogs:
    """Two ways a stream can hang, in seconds.

    Parameters
    ----------
    idle : longest time without any byte, keep-alives included.
    progress : longest time without content; keep-alives do not count.
    """

    idle: float = 300.0
    progress: float = 900.0


class HttpProvider:
    """Calls a model over HTTP and decodes its stream.

    Parameters
    ----------
    dialect, profile : the wire format and the host's quirks.
    base_url : from configuration, never from a request.
    key : sent in the dialect's own header, kept nowhere else.
    upstream : the connections.
    watchdogs : when to give up on a silent provider.
    """

    def __init__(
        self, dialect: Dialect, profile: Profile, base_url: str, key: Secret | None, upstream: Upstream, watchdogs: Watchdogs
    ) -> None:
        self.dialect = dialect
        self.profile = profile
        self.base_url = base_url
        self.key = key
        self.upstream = upstream
        self.watchdogs = watchdogs

    async def run(self, request: Request, sink: Sink) -> None:
        """See `Provider.run`."""
        call = self.dialect.encode(request, self.profile)
        timeline = _Timeline(sink, self.upstream.clock(), _KeyFilter(self.key))
        try:
            async with self._opened(call, timeline) as response:
                await self._answer(response, timeline)
        except TimeoutError:
            sink.emit(_silent("sent no answer", self.watchdogs.idle, "http"))
        except (httpx.HTTPError, httpx.InvalidURL) as e:
            sink.emit(connection_error(e, self.base_url))

    @asynccontextmanager
    async def _opened(self, call: HttpCall, timeline: _Timeline) -> AsyncIterator[Response]:
        """The call's response, within the idle time; the body has its own watchdogs."""
        async with asyncio.timeout(self.watchdogs.idle) as watchdog, self._request(call, timeline) as response:
            watchdog.reschedule(None)
            yield response

    def _request(self, call: HttpCall, timeline: _Timeline) -> AbstractAsyncContextManager[Response]:
        headers = {**self.dialect.headers(self.key.reveal() if self.key else None), **call.headers}
        return self.upstream.request("POST", self.base_url + call.path, headers, call.body, timeline.phase(self.base_url, call))

    async def _answer(self, response: Response, timeline: _Timeline) -> None:
        at = timeline.at(response.read_ns())
        timeline.sink.emit(Notice("connection", {"headers": at, "status": response.status}), at)
        if response.status >= 300:
            body = timeline.keys.feed(await response.body()) + timeline.keys.close()
            timeline.sink.frame(body, at)
            timeline.emit_all([self.dialect.failure(response.status, response.headers, body)], at)
            return
        timeline.emit_all(self.dialect.head(response.headers), at)
        await self._decode(response, timeline)

    async def _decode(self, response: Response, timeline: _Timeline) -> None:
        decoder = self.dialect.decoder(self.profile)
        deadline = _Deadline(self.watchdogs)
        events: list[Event] = []
        chunks = response.chunks()
        while not decoder.done:
            try:
                async with asyncio.timeout_at(deadline.at(decoder)):
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


class _KeyFilter:
    r"""Strikes our own key out of what a host repeats of it: out of its bytes, in whichever reads they come, and out of decoded events.

    Bytes at the end of a read that may begin the key wait for the next one. JSON may spell any letter of it `\u…`. What a model says of
    a key token by token, over several deltas, is not caught, nor what is spelled in any other way: base64, or with escapes within escapes.

    Parameters
    ----------
    key : ours; without one, or with one shorter than `KEY_BYTES`, everything passes as it is.
    """

    def __init__(self, key: Secret | None) -> None:
        text = key.reveal() if key else ""
        self._key = text if len(text) >= KEY_BYTES else ""
        self._letters = [_spellings(letter) for letter in self._key]
        self._whole = re.compile(b"".join(map(_pattern, self._letters)))
        self._first = re.compile(b"[%b]" % re.escape(b"\\" + self._key[:1].encode()))
        self._longest = sum(max(map(len, letter)) for letter in self._letters)
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be let go of all that came."""
        if not self._key:
            return data
        *before, rest = self._whole.split(self._held + data)
        at = self._beginning(rest)
        self._held = rest[at:]
        return MARK.encode().join([*before, rest[:at]])

    def close(self) -> bytes:
        """What was held at the end of the body; a key that was cut there is struck out like a whole one."""
        held, self._held = self._held, b""
        return held if len(held) < KEY_BYTES else MARK.encode()

    def _beginning(self, data: bytes) -> int:
        """Where the key may begin at the end of `data`, at first; no key holds a line break, and few reads end without one."""
        first = max(len(data) - self._longest, data.rfind(b"\n") + 1)
        candidates = (m.start() for m in self._first.finditer(data, first))
        return next((at for at in candidates if self._begins(data, at)), len(data))

    def _begins(self, data: bytes, at: int) -> bool:
        """Whether the bytes from `at` on are the beginning of the key, perhaps up to the middle of an escape."""
        for letter in self._letters:
            size = next((len(way) for way in letter if data.startswith(way, at)), 0)
            if size == 0:
                return any(way.startswith(data[at : at + len(way)]) for way in letter)
            at += size
        return False

    def events(self, events: Iterable[Event]) -> list[Event]:
        """The events without the key in any text of theirs."""
        return [self._event(event) for event in events] if self._key else list(events)

    def _event(self, event: Event) -> Event:
        said = payload(event)
        changes = {name: new for name, value in said.items() if (new := self._value(value)) != value}
        return replace(event, **changes) if changes else event

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(self._key, MARK)
        if isinstance(value, Mapping):
            return {self._value(k): self._value(v) for k, v in value.items()}
        return [self._value(v) for v in value] if isinstance(value, list) else value


def _spellings(letter: str) -> list[bytes]:
    """The ways in which JSON may say a letter, the longest first."""
    code = f"{ord(letter):04x}"
    escapes = {f"\\u{code}", f"\\u{code.upper()}", *([f"\\{letter}"] if letter in '"\\/' else [])}
    return [*sorted((e.encode() for e in escapes), key=len, reverse=True), letter.encode()]


def _pattern(ways: list[bytes]) -> bytes:
    """One of them; a backslash that is itself escaped begins none."""
    return b"(?:%b)" % b"|".join((rb"(?<!\\)" if len(way) > 1 else b"") + re.escape(way) for way in ways)


class _Timeline:
    """One attempt's sink, with the upstream's instants (ns) put on the stream's clock (µs), and without our key."""

    def __init__(self, sink: Sink, started_ns: int, keys: _KeyFilter) -> None:
        self.sink = sink
        self.keys = keys
        self._started_ns = started_ns
        self._base = sink.now()
        self._last = self._base

    def at(self, instant_ns: int) -> int:
        return self._base + max(0, instant_ns - self._started_ns) // 1000

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

    def emit_all(self, events: Iterable[Event], at: int | None = None) -> None:
        for event in self.keys.events(events):
            self.sink.emit(event, at)


class _Deadline:
    """The next instant (loop time) at which a stream counts as hung, and why."""

    def __init__(self, watchdogs: Watchdogs) -> None:
        self._watchdogs = watchdogs
        self._progress_from = self._now()
        self._finish_by: float | None = None
        self._hung = ""

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def saw(self, events: list[Event]) -> None:
        if any(isinstance(e, CONTENT) for e in events):
            self._progress_from = self._now()

    def at(self, decoder: Decoder) -> float:
        if decoder.finishing:
            self._finish_by = self._finish_by or self._now() + FINISH_SECONDS
            return self._finish_by
        self._finish_by = None
        idle = self._now() + self._watchdogs.idle
        progress = self._progress_from + self._watchdogs.progress
        self._hung = "idle" if idle <= progress else "progress"
        return min(idle, progress)

    def error(self) -> Error:
        if self._hung == "idle":
            return _silent("sent nothing", self._watchdogs.idle, "stream")
        return _silent("sent keep-alives but no content", self._watchdogs.progress, "stream")


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


def _silent(what: str, seconds: float, stage: Stage) -> Error:
    return Error("timeout", f"The provider {what} for {seconds:g} s, so the connection was closed.", stage=stage, retryable=True)


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
