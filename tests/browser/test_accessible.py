"""Every widget in the real JupyterLab, for those who read by ear, work by keys, enlarge, or choose their own colours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .app import SECONDS, Notebook
from .conftest import Open

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"

CELLS = (
    "import tokenwidgets as tw\nr = tw.stream('Why is the sky blue?', model='sim/steady', tokens=80, itl_ms=2)",
    "tw.stream('Why is the sky blue?', model='sim/flaky', fail_at=20, itl_ms=2)",
    "tw.stream('Why is the sky blue?', model='nobody/knows')",
    "running = tw.stream('Why is the sky blue?', model='sim/reasoner', tokens=100_000, itl_ms=50)",
    "r.wait().chart()",
    "r.timeline()",
    "r.inspect()",
    "tw.race('Why is the sky blue?', transports=['sse', 'ws', 'comm'], model='sim/bursty', tokens=40, itl_ms=2).wait()",
    "tw.sessions()",
    "c = tw.chat('sim/steady', tokens=30, itl_ms=1)\nc('Why is the sky blue?', show=False).wait()\nc.show()",
    "tw.mic('sim/voice')",
    "tw.network_lab('model', tokens=40, rate=100).start()",
)
CARDS = {
    ".tw-stream": 4, ".tw-latency": 1, ".tw-timeline": 1, ".tw-inspector": 1, ".tw-race": 1, ".tw-s-card": 1, ".tw-chat": 1, ".tw-mic": 1,
    ".tw-lab": 1,
}  # fmt: skip
THEMES = ("JupyterLab Light", "JupyterLab Dark")
WIDTH = 480


@pytest.fixture
def book(notebook: Open) -> Notebook:
    """A notebook with every widget, alive: of streams one that is done, one cut off, one failed, one that runs."""
    opened = notebook(*CELLS)
    opened.run()
    opened.idles()
    for card, count in CARDS.items():
        expect(opened.page.locator(card)).to_have_count(count, timeout=SECONDS * 1000)
    words = opened.page.locator(".tw-stream .tw-word")
    for number, word in enumerate(("done", "cut off", "failed", re.compile("reasoning|answering"))):
        expect(words.nth(number)).to_contain_text(word, timeout=SECONDS * 1000)
    expect(opened.page.locator(".tw-race[data-over]")).to_be_visible(timeout=SECONDS * 1000)
    return opened


def violations(page: Page) -> list[str]:
    """What axe finds in our cards, in its own words."""
    found: list[Any] = page.evaluate(
        """async () => (await axe.run({ include: [[".tw-card"]] }, { resultTypes: ["violations"] })).violations"""
    )
    return [f"{rule['id']}: {node['html'][:160]} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


def clipped(page: Page) -> list[str]:
    """Cards that are wider than their place, or hide what is in them."""
    return page.locator(".tw-card").evaluate_all(
        """cards => cards.filter((card) => card.scrollWidth > card.clientWidth + 1
            || card.getBoundingClientRect().width > card.closest(".jp-OutputArea-output").getBoundingClientRect().width + 1)
            .map((card) => `${card.className}: ${card.scrollWidth} in ${card.clientWidth}`)"""
    )


def test_nothing_is_found_by_axe_in_either_theme(book: Notebook) -> None:
    if not AXE.exists():
        pytest.skip("npm --prefix js ci brings axe-core")
    book.page.evaluate(AXE.read_text(encoding="utf-8"))
    for theme in THEMES:
        book.command("apputils:change-theme", theme=theme)
        expect(book.page.locator("body")).to_have_attribute("data-jp-theme-name", theme, timeout=SECONDS * 1000)
        found = violations(book.page)
        assert not found, "\n".join(found)


def test_narrow_enlarged_and_in_the_readers_own_colours(book: Notebook) -> None:
    page = book.page
    book.command("application:toggle-left-area")
    around = 1200 - page.locator(".jp-OutputArea-output").first.evaluate("output => output.clientWidth")
    for width in (WIDTH, 600, 1400):  # 600 is what 1,200 px are at 200 %
        page.set_viewport_size({"width": width + around, "height": 1000})
        assert clipped(page) == []
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    moving = page.locator(".tw-card *").evaluate_all(
        """all => all.filter((e) => parseFloat(getComputedStyle(e).transitionDuration) > 0 || e.getAnimations().length)
            .map((e) => e.className)"""
    )
    assert moving == []
    page.set_viewport_size({"width": 1200, "height": 1000})


def test_tab_reaches_every_control_and_shows_where_it_is(book: Notebook) -> None:
    for card in CARDS:
        each = book.page.locator(card).first
        missed = unreached(book.page, each)
        assert missed == [], card


def unreached(page: Page, card: Locator) -> list[str]:
    """Controls of a card that Tab does not come to, or that do not show it."""
    card.scroll_into_view_if_needed()
    controls = card.evaluate(
        """card => {
          const all = [...card.querySelectorAll("button, input, select, textarea, summary, a[href], [tabindex='0']")];
          window.__controls = all.filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && e.tabIndex >= 0);
          window.__controls[0]?.focus();
          return window.__controls.length;
        }"""
    )
    seen: set[int] = set()
    shown: set[int] = set()
    for _ in range(2 * controls + 2):
        at, visible = page.evaluate(
            """() => {
              const rings = (e) => {
                const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(e);
                return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
              };
              const at = document.activeElement;
              return [window.__controls.indexOf(at), rings(at) || rings(at.parentElement)];
            }"""
        )
        seen.add(at)
        if visible:
            shown.add(at)
        page.keyboard.press("Tab")
    missed = [i for i in range(controls) if i not in seen or (i not in shown and i > 0)]
    return page.evaluate("missed => missed.map((i) => window.__controls[i].outerHTML.slice(0, 120))", missed)
