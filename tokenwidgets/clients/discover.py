"""Where this process's streams live: the Jupyter server that started it, else the process itself, and why."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from ..runtime import Server, servers, version
from .base import Gateway
from .inprocess import InProcess

log = logging.getLogger("tokenwidgets")

PARENT = "JPY_PARENT_PID"
"""Where Jupyter tells a kernel the process id of its server."""


def choose(found: Sequence[Server], parent: int | None, in_kernel: bool) -> tuple[Server | None, str]:
    """The server to use, or None, and the reason in words.

    Parameters
    ----------
    found : servers that published themselves, newest first.
    parent : the process that started this kernel, if it is known.
    in_kernel : whether this process is a Jupyter kernel; a plain program has no server.
    """
    if not in_kernel:
        return None, "this program does not run in a Jupyter kernel"
    own = [s for s in found if s.pid == parent]
    fitting = own or list(found)
    if not fitting:
        return None, "no Jupyter server with tokenwidgets runs here"
    if len(fitting) > 1:
        return None, f"several Jupyter servers run here ({', '.join(s.url for s in fitting)}) and none started this kernel"
    server = fitting[0]
    if not server.url.startswith(("http://", "https://")):  # Jupyter writes http+unix://
        return None, "the Jupyter server listens on a Unix socket, which kernels cannot use"
    if _major(server.version) != _major(version()):
        return None, f"the server runs tokenwidgets {server.version} and this kernel {version()}: restart the server after an update"
    return server, f"the Jupyter server at {server.url}"


def _major(text: str) -> str:
    return text.split(".")[0]


def discover() -> Gateway:
    """The gateway of this process. Where a server is there and not used, the log says why, once."""
    parent = os.environ.get(PARENT, "")
    found = servers()
    server, why = choose(found, int(parent) if parent.isdigit() else None, "ipykernel" in sys.modules)
    if server is not None:
        from .rest import Rest

        return Rest(server)
    if found and "ipykernel" in sys.modules:
        log.warning("Streams live in this kernel and not in a Jupyter server: %s.", why)
    return InProcess(why)
