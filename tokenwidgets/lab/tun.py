"""The backend `tun`: a server and a client in two networks, joined by a process that loses, delays and reorders whole IP packets.

The kernel's own TCP and aiortc's own SCTP recover what is lost; nothing of them is imitated. Linux only: as root, or where user namespaces
are allowed. Connections are opened while the link only delays; with the stream begins its impairment.
"""

from __future__ import annotations

import asyncio
import platform
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from typing import Any, Literal

from ..errors import Refused
from .base import LANES, Impairment, Lane, Plan
from .emulator import PORTS
from .namespace import SERVER, users
from .processes import Process
from .running import Running, checked_plan

ANSWER_SECONDS = 5.0
"""Longest wait for the emulator to tell how it fared."""


class Tun:
    """See `Backend`.

    Parameters
    ----------
    congestion : TCP's congestion control that the server asks for; what it got, the row says.
    client : the module or the program's file that is the client.
    """

    name: Literal["tun"] = "tun"
    lanes: tuple[Lane, ...] = tuple(LANES)

    def __init__(self, congestion: str = "cubic", client: str = "tokenwidgets.lab.client") -> None:
        self._congestion = congestion
        self._client = client

    def why_not(self) -> str:
        """See `Backend`: it is tried, in a process of its own."""
        if sys.platform != "linux":
            return f"Whole IP packets can be lost on Linux only, and this is {platform.system()}: use the backend model, or relay."
        tried = subprocess.run(
            [sys.executable, "-m", "tokenwidgets.lab.namespace"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if tried.returncode == 0:
            return ""
        why = (tried.stderr.strip().splitlines() or ["it could not be tried"])[-1]
        return f"Two networks cannot be made here: {why}. Run as root on Linux with /dev/net/tun, or allow user namespaces."

    async def run(self, plan: Plan) -> TunRun:
        """See `Backend`."""
        checked_plan(plan, self.lanes)
        if why := await asyncio.to_thread(self.why_not):
            raise Refused("bad_request", why)
        run = TunRun(plan, self._congestion, self._client)
        await run.begin()
        return run


class TunRun(Running):
    """See `Run`.

    Attributes
    ----------
    client : the process on the far side, to look into its network.
    """

    def __init__(self, plan: Plan, congestion: str, client: str) -> None:
        about = {"backend": "tun", "kernel": platform.release(), "aiortc": metadata.version("aiortc")}
        server, servers = socket.socketpair()
        other, others = socket.socketpair()
        super().__init__(plan, about, congestion=congestion, end=[servers])
        self.emulator = Process("tokenwidgets.lab.emulator", [], [server, other])
        self.client = Process(client, [], [others])
        self._fares: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._pings: asyncio.Future[list[int | None]]

    def processes(self) -> Sequence[Process]:
        """See `Running`."""
        return self.emulator, self.source, self.client

    async def opened(self, ready: Mapping[str, Any]) -> None:
        """See `Running`: the link only delays, as long as connections are opened."""
        self.about["congestion_control"] = ready["congestion"]
        self.about["rights"] = "root" if ready["users"] == users() else "user namespaces"
        await self._links(Impairment(delay_ms=self.plan.impairment.delay_ms), 0)
        told = {name: ready[name] for name in ("stream", "ticket", "token", "pid")}
        await self.client.control.tell(read={"lanes": self.plan.lanes, "address": SERVER, "ports": PORTS, **told})

    async def impair(self) -> None:
        """See `Running`."""
        await self.client.control.tell(began=self.began)
        await self._links(self.plan.impairment, self.began)

    async def _links(self, impairment: Impairment, began: int) -> None:
        await self.emulator.control.tell(links=asdict(impairment), seed=self.plan.seed, began=began)

    async def said(self, message: Mapping[str, Any]) -> None:
        """See `Running`: a lane's ports, and answers."""
        match message:
            case {"peer": list(ports), "lane": lane}:
                for port in ports:
                    await self.emulator.control.tell(port=port, lane=lane)
            case {"fares": dict(fares)}:
                self._fares.set_result(fares)
            case {"pinged": list(trips)}:
                self._pings.set_result(trips)

    def _change(self, impairment: Impairment) -> None:
        self._task(self.emulator.control.tell(change=asdict(impairment)))

    async def fares(self) -> Mapping[str, object]:
        """See `Running`."""
        await self.emulator.control.tell(fares=True)
        try:
            told = await asyncio.wait_for(self._fares, ANSWER_SECONDS)
        except TimeoutError:
            return {}
        return {**self.counted(told["counts"]), "late_us": told["late_us"], "untold": told["counts"].get("untold", 0)}

    async def ping(self, times: int, gap: float) -> list[int | None]:
        """Check the link with ICMP echoes from the client, `gap` seconds apart: round-trip times in µs, None where no answer came."""
        self._pings = asyncio.get_running_loop().create_future()
        await self.client.control.tell(ping=times, gap=gap)
        return await self._pings
