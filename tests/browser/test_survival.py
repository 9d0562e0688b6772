"""What a stream and its display live through."""

from __future__ import annotations

from .app import Server
from .conftest import Open

THREE = """
import tokenwidgets as tw
from pathlib import Path
r = tw.stream("Why is the sky blue?", model="sim/steady", transport="ws", tokens=300, itl_ms=20)
next(iter(r))
others = [tw.open(r.id, transport=transport) for transport in ("sse", "webrtc")]
Path("id").write_text(r.id)
"""
ONE = """
import tokenwidgets as tw
from pathlib import Path
r = tw.stream("Why is the sky blue?", model="sim/steady", transport="ws", tokens=300, itl_ms=15)
next(iter(r))
Path("id").write_text(r.id)
"""


def test_readers_that_are_cut_come_back_and_need_no_kernel(notebook: Open, server: Server, rtc: None) -> None:
    """The kernel is gone, so that what the cards show at the end is what the page itself read."""
    book = notebook(THREE)
    book.run()
    book.idle(1)
    cards = [book.live(1, nth) for nth in range(3)]
    for card in cards:
        card.grows(20)
    server.call("DELETE", f"api/kernels/{book.kernel()}")
    assert book.page.evaluate("window.__cut()") == 3
    shown = [len(card.text.text_content() or "") for card in cards]
    whole = server.finished(book.file("id").read_text())["text"]
    for card, before in zip(cards, shown, strict=True):
        card.phase("done")
        assert card.says(whole)
        assert before < len(whole)
    assert [card.badge.text_content() for card in cards] == ["■WebSocket", "●SSE", "▲WebRTC"]


def test_a_reload_in_mid_stream(notebook: Open, server: Server) -> None:
    asked = "%%stream sim/steady --background --out r -o tokens 300 -o itl_ms 20\nWhy is the sky blue?"
    book = notebook(asked, "open('id', 'w').write(r.id);")
    book.run()
    book.idles()
    book.live(1).grows(20)
    book.save()
    book.page.reload()
    book.ready()
    card = book.live(1)
    card.grows(20)
    whole = server.finished(book.file("id").read_text())["text"]
    card.phase("done")
    assert card.says(whole)


def test_a_kernel_that_is_busy(notebook: Open, server: Server) -> None:
    book = notebook(ONE, "import time; time.sleep(600)")
    book.run()
    card = book.live(1)
    card.grows(20)
    stream = book.file("id").read_text()
    card.phase("done")
    book.keeps(1, server.snapshot(stream)["text"])
    assert book.prompt(2).text_content() == "[*]:"


def test_a_closed_tab_stops_nothing(notebook: Open, server: Server) -> None:
    book = notebook(ONE)
    book.run()
    book.live(1).grows(20)
    book.idle(1)
    book.page.close()
    snapshot = server.finished(book.file("id").read_text())
    assert snapshot["state"] == "ended"
    assert snapshot["usage"]["output"] == 300
