"""A voice session of the gateway's and its one client, over a WebSocket or a data channel alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tornado.websocket import WebSocketClosedError

from tokenwidgets.facades.realtime import Conversation
from tokenwidgets.facades.realtime_response import Frame
from tokenwidgets.hub import Hub, Stream


class Connection:
    """Tells the client what happens; when the client leaves, the session ends.

    Parameters
    ----------
    hub : where the session runs.
    send : sends an event; its future ends when there is room for the next.
    ended : called when the session has ended by itself.
    """

    def __init__(
        self, hub: Hub, stream: Stream, conversation: Conversation, send: Callable[[Frame], asyncio.Future[None]], ended: Callable[[], None]
    ) -> None:
        self._hub = hub
        self._stream = stream
        self._conversation = conversation
        self._send = send
        self._ended = ended
        self.tell(conversation.opened())
        self._task = asyncio.create_task(self._follow())

    def receive(self, message: str) -> asyncio.Future[None] | None:
        """Take a client's event. Returns like `tell`."""
        return self.tell(self._conversation.receive(message))

    def tell(self, frames: list[Frame]) -> asyncio.Future[None] | None:
        """Send events; what ends when there is room for the next, None where there was nothing to send."""
        sent = None
        try:
            for frame in frames:
                sent = self._send(frame)
        except WebSocketClosedError:
            pass
        return sent

    def close(self) -> None:
        """The client left."""
        self._task.cancel()

    async def _follow(self) -> None:
        """Send what the session's events are to the client, as they come."""
        try:
            with self._stream.attached("gateway"):
                async for batch in self._stream.journal.read():
                    for entry in batch:
                        for frame in self._conversation.encode(entry):
                            await self._send(frame)
            self._ended()
        except WebSocketClosedError:
            pass
        finally:
            if self._stream.running:
                await self._hub.stop(self._stream)
