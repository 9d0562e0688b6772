"""WebRTC: `tokenwidgets/rtc` takes an offer; a data channel `streams` speaks the socket's messages.

Channels `tokens` and `unordered` beside it carry the events of streams that are attached `via` them.

With a voice session named, an audio track in the offer is its microphone, and the answer has a track with what it says. The session goes
on when the peer is gone, like any stream. A call of the gateway's is a session of its own, which ends with the peer; its data channel
`oai-events` speaks OpenAI's realtime protocol.

No trickle, and no ICE servers but those of the configuration: both sides offer the addresses they have. mDNS names in an offer are struck
out before it is applied, since looking one up stalls for a second and the connection is found without it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tokenwidgets.errors import Refused
from tokenwidgets.multiplex import Multiplexer, Way

from ..ice import configuration
from .base import Handler, guarded
from .channel import ChannelLink
from .links import OwnStreams, as_text
from .liveness import Liveness
from .tokens import Tokens
from .unordered import Unordered

if TYPE_CHECKING:
    from aiortc import RTCDataChannel, RTCPeerConnection

    from tokenwidgets.facades.realtime import Conversation
    from tokenwidgets.generation import Stream
    from tokenwidgets.hub import Hub

    from .peer_call import PeerCall

log = logging.getLogger("tokenwidgets")

CONNECT_SECONDS = 15.0
"""A peer that is not connected by then is closed."""

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


class _Channels:
    """The data channels of one page's peer."""

    def __init__(self, streams: OwnStreams) -> None:
        self.open: set[RTCDataChannel] = set()
        self._streams = streams
        self._parts = itertools.count()
        self._tokens = Tokens()
        self._unordered = Unordered()

    def multiplexer(self, channel: RTCDataChannel, limit: int) -> Multiplexer:
        """What answers a channel `streams`; the ways beside it need not have opened yet."""
        ways: dict[str, Way] = {"tokens": self._tokens, "unordered": self._unordered}
        return Multiplexer(self._streams, ChannelLink(channel, limit, self._parts), ways)

    def way(self, channel: RTCDataChannel, limit: int) -> bool:
        """Take a channel for events; whether it is one, and the first with its label."""
        if channel.label == "tokens" and not self._tokens.open:
            self._tokens.use(channel)
        elif channel.label == "unordered" and not self._unordered.open:
            self._unordered.use(ChannelLink(channel, limit, self._parts))
        else:
            return False
        self.open.add(channel)
        return True


class Peers:
    """The peer connections of this server.

    Parameters
    ----------
    limit : how many may be open at once.
    ice_servers : STUN and TURN servers, see `ice`.

    Attributes
    ----------
    calls : those of the gateway's, by their session's id.
    """

    def __init__(self, limit: int, ice_servers: Sequence[Mapping[str, Any]] = ()) -> None:
        self._limit = limit
        self._ice_servers = ice_servers
        self.calls: dict[str, PeerCall] = {}
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
        from aiortc import RTCPeerConnection, RTCSessionDescription

        if len(self._open) >= self._limit:
            raise Refused("limit", f"{self._limit} WebRTC peers are open already: use another transport, or close one.")
        if "a=candidate:" not in sdp:
            raise Refused("no_candidates", "The offer names no address to connect to: this browser has no network interface for WebRTC.")
        peer = RTCPeerConnection(configuration(self._ice_servers))
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
        channels = _Channels(streams)
        liveness = Liveness(lambda: self._expired(peer))
        peer.on("datachannel", lambda channel: self._channel(peer, channel, channels, liveness))
        peer.on("closed", liveness.close)
        if session is not None:
            from .peer_audio import PeerAudio

            audio = PeerAudio(peer, session, session.take, lambda: self._expired(peer))
            peer.on("closed", audio.close)

    def _caller(self, peer: RTCPeerConnection, hub: Hub, stream: Stream, conversation: Conversation) -> None:
        from .peer_call import PeerCall

        call = self.calls[stream.id] = PeerCall(peer, hub, stream, conversation, lambda: self._expired(peer))
        peer.on("closed", lambda: self._task(self.calls.pop(stream.id, call).aclose()))

    def _channel(self, peer: RTCPeerConnection, channel: RTCDataChannel, channels: _Channels, liveness: Liveness) -> None:
        sctp: Any = peer.sctp
        # 0 says that any size is taken. aiortc tells it nowhere else, and refuses to send what is larger.
        limit = min(sctp._remote_max_message_size or MESSAGE_BYTES, MESSAGE_BYTES)
        if limit < LEAST_MESSAGE_BYTES or len(channels.open) >= CHANNELS:
            channel.close()
        elif channel.label == "streams":
            channels.open.add(channel)
            multiplexer = channels.multiplexer(channel, limit)
            liveness.watch(multiplexer)
            self._streams(peer, channel, multiplexer)
        elif not channels.way(channel, limit):
            channel.close()
        channel.on("message", liveness.heard)
        channel.on("close", lambda: channels.open.discard(channel))

    def _streams(self, peer: RTCPeerConnection, channel: RTCDataChannel, multiplexer: Multiplexer) -> None:
        inbox = _Inbox(multiplexer)

        def received(message: str | bytes) -> None:
            if inbox.put(message):
                self._task(inbox.turn())
            elif channel.readyState == "open":
                channel.close()

        channel.on("message", received)
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
    async def get(self) -> None:
        """The STUN and TURN servers to use, with their credentials: for whoever may open a peer, and to be kept nowhere."""
        self.set_header("Cache-Control", "no-store")
        await self.finish({"iceServers": self.app.ice_servers})

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
