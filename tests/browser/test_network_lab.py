"""The network lab as a person uses it: predicted, started, made worse, cut, mended, stopped, revealed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from .app import SECONDS
from .conftest import Open

MS = SECONDS * 1000

LAB = "import tokenwidgets as tw\nlab = tw.network_lab('model', tokens=0, rate=50)\nlab"

TOLD = "print(lab.state, lab.prediction, lab.impairment['loss'], lab.impairment['cut'])\nprint(lab.verdict)"

FLYING = """lab => [...lab.querySelectorAll("canvas")].filter((canvas) =>
    canvas.width && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)).length"""

PAGE = """import tokenwidgets as tw
lab = tw.network_lab('relay', ('webrtc-ordered', 'webrtc'), tokens=60, rate=50, loss=0.2, delay_ms=20)
lab"""

LANES = """for row in lab.rows:
    print(row['lane'], row['tokens'], row['missing'], row['drops'] > 0, row['p50_ms'] > 10, row['failed'])
print(lab.provenance)"""


def flying(lab: Locator, wires: int) -> None:
    """Return when packets are to be seen on so many wires."""
    lab.page.wait_for_function(f"lab => ({FLYING})(lab) === {wires}", arg=lab.element_handle(), timeout=MS)


def test_it_is_predicted_run_impaired_cut_mended_stopped_and_revealed(notebook: Open) -> None:
    book = notebook(LAB, TOLD)
    book.run_one(1)
    lab = book.output(1).locator(".tw-lab")
    expect(lab).to_contain_text("simulated", timeout=MS)
    median, behind = lab.locator("dd").first, lab.locator(".tw-lab-figure:last-child dd").first
    lab.get_by_role("button", name="Start").click()
    expect(lab.locator(".tw-lab-text")).to_contain_text([re.compile(r"\w{3}")] * 4, timeout=MS)
    expect(median).to_be_hidden()
    lab.locator(".tw-lab-choices").get_by_role("button", name="ordered data channel").click()
    expect(median).to_have_text(re.compile(r"^\d+ ms$"), timeout=MS)
    flying(lab, 4)

    loss = lab.get_by_role("slider", name="Loss")
    loss.press("End")
    expect(lab.locator(".tw-lab-note").first).to_contain_text("then 30 % lost", timeout=MS)
    loss.press("Home")
    lab.get_by_role("button", name="Cut the cable").click()
    expect(behind).to_have_text(re.compile(r"^[3-9]\d$"), timeout=MS)
    lab.get_by_role("button", name="Mend the cable").click()
    expect(behind).to_have_text(re.compile(r"^\d$"), timeout=MS)
    book.page.emulate_media(reduced_motion="reduce")
    flying(lab, 0)

    loss.press("Escape")
    expect(lab.get_by_role("button", name="Run again")).to_be_visible(timeout=MS)
    verdict = lab.locator(".tw-lab-verdict")
    expect(verdict).to_contain_text(re.compile(r"You said|You were right|You may be right"), timeout=MS)
    book.run_one(2)
    expect(book.output(2)).to_have_text(f"over webrtc-ordered 0.0 False\n{verdict.inner_text()}")
    book.keeps(1, verdict.inner_text())
    book.keeps(1, "simulated")


def test_a_page_that_is_reloaded_takes_up_the_run(notebook: Open) -> None:
    book = notebook("import tokenwidgets as tw\nlab = tw.network_lab('model', tokens=0, rate=50).predict('skipped').start()\nlab")
    book.run()
    book.idles()
    lab = book.output(1).locator(".tw-lab")
    said = [re.compile(r"\w{3}")] * 4
    expect(lab.locator(".tw-lab-text")).to_contain_text(said, timeout=MS)
    book.save()
    book.page.reload()
    book.ready()
    expect(lab.locator(".tw-lab-text")).to_contain_text(said, timeout=MS)
    flying(lab, 4)
    lab.get_by_role("button", name="Stop").click()
    expect(lab.get_by_role("button", name="Run again")).to_be_visible(timeout=MS)


@pytest.mark.usefixtures("rtc")
def test_the_page_is_the_client_and_at_20_percent_loss_nothing_is_missing(notebook: Open) -> None:
    book = notebook(PAGE, LANES)
    book.run_one(1)
    lab = book.output(1).locator(".tw-lab")
    client = lab.get_by_role("checkbox", name="This page is the client")
    client.check(timeout=MS)
    lab.get_by_role("button", name="Skip").click()
    lab.get_by_role("button", name="Start").click()
    expect(client).to_be_disabled(timeout=MS)
    expect(lab.locator(".tw-lab-text")).to_contain_text([re.compile(r"\w{3}")] * 2, timeout=MS)
    expect(lab.get_by_role("button", name="Run again")).to_be_visible(timeout=MS)
    book.run_one(2)
    told = re.compile(r"webrtc-ordered 60 0 True True\s+webrtc 60 0 True True\s+relay .* client: the page · its clock within ±\d")
    expect(book.output(2)).to_have_text(told)
