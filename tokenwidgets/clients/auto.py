"""The kernel's own reader: the socket, and SSE where no socket opens (a proxy that knows only HTTP)."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..events import Entry
from .base import Disconnected
from .rest import Rest
from .sse import SSEReader
from .websocket import WebSocketReader


class Auto:
    """Tries the socket for each connection, then SSE.

    Parameters
    ----------
    rest : the server.
    """

    def __init__(self, rest: Rest) -> None:
        self._socket = WebSocketReader(rest)
        self._sse = SSEReader(rest)
        self.transport = self._socket.transport

    async def attach(self, stream: str, after: int) -> AsyncIterator[list[Entry]]:
        """See `Reader.attach`."""
        received = False
        try:
            self.transport = self._socket.transport
            async for batch in self._socket.attach(stream, after):
                received = True
                yield batch
        except Disconnected:
            if received:
                raise
            self.transport = self._sse.transport
            async for batch in self._sse.attach(stream, after):
                yield batch

    async def aclose(self) -> None:
        """Close the socket."""
        await self._socket.aclose()
