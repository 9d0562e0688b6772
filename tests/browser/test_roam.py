"""A stream whose page changes its way in the middle: by the badge's menu, from Python, by itself."""

from __future__ import annotations

from playwright.sync_api import expect

from .app import BADGES, SECONDS, Card, Server
from .conftest import Open

START = """
import tokenwidgets as tw
from pathlib import Path
r = tw.stream("Why is the sky blue?", model="sim/steady", transport="{}", tokens=4000, itl_ms=15)
Path("id").write_text(r.id)
"""


def choose(card: Card, label: str) -> None:
    """By keyboard alone: open the badge's menu, go to the item, take it."""
    card.badge.focus()
    keyboard = card.badge.page.keyboard
    keyboard.press("Enter")
    item = card.root.get_by_role("menuitemradio", name=label[1:], exact=True)
    for _ in BADGES:
        if not item.evaluate("item => item.matches(':focus')"):
            keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(card.badge).to_contain_text(label, timeout=SECONDS * 1000)
    assert card.badge.evaluate("badge => badge.matches(':focus')")


def test_the_menu_and_python_change_the_way_and_the_text_is_whole(notebook: Open, server: Server, rtc: None) -> None:
    book = notebook(START.format("ws"), 'r.switch("ws")', "r.stop()")
    book.run_one(1)
    book.idle(1)
    card = book.live(1)
    count = card.grows()
    for way in ("webrtc", "sse"):
        choose(card, BADGES[way])
        assert "switched by you" in str(card.badge.get_attribute("title"))
        count = card.grows(count)
    book.run_one(2)
    expect(card.badge).to_contain_text(BADGES["ws"], timeout=SECONDS * 1000)
    card.grows(card.grows())
    book.run_one(3)
    assert card.says(server.finished(book.file("id").read_text())["text"])


def test_a_long_stream_goes_over_to_webrtc_by_itself_and_says_why(notebook: Open, server: Server, rtc: None) -> None:
    book = notebook(START.format("auto"), "r.stop()")
    book.run_one(1)
    card = book.live(1)
    card.grows()
    expect(card.badge).to_contain_text(BADGES["webrtc"], timeout=SECONDS * 1000)
    assert "chosen automatically" in str(card.badge.get_attribute("title"))
    card.grows(card.grows())
    book.run_one(2)
    assert card.says(server.finished(book.file("id").read_text())["text"])
