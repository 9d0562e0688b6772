"""How the lab's two ends begin: in a network of their own whose device they hand to the link, or on loopback."""

from __future__ import annotations

import asyncio
import os
import socket
import traceback
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from .namespace import enter


def bring(fd: int, me: str, peer: str) -> None:
    """Leave for a network of its own, and send its device over a socket. Called before there is a second thread.

    Raises
    ------
    OSError : see `namespace.enter`.
    """
    with socket.socket(fileno=fd) as link:
        socket.send_fds(link, [b"device"], [enter(me, peer)])


def first() -> None:
    """Come before whatever else this machine does, where that is allowed: what is measured is the link. To be called as the stream begins,
    since a start takes long.
    """
    with suppress(PermissionError, AttributeError):  # not every system has it
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


class Tasks:
    """What an end does at once. What fails there ends the process: the lab says its last word."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside what is done."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (cause := task.exception()):
            traceback.print_exception(cause)
            os._exit(1)


def on_loopback() -> None:
    """Let WebRTC meet on loopback where there is nothing else: aioice passes it over."""
    import aioice.ice

    known = aioice.ice.get_host_addresses
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: known(use_ipv4, False) or ["127.0.0.1"]
