"""Time that passes only when somebody sleeps."""

from __future__ import annotations

import asyncio

from tokenwidgets.recording import Tape


class FakeTime:
    """A clock in ns and the sleep that moves it; `late` seconds are added to every real wait, as a busy loop would."""

    def __init__(self, late: float = 0.0) -> None:
        self.ns = 0
        self.late = late
        self.waits: list[float] = []

    def clock(self) -> int:
        return self.ns

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        if seconds > 0:
            self.waits.append(seconds)
            self.ns += round((seconds + self.late) * 1e9)

    def tape(self) -> Tape:
        return Tape(self.clock)
