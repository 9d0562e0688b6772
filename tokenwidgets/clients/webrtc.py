"""Reading over a WebRTC data channel, by aiortc. It is imported when the first peer opens: it takes a third of a second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .base import Disconnected
from .channel import Channel, ChannelReader
from .rest import Rest

if TYPE_CHECKING:
    from aiortc import RTCPeerConnection

OPEN_SECONDS = 10.0
"""Longest wait for the data channel to open."""


class WebRTCReader(ChannelReader):
    """Reads over one peer connection; the server answers its offer."""

    transport = "webrtc"

    def __init__(self, rest: Rest) -> None:
        super().__init__(rest)
        self._peer: RTCPeerConnection | None = None
        self._closing: set[asyncio.Future[None]] = set()

    async def _connect(self) -> Channel:
        from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

        peer = self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        data = peer.createDataChannel("streams")
        channel = Channel(data.send)
        opened = asyncio.Event()
        data.on("open", opened.set)
        data.on("message", channel.receive)
        data.on("close", lambda: self._gone(peer, channel))
        peer.on("connectionstatechange", lambda: self._changed(peer, channel))
        try:
            await peer.setLocalDescription(await peer.createOffer())
            answer = await self._rest.offer(peer.localDescription.sdp)
            await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
            async with asyncio.timeout(OPEN_SECONDS):
                await opened.wait()
        except TimeoutError:
            await peer.close()
            raise Disconnected(f"The data channel did not open in {OPEN_SECONDS:g} s: no network path for WebRTC to the server.") from None
        except BaseException:  # a cancelled reader too leaves no peer open
            await peer.close()
            raise
        return channel

    def _changed(self, peer: RTCPeerConnection, channel: Channel) -> None:
        if peer.connectionState in ("failed", "closed"):
            self._gone(peer, channel)

    def _gone(self, peer: RTCPeerConnection, channel: Channel) -> None:
        if self._channel is channel:
            self._channel = None
            closing = asyncio.ensure_future(peer.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        channel.broken("The WebRTC connection to the Jupyter server closed.")

    async def aclose(self) -> None:
        """Close the peer."""
        if self._peer is not None:
            await self._peer.close()
        await asyncio.gather(*self._closing)
