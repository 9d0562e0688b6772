"""Streams as resources: start, list, look at, read over SSE, stop."""

from __future__ import annotations

import asyncio
from functools import cached_property
from time import perf_counter_ns
from typing import Any

from jupyter_server.utils import url_path_join
from tornado.iostream import StreamClosedError

from tokenwidgets.errors import Refused
from tokenwidgets.generation import Stream
from tokenwidgets.realtime import inputs
from tokenwidgets.wire import sse

from .base import Handler, guarded

KEEPALIVE_SECONDS = 15.0
"""A comment is sent after this long without an event: proxies close what is silent for a minute."""


class EventStream(Handler):
    """A response that is a stream's events."""

    keep_alive = sse.COMMENT

    @cached_property
    def _gone(self) -> asyncio.Event:
        """Set when the reader has left, which may be before anything was begun."""
        return asyncio.Event()

    async def send_events(self, stream: Stream, after: int) -> None:
        """Answer with the events behind `after`, as they come, to the end. A reader that goes away only leaves."""
        self._set_head()
        try:
            with stream.attached("sse"):
                await self._follow(stream, after)
        except StreamClosedError:
            pass

    def _set_head(self) -> None:
        """The headers of a response that nothing on its way may hold back."""
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache, no-transform")
        self.set_header("X-Accel-Buffering", "no")

    async def _follow(self, stream: Stream, after: int) -> None:
        self.write(sse.sent(stream.now()))
        await self.flush()
        while not self._gone.is_set():
            batch = stream.journal.batch(after)
            if batch:
                self.write(sse.sent(stream.now()) + b"".join(sse.frame(e.seq, e.data) for e in batch))
                await self.flush()
                after = batch[-1].seq
            if stream.journal.terminal and after >= stream.journal.terminal.seq:
                return
            await self._more(stream, after)

    async def _more(self, stream: Stream, after: int) -> None:
        """Wait for an event or the reader's departure; keep the connection alive meanwhile."""
        if not await self._news(stream, after, KEEPALIVE_SECONDS):
            self.write(self.keep_alive)
            await self.flush()

    async def _news(self, stream: Stream, after: int, seconds: float | None) -> bool:
        """Wait for an event behind `after` or the reader's departure; whether one of them came in time."""
        waits = [asyncio.ensure_future(stream.journal.wait(after)), asyncio.ensure_future(self._gone.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return bool(done)

    def on_connection_close(self) -> None:
        """Tornado tells of a closed connection, and cancels nothing."""
        self._gone.set()
        super().on_connection_close()


class StreamsHandler(EventStream):
    """`tokenwidgets/streams`."""

    @guarded("execute")
    async def post(self) -> None:
        """Start a stream; with `Accept: text/event-stream` answer with its events."""
        stream = self.hub.start(self.hub.registry.request(self.body_json()), self.owner)
        if "text/event-stream" in self.request.headers.get("Accept", ""):
            self.set_header("X-Tokenwidgets-Stream", stream.id)
            await self.send_events(stream, -1)
            return
        self.set_status(201)
        url = url_path_join(self.base_url, "tokenwidgets", "streams", stream.id, "events")
        await self.finish({"id": stream.id, "model": stream.call.request.model, "events": url})

    @guarded("read")
    async def get(self) -> None:
        """The caller's own streams; with `?text=0` without their texts and figures."""
        whole = self.get_query_argument("text", "1") != "0"
        streams = self.hub.streams(self.owner)
        await self.finish({"streams": [stream.snapshot() if whole else stream.brief() for stream in streams]})


class StreamHandler(Handler):
    """`tokenwidgets/streams/{id}`."""

    @guarded("read")
    async def get(self, stream_id: str) -> None:
        """What the stream is now."""
        await self.finish(self.hub.get(stream_id, self.owner).snapshot())

    @guarded("write")
    async def delete(self, stream_id: str) -> None:
        """Stop it; answered when the upstream is closed and the journal has ended."""
        stream = self.hub.get(stream_id, self.owner)
        await self.hub.stop(stream)
        await self.finish(stream.snapshot())


class EventsHandler(EventStream):
    """`tokenwidgets/streams/{id}/events`."""

    @guarded("read")
    async def get(self, stream_id: str) -> None:
        """Its events behind `Last-Event-ID`, else behind `?after=`, else all; 204 when there will be no more."""
        stream = self.hub.get(stream_id, self.owner)
        after = self._after()
        if stream.journal.terminal and after >= stream.journal.terminal.seq:
            self.set_status(204)
            await self.finish()
            return
        await self.send_events(stream, after)

    def _after(self) -> int:
        given = self.request.headers.get("Last-Event-ID") or self.get_query_argument("after", "-1")
        try:
            return max(-1, int(given))
        except ValueError:
            raise Refused("bad_request", "'after' is the seq of the last event received, a whole number.") from None


class InputHandler(Handler):
    """`tokenwidgets/streams/{id}/input`."""

    @guarded("execute")
    async def post(self, stream_id: str) -> None:
        """Give a voice session inputs, `{"inputs": [input, …]}`. One that is not taken is refused; those behind it are not looked at."""
        stream = self.hub.get(stream_id, self.owner)
        match self.body_json():
            case {"inputs": [*given]}:
                for each in given:
                    stream.take(inputs.parse(each))
                self.set_status(204)
            case _:
                raise Refused("bad_request", "The body is {'inputs': [input, …]}.")


class ClockHandler(Handler):
    """`tokenwidgets/streams/{id}/clock`."""

    @guarded("read")
    async def get(self, stream_id: str) -> None:
        """What the stream's clock says now, `at`, and the server's own, `now`, which all its streams share; µs. A reader aligns its own."""
        stream = self.hub.get(stream_id, self.owner)
        now = perf_counter_ns() // 1000
        await self.finish({"at": stream.now(), "now": now})


class ReplayHandler(Handler):
    """`tokenwidgets/streams/{id}/replay`."""

    @guarded("execute")
    async def post(self, stream_id: str) -> None:
        """Play an ended stream again, as a stream of its own that calls no provider: what lies behind `after`, with its own timing."""
        stream = self.hub.replay(self.hub.get(stream_id, self.owner), self._after(self.body_json()), self.owner)
        self.set_status(201)
        await self.finish({"id": stream.id, "model": stream.call.request.model})

    def _after(self, body: Any) -> int:
        match body:
            case {"after": int(after)} if not isinstance(after, bool):
                return max(-1, after)
        raise Refused("bad_request", "The body is {'after': SEQ}, or -1 for all events.")


class WireHandler(Handler):
    """`tokenwidgets/streams/{id}/wire`."""

    @guarded("read")
    async def get(self, stream_id: str) -> None:
        """The upstream frames as they came, base64; `dropped` counts those beyond the limit."""
        stream = self.hub.get(stream_id, self.owner)
        await self.finish({"frames": [frame.body() for frame in stream.frames], "dropped": stream.frames_dropped})
