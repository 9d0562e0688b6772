"""The socket between the lab and one of its processes: JSON messages, a line each, both ways. When one side is gone the other is told."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

from .base import Report
from .reports import pack

MESSAGE_BYTES = 2**20
"""The longest message, in bytes; an offer is the longest there is."""


class Control:
    """One end, in an event loop.

    Parameters
    ----------
    sock : a connected stream.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._opening: asyncio.Task[tuple[asyncio.StreamReader, asyncio.StreamWriter]] | None = None

    @classmethod
    def own(cls) -> Control:
        """A process' own: its standard input."""
        return cls(socket.socket(fileno=0))

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._opening is None:
            self._opening = asyncio.ensure_future(asyncio.open_connection(sock=self._socket, limit=MESSAGE_BYTES))
        return await asyncio.shield(self._opening)  # of those who wait for it one may be cancelled

    async def tell(self, **message: Any) -> None:
        """Send a message. The other side may be gone: whoever listens to it learns of that."""
        _, writer = await self._open()
        writer.write(line(message))

    async def report(self, reports: Sequence[Report]) -> None:
        """Send reports."""
        await self.tell(reports=[pack(report) for report in reports])

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """What comes, until the other side is gone."""
        reader, _ = await self._open()
        while (data := await _line(reader)).endswith(b"\n"):
            yield json.loads(data)

    async def close(self) -> None:
        """Leave: the other side ends by that."""
        _, writer = await self._open()
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


def line(message: dict[str, Any]) -> bytes:
    """A message as it is sent."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
