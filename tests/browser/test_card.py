"""The live card's buttons, its Markdown and its place while one reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

import tokenwidgets as tw

from .app import SECONDS, Card, Notebook
from .conftest import Open

AXE = Path(__file__).parents[2] / "js/node_modules/axe-core/axe.min.js"
RICH = "%%stream sim/markdown -o itl_ms 2\nWhy is the sky blue?"


def choose(card: Card, name: str) -> None:
    """A verb of the list, by the keyboard alone."""
    card.root.locator(".tw-more").focus()
    card.page.keyboard.press("Enter")
    item = card.root.locator(".tw-menu").get_by_role("menuitem", name=name)
    for _ in range(6):
        if item.evaluate("item => item === document.activeElement"):
            break
        card.page.keyboard.press("ArrowDown")
    expect(item).to_be_focused()
    card.page.keyboard.press("Enter")


def test_a_rich_answer_and_what_can_be_done_with_it(notebook: Open) -> None:
    book = notebook(RICH)
    book.run()
    book.idle(1)
    card = book.live(1)
    card.phase("done")
    for element in (
        "h2",
        "strong",
        "table",
        "pre code span.tw-hl-keyword",
        "math",
        "ol ul",
        "blockquote",
        "a[href^='https://en.wikipedia.org/']",
    ):
        expect(card.text.locator(element).first).to_be_attached(timeout=SECONDS * 1000)
    accessible(card, book)

    choose(card, "Save recording")
    said = card.root.locator(".tw-said")
    expect(said).to_have_text(re.compile(r"Saved as sim-markdown-.*\.jsonl in "), timeout=SECONDS * 1000)
    name = re.search(r"sim-markdown-\S+\.jsonl", said.inner_text())
    assert name is not None
    assert "[Rayleigh scattering](https" in tw.load(book.file(name[0])).text

    card.root.locator(".tw-end > .tw-retry").click()
    expect(card.root.locator(".tw-version-words")).to_have_text("2/2", timeout=SECONDS * 1000)
    card.phase("done")
    card.root.get_by_label("The answer before").click()
    expect(card.root.locator(".tw-version-words")).to_have_text("1/2")
    assert len(book.save()["cells"][1]["outputs"]) == 1

    card.root.locator(".tw-spark-button").click()
    expect(card.root.locator(".tw-latency")).to_be_visible(timeout=SECONDS * 1000)


def test_one_who_reads_is_left_where_they_are(notebook: Open) -> None:
    book = notebook("%%stream sim/steady -o tokens 3000 -o itl_ms 5\nWhy is the sky blue?")
    book.run()
    card = book.live(1)
    body = card.root.locator(".tw-body")
    newest = card.root.locator(".tw-newest")
    expect(newest).to_be_hidden()
    card.grows(2500)
    body.evaluate("body => { body.scrollTop = 120; }")
    expect(newest).to_be_visible(timeout=SECONDS * 1000)
    card.grows(len(card.text.text_content() or "") + 300)
    assert body.evaluate("body => body.scrollTop") == 120
    newest.click()
    assert body.evaluate("body => body.scrollHeight - body.scrollTop - body.clientHeight") < 24
    body.evaluate("body => { body.scrollTop = 120; }")
    expect(newest).to_be_visible(timeout=SECONDS * 1000)
    selected = body.evaluate("body => { getSelection().selectAllChildren(body.querySelector('p')); return String(getSelection()); }")
    card.stop.dispatch_event("click")  # a real one would end the selection
    book.idle(1)
    expect(card.root.locator(".tw-end > .tw-copy")).to_be_visible(timeout=SECONDS * 1000)
    expect(book.cell(1).locator("[data-tokenwidgets]")).to_be_empty()
    assert body.evaluate("body => body.scrollTop") == 120, "also where the output is drawn anew at the end"
    assert book.page.evaluate("String(getSelection())") == selected
    assert selected


def accessible(card: Card, book: Notebook) -> None:
    """Nothing that axe finds."""
    if not AXE.exists():
        pytest.skip("npm install brings axe-core")
    book.page.add_script_tag(path=AXE)
    found: list[Any] = card.root.evaluate("async (card) => (await axe.run(card)).violations")
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found] == []
