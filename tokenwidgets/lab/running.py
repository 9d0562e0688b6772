"""A run whose source and client are processes: what they and the link tell becomes one row of reports. A subclass is the link."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, get_args

from ..errors import Refused
from .base import Ended, Impairment, Lane, Packet, Plan, Report, Shown
from .link import Lost, checked, in_words, tell_change
from .processes import Process
from .reports import unpack

START_SECONDS = 60.0
"""Longest wait for the server and all lanes to be up."""

LATE_SECONDS = 30.0
"""How long after the stream's end a lane may bring the rest."""

WAITING = 50_000
"""Reports that wait to be taken; beyond it packets are no longer reported, only counted."""

RATES = (0.1, 200.0)
"""Tokens a second."""

MOST_TOKENS = 100_000
"""The longest stream, and the length of one without an end."""


def checked_plan(plan: Plan, lanes: Sequence[Lane]) -> Plan:
    """The same plan.

    Raises
    ------
    Refused : it asks for lanes that there are not, or for numbers that nothing can do.
    """
    checked(plan.impairment)
    if not plan.lanes or len(set(plan.lanes)) < len(plan.lanes) or not set(plan.lanes) <= set(lanes):
        raise Refused("bad_request", f"'lanes' are one or more of {', '.join(lanes)}, each once, not {', '.join(plan.lanes) or 'none'}.")
    if not RATES[0] <= plan.rate <= RATES[1]:
        raise Refused("bad_request", f"'rate' is {RATES[0]:g} to {RATES[1]:g} tokens a second, not {plan.rate!r}.")
    if not 0 <= plan.tokens <= MOST_TOKENS:
        raise Refused("bad_request", f"'tokens' is 0 (without an end) to {MOST_TOKENS}, not {plan.tokens!r}.")
    return plan


class Running(ABC):
    """See `Run`. Made by `begin`.

    Parameters
    ----------
    plan : checked.
    about : what the row says of the link.
    congestion, end : the TCP congestion control of the source, and the socket on which it brings its device to the link.

    Attributes
    ----------
    source : the process that is the server, to look into its network.
    """

    def __init__(self, plan: Plan, about: Mapping[str, object], *, congestion: str = "", end: Sequence[socket.socket] = ()) -> None:
        body = {"tokens": plan.tokens, "rate": plan.rate, "seed": plan.seed, "congestion": congestion}
        self.source = Process("jupyter_server_ext.lab", [json.dumps(body)], end)
        self.plan = plan
        self.about: dict[str, object] = {**about, "rtt_ms": 2 * plan.impairment.delay_ms, "loss_model": in_words(plan.impairment)}
        self.about |= {"seed": plan.seed, "rate": plan.rate}
        self._reports = asyncio.Queue[Report | None]()
        self._left: set[Lane] = set(plan.lanes)
        self._to_attach: set[Lane] = set(plan.lanes)
        self._up, self._attached = asyncio.Event(), asyncio.Event()
        self._failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False
        self._quiet_since = 0.0
        self._late: asyncio.TimerHandle | None = None
        self.began = 0

    # ---- what a link does

    @abstractmethod
    def processes(self) -> Sequence[Process]:
        """All there are."""

    @abstractmethod
    async def opened(self, ready: Mapping[str, Any]) -> None:
        """The server is up: let the client read over the link, which loses nothing yet."""

    @abstractmethod
    async def impair(self) -> None:
        """The stream begins now: so does the impairment."""

    @abstractmethod
    async def said(self, message: Mapping[str, Any]) -> None:
        """A process says what only this link knows of."""

    @abstractmethod
    async def fares(self) -> Mapping[str, object]:
        """Of a run that has ended: its drops, and how late the emulator was."""

    @abstractmethod
    def _change(self, impairment: Impairment) -> None: ...

    # ---- its life

    async def begin(self) -> None:
        """Return when every lane is attached and the stream begins.

        Raises
        ------
        Refused : it does not come up.
        """
        for process in self.processes():
            self._task(self._listen(process))
        try:
            await self._until(self._up)
            await self._go()
        except BaseException:  # one that is cancelled too leaves nothing behind
            await self.close()
            raise

    @property
    def over(self) -> bool:
        """Whether nothing more is to be reported."""
        return self._ended

    async def _go(self) -> None:
        """Begin the stream, and with it the impairment, when every lane is attached."""
        await self._until(self._attached)
        self.began = time.monotonic_ns() // 1000
        await self.impair()
        await self.source.control.tell(go=self.began)

    async def _until(self, event: asyncio.Event) -> None:
        waiting = asyncio.ensure_future(event.wait())
        either: list[asyncio.Future[Any]] = [waiting, self._failed]
        try:
            await asyncio.wait(either, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if not event.is_set():
            why = self._failed.result() if self._failed.done() else f"{', '.join(sorted(self._to_attach))} did not open"
            raise Refused("internal", f"The network lab could not begin: {why}.")

    async def _listen(self, process: Process) -> None:
        try:
            async for message in process.control.messages():
                await self._take(message)
        except Refused as e:
            self.fail(e.message)
        else:
            self.fail(f"a process of the network lab ended: {process.last_word()}")

    async def _take(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"reports": list(reports)}:
                for body in reports:
                    self.put(unpack(body))
            case {"attached": lane}:
                self.attached(lane)
            case {"ready": dict(ready)}:
                await self.opened(ready)
                self._up.set()
            case {"over": True}:
                self._quiet_since = time.monotonic()
                self._wait_for_the_rest()
            case _:
                await self.said(message)

    def _wait_for_the_rest(self) -> None:
        """The source has given all: a lane is late once nothing comes any more."""
        if (left := self._quiet_since + LATE_SECONDS - time.monotonic()) > 0:
            self._late = asyncio.get_running_loop().call_later(left, self._wait_for_the_rest)
        else:
            self.fail(f"it brought nothing for {LATE_SECONDS:g} s after the end")

    def attached(self, lane: Lane) -> None:
        """A lane's client has read the stream's first event."""
        self._to_attach.discard(lane)
        if not self._to_attach:
            self._attached.set()

    def put(self, report: Report) -> None:
        """Hand a report on."""
        if isinstance(report, Packet) and (not self.began or self._reports.qsize() > WAITING):
            return
        if isinstance(report, Shown):
            self._quiet_since = time.monotonic()
        if isinstance(report, Ended):
            if report.lane not in self._left:
                return
            self._left.discard(report.lane)
            if not self.began:
                self.fail(f"{report.lane}: {report.failed}")
        self._reports.put_nowait(report)
        if not self._left:
            self._task(self._finish())

    def fail(self, why: str) -> None:
        """What is not done yet will not be."""
        if not self._failed.done():
            self._failed.set_result(why)
        if self.began:
            self._end_all(why)

    def _end_all(self, why: str) -> None:
        for lane in sorted(self._left):
            self.put(Ended(lane, time.monotonic_ns() // 1000 - self.began, why))

    def counted(self, counts: Mapping[str, int]) -> dict[str, object]:
        """Each lane's packets and drops, from counts by lane and fate."""
        drops = {lane: sum(counts.get(f"{lane} {why}", 0) for why in get_args(Lost)) for lane in self.plan.lanes}
        packets = {lane: drops[lane] + counts.get(f"{lane} carried", 0) for lane in self.plan.lanes}
        return {"packets": packets, "drops": drops}

    async def _finish(self) -> None:
        if not self._ended:
            self._ended = True
            self.about |= await self.fares()
            self._reports.put_nowait(None)

    def _task(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- the protocol

    async def __aiter__(self) -> AsyncIterator[Report]:
        """See `Run`."""
        while (report := await self._reports.get()) is not None:
            yield report

    def change(self, impairment: Impairment) -> None:
        """See `Run`. Raises `Refused` for what no link can be."""
        self._change(checked(impairment))
        tell_change(self.about, impairment)

    async def close(self) -> None:
        """See `Run`."""
        for task in list(self._tasks):
            task.cancel()
        if self._late:
            self._late.cancel()
        self._ended = True
        self._reports.put_nowait(None)
        await asyncio.gather(*(process.close() for process in self.processes()))


def lateness(late: Iterable[int]) -> dict[str, int]:
    """How late an emulator was by itself, µs."""
    ordered = sorted(late) or [0]
    return {"p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100], "max": ordered[-1]}
