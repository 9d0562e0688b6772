"""WebRTC: `tokenwidgets/rtc` takes an offer; a data channel `streams` speaks the socket's messages.

With a voice session named, an audio track in the offer is its microphone, and the answer has a track with what it says. The session goes
on when the peer is gone, like any stream. A call of the gateway's is a session of its own, which ends with the peer; its data channel
`oai-events` speaks OpenAI's realtime protocol.

No ICE servers and no trickle: both sides offer the addresses they have. mDNS names in an offer are struck out before it is applied,
since looking one up stalls for a second and the connection is found without it.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tokenwidgets.errors import Refused
from tokenwidgets.multiplex import Multiplexer
from tokenwidgets.wire import messages

from .base import Handler, guarded
from .links import OwnStreams, as_text

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCPeerConnection

    from tokenwidgets.facades.realtime import Conversation
    from tokenwidgets.hub import Hub, Stream

log = logging.getLogger("tokenwidgets")

CONNECT_SECONDS = 15.0
"""A peer that is not connected by then is closed."""

BUFFERED_BYTES = 64 * 2**10
"""A channel that holds more than this takes no further events."""

SDP_BYTES = 64 * 2**10
"""The largest offer taken."""

MESSAGE_BYTES = 64 * 2**10
"""The largest message sent, to a peer that takes as much; longer ones travel in parts."""

LEAST_MESSAGE_BYTES = 2**10
"""A peer that takes less than this at once would cost more parts than it is worth."""

CHANNELS = 4
"""How many data channels a peer may have open; further ones are closed."""

WAITING_BYTES = 16 * 2**20
"""The most that may wait on a channel to be carried out, each message counting 1 KiB more: nothing else slows down who sends and does
not read, so the channel is closed."""

_MDNS = re.compile(r"^a=candidate:\S+ \d+ \S+ \d+ \S+\.local .*\r?\n?", re.MULTILINE)
_LAST = re.compile(r"^a=end-of-candidates\r?\n?", re.MULTILINE)


def _without_names(sdp: str) -> str:
    """An offer without mDNS names.

    What is left does not count as all there is, or aiortc would give up where nothing is left: the addresses struck out show themselves
    as soon as the page's own checks arrive.
    """
    found, struck = _MDNS.subn("", sdp)
    return _LAST.sub("", found) if struck else sdp


class _ChannelLink:
    """A data channel as a link: full while it holds more than `BUFFERED_BYTES` unsent."""

    transport = "webrtc"

    def __init__(self, channel: RTCDataChannel, limit: int) -> None:
        self._channel = channel
        self._limit = limit
        self._parts = 0
        self._drained = asyncio.Event()
        channel.bufferedAmountLowThreshold = BUFFERED_BYTES // 2
        channel.on("bufferedamountlow", self._drained.set)
        channel.on("close", self._drained.set)

    async def ready(self) -> None:
        while self._channel.readyState == "open" and self._channel.bufferedAmount > BUFFERED_BYTES:
            self._drained.clear()
            await self._drained.wait()

    def send(self, data: bytes) -> None:
        if self._channel.readyState != "open":
            return
        self._parts += 1
        for part in messages.split(data, self._limit, self._parts):
            self._channel.send(part.decode())


class _Inbox:
    """What came over a channel: carried out one after the other, in its order, as on a socket."""

    def __init__(self, multiplexer: Multiplexer) -> None:
        self._multiplexer = multiplexer
        self._messages: deque[str | bytes] = deque()
        self._turn = asyncio.Lock()
        self._held = 0

    def put(self, message: str | bytes) -> bool:
        """Take a message, for a turn of its own; whether there is room for it."""
        if self._held + _held(message) > WAITING_BYTES:
            return False
        self._held += _held(message)
        self._messages.append(message)
        return True

    async def turn(self) -> None:
        """Carry out the next one."""
        async with self._turn:
            message = self._messages.popleft()
            try:
                await self._multiplexer.receive(as_text(message))
            finally:
                self._held -= _held(message)


def _held(message: str | bytes) -> int:
    return len(message) + 2**10


class Peers:
    """The peer connections of this server.

    Parameters
    ----------
    limit : how many may be open at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[RTCPeerConnection, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    async def answer(self, sdp: str, streams: OwnStreams, session: Stream | None = None) -> str:
        """Accept an offer; returns the answer's SDP.

        Parameters
        ----------
        session : whose sound is on the audio tracks.

        Raises
        ------
        Refused : too many peers, a bad offer, or no address on one side at which the two could meet.
        """
        if session is not None:
            _need_audio(sdp)
        return await self._accepted(sdp, lambda peer: self._page(peer, streams, session))

    async def call(self, sdp: str, hub: Hub, stream: Stream, conversation: Conversation) -> str:
        """Accept the offer of a client of the gateway's, whose session is `stream`. Returns and raises like `answer`."""
        _need_audio(sdp)
        return await self._accepted(sdp, lambda peer: self._caller(peer, hub, stream, conversation))

    async def _accepted(self, sdp: str, watch: Callable[[RTCPeerConnection], None]) -> str:
        from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

        if len(self._open) >= self._limit:
            raise Refused("limit", f"{self._limit} WebRTC peers are open already: use another transport, or close one.")
        if "a=candidate:" not in sdp:
            raise Refused("no_candidates", "The offer names no address to connect to: this browser has no network interface for WebRTC.")
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._guard(peer)
        watch(peer)
        try:
            await peer.setRemoteDescription(RTCSessionDescription(_without_names(sdp), "offer"))
            await peer.setLocalDescription(await peer.createAnswer())
        except Exception as e:
            # aiortc raises whatever its parser meets; an offer is untrusted text and is not quoted.
            await self.close(peer)
            raise Refused("bad_request", f"The offer could not be used ({type(e).__name__}).") from None
        if peer.sctp is None and not peer.getTransceivers():
            await self.close(peer)
            raise Refused("bad_request", "The offer could not be used: it has no data channel.")
        if "a=candidate:" not in peer.localDescription.sdp:
            await self.close(peer)
            raise Refused("no_candidates", "The server has no network interface for WebRTC (loopback alone is not enough).")
        return str(peer.localDescription.sdp)

    def _guard(self, peer: RTCPeerConnection) -> None:
        """Close a peer that does not connect, or is gone."""
        timer = asyncio.get_running_loop().call_later(CONNECT_SECONDS, self._expired, peer)
        self._open[peer] = timer

        async def changed() -> None:
            if peer.connectionState == "connected":
                timer.cancel()
            elif peer.connectionState in ("failed", "closed"):
                await self.close(peer)

        peer.on("connectionstatechange", changed)

    def _page(self, peer: RTCPeerConnection, streams: OwnStreams, session: Stream | None) -> None:
        channels: set[RTCDataChannel] = set()
        peer.on("datachannel", lambda channel: self._channel(peer, channel, channels, streams))
        if session is not None:
            from .peer_audio import PeerAudio

            audio = PeerAudio(peer, session, session.take, lambda: self._expired(peer))
            peer.on("closed", audio.close)

    def _caller(self, peer: RTCPeerConnection, hub: Hub, stream: Stream, conversation: Conversation) -> None:
        from .peer_call import PeerCall

        call = PeerCall(peer, hub, stream, conversation, lambda: self._expired(peer))
        peer.on("closed", lambda: self._task(call.aclose()))

    def _channel(self, peer: RTCPeerConnection, channel: RTCDataChannel, channels: set[RTCDataChannel], streams: OwnStreams) -> None:
        sctp: Any = peer.sctp
        # 0 says that any size is taken. aiortc tells it nowhere else, and refuses to send what is larger.
        limit = min(sctp._remote_max_message_size or MESSAGE_BYTES, MESSAGE_BYTES)
        if channel.label != "streams" or limit < LEAST_MESSAGE_BYTES or len(channels) >= CHANNELS:
            channel.close()
            return
        channels.add(channel)
        multiplexer = Multiplexer(streams, _ChannelLink(channel, limit))
        inbox = _Inbox(multiplexer)

        def received(message: str | bytes) -> None:
            if inbox.put(message):
                self._task(inbox.turn())
            elif channel.readyState == "open":
                channel.close()

        channel.on("message", received)
        channel.on("close", lambda: channels.discard(channel))
        channel.on("close", lambda: self._task(multiplexer.aclose()))
        peer.on("closed", lambda: self._task(multiplexer.aclose()))

    def _task(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _expired(self, peer: RTCPeerConnection) -> None:
        self._task(self.close(peer))

    async def close(self, peer: RTCPeerConnection) -> None:
        """Close one peer; its streams go on."""
        if timer := self._open.pop(peer, None):
            timer.cancel()
            peer.emit("closed")
            await peer.close()

    async def aclose(self) -> None:
        """Close all."""
        await asyncio.gather(*(self.close(peer) for peer in list(self._open)))


def _need_audio(sdp: str) -> None:
    if "m=audio" not in sdp:
        raise Refused("bad_request", "The offer has no audio track: a voice session over WebRTC needs one.")


class RtcHandler(Handler):
    """`tokenwidgets/rtc`."""

    @guarded("execute")
    async def post(self) -> None:
        """Answer an offer `{"sdp", "type": "offer", "stream": ID}` with `{"sdp", "type": "answer"}`; `stream` names a voice session."""
        body = self.body_json()
        match body:
            case {"sdp": str(sdp), "type": "offer"} if len(sdp) <= SDP_BYTES:
                session = self._session(body["stream"]) if body.get("stream") is not None else None
                answer = await self.app.rtc.answer(sdp, OwnStreams(self), session)
                await self.finish({"sdp": answer, "type": "answer"})
            case _:
                raise Refused("bad_request", "An offer is {'sdp': text, 'type': 'offer'}.")

    def _session(self, stream_id: Any) -> Stream:
        stream = self.hub.get(str(stream_id), self.owner)
        if stream.inputs is None:
            raise Refused("bad_request", "Only a voice session has sound: one that was started with 'session'.")
        return stream
