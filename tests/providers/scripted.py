"""An upstream on raw sockets that does exactly what a test says, and tells what it received and when its client left.

It shares no code with what it tests: bytes in, bytes out, no HTTP library.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

KEY = "sk-scripted-7f3a9c2e51d84b60"


@dataclass
class Asked:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One accepted socket.

    Attributes
    ----------
    closed : set when the client closed or reset it; `closed_at` is that instant, by `time.monotonic`.
    keep : whether further requests are answered on it; without it the socket is closed behind each answer.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._requests: asyncio.Queue[Asked | None] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.closed_at = 0.0
        self.keep = False
        self.pump = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        try:
            while True:
                head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *rest = head.strip().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (r.partition(":") for r in rest)}
                body = await self._reader.readexactly(int(headers.get("content-length", 0)))
                self._requests.put_nowait(Asked(line, headers, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        self.closed_at = time.monotonic()
        self.closed.set()
        self._requests.put_nowait(None)

    async def next(self) -> Asked | None:
        return await self._requests.get()

    async def raw(self, *pieces: bytes) -> None:
        """Send bytes, each piece in a write of its own."""
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def head(self, status: str = "200 OK", *headers: str, chunked: bool = True) -> None:
        """Send the head of an answer."""
        lines = [f"HTTP/1.1 {status}", *headers, *(["Transfer-Encoding: chunked"] if chunked else [])]
        if not any(h.lower().startswith("content-type") for h in headers):
            lines.append("Content-Type: text/event-stream")
        await self.raw("\r\n".join([*lines, "", ""]).encode())

    async def chunk(self, *pieces: bytes) -> None:
        """Send chunks of a chunked body, each in a write of its own."""
        for piece in pieces:
            await self.raw(b"%x\r\n%b\r\n" % (len(piece), piece))

    async def end(self) -> None:
        """End a chunked body."""
        await self.raw(b"0\r\n\r\n")

    async def whole(self, status: str, body: bytes, *headers: str, length: int | None = None) -> None:
        """Send an answer with a content length, which may be a wrong one."""
        size = len(body) if length is None else length
        await self.head(status, f"Content-Length: {size}", *headers, chunked=False)
        await self.raw(body)

    def reset(self) -> None:
        """Break the connection: the client gets a reset."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def aclose(self) -> None:
        self._writer.close()
        self.pump.cancel()
        await asyncio.gather(self.pump, return_exceptions=True)


Script = Callable[[Connection, Asked], Awaitable[None]]


class Scripted:
    """The server. Used as a context; `script` answers every request.

    Attributes
    ----------
    asked : every request received.
    connections : every connection accepted.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.connections: list[Connection] = []
        self.failures: list[BaseException] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, backlog=200)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        connection = Connection(reader, writer)
        self.connections.append(connection)
        try:
            while asked := await connection.next():
                self.asked.append(asked)
                await self.script(connection, asked)
                if not connection.keep:
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        except Exception as e:
            self.failures.append(e)
        finally:
            self._tasks.discard(task)
            if not connection.closed.is_set():
                writer.close()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self.connections:
            await connection.aclose()
        assert not self.failures, self.failures


def data(body: Any) -> bytes:
    """One event of the stream."""
    return b"data: " + (body if isinstance(body, bytes) else json.dumps(body).encode()) + b"\n\n"


def piece(text: str = "", **choice: Any) -> bytes:
    """A chat completion chunk."""
    return data({"id": "c1", "object": "chat.completion.chunk", "model": "served-1", "choices": [
        {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": None, **choice}]})  # fmt: skip


FINISH = piece(finish_reason="stop")
USAGE = data({"id": "c1", "model": "served-1", "choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}})
DONE = data(b"[DONE]")
ANSWER = (piece("Hel"), piece("lo"), FINISH, USAGE, DONE)


async def answers(connection: Connection, asked: Asked) -> None:
    """A good answer on a connection that stays open."""
    connection.keep = True
    await connection.head()
    await connection.chunk(*ANSWER[:-1])
    await connection.raw(b"%x\r\n%b\r\n0\r\n\r\n" % (len(DONE), DONE))  # as one: a client that asks on at once may do it on this connection
