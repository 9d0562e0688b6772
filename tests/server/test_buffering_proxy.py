"""A proxy that holds events back is found, with a real one between a real server and its readers; without it nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from buffering_proxy import Proxy
from server_tools import Access

import tokenwidgets as tw
from tokenwidgets import api
from tokenwidgets.buffering import Held
from tokenwidgets.clients.rest import Rest
from tokenwidgets.comparison import Comparison
from tokenwidgets.lanes import Lanes
from tokenwidgets.portal import portal

LIMIT = 30


@contextmanager
def kernel(real: Access, url: str) -> Iterator[Rest]:
    """This process as a kernel that reaches the server under that address."""
    rest = Rest(replace(real.server(), url=url))
    try:
        yield rest
    finally:
        portal().run(rest.aclose(), LIMIT)


@contextmanager
def through(proxy: Proxy) -> Iterator[str]:
    running = proxy.running()
    url = portal().run(running.__aenter__(), LIMIT)
    try:
        yield url
    finally:
        portal().run(running.__aexit__(None, None, None), LIMIT)


def compared(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    """One stream, read over two transports."""
    monkeypatch.setattr(api, "_gateway", rest)
    lanes = Lanes(rest, ["sse", "ws"])
    result = tw.stream("x", model="sim/steady", ttft_ms=50, itl_ms=20, jitter=0, tokens=40, show=False)
    read = Comparison(portal().run(lanes.read(result, ["sse", "ws"]), LIMIT))
    portal().run(lanes.aclose(), LIMIT)
    assert [lane.error for lane in read.lanes] == ["", ""]
    return read


def held(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Held | None]:
    """What was held back of one stream, by transport."""
    read = compared(rest, monkeypatch)
    return {lane.transport: read.held(lane) for lane in read.lanes}


def test_a_proxy_that_waits_for_the_end_of_the_answer(real: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    with through(Proxy(real.url)) as url, kernel(real, url) as rest:
        found = held(rest, monkeypatch)
    assert found["sse"] is not None
    assert (found["sse"].by, found["sse"].bunches) == ("end", 1)
    assert found["sse"].events > 38
    assert found["ws"] is None, "a socket is no stream of events to this proxy"


def test_a_proxy_that_waits_for_a_full_buffer(real: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    with through(Proxy(real.url, size=1000)) as url, kernel(real, url) as rest:
        found = held(rest, monkeypatch)["sse"]
    assert found is not None
    assert found.bunches > 2


def test_a_proxy_that_waits_for_a_timer(real: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    with through(Proxy(real.url, seconds=0.2)) as url, kernel(real, url) as rest:
        found = held(rest, monkeypatch)["sse"]
    assert found is not None
    assert found.bunches > 2
    assert "came in" in found.symptom


def test_a_proxy_that_hands_on_what_comes_is_none_of_these(real: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    with through(Proxy(real.url, size=1)) as url, kernel(real, url) as rest:
        assert held(rest, monkeypatch) == {"sse": None, "ws": None}


def test_what_a_proxy_holds_to_the_end_is_behind_by_that(real: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    with through(Proxy(real.url)) as url, kernel(real, url) as rest:
        read = compared(rest, monkeypatch)
    assert read.leader is not None
    assert read.leader.transport == "ws"
    assert min(delay.n for delay in read.delays if delay) > 30
