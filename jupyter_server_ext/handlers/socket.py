"""The multiplexed WebSocket: `tokenwidgets/socket`."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from tokenwidgets.multiplex import Multiplexer

from .base import TicketMixin
from .links import OwnStreams, as_text


class _SocketLink:
    """A WebSocket as a link: full while its last message is not yet written to the kernel's socket buffer."""

    transport = "ws"

    def __init__(self, handler: SocketHandler) -> None:
        self._handler = handler
        self._written: Any = None

    async def ready(self) -> None:
        if self._written is not None:
            await asyncio.wait([self._written])  # a reader that leaves meanwhile must not cancel what all the others wait for

    def send(self, data: bytes) -> None:
        self._written = self._handler.write_message(data.decode("utf-8"))
        self._written.add_done_callback(_looked_at)


def _looked_at(written: asyncio.Future[None]) -> None:
    """A message that did not reach a page that left is nothing to report, whether somebody waits for it or not."""
    if not written.cancelled():
        written.exception()


class SocketHandler(WebSocketMixin, TicketMixin, WebSocketHandler):
    """One connection of a page or a client, for any number of streams."""

    _multiplexer: Multiplexer | None = None

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the socket, for those who may read."""
        await self.allowed("read")
        if self.app.open_sockets >= self.app.sockets:
            raise HTTPError(429, f"{self.app.sockets} sockets are open already.")
        await super().get(*args, **kwargs)

    @property
    def max_message_size(self) -> int:
        """The largest message taken, in bytes."""
        return int(self.app.message_bytes)

    def get_compression_options(self) -> None:
        """None: deflate would cost a token more than it saves."""
        return

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to answer; small messages leave at once."""
        super().open(*args, **kwargs)
        self.set_nodelay(True)
        self.app.open_sockets += 1
        self._multiplexer = Multiplexer(OwnStreams(self), _SocketLink(self))

    async def on_message(self, message: str | bytes) -> None:
        """Carry out what the other side asks."""
        if self._multiplexer is not None:
            try:
                await self._multiplexer.receive(as_text(message))
            except WebSocketClosedError:
                pass

    def on_close(self) -> None:
        """The other side left; its streams go on."""
        if self._multiplexer is not None:
            self.app.open_sockets -= 1
            self.app.background(self._multiplexer.aclose())
            self._multiplexer = None
        super().on_close()
