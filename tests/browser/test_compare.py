"""A comparison of transports in a notebook that a page shows: the page's own readers read, up to the paint."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from .app import SECONDS
from .conftest import Open

COMPARE = """
import json, tokenwidgets as tw
from pathlib import Path
c = tw.compare("Why?", model="sim/steady", transports=["sse", "ws"], runs=2, seed=1, ttft_ms=100, itl_ms=15, tokens=30).wait()
told = [[trial.legs, trial.alone, trial.failures] for trial in c.trials]
Path("compared.json").write_text(json.dumps([told, c.verdict, c.why, c.environment["lanes"]]))
"""


def test_the_page_reads_the_lanes_and_tells_when_it_painted(notebook: Open) -> None:
    book = notebook(COMPARE)
    book.run()
    rows = book.output(1).locator(".tw-readers-row")
    expect(rows.first).to_contain_text("events", timeout=SECONDS * 1000)
    book.idle(1)
    trials, verdict, why, lanes = json.loads(book.file("compared.json").read_text())
    assert (why, lanes) == ("the 2 rounds were made", "page")
    assert len(trials) == 3
    for legs, alone, failures in trials:
        assert failures == {}
        assert set(legs) == {"sse", "ws"}
        assert len(alone) == 1
        for leg in legs.values():
            assert set(leg) == {"gateway", "link", "paint"}
            assert leg["paint"]["median_us"] > 0
            assert leg["paint"]["n"] > 0
            assert leg["link"]["median_us"] > -leg["link"]["uncertainty_us"]
    assert "read by the page that shows this notebook" in verdict
    assert "aligned anew for each call" in verdict
