"""Many streams in one page."""

from __future__ import annotations

import json

from .conftest import Open

FIFTY = """
import json, tokenwidgets as tw
from pathlib import Path
all = [tw.stream(f"Question {i}", model="sim/steady", transport="ws", tokens=60, itl_ms=30, seed=i) for i in range(50)]
for r in all: r.wait()
Path("texts.json").write_text(json.dumps([r.text for r in all]))
"""


def test_fifty_streams_share_one_socket(notebook: Open) -> None:
    book = notebook(FIFTY)
    sockets: list[str] = []
    book.page.on("websocket", lambda socket: sockets.append(socket.url))
    book.run()
    book.idle(1)
    texts = json.loads(book.file("texts.json").read_text())
    assert len(set(texts)) == 50
    shown = book.static(1)
    assert shown.count() == 50
    for i, text in enumerate(texts):
        assert text in shown.nth(i).inner_text()
    assert len([url for url in sockets if url.endswith("tokenwidgets/socket")]) == 1
    streams: dict[str, list[dict]] = {}
    for message in map(json.loads, book.page.evaluate("window.__came.ws")):
        streams.setdefault(message["stream"], []).extend(message["events"])
    read = ["".join(e["delta"] for e in events if e["type"] == "text") for events in streams.values()]
    assert sorted(read) == sorted(texts)
