"""The append-only log of one stream, and its readers.

Rules:

* `append` gives the next `seq` and encodes once; entries never change or move, so a reader is a cursor and nothing else.
* Exactly one terminal entry, and it is the last: after it `append` raises `JournalClosed`.
* The journal is bounded in bytes. At its limit only a terminal entry fits, so that it can say why it ended. It is never trimmed
  under its readers.
* Nothing here waits for a reader: writing is synchronous. All of a journal's users live on one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from .events import TERMINAL, Entry, Event, encode

JOURNAL_BYTES = 8 * 2**20
"""Default limit of one journal's encoded events, in bytes."""

BATCH_BYTES = 64 * 2**10
"""The most one `read` hands out at once, in bytes (always at least one entry), so that streams of one socket take turns."""


class JournalClosed(Exception):
    """Something was appended after the terminal entry."""


class JournalFull(Exception):
    """The entry does not fit; only a terminal entry does."""


class Journal:
    """An append-only, bounded list of entries that any number of readers follow.

    Parameters
    ----------
    limit : bytes of encoded events it may hold, the terminal entry not counted.

    Attributes
    ----------
    keep : given each new entry before any reader is.
    """

    def __init__(self, limit: int = JOURNAL_BYTES) -> None:
        self.limit = limit
        self.entries: list[Entry] = []
        self.size = 0
        self.keep: Callable[[Entry], None] | None = None
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def terminal(self) -> Entry | None:
        """The last entry once the stream has ended, else None."""
        last = self.entries[-1] if self.entries else None
        return last if last is not None and last.terminal else None

    def append(self, event: Event, at: int) -> Entry:
        """Add an event read at `at` µs; wake every reader.

        Raises
        ------
        JournalClosed : the stream has already ended.
        JournalFull : the event would exceed the limit and is not terminal.
        """
        return self.adopt(encode(event, len(self.entries), at))

    def adopt(self, entry: Entry) -> Entry:
        """Add an entry that is already encoded (a copy of another journal, a recording). Raises like `append`."""
        if self.terminal is not None:
            raise JournalClosed
        if entry.seq != len(self.entries):
            raise ValueError(f"seq {entry.seq} where {len(self.entries)} is next")
        if self.size + len(entry.data) > self.limit and not isinstance(entry.event, TERMINAL):
            raise JournalFull
        if self.keep:
            self.keep(entry)
        self.entries.append(entry)
        self.size += len(entry.data)
        self._wake()
        return entry

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, after: int) -> None:
        """Return when there is an entry behind `after`, or the stream has ended."""
        while len(self.entries) <= after + 1 and self.terminal is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)

    def batch(self, after: int, limit: int = BATCH_BYTES) -> list[Entry]:
        """What stands behind `after`, at most `limit` bytes of it; empty when there is nothing (yet)."""
        out: list[Entry] = []
        size = 0
        for entry in self.entries[after + 1 : after + 1 + limit]:
            size += len(entry.data)
            if out and size > limit:
                break
            out.append(entry)
        return out

    async def read(self, after: int = -1) -> AsyncIterator[list[Entry]]:
        """Follow the journal from behind `after` to its end, in batches of all that is ready."""
        while True:
            await self.wait(after)
            batch = self.batch(after)
            if not batch:
                return
            after = batch[-1].seq
            yield batch
            if batch[-1].terminal:
                return
