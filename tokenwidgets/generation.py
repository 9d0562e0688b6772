"""One generation: the sink its provider writes to, the journal its readers follow, and what may grow of it."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from .errors import Refused
from .events import End, Error, Event, Start, Text, payload
from .journal import JOURNAL_BYTES, Journal, JournalClosed
from .metrics import measure
from .multiplex import Clock
from .providers.base import Direction
from .providers.registry import Call
from .pulse import phase, rate
from .realtime.heard import Inputs
from .realtime.inputs import Input
from .recording import Frame
from .request import Request
from .spool import Kept


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything that can grow, named.

    Parameters
    ----------
    journal_bytes : encoded events of one stream; at it the stream ends with an error `limit`.
    session_bytes : the same of a voice session, whose sound is journalled: some ten minutes.
    frame_bytes : upstream frames kept of one stream for the inspector; later ones are dropped.
    total_bytes : requests, journals and frames of all streams; finished ones are evicted first, the oldest first.
    open_streams : streams running at once.
    kept_seconds : a journal's life after its end.
    unread_seconds : a running stream without a reader is stopped after this.
    wall_seconds : longest run of a stream.
    """

    journal_bytes: int = JOURNAL_BYTES
    session_bytes: int = 64 * 2**20
    frame_bytes: int = 8 * 2**20
    total_bytes: int = 512 * 2**20
    open_streams: int = 256
    kept_seconds: float = 600.0
    unread_seconds: float = 300.0
    wall_seconds: float = 3600.0


class Stream:
    """One running or finished generation: the sink its provider writes to, and the journal readers follow.

    Parameters
    ----------
    call : the checked request.
    owner : who may see and stop it; see `hub.KERNEL`.
    limits : see `Limits`.
    kept : what an earlier server told of it; by default it begins now.
    """

    def __init__(self, call: Call, owner: str, limits: Limits, kept: Kept | None = None) -> None:
        self.id = kept.id if kept else secrets.token_urlsafe(16)
        self.call = call
        self.owners = set(kept.owners) if kept else {owner}
        self.created = time.time()
        self.journal = Journal(limits.session_bytes if call.request.session else limits.journal_bytes)
        self.inputs = Inputs(self) if call.request.session else None
        self.frames: list[Frame] = []
        self.frames_dropped = 0
        self.ended = False
        self.stopping = False
        self.transports: Counter[str] = Counter()
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self._began = time.perf_counter_ns()
        self._frame_room = limits.frame_bytes
        self._request_bytes = _weight(call.request)
        self.on_readers: Callable[[Stream], None] = lambda stream: None
        if kept is None:
            self.emit(Start(self.id, call.request.model, call.host, call.dialect, self.created, call.simulated, call.replayed), 0)
        else:
            self._restore(kept)

    def _restore(self, kept: Kept) -> None:
        for entry in kept.entries:
            self.journal.adopt(entry)
        start = kept.entries[0].event
        if isinstance(start, Start):
            self.created = start.created
        self._began -= int((time.time() - self.created) * 1e9)

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._request_bytes + self.journal.size + sum(len(f.data) for f in self.frames)

    @property
    def running(self) -> bool:
        """Whether the terminal event is still to come."""
        return self.journal.terminal is None

    @property
    def state(self) -> str:
        """`running`, `ended` or `failed`."""
        last = self.journal.terminal
        return "running" if last is None else "failed" if isinstance(last.event, Error) else "ended"

    def now(self) -> int:
        """µs since the attempt began."""
        return (time.perf_counter_ns() - self._began) // 1000

    @property
    def clock(self) -> Clock:
        """See `multiplex.Readable`."""
        return self.now

    def emit(self, event: Event, at: int | None = None) -> None:
        """Journal an event. Raises `JournalClosed` after the end or once it is being stopped, `JournalFull` at the limit."""
        if self.stopping:
            raise JournalClosed
        self.journal.append(event, self.now() if at is None else at)

    def frame(self, data: bytes, at: int, direction: Direction = "in") -> None:
        """Keep a frame while there is room."""
        self._frame_room -= len(data)
        if self._frame_room < 0:
            self.frames_dropped += 1
            return
        self.frames.append(Frame(data, at, direction))

    @property
    def readers(self) -> int:
        """How many read it now."""
        return self.transports.total()

    @contextmanager
    def attached(self, transport: str = "direct") -> Iterator[None]:
        """Count as a reader, which keeps the stream from being stopped as unread."""
        self.transports[transport] += 1
        self.on_readers(self)
        try:
            yield
        finally:
            self.transports[transport] -= 1
            self.on_readers(self)

    def take(self, given: Input) -> None:
        """Give a voice session an input.

        Raises
        ------
        Refused : it is no voice session, has ended, or does not take as much.
        """
        if self.inputs is None:
            raise Refused("bad_request", "Only a voice session takes input: one that was started with 'session'.")
        if not self.running or self.stopping:
            raise Refused("not_found", "This voice session has ended.")
        self.inputs.take(given)

    def end(self, event: End | Error) -> None:
        """Make `event` the terminal one, unless there is one."""
        if self.running:
            self.journal.append(event, self.now())

    def brief(self) -> dict[str, Any]:
        """What the stream is now, as JSON, without a word of it: what it costs to tell does not grow with the answer."""
        last = self.journal.terminal
        now = last.at if last else self.now()
        return {
            "id": self.id,
            "model": self.call.request.model,
            "host": self.call.host,
            "dialect": self.call.dialect,
            "created": self.created,
            "state": self.state,
            "phase": phase(self.journal.entries),
            "age": now,
            "rate": None if last else rate(self.journal.entries, now),
            "seq": len(self.journal.entries) - 1,
            "readers": self.readers,
            "transports": dict(+self.transports),
        }

    def snapshot(self) -> dict[str, Any]:
        """The same with the answer so far, usage and figures."""
        figures = measure(self.journal.entries)
        return {
            **self.brief(),
            "text": "".join(e.event.delta for e in self.journal.entries if isinstance(e.event, Text) and e.event.choice == 0),
            "usage": payload(figures.usage) if figures.usage else None,
            "metrics": {name: value for name, value in asdict(figures).items() if name not in ("usage", "end")},
        }


def _weight(request: Request) -> int:
    """The bytes of a request's JSON. Raises `Refused` where it has none: no provider could be sent it."""
    try:
        return len(json.dumps(request.body(), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError, RecursionError):
        raise Refused("bad_request", "The request holds something that JSON cannot say, or is nested too deeply.") from None
