"""The sound of a voice session on a peer connection: the microphone's track in, the answers' track out.

What the listener has heard of an answer is known here, as over any path on which sound goes out as fast as it sounds: when speech ends an
answer, what was not sent yet is dropped, and the session is told how much was heard.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.mediastreams import MediaStreamError

from tokenwidgets.errors import Refused
from tokenwidgets.events import Audio, Event, Notice, Speech, Transcript
from tokenwidgets.generation import Stream
from tokenwidgets.realtime.codec import Resampler
from tokenwidgets.realtime.inputs import Interrupt, Sound
from tokenwidgets.realtime.peer_tracks import Ordered, Paced
from tokenwidgets.realtime.settings import RATE
from tokenwidgets.realtime.tracks import Change, Playback


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
        self._newest = 0
        self._cut = 0
        peer.addTrack(Paced(self._playback))
        peer.on("track", self._found)
        self._tasks = [asyncio.create_task(self._follow(len(stream.journal.entries) - 1))]

    def close(self) -> None:
        """The peer is gone."""
        for task in self._tasks:
            task.cancel()

    def clear(self) -> None:
        """Stop what is sounding, and let the session know how much of it was heard."""
        if cleared := self._playback.clear():
            self._cut = self._newest
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
            case Transcript(role="assistant"):
                self._newest = max(self._newest, event.block)  # words may come before their sound
            case Audio(role="assistant") if event.delta:
                self._newest = max(self._newest, event.block)
                self._say(event)
            case Speech("interrupted"):
                self._interrupted()
            case Speech():
                self._speaking = event.state == "started"
            case Notice(kind="turn"):
                self._playback.finish()

    def _say(self, event: Audio) -> None:
        if event.block <= self._cut:  # a provider's sound may still come after its answer was interrupted, which is told once
            return
        if (rate := event.rate or RATE) != self._resampler.source:
            self._resampler = Resampler(rate, RATE)
        self._playback.put(event.block, self._resampler.feed(base64.b64decode(event.delta)))

    def _interrupted(self) -> None:
        """Nothing more of the answer is sent.

        Where it was not speech that ended it, another answer may be on its way already, and an `Interrupt` would end that one.
        """
        self._cut = self._newest
        if self._speaking:
            self.clear()
        else:
            self._playback.clear()
