"""A stream in a file: JSON lines, written and read.

The first line is a header `{"tokenwidgets": 1, "model", "request", "created"}`; then comes one line an event, in the journal's own
bytes, and between them, where the wire was kept, `{"frame": base64, "at": µs, "dir": "in" | "out"}`. A file that was cut off is good up
to its last whole line.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import merge
from pathlib import Path
from typing import IO, Any, get_args

from . import events
from .errors import Refused, TokenwidgetsError, unread
from .events import TERMINAL, End, Entry, Event, Start
from .providers.base import Direction, Provider
from .request import FIELDS, Request

VERSION = 1
FILE_BYTES = 256 * 2**20
"""The largest file that is read."""

_SECRET = re.compile(
    r"\b(?:(?:sk|pk|rk|gsk|xai|hf|r8|pplx|csk|fw|nvapi|tgp|gh[po]|github_pat|glpat|xox[abp])[-_]|AIza|AKIA|ya29\.)(?=[\w\-]*\d)[\w\-]{12,}"
    r"|\bBearer\s+[\w\-.~+/]{12,}=*"
    r"|\beyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]{4,}"
)
"""What the keys of known providers, bearer tokens and JSON web tokens look like."""

_SECRET_BYTES = re.compile(_SECRET.pattern.replace(r"\b", r"(?:\b|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4}))").encode())
"""The same in the JSON of a request, where the letter of an escape such as a line break's may stand before it."""

_SECRET_NAME = re.compile(r"(?i)(api[-_]?key|authorization|password|secret|token)$")
"""Names under which a text is a secret whatever it looks like."""


REDACTED = "[redacted]"


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Say of a file that is being read, and cannot be, what is wrong with it.

    Parameters
    ----------
    path : of the file.
    what : it should be, such as "race".

    Raises
    ------
    RecordingError : it cannot be read, or is none; what already says so goes on.
    """
    try:
        yield
    except OSError as e:
        raise RecordingError(unread(path, e)) from None
    except RecordingError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, Refused):
        raise RecordingError(f"{path.name} is no {what} that was saved here.") from None


class RecordingError(TokenwidgetsError, ValueError):
    """A file that is no recording; the sentence names it and the line."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a recording says of itself.

    Parameters
    ----------
    model : `host/model` as asked for.
    request : `Request.body()`; whatever else is in it is left out when it is written, and what looks like a key is replaced.
    created : Unix time in seconds at which the stream began.
    """

    model: str
    request: Mapping[str, Any]
    created: float

    @classmethod
    def of(cls, request: Request, created: float) -> Header:
        """The header for a request."""
        return cls(request.model, request.body(), created)

    def line(self) -> bytes:
        """Its JSON, without any secret."""
        request = without_secrets({k: v for k, v in self.request.items() if k in FIELDS})
        return _line({"tokenwidgets": VERSION, "model": self.model, "request": request, "created": self.created})


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes as they travelled between us and the provider, `at` µs since the attempt began."""

    data: bytes
    at: int
    direction: Direction = "in"

    def body(self) -> dict[str, Any]:
        """Its JSON; of what we sent, without any secret in it, as in the header."""
        data = _SECRET_BYTES.sub(REDACTED.encode(), self.data) if self.direction == "out" else self.data
        return {"frame": base64.b64encode(data).decode(), "at": self.at, "dir": self.direction}

    def line(self) -> bytes:
        """The same as a line of a file."""
        return _line(self.body())


@dataclass(frozen=True, slots=True)
class Recording:
    """A stream read back.

    Parameters
    ----------
    header, entries, frames : as written; the entries have their exact bytes.
    truncated : the file was cut within a line, or has no terminal event.
    """

    header: Header
    entries: tuple[Entry, ...]
    frames: tuple[Frame, ...] = ()
    truncated: bool = False

    @property
    def simulated(self) -> bool:
        """Whether no model answered when it was made."""
        return any(isinstance(e.event, Start) and e.event.simulated for e in self.entries[:1])


def without_secrets(value: Any) -> Any:
    """A copy of a JSON value in which whatever looks like a key reads `[redacted]`."""
    if isinstance(value, str):
        return _SECRET.sub(REDACTED, value)
    if isinstance(value, Mapping):
        return {_SECRET.sub(REDACTED, str(k)): _without_secret(str(k), v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(v) for v in value]
    return value


def _without_secret(name: str, value: Any) -> Any:
    return REDACTED if isinstance(value, str) and _SECRET_NAME.search(name) else without_secrets(value)


def dump(target: Path | str | IO[bytes], header: Header, entries: Iterable[Entry], frames: Iterable[Frame] = ()) -> None:
    """Write a recording; a path is replaced in one step, so that a reader sees the old file or the new one.

    Parameters
    ----------
    target : a path, or a file open for bytes.
    header : what was asked.
    entries : in the order of `seq`; their bytes are written as they are.
    frames : in the order of `at`; each stands before the events of its instant.
    """
    if not isinstance(target, Path | str):
        target.writelines(_lines(header, entries, frames))
        return
    path = Path(target)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with new.open("xb") as file:
            file.writelines(_lines(header, entries, frames))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _lines(header: Header, entries: Iterable[Entry], frames: Iterable[Frame]) -> Iterable[bytes]:
    yield header.line() + b"\n"
    for item in in_order(entries, frames):
        yield (item.line() if isinstance(item, Frame) else item.data) + b"\n"


def in_order(entries: Iterable[Entry], frames: Iterable[Frame]) -> Iterator[Entry | Frame]:
    """Entries and frames by `at`; a frame stands before the events it brought."""
    tracks: tuple[Iterable[Entry | Frame], Iterable[Entry | Frame]] = (frames, entries)
    return merge(*tracks, key=lambda item: item.at)


def _line(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def load(path: Path | str) -> Recording:
    """Read a recording.

    Raises
    ------
    RecordingError : the file is none, with the line that shows it.
    OSError : the file cannot be read.
    """
    path = Path(path)
    if path.stat().st_size > FILE_BYTES:
        raise RecordingError(f"{path.name} is no recording of ours: it is larger than {FILE_BYTES >> 20} MiB.")
    return parse(path.read_bytes(), path.name)


def parse(data: bytes, name: str) -> Recording:
    """Read a recording's bytes, which are called `name` in a mistake. Raises `RecordingError` like `load`."""
    return _Reader(name).read(data)


@dataclass(slots=True)
class _Reader:
    """Takes a file apart, knowing where it is."""

    name: str
    number: int = 0
    entries: list[Entry] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def read(self, data: bytes) -> Recording:
        lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
        rest = lines.pop()
        header = self.header(lines[0] if lines else rest)
        for self.number, line in enumerate(lines[1:], 2):
            self.take(line)
        cut = bool(lines and rest) and not self.last(rest)
        ended = bool(self.entries) and self.entries[-1].terminal
        return Recording(header, tuple(self.entries), tuple(self.frames), cut or not ended)

    def last(self, rest: bytes) -> bool:
        """Take what stands behind the last line break, if it is whole."""
        try:
            json.loads(rest)
        except ValueError:
            return False
        self.number += 1
        self.take(rest)
        return True

    def header(self, line: bytes) -> Header:
        self.number = 1
        body = self.object(line)
        if "tokenwidgets" not in body:
            raise self.bad("a recording begins with a header that has 'tokenwidgets'")
        if body["tokenwidgets"] != VERSION:
            raise self.bad(f"version {body['tokenwidgets']!r} was made by another version of this package; this one reads {VERSION}")
        model, request, created = body.get("model"), body.get("request"), body.get("created")
        if not isinstance(model, str) or not isinstance(request, Mapping) or not isinstance(created, int | float):
            raise self.bad("the header needs 'model', 'request' and 'created'")
        return Header(model, request, created)

    def take(self, line: bytes) -> None:
        body = self.object(line)
        if self.entries and self.entries[-1].terminal and "frame" not in body:
            raise self.bad("an event behind the terminal one")
        if "frame" in body:
            self.frames.append(self.frame(body))
        else:
            self.entries.append(self.entry(line))

    def entry(self, line: bytes) -> Entry:
        try:
            entry = events.decode(line)
        except ValueError as e:
            raise self.bad(str(e)) from None
        if entry.seq != len(self.entries):
            raise self.bad(f"event {entry.seq} where {len(self.entries)} is next")
        return entry

    def frame(self, body: Mapping[str, Any]) -> Frame:
        at, direction = body.get("at"), body.get("dir", "in")
        if not isinstance(at, int) or direction not in get_args(Direction):
            raise self.bad("a frame needs an integer 'at' and 'dir', which is in or out")
        try:
            return Frame(base64.b64decode(body["frame"], validate=True), at, direction)
        except (TypeError, binascii.Error):
            raise self.bad("'frame' is base64") from None

    def object(self, line: bytes) -> dict[str, Any]:
        try:
            body = json.loads(line)
        except (ValueError, RecursionError):
            raise self.bad("not JSON") from None
        if not isinstance(body, dict):
            raise self.bad("not a JSON object")
        return body

    def bad(self, what: str) -> RecordingError:
        return RecordingError(f"{self.name}, line {self.number}: {what}.")


class Tape:
    """A sink that keeps everything, for recording a run outside a hub.

    Parameters
    ----------
    clock : monotonic nanoseconds.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock = clock
        self._began = clock()
        self.entries: list[Entry] = []
        self.frames: list[Frame] = []

    def now(self) -> int:
        """See `Sink.now`."""
        return (self._clock() - self._began) // 1000

    def emit(self, event: Event, at: int | None = None) -> None:
        """See `Sink.emit`."""
        self.entries.append(events.encode(event, len(self.entries), self.now() if at is None else at))

    def frame(self, data: bytes, at: int, direction: Direction = "in") -> None:
        """See `Sink.frame`."""
        self.frames.append(Frame(data, at, direction))


async def record(provider: Provider, request: Request, path: Path | str) -> Recording:
    """Run a request once and keep it in a file: how the shipped recordings are made.

    Parameters
    ----------
    provider : the host of the request, ready to be called.
    request : what to ask.
    path : where the recording goes.
    """
    created = time.time()
    tape = Tape()
    dialect = request.dialect or "openai-chat"
    tape.emit(Start("recording", request.model, request.host, dialect, created, simulated=request.host == "sim"), 0)
    await provider.run(request, tape)
    if not isinstance(tape.entries[-1].event, TERMINAL):
        tape.emit(End("truncated"))
    header = Header.of(request, created)
    dump(path, header, tape.entries, tape.frames)
    return Recording(header, tuple(tape.entries), tuple(tape.frames))
