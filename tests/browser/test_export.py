"""Exported widgets in a browser: a file, with no network and no kernel. And the inspector of a live stream, in JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import tokenwidgets as tw
from tokenwidgets import events
from tokenwidgets.events import End, Event, Start, Text
from tokenwidgets.recording import Frame, Header, dump

from .conftest import Open

SCRIPT = "</script><script>document.title='taken'</script><!-- "
WORDS = ("The ", "river ", SCRIPT, "<img src=x onerror=\"document.title='taken'\"> ", "end.")


def chunk(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode() + b"\n\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Five chunks: two in one read, then one that two reads brought, then two."""
    said: list[Event] = [Start("x", "openai/gpt-5.2", "openai", "openai-chat", 1785506700.0), *(Text(0, w) for w in WORDS), End("stop")]
    ats = [0, 100_000, 100_000, 300_000, 2_000_000, 2_100_000, 2_100_000]
    entries = [events.encode(event, seq, at) for seq, (event, at) in enumerate(zip(said, ats, strict=True))]
    split = chunk(WORDS[2])
    frames = [
        Frame(b'POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\n\r\n{"model":"gpt-5.2","stream":true}', 1000, "out"),
        Frame(chunk(WORDS[0]) + chunk(WORDS[1]), 100_000), Frame(split[:40], 200_000), Frame(split[40:], 300_000),
        Frame(chunk(WORDS[3]), 2_000_000), Frame(chunk(WORDS[4]) + b"data: [DONE]\n\n", 2_100_000),
    ]  # fmt: skip
    dump(tmp_path / "a.jsonl", Header("openai/gpt-5.2", {"model": "openai/gpt-5.2"}, 1785506700.0), entries, frames)
    return tmp_path / "a.jsonl"


@pytest.fixture
def offline(page: Page) -> Iterator[Page]:
    """A page without the network; whatever it complains about fails the test."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(error.message))
    page.context.set_offline(True)
    yield page
    page.context.set_offline(False)
    assert said == []


def test_a_timeline_works_from_a_file(offline: Page, source: Path, tmp_path: Path) -> None:
    offline.goto(tw.Timeline(source).to_html(tmp_path / "t.html").as_uri())
    track = offline.get_by_role("slider")
    unseen = offline.locator(".tw-token.tw-unseen")
    expect(offline.locator(".tw-count")).to_have_text("chunk 5 of 5")
    track.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowRight"):
        track.press(key)
    expect(track).to_have_attribute("aria-valuetext", "0.30 s, chunk 3 of 5, 200 ms after the chunk before")
    expect(unseen).to_have_count(2)
    expect(offline.locator(".tw-facts")).to_contain_text("3 of 5, alone in it")
    offline.locator(".tw-token", has_text="The").first.click()
    expect(offline.locator(".tw-count")).to_have_text("chunk 1 of 5")
    expect(offline.locator(".tw-facts")).to_contain_text("1 of 5, together with 2")
    box = track.bounding_box()
    assert box
    offline.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    expect(offline.locator(".tw-clock")).to_have_text("1.05 s of 2.10 s")
    offline.get_by_label("Skip gaps").check()
    offline.get_by_label("Speed").select_option("8")
    offline.get_by_role("button", name="Play").click()
    expect(offline.locator(".tw-clock")).to_have_text("2.10 s of 2.10 s")
    expect(offline.locator(".tw-tokens")).to_have_text("".join(WORDS))
    assert "taken" not in offline.title()


def test_an_inspector_works_from_a_file(offline: Page, source: Path, tmp_path: Path) -> None:
    offline.goto(tw.WireInspector(source).to_html(tmp_path / "i.html").as_uri())
    rows = offline.get_by_role("option")
    expect(rows).to_have_count(6)
    expect(rows.nth(1)).to_contain_text("2 messages")
    rows.nth(2).click()
    expect(offline.locator(".tw-detail-title")).to_contain_text("cut within a message")
    expect(offline.locator(".tw-message")).to_contain_text("goes on in the next read")
    rows.nth(3).click()
    expect(offline.locator(".tw-marked")).to_have_text(WORDS[2])
    offline.locator(".tw-part", has_text="content").first.click()
    expect(offline.locator(".tw-explained.tw-lit")).to_contain_text("The piece of text")
    offline.get_by_label("Filter").fill("dir:sideways")
    expect(offline.get_by_role("status")).to_contain_text("dir: is in or out")
    offline.get_by_label("Filter").fill("kind:done")
    expect(rows).to_have_count(1)
    offline.get_by_role("button", name="Us to this page").click()
    expect(offline.locator(".tw-empty")).to_contain_text("this is a file")
    assert "taken" not in offline.title()


def test_what_the_page_received_and_the_two_widgets_tied_together(notebook: Open) -> None:
    book = notebook(
        "import tokenwidgets as tw\nr = tw.stream('Why?', model='sim/steady', transport='ws', tokens=20, itl_ms=5, show=False)",
        "page = tw.WireInspector(r, leg='page')\npage",
        "from ipywidgets import jslink\nt, i = r.wait().timeline(), r.inspect()\njslink((t, 'selected'), (i, 'selected'))\nt",
        "i",
    )
    book.run()
    book.idles()
    received = book.output(2)
    expect(received.get_by_role("option").first).to_contain_text("attach")
    expect(received.locator(".tw-way")).to_contain_text("opcode 1")
    track, inspector = book.output(3).get_by_role("slider"), book.output(4)
    expect(inspector.get_by_role("option").first).to_be_visible()
    expect(book.output(3).locator(".tw-token").last).to_have_text(".")
    track.focus()
    track.press("Home")
    track.press("ArrowRight")
    expect(inspector.locator(".tw-marked")).to_have_text("This")
    inspector.locator(".tw-token", has_text="answer").first.click()
    expect(book.output(3).locator(".tw-token[aria-current]")).to_have_text(" answer")
