"""The process on the far side of the link: reads one stream over every lane at once, and tells what each could show and when.

It ends when its standard input does.

    python -m tokenwidgets.lab.client [FD]    FD: a socket to bring the link's device on; without, offers are answered by the lab's relay
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..clients.base import Disconnected
from ..clients.follow import follow
from ..clients.readers import READERS
from ..clients.rest import Rest
from ..errors import Refused
from ..events import Entry, Text
from ..runtime import Server
from .base import Ended, Lane, Shown
from .control import Control
from .ends import Tasks, bring, first, on_loopback
from .namespace import CLIENT, SERVER
from .ping import ping

CLOSE_SECONDS = 2.0
"""How long a lane's connection may take to close."""

_CANDIDATE_PORT = re.compile(r"^a=candidate:\S+ \d+ udp \d+ \S+ (\d+) ", re.MULTILINE | re.IGNORECASE)


class Offering(Rest):
    """A server, whose peers are offered in a way of our own.

    Parameters
    ----------
    offered : has an offer answered, given it and the server's own way.
    """

    def __init__(self, server: Server, offered: Callable[[str, Callable[[str], Awaitable[str]]], Awaitable[str]]) -> None:
        super().__init__(server)
        self._offered = offered

    async def offer(self, sdp: str) -> str:
        """See `Rest.offer`."""
        return await self._offered(sdp, super().offer)


class Client:
    """Reads lanes.

    Parameters
    ----------
    control : to the lab.
    relayed : whether the lab answers offers.
    """

    def __init__(self, control: Control, relayed: bool) -> None:
        self._control = control
        self._relayed = relayed
        self._answers: dict[Lane, asyncio.Future[str]] = {}
        self._tasks = Tasks()
        self._began = 0

    async def run(self) -> None:
        """Until the lab is gone."""
        async for message in self._control.messages():
            match message:
                case {"read": dict(body)}:
                    for lane in body["lanes"]:
                        self._tasks.begin(self._read(lane, body))
                case {"began": int(began)}:
                    self._began = began
                    first()
                case {"answer": str(sdp), "lane": lane}:
                    self._answers[lane].set_result(sdp)
                case {"ping": int(times), "gap": float(gap)}:
                    self._tasks.begin(self._ping(times, gap))
        os._exit(0)

    async def _read(self, lane: Lane, body: Mapping[str, Any]) -> None:
        rest = Offering(_server(lane, body), lambda sdp, direct: self._offer(lane, sdp, direct))
        reader = READERS[lane](rest)
        failed = ""
        try:
            async for entries in follow(reader, body["stream"]):
                await self._came(lane, entries)
        except (Refused, Disconnected) as e:
            failed = str(e)
        await self._control.report([Ended(lane, self._now(), failed)])
        with suppress(TimeoutError, Disconnected):
            async with asyncio.timeout(CLOSE_SECONDS):
                await reader.aclose()
                await rest.aclose()

    async def _came(self, lane: Lane, entries: Sequence[Entry]) -> None:
        at = self._now()
        if entries[0].seq == 0:
            await self._control.tell(attached=lane)
        if shown := [Shown(lane, e.seq, at) for e in entries if isinstance(e.event, Text)]:
            await self._control.report(shown)

    async def _offer(self, lane: Lane, sdp: str, direct: Callable[[str], Awaitable[str]]) -> str:
        """Have an offer answered: by the lab's relay, or by the server, the lab knowing the ports then."""
        if not self._relayed:
            await self._control.tell(peer=[int(port) for port in _CANDIDATE_PORT.findall(sdp)], lane=lane)
            return await direct(sdp)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[lane] = answer
        await self._control.tell(offer=sdp, lane=lane)
        return await answer

    async def _ping(self, times: int, gap: float) -> None:
        await self._control.tell(pinged=await ping(SERVER, times, gap))

    def _now(self) -> int:
        return time.monotonic_ns() // 1000 - self._began


def _server(lane: Lane, body: Mapping[str, Any]) -> Server:
    """The server as a lane sees it: over the link each has a port of its own."""
    return Server(body["pid"], f"http://{body['address']}:{body['ports'][lane]}/", body["ticket"], "")


def main() -> None:
    """See the module."""
    relayed = len(sys.argv) < 2
    if relayed:
        on_loopback()
    else:
        bring(int(sys.argv[1]), CLIENT, SERVER)

    async def run() -> None:
        await Client(Control.own(), relayed).run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
