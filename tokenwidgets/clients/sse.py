"""Reading over SSE, by httpx."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from itertools import groupby

import httpx

from ..events import decode
from ..wire.sse import Message, Parser
from .base import Batch, Instant
from .rest import ANSWER_SECONDS, Rest, refusal

SILENCE_SECONDS = 45.0
"""A connection without a byte for this long is dead: the server sends a comment every 15 s."""


class SSEReader:
    """Reads each stream over a response of its own.

    Parameters
    ----------
    rest : the server.
    """

    transport = "sse"

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def attach(self, stream: str, after: int) -> AsyncIterator[Batch]:
        """See `Reader.attach`."""
        timeout = httpx.Timeout(ANSWER_SECONDS, read=SILENCE_SECONDS)
        request = self._rest.client.build_request(
            "GET", f"streams/{stream}/events", params={"after": after}, headers={"accept": "text/event-stream"}, timeout=timeout
        )
        try:
            response = await self._rest.client.send(request, stream=True)
            try:
                if response.status_code not in (200, 204):
                    raise refusal(response.status_code, await response.aread())
                async for batch in _entries(response):
                    yield batch
            finally:
                await response.aclose()
        except httpx.HTTPError as e:
            raise self._rest.away(f"The stream's connection broke ({type(e).__name__}).") from None

    async def clock(self, stream: str) -> Instant:
        """See `TimedReader.clock`: by a request beside the stream's response."""
        asked = time.perf_counter_ns()
        at, now = await self._rest.clock(stream)
        return Instant(asked / 1000, at, now, time.perf_counter_ns() / 1000)

    async def aclose(self) -> None:
        """Nothing is kept open between streams."""


async def _entries(response: httpx.Response) -> AsyncIterator[Batch]:
    """Events by the batch in which the server wrote them: several may come in one read."""
    parser = Parser()
    async for data in response.aiter_raw():
        read = time.perf_counter_ns()
        found = [item for item in parser.feed(data) if isinstance(item, Message)]
        for sent, batch in groupby(found, key=lambda item: item.sent):
            yield Batch((decode(item.data) for item in batch), sent, read)
