"""Real WebRTC datagrams are lost in a relay of this process; the two sides know of no other way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import aioice.ice
import pytest
from runs import carried_out

from tokenwidgets.clients.readers import READERS
from tokenwidgets.events import Text
from tokenwidgets.lab.base import Ended, Given, Impairment, Packet, Plan
from tokenwidgets.lab.datagrams import Line, answered
from tokenwidgets.lab.relay import Relay, RelayRun
from tokenwidgets.lab.rows import Seen

OFFER = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=candidate:1 1 udp 2 10.1.2.3 4711 typ host\r\na=end-of-candidates\r\n"
ANSWER = (
    "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=candidate:1 1 udp 2 127.0.0.1 4712 typ host\r\n"
    "a=candidate:2 1 udp 1 127.0.0.1 4713 typ host\r\na=candidate:3 1 udp 1 fe80::1 4714 typ host\r\na=end-of-candidates\r\na=mid:0\r\n"
)


async def test_both_sides_are_told_of_the_relay_alone() -> None:
    asked = []

    async def ask(sdp: str) -> str:
        asked.append(sdp)
        return ANSWER

    answer, transport = await answered(OFFER, ask, Line(Impairment(), 1, lambda packet: None), "webrtc")
    port = transport.get_extra_info("sockname")[1]
    transport.close()
    assert "10.1.2.3" not in asked[0]
    assert re.findall(r"a=candidate[^\r\n]*", answer) == [f"a=candidate:1 1 udp 2 127.0.0.1 {port} typ host"]
    assert answer.endswith("a=mid:0\r\n")
    assert "\r\r" not in answer


class Offers:
    """A server whose peers are offered through a run's relay, as a page would."""

    def __init__(self, run: RelayRun) -> None:
        self._run = run

    async def ice_servers(self) -> list[Any]:
        return []

    async def offer(self, sdp: str) -> str:
        return await self._run.answer(sdp, "webrtc")


async def test_a_page_can_be_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    known = aioice.ice.get_host_addresses
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: known(use_ipv4, False) or ["127.0.0.1"])
    seen, pages = list[int](), list[asyncio.Task[None]]()

    async def page(run: RelayRun) -> None:
        reader = READERS["webrtc"](Offers(run))  # type: ignore[arg-type]
        async for batch in reader.attach(run.stream, -1):
            seen.extend(entry.seq for entry in batch if isinstance(entry.event, Text))
            if batch[0].seq == 0:
                run.attached("webrtc")
        run.put(Ended("webrtc", 0))
        await reader.aclose()

    async def invite(run: RelayRun) -> None:
        pages.append(asyncio.create_task(page(run)))

    run = await Relay(invite).run(Plan(("webrtc",), tokens=20, rate=50, impairment=Impairment(delay_ms=20)))
    reports = [report async for report in run]
    await asyncio.gather(*pages)
    await run.close()
    assert seen == [report.seq for report in reports if isinstance(report, Given)]
    assert {report.lane for report in reports if isinstance(report, Packet)} == {"webrtc"}


@pytest.fixture(scope="module")
def plan() -> Iterator[Plan]:
    return Plan(("webrtc-ordered", "webrtc-unordered", "webrtc"), tokens=100, rate=50, impairment=Impairment(loss=0.1, delay_ms=20))


async def test_every_lane_shows_the_whole_stream_over_a_relay_that_loses(plan: Plan) -> None:
    run, reports = await carried_out(Relay(), plan)
    found = Seen.of(run.about, reports)
    assert found.about["backend"] == "relay"
    for lane in plan.lanes:
        assert [seq for seq, _ in found.shown[lane]] == list(found.given)
        assert all(at - found.given[seq] >= 20_000 for seq, at in found.shown[lane])
        assert found.about["drops"][lane] > 0
    lost = [report for report in reports if isinstance(report, Packet) and report.lost]
    assert len(lost) == sum(found.about["drops"].values())
