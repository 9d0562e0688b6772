"""A race in a file: one JSON object with the lanes, when the events came over each, and the recording of each stream."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import api, recording
from .comparison import Lane
from .recording import FILE_BYTES, Header, RecordingError

if TYPE_CHECKING:
    from .races import Race
    from .result import Result

VERSION = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds of a race.

    Parameters
    ----------
    lanes : from top to bottom, each with its stream as it was.
    seed : that rotated the order in which they attached.
    created : Unix time in seconds at which it began.
    """

    lanes: list[Lane]
    seed: int
    created: float


def dump(race: Race, path: Path) -> Path:
    """Write a race; what looks like a key in a request is left out, as in every recording."""
    streams = race.results
    lanes = [
        {
            "label": lane.label,
            "transport": lane.transport,
            "stream": streams.index(lane.result),
            "arrivals": lane.arrivals,
            "failure": lane.failure,
        }
        for lane in race.lanes
    ]
    body = {"tokenwidgets_race": VERSION, "created": race.created, "seed": race.seed, "lanes": lanes, "streams": [*map(_recorded, streams)]}
    path.write_text(json.dumps(body, separators=(",", ":")), encoding="utf-8")
    return path


def _recorded(result: Result) -> str:
    file = io.BytesIO()
    created = result.start.created if result.start else time.time()
    recording.dump(file, Header(result.model, result.request, created), result.journal.entries)
    return file.getvalue().decode()


def load(path: Path) -> Kept:
    """Read a race.

    Raises
    ------
    RecordingError : the file is none, or cannot be read; the sentence says which.
    """
    with recording.reading(path, "race"):
        return _kept(_body(path), path.name)


def _body(path: Path) -> Any:
    if path.stat().st_size > FILE_BYTES:
        raise RecordingError(f"{path.name} is no race that was saved here: it is larger than {FILE_BYTES >> 20} MiB.")
    return json.loads(path.read_bytes())


def _kept(body: Mapping[str, Any], name: str) -> Kept:
    if body["tokenwidgets_race"] != VERSION:
        raise RecordingError(f"{name} was made by another version of this package; this one reads {VERSION}.")
    results = [api.load(recording.parse(text.encode(), name)) for text in body["streams"]]
    lanes = [
        Lane(str(lane["label"]), str(lane["transport"]), results[lane["stream"]], tuple(map(int, lane["arrivals"])), str(lane["failure"]))
        for lane in body["lanes"]
    ]
    if not lanes:
        raise RecordingError(f"{name} is no race that was saved here: it has no lanes.")
    return Kept(lanes, int(body["seed"]), float(body["created"]))
