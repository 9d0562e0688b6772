"""The backend `relay`: real WebRTC whose datagrams go through a relay in this process that loses, delays and reorders them.

Any system, no rights; TCP it cannot impair. The client is a process of its own, or the page itself, whose offers are given to
`RelayRun.answer`.
"""

from __future__ import annotations

import asyncio
import platform
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import metadata
from typing import Any, Literal

from ..clients.rest import Rest
from ..runtime import Server
from .base import Impairment, Lane, Plan
from .datagrams import Line, answered
from .processes import Process
from .running import Running, checked_plan, lateness

ADDRESS = "127.0.0.1"

Invite = Callable[["RelayRun"], Awaitable[None]]


class Relay:
    """See `Backend`.

    Parameters
    ----------
    page : invites the page, which then is the client: it is given the run when the server is up. No other client is started; what the
        page's lanes do is told by `RelayRun.attached` and `put`.
    """

    name: Literal["relay"] = "relay"
    lanes: tuple[Lane, ...] = ("webrtc-ordered", "webrtc-unordered", "webrtc")

    def __init__(self, page: Invite | None = None) -> None:
        self._page = page

    def why_not(self) -> str:
        """See `Backend`."""
        if hasattr(socket, "AF_UNIX"):
            return ""
        return f"The lab's processes are spoken to over Unix sockets, which {platform.system()} does not have: use the backend model."

    async def run(self, plan: Plan) -> RelayRun:
        """See `Backend`."""
        checked_plan(plan, self.lanes)
        run = RelayRun(plan, self._page)
        await run.begin()
        return run


class RelayRun(Running):
    """See `Run`.

    Attributes
    ----------
    stream : the id of what the lanes read.
    """

    def __init__(self, plan: Plan, page: Invite | None) -> None:
        packages = {"aiortc": metadata.version("aiortc"), "system": platform.system()}
        super().__init__(plan, {"backend": "relay", "congestion_control": "SCTP of aiortc", **packages})
        self.stream = ""
        self._page = page
        self.client = None if page else Process("tokenwidgets.lab.client", [])
        self.line = Line(Impairment(delay_ms=plan.impairment.delay_ms), plan.seed, self.put)
        self._transports: list[asyncio.DatagramTransport] = []
        self._rest: Rest | None = None

    def processes(self) -> Sequence[Process]:
        """See `Running`."""
        return (self.source, self.client) if self.client else (self.source,)

    async def opened(self, ready: Mapping[str, Any]) -> None:
        """See `Running`."""
        self.stream = ready["stream"]
        self._rest = Rest(Server(ready["pid"], f"http://{ADDRESS}:{ready['port']}/", ready["ticket"], ""))
        if self.client:
            where = {"address": ADDRESS, "ports": dict.fromkeys(self.plan.lanes, ready["port"]), "ticket": ready["ticket"]}
            await self.client.control.tell(read={"lanes": self.plan.lanes, "stream": self.stream, "pid": ready["pid"], **where})
        elif self._page:
            await self._page(self)

    async def answer(self, sdp: str, lane: Lane) -> str:
        """Answer a peer's offer so that what it sends and gets goes over the link. Raises `Refused` like the server."""
        assert self._rest is not None  # noqa: S101 (`opened` comes before any offer)
        answer, transport = await answered(sdp, self._rest.offer, self.line, lane)
        self._transports.append(transport)
        return answer

    async def impair(self) -> None:
        """See `Running`."""
        if self.client:
            await self.client.control.tell(began=self.began)
        self.line.begin(self.plan.impairment, self.began)

    async def said(self, message: Mapping[str, Any]) -> None:
        """See `Running`: the client's offers."""
        match message:
            case {"offer": str(sdp), "lane": lane} if self.client:
                await self.client.control.tell(answer=await self.answer(sdp, lane), lane=lane)

    def _change(self, impairment: Impairment) -> None:
        self.line.change(impairment)

    async def fares(self) -> Mapping[str, object]:
        """See `Running`."""
        return {**self.counted(self.line.counts), "late_us": lateness(self.line.late)}

    async def close(self) -> None:
        """See `Run`."""
        for transport in self._transports:
            transport.close()
        if self._rest is not None:
            await self._rest.aclose()
        await super().close()
