"""What is on its way to the provider of a voice session."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from ..errors import Refused
from .inputs import Input, Say, Sound, ToolResult

WAITING_BYTES = 4 * 2**20
"""The most that may wait to be taken: a minute of sound and more. Nothing else slows down who sends more than is taken."""

INPUT_BYTES = 256
"""What an input counts for beside its sound or text."""


class Inbox:
    """A queue of inputs, bounded in bytes, that one provider takes from."""

    def __init__(self) -> None:
        self._waiting: deque[Input] = deque()
        self._bytes = 0
        self._news = asyncio.Event()

    def put(self, given: Input) -> None:
        """Add one; never waits.

        Raises
        ------
        Refused : as much as may wait does.
        """
        if self._bytes + _weight(given) > WAITING_BYTES:
            raise Refused("limit", "The session does not take input as fast as it comes: wait, or send sound no faster than it was spoken.")
        self._waiting.append(given)
        self._bytes += _weight(given)
        self._news.set()

    async def take(self) -> Input:
        """The next one, as soon as there is one."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        given = self._waiting.popleft()
        self._bytes -= _weight(given)
        return given

    async def __aiter__(self) -> AsyncIterator[Input]:
        """All of them, for as long as the session lasts."""
        while True:
            yield await self.take()


def _weight(given: Input) -> int:
    match given:
        case Sound():
            return INPUT_BYTES + len(given.pcm)
        case Say():
            return INPUT_BYTES + len(given.text) + sum(map(len, given.images))
        case ToolResult():
            return INPUT_BYTES + len(given.output)
    return INPUT_BYTES
