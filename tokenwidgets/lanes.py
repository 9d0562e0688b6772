"""Transports of one stream, read in the kernel: a reader for each, all on the portal's loop, each event stamped when its lane has it.

Lanes share that loop, so the one that attached first is served first; the order is drawn anew for each stream.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from .clients.base import Disconnected, Gateway, Reader
from .clients.rest import Rest
from .clients.sse import SSEReader
from .clients.webrtc import WebRTCReader
from .clients.websocket import WebSocketReader
from .comparison import TRANSPORT_WORDS, Lane
from .errors import Refused
from .result import Result

LATE_SECONDS = 5.0
"""How long after its stream's end a lane may bring the rest."""

READERS: dict[str, Callable[[Rest], Reader]] = {"sse": SSEReader, "ws": WebSocketReader, "webrtc": WebRTCReader}


class Lanes:
    """One reader a transport, whose connections stay open from stream to stream.

    Parameters
    ----------
    gateway : where the streams live.
    transports : of sse, ws and webrtc.
    clock : ns; a seam.

    Raises
    ------
    Refused : the streams live in this process, where there is no transport, or a transport is not read in the kernel.
    """

    def __init__(self, gateway: Gateway, transports: Sequence[str], clock: Callable[[], int] = time.perf_counter_ns) -> None:
        for name in transports:
            if name not in READERS:
                raise Refused("bad_request", f"There is no transport {name!r} to compare: it is one of {', '.join(READERS)}.")
        if transports and not isinstance(gateway, Rest):
            raise Refused("bad_request", f"Transports are compared where a Jupyter server streams; here they are not used ({gateway.why}).")
        self._readers = {name: READERS[name](gateway) for name in transports} if isinstance(gateway, Rest) else {}
        self._clock = clock

    async def read(self, result: Result, order: Sequence[str]) -> list[Lane]:
        """Read a stream over each transport until it has ended; a lane that fails leaves the others.

        Parameters
        ----------
        result : the stream.
        order : in which the lanes attach.
        """
        lanes = [Lane(TRANSPORT_WORDS[name], name, result) for name in order]
        stream, began = await asyncio.to_thread(lambda: result.id), self._clock()
        reading = [asyncio.create_task(self._fill(lane, stream, began)) for lane in lanes] if stream else []
        await asyncio.to_thread(result.wait)
        if reading:
            await asyncio.wait(reading, timeout=LATE_SECONDS)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        return sorted(lanes, key=lambda lane: list(self._readers).index(lane.transport))

    async def _fill(self, lane: Lane, stream: str, began: int) -> None:
        arrivals = list[int]()
        lane.failure = f"it brought nothing more for {LATE_SECONDS:g} s after the stream's end"
        try:
            async for batch in self._readers[lane.transport].attach(stream, -1):
                arrivals += [(self._clock() - began) // 1000] * len(batch)
                if batch[-1].terminal:
                    lane.failure = ""
                    return
            lane.failure = "its connection ended before the stream did"
        except (Disconnected, Refused) as e:
            lane.failure = str(e)
        finally:
            lane.arrivals = tuple(arrivals)

    async def aclose(self) -> None:
        """Close the connections."""
        for reader in self._readers.values():
            await reader.aclose()
