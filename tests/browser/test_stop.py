"""Stopping: by the button, by Esc, by an interrupt of the kernel."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from .app import SECONDS, Server
from .conftest import Open

ASKED = "%%stream sim/steady -o tokens 4000 -o itl_ms 20 --out {name} {more}\nWhy is the sky blue?"
REPORT = "print(*((r.finish_reason, len(r.text) > 0, r.done) for r in ({names})))"


def test_the_button_and_esc(notebook: Open) -> None:
    cells = [ASKED.format(name="a", more=""), ASKED.format(name="b", more="-o ttft_ms 600000"), ASKED.format(name="c", more="-T sse")]
    book = notebook(*cells, REPORT.format(names="a, b, c"))
    book.run()

    card = book.live(1)
    shown = card.grows(20)
    card.stop.click()
    book.idle(1)
    expect(book.static(1)).to_contain_text(re.compile(r"stopped at token [\d~,]+"))
    assert len(book.static(1).inner_text()) > shown

    card = book.live(2)
    card.phase(re.compile(r"waiting \d+\.\d s"))
    card.stop.click()
    book.idle(2)
    expect(book.static(2)).to_contain_text("stopped before the first token")

    card = book.live(3)
    card.grows(20)
    card.root.focus()
    card.page.keyboard.press("Escape")
    book.idle(3)
    expect(book.static(3)).to_contain_text("stopped at token")

    book.idles()
    expect(book.output(4)).to_have_text("('cancelled', True, True) ('cancelled', False, True) ('cancelled', True, True)")


def test_an_interrupt_keeps_what_came_and_ends_run_all(notebook: Open, server: Server) -> None:
    book = notebook(ASKED.format(name="r", more=""), "print('it went on')", "print(_ is r, r.finish_reason, len(_.text) > 20)")
    book.run()
    book.live(1).grows(20)
    server.call("POST", f"api/kernels/{book.kernel()}/interrupt")
    book.idle(1)
    expect(book.static(1)).to_contain_text("stopped at token")
    said = book.output(1).locator('[data-mime-type="application/vnd.jupyter.error"], [data-mime-type="application/vnd.jupyter.stderr"]')
    expect(said).to_have_text(re.compile(r"Interrupted: the stream was stopped after \d+ chunks; they are kept in _\.\s*"))
    expect(book.prompt(2)).to_have_text(re.compile(r"\[\s*\]:"), timeout=SECONDS * 1000)
    assert book.output(2).inner_text().strip() == ""
    book.run_one(3)
    expect(book.output(3)).to_have_text("True cancelled True")
