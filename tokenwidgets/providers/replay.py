"""The host `replay`: a recording played again, with its own timing or at another speed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from ..errors import Refused
from ..events import End, Entry, Event, Notice, Start
from ..recording import Frame, Recording, RecordingError, in_order, load
from ..request import Check, Request
from .base import Sink
from .pace import Sleep, paced

SHIPPED = Path(__file__).parent.parent / "recordings"
"""The recordings that come with the package."""

SPEED_MAX = 1000.0

REPLAY_OPTIONS: Mapping[str, Check] = {
    "speed": (
        lambda v: isinstance(v, int | float) and not isinstance(v, bool) and 0 < v <= SPEED_MAX,
        f"a number above 0, at most {SPEED_MAX:g}",
    ),
}
"""Options beside the common ones: how many times faster than it was recorded."""


class Replay:
    """Plays shipped recordings by name.

    Parameters
    ----------
    recordings : the directory they are in; nothing outside it can be named.
    sleep : waits some seconds.
    """

    def __init__(self, recordings: Path = SHIPPED, sleep: Sleep = asyncio.sleep) -> None:
        self.recordings = recordings
        self.sleep = sleep
        self._loaded: dict[str, Recording] = {}

    @classmethod
    def checked(cls, request: Request, recordings: Path = SHIPPED) -> Replay:
        """A player for a request. Raises `Refused` where there is no recording of that name."""
        player = cls(recordings)
        player.find(request.name)
        return player

    def names(self) -> list[str]:
        """What can be played."""
        return sorted(path.stem for path in self.recordings.glob("*.jsonl") if not path.name.startswith("."))

    def find(self, name: str) -> Path:
        """The file of a recording: `name` is compared with what the directory lists, and never becomes part of a path unknown.

        Raises
        ------
        Refused : there is none of that name.
        """
        names = self.names()
        if name in names:
            return self.recordings / f"{name}.jsonl"
        near = get_close_matches(name, names, n=3) or names
        known = f"there is {', '.join(near)}" if near else "none came with this version"
        raise Refused("not_found", f"There is no shipped recording {name!r}: {known}.")

    def load(self, name: str) -> Recording:
        """A recording, kept until it is played. Raises `Refused` like `find`, and where the file is none."""
        try:
            if name not in self._loaded:
                self._loaded[name] = load(self.find(name))
            return self._loaded[name]
        except (RecordingError, OSError) as e:
            raise Refused("internal", str(e)) from None

    async def run(self, request: Request, sink: Sink) -> None:
        """See `Provider.run`. Raises `Refused` like `load`."""
        recording = await asyncio.to_thread(self.load, request.name)
        self._loaded.clear()  # the player lives as long as its stream is kept
        await replay_recording(recording, sink, float(request.options.get("speed", 1)), self.sleep)


class Played:
    """Plays what was recorded.

    Parameters
    ----------
    entries, frames : of a stream.
    speed : times faster than recorded, above 0.
    """

    def __init__(self, entries: Sequence[Entry], frames: Iterable[Frame] = (), speed: float = 1.0) -> None:
        self._entries = entries
        self._frames = frames
        self._speed = speed

    async def run(self, request: Request, sink: Sink) -> None:
        """See `Provider.run`."""
        await play(self._entries, self._frames, sink, self._speed)


def behind(entries: Sequence[Entry], after: int) -> list[Entry]:
    """The entries behind a seq, as much earlier as the first of them is late."""
    rest = [entry for entry in entries if entry.seq > after]
    return [replace(entry, at=entry.at - rest[0].at) for entry in rest]


async def replay_recording(recording: Recording, sink: Sink, speed: float = 1.0, sleep: Sleep = asyncio.sleep) -> None:
    """Emit what a recording holds behind its `start`, each thing when it is due.

    `at` is the instant of the replay, not of the recording, so that a replay is measured like any stream; the phases of the
    connection are scaled with it. What was cut off ends with `end`, reason `truncated`.

    Parameters
    ----------
    recording : what to play.
    sink : its zero is the replay's zero.
    speed : times faster than recorded, above 0.
    sleep : waits some seconds.
    """
    await play(recording.entries, recording.frames, sink, speed, sleep)


async def play(entries: Sequence[Entry], frames: Iterable[Frame], sink: Sink, speed: float = 1.0, sleep: Sleep = asyncio.sleep) -> None:
    """The same of entries and frames."""
    played = [e for e in entries if not isinstance(e.event, Start)]
    timed = ((round(item.at / speed), item) for item in in_order(played, frames))
    async for batch in paced(timed, sink.now, sleep):
        for item in batch:
            _play(item, sink, speed)
    if not (entries and entries[-1].terminal):
        sink.emit(End("truncated"))


def _play(item: Entry | Frame, sink: Sink, speed: float) -> None:
    if isinstance(item, Frame):
        sink.frame(item.data, sink.now(), item.direction)
    else:
        sink.emit(_scaled(item.event, speed), sink.now())


PHASES = ("dns", "connect", "tls", "sent", "headers")


def _scaled(event: Event, speed: float) -> Event:
    """A connection's phases at the speed of the replay; what is no instant stays as it is."""
    if not isinstance(event, Notice) or event.kind != "connection":
        return event
    return replace(event, data={k: round(v / speed) if k in PHASES and _instant(v) else v for k, v in event.data.items()})


def _instant(value: object) -> bool:
    return isinstance(value, int) and abs(value) < 2**53  # what `Entry.at` can be
