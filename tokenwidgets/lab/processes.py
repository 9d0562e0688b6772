"""The lab's processes: started with a socket as their standard input, ended by closing it, and so with this process, however that ends."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from .control import Control

END_SECONDS = 5.0
"""How long a process may take to end by itself."""


class Process:
    """One of them.

    Parameters
    ----------
    module : is run, with `arguments`; or a program's file.
    given : sockets that it takes over; their descriptors are its last arguments.
    """

    def __init__(self, module: str, arguments: Sequence[str], given: Sequence[socket.socket] = ()) -> None:
        ours, its = socket.socketpair()
        self.module = module
        self.control = Control(ours)
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        fds = [sock.fileno() for sock in given]
        with its:
            self._child = subprocess.Popen(  # noqa: S603 (ourselves)
                [sys.executable, *([module] if module.endswith(".py") else ["-m", module]), *arguments, *map(str, fds)],
                stdin=its.fileno(),
                stdout=self._words,
                stderr=self._words,
                pass_fds=fds,
                start_new_session=True,  # an interrupt of the terminal is for us alone
            )
        for sock in given:
            sock.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self._child.pid)

    def last_word(self) -> str:
        """The last line it wrote, to say why it ended."""
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip().rstrip(".") if lines else "it said nothing"

    async def close(self) -> None:
        """End it; returns when it has ended."""
        await self.control.close()
        await asyncio.to_thread(self._ended)

    def _ended(self) -> None:
        try:
            self._child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._words.close()
