"""The page as the client on the far side of the relay: what it asks for, and what it tells. `js/src/lab/client.js` is the other end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..comm import Answer, Operation
from ..errors import Refused
from .base import Ended, Lane, Report, Shown
from .relay import Relay, RelayRun

SILENT_SECONDS = 10.0
"""A page that is the client tells something ten times a second; after so long a silence it is gone."""


class PageClient:
    """Lets one page be the client of each run.

    Parameters
    ----------
    send : sends the pages a message.

    Attributes
    ----------
    backend : the relay, whose client a page is.
    """

    def __init__(self, send: Callable[[Mapping[str, Any]], Awaitable[None]]) -> None:
        self.backend = Relay(self.invite)
        self._send = send
        self._run: RelayRun | None = None
        self._joined = False
        self._silence: asyncio.TimerHandle | None = None

    @property
    def operations(self) -> Mapping[str, Operation]:
        """What the page asks for."""
        return {"join": self._on_join, "offer": self._on_offer, "came": self._on_came}

    async def invite(self, run: RelayRun) -> None:
        """Ask the pages for a client of this run: the first that comes."""
        self._run, self._joined = run, False
        run.about["client"] = "the page"
        self._heard(run)
        await self._send({"op": "invited"})

    def _heard(self, run: RelayRun) -> None:
        if self._silence:
            self._silence.cancel()
        self._silence = asyncio.get_running_loop().call_later(SILENT_SECONDS, run.fail, "the page that was the client is gone")

    async def _on_join(self, _: Mapping[str, Any]) -> Answer:
        if self._run is None or self._joined:
            raise Refused("not_found", "No run waits for a page.")
        self._joined = True
        return {"stream": self._run.stream, "lanes": self._run.plan.lanes}

    async def _on_offer(self, content: Mapping[str, Any]) -> Answer:
        run = self._of(content)
        return {"sdp": await run.answer(str(content.get("sdp")), _lane(run, content.get("lane")))}

    async def _on_came(self, content: Mapping[str, Any]) -> Answer:
        run = self._of(content)
        self._heard(run)
        if type(within := content.get("within")) is int:
            run.about["clock_ms"] = within / 1000
        try:
            lanes = [_lane(run, lane) for lane in content.get("attached", ())]
            reports = _reports(run, content)
        except (TypeError, ValueError):
            raise Refused("bad_request", "'attached' are lanes, 'shown' [lane, seq, µs] and 'ended' [lane, µs, why].") from None
        for lane in lanes:
            run.attached(lane)
        for report in reports:
            run.put(report)
        return {"at": time.monotonic_ns() // 1000}

    def _of(self, content: Mapping[str, Any]) -> RelayRun:
        if self._run is None or self._run.over or content.get("stream") != self._run.stream:
            raise Refused("not_found", "This run is over.")
        return self._run


def _reports(run: RelayRun, content: Mapping[str, Any]) -> list[Report]:
    """What its lanes have shown; the page's instants are of this machine's monotonic clock, as far as the page knows it."""
    shown: list[Report] = [Shown(_lane(run, lane), int(seq), _at(run, at)) for lane, seq, at in content.get("shown", ())]
    return [*shown, *(Ended(_lane(run, lane), _at(run, at), str(failed)) for lane, at, failed in content.get("ended", ()))]


def _at(run: RelayRun, at: Any) -> int:
    return max(0, int(at) - run.began)


def _lane(run: RelayRun, name: Any) -> Lane:
    for lane in run.plan.lanes:
        if name == lane:
            return lane
    raise Refused("bad_request", f"This run has no lane {name!r}.")
