"""Transports of one stream, read in the kernel: a reader for each, all on the portal's loop, each event stamped when it was read.

Lanes share that loop, so the one that is served first makes the others wait; the order in which they attach is drawn anew for each stream.
What a transport takes by itself is seen where one lane reads alone: the server plays the ended stream again, with its own timing, for one
transport after the other. That calls no provider. Clocks are aligned when a stream has ended: no event waits for a question then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import cycle

from .clients.base import Disconnected, Gateway
from .clients.readers import READERS
from .clients.rest import Rest
from .clocks import TRIPS, Clock, Offset, RoundTrip
from .comparison import TRANSPORT_WORDS, Lane
from .errors import Refused
from .events import Entry
from .formulas import whole
from .metrics import is_content
from .result import Result

LATE_SECONDS = 5.0
"""How long after its stream's end a lane may bring the rest; the longest wait for the clocks as well."""

ALONE_SECONDS = 2.0
"""How much of each stream a lane reads alone, at most, from its first content on."""


class Lanes:
    """One reader a transport, whose connections stay open from stream to stream.

    Parameters
    ----------
    gateway : where the streams live.
    transports : of sse, ws, webrtc, webrtc-ordered and webrtc-unordered.

    Attributes
    ----------
    clock : the server's, as all streams together tell it.

    Raises
    ------
    Refused : the streams live in this process, where there is no transport, or a transport is not read in the kernel.
    """

    def __init__(self, gateway: Gateway, transports: Sequence[str]) -> None:
        if len(set(transports)) < len(transports):
            raise Refused("bad_request", "Each of 'transports' is named once.")
        for name in transports:
            if name not in READERS:
                raise Refused("bad_request", f"There is no transport {name!r} to compare: it is one of {', '.join(READERS)}.")
        if transports and not isinstance(gateway, Rest):
            raise Refused("bad_request", f"Transports are compared where a Jupyter server streams; here they are not used ({gateway.why}).")
        self._gateway = gateway
        self._readers = {name: READERS[name](gateway) for name in transports} if isinstance(gateway, Rest) else {}
        self._turns = cycle(self._readers)
        self.clock = Clock()

    async def read(self, result: Result, order: Sequence[str]) -> list[Lane]:
        """Read a stream over each transport until it has ended; a lane that fails leaves the others.

        Parameters
        ----------
        result : the stream.
        order : in which the lanes attach.
        """
        lanes = [Lane(TRANSPORT_WORDS[name], name, result) for name in order]
        stream, began = await asyncio.to_thread(lambda: result.id), time.perf_counter_ns()
        reading = [asyncio.create_task(self._fill(lane, stream, began)) for lane in lanes] if stream else []
        await asyncio.to_thread(result.wait)
        await _ended(reading, LATE_SECONDS)
        await self._align(lanes, stream, began)
        return sorted(lanes, key=lambda lane: list(self._readers).index(lane.transport))

    async def alone(self, result: Result) -> list[Lane]:
        """Read a whole answer once more, played again by the server, over the transport whose turn it is. Empty where that cannot be.

        Parameters
        ----------
        result : the stream; what is read of it are the `ALONE_SECONDS` from its first content on.
        """
        if not isinstance(self._gateway, Rest) or len(self._readers) < 2 or not whole(result.metrics):
            return []
        lane = Lane(TRANSPORT_WORDS[name := next(self._turns)], name, result)
        try:
            stream = (await self._gateway.replay(result.id, _before_content(result.journal.entries))).id
            await self._read_alone(lane, stream, self._gateway)
        except (Disconnected, Refused):
            return []
        return [lane]

    async def _read_alone(self, lane: Lane, stream: str, rest: Rest) -> None:
        began = time.perf_counter_ns()
        reading = asyncio.create_task(self._fill(lane, stream, began))
        if not await _ended([reading], ALONE_SECONDS):
            lane.failure = ""  # it was to read no more than that
            await rest.stop(stream)
        await self._align([lane], stream, began)

    async def _fill(self, lane: Lane, stream: str, began: int) -> None:
        arrivals, sent = list[int](), list[int | None]()
        lane.failure = f"it brought nothing more for {LATE_SECONDS:g} s after the stream's end"
        try:
            async for batch in self._readers[lane.transport].attach(stream, -1):
                arrivals += [(batch.read - began) // 1000] * len(batch)
                sent += [batch.sent] * len(batch)
                if batch[-1].terminal:
                    lane.failure = ""
                    return
            lane.failure = "its connection ended before the stream did"
        except (Disconnected, Refused) as e:
            lane.failure = str(e)
        finally:
            lane.arrivals, lane.sent = tuple(arrivals), tuple(sent)

    async def _align(self, lanes: Sequence[Lane], stream: str, began: int) -> None:
        """Ask the stream's clock over every lane that works, and tell all of them what the quickest answers say."""
        shifts = list[int]()
        with suppress(Disconnected, Refused, TimeoutError):
            async with asyncio.timeout(LATE_SECONDS):
                for lane in lanes:
                    shifts += [await self._ask(lane.transport, stream) for _ in range(TRIPS) if not lane.failure]
        offset = self._offset(max(shifts), began) if shifts else None
        for lane in lanes:
            lane.clock = offset

    async def _ask(self, transport: str, stream: str) -> int:
        """Ask once; returns when the stream began by the server's clock."""
        instant = await self._readers[transport].clock(stream)
        self.clock.take(RoundTrip(instant.asked, instant.now, instant.answered))
        return instant.now - instant.at

    def _offset(self, shift: int, began: int) -> Offset | None:
        offset = self.clock.offset(shift)
        return offset and offset.of(shift, began / 1000)

    @property
    def where(self) -> str:
        """Who reads: kernel or page."""
        return "kernel"

    @property
    def words(self) -> str:
        """What is known of the clocks, in a sentence."""
        return self.clock.words

    async def aclose(self) -> None:
        """Close the connections."""
        for reader in self._readers.values():
            await reader.aclose()


def _before_content(entries: Sequence[Entry]) -> int:
    """The seq behind which the first content comes."""
    return next((entry.seq - 1 for entry in entries if is_content(entry)), -1)


async def _ended(tasks: Sequence[asyncio.Task[None]], seconds: float) -> bool:
    """Wait for tasks, no longer than that, then cancel them; whether all had ended by themselves."""
    pending = (await asyncio.wait(tasks, timeout=seconds))[1] if tasks else set()
    for task in pending:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return not pending
