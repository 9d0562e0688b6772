"""Where the time of a stream went: a breakdown that adds up to its total, to the microsecond. Pure; the widgets' JavaScript mirrors it.

The provider's part is cut out of the journal, so its phases follow each other without a gap and without an overlap:

* `retry`: attempts that failed and the pauses after them, up to the beginning of the one that counts.
* `loading`: a local model is read into memory, up to the first instant of the connection to it.
* `connect`: name resolution, TCP and TLS; nothing where a connection was reused.
* `upload`: up to the request's last byte in the socket.
* `wait`: from there to the first content of any kind.
* `reasoning` and `answer`: each piece of content takes the time since the piece before it; tools, refusals and sound are answer.
* `end`: from the last content to the terminal event.

Three legs follow, of the terminal event, as the stream's reader measured them, so that the whole runs from the request to the page that
shows its end: `gateway` (read at the provider's socket, to written to this reader), `link` (to the page's own code) and `paint` (to the end
of the frame that shows it). A journal does not know them. What could not be told apart is `unknown`, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from .events import EXACT, End, Entry, Error, Notice, Reasoning
from .gaps import fine
from .metrics import is_content

PHASES = ("retry", "loading", "connect", "upload", "wait", "reasoning", "answer", "end", "gateway", "link", "paint")
"""In the order in which they are told."""

LEGS = ("gateway", "link", "paint")
"""What a reader measures."""

INSTANTS = {"dns": "DNS", "connect": "TCP", "tls": "TLS"}
"""Of a `connection` notice, in their order: each ends what it is called."""

NO_INSTANTS = "the instants of the connection are not known, so connect, upload and wait are told together"
NO_CONNECTION = "simulated: there is no connection"
REUSED = "reused: the connection was open already"


@dataclass(frozen=True, slots=True)
class Span:
    """A phase's piece of the time, in µs of the stream's clock."""

    phase: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Spans that follow each other from 0 to `total`, and what is to be said of phases.

    Parameters
    ----------
    spans : in the order of time; a phase may have several (reasoning between answers), an empty one has none.
    notes : of a phase: how it came to be, or why it is not known.
    ended : whether the stream has ended; else the last span still grows.
    """

    spans: tuple[Span, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    ended: bool = False

    @property
    def total(self) -> int:
        """µs from the request to the end of the last span."""
        return self.spans[-1].end if self.spans else 0

    def us(self, phase: str) -> int | None:
        """Time in a phase, in µs; None where it is not known."""
        if phase in LEGS and not any(s.phase == phase for s in self.spans):
            return None
        if phase in ("connect", "upload", "wait") and any(s.phase == "unknown" for s in self.spans):
            return None
        return sum(s.end - s.start for s in self.spans if s.phase == phase)

    def seen(self, legs: Mapping[str, int]) -> Breakdown:
        """The same with the legs of its terminal event, in µs, as far as they are known."""
        at = self.total
        spans = list(self.spans)
        for leg in LEGS:
            if leg not in legs:
                break  # what lies behind an unknown leg has no place on the axis
            spans.append(Span(leg, at, at + legs[leg]))
            at += legs[leg]
        return Breakdown(tuple(spans), self.notes, self.ended)


def breakdown(entries: Iterable[Entry], until: int | None = None) -> Breakdown:
    """The provider's part of the breakdown.

    Parameters
    ----------
    entries : of a journal, or the part of it that has come so far.
    until : µs of the stream's clock up to which a running stream has lasted; by default its newest event's.
    """
    fold = _Fold()
    for entry in entries:
        fold.take(entry)
    return fold.result(until)


class _Fold:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.notes: dict[str, str] = {}
        self.at = 0
        """Where the last span ends."""
        self.phase = "connect"
        """What goes on now."""
        self.failed = 0
        """Attempts that failed."""
        self.resumes = 0
        """When the attempt after them was to begin."""
        self.last = 0
        self.ended = False

    def take(self, entry: Entry) -> None:
        event = entry.event
        self.last = max(self.last, entry.at)
        if is_content(entry):
            self._content("reasoning" if isinstance(event, Reasoning) else "answer", entry.at)
        elif isinstance(event, End | Error):
            self._end(event, entry.at)
        elif isinstance(event, Notice) and self.phase not in ("reasoning", "answer"):
            self._notice(event, entry.at)

    def _notice(self, notice: Notice, at: int) -> None:
        match notice.kind:
            case "retry":
                self._retry(at, notice.data.get("wait"))
            case "model_loading":
                self._load(at)
            case "connection" if (sent := _instant(notice.data.get("sent"))) is not None:
                self._sent(sent, notice.data)
            case "connection" if self.phase == "wait" and (head := _instant(notice.data.get("headers"))) is not None:
                self.notes["wait"] = f"the head of the answer came after {fine(max(0, head - self.at))}"
            case _:
                pass

    def _retry(self, at: int, pause: Any) -> None:
        """All that came before is of attempts that failed."""
        self.failed += 1
        self.notes = {"retry": f"{self.failed} {'attempt' if self.failed == 1 else 'attempts'} failed"}
        self.spans = []
        self.at = 0
        self._upto("retry", at)
        known = isinstance(pause, int | float) and 0 <= pause < EXACT / 1e6
        self.resumes = at + (int(pause * 1e6) if known else 0)
        self.phase = "retry"

    def _load(self, at: int) -> None:
        if self.phase == "retry":
            self._upto("retry", at)
        self.phase = "loading"

    def _sent(self, sent: int, data: Mapping[str, Any]) -> None:
        instants = {name: at for name in INSTANTS if (at := _instant(data.get(name))) is not None}
        first = min([*instants.values(), sent])
        if self.phase == "retry":
            self._upto("retry", min(self.resumes, first))
        elif self.phase == "loading":
            self._upto("loading", first)
        self.notes["connect"] = _connected(self.at, instants, data)
        self._upto("connect", max(instants.values(), default=self.at))
        self._upto("upload", sent)
        self.phase = "wait"

    def _content(self, phase: str, at: int) -> None:
        if self.phase in ("reasoning", "answer"):
            self._upto(phase, at)
        else:
            self._waited(at)
        self.phase = phase

    def _end(self, event: End | Error, at: int) -> None:
        if self.phase in ("reasoning", "answer"):
            self._upto("end", at)
        elif self.phase == "connect" and isinstance(event, Error) and event.stage == "connect":
            self._upto("connect", at)
        else:
            self._waited(at)
        self.ended = True

    def _waited(self, at: int) -> None:
        """The attempt that counts has come to its first content, or to its end."""
        if self.phase == "retry":
            self._upto("retry", min(self.resumes, at))
            self.phase = "connect"
        if self.phase == "connect":
            self.notes["unknown"] = NO_INSTANTS
            self.phase = "unknown"
        self._upto(self.phase, at)

    def _upto(self, phase: str, at: int) -> None:
        """Make the time since the last span one of a phase; an instant that lies before it moves nothing."""
        if at <= self.at:
            return
        if self.spans and self.spans[-1].phase == phase:
            self.spans[-1] = Span(phase, self.spans[-1].start, at)
        else:
            self.spans.append(Span(phase, self.at, at))
        self.at = at

    def result(self, until: int | None) -> Breakdown:
        if not self.ended:
            now = max(self.last, until or 0)
            if self.phase == "retry":
                self._upto("retry", min(self.resumes, now))
            self._upto("connect" if self.phase == "retry" else self.phase, now)
        return Breakdown(tuple(self.spans), self.notes, self.ended)


def _connected(began: int, instants: Mapping[str, int], data: Mapping[str, Any]) -> str:
    """How the connection came to be, in words."""
    if not instants:
        return NO_CONNECTION if data.get("simulated") is True else REUSED
    ends = [began, *instants.values()]
    steps = [max(0, b - a) for a, b in pairwise(ends)]
    return ", ".join(f"{INSTANTS[name]} {fine(us)}" for name, us in zip(instants, steps, strict=True))


def _instant(value: Any) -> int | None:
    """µs of a notice, which may come from a file: what is no instant is none."""
    return value if type(value) is int and 0 <= value <= EXACT else None
