"""Words to speech in a child process, which starts with the first session, serves all later ones and dies with this process."""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections.abc import AsyncIterator, Sequence

from ..errors import Refused
from .codec import Resampler
from .settings import RATE

VOICES = ("en-us", "en-us+f3", "en-gb", "en-gb+f3", "en-gb-scotland")
"""Voices of eSpeak NG that may be asked for, the first by default; `+f3` is a woman's."""

START_SECONDS = 20.0
"""Longest time the child may take to be ready."""

COMMAND = (sys.executable, "-m", "tokenwidgets.realtime.speaker")
"""What is run: anything that speaks as `speaker.py` says."""


class Speaker:
    """The child process: one text at a time, each of them to its end, so that what is not wanted any more is read and thrown away.

    Parameters
    ----------
    command : see `COMMAND`.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._child: _Child | None = None
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """See `Synthesizer.load`."""
        async with self._turn:
            await self._started()

    async def speak(self, text: str, voice: str | None) -> AsyncIterator[bytes]:
        """See `Synthesizer.speak`."""
        async with self._turn:
            child = await self._started()
            resampler = Resampler(child.rate, RATE)
            try:
                await child.ask(text, voice or VOICES[0])
                while piece := await child.piece():
                    yield resampler.feed(piece)
            except (OSError, asyncio.IncompleteReadError):
                await self.aclose()
                raise Refused("internal", "The speech synthesizer's process ended; the next sentence starts it anew.") from None
            yield resampler.close()

    async def _started(self) -> _Child:
        if self._child is None or not self._child.alive:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # an interrupt of a cell is not meant for it
            )  # fmt: skip
            self._child = _Child(process)
            try:
                await self._child.ready()
            except (TimeoutError, ValueError, KeyError):
                await self.aclose()
                raise Refused(
                    "internal", "The speech synthesizer did not start: is espeak-ng, or package espeakng-loader, whole?"
                ) from None
        return self._child

    async def aclose(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            await child.aclose()


class _Child:
    """The running process. Whoever leaves off within a text breaks nothing: what is left of it is read before the next."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 (both are pipes)
        assert process.stdout is not None  # noqa: S101
        self.rate = RATE
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._size: int | None = None
        self._speaks = False

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ready(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            self.rate = int(json.loads(await self._stdout.readline())["rate"])

    async def ask(self, text: str, voice: str) -> None:
        while self._speaks:
            await self.piece()
        self._stdin.write(json.dumps({"text": text, "voice": voice}).encode() + b"\n")
        self._speaks = True

    async def piece(self) -> bytes:
        """The next piece of the text's sound; empty at its end."""
        if self._size is None:
            (self._size,) = struct.unpack("<I", await self._stdout.readexactly(4))
        piece = await self._stdout.readexactly(self._size)
        self._size = None
        self._speaks = bool(piece)
        return piece

    async def aclose(self) -> None:
        if self.alive:
            self._process.kill()
        await self._process.wait()
