"""The README's picture: a cell asks the local model, filmed in JupyterLab as it happens.

    pip install pillow
    python benchmarks/quickstart.py [--out docs/quickstart.gif]

Every frame stands for as long as it was on the screen. The model is loaded before.
"""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tests.browser.app import Notebook, Server  # noqa: E402
from tests.browser.conftest import ARGUMENTS, notebook_text  # noqa: E402

CELLS = [
    "%load_ext tokenwidgets\nimport tokenwidgets as tw\nr = tw.stream('Hello', show=False).wait()",
    "%%stream\nWhy is the sky blue? Answer in three sentences.",
]

COLOURS = 255

AFTER_MS = 1_000
"""How long the end of the answer is filmed, before its last picture stands still for `STILL_MS`."""

STILL_MS = 5_000

Frame = tuple[float, Image.Image]
"""When it was seen, s, and what."""


def main() -> None:
    """Film it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=HERE.parent / "docs" / "quickstart.gif")
    out: Path = arguments.parse_args().out
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        server = Server(Path(directory))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        try:
            server.wait()
            written(filmed(opened(browser, server)), out)
        finally:
            browser.close()
            server.close()


def opened(browser: Browser, server: Server) -> Notebook:
    """The notebook, with the model loaded and the question not yet asked."""
    (server.root / "quickstart.ipynb").write_text(notebook_text(CELLS), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 600})
    page.goto(f"{server.url}lab/tree/quickstart.ipynb?token={server.token}")
    book = Notebook(page, server, "quickstart.ipynb").ready()
    book.command("application:toggle-left-area")
    book.run_one(0)
    book.idle(0)
    return book


def filmed(book: Notebook) -> list[Frame]:
    """From the question to a while after the answer's end: the browser tells what it paints, as it paints it."""
    page, frames = book.page, list[Frame]()
    devtools = page.context.new_cdp_session(page)

    def painted(frame: dict[str, Any]) -> None:
        devtools.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})
        frames.append((frame["metadata"]["timestamp"], Image.open(BytesIO(base64.b64decode(frame["data"]))).convert("RGB")))

    devtools.on("Page.screencastFrame", painted)
    devtools.send("Page.startScreencast", {"format": "png"})
    book.run_one(1)
    page.locator(".tw-stream[data-phase='done']").wait_for()
    page.wait_for_timeout(AFTER_MS)
    devtools.send("Page.stopScreencast")
    box = book.cell(1).bounding_box()
    assert box
    edges = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
    return [(at, image.crop(tuple(round(edge) for edge in edges))) for at, image in frames]


def written(frames: list[Frame], out: Path) -> None:
    """As a GIF, each frame for as long as it stood."""
    at = [when for when, _ in frames]
    shown_ms = [(after - before) * 1000 for before, after in pairwise(at)] + [STILL_MS]
    first, *rest = [image.quantize(COLOURS, dither=Image.Dither.NONE) for _, image in frames]
    first.save(out, save_all=True, append_images=rest, duration=[max(20, round(ms)) for ms in shown_ms], loop=0, optimize=True)
    print(f"{out}: {len(frames)} frames, {at[-1] - at[0]:.1f} s, {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
