"""Transports of one stream, read by the page that looks on: so that what a page does with them, up to the paint, is measured too.

Without a page that shows the comparison the kernel reads them itself. That is decided with the first call: one that goes away later ends
the comparison, since the two kinds of readers are not to be mixed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .clients.base import Gateway
from .clients.rest import Rest
from .clocks import Offset
from .comparison import TRANSPORT_WORDS, Lane
from .errors import TokenwidgetsError
from .lanes import ALONE_SECONDS, LATE_SECONDS, Lanes
from .output import SHOWN_SECONDS, attended, in_notebook
from .result import Result

if TYPE_CHECKING:
    from .widgets.readers import Readers, Report

ALIGNED = "The page's clock and the server's were aligned anew for each call; of a drift nothing is known."


def lanes_of(gateway: Gateway, transports: Sequence[str], shown: bool) -> Lanes:
    """The readers of a comparison's transports: the page's, where one looks on.

    Parameters
    ----------
    gateway : where the streams live.
    transports : of sse, ws, webrtc, webrtc-ordered and webrtc-unordered.
    shown : whether the running cell may show them.

    Raises
    ------
    Refused : like `Lanes`.
    """
    if not (transports and shown and gateway.place == "server" and in_notebook() and attended()):
        return Lanes(gateway, transports)
    from .widgets.readers import Readers

    lanes = PageLanes(gateway, transports, Readers())
    lanes.page.show()
    return lanes


class PageLanes(Lanes):
    """The page's readers, or the kernel's where no page shows them.

    Parameters
    ----------
    gateway, transports : of `Lanes`.
    page : the widget whose page reads.
    """

    def __init__(self, gateway: Gateway, transports: Sequence[str], page: Readers) -> None:
        super().__init__(gateway, transports)
        self.page = page
        self._in_page: bool | None = None

    async def read(self, result: Result, order: Sequence[str]) -> list[Lane]:
        """See `Lanes.read`.

        Raises
        ------
        TokenwidgetsError : the page has gone, or tells nothing.
        """
        stream = await asyncio.to_thread(lambda: result.id)
        if not stream or not await self._looked_at():
            return await super().read(result, order)
        told = self.page.read(stream, order)
        await asyncio.to_thread(result.wait)
        lanes = [Lane(TRANSPORT_WORDS[name], name, result) for name in order]
        _fill(lanes, await _heard(told))
        return sorted(lanes, key=lambda lane: list(self._readers).index(lane.transport))

    async def _read_alone(self, lane: Lane, stream: str, rest: Rest) -> None:
        if not self._in_page:
            await super()._read_alone(lane, stream, rest)
            return
        told = self.page.read(stream, [lane.transport])
        await asyncio.wait([told], timeout=ALONE_SECONDS)
        if not told.done():
            await rest.stop(stream)
        _fill([lane], await _heard(told))

    async def _looked_at(self) -> bool:
        """Whether a page reads, as it turned out with the first call."""
        if self._in_page is None:
            self._in_page = await self.page.appears(SHOWN_SECONDS)
        return self._in_page

    @property
    def where(self) -> str:
        """See `Lanes.where`."""
        return "page" if self._in_page else "kernel"

    @property
    def words(self) -> str:
        """See `Lanes.words`."""
        return ALIGNED if self._in_page else super().words

    async def aclose(self) -> None:
        """See `Lanes.aclose`."""
        self.page.over()
        await super().aclose()


async def _heard(told: asyncio.Future[Report]) -> Report:
    try:
        async with asyncio.timeout(LATE_SECONDS):
            return await told
    except TimeoutError:
        raise TokenwidgetsError("the page that read the lanes has gone, or tells nothing") from None


def _fill(lanes: Sequence[Lane], report: Report) -> None:
    for lane, seen in zip(lanes, report.lanes, strict=True):
        lane.arrivals, lane.sent, lane.painted, lane.failure = seen.arrived, seen.sent, seen.painted, seen.failure
        lane.clock = None if report.uncertainty is None else Offset(0.0, 0.0, report.uncertainty)
