"""A voice session of the gateway's and its clients, over a WebSocket or a data channel alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tornado.websocket import WebSocketClosedError

from tokenwidgets.facades.realtime import Conversation
from tokenwidgets.facades.realtime_response import Frame
from tokenwidgets.generation import Stream
from tokenwidgets.hub import Hub

Send = Callable[[Frame], asyncio.Future[None]]
"""Sends a client an event; the future ends when there is room for the next."""


class Connection:
    """Tells the clients what happens; when it is closed, the session ends.

    Parameters
    ----------
    hub : where the session runs.
    ended : called when the session has ended by itself.
    """

    def __init__(self, hub: Hub, stream: Stream, conversation: Conversation, ended: Callable[[], None]) -> None:
        self._hub = hub
        self._stream = stream
        self._conversation = conversation
        self._ended = ended
        self._clients: list[Send] = []
        self._task: asyncio.Task[None] | None = None

    def join(self, send: Send, opens: bool = True) -> None:
        """One more client, which is told what happens from now on.

        Parameters
        ----------
        opens : whether it is told what the session is; who joins a call is not (recorded, wire-formats section 3.6).
        """
        self._clients.append(send)
        for frame in self._conversation.opened() if opens else []:
            send(frame)
        if self._task is None:
            self._task = asyncio.create_task(self._follow())

    def leave(self, send: Send) -> None:
        """One of them has left; the session goes on."""
        self._clients.remove(send)

    def receive(self, message: str) -> asyncio.Future[None] | None:
        """Take a client's event. Returns like `tell`."""
        return self.tell(self._conversation.receive(message))

    def tell(self, frames: list[Frame]) -> asyncio.Future[None] | None:
        """Send events; what ends when there is room for the next, None where there was nothing to send."""
        sent = None
        for frame in frames:
            for send in self._clients:
                try:
                    sent = send(frame)
                except WebSocketClosedError:
                    pass  # it is about to leave
        return sent

    def close(self) -> None:
        """The client whose session it is left."""
        if self._task is not None:
            self._task.cancel()

    async def _follow(self) -> None:
        """Send what the session's events are to the clients, as they come."""
        try:
            with self._stream.attached("gateway"):
                async for batch in self._stream.journal.read():
                    for entry in batch:
                        if sent := self.tell(self._conversation.encode(entry)):
                            await asyncio.wait([sent])
            self._ended()
        finally:
            if self._stream.running:
                await self._hub.stop(self._stream)
