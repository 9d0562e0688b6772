"""JSON objects out of a body that is no SSE: one alone, pretty-printed, or in an array that arrives piece by piece."""

from __future__ import annotations

import re

from ..wire.sse import EVENT_LIMIT

_WITHIN = re.compile(rb'["{}]')
_STRING = re.compile(rb'["\\]')
_BEFORE = re.compile(rb"[{\]]")
_BLANK = b" \t\r\n\xef\xbb\xbf"
"""What may stand before a body's first byte that matters, a byte order mark included."""

_BETWEEN = _BLANK + b",["
"""What may stand between the objects of an array."""

JUNK_LIMIT = 2**10
"""The most that is kept of what is no JSON object, in bytes."""


class JsonObjects:
    """Bytes in, the text of each outermost object out; any chunking of the same bytes gives the same objects.

    Braces are counted outside of strings (wire-formats rule F11). What an object holds is not checked.

    Parameters
    ----------
    limit : largest object in bytes.

    Attributes
    ----------
    ended : the body is an array, and its closing bracket was seen; nothing is given after it.
    overflow : an object grew beyond the limit; nothing is given after it.
    junk : the beginning of what stood outside of all objects and is no JSON array, such as a page for people.
    """

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self.ended = False
        self.overflow = False
        self.junk = b""
        self._limit = limit
        self._text = bytearray()
        self._array: bool | None = None
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and give the objects that they complete."""
        out: list[bytes] = []
        at = 0
        while at < len(data) and not self.overflow and not self.ended:
            at = self._inside(data, at) if self._depth else self._outside(data, at)
            self.overflow = len(self._text) > self._limit
            if self._text and not self._depth and not self.overflow:
                out.append(bytes(self._text))
                self._text.clear()
        return out

    def _outside(self, data: bytes, at: int) -> int:
        """Skip to the next object; returns where to go on."""
        found = _BEFORE.search(data, at)
        end = found.start() if found else len(data)
        if self._array is None and (first := data[at : end + 1].lstrip(_BLANK)[:1]):
            self._array = first == b"["
        if len(self.junk) < JUNK_LIMIT:
            self.junk = (self.junk + (data[at:end] if self.junk else data[at:end].lstrip(_BETWEEN)))[:JUNK_LIMIT]
        if not found:
            return end
        if found[0] == b"{":
            self._depth = 1
            self._text += b"{"
        else:
            self.ended = bool(self._array)
        return end + 1

    def _inside(self, data: bytes, at: int) -> int:
        """Take bytes of an object up to the next one that matters; returns where to go on."""
        if self._escaped:
            self._escaped = False
            self._text += data[at : at + 1]
            return at + 1
        found = (_STRING if self._in_string else _WITHIN).search(data, at)
        end = found.end() if found else len(data)
        self._text += data[at:end]
        if found:
            self._saw(found[0])
        return end

    def _saw(self, mark: bytes) -> None:
        if mark == b'"':
            self._in_string = not self._in_string
        elif mark == b"\\":
            self._escaped = True
        else:
            self._depth += 1 if mark == b"{" else -1
