"""When the transport that was asked for cannot be had."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from .conftest import Console, Open

CELL = "%%stream sim/steady -T {} -o tokens 120\nWhy is the sky blue?"


def test_no_webrtc_in_this_browser(notebook: Open, page: Page) -> None:
    page.add_init_script("delete window.RTCPeerConnection")
    book = notebook(CELL.format("webrtc"))
    book.run()
    card = book.live(1)
    card.grows()
    assert card.badge.text_content() == "■WebSocketin place of WebRTC"
    assert "WebRTC: this browser has no WebRTC" in (card.badge.get_attribute("title") or "")
    book.idle(1)
    expect(book.static(1).get_by_title("in place of WebRTC")).to_have_text("■ WebSocket")


def test_no_server_can_be_reached_from_the_page(notebook: Open, page: Page, console: Console) -> None:
    console.expect("net::ERR_FAILED|WebSocket connection")
    page.route("**/tokenwidgets/**", lambda route: route.abort())
    page.route_web_socket("**/tokenwidgets/**", lambda socket: socket.close())
    book = notebook(CELL.format("ws"))
    book.run()
    card = book.live(1)
    card.grows()
    assert card.badge.text_content() == "◆commin place of WebSocket and SSE"
    assert "SSE: the Jupyter server cannot be reached" in (card.badge.get_attribute("title") or "")
    book.idle(1)
    expect(book.static(1).get_by_title("in place of WebSocket and SSE")).to_have_text("◆ comm")


def test_comm_can_be_asked_for(notebook: Open) -> None:
    book = notebook(CELL.format("comm"))
    book.run()
    card = book.live(1)
    card.grows()
    assert card.badge.text_content() == "◆comm"
    book.idle(1)
    expect(book.static(1)).to_contain_text("comm")
