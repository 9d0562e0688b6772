"""Reading over WebRTC data channels, by aiortc. It is imported when the first peer opens: it takes a third of a second.

The channel `streams` carries the questions and, unless a channel beside it is to bring them, the events. Until that one has opened, and
if it closes, the events come over `streams`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from .base import Disconnected
from .channel import Channel, ChannelReader
from .liveness import until_dead
from .rest import Rest

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCPeerConnection

OPEN_SECONDS = 10.0
"""Longest wait for the data channel to open."""


class WebRTCReader(ChannelReader):
    """Reads over one peer connection, whose channel `tokens` loses messages and no events (`wire/redundancy.py`)."""

    transport = "webrtc"
    via: Literal["tokens", "unordered"] | None = "tokens"

    def __init__(self, rest: Rest) -> None:
        super().__init__(rest)
        self._peer: RTCPeerConnection | None = None
        self._closing: set[asyncio.Future[None]] = set()

    async def _connect(self) -> Channel:
        from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription

        servers = [RTCIceServer(**server) for server in await self._rest.ice_servers()]
        peer = self._peer = RTCPeerConnection(RTCConfiguration(servers))
        data = peer.createDataChannel("streams")
        channel = self._channel_over(peer, data)
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
        self._watched(peer, channel)
        return channel

    def _watched(self, peer: RTCPeerConnection, channel: Channel) -> None:
        watching = asyncio.ensure_future(until_dead(channel))
        watching.add_done_callback(lambda done: None if done.cancelled() else self._gone(peer, channel))
        peer.on("connectionstatechange", lambda: peer.connectionState == "closed" and watching.cancel())

    def _channel_over(self, peer: RTCPeerConnection, data: RTCDataChannel) -> Channel:
        if self.via is None:
            return Channel(data.send)
        reliable = self.via == "unordered"
        side = peer.createDataChannel(self.via, ordered=False, maxRetransmits=None if reliable else 0)
        channel = Channel(data.send, self.via, None if reliable else lambda text: _sent(side, text))
        side.on("message", channel.receive)
        if reliable:  # what it had still to bring once it was used, nobody knows
            side.once("message", lambda _: side.on("close", lambda: self._gone(peer, channel)))
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


class OrderedReader(WebRTCReader):
    """Reads over the channel `streams` alone, ordered and reliable."""

    transport = "webrtc-ordered"
    via = None


class UnorderedReader(WebRTCReader):
    """Reads over a channel that is reliable, and keeps no order: it is made here."""

    transport = "webrtc-unordered"
    via = "unordered"


def _sent(channel: RTCDataChannel, text: str) -> None:
    """Send it if that is possible; it may be lost."""
    if channel.readyState == "open":
        channel.send(text)
