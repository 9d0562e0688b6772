"""What a person sees of `%%stream`, over each transport."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from .app import BADGES, SECONDS, Server
from .conftest import Open


def test_tokens_appear_while_the_cell_runs_and_a_card_stays(notebook: Open, server: Server, rtc: None) -> None:
    book = notebook(*(f"%%stream sim/steady -T {transport} -o tokens 120 -o itl_ms 15\nWhy is the sky blue?" for transport in BADGES))
    book.run()
    for index, label in enumerate(BADGES.values(), start=1):
        card = book.live(index)
        first = card.grows()
        second = card.grows(first)
        assert book.prompt(index).text_content() == "[*]:"
        assert second > first
        assert card.badge.text_content() == label
    book.idles()

    content = book.save()
    for index, label in enumerate(BADGES.values(), start=1):
        (output,) = content["cells"][index]["outputs"]
        assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
        answer, summary = "".join(output["data"]["text/plain"]).rsplit("\n\n", 1)
        seen = " ".join(book.static(index).inner_text().split())
        assert " ".join(answer.split()) in seen
        assert "tok/s" in summary
        assert label[1:] in summary
        assert label[1:] in seen
        book.live(index).phase("done")
    text = json.dumps(content)
    assert not [secret for secret in server.secrets() if secret in text]
    assert "widget" not in text.replace("tokenwidgets", "")
    assert "_esm" not in text


def test_a_notebook_opened_without_its_kernel_shows_the_card(notebook: Open, server: Server) -> None:
    book = notebook("%%stream sim/steady -o tokens 60\nWhy is the sky blue?")
    book.run()
    book.idle(1)
    book.live(1).phase("done")
    book.save()
    server.end_kernels()
    book.page.reload()
    card = book.output(1).locator(".jp-RenderedHTML")
    expect(card).to_contain_text("tok/s", timeout=SECONDS * 1000)
    expect(card).to_contain_text("simulated answer")
    expect(card.locator("svg")).to_be_visible()
    expect(book.output(1)).not_to_contain_text("model not found")


def test_notebook_7(notebook: Open) -> None:
    book = notebook("%%stream sim/steady -T ws -o tokens 120 -o itl_ms 15\nWhy is the sky blue?", app="notebook")
    book.run()
    card = book.live(1)
    card.grows(card.grows())
    assert book.prompt(1).text_content() == "[*]:"
    assert card.badge.text_content() == BADGES["ws"]
    book.idle(1)
    expect(book.static(1)).to_contain_text("tok/s")
