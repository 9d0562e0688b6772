"""Page and kernel see the same events, to the byte, whatever the transport."""

from __future__ import annotations

import json
import re

from .app import BADGES
from .conftest import Open

CELL = """
import json, tokenwidgets as tw
from pathlib import Path
r = tw.stream("Why is the sky blue? — Größe, 色, 🙂", model="sim/reasoner", transport="ws", tokens=150)
next(iter(r))
others = [tw.open(r.id, transport=transport) for transport in ("sse", "webrtc")]
results = [each.wait() for each in (r, *others)]
Path("kernel.json").write_text(json.dumps([[entry.data.decode() for entry in each.journal.entries] for each in results]))
"""


def test_every_transport_brings_the_same_bytes_in_the_same_order(notebook: Open, rtc: None) -> None:
    book = notebook(CELL)
    book.run()
    book.idle(1)
    kernel, *others = json.loads(book.file("kernel.json").read_text())
    assert all(other == kernel for other in others)
    assert len(kernel) > 150
    book.page.wait_for_function(
        "n => Object.values(window.__came).every((texts) => texts.join('').includes(`\"seq\":${n}`))", arg=len(kernel) - 1
    )
    came = book.page.evaluate("window.__came")
    assert set(came) == set(BADGES)
    assert _events_of_sse("".join(came["sse"])) == kernel
    assert _events_of_messages(came["ws"]) == kernel
    repeated = _events_of_messages(came["webrtc"])
    assert sorted(set(repeated), key=lambda event: json.loads(event)["seq"]) == kernel, "a repeated event is the same to the byte"


def _events_of_sse(body: str) -> list[str]:
    return re.findall(r"^data: (.*)$", body, re.MULTILINE)


def _events_of_messages(messages: list[str]) -> list[str]:
    """The text of each event as it stands in its message, cut out and never encoded again."""
    found: list[str] = []
    for message in messages:
        if "events" in json.loads(message):
            found += _items(message, message.index("[", message.index('"events"')) + 1)
    return found


def _items(text: str, at: int) -> list[str]:
    items: list[str] = []
    while text[at] != "]":
        _, end = json.JSONDecoder().raw_decode(text, at)
        items.append(text[at:end])
        at = end + (text[end] == ",")
    return items
