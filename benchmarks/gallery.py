"""Pictures of every widget, light and dark: live, done, failed, and what a saved notebook keeps.

    python benchmarks/gallery.py [--out docs/gallery]

Real runs in a real JupyterLab, of the simulator, which says in each picture that it is one. Writes the pictures and their README.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, expect, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tests.browser.app import SECONDS, Notebook, Server  # noqa: E402
from tests.browser.conftest import ARGUMENTS, notebook_text  # noqa: E402

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

WIDGETS = {
    "stream": ("TokenStream: an answer as it comes", "%%stream sim/reasoner -o tokens 120 -o itl_ms 12\nWhy is the sky blue?"),
    "cut-off": ("A stream that was cut off keeps what came", "%%stream sim/flaky -o fail_at 40 -o itl_ms 10\nWhy is the sky blue?"),
    "failed": ("What cannot be asked says why, in one sentence", "%%stream openai/gpt-5.2\nWhy is the sky blue?"),
    "latency": (
        "LatencyChart: where the time went",
        "r = tw.stream('Why is the sky blue?', model='sim/bursty', show=False, tokens=200, itl_ms=15)\nr.chart()",
    ),
    "timeline": ("Timeline: any instant of a stream", "r.wait().timeline()"),
    "inspector": ("WireInspector: the frames as they travelled", "r.inspect()"),
    "race": (
        "Race: transports of one stream, on one clock",
        "tw.race('Why is the sky blue?', model='sim/bursty', transports=['sse', 'ws', 'comm'], tokens=120, itl_ms=10)",
    ),
    "sessions": ("Sessions: what runs in this server", "tw.sessions()"),
    "chat": (
        "Chat: a conversation to talk in",
        "c = tw.chat('sim/steady', tokens=60, itl_ms=5)\nc('Why is the sky blue?', show=False).wait()\nc.show()",
    ),
    "live": (
        "A running stream, with its clock and Stop",
        "running = tw.stream('Why is the sky blue?', model='sim/steady', tokens=100_000, itl_ms=40)",
    ),
}

GROWS = "live"
"""Stands last, so that it moves no other; its file keeps nothing yet."""


def main() -> None:
    """Make them all."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=HERE.parent / "docs" / "gallery")
    out = arguments.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        server = Server(Path(directory))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        try:
            server.wait()
            context = browser.new_context(viewport={"width": 1200, "height": 1600}, device_scale_factor=2)
            photographed(context, server, out)
        finally:
            browser.close()
            server.close()
    (out / "README.md").write_text("\n".join(readme()), encoding="utf-8")


def photographed(context: BrowserContext, server: Server, out: Path) -> None:
    """A notebook with a cell for each widget: alive in both themes, then as its file shows it."""
    book = opened(context, server)
    book.run()
    book.idles()
    expect(book.page.locator(".tw-chat")).to_contain_text("tok", timeout=SECONDS * 1000)
    expect(book.page.locator(".tw-race[data-over]")).to_be_visible(timeout=SECONDS * 1000)
    for theme, name in THEMES.items():
        book.command("apputils:change-theme", theme=name)
        expect(book.page.locator("body")).to_have_attribute("data-jp-theme-name", name)
        for number, widget in enumerate(WIDGETS, start=1):
            card(book, number).screenshot(path=out / f"{widget}-{theme}.png")
    for number, widget in enumerate(WIDGETS, start=1):
        if widget != GROWS:
            book.static(number).first.screenshot(path=out / f"{widget}-static.png")


def opened(context: BrowserContext, server: Server) -> Notebook:
    """The notebook, in a page of its own."""
    (server.root / "gallery.ipynb").write_text(
        notebook_text(["%load_ext tokenwidgets\nimport tokenwidgets as tw", *(cell for _, cell in WIDGETS.values())]), encoding="utf-8"
    )
    page = context.new_page()
    page.goto(f"{server.url}lab/workspaces/gallery/tree/gallery.ipynb?token={server.token}")
    return Notebook(page, server, "gallery.ipynb").ready()


def card(book: Notebook, number: int) -> Locator:
    """The widget of a cell."""
    return book.output(number).locator(".tw-card, .jp-OutputArea-output").first


def readme() -> Iterator[str]:
    """Every picture, in the order of the notebook."""
    yield "# Gallery\n\nEvery widget in JupyterLab, light and dark, and as a saved notebook shows it without kernel and script. Made by"
    yield "`python benchmarks/gallery.py` from real runs of the simulator, which asks no model.\n"
    for widget, (title, _) in WIDGETS.items():
        yield f"## {title}\n"
        yield f"| light | dark |\n|---|---|\n| ![{title}, light]({widget}-light.png) | ![{title}, dark]({widget}-dark.png) |\n"
        if widget != GROWS:
            yield f"In the file: ![{title}, static]({widget}-static.png)\n"


if __name__ == "__main__":
    main()
