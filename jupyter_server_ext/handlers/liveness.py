"""Whether a peer is still there: aiortc itself notices only after half a minute that one is gone.

Pages and kernels ping once a second as long as they read something (`js/src/lib/channel.js`, `clients/liveness.py`). Who has never pinged
owes no ping, and is left to aiortc.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenwidgets.multiplex import Multiplexer

DEAD_SECONDS = 3.0
"""A peer that reads, and says nothing for so long, is gone: its readers leave and its place is free."""


class Liveness:
    """Watches one peer.

    Parameters
    ----------
    gone : called once when nothing was heard of it.
    """

    def __init__(self, gone: Callable[[], None]) -> None:
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._multiplexers: list[Multiplexer] = []
        self._timer = self._loop.call_later(DEAD_SECONDS, self._look)

    def watch(self, multiplexer: Multiplexer) -> None:
        """Its readers are the peer's."""
        self._multiplexers.append(multiplexer)

    def heard(self, *_: object) -> None:
        """Something came from it."""
        self._heard = self._loop.time()

    def close(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        owed = any(multiplexer.owed_pings for multiplexer in self._multiplexers)
        silent = self._loop.time() - self._heard
        if owed and silent >= DEAD_SECONDS:
            self._gone()
            return
        wait = DEAD_SECONDS - silent if owed else DEAD_SECONDS / 3
        self._timer = self._loop.call_later(max(wait, DEAD_SECONDS / 30), self._look)
