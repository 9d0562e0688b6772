"""A proxy that holds back what is streamed, as a misconfigured one does: until it has so many bytes, or so much time, or all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

END = b"0\r\n\r\n"
"""Of a response in chunks (RFC 9112, 7.1)."""


@dataclass(slots=True)
class Proxy:
    """Between a server and its readers.

    Parameters
    ----------
    url : of the server.
    size : bytes that are waited for.
    seconds : after which what there is goes out.
    """

    url: str
    size: int = 2**30
    seconds: float = 3600.0
    tasks: set[asyncio.Task[None] | None] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Gives the URL under which the server is reached through it."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            port = server.sockets[0].getsockname()[1]
            yield urlunsplit(urlsplit(self.url)._replace(netloc=f"127.0.0.1:{port}"))
        finally:
            server.close()
            tasks = [task for task in self.tasks if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        address = urlsplit(self.url)
        up_reader, up_writer = await asyncio.open_connection(address.hostname, address.port)
        up = asyncio.create_task(_carry(reader, up_writer))
        try:
            await self._hold(up_reader, writer)
        except ConnectionError:
            pass
        finally:
            up.cancel()
            for one in (writer, up_writer):
                one.transport.abort()

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry answers down; from the head of a stream of events on, held back."""
        loop = asyncio.get_running_loop()
        held, streaming, due = b"", False, 0.0
        while True:
            data = await _read(reader, max(0.0, due - loop.time()) if held else None)
            if data == b"":
                writer.write(held)
                return
            streaming = streaming or b"text/event-stream" in (data or b"")
            due = loop.time() + self.seconds if data and not held else due
            held += data or b""
            ended = held.endswith(END)
            if not streaming or ended or len(held) >= self.size or loop.time() >= due:
                writer.write(held)
                await writer.drain()
                held, streaming = b"", streaming and not ended


async def _read(reader: asyncio.StreamReader, seconds: float | None) -> bytes | None:
    """What comes; None where nothing did in time."""
    try:
        async with asyncio.timeout(seconds):
            return await reader.read(2**16)
    except TimeoutError:
        return None


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(2**16):
        writer.write(data)
