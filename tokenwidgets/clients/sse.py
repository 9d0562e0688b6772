"""Reading over SSE, by httpx."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from ..events import Entry, decode
from ..wire.sse import Message, Parser
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

    async def attach(self, stream: str, after: int) -> AsyncIterator[list[Entry]]:
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

    async def aclose(self) -> None:
        """Nothing is kept open between streams."""


async def _entries(response: httpx.Response) -> AsyncIterator[list[Entry]]:
    parser = Parser()
    async for data in response.aiter_raw():
        batch = [decode(item.data) for item in parser.feed(data) if isinstance(item, Message)]
        if batch:
            yield batch
