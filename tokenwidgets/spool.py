"""Journals on disk, so that a server that was restarted in the middle still has what it had told.

Each running server has a directory of its own (mode 0700) below `tokenwidgets-spool` in Jupyter's runtime directory, and each stream a file
in it (mode 0600). An event is written before any reader is given it: no reader is ever ahead of the file. A file holds events and who may
read them, no prompt and no key. When a stream is asked for that a server does not hold, it looks into the directories of servers that have
ended. A file goes with its journal; what a server left behind is removed by the next one, once it is as old as a journal becomes.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .events import Entry, decode
from .runtime import alive

log = logging.getLogger("tokenwidgets")

SPOOL_BYTES = 64 * 2**20
"""What the files of one server may hold; a stream that does not fit is not kept on disk."""

_FOLDER = "tokenwidgets-spool"
_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kept:
    """A stream as it was found."""

    id: str
    owners: frozenset[str]
    entries: tuple[Entry, ...]


class Spool:
    """The files of this process' streams.

    Parameters
    ----------
    directory : Jupyter's runtime directory.
    seconds : a file's life after it was written to.
    limit : bytes of all files together.
    """

    def __init__(self, directory: Path, seconds: float, limit: int = SPOOL_BYTES) -> None:
        self._root = directory / _FOLDER
        self._own = self._root / f"{platform.node()}.{os.getpid()}.{secrets.token_hex(4)}"
        self._seconds = seconds
        self._room = limit
        self._files: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self.clean()

    def begin(self, stream: str, owners: Iterable[str], entries: Iterable[Entry]) -> None:
        """Keep a stream from now on."""
        try:
            self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._files[stream] = os.open(self._path(stream), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as e:
            log.warning("A stream is not kept on disk, and would be lost if the server were restarted: %s.", e.strerror)
            return
        self._sizes[stream] = 0
        for owner in owners:
            self.own(stream, owner)
        for entry in entries:
            self.add(stream, entry)

    def own(self, stream: str, owner: str) -> None:
        """Keep that a stream is somebody's."""
        self._write(stream, json.dumps({"owner": owner}).encode())

    def add(self, stream: str, entry: Entry) -> None:
        """Keep an event. The last one closes the file."""
        self._write(stream, entry.data)
        if entry.terminal:
            self._close(stream)

    def forget(self, stream: str) -> None:
        """Remove a stream's file."""
        self._close(stream)
        if stream in self._sizes:
            self._room += self._sizes.pop(stream)
            self._path(stream).unlink(missing_ok=True)

    def find(self, stream: str) -> Kept | None:
        """What a server that has ended kept of a stream; the file is this one's from then on."""
        for folder in self._left() if _NAME.fullmatch(stream) else ():
            file = folder / f"{stream}.jsonl"
            if file.is_file():
                return self._taken(stream, file)
        return None

    def clean(self) -> None:
        """Remove what servers that have ended left behind, once nobody will come for it."""
        oldest = time.time() - self._seconds
        for folder in self._left():
            with suppress(OSError):
                for file in folder.iterdir():
                    if file.stat().st_mtime < oldest:
                        file.unlink()
                folder.rmdir()  # if it is empty

    def close(self) -> None:
        """Write no more; what there is stays for the next server."""
        for stream in list(self._files):
            self._close(stream)
        with suppress(OSError):
            self._own.rmdir()  # if it is empty

    def _path(self, stream: str) -> Path:
        return self._own / f"{stream}.jsonl"

    def _left(self) -> Iterator[Path]:
        """The directories of other servers of this machine that have ended. Of another machine's processes nothing is known here."""
        for folder in self._root.glob(f"{platform.node()}.*.*"):
            pid = folder.name.split(".")[-2]
            if folder != self._own and pid.isdigit() and (int(pid) == os.getpid() or not alive(int(pid))):
                yield folder

    def _taken(self, stream: str, file: Path) -> Kept | None:
        try:
            lines = file.read_bytes().splitlines()
            file.unlink()
        except OSError:
            return None  # another server was faster
        owners, entries = set(), []
        for line in lines:
            try:
                if line.startswith(b'{"owner"'):
                    owners.add(str(json.loads(line)["owner"]))
                else:
                    entries.append(decode(line))
            except (ValueError, KeyError, TypeError):
                break  # it ended in the middle of a line
        if not entries:
            return None
        self.begin(stream, owners, entries)
        return Kept(stream, frozenset(owners), tuple(entries))

    def _write(self, stream: str, line: bytes) -> None:
        file = self._files.get(stream)
        if file is None:
            return
        self._room -= len(line) + 1
        self._sizes[stream] += len(line) + 1
        if self._room < 0:
            self._give_up(stream, "there is no more room")
            return
        try:
            os.write(file, line + b"\n")
        except OSError as e:
            self._give_up(stream, e.strerror)

    def _give_up(self, stream: str, why: str | None) -> None:
        """Half of a stream would be worse than nothing of it: a reader might know more."""
        log.warning("A stream is kept on disk no longer, and would be lost if the server were restarted: %s.", why)
        self.forget(stream)

    def _close(self, stream: str) -> None:
        if (file := self._files.pop(stream, None)) is not None:
            os.close(file)
