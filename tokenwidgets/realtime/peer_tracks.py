"""Tracks of a peer connection as aiortc has them: sound that goes out at its own pace, and packets that come in, put in order.

aiortc's own jitter buffer adds 80 ms, and stays 280 ms late after the first lost packet (aiortc issue 543). Receivers here get another one.
"""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import MediaStreamError

from .jitter import JitterBuffer
from .settings import RATE
from .tracks import FRAME_SAMPLES, Playback

LATE_SECONDS = 0.2
"""How much of the time that a busy process lost it makes up for by sending faster; the rest is a pause."""

OPUS_SAMPLES = 960
"""RTP time of a packet of Opus, which counts at 48 kHz (RFC 7587 section 4.1)."""


class Paced(MediaStreamTrack):
    """What is played, a frame every 20 ms.

    Parameters
    ----------
    playback : has the sound.
    """

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
