"""How a clip travels to a voice session and its answer back, seen from where it is said: as inputs and events, or over a WebRTC track."""

from __future__ import annotations

import asyncio
import base64
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Protocol

from ..clients.microphone import Microphone
from ..clients.rest import Rest
from ..errors import Refused
from ..events import Audio
from ..realtime.clip import Clip, values
from ..realtime.session import HEARD_SECONDS, Session
from ..realtime.settings import RATE

LOUD = 1000
"""A sample as large as this, of 32,767, is speech and no noise of a codec's."""

HEAR_SECONDS = 5.0
"""How long is waited for an answer's sound that its session has given already."""


class Ear:
    """When speech ended here, and when the first sound after it was heard.

    Parameters
    ----------
    clock : seconds; a seam.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended: float | None = None
        self._plays_until = 0.0
        self._first: float | None = None
        self._heard = asyncio.Event()

    def began(self, clip: Clip) -> None:
        """The first sample of a clip was said just now."""
        loud = [i for i, sample in enumerate(values(clip.pcm)) if abs(sample) >= LOUD]
        self._ended = self._clock() + (loud[-1] + 1 if loud else len(clip.pcm) // 2) / clip.rate

    def hear(self, samples: array[int], rate: int) -> None:
        """A piece of an answer came, and is played behind what came before."""
        at = max(self._clock(), self._plays_until)
        self._plays_until = at + len(samples) / rate
        loud = next((i for i, sample in enumerate(samples) if abs(sample) >= LOUD), None)
        if self._first is None and loud is not None and self._ended is not None and at + loud / rate > self._ended:
            self._first = at + loud / rate
            self._heard.set()

    async def round_trip(self) -> float | None:
        """From the end of speech to the first sound after it, µs; None where none comes."""
        try:
            async with asyncio.timeout(HEAR_SECONDS):
                await self._heard.wait()
        except TimeoutError:
            return None
        return None if self._first is None or self._ended is None else (self._first - self._ended) * 1e6


class Path(Protocol):
    """A way to a session, for one turn."""

    ear: Ear

    async def open(self) -> None:
        """Make ready to speak. Raises `Refused` where this way leads nowhere."""
        ...

    async def say(self, clip: Clip, said: asyncio.Event) -> None:
        """Say a clip and then silence, until cancelled; tells when the end of speech can have been heard."""
        ...

    async def aclose(self) -> None:
        """Leave it."""
        ...


class Inputs:
    """Sound as inputs, and the answer's as events.

    Parameters
    ----------
    session : who is spoken to.
    """

    def __init__(self, session: Session) -> None:
        self.ear = Ear()
        self._session = session
        self._seen = 0

    async def open(self) -> None:
        """See `Path.open`."""
        self._session.result.watch(self._news)

    async def say(self, clip: Clip, said: asyncio.Event) -> None:
        """See `Path.say`."""
        self.ear.began(clip)
        await self._session.sending(clip, said)

    async def aclose(self) -> None:
        """See `Path.aclose`."""

    def _news(self) -> None:
        fresh = self._session.result.journal.entries[self._seen :]
        self._seen += len(fresh)
        for event in (entry.event for entry in fresh):
            if isinstance(event, Audio) and event.role == "assistant" and event.delta:
                self.ear.hear(values(base64.b64decode(event.delta)), event.rate or RATE)


class Track:
    """Sound over a peer connection, both ways.

    Parameters
    ----------
    session : who is spoken to.
    """

    def __init__(self, session: Session) -> None:
        self.ear = Ear()
        self._session = session
        self._microphone = Microphone(self.ear.hear)

    async def open(self) -> None:
        """See `Path.open`."""
        place = self._session.result.gateway
        if not isinstance(place, Rest):
            raise Refused(
                "connection", "A track leads to a Jupyter server, and this session is held in the kernel: compare 'inputs' alone."
            )
        await self._microphone.open(place, await self._session.stream())

    async def say(self, clip: Clip, said: asyncio.Event) -> None:
        """See `Path.say`."""
        await self._microphone.say(clip)
        self.ear.began(clip)
        await self._microphone.said()
        await asyncio.sleep(HEARD_SECONDS)
        said.set()
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """See `Path.aclose`."""
        await self._microphone.aclose()


PATHS: Mapping[str, type[Inputs] | type[Track]] = {"inputs": Inputs, "track": Track}
"""By name."""
