"""Reading over one multiplexed WebSocket, by websockets."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Coroutine
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from ..errors import Refused
from ..runtime import TICKET_HEADER
from ..wire.messages import MESSAGE_BYTES
from .channel import Channel, ChannelReader
from .rest import Rest

OPEN_SECONDS = 10.0
"""Longest wait for the socket to open."""

SILENT = logging.Logger("tokenwidgets.clients.websocket", logging.CRITICAL + 1)
"""The library would log heads, and so the ticket, and frames, and so answers. No logger of the program's tree: nothing turns it on."""


class WebSocketReader(ChannelReader):
    """Reads over one socket."""

    transport = "ws"

    def __init__(self, rest: Rest) -> None:
        super().__init__(rest)
        self._connection: ClientConnection | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def _connect(self) -> Channel:
        connection = self._connection = await self._dial()
        outbox: asyncio.Queue[str] = asyncio.Queue()
        channel = Channel(outbox.put_nowait)
        writer = self._task(_write(connection, outbox))
        self._task(self._read(connection, channel, writer))
        return channel

    async def _dial(self) -> ClientConnection:
        server = self._rest.server
        url = "ws" + server.url.removeprefix("http") + "tokenwidgets/socket"
        tls = self._rest.tls if isinstance(self._rest.tls, ssl.SSLContext) else (True if url.startswith("wss") else None)
        try:
            return await connect(
                url,
                additional_headers={TICKET_HEADER: server.ticket},
                compression=None,
                max_size=MESSAGE_BYTES,
                open_timeout=OPEN_SECONDS,
                proxy=None,
                ssl=tls,
                logger=SILENT,
            )
        except (OSError, WebSocketException, TimeoutError) as e:
            raise self._rest.away(f"The socket of {server.url} did not open ({type(e).__name__}).") from None

    async def _read(self, connection: ClientConnection, channel: Channel, writer: asyncio.Task[None]) -> None:
        try:
            async for message in connection:
                channel.receive(message if isinstance(message, str) else message.decode())
        except (WebSocketException, ValueError, Refused):
            await connection.close()
        finally:
            writer.cancel()
            self._channel = None
            channel.broken("The socket to the Jupyter server closed.")

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self) -> None:
        """Close the socket."""
        if self._connection is not None:
            await self._connection.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _write(connection: ClientConnection, outbox: asyncio.Queue[str]) -> None:
    try:
        while True:
            await connection.send(await outbox.get())
    except WebSocketException:
        return
