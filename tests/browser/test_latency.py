"""A latency chart beside its stream in a real JupyterLab: live, measured to the paint, linked, and finished in the file."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from .app import SECONDS, Notebook
from .conftest import Open

STREAM = """
import tokenwidgets as tw
r = tw.stream("Why is the sky blue?", model="sim/steady", transport="{}", show=False, tokens=120, itl_ms=15)
chart = r.chart()
chart
"""
LEGS = """
import json, time
r.wait()
until = time.monotonic() + 20
while chart.legs == [{}] and time.monotonic() < until:
    time.sleep(0.05)
print(json.dumps(chart.legs[0]))
"""


def measured(book: Notebook, transport: str) -> dict[str, dict[str, int]]:
    """Run a stream with its chart; what the page reported of it."""
    book.run()
    plot = book.output(1).locator(".tw-latency svg")
    expect(plot).to_have_attribute("aria-valuemax", re.compile(r"^[2-9]\d*|1\d+$"), timeout=SECONDS * 1000)
    book.idles()
    expect(book.output(2)).to_contain_text("uncertainty_us", timeout=SECONDS * 1000)
    return json.loads(book.output(2).inner_text())


def test_the_bar_goes_on_to_the_paint_over_a_socket(notebook: Open) -> None:
    book = notebook(
        STREAM.format("ws"),
        LEGS,
        "from tokenwidgets.metrics import is_content\nprint([e.seq for e in r.journal.entries if is_content(e)].index(chart.selected))",
    )
    legs = measured(book, "ws")
    assert all(legs[leg]["last_us"] >= 0 and legs[leg]["n"] > 60 for leg in ("gateway", "link", "paint"))
    assert legs["uncertainty_us"] < 1_000_000
    chart = book.output(1).locator(".tw-latency")
    figures = dict(
        zip(chart.locator("thead th").all_inner_texts(), chart.locator("tbody tr").first.locator("th, td").all_inner_texts(), strict=False)
    )
    assert "–" not in [figures[leg] for leg in ("gateway", "link", "paint")]

    chart.locator("svg").focus()
    for key in ("Home", "ArrowRight", "Enter"):
        book.page.keyboard.press(key)
    expect(chart.locator(".tw-l-readout")).to_contain_text("chunk 2 of ")
    book.run_one(3)
    expect(book.output(3)).to_have_text("1")

    (output,) = book.save()["cells"][1]["outputs"]
    assert "gateway" in "".join(output["data"]["text/plain"])
    assert "<svg" in "".join(output["data"]["text/html"])
    assert "script" not in "".join(output["data"]["text/html"])


def test_over_sse_too_and_over_the_comm_it_says_why_not(notebook: Open) -> None:
    legs = measured(notebook(STREAM.format("sse"), LEGS), "sse")
    assert all(legs[leg]["last_us"] >= 0 for leg in ("gateway", "link", "paint"))
    legs = measured(notebook(STREAM.format("comm"), LEGS), "comm")
    assert legs["gateway"]["last_us"] is None
    assert "no clock" in legs["gateway"]["why"]
    assert legs["paint"]["last_us"] > 0
