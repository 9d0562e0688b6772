"""The first notebook a person opens, with the model that comes with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tokenwidgets.providers import local

from .app import BADGES, Server
from .conftest import Open

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"
MINUTES = 4
"""A real model answers half a dozen questions, on whatever machine this is."""


@pytest.mark.model
@pytest.mark.skipif(not local.can_run({}), reason="the local model is not installed")
def test_the_quickstart_runs_and_can_be_read_without_its_kernel(notebook: Open, server: Server, rtc: None) -> None:
    sources = ["".join(cell["source"]) for cell in json.loads(QUICKSTART.read_text(encoding="utf-8"))["cells"]]
    book = notebook(file=QUICKSTART)
    book.run()
    book.idles(MINUTES * 60)

    content = book.save()
    outputs = [output for cell in content["cells"] for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert "widget-view" not in json.dumps(content)
    server.call("DELETE", f"api/kernels/{book.kernel()}")
    book.page.reload()
    book.ready()
    for transport, badge in BADGES.items():
        for index, source in enumerate(sources):
            if source.startswith("%%stream") and f"-T {transport}" in source:
                expect(book.output(index)).to_contain_text(f"{badge[0]} {badge[1:]}")
    cards = [i for i, source in enumerate(sources) if source.startswith("%%stream")]
    assert len(cards) > 4
    for index in cards:
        expect(book.output(index)).to_contain_text("tok/s")
    assert book.page.get_by_text("model not found").count() == 0
