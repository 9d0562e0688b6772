"""The loss-tolerant channel in a real browser."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from .app import BADGES, Server
from .conftest import Open

CELL = """
import tokenwidgets as tw
from pathlib import Path
r = tw.stream("Why is the sky blue?", model="sim/steady", transport="webrtc", tokens=60, itl_ms=15)
Path("id").write_text(r.id)
"""


def test_webrtc_reads_over_tokens_and_the_inspector_shows_it(notebook: Open, server: Server, rtc: None) -> None:
    book = notebook(CELL, "r.inspect()")
    book.run()
    book.idle(1)
    book.idle(2)
    card, inspector = book.live(1), book.output(2)
    card.phase("done")
    assert card.says(server.finished(book.file("id").read_text())["text"])
    assert card.badge.text_content() == BADGES["webrtc"]
    inspector.get_by_role("button", name="Us to this page").click()
    expect(inspector).to_contain_text("data channel “tokens”")
    inspector.get_by_label("Filter").fill("kind:ack")
    expect(inspector.get_by_role("option").first).to_contain_text('{"op":"ack"')
    came = [json.loads(text) for text in book.page.evaluate("window.__came.webrtc")]
    assert max(len(message.get("events", ())) for message in came) < 40, "what comes is packets, no batch"
