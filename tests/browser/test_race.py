"""A race of transports, and the session bar, as a person sees them."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from .app import SECONDS, Notebook, Server
from .conftest import Open

RACE = """
import json, tokenwidgets as tw
from pathlib import Path
r = tw.race("Why is the sky blue?", model="sim/steady", transports=["sse", "ws", "webrtc"], seed=1, tokens=200, itl_ms=15).wait()
Path("race.json").write_text(json.dumps([[lane.label, lane.error, len(lane.arrivals)] for lane in r.lanes] + [r.verdict]))
"""


def race(book: Notebook) -> tuple[list[tuple[str, str, int]], str]:
    """What the kernel keeps of it."""
    *lanes, verdict = json.loads(book.file("race.json").read_text())
    return lanes, verdict


def test_three_transports_of_one_stream(notebook: Open, server: Server, rtc: None) -> None:
    before = len(server.get("tokenwidgets/streams?text=0")["streams"])
    book = notebook(RACE)
    book.run()
    rows = book.output(1).locator(".tw-race-row")
    for row in range(3):
        expect(rows.nth(row).locator(".tw-race-tail")).to_contain_text(re.compile(r"\w{3}"), timeout=SECONDS * 1000)
    assert book.prompt(1).text_content() == "[*]:"
    book.idle(1)
    lanes, verdict = race(book)
    assert [label for label, _, _ in lanes] == ["SSE", "WebSocket", "WebRTC"]
    assert [error for _, error, _ in lanes] == ["", "", ""]
    assert lanes[0][2] == lanes[1][2] == lanes[2][2] > 200
    assert len(server.get("tokenwidgets/streams?text=0")["streams"]) == before + 1
    assert "events). One run is no evidence" in verdict or "steps of" in verdict
    expect(book.output(1).locator(".tw-race-verdict")).to_have_text(verdict)
    shown = book.static(1)
    expect(shown).to_contain_text(verdict)
    assert shown.locator("svg").count() == 3


def test_a_transport_that_fails_fails_alone(notebook: Open, page: Page, rtc: None) -> None:
    page.add_init_script("delete window.RTCPeerConnection")
    book = notebook(RACE)
    book.run()
    book.idle(1)
    lanes, _ = race(book)
    assert [error for _, error, _ in lanes] == ["", "", "no WebRTC: this browser has no WebRTC"]
    assert lanes[0][2] == lanes[1][2] > 200
    states = book.output(1).locator(".tw-race-state")
    expect(states).to_have_text(["done", "done", "failed"])
    expect(book.static(1)).to_contain_text("failed: no WebRTC: this browser has no WebRTC")


BUSY = """
import time
from pathlib import Path
Path("busy").touch()
while not Path("free").exists(): time.sleep(0.05)
print(r.wait(20).finish_reason)
"""


def test_the_session_bar_stops_a_stream_while_the_kernel_is_busy(notebook: Open, server: Server) -> None:
    start = 'import tokenwidgets as tw\nr = tw.stream("Why?", model="sim/steady", show=False, tokens=100_000, itl_ms=20)\ntw.sessions()'
    server.end_streams()
    book = notebook(start, BUSY)
    book.run()
    bar = book.output(1)
    item = bar.locator(".tw-s-item", has_text="answering")
    expect(item).to_have_count(1, timeout=SECONDS * 1000)
    expect(book.prompt(2)).to_have_text("[*]:", timeout=SECONDS * 1000)
    item.get_by_role("button", name="Open").click()
    expect(bar.locator(".tw-s-below .tw-body > .tw-text")).to_contain_text(re.compile(r"\w{3}"), timeout=SECONDS * 1000)
    item.get_by_role("button", name="Stop").click()
    expect(bar.locator(".tw-s-below .tw-word")).to_have_text(re.compile("stopped at token"), timeout=SECONDS * 1000)
    expect(bar.locator(".tw-s-count")).to_have_text("nothing runs", timeout=SECONDS * 1000)
    assert book.prompt(2).text_content() == "[*]:"
    book.file("free").touch()
    book.idle(2)
    expect(book.output(2)).to_have_text("cancelled")
