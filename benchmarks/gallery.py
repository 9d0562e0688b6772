"""Pictures of every widget, light and dark: live, done, cut off or failed, and what a saved notebook keeps.

    python benchmarks/gallery.py [--out docs/gallery] [--only mic]

Real runs in a real JupyterLab, of the simulator, which says in each picture that it is one. The microphone plays a file. Writes the
pictures, all or those of one widget, and their README.
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
from tokenwidgets.realtime.clip import Clip  # noqa: E402
from tokenwidgets.realtime.clips import clip  # noqa: E402

RATE = 48_000
"""Of what the microphone plays."""

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

SETUP = """%load_ext tokenwidgets
import tokenwidgets as tw

ask = "Why is the sky blue?"
running = tw.stream(ask, model="sim/bursty", show=False, tokens=100_000, itl_ms=40)
r = tw.stream(ask, model="sim/bursty", show=False, tokens=200, itl_ms=15).wait()
cut = tw.stream(ask, model="sim/flaky", show=False, fail_at=40, itl_ms=10).wait()
"""

WIDGETS = {
    "stream": (
        "TokenStream: an answer as it comes",
        {
            "live": "tw.stream(ask, model='sim/steady', tokens=100_000, itl_ms=40);",
            "done": "%%stream sim/reasoner -o tokens 120 -o itl_ms 12\nWhy is the sky blue?",
            "cut off": "%%stream sim/flaky -o fail_at 40 -o itl_ms 10\nWhy is the sky blue?",
            "failed": "%%stream openai/gpt-5.2\nWhy is the sky blue?",
        },
    ),
    "latency": (
        "LatencyChart: where the time went",
        {"live": "running.chart()", "done": "r.chart()", "cut off": "cut.chart()"},
    ),
    "timeline": (
        "Timeline: any instant of a stream",
        {"live": "running.timeline()", "done": "r.timeline()", "cut off": "cut.timeline()"},
    ),
    "inspector": (
        "WireInspector: the frames as they travelled",
        {"live": "running.inspect()", "done": "r.inspect()", "cut off": "cut.inspect()"},
    ),
    "race": (
        "Race: lanes on one clock",
        {
            "live": "tw.race(ask, model='sim/bursty', transports=['sse', 'ws', 'comm'], tokens=100_000, itl_ms=40)",
            "done": "tw.race(ask, model='sim/bursty', transports=['sse', 'ws', 'comm'], tokens=120, itl_ms=10)",
            "failed": "tw.race(ask, models=['sim/steady', 'openai/gpt-5.2', 'sim/bursty'], max_tokens=80)",
        },
    ),
    "chat": (
        "Chat: a conversation to talk in",
        {
            "live": "c = tw.chat('sim/steady', tokens=100_000, itl_ms=40)\nc(ask, show=False)\nc.show()",
            "done": "c = tw.chat('sim/steady', tokens=60, itl_ms=5)\nc(ask, show=False).wait()\nc.show()",
            "failed": "c = tw.chat('openai/gpt-5.2')\nc(ask, show=False).wait()\nc.show()",
        },
    ),
    "mic": (
        "Mic: speak with a model, and where the time of a turn goes",
        {"live": "tw.mic('sim/voice')", "done": "tw.mic('sim/voice')", "failed": "tw.mic('sim/voice')"},
    ),
    "lab": (
        "NetworkLab: loss, and the deliveries that shrug it off",
        {
            "asked": "tw.network_lab('model')",
            "done": "tw.network_lab('model', tokens=250).predict('ws').start().wait()",
            "live": "tw.network_lab('model', tokens=0).predict('webrtc-ordered').start()",
        },
    ),
    "sessions": ("Sessions: what runs in this server", {"live": "tw.sessions()"}),
}
"""Of each widget its title, and a cell for each of its states. Those that run on keep nothing in the file yet."""

Cells = list[tuple[str, str]]
"""The name of each picture, and what is run for it."""


def cells(only: str | None) -> Cells:
    """Of all widgets, or of one."""
    chosen = {only: WIDGETS[only]} if only else WIDGETS
    return [(f"{widget}-{state.replace(' ', '-')}", cell) for widget, (_, states) in chosen.items() for state, cell in states.items()]


def main() -> None:
    """Make them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=HERE.parent / "docs" / "gallery")
    arguments.add_argument("--only", choices=list(WIDGETS))
    given = arguments.parse_args()
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        sound = Path(directory) / "mic.wav"
        Clip.joined([clip("sky").clip, Clip(bytes(2 * 10 * RATE), RATE)], RATE).save(sound)
        server = Server(Path(directory))
        fake = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={sound}")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*ARGUMENTS, *fake])
        try:
            server.wait()
            context = browser.new_context(viewport={"width": 1200, "height": 1600}, device_scale_factor=1)
            photographed(context, server, out, cells(given.only))
        finally:
            browser.close()
            server.close()
    (out / "README.md").write_text("\n".join(readme()), encoding="utf-8")


def photographed(context: BrowserContext, server: Server, out: Path, cells: Cells) -> None:
    """A notebook with a cell for each widget: alive in both themes, then as its file shows it."""
    book = opened(context, server, cells)
    book.run()
    book.idles()
    over = sum(picture.startswith("race-") and not picture.endswith("-live") for picture, _ in cells)
    expect(book.page.locator(".tw-race[data-over='true']")).to_have_count(over, timeout=SECONDS * 1000)
    microphones = {picture: card(book, number) for number, (picture, _) in enumerate(cells, start=1) if picture.startswith("mic-")}
    if microphones:
        spoken(context, microphones)
    for theme, name in THEMES.items():
        book.command("apputils:change-theme", theme=name)
        expect(book.page.locator("body")).to_have_attribute("data-jp-theme-name", name)
        for number, (picture, _) in enumerate(cells, start=1):
            if picture == "mic-live":
                expect(card(book, number)).to_have_attribute("data-state", "speaking", timeout=SECONDS * 1000)
            card(book, number).screenshot(path=out / f"{picture}-{theme}.png")
    for number, (picture, _) in enumerate(cells, start=1):
        if not picture.endswith("-live"):
            book.static(number).first.screenshot(path=out / f"{picture}-static.png")


def spoken(context: BrowserContext, microphones: dict[str, Locator]) -> None:
    """Speak into each: one that may not be used, one until an answer is over, one that goes on."""
    microphones["mic-failed"].locator(".tw-m-button").click()
    expect(microphones["mic-failed"].get_by_role("alert")).to_be_visible(timeout=SECONDS * 1000)
    context.grant_permissions(["microphone"])
    for picture in ("mic-done", "mic-live"):
        microphone = microphones[picture]
        microphone.locator(".tw-m-button").click()
        expect(microphone).to_have_attribute("data-state", "speaking", timeout=SECONDS * 1000)
        expect(microphone).to_have_attribute("data-state", "listening", timeout=SECONDS * 1000)
        if picture == "mic-done":
            microphone.locator(".tw-m-button").click()
            expect(microphone).to_have_attribute("data-state", "off", timeout=SECONDS * 1000)


def opened(context: BrowserContext, server: Server, cells: Cells) -> Notebook:
    """The notebook, in a page of its own."""
    (server.root / "gallery.ipynb").write_text(notebook_text([SETUP, *(cell for _, cell in cells)]), encoding="utf-8")
    page = context.new_page()
    page.goto(f"{server.url}lab/workspaces/gallery/tree/gallery.ipynb?token={server.token}")
    return Notebook(page, server, "gallery.ipynb").ready()


def card(book: Notebook, number: int) -> Locator:
    """The widget of a cell."""
    return book.output(number).locator(".tw-card").first


def readme() -> Iterator[str]:
    """Every picture, in the order of the notebook."""
    yield "# Gallery\n\nEvery widget in JupyterLab, light and dark, and as a saved notebook shows it without kernel and script. Made by"
    yield "`python benchmarks/gallery.py` from real runs of the simulator, which asks no model.\n"
    for widget, (title, states) in WIDGETS.items():
        yield f"## {title}\n"
        for state in states:
            picture = f"{widget}-{state.replace(' ', '-')}"
            yield f"| {state}, light | {state}, dark |\n|---|---|"
            yield f"| ![{title}, {state}, light]({picture}-light.png) | ![{title}, {state}, dark]({picture}-dark.png) |\n"
            if state != "live":
                yield f"In the file: ![{title}, {state}, static]({picture}-static.png)\n"


if __name__ == "__main__":
    main()
