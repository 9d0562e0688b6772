"""Server-sent events, both ways, without I/O.

Reading is tolerant where providers differ (wire-formats section 0.1): any of the three line ends, also split over reads; fields in
any order; a last event without its blank line; lines that are no SSE at all. Writing is one frame per journal entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

EVENT_LIMIT = 4 * 2**20
"""Largest event accepted, in bytes of its lines without line ends."""

COMMENT = b":\n\n"
"""A keep-alive: bytes on the connection, nothing for the reader."""

_SENT = re.compile(rb": sent (\d{1,16})")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Message:
    """One event: its `data:` lines joined, its name, the stream's last `id:` as of this event, and what the newest comment of `sent`
    before it told.
    """

    data: str
    event: str = ""
    id: str | None = None
    sent: int | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """A line that begins with a colon: a sign of life, never data (F4)."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A line that is no field of SSE: part of a bare JSON or HTML body, or old llama.cpp's `error: {…}` (F11)."""

    line: str


@dataclass(frozen=True, slots=True)
class Overflow:
    """An event grew beyond the limit. Given once; the parser gives nothing after it."""

    limit: int


Item: TypeAlias = Message | Comment | Stray | Overflow


class Parser:
    """Bytes in, items out; any chunking of the same bytes gives the same items, in time linear in their number.

    Parameters
    ----------
    limit : largest event in bytes. One that is larger gives `Overflow` in its place, as an item and not as an exception, so that what
        came before it in the same read is not lost.

    Attributes
    ----------
    last_id : what a reader that comes back sends as `Last-Event-ID`.
    retry_ms : the server's wish for the pause before coming back, in ms.
    """

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self.last_id: str | None = None
        self.retry_ms: int | None = None
        self._limit = limit
        self._sent: int | None = None
        self._line = bytearray()
        self._first_line = True
        self._after_cr = False
        self._size = 0
        self._name = ""
        self._data: list[str] = []
        self._dead = False

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes, in any chunking, and give what they complete."""
        if self._dead or not data:
            return []
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
            self._after_cr = False
            if not data:
                return []
        self._after_cr = data[-1:] == b"\r"
        return self._lines(_LINE_END.split(data))

    def close(self) -> list[Item]:
        """The bytes have ended: give the last event even though its blank line is missing (F7)."""
        if self._dead:
            return []
        out = self._lines([b"", b"", b""])
        self._dead = True
        return out

    def _lines(self, pieces: list[bytes]) -> list[Item]:
        """Every piece but the last ends a line."""
        out: list[Item] = []
        for piece in pieces[:-1]:
            self._line += piece
            if self._overflows(out):
                return out
            line = bytes(self._line)
            self._line.clear()
            self._take(line, out)
        self._line += pieces[-1]
        self._overflows(out)
        return out

    def _overflows(self, out: list[Item]) -> bool:
        if self._size + len(self._line) > self._limit:
            self._dead = True
            self._line.clear()
            self._data.clear()
            out.append(Overflow(self._limit))
        return self._dead

    def _take(self, line: bytes, out: list[Item]) -> None:
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(out)
        elif line.startswith(b":"):
            self._comment(line)
            out.append(Comment())
        else:
            self._size += len(line)
            self._field(line, out)

    def _comment(self, line: bytes) -> None:
        if found := _SENT.fullmatch(line):
            self._sent = int(found[1])

    def _field(self, line: bytes, out: list[Item]) -> None:
        name, _, rest = line.partition(b":")
        value = rest.removeprefix(b" ").decode("utf-8", "replace")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value
        elif name == b"id":
            self.last_id = self.last_id if "\0" in value else value
        elif name == b"retry":
            self.retry_ms = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else self.retry_ms
        else:
            out.append(Stray(line.decode("utf-8", "replace")))

    def _dispatch(self, out: list[Item]) -> None:
        if self._data:
            out.append(Message("\n".join(self._data), self._name, self.last_id, self._sent))
        self._data = []
        self._name = ""
        self._size = 0


def sent(at: int) -> bytes:
    """A comment that says when what follows was written, in µs of the clock of the events' `at`: by it a page measures the link."""
    return b": sent %d\n\n" % at


def frame(seq: int, data: bytes) -> bytes:
    r"""One journal entry as an event: `id: SEQ`, `data: JSON`, no `event:` line (contract section 3).

    Parameters
    ----------
    seq : the entry's place, which a reader sends back as `Last-Event-ID`.
    data : JSON without line breaks, as `events.encode` gives it.
    """
    return b"id: %d\ndata: %b\n\n" % (seq, data)
