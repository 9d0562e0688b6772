"""Lists of models as hosts told them, kept on disk: what can be named is known at once, and without a network."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .hosts import Host
from .local import cache_dir

log = logging.getLogger("tokenwidgets")

VERSION = 1
"""Of the file's form; a file of another is not read, and is written anew."""

FILE_BYTES = 16 * 2**20
"""Largest file, in bytes: the lists asked for longest ago go first."""

Model = Mapping[str, Any]
"""A model as `Dialect.models` gives it."""


@dataclass(frozen=True, slots=True)
class ModelList:
    """What a host told.

    Parameters
    ----------
    at : when, in Unix seconds.
    models : its models.
    """

    at: float
    models: list[Model]


class ModelCache:
    """One file for all processes of a user. Holds what hosts tell anybody: no key.

    Parameters
    ----------
    path : the file; by default `tokenwidgets/models.json` in the user's cache directory.
    now : Unix seconds.
    """

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self.path = path or cache_dir().with_suffix(".json")
        self._now = now
        self._lists: dict[str, ModelList] = {}

    def load(self) -> None:
        """Take over what this and other processes wrote; where a file cannot be had, what this one knows stays."""
        for key, found in _read(self.path).items():
            if key not in self._lists or self._lists[key].at < found.at:
                self._lists[key] = found

    def get(self, host: Host) -> ModelList | None:
        """The newest list of a host at its address."""
        return self._lists.get(_key(host))

    def age(self, kept: ModelList) -> float:
        """How old a list is, in seconds; one from the future, since a clock was set back, is as old as can be."""
        age = self._now() - kept.at
        return age if age >= 0 else float("inf")

    def put(self, host: Host, models: list[Model]) -> None:
        """Keep a list that was told just now, in this process; `save` writes it."""
        self._lists[_key(host)] = ModelList(self._now(), models)

    def save(self) -> None:
        """Write the file, whole or not at all."""
        body = _bounded(dict(self._lists))
        new = self.path.with_suffix(f".{os.getpid()}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(body)
            new.replace(self.path)
        except OSError as e:
            log.debug("the lists of models could not be kept: %s", e.strerror)


def _key(host: Host) -> str:
    """A host at an address: the configuration may give it another meanwhile."""
    return f"{host.name} {host.dialects.get(host.dialect, '')}"


def _bounded(lists: dict[str, ModelList]) -> bytes:
    """The file's text, without the oldest lists that would make it too large."""
    while True:
        hosts = {key: {"at": kept.at, "models": kept.models} for key, kept in lists.items()}
        body = json.dumps({"version": VERSION, "hosts": hosts}).encode()
        if len(body) <= FILE_BYTES or not lists:
            return body
        del lists[min(lists, key=lambda key: lists[key].at)]


def _read(path: Path) -> dict[str, ModelList]:
    """The lists in a file; those of them that are well."""
    try:
        body = json.loads(path.read_bytes()) if path.stat().st_size <= FILE_BYTES else {}
        hosts = body["hosts"] if body["version"] == VERSION else {}
        return {key: ModelList(float(kept["at"]), [m for m in kept["models"] if isinstance(m["id"], str)]) for key, kept in hosts.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # not there, of another version, or not ours
