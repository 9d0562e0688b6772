"""Many streams in one page."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from .app import SECONDS
from .conftest import Open

FIFTY = """
import json, time, tokenwidgets as tw
from pathlib import Path
all = [tw.stream(f"Question {i}", model="sim/steady", transport="ws", tokens=4000, itl_ms=250, seed=i) for i in range(50)]
while not Path("seen").exists(): time.sleep(0.05)
for r in all: r.stop()
for r in all: r.wait()
Path("texts.json").write_text(json.dumps([r.text for r in all]))
"""

ENDED = """() => {
  const ended = window.__came.ws.map((data) => JSON.parse(data)).filter(({ events = [] }) => events.some(({ type }) => type === "end"));
  return new Set(ended.map(({ stream }) => stream)).size === 50;
}"""


def test_fifty_streams_share_one_socket(notebook: Open) -> None:
    book = notebook(FIFTY)
    sockets: list[str] = []
    book.page.on("websocket", lambda socket: sockets.append(socket.url))
    book.run()
    answers = book.output(1).locator(".tw-card .tw-body > .tw-text")
    expect(answers.filter(has_text="simulated answer")).to_have_count(50, timeout=SECONDS * 1000)
    book.file("seen").touch()
    book.idle(1)
    book.page.wait_for_function(ENDED, timeout=SECONDS * 1000)
    texts = json.loads(book.file("texts.json").read_text())
    assert len(set(texts)) == 50
    shown = book.static(1)
    assert shown.count() == 50
    for i, text in enumerate(texts):
        assert said(text) in said(shown.nth(i).inner_text())
    assert len([url for url in sockets if url.endswith("tokenwidgets/socket")]) == 1
    streams: dict[str, str] = {}
    for message in map(json.loads, book.page.evaluate("window.__came.ws")):
        for event in message.get("events", ()):
            if event["type"] == "text":
                streams[message["stream"]] = streams.get(message["stream"], "") + event["delta"]
    assert sorted(streams.values()) == sorted(texts)


def said(text: str) -> str:
    """Its words; Markdown has no line breaks of its own."""
    return "".join(text.split())
