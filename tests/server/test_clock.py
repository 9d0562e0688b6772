"""A page can align its clock with a stream's, and knows when each event was written to it, over the socket and over SSE."""

from __future__ import annotations

import re

from server_tools import FAST, Access, Caller
from test_socket import opened


async def test_the_socket_tells_the_streams_clock_and_when_events_were_written(real: Access) -> None:
    async with opened(real) as page:
        stream = (await page.ask(op="start", request=FAST))["stream"]
        written = []
        while not written or written[-1]["events"][-1]["type"] != "end":
            written.append(await page.receive())
        assert all(body["sent"] >= body["events"][-1]["at"] for body in written)
        first = await page.ask(op="ping", t=1, stream=stream)
        second = await page.ask(op="ping", t=2, stream=stream)
        assert written[-1]["sent"] <= first["at"] <= second["at"]
        assert "at" not in await page.ask(op="ping", t=3, stream="another")


async def test_sse_says_it_in_comments_which_a_plain_reader_passes_over(real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.ended()
        answer = await caller.call("GET", f"streams/{stream}/events")
        sent = [int(found) for found in re.findall(r"^: sent (\d+)$", answer.text, re.MULTILINE)]
        ats = [event["at"] for event in await caller.events(stream)]
        assert sent == sorted(sent)
        assert len(sent) >= 2, "as it opens, and before each batch"
        assert sent[-1] >= ats[-1]
