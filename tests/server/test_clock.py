"""A page can align its clock with a stream's, and knows when each event was written to it, over the socket and over SSE."""

from __future__ import annotations

import re

import aioice.ice
import pytest
from server_tools import ENDLESS, FAST, Access, Caller, text
from test_socket import opened

from tokenwidgets.errors import Refused
from tokenwidgets.lanes import READERS


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


async def test_the_clock_is_asked_over_http_too_and_over_each_transport_it_is_the_same(
    real: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    rest = real.rest()
    stream = (await rest.start({"model": "sim/steady", "prompt": "x"})).id
    told = []
    for kind in READERS.values():
        reader = kind(rest)
        told += [await reader.clock(stream), await reader.clock(stream)]
        with pytest.raises(Refused, match=r"no such stream|does not know this stream's clock"):
            await reader.clock("another")
        await reader.aclose()
    assert [instant.at for instant in told] == sorted(instant.at for instant in told)
    assert all(instant.asked < instant.answered for instant in told)
    began = [instant.now - instant.at for instant in told]
    assert max(began) - min(began) <= max(instant.answered - instant.asked for instant in told), "one server's clock"
    await rest.aclose()


@pytest.mark.parametrize("kind", READERS)
async def test_a_reader_is_told_when_each_batch_was_written_and_knows_when_it_was_read(
    kind: str, real: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    rest = real.rest()
    reader = READERS[kind](rest)
    stream = (await rest.start(ENDLESS)).id
    attached = reader.attach(stream, -1)
    batches = [await anext(attached) for _ in range(6)]
    await attached.aclose()  # type: ignore[attr-defined]
    await rest.stop(stream)
    for batch in batches:
        assert batch.sent is not None
        assert batch.sent >= batch[-1].at
    assert [batch.sent for batch in batches] == sorted(batch.sent or 0 for batch in batches)
    assert [batch.read for batch in batches] == sorted(batch.read for batch in batches)
    await reader.aclose()
    await rest.aclose()


async def test_an_ended_stream_is_played_again_with_its_own_timing_and_calls_nobody(real: Access) -> None:
    request = {"model": "sim/steady", "prompt": "x", "options": {"ttft_ms": 300, "itl_ms": 30, "jitter": 0, "tokens": 8}}
    async with Caller(real) as caller:
        stream = await caller.ended(request)
        before = await caller.events(stream)
        after = next(event["seq"] for event in before if event["type"] == "text") - 1
        answer = await caller.call("POST", f"streams/{stream}/replay", {"after": after})
        assert answer.status_code == 201
        again = await caller.events(answer.json()["id"])
    assert again[0]["host"] == "replay"
    assert again[0]["replayed"] is True
    assert again[0]["simulated"] is True
    assert text(again) == text(before)
    first, *_, last = [event["at"] for event in again if event["type"] == "text"]
    recorded = [event["at"] for event in before if event["type"] == "text"]
    assert first < recorded[0], "what came before was not waited for"
    assert last - first > (recorded[-1] - recorded[0]) / 2, "though what a busy machine was late with at first is not waited for again"


@pytest.mark.parametrize("body", [{}, {"after": "x"}, {"after": True}, []])
async def test_a_replay_says_behind_what(body: object, real: Access) -> None:
    async with Caller(real) as caller:
        answer = await caller.call("POST", f"streams/{await caller.ended()}/replay", body)
        assert answer.status_code == 400
        assert "'after': SEQ" in answer.json()["message"]


async def test_a_stream_that_runs_is_not_played_again(real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.start(ENDLESS)
        answer = await caller.call("POST", f"streams/{stream}/replay", {"after": -1})
        assert answer.status_code == 400
        assert "once it has ended" in answer.json()["message"]
        await caller.call("DELETE", f"streams/{stream}")
