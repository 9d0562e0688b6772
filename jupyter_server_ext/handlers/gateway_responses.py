"""`tokenwidgets/v1/responses`: over HTTP like the gateway's other paths, and as a socket that many responses share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from tokenwidgets.dialects.responses_request import input_items
from tokenwidgets.errors import Refused
from tokenwidgets.events import CONTENT
from tokenwidgets.facades.base import Facade, Naming, Reply, failed
from tokenwidgets.facades.responses import ResponsesFacade, ResponsesReply, continued, stream_of
from tokenwidgets.facades.responses_request import returned
from tokenwidgets.facades.responses_socket import Create, Lanes, Unserved, failure, framed, lane_of
from tokenwidgets.generation import Stream
from tokenwidgets.hub import Hub
from tokenwidgets.request import Request

from .base import guarded
from .gateway import Generate
from .gateway_socket import GatewaySocket
from .links import as_text

Start = Callable[[Mapping[str, Any]], tuple[Stream, Reply]]


class ResponsesHandler(Generate, GatewaySocket):
    """A request, or the socket that requests come on."""

    _session: _Session | None = None

    @property
    def facade(self) -> Facade:
        """OpenAI's later one."""
        return ResponsesFacade()

    def ours(self, body: Mapping[str, Any], host: str) -> dict[str, Any]:
        """See `Generate.ours`; with the conversation that the request goes on from, which lives as long as its stream."""
        if (earlier := body.get("previous_response_id")) is None:
            return super().ours(body, host)
        ours = self.facade.request(body)  # it does not go on as it came: what cannot be said in our form would be lost
        try:
            stream = self.hub.get(stream_of(str(earlier)), self.owner)
        except Refused as e:
            raise Refused("not_found", e.message.replace("stream", "response", 1), 400) from None
        naming = Naming(stream.id, stream.call.host)
        return continued(ours, stream.call.request.messages, (naming(entry.event) for entry in stream.journal.entries))

    def native_body(self, body: Mapping[str, Any], request: Request) -> Mapping[str, Any]:
        """See `Generate.native_body`. The host does not know our responses, nor do we store at it what it was not told to."""
        sent = {"store": False, **{k: v for k, v in body.items() if k not in ("previous_response_id", "background")}}
        if body.get("previous_response_id") is not None:
            return {**sent, "input": input_items(request.messages)}
        return {k: returned(v) if k == "input" else v for k, v in sent.items()}

    @guarded("execute")
    async def get(self) -> None:  # type: ignore[override]
        """Open the socket."""
        self.check_upgrade("This path is asked by POST, or opened as a WebSocket.")
        await WebSocketHandler.get(self)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to answer; small messages leave at once."""
        self.set_nodelay(True)
        self.app.open_sockets += 1
        self._session = _Session(self.start, self.hub, self.write_message)

    def on_message(self, message: str | bytes) -> None:
        """Carry out what the client asks, beside what it asked before."""
        if self._session is not None:
            self._session.receive(as_text(message))

    def on_close(self) -> None:
        """The client left: its responses end."""
        if self._session is not None:
            self.app.open_sockets -= 1
            self._session.close()
            self._session = None


class _Session:
    """The responses of one connection: one after the other within a lane, lanes side by side.

    Parameters
    ----------
    start : starts a stream for a request.
    hub : where it runs.
    write : sends a message; its future ends when the socket has taken it.
    """

    def __init__(self, start: Start, hub: Hub, write: Callable[[str], asyncio.Future[None]]) -> None:
        self._start = start
        self._hub = hub
        self._write = write
        self._lanes = Lanes()
        self._last: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, message: str) -> None:
        """Take a client's message."""
        try:
            asked = self._lanes.read(message)
        except Refused as e:
            self._run(self._tell(failure(e.event()), lane_of(message)))
            return
        if isinstance(asked, Unserved):
            self._run(self._tell(asked.frame, asked.lane))
            return
        self._last[asked.lane] = self._run(self._create(asked, self._last.get(asked.lane)))

    def close(self) -> None:
        """End all that runs; each task stops its own stream."""
        for task in self._tasks:
            task.cancel()

    def _run(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _create(self, asked: Create, before: asyncio.Task[None] | None) -> None:
        try:
            if before is not None:
                await asyncio.wait([before])
            stream, reply = self._start(asked.body)
            await self._follow(stream, reply, asked.lane)
        except Refused as e:
            await self._tell(failure(e.event()), asked.lane)
        finally:
            self._lanes.ended()

    async def _follow(self, stream: Stream, reply: Reply, lane: str) -> None:
        """Send what the reply makes of the events, as they come. A failure before any content is no response."""
        assert isinstance(reply, ResponsesReply)  # noqa: S101 (the façade's own)
        spoken = False
        try:
            with stream.attached("gateway"):
                async for batch in stream.journal.read():
                    for entry in batch:
                        spoken = spoken or isinstance(entry.event, CONTENT)
                        error = None if spoken else failed(entry.event)
                        for frame in [failure(error)] if error else reply.frames(entry.event):
                            await self._tell(frame, lane)
        finally:
            if stream.running:
                await self._hub.stop(stream)

    async def _tell(self, frame: Mapping[str, Any], lane: str) -> None:
        try:
            await self._write(json.dumps(framed(frame, lane)))
        except WebSocketClosedError:
            pass
