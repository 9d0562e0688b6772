"""A data channel as a link of the socket's messages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tokenwidgets.wire import messages

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

BUFFERED_BYTES = 64 * 2**10
"""A channel that holds more than this takes no further events."""


class ChannelLink:
    """Full while it holds more than `BUFFERED_BYTES` unsent.

    Parameters
    ----------
    channel : the data channel.
    limit : the largest message that the other side takes, in bytes.
    parts : numbers messages that travel in parts, over all channels of a peer.
    """

    transport = "webrtc-ordered"

    def __init__(self, channel: RTCDataChannel, limit: int, parts: Iterator[int]) -> None:
        self._channel = channel
        self._limit = limit
        self._parts = parts
        self._drained = asyncio.Event()
        channel.bufferedAmountLowThreshold = BUFFERED_BYTES // 2
        channel.on("bufferedamountlow", self._drained.set)
        channel.on("close", self._drained.set)

    @property
    def open(self) -> bool:
        """Whether it can be used."""
        return self._channel.readyState == "open"

    async def ready(self) -> None:
        """See `multiplex.Link`."""
        while self.open and self._channel.bufferedAmount > BUFFERED_BYTES:
            self._drained.clear()
            await self._drained.wait()

    def send(self, data: bytes) -> None:
        """See `multiplex.Link`."""
        if self.open:
            for part in messages.split(data, self._limit, next(self._parts)):
                self._channel.send(part.decode())
