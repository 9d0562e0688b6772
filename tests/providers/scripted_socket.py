"""A server of Responses over a WebSocket, on a real socket, that says what a test scripts."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Self

from scripted import KEY
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tokenwidgets.dialects.responses_server import ResponsesServer
from tokenwidgets.events import End, Event, Text, Tool, Usage

SAID = (Text(0, "Hel"), Text(0, "lo"), Usage(input=4, output=2), End("stop"))
CALLS = (
    Tool(0, id="call_1", name="weather"), Tool(0, delta='{"city":'), Tool(0, delta='"Oslo"}'),
    Tool(0, arguments={"city": "Oslo"}, done=True), Usage(input=4, output=2), End("tool"),
)  # fmt: skip


class Peer:
    """A connection as its server sees it.

    Attributes
    ----------
    asked : the requests that came on it.
    closed : set once the client has closed it, in whichever way.
    newest : id of the response that this server holds in memory.
    """

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.asked: list[dict[str, Any]] = []
        self.closed = asyncio.Event()
        self.newest: str | None = None

    async def answer(self, *events: Event) -> None:
        """Give a whole answer."""
        id = f"resp_{self.socket.id}_{len(self.asked)}"
        server = ResponsesServer(id, "served-1", 1, {"previous_response_id": self.asked[-1].get("previous_response_id")})
        for event in events:
            for frame in server.frames(event):
                await self.says(frame)
        self.newest = id

    async def says(self, frame: Any) -> None:
        await self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    async def fails(self, code: str, status: int = 400) -> None:
        await self.says({"type": "error", "status": status, "error": {"type": "invalid_request_error", "code": code, "message": "No."}})


Script = Callable[[Peer], Awaitable[None]]


class Server:
    """Runs a script for every request; opens for those with the key only."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self.scripts = list(scripts)
        self._tls = tls
        self.peers: list[Peer] = []
        self.authorizations: list[str | None] = []

    async def __aenter__(self) -> Self:
        self._server = await serve(self._handle, "127.0.0.1", 0, process_request=self._upgrade, compression=None, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'wss' if self._tls else 'ws'}://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _upgrade(self, socket: ServerConnection, request: Any) -> Any:
        self.authorizations.append(request.headers.get("Authorization"))
        assert request.path == "/v1/responses"
        if request.headers.get("Authorization") == f"Bearer {KEY}":
            return None
        response = socket.respond(401, json.dumps({"error": {"message": f"Wrong key {KEY}x.", "code": "invalid_api_key"}}))
        response.headers["Content-Type"] = "application/json"
        return response

    async def _handle(self, socket: ServerConnection) -> None:
        peer = Peer(socket)
        self.peers.append(peer)
        try:
            async for message in socket:
                peer.asked.append(json.loads(message))
                await (self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0])(peer)
        except ConnectionClosed:
            pass
        finally:
            peer.closed.set()

    @property
    def asked(self) -> list[dict[str, Any]]:
        """Every request, connection by connection."""
        return [body for peer in self.peers for body in peer.asked]


def answers(*events: Event) -> Script:
    async def script(peer: Peer) -> None:
        await peer.answer(*events)

    return script


def closes(code: int, *before: Event) -> Script:
    async def script(peer: Peer) -> None:
        await peer.answer(*before)
        await peer.socket.close(code)

    return script


def fails(code: str, status: int = 400) -> Script:
    async def script(peer: Peer) -> None:
        await peer.fails(code, status)

    return script


async def hangs(peer: Peer) -> None:
    """Begin an answer that has no end."""
    await peer.answer(Text(0, "Hel"))


async def remembers(peer: Peer) -> None:
    """What a server does that holds nothing but a connection's newest response: it calls a tool until there is a result."""
    after = peer.asked[-1].get("previous_response_id")
    if after and after != peer.newest:
        await peer.fails("previous_response_not_found")
    else:
        results = [item for item in peer.asked[-1]["input"] if item["type"] == "function_call_output"]
        await peer.answer(*(SAID if results else CALLS))
