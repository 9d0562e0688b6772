"""The data channel `unordered`, reliable: what comes late holds nothing back on the way, and its reader puts it in order.

For comparison: text that is read in order gains little by it, since its reader waits for the late packet instead.
"""

from __future__ import annotations

import asyncio

from tokenwidgets.multiplex import Readable, Send
from tokenwidgets.wire import messages

from .channel import ChannelLink
from .links import is_session


class Unordered:
    """A way for events, once its channel has opened. See `multiplex.Way`."""

    transport = "webrtc-unordered"

    def __init__(self) -> None:
        self._link: ChannelLink | None = None

    @property
    def open(self) -> bool:
        """Whether there is a channel."""
        return self._link is not None and self._link.open

    def use(self, link: ChannelLink) -> None:
        """Take the channel."""
        self._link = link

    def takes(self, stream: Readable, after: int) -> bool:
        """See `multiplex.Way`."""
        return self.open and not is_session(stream)

    async def carry(self, stream: Readable, after: int, send: Send) -> int | None:
        """See `multiplex.Way`. When the channel is gone nobody knows what of it arrived: all of it is to be sent again."""
        link, seq = self._link, after
        while link is not None and link.open:
            await stream.journal.wait(seq)
            await link.ready()
            batch = stream.journal.batch(seq)
            link.send(messages.events(stream.id, batch, stream.clock() if batch and stream.clock else None))
            if not batch or batch[-1].terminal:
                return None
            seq = batch[-1].seq
            await asyncio.sleep(0)  # as in `Multiplexer`
        return after
