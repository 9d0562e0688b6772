"""What the owner of a socket or a data channel may do with the hub."""

from __future__ import annotations

from typing import Any

from tornado.web import HTTPError

from tokenwidgets.errors import Refused
from tokenwidgets.generation import Stream
from tokenwidgets.multiplex import Readable
from tokenwidgets.realtime.inputs import Input

from .base import TicketMixin


class OwnStreams:
    """The streams of the caller behind a handler; each operation asks the authoriser.

    The name of the owner and the handler's credentials are taken when the connection opens: a connection keeps what it was opened with.
    """

    def __init__(self, handler: TicketMixin) -> None:
        self._handler = handler
        self._hub = handler.hub
        self._owner = handler.owner

    async def start(self, request: Any) -> Stream:
        """See `multiplex.Streams`."""
        await self._allowed("execute")
        return self._hub.start(self._hub.registry.request(request), self._owner)

    async def get(self, stream_id: str) -> Stream:
        """See `multiplex.Streams`."""
        await self._allowed("read")
        return self._hub.get(stream_id, self._owner)

    async def input(self, stream_id: str, given: Input) -> None:
        """See `multiplex.Streams`."""
        await self._allowed("execute")
        self._hub.get(stream_id, self._owner).take(given)

    async def stop(self, stream_id: str) -> None:
        """See `multiplex.Streams`."""
        await self._allowed("write")
        await self._hub.stop(self._hub.get(stream_id, self._owner))

    async def _allowed(self, action: str) -> None:
        try:
            await self._handler.allowed(action)
        except HTTPError as e:
            raise Refused("auth", str(e.log_message), 403) from None


def is_session(stream: Readable) -> bool:
    """Whether it is a voice session, whose events, much of them sound, keep to the reliable channel."""
    return isinstance(stream, Stream) and stream.inputs is not None


def as_text(message: str | bytes) -> str:
    """A message of either kind; what is no UTF-8 will be refused as no JSON."""
    return message if isinstance(message, str) else message.decode("utf-8", "replace")
