"""The sound of a voice session on a peer connection: the microphone's track in, the answers' track out.

aiortc's own jitter buffer adds 80 ms, and stays 280 ms late after the first lost packet (aiortc issue 543). Receivers here get another one.
What the listener has heard of an answer is known here, as over any path on which sound goes out as fast as it sounds: when speech ends an
answer, what was not sent yet is dropped, and the session is told how much was heard.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import MediaStreamError

from tokenwidgets.errors import Refused
from tokenwidgets.events import Audio, Event, Notice, Speech
from tokenwidgets.hub import Stream
from tokenwidgets.realtime.codec import Resampler
from tokenwidgets.realtime.inputs import Interrupt, Sound
from tokenwidgets.realtime.jitter import JitterBuffer
from tokenwidgets.realtime.settings import RATE
from tokenwidgets.realtime.tracks import FRAME_SAMPLES, Change, Playback

LATE_SECONDS = 0.2
"""How much of the time that a busy server lost it makes up for by sending faster; the rest is a pause."""

OPUS_SAMPLES = 960
"""RTP time of a packet of Opus, which counts at 48 kHz (RFC 7587 section 4.1)."""


class PeerAudio:
    """Sound between a peer and a session.

    Parameters
    ----------
    peer : before the offer is applied.
    stream : the session.
    hear : takes the user's sound; raises `Refused` like `Stream.take`.
    told : called when the answer's sound starts, stops, or is dropped.
    ended : called when the session has ended.
    """

    def __init__(
        self,
        peer: RTCPeerConnection,
        stream: Stream,
        hear: Callable[[Sound], None],
        ended: Callable[[], None],
        told: Callable[[Change], None] = lambda change: None,
    ) -> None:
        self._peer = peer
        self._stream = stream
        self._hear = hear
        self._ended = ended
        self._playback = Playback(told)
        self._resampler = Resampler(RATE, RATE)
        self._speaking = False
        peer.addTrack(_Speech(self._playback))
        peer.on("track", self._found)
        self._tasks = [asyncio.create_task(self._follow(len(stream.journal.entries) - 1))]

    def close(self) -> None:
        """The peer is gone."""
        for task in self._tasks:
            task.cancel()

    def clear(self) -> None:
        """Stop what is sounding, and let the session know how much of it was heard."""
        if cleared := self._playback.clear():
            with suppress(Refused):  # it has ended meanwhile
                self._stream.take(Interrupt(cleared.block, cleared.played_ms))

    def _found(self, track: MediaStreamTrack) -> None:
        if track.kind != "audio" or len(self._tasks) > 1:
            return
        for receiver in (t.receiver for t in self._peer.getTransceivers() if t.receiver.track is track):
            Ordered.install(receiver)
        self._tasks.append(asyncio.create_task(self._listen(track)))

    async def _listen(self, track: MediaStreamTrack) -> None:
        resampler = av.AudioResampler("s16", "mono", RATE)
        while self._stream.running:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            pcm = b"".join(bytes(f.planes[0])[: 2 * f.samples] for f in resampler.resample(frame))
            with suppress(Refused):  # it does not take sound as fast as it is spoken: what is lost is lost
                self._hear(Sound(pcm, RATE))

    async def _follow(self, after: int) -> None:
        with self._stream.attached("webrtc"):
            async for batch in self._stream.journal.read(after):
                for entry in batch:
                    self._react(entry.event)
        self._ended()

    def _react(self, event: Event) -> None:
        match event:
            case Audio(role="assistant") if event.delta:
                self._say(event)
            case Speech("interrupted"):
                self._interrupted()
            case Speech():
                self._speaking = event.state == "started"
            case Notice(kind="turn"):
                self._playback.finish()

    def _say(self, event: Audio) -> None:
        if (rate := event.rate or RATE) != self._resampler.source:
            self._resampler = Resampler(rate, RATE)
        self._playback.put(event.block, self._resampler.feed(base64.b64decode(event.delta)))

    def _interrupted(self) -> None:
        """Nothing more of the answer is sent.

        Where it was not speech that ended it, another answer may be on its way already, and an `Interrupt` would end that one.
        """
        if self._speaking:
            self.clear()
        else:
            self._playback.clear()


class _Speech(MediaStreamTrack):
    """What is played, a frame every 20 ms."""

    kind = "audio"

    def __init__(self, playback: Playback) -> None:
        super().__init__()
        self._playback = playback
        self._samples = 0
        self._due = 0.0

    async def recv(self) -> av.AudioFrame:
        """The next frame, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        self._due = max(self._due + FRAME_SAMPLES / RATE, now - LATE_SECONDS) if self._due else now
        await asyncio.sleep(self._due - now)
        frame = av.AudioFrame("s16", "mono", FRAME_SAMPLES)
        frame.planes[0].update(self._playback.frame().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._samples
        self._samples += FRAME_SAMPLES
        return frame


class Ordered:
    """A jitter buffer as aiortc's receivers use theirs: `add` gives back the last frame that can be decoded, having queued those before it.

    A lost packet is made up for by the decoder: one that has nothing but its first byte counts as lost to libopus (RFC 6716 section 3.1
    allows frames of no bytes), which then continues the sound.
    """

    def __init__(self, receiver: Any) -> None:
        self._receiver = receiver
        self._buffer = JitterBuffer[Any]()
        self._last: tuple[int, int] | None = None

    @staticmethod
    def install(receiver: Any) -> None:
        """Put it into a receiver in place of aiortc's, which has no way to do so."""
        receiver._RTCRtpReceiver__jitter_buffer = Ordered(receiver)

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        """See `aiortc.jitterbuffer.JitterBuffer`; audio asks for no key frames."""
        fed = self._buffer.feed(packet.sequence_number, packet)
        frames = [frame for frame in map(self._frame, fed) if frame is not None]
        codec = self._receiver._RTCRtpReceiver__codecs[packet.payload_type]
        for frame in frames[:-1]:
            frame.timestamp = self._receiver._RTCRtpReceiver__timestamp_mapper.map(frame.timestamp)
            self._receiver._RTCRtpReceiver__decoder_queue.put((codec, frame))
        return False, frames[-1] if frames else None

    def _frame(self, packet: Any) -> JitterFrame | None:
        if packet is None:
            return self._concealed()
        if not packet._data:
            return None  # padding; FFmpeg would take it for the end
        self._last = packet._data[0], packet.timestamp
        return JitterFrame(packet._data, packet.timestamp)

    def _concealed(self) -> JitterFrame | None:
        if self._last is None:
            return None
        first, timestamp = self._last
        self._last = first, (timestamp + OPUS_SAMPLES) % 2**32
        return JitterFrame(bytes([first & 0xFC]), self._last[1])
