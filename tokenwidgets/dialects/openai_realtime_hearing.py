"""The user's side of an OpenAI session: sound out, and what the server found in it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from ..events import Event, Speech, Transcript
from ..realtime.inputs import Sound
from ..realtime.microphone_clock import MicrophoneClock, TrackClock
from ..realtime.resample import Resampler
from ..realtime.settings import RATE
from . import failures
from .openai_realtime_items import Item
from .realtime import fault
from .untrusted import mapping, number, string


class Hearing:
    """What is heard on one connection.

    Where speech begins and ends is told in ms of all sound that was sent: its beginning with the padding before it, its end with the
    silence behind it (openai types/realtime/input_audio_buffer_speech_started_event.py and …_stopped_event.py).

    Parameters
    ----------
    track : the sound goes to the provider by another way, as a track.
    """

    def __init__(self, track: bool = False) -> None:
        self._clock = MicrophoneClock()
        self._track = TrackClock() if track else None
        self._rate = RATE
        self._resampler = Resampler(RATE, RATE)
        self._padding_ms = 0.0
        self._silence_ms = 0.0

    def learn(self, session: Mapping[str, Any]) -> None:
        """Take the detector's figures from a server's session."""
        found = mapping(mapping(mapping(session.get("audio")).get("input")).get("turn_detection") or session.get("turn_detection"))
        self._padding_ms = number(found.get("prefix_padding_ms")) or 0.0
        self._silence_ms = number(found.get("silence_duration_ms")) or 0.0

    def append(self, sound: Sound, at: int) -> str:
        """The sound at the server's rate, in base64; empty where it makes no sample yet."""
        if sound.rate != self._rate:
            self._rate, self._resampler = sound.rate, Resampler(sound.rate, RATE)
        pcm = self._resampler.feed(sound.pcm)
        self._clock.sent(len(pcm) / 2 / RATE, at)
        return base64.b64encode(pcm).decode()

    def started(self, raw: Mapping[str, Any], at: int) -> Speech:
        """The user has begun to speak, as was told at `at`."""
        ms = number(raw.get("audio_start_ms"))
        if self._track and ms is not None:
            self._track.began(ms + self._padding_ms, at)
        return Speech("started", self._since(raw.get("audio_start_ms"), self._padding_ms))

    def stopped(self, raw: Mapping[str, Any], at: int) -> Speech:
        """The user has finished, as was told at `at`."""
        ms = number(raw.get("audio_end_ms"))
        if self._track and ms is not None:
            self._track.reached(ms, at)
        return Speech("stopped", self._since(raw.get("audio_end_ms"), -self._silence_ms))

    def _since(self, place: Any, shift_ms: float) -> int | None:
        ms = number(place)
        return None if ms is None else (self._track or self._clock).at(max(0.0, ms + shift_ms))


def transcribed(item: Item, raw: Mapping[str, Any]) -> Iterator[Event]:
    """The next words of an utterance: a delta, all of them, or that there are none to be had."""
    kind = string(raw.get("type")).rpartition(".")[2]
    if item.final:
        return
    if kind == "delta":
        delta = string(raw.get("delta"))
        if said := item.text.add(delta if item.text.size else delta.lstrip()):
            yield Transcript(item.text.block, "user", said)
        return
    item.final = True
    yield Transcript(item.text.block, "user", item.text.rest(string(raw.get("transcript"))), final=True)
    if kind == "failed":
        error = failures.from_object(raw)
        yield fault(f"What was said could not be written down: {error.message}", error.code)
