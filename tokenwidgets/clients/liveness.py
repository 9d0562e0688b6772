"""Whether the server's peer is still there: aiortc itself notices only after half a minute that it is gone."""

from __future__ import annotations

import asyncio
from time import monotonic

from .channel import Channel

PING_SECONDS = 1.0
"""How often a channel over which something is read asks whether the server is there."""

DEAD_SECONDS = 2.0
"""A server of which nothing was heard for so long after it was asked is gone: that is noticed within 3 s."""


async def until_dead(channel: Channel) -> None:
    """Return when the other side of a channel is gone; ping it while somebody reads."""
    channel.ping()  # so that the server knows that it will be pinged, and may miss it
    asked: float | None = None
    while True:
        if not channel.reading:
            asked = None
        elif asked is None or channel.heard > asked:
            asked = monotonic()
            channel.ping()
        elif monotonic() - asked >= DEAD_SECONDS:
            return
        await asyncio.sleep(PING_SECONDS)
