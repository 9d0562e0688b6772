"""A clip said over a WebRTC track, as a page's microphone would be heard: Opus at its own pace, and the answer as it comes back."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import Refused
from ..realtime.clip import Clip
from ..realtime.settings import RATE
from ..realtime.tracks import Change, Playback

if TYPE_CHECKING:
    from aiortc import RTCPeerConnection

    from .rest import Rest

CONNECT_SECONDS = 10.0
"""Longest wait for the peers to find each other."""


class Microphone:
    """A peer connection of its own to a voice session.

    Parameters
    ----------
    heard : called with each piece of the answer's sound: samples, and how many of them a second.
    """

    def __init__(self, heard: Callable[[array[int], int], None]) -> None:
        self._heard = heard
        self._spoken = asyncio.Event()
        self._began = asyncio.Event()
        self._playback = Playback(self._changed)
        self._peer: RTCPeerConnection | None = None
        self._listening: asyncio.Future[None] | None = None

    async def open(self, rest: Rest, stream: str) -> None:
        """Connect to a session. From then on it hears silence.

        Parameters
        ----------
        rest : the server that has it.
        stream : its id.

        Raises
        ------
        Refused : there is no such session, or no way to it.
        """
        from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

        from ..realtime.peer_tracks import Paced

        peer = self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connected = asyncio.Event()
        peer.on("connectionstatechange", lambda: connected.set() if peer.connectionState in ("connected", "failed", "closed") else None)
        peer.on("track", self._found)
        peer.addTrack(Paced(self._playback))
        await peer.setLocalDescription(await peer.createOffer())
        answer = await rest.talk(peer.localDescription.sdp, stream)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connected.wait()
        except TimeoutError:
            pass
        if peer.connectionState != "connected":
            raise Refused("connection", "The track did not connect: there is no network path for WebRTC to the Jupyter server.")

    async def say(self, clip: Clip) -> None:
        """Say a clip; returns when its first sample is on its way."""
        self._began.clear()
        self._spoken.clear()
        self._playback.put(0, clip.resampled(RATE).pcm)
        self._playback.finish()
        await self._began.wait()

    async def said(self) -> None:
        """Return when all of the clip has been said."""
        await self._spoken.wait()

    async def aclose(self) -> None:
        """Hang up; the session goes on."""
        if self._listening is not None:
            self._listening.cancel()
        if self._peer is not None:
            await self._peer.close()

    def _changed(self, change: Change) -> None:
        (self._began if change.kind == "started" else self._spoken).set()

    def _found(self, track: Any) -> None:
        from ..realtime.peer_tracks import Ordered

        for transceiver in self._peer.getTransceivers() if self._peer else ():
            Ordered.install(transceiver.receiver)
        self._listening = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: Any) -> None:
        import av
        from aiortc.mediastreams import MediaStreamError

        resampler = av.AudioResampler("s16", "mono", RATE)
        try:
            while True:
                for frame in resampler.resample(await track.recv()):
                    self._heard(array("h", bytes(frame.planes[0])[: 2 * frame.samples]), RATE)
        except MediaStreamError:
            pass  # the server hung up
