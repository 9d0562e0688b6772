"""How a kernel finds its Jupyter server: a file the server writes for it.

The server publishes its address and a ticket in Jupyter's runtime directory, readable by its user alone, under its process id, which
is the parent id that Jupyter gives its kernels. An environment variable would reach kernels too, but shows in `!env`.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

TICKET_HEADER = "X-Tokenwidgets-Ticket"
"""Header with the ticket, which is good for the endpoints of tokenwidgets only."""

_PREFIX = "tokenwidgets-"


def version() -> str:
    """The installed version of this package."""
    return metadata.version("tokenwidgets")


@dataclass(frozen=True, slots=True)
class Server:
    """A Jupyter server with our extension, as it published itself.

    Parameters
    ----------
    pid : its process id.
    url : its address with its base URL, ending in a slash.
    ticket : the credential; not shown in `repr`.
    version : of its tokenwidgets.
    certificate : file of its TLS certificate, when it serves TLS by itself.
    machine : name of the machine it runs on.
    """

    pid: int
    url: str
    ticket: str
    version: str
    certificate: str | None = None
    machine: str | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Server(pid={self.pid}, url={self.url!r}, version={self.version!r})"


def publish(url: str, ticket: str, certificate: str | None = None) -> Path:
    """Write this process's file; returns its path, to be removed when the server stops."""
    path = _directory() / f"{_PREFIX}{os.getpid()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    body = {"url": url, "ticket": ticket, "version": version(), "certificate": certificate, "machine": platform.node()}
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(body, file)
    return path


def servers(directory: Path | None = None) -> list[Server]:
    """Every server that is running and published itself, newest first. What a server that was killed left behind is removed.

    Parameters
    ----------
    directory : where they publish themselves; by default Jupyter's runtime directory.
    """
    files = sorted((directory or _directory()).glob(f"{_PREFIX}*.json"), key=_modified, reverse=True)
    return [s for path in files if (s := _read(path)) is not None and _running(s, path)]


def _running(server: Server, path: Path) -> bool:
    """Whether a server runs; removes the file of one that does not."""
    if alive(server.pid):
        return True
    if server.machine == platform.node():  # a home directory may be shared: of another machine's processes nothing is known here
        path.unlink(missing_ok=True)
    return False


def _modified(path: Path) -> float:
    """When a file was written; a server that stops just now may take it away."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _directory() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def _read(path: Path) -> Server | None:
    try:
        body = json.loads(path.read_text())
        pid = int(path.stem.removeprefix(_PREFIX))
        return Server(pid, body["url"], body["ticket"], body["version"], body.get("certificate"), body.get("machine"))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # being written or removed just now, or not ours


def alive(pid: int) -> bool:
    """Whether a process is running."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
