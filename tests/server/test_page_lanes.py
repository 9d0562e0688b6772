"""Lanes that a page reads: what it tells is checked, and where it is not there, or goes, that is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import aioice.ice
import pytest
from server_tools import LIMIT, Access

import tokenwidgets as tw
from tokenwidgets import api, page_lanes
from tokenwidgets.clients.rest import Rest
from tokenwidgets.comparison import Comparison
from tokenwidgets.errors import Refused, TokenwidgetsError
from tokenwidgets.page_lanes import ALIGNED, PageLanes, lanes_of
from tokenwidgets.portal import portal
from tokenwidgets.widgets.readers import Readers

REQUEST = {"model": "sim/steady", "ttft_ms": 50, "itl_ms": 2, "jitter": 0, "tokens": 20, "show": False}
EVENTS = 30


@pytest.fixture
def rest(real: Access, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rest]:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    kernel = real.rest()
    monkeypatch.setattr(api, "_gateway", kernel)
    yield kernel
    portal().run(kernel.aclose(), LIMIT)


def seen(late: int = 0, failure: str = "") -> dict[str, Any]:
    """One event each ms, written 0.2 ms and read 0.5 ms after it, painted 8 ms later."""
    ats = range(1000, 1000 * EVENTS, 1000)
    return {
        "arrived": [at + 500 + late for at in ats],
        "sent": [at + 200 for at in ats],
        "painted": [at + 8500 + late for at in ats],
        "failure": failure,
    }


def report(number: int, *lanes: Mapping[str, Any], uncertainty: float | None = 40.0) -> dict[str, Any]:
    return {"op": "read", "number": number, "uncertainty": uncertainty, "lanes": list(lanes)}


async def shown(page: Readers) -> None:
    await page._on_shown({"page": {}})


async def told(page: Readers, number: int, *lanes: Mapping[str, Any]) -> None:
    """The page's word on a call, once it was asked for."""
    while page.number < number:
        await asyncio.sleep(0.005)
    await page._read(report(number, *lanes))


def test_what_the_page_saw_is_what_the_lanes_hold(rest: Rest) -> None:
    page = Readers()
    lanes = PageLanes(rest, ["sse", "ws"], page)
    portal().run(shown(page))
    result = tw.stream("x", **REQUEST)
    portal().submit(told(page, 1, seen(late=100), seen()))
    read = Comparison(portal().run(lanes.read(result, ["ws", "sse"]), LIMIT))
    assert [run["transport"] for run in page.runs] == ["ws", "sse"], "in the order in which they attach"
    assert all(run["only"] for run in page.runs)
    assert [lane.transport for lane in read.lanes] == ["sse", "ws"]
    sse, ws = (read.legs(lane) for lane in read.lanes)
    assert (sse["link"]["median_us"], ws["link"]["median_us"]) == (300, 400)
    assert sse["paint"]["median_us"] == 8000
    assert sse["link"]["uncertainty_us"] == 40
    assert (lanes.where, lanes.words) == ("page", ALIGNED)


def test_a_lane_alone_is_the_pages_too(rest: Rest) -> None:
    page = Readers()
    lanes = PageLanes(rest, ["sse", "ws"], page)
    portal().run(shown(page))
    result = tw.stream("x", **REQUEST)
    portal().submit(told(page, 1, seen(), seen()))
    portal().run(lanes.read(result, ["sse", "ws"]), LIMIT)
    portal().submit(told(page, 2, seen()))
    (alone,) = portal().run(lanes.alone(result), LIMIT)
    assert alone.transport == "sse"
    assert page.runs[0]["stream"] != result.id, "it is played again, as a stream of its own"
    assert Comparison([alone]).legs(alone)["paint"]["median_us"] == 8000


def test_without_a_page_the_kernel_reads(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_lanes, "SHOWN_SECONDS", 0.01)
    lanes = PageLanes(rest, ["sse", "ws"], Readers())
    read = Comparison(portal().run(lanes.read(tw.stream("x", **REQUEST), ["sse", "ws"]), LIMIT))
    assert all(read.legs(lane)["link"]["n"] > 10 for lane in read.lanes)
    assert lanes.where == "kernel"
    portal().run(lanes.aclose(), LIMIT)


def test_a_page_that_goes_away_ends_it_with_a_sentence(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_lanes, "LATE_SECONDS", 0.05)
    page = Readers()
    portal().run(shown(page))
    with pytest.raises(TokenwidgetsError, match="the page that read the lanes has gone"):
        portal().run(PageLanes(rest, ["sse", "ws"], page).read(tw.stream("x", **REQUEST), ["sse", "ws"]), LIMIT)


def test_where_nobody_looks_on_no_page_is_asked(rest: Rest) -> None:
    assert type(lanes_of(rest, ["sse", "ws"], True)) is not PageLanes


@pytest.mark.parametrize(
    "bad",
    [
        report(1, seen()),
        report(1, seen(), {**seen(), "failure": 5}),
        report(1, seen(), {**seen(), "arrived": ["x"] * (EVENTS - 1)}),
        report(1, seen(), {**seen(), "sent": [1.5] * (EVENTS - 1)}),
        report(1, seen(), {**seen(), "painted": []}),
        {**report(1, seen(), seen()), "uncertainty": "none"},
    ],
)
async def test_a_report_is_checked(bad: dict[str, Any]) -> None:
    page = Readers()
    page.runs = [{}, {}]
    with pytest.raises(Refused, match=r"report has|lane has"):
        await page._read(bad)


def test_a_report_of_another_call_is_passed_over() -> None:
    page = Readers()

    async def asked_twice() -> bool:
        page.read("a", ["ws"])
        second = page.read("b", ["ws"])
        await page._read(report(1, seen()))
        return second.done()

    assert portal().run(asked_twice(), LIMIT) is False
    assert page.heard == 0
