"""The socket's messages, sans-I/O: JSON text that a WebSocket, a data channel and a comm carry alike.

Up: `start`, `attach`, `detach`, `stop`, `ping`. Down: `{"stream", "sent", "events"}`, `started`, `pong`, `refused`. Events are spliced in
by their own bytes, so they are the same bytes on every transport. `sent` is when they were written, on the clock of their `at`; a pong
to a ping that names a stream has `at`, that clock's now, so that a reader can align its own.

A data channel has a largest message. What is longer travels in numbered parts, `{"part": [id, index, count], "data": "…"}`, whose
`data` joined in order is the message; parts of one message follow each other, those of different messages may interleave.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import Refused
from ..events import Entry, read

MESSAGE_BYTES = 16 * 2**20
"""The largest message that is put together from parts."""

PART_OVERHEAD = 128
"""Room for a part's own JSON, in bytes."""


def events(stream: str, entries: Sequence[Entry], sent: int | None = None) -> bytes:
    """What is ready of a stream; with no entries it says that nothing more will come behind the reader's cursor.

    Parameters
    ----------
    stream : its id.
    entries : the events.
    sent : µs of the stream's clock now; left out where it has none.
    """
    when = b"" if sent is None else b'"sent":%d,' % sent
    return b'{"stream":%s,%b"events":[%b]}' % (json.dumps(stream).encode(), when, b",".join(e.data for e in entries))


def message(op: str, **fields: Any) -> bytes:
    """Any other message, either way; fields that are None are left out."""
    body = {"op": op, **{k: v for k, v in fields.items() if v is not None}}
    return json.dumps(body, separators=(",", ":")).encode()


def refused(error: Refused, ref: Any = None, stream: str | None = None) -> bytes:
    """The answer to a message that was not carried out."""
    return message("refused", ref=ref, stream=stream, error=error.body()["error"])


def parse(data: bytes | str) -> dict[str, Any]:
    """A message from the other side.

    Raises
    ------
    Refused : it is no JSON object.
    """
    try:
        body = json.loads(data, parse_constant=_nothing, parse_float=_finite)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused("bad_request", "A message is a JSON object with 'op'.")
    return body


def _nothing(_: str) -> None:
    """NaN and infinities, which Python reads and a browser does not, are null: what is echoed must be JSON."""


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def entries(text: str) -> list[Entry]:
    """The events of a `{"stream", "events"}` message, each with its exact bytes.

    Raises
    ------
    ValueError : it is no such message.
    """
    try:
        return _entries(text, text.index('"events":[') + len('"events":['))
    except (IndexError, RecursionError):
        raise ValueError("not a message of events: it breaks off, or is nested too deeply") from None


def _entries(text: str, at: int) -> list[Entry]:
    decoder = json.JSONDecoder()
    found = []
    while text[at] != "]":
        body, end = decoder.raw_decode(text, at)
        found.append(read(body, text[at:end].encode()))
        at = end + 1 if text[end] == "," else end
    return found


def split(data: bytes, limit: int, ident: int) -> list[bytes]:
    """A message as it fits a link whose messages hold `limit` bytes: itself, or numbered parts of it."""
    if len(data) <= limit:
        return [data]
    pieces = list(_pieces(data.decode(), limit - PART_OVERHEAD))
    return [_part(ident, index, len(pieces), piece) for index, piece in enumerate(pieces)]


def _part(ident: int, index: int, count: int, piece: str) -> bytes:
    return json.dumps({"part": [ident, index, count], "data": piece}, ensure_ascii=False, separators=(",", ":")).encode()


def _pieces(text: str, room: int) -> Iterator[str]:
    """Slices whose JSON form fits."""
    if len(text) == 1 or len(json.dumps(text, ensure_ascii=False).encode()) <= room:
        yield text
        return
    middle = len(text) // 2
    yield from _pieces(text[:middle], room)
    yield from _pieces(text[middle:], room)


class Joiner:
    """Puts messages together from parts.

    Parameters
    ----------
    limit : what all unfinished messages may hold together, in characters; each part counts as `PART_OVERHEAD` more.
    """

    def __init__(self, limit: int = MESSAGE_BYTES) -> None:
        self._limit = limit
        self._parts: dict[int, tuple[int, dict[int, str]]] = {}
        self._held = 0

    def feed(self, text: str) -> str | None:
        """Take a message; returns it, or the message that its part completes, or None while parts are missing.

        Raises
        ------
        Refused : the part makes no sense, or the limit is reached; what was held is dropped.
        """
        if not text.startswith('{"part":'):
            return text
        ident, index, count, piece = self._checked(parse(text))
        total, parts = self._parts.setdefault(ident, (count, {}))
        if total != count or index in parts:
            raise self._drop("A part's numbers contradict an earlier part's.")
        parts[index] = piece
        self._held += len(piece) + PART_OVERHEAD
        if self._held > self._limit:
            raise self._drop(f"Messages in parts may hold {self._limit} bytes.")
        if len(parts) < count:
            return None
        del self._parts[ident]
        whole = "".join(parts[i] for i in range(count))
        self._held -= len(whole) + PART_OVERHEAD * count
        return whole

    def _checked(self, body: dict[str, Any]) -> tuple[int, int, int, str]:
        match body:
            case {"part": [int(ident), int(index), int(count)], "data": str(piece)} if 0 <= index < count <= self._limit // PART_OVERHEAD:
                return ident, index, count, piece
        raise self._drop("A part is {'part': [id, index, count], 'data': text}.")

    def _drop(self, why: str) -> Refused:
        self._parts.clear()
        self._held = 0
        return Refused("bad_request", why)
