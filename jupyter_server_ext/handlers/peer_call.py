"""A call of the gateway's: a voice session, its one client over WebRTC, and who listens beside it over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from tokenwidgets.dialects.untrusted import mapping, parse
from tokenwidgets.facades.realtime import Conversation
from tokenwidgets.facades.realtime_response import Frame
from tokenwidgets.generation import Stream
from tokenwidgets.hub import Hub
from tokenwidgets.realtime.tracks import Change

from .links import as_text
from .peer_audio import PeerAudio
from .realtime_connection import Connection, Send

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCPeerConnection

LABEL = "oai-events"
"""Of the data channel on which OpenAI's clients speak (wire-formats section 3.6)."""

WAITING_BYTES = 2**20
"""The most that may wait to be sent: events without sound are small. A client that does not read loses its call."""


class PeerCall:
    """The call; it lasts as long as its peer.

    Parameters
    ----------
    ended : called when the session has ended by itself.
    """

    def __init__(self, peer: RTCPeerConnection, hub: Hub, stream: Stream, conversation: Conversation, ended: Callable[[], None]) -> None:
        self._hub = hub
        self._stream = stream
        self._conversation = conversation
        self._ended = ended
        self._connection = Connection(hub, stream, conversation, ended)
        self._opened_channel = False
        self._sidebands: dict[Send, Callable[[], None]] = {}
        self._audio = PeerAudio(peer, stream, conversation.hear, ended, self._changed)
        peer.on("datachannel", self._opened)

    async def aclose(self) -> None:
        """The client left: its session ends."""
        self._audio.close()
        self._connection.close()
        for hang_up in list(self._sidebands.values()):
            hang_up()
        if self._stream.running:
            await self._hub.stop(self._stream)

    def join(self, send: Send, hang_up: Callable[[], None]) -> None:
        """Let one more listen and speak, by events alone.

        Parameters
        ----------
        hang_up : called when the call has ended.
        """
        self._sidebands[send] = hang_up
        self._connection.join(send, opens=False)

    def leave(self, send: Send) -> None:
        """One who joined has left; the call goes on."""
        del self._sidebands[send]
        self._connection.leave(send)

    def receive(self, message: str) -> asyncio.Future[None] | None:
        """Take an event from any of them. Returns like `Connection.tell`."""
        if not _clears(message):
            return self._connection.receive(message)
        self._audio.clear()
        return None

    def _opened(self, channel: RTCDataChannel) -> None:
        if channel.label != LABEL or self._opened_channel:
            channel.close()
            return
        self._opened_channel = True

        def send(frame: Frame) -> asyncio.Future[None]:
            if channel.bufferedAmount > WAITING_BYTES:
                channel.close()
            elif channel.readyState == "open":
                channel.send(json.dumps(frame))
            sent = asyncio.get_running_loop().create_future()
            sent.set_result(None)
            return sent

        self._connection.join(send)
        channel.on("message", lambda message: self.receive(as_text(message)))
        channel.on("close", self._ended)

    def _changed(self, change: Change) -> None:
        self._connection.tell(self._conversation.buffer(change))


def _clears(message: str) -> bool:
    """Whether the client wants what is sounding to stop: the one event of its that is about a track."""
    try:
        return mapping(parse(message)).get("type") == "output_audio_buffer.clear"
    except ValueError:
        return False
