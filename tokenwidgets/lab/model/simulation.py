"""A plan, computed event by event. No clock: the instants are the simulation's own, in µs."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, Literal, Protocol

from ...errors import Refused
from ...events import Entry, Text
from ..base import LANES, Ended, Given, Impairment, Lane, Packet, Plan, Report, Shown
from ..link import Link, checked, in_words, tell_change
from ..running import LATE_SECONDS, checked_plan
from .lanes import MAKERS, LaneModel
from .source import source

MOST_BEHIND = 10_000
"""Events a lane may be behind the source; with one more it gives up, so that a link that is cut for good does not fill the memory."""

TCP_WORDS = (
    "Linux's, imitated: cubic, SACK, RACK, tail-loss probe, retransmission timer of the round trip + 200 ms at least; never gives up"
)
SCTP_WORDS = "aiortc 1.16's, imitated: lost after 3 misses, else by a timer (1 s at least; tokens: 0.4), no tail-loss probe; never gives up"

BESIDE_TUN = "beside real packets on a quiet machine the same ranking by stalls, medians within 25 %, p99 within a factor of two"
"""What `benchmarks/network_model.py` compares, and a test holds it to (independent loss)."""


class Way(Protocol):
    """One direction of the link: `Link`."""

    def fate(self, now: int, size: int, flow: str = "") -> tuple[int | None, Literal["loss", "queue", "cut"] | None]:
        """When a packet leaves it, or why it never does."""

    def change(self, impairment: Impairment) -> None:
        """Impair what comes from now on otherwise."""


class Simulation:
    """A plan that is being computed.

    Parameters
    ----------
    plan : what.
    links : to the client and back, in place of the plan's.

    Attributes
    ----------
    about : the row's provenance; once it has ended with drops and packets of each lane.
    now : how far it is computed, µs.

    Raises
    ------
    Refused : the plan asks for what cannot be.
    """

    def __init__(self, plan: Plan, links: tuple[Way, Way] | None = None) -> None:
        self.plan = checked_plan(plan, tuple(LANES))
        self.about: dict[str, object] = {
            "backend": "model", "simulated": True, "congestion_control": "cubic", "tcp": TCP_WORDS, "sctp": SCTP_WORDS,
            "rtt_ms": 2 * plan.impairment.delay_ms, "loss_model": in_words(plan.impairment), "seed": plan.seed, "rate": plan.rate,
            "beside_tun": BESIDE_TUN,
        }  # fmt: skip
        self.now = 0
        self._quiet_since = 0
        self._links = links or (Link(plan.impairment, 2 * plan.seed), Link(plan.impairment, 2 * plan.seed + 1))
        self._left: dict[Lane, LaneModel] = {lane: MAKERS[lane](round(plan.impairment.delay_ms * 2000)) for lane in plan.lanes}
        self._behind = Counter[Lane]()
        self._packets, self._drops = Counter[Lane](), Counter[Lane]()
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self._source = source(plan)
        self._reports: list[Report] = []
        self._give_next()

    @property
    def next(self) -> int | None:
        """When something happens next; None: nothing any more."""
        if not self._left:
            return None
        dues = [end.due for lane in self._left.values() for end in lane.ends]
        return max(self.now, min([due for due in dues if due is not None] + [at for at, _, _ in self._events[:1]]))

    def advance(self, until: int) -> list[Report]:
        """Compute up to an instant."""
        while (at := self.next) is not None and at <= until:
            self._step(at)
        self.now = max(self.now, until)
        reports, self._reports = self._reports, []
        return reports

    def finish(self) -> list[Report]:
        """Compute the rest.

        Raises
        ------
        Refused : it has no end.
        """
        if not self.plan.tokens:
            raise Refused("bad_request", "A run without an end cannot be computed to its end: give 'tokens' a number.")
        reports: list[Report] = []
        while (at := self.next) is not None:
            reports += self.advance(at)
        return reports

    def change(self, impairment: Impairment, at: int) -> None:
        """Impair the link otherwise from an instant on. Raises `Refused` for what no link can be."""
        checked(impairment)
        self._at(max(at, self.now), lambda: self._change(impairment))
        tell_change(self.about, impairment)

    # ---- what happens

    def _step(self, at: int) -> None:
        self.now = at
        if self._events and self._events[0][0] <= at:
            _, _, event = heapq.heappop(self._events)
            event()
            return
        for name, lane in list(self._left.items()):
            for end in lane.ends:
                if end.due is not None and end.due <= at:
                    end.wake(at)
                    self._settle(name, lane)

    def _at(self, at: int, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), event))

    def _give_next(self) -> None:
        entry = next(self._source, None)
        if entry is None:
            self._quiet_since = self.now
            self._too_late()
        else:
            self._at(entry.at, lambda: self._give(entry))

    def _give(self, entry: Entry) -> None:
        if isinstance(entry.event, Text):
            self._reports.append(Given(entry.seq, self.now, entry.event.delta))
        for name, lane in list(self._left.items()):
            self._behind[name] += 1
            lane.write(entry, self.now)
            self._settle(name, lane)
            if self._behind[name] > MOST_BEHIND:
                self._end(name, f"it was more than {MOST_BEHIND:,} events behind")
        self._give_next()

    def _too_late(self) -> None:
        """The source has given all: a lane is late once nothing comes any more."""
        due = self._quiet_since + round(LATE_SECONDS * 1e6)
        if self.now < due:
            self._at(due, self._too_late)
            return
        for name in list(self._left):
            self._end(name, f"it brought nothing for {LATE_SECONDS:g} s after the end")

    def _change(self, impairment: Impairment) -> None:
        for link in self._links:
            link.change(impairment)

    def _settle(self, name: Lane, lane: LaneModel) -> None:
        """Report what a lane can show now, and put its packets on the link."""
        entries = lane.shown()
        if entries:
            self._quiet_since = self.now
        self._behind[name] -= len(entries)
        self._reports += [Shown(name, entry.seq, self.now) for entry in entries if isinstance(entry.event, Text)]
        for end in (0, 1):
            for size, packet in lane.ends[end].packets():
                self._carry(name, lane, end, size, packet)
        if entries and entries[-1].terminal:
            self._end(name)

    def _carry(self, name: Lane, lane: LaneModel, end: int, size: int, packet: Any) -> None:
        to, lost = self._links[end].fate(self.now, size, name)
        self._packets[name] += 1
        self._drops[name] += lost is not None
        self._reports.append(Packet(name, end == 0, size, self.now, self.now if to is None else to, lost))
        if to is not None:
            self._at(to, lambda: self._arrive(name, lane, 1 - end, packet))

    def _arrive(self, name: Lane, lane: LaneModel, end: int, packet: Any) -> None:
        if name in self._left:
            lane.ends[end].receive(packet, self.now)
            self._settle(name, lane)

    def _end(self, name: Lane, failed: str = "") -> None:
        if self._left.pop(name, None):
            self._reports.append(Ended(name, self.now, failed))
        if not self._left:
            self.about |= {"drops": dict(self._drops), "packets": dict(self._packets)}


def simulate(plan: Plan) -> list[Report]:
    """All that a plan gives, at once.

    Raises
    ------
    Refused : the plan asks for what cannot be, or has no end.
    """
    return Simulation(plan).finish()
