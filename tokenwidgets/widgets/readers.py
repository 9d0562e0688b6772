"""The page's readers of a comparison's lanes: a page that looks on reads each call over its own transports, and tells what it saw."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import traitlets

from ..comm import Answer
from ..errors import Refused
from ..markup import tag
from ..output import Bundle
from ..portal import portal
from ..races import ARRIVALS
from .base import STATIC, Widget
from .race import FAILURE_CHARS, LATEST_US

WORDS = "The lanes of this comparison are read here, by the page."


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page saw of one lane.

    Parameters
    ----------
    arrived, painted : of each event, µs since the stream began, by the page's clock; None where it was not painted.
    sent : when each was written to it, µs of the stream's clock; None where nobody says.
    failure : why there are no more.
    """

    arrived: tuple[int, ...]
    sent: tuple[int | None, ...]
    painted: tuple[int | None, ...]
    failure: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a page saw of one call.

    Parameters
    ----------
    lanes : in the order in which they attached.
    uncertainty : of the page's clock, µs; None where it could not be aligned with the stream's.
    """

    lanes: tuple[Seen, ...]
    uncertainty: float | None


class Readers(Widget):
    """Reads one call after the other."""

    _esm = STATIC / "readers.js"
    _css = STATIC / "readers.css"

    runs = traitlets.List(traitlets.Dict(), help="The lanes of the call that is read now, in the order in which they attach.").tag(
        sync=True
    )
    number = traitlets.Int(0, help="Which call that is, from 1.").tag(sync=True)
    heard = traitlets.Int(0, help="The last call of which the page has told.").tag(sync=True)

    def __init__(self) -> None:
        super().__init__(operations={"read": self._read})
        self._report: asyncio.Future[Report] | None = None
        self._appeared = asyncio.Event()

    async def _on_shown(self, content: Mapping[str, Any]) -> Answer:
        self._appeared.set()
        return await super()._on_shown(content)

    async def appears(self, seconds: float) -> bool:
        """Wait, no longer than that, for a page that shows it; on the portal."""
        try:
            async with asyncio.timeout(seconds):
                await self._appeared.wait()
        except TimeoutError:
            return False
        return True

    def read(self, stream: str, transports: Sequence[str]) -> asyncio.Future[Report]:
        """Let the page read a stream; on the portal. What is returned is done when the page has told what it saw.

        Parameters
        ----------
        stream : its id.
        transports : of the lanes, in the order in which they attach.
        """
        self._report = portal().loop.create_future()
        run = {"stream": stream, "model": "", "place": "server", "ended": -1, "error": "", "only": True}
        with self.hold_sync():
            self.number += 1
            self.runs = [{**run, "transport": name} for name in transports]
        return self._report

    async def _read(self, content: Mapping[str, Any]) -> Answer:
        report = _report(content, len(self.runs))
        if content.get("number") == self.number and self._report is not None and not self._report.done():
            self._report.set_result(report)
            self.heard = self.number
        return None

    def over(self) -> None:
        """There are no further calls."""
        self.runs = []
        self.refresh()

    def static(self) -> Bundle:
        """See `Widget.static`."""
        return {"text/plain": WORDS, "text/markdown": WORDS, "text/html": tag("div", WORDS)}


def _report(content: Mapping[str, Any], lanes: int) -> Report:
    """A page's word, checked."""
    match content:
        case {"lanes": list(found), "uncertainty": None | int() | float() as uncertainty} if len(found) == lanes:
            return Report(tuple(map(_seen, found)), None if uncertainty is None else abs(float(uncertainty)))
    raise Refused("bad_request", "A report has 'lanes', one for each, and 'uncertainty', a number or null.")


def _seen(lane: Any) -> Seen:
    match lane:
        case {"arrived": list(arrived), "sent": list(sent), "painted": list(painted), "failure": str(failure)} if (
            len(arrived) == len(sent) == len(painted) <= ARRIVALS
            and all(map(_is_instant, arrived))
            and all(at is None or _is_instant(at) for at in (*sent, *painted))
        ):
            return Seen(tuple(arrived), tuple(sent), tuple(painted), failure[:FAILURE_CHARS])
    raise Refused("bad_request", f"A lane has 'arrived', 'sent' and 'painted', at most {ARRIVALS} whole numbers each, and 'failure'.")


def _is_instant(value: Any) -> bool:
    return type(value) is int and abs(value) < LATEST_US
