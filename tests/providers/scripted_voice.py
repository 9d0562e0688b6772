"""A server of voice sessions on a real socket, that says what a test scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Self

from scripted import KEY
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


class Peer:
    """A connection as its server sees it.

    Attributes
    ----------
    asked : the messages that came on it and were taken.
    closed : set once it is closed, from whichever side.
    """

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.asked: list[Any] = []
        self.closed = asyncio.Event()

    async def says(self, *frames: Any, binary: bool = False) -> None:
        for frame in frames:
            data = json.dumps(frame)
            await self.socket.send(data.encode() if binary else data)

    async def hears(self, what: str) -> Any:
        """The next message in which these words stand."""
        while True:
            message = await self.socket.recv()
            self.asked.append(json.loads(message))
            if what in str(message):
                return self.asked[-1]

    async def plays(self, session: list[tuple[str, Any]], binary: bool = False) -> None:
        """A recorded session: its frames, each kind of its client's messages waited for."""
        for who, data in session:
            if who == "server":
                await self.says(data, binary=binary)
            elif who == "client":
                await self.hears(data.get("type") or next(iter(data)).split("_")[0])
            else:
                await self.socket.close(**data)


Script = Callable[[Peer], Awaitable[None]]


class Server:
    """Runs one script a connection, the last one for all that follow; opens for those with the key only.

    Attributes
    ----------
    paths : what was asked for.
    """

    def __init__(self, *scripts: Script, status: int = 401) -> None:
        self._scripts = list(scripts)
        self._status = status
        self.peers: list[Peer] = []
        self.paths: list[str] = []

    async def __aenter__(self) -> Self:
        self._server = await serve(self._handle, "127.0.0.1", 0, process_request=self._upgrade, compression=None)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _upgrade(self, socket: ServerConnection, request: Any) -> Any:
        self.paths.append(request.path)
        given = (request.headers.get("Authorization"), request.headers.get("x-goog-api-key"))
        if given in ((f"Bearer {KEY}", None), (None, KEY)):
            return None
        response = socket.respond(self._status, json.dumps({"error": {"message": f"Wrong key {KEY}x."}}))
        response.headers["Content-Type"] = "application/json"
        return response

    async def _handle(self, socket: ServerConnection) -> None:
        peer = Peer(socket)
        self.peers.append(peer)
        try:
            await (self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0])(peer)
            await socket.wait_closed()
        except ConnectionClosed:
            pass
        finally:
            peer.closed.set()
