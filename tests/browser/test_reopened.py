"""A notebook with every widget, saved, and opened where there is no kernel: in JupyterLab, and as nbconvert's page without the network."""

from __future__ import annotations

import json

import nbformat
from nbconvert import HTMLExporter
from playwright.sync_api import expect

from .app import SECONDS
from .conftest import Open, Server
from .test_accessible import CELLS

FINISHED = {
    1: ("simulated answer", True), 5: ("sim/steady", True), 6: ("simulated answer", True), 7: ("frames", False), 8: ("SSE", True),
    9: ("streams", False), 10: ("Why is the sky blue?", False),
}  # fmt: skip
"""What each cell's output says, and whether it has a picture."""

OUTPUT_BYTES = 64_000


def test_a_saved_notebook_is_finished_everywhere(notebook: Open, server: Server) -> None:
    book = notebook(*CELLS[:3], "pass", *CELLS[4:])
    book.run()
    book.idles()
    expect(book.page.locator(".tw-race[data-over]")).to_be_visible(timeout=SECONDS * 1000)
    expect(book.page.locator(".tw-chat")).to_contain_text("tok", timeout=SECONDS * 1000)
    content = book.save()
    text = json.dumps(content)
    assert not [secret for secret in server.secrets() if secret in text]
    assert "_esm" not in text
    assert "widget-view" not in text
    for number in FINISHED:
        (output,) = content["cells"][number]["outputs"]
        assert len(json.dumps(output)) <= OUTPUT_BYTES

    server.end_kernels()
    book.page.reload()
    for number, (words, picture) in FINISHED.items():
        kept = book.output(number).locator(".jp-RenderedHTML").first
        expect(kept).to_contain_text(words, timeout=SECONDS * 1000)
        if picture:
            expect(kept.locator("svg").first).to_be_visible()
        expect(book.output(number)).not_to_contain_text("model not found")

    page = book.page.context.new_page()
    page.context.set_offline(True)
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(error.message))
    exporter = HTMLExporter(template_name="lab", mathjax_url="", require_js_url="", jquery_url="")
    page.set_content(exporter.from_notebook_node(nbformat.from_dict(content))[0])
    for number, (words, picture) in FINISHED.items():
        kept = page.locator(".jp-Cell").nth(number).locator(".jp-RenderedHTMLCommon")
        expect(kept).to_contain_text(words)
        if picture:
            expect(kept.locator("svg").first).to_be_visible()
    page.context.set_offline(False)
    page.close()
    assert [error for error in said if "tokenwidgets" in error] == []
