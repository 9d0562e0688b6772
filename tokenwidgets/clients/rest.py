"""The server's HTTP endpoints, for a kernel with a ticket."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import httpx

from ..errors import STATUS, Refused
from ..events import ErrorCode
from ..realtime import inputs
from ..realtime.inputs import Input
from ..recording import Frame
from ..runtime import TICKET_HEADER, Server, alive
from .base import Disconnected, Gone, Limits, Place, Reader, Started, TimedReader

ANSWER_SECONDS = 30.0
"""Longest wait for an answer; starting a stream is answered before the provider is called."""

_CODES = {status: code for code, status in reversed(STATUS.items())}


class Rest:
    """A Jupyter server with our extension, as a gateway.

    Parameters
    ----------
    server : its address and ticket.
    transport : seam for tests; httpx's own by default.
    """

    place: Place = "server"

    def __init__(self, server: Server, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.server = server
        self.why = f"the Jupyter server at {server.url}"
        self.tls = trust(server)
        self.client = httpx.AsyncClient(
            base_url=server.url + "tokenwidgets/",
            headers={TICKET_HEADER: server.ticket, "accept": "application/json"},
            timeout=httpx.Timeout(ANSWER_SECONDS, read=ANSWER_SECONDS),
            verify=self.tls,
            trust_env=False,
            transport=transport,
        )
        self._reader: Reader | None = None
        self._others: dict[str, TimedReader] = {}

    async def start(self, request: Mapping[str, Any]) -> Started:
        """See `Gateway.start`."""
        body = await self._call("POST", "streams", request)
        return Started(body["id"], body["model"])

    async def input(self, stream: str, given: Sequence[Input]) -> None:
        """See `Gateway.input`."""
        await self._call("POST", f"streams/{stream}/input", {"inputs": [inputs.body(each) for each in given]})

    async def stop(self, stream: str) -> None:
        """See `Gateway.stop`."""
        await self._call("DELETE", f"streams/{stream}")

    async def snapshot(self, stream: str) -> Mapping[str, Any]:
        """See `Gateway.snapshot`."""
        return await self._call("GET", f"streams/{stream}")

    async def wire(self, stream: str) -> list[Frame]:
        """See `Gateway.wire`."""
        body = await self._call("GET", f"streams/{stream}/wire")
        return [Frame(base64.b64decode(f["frame"]), f["at"], f["dir"]) for f in body["frames"]]

    async def streams(self) -> list[Mapping[str, Any]]:
        """See `Gateway.streams`."""
        return list((await self._call("GET", "streams"))["streams"])

    async def briefs(self) -> list[Mapping[str, Any]]:
        """See `Gateway.briefs`."""
        return list((await self._call("GET", "streams?text=0"))["streams"])

    async def limits(self) -> Limits:
        """See `Gateway.limits`."""
        body = await self.capabilities()
        return Limits(body["limits"], body.get("used", {}))

    async def models(self) -> list[Mapping[str, Any]]:
        """See `Gateway.models`."""
        return list((await self._call("GET", "models"))["models"])

    async def hosts(self) -> list[Mapping[str, Any]]:
        """See `Gateway.hosts`."""
        return list((await self._call("GET", "hosts"))["hosts"])

    async def capabilities(self) -> Mapping[str, Any]:
        """What the server is and can do."""
        return await self._call("GET", "capabilities")

    async def clock(self, stream: str) -> tuple[int, int]:
        """What a stream's clock and the server's own say now, µs."""
        body = await self._call("GET", f"streams/{stream}/clock")
        return int(body["at"]), int(body["now"])

    async def replay(self, stream: str, after: int) -> Started:
        """Play an ended stream again, as a stream of its own, from behind `after` and with its own timing."""
        body = await self._call("POST", f"streams/{stream}/replay", {"after": after})
        return Started(body["id"], body["model"])

    async def ice_servers(self) -> list[Mapping[str, Any]]:
        """The STUN and TURN servers the server wants its peers to use."""
        return list((await self._call("GET", "rtc"))["iceServers"])

    async def offer(self, sdp: str) -> str:
        """Exchange a WebRTC offer for the server's answer."""
        return str((await self._call("POST", "rtc", {"sdp": sdp, "type": "offer"}))["sdp"])

    async def talk(self, sdp: str, session: str) -> str:
        """The same for an offer with an audio track, the microphone of a voice session."""
        return str((await self._call("POST", "rtc", {"sdp": sdp, "type": "offer", "stream": session}))["sdp"])

    def reader(self) -> Reader:
        """The shared socket, with SSE where no socket opens."""
        from .auto import Auto

        self._reader = self._reader or Auto(self)
        return self._reader

    def reader_over(self, transport: str) -> TimedReader | None:
        """The shared reader over that transport; None where this process does not read over it."""
        from .readers import READERS

        if transport in READERS and transport not in self._others:
            self._others[transport] = READERS[transport](self)
        return self._others.get(transport)

    def away(self, why: str) -> Disconnected:
        """Why there is no connection, and whether there will ever be one again."""
        return Disconnected(why) if alive(self.server.pid) else Gone(f"The Jupyter server at {self.server.url} has ended.")

    async def aclose(self) -> None:
        """Close every connection."""
        for reader in (self._reader, *self._others.values()):
            if reader is not None:
                await reader.aclose()
        await self.client.aclose()

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = await self.client.request(method, path, json=body)
        except httpx.HTTPError as e:
            raise self.away(f"The Jupyter server at {self.server.url} does not answer ({type(e).__name__}).") from None
        if response.is_success:
            return cast(dict[str, Any], response.json() if response.content else {})
        raise refusal(response.status_code, response.content)


def refusal(status: int, body: bytes) -> Refused:
    """A refusal as the server meant it, or what its status says when something else answered."""
    try:
        error = httpx.Response(status, content=body).json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        code, message = _CODES.get(status, "internal"), f"The Jupyter server answered {status}; is tokenwidgets enabled there?"
    return Refused(cast(ErrorCode, code if code in get_args(ErrorCode) else "internal"), message, status)


def trust(server: Server) -> ssl.SSLContext | bool:
    """How the server's TLS certificate is checked: it is the very one the server published, whatever name it is for."""
    if server.certificate is None or not Path(server.certificate).is_file():
        return True
    context = ssl.create_default_context(cafile=server.certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
