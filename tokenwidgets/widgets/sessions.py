"""What runs now, and by which keys and within which limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import traitlets

from .. import api, sessions_card
from ..clients.base import Disconnected, Place
from ..comm import Answer
from ..errors import Refused
from ..output import Bundle, in_notebook
from ..portal import portal
from .base import STATIC, Widget


class Sessions(Widget):
    """The streams of this user, each with phase, age, rate, readers and Stop; the hosts with the state of their keys; the limits.

    The page asks the server that holds them by itself, so it works while the kernel is busy; where it can reach none, it asks the kernel.
    """

    _esm = STATIC / "sessions.js"
    _css = STATIC / "sessions.css"

    place = traitlets.Enum(["server", "kernel"], "server", help="Where the streams live.").tag(sync=True)

    def __init__(self) -> None:
        operations = {"sessions": self._sessions, "end": self._end, "open": self._open}
        super().__init__(operations=operations, place=api.gateway().place)
        self.seen = portal().run(_look())

    @property
    def origin(self) -> Place:
        """See `Widget.origin`."""
        return api.gateway().place

    async def _sessions(self, _: Mapping[str, Any]) -> Answer:
        """What there is now."""
        self.seen = await _look()
        return self.seen

    async def _end(self, content: Mapping[str, Any]) -> Answer:
        """Stop a stream."""
        try:
            await api.gateway().stop(str(content.get("stream")))
        except Disconnected as e:
            raise Refused("connection", str(e)) from None
        return {}

    async def _open(self, content: Mapping[str, Any]) -> Answer:
        """Let the page read a stream from the kernel."""
        stream = str(content.get("stream"))
        await _snapshot(stream)
        self.messages.add(api.open(stream, show=False))
        return {}

    def static(self) -> Bundle:
        """See `Widget.static`."""
        return sessions_card.bundle(self.seen)

    def __repr__(self) -> str:
        return str(self.static()["text/plain"])

    def _ipython_display_(self) -> None:
        if in_notebook():
            super()._ipython_display_()
        else:
            print(repr(self))  # noqa: T201 (this is the terminal's display)


async def _look() -> dict[str, Any]:
    """Streams, hosts and limits as they are now, and when that was; of an unreachable place, why."""
    gateway = api.gateway()
    try:
        streams, hosts, limits = await asyncio.gather(gateway.briefs(), gateway.hosts(), gateway.limits())
    except (Refused, Disconnected) as e:
        return {"at": time.time(), "streams": [], "hosts": [], "limits": {}, "used": {}, "problem": str(e)}
    return {"at": time.time(), "streams": streams, "hosts": hosts, "limits": limits.limits, "used": limits.used}


async def _snapshot(stream: str) -> None:
    """Refuse what is no stream of ours."""
    try:
        await api.gateway().snapshot(stream)
    except Disconnected as e:
        raise Refused("connection", str(e)) from None


def sessions() -> Sessions:
    """What runs now in this server for this user: streams, rates, transports, hosts with the state of their keys, limits; stop any."""
    return Sessions()
