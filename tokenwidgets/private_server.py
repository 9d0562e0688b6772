"""A Jupyter server for as long as a program needs one: transports are compared where a server streams, and a terminal has none.

It runs in a process of its own, on a free port of the loopback interface, and publishes itself in a directory that nobody else looks into,
so that no kernel takes it for its own. It ends when its standard input does, and so with the program, however that ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import api
from .clients.rest import Rest
from .errors import Refused
from .portal import portal
from .runtime import Server, servers

PROGRAM = "jupyter_server_ext.private"
"""What is run: a Jupyter server with our extension alone."""

START_SECONDS = 60.0
"""Longest wait for it to answer."""

END_SECONDS = 10.0
"""How long it may take to end by itself."""

LOOK_SECONDS = 0.05
"""How often is looked whether it has published itself."""


@contextmanager
def served() -> Iterator[Rest]:
    """Let this process's streams live in a server of their own meanwhile.

    Raises
    ------
    Refused : it does not start; the sentence has its last word.
    """
    with tempfile.TemporaryDirectory(prefix="tokenwidgets-", ignore_cleanup_errors=True) as home, _process(Path(home)) as child:
        rest = Rest(_published(child, Path(home)))
        with api.at(rest):
            try:
                yield rest
            finally:
                portal().run(rest.aclose(), END_SECONDS)


@contextmanager
def _process(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    (home / "root").mkdir()
    with (home / "log").open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 (ourselves)
            [sys.executable, "-m", PROGRAM, f"--ServerApp.root_dir={home / 'root'}"],
            env={**os.environ, "JUPYTER_RUNTIME_DIR": str(home)},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt of the terminal is for us alone
        )
    try:
        yield child
    finally:
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _published(child: subprocess.Popen[bytes], home: Path) -> Server:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and child.poll() is None:
        if found := servers(home):
            return found[0]
        time.sleep(LOOK_SECONDS)
    raise Refused("internal", f"No Jupyter server could be started to stream over: {_why(child, home / 'log')}.")


def _why(child: subprocess.Popen[bytes], log: Path) -> str:
    """Its last word, where it has ended; while it runs that might be its address with the token."""
    if child.poll() is None:
        return f"it did not answer within {START_SECONDS:g} s"
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].rstrip(".") if lines else "it said nothing"
