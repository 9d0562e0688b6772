"""marimo: no IPython, no Jupyter server, a shadow root around each widget. Its own server, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from .app import SECONDS, free_port, until_it_answers

pytest.importorskip("marimo")

APP = """
# /// script
# [tool.marimo.display]
# theme = "dark"
# ///
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import tokenwidgets as tw
    return mo, tw


@app.cell
def _(tw):
    r = tw.stream("Why is the sky blue?", model="sim/steady", tokens=120, itl_ms=10)
    return (r,)


@app.cell
def _(tw):
    tw.stream("Why is the sky blue?", model="sim/steady", tokens=100_000, itl_ms=10)
    return


@app.cell
def _(r):
    r.chart()
    return


@app.cell
def _(tw):
    tw.race("Why is the sky blue?", models=["sim/steady", "sim/bursty"], tokens=20, itl_ms=5)
    return


@app.cell
def _(tw):
    tw.doctor()
    return


@app.cell
def _(mo, r):
    mo.Html(f"<pre id='kernel'>{r.wait().text}</pre>")
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where marimo serves the app."""
    app = tmp_path / "app.py"
    app.write_text(APP)
    port = free_port()
    command = [sys.executable, "-m", "marimo", "run", "--headless", "--no-token", "--port", str(port), str(app)]
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "MARIMO_SKIP_UPDATE_CHECK": "1"}
    with (tmp_path / "marimo.log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, **home}, cwd=tmp_path, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}/"
        until_it_answers(process, tmp_path / "marimo.log", lambda: urllib.request.urlopen(f"{url}health", timeout=SECONDS).close())
        yield url
    finally:
        process.terminate()
        process.wait()


def test_widgets_live_in_marimo(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)

    finished, running = page.locator(".tw-stream").nth(0), page.locator(".tw-stream").nth(1)
    says(running.locator(".tw-body > .tw-text"), "simulated answer")
    running.get_by_role("button", name="Stop").click()
    says(running.locator(".tw-word"), "stopped at token")

    says(finished.locator(".tw-word"), "done")
    says(finished.locator(".tw-badge"), "comm")
    said = page.locator("#kernel").inner_text()
    assert " ".join(finished.locator(".tw-body > .tw-text").inner_text().split()) == " ".join(said.split())

    says(page.locator(".tw-latency"), "120 chunks")
    says(page.locator(".tw-race"), "sim/bursty")
    says(page.locator(".tw-race"), "One run is no evidence")
    says(page.get_by_role("table").filter(has_text="works"), "this is a marimo notebook")
    grounds = page.locator(".tw-card").evaluate_all("cards => cards.map((card) => getComputedStyle(card).backgroundColor)")
    assert set(grounds) == {"rgb(17, 17, 17)"}, "the host is dark, and says so by its color-scheme only"
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked


def says(place: Locator, words: str) -> None:
    """Return when a place says so."""
    expect(place).to_contain_text(words, timeout=SECONDS * 1000)
