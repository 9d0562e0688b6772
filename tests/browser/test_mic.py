"""What a person hears and sees of `tw.mic`: in a browser with a microphone that plays a file, in one whose user says no, in one without."""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tokenwidgets.realtime.clip import Clip
from tokenwidgets.realtime.clips import clip
from tokenwidgets.realtime.local import can_run
from tokenwidgets.realtime.words import word_error_rate

from .app import PAGE, SECONDS, Notebook, Server
from .conftest import ARGUMENTS, Console, Open
from .test_accessible import AXE, THEMES, clipped, violations

RATE = 48_000
SEEN = (Path(__file__).parent / "mic.js").read_text()
MIC = ("import tokenwidgets as tw", "m = tw.mic('sim/voice')\nm")


def sound(path: Path, *parts: str | float) -> Path:
    """A WAV file of shipped clips, and of silence of so many seconds."""
    pieces = [Clip(bytes(2 * int(part * RATE)), RATE) if isinstance(part, float) else clip(part).clip for part in parts]
    path.write_bytes(Clip.joined(pieces, RATE).wav())
    return path


@pytest.fixture(scope="module")
def hearing(chromium: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose microphone says the same sentence every 12 s."""
    file = sound(tmp_path_factory.mktemp("sound") / "mic.wav", 0.5, "sky", 10.0)
    assert chromium.browser is not None
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    fake = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={file}")
    browser = chromium.browser.browser_type.launch(executable_path=path, args=[*ARGUMENTS, *fake])
    yield browser
    browser.close()


@pytest.fixture
def microphone() -> str:
    """`granted`, `denied` or `absent`; a test says otherwise by `parametrize`."""
    return "granted"


@pytest.fixture
def page(microphone: str, chromium: BrowserContext, hearing: Browser, server: Server) -> Iterator[Page]:
    if microphone == "absent":
        context = chromium
    else:
        granted = ["microphone"] if microphone == "granted" else []
        context = hearing.new_context(viewport={"width": 1200, "height": 1000}, permissions=granted)
    opened = context.new_page()
    opened.add_init_script(PAGE)
    opened.add_init_script(SEEN)
    yield opened
    opened.close()
    if context is not chromium:
        context.close()
    server.end_kernels()


class Mic:
    """The widget in the second cell."""

    def __init__(self, book: Notebook) -> None:
        self.book = book
        self.page = book.page
        book.run_one(1)
        book.run_one(2)
        self.root = book.output(2).locator(".tw-mic")
        self.button = self.root.locator(".tw-m-button")
        expect(self.button).to_be_visible(timeout=SECONDS * 1000)

    def state(self, name: str) -> None:
        """Return when it is so."""
        expect(self.root).to_have_attribute("data-state", name, timeout=SECONDS * 1000)

    def control(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def until(self, condition: str) -> Any:
        """Return when an expression of the page is true."""
        return self.page.wait_for_function(condition, timeout=SECONDS * 1000)

    def choose(self, file: Path) -> None:
        """Hear a file in place of the microphone."""
        with self.page.expect_file_chooser() as chooser:
            self.root.get_by_label("Sound from").select_option("file")
        chooser.value.set_files(file)

    def turn(self, number: int) -> tuple[str, str]:
        """Return what was said in one of the turns that were answered to their end."""
        row = self.root.locator(".tw-m-turn").filter(has_text=re.compile(r"helps\.")).nth(number)
        expect(row).to_be_visible(timeout=SECONDS * 1000)
        return row.locator("p.tw-m-heard").inner_text(), row.locator(".tw-m-answer > span").first.inner_text()

    def released(self) -> None:
        """Return when no device is in use."""
        self.until("window.__tracks.length > 0 && window.__tracks.every(({ readyState }) => readyState === 'ended')")

    def python(self, index: int) -> str:
        """What a cell that has not run yet says."""
        self.book.run_one(index)
        return self.book.output(index).inner_text()


@pytest.fixture
def mic(notebook: Open) -> Callable[..., Mic]:
    return lambda *cells: Mic(notebook(*(cells or MIC)))


def test_a_question_is_heard_and_answered_aloud(mic: Callable[..., Mic]) -> None:
    it = mic(*MIC, "m.words, round(m.audio.seconds) > 0, bool(abs(m.audio.samples).max() > 0.05), m.said.seconds > 1")
    it.button.click()
    it.state("speaking")
    it.state("listening")
    heard, said = it.turn(0)
    assert re.fullmatch(r"I spoke for \d+ milliseconds\.", heard)
    assert heard[:-1] in said
    states = it.page.evaluate("window.__states")
    assert states[:3] == ["off", "opening", "listening"]
    assert states[-3:] == ["thinking", "speaking", "listening"]

    pieces = it.page.evaluate("window.__pieces")
    assert max(piece["loudest"] for piece in pieces) > 0.05
    gaps = [after["at"] - before["at"] - before["seconds"] for before, after in pairwise(pieces)]
    assert max(gaps, default=0) < 0.001

    words = it.root.locator(".tw-m-bar").first.get_attribute("aria-label") or ""
    *steps, whole = [int(n) for n in re.findall(r"(\d+) ms", words)]
    assert "to the loudspeaker" in words
    assert abs(sum(steps) - whole) <= len(steps)  # each is rounded

    it.button.click()
    it.state("off")
    it.released()
    shown = it.python(3)
    assert heard in shown
    assert shown.count("True") == 3
    static = it.book.static(2)
    expect(static).to_contain_text(heard)
    expect(static).to_contain_text("simulated")
    expect(static).to_contain_text("to the loudspeaker")


def test_speech_and_a_press_cut_an_answer_off(mic: Callable[..., Mic], tmp_path: Path) -> None:
    it = mic()
    it.choose(sound(tmp_path / "two.wav", "sky", 2.0, "sky", 60.0))
    it.button.click()
    it.until("window.__inputs.some(({ type }) => type === 'interrupt')")
    cut = it.page.evaluate("window.__inputs.find(({ type }) => type === 'interrupt')")
    assert cut["block"] > 0
    assert 0 < cut["played_ms"] < 3000
    assert it.page.evaluate("window.__stopped") > 0
    ended = it.root.locator(".tw-m-ending").filter(has_text="Interrupted.")
    expect(ended.first).to_be_visible(timeout=SECONDS * 1000)

    count = "window.__inputs.filter(({ type }) => type === 'interrupt').length"
    it.turn(0)
    it.state("speaking")
    before = it.page.evaluate(count)
    it.control("Interrupt").click()
    it.state("listening")
    assert it.page.evaluate(count) == before + 1
    expect(it.root.locator(".tw-m-ending").last).to_have_text("Interrupted.", timeout=SECONDS * 1000)


def test_who_is_muted_is_not_heard(mic: Callable[..., Mic]) -> None:
    it = mic(*MIC, "m.audio.seconds > 1, bool(abs(m.audio.samples).max() == 0), m.words")
    it.control("Mute").click()
    it.button.click()
    it.state("idle")
    it.until("window.__inputs.filter(({ type }) => type === 'audio').length > 150")
    it.button.click()
    it.released()
    assert "(True, True, [])" in it.python(3)


def test_a_lost_connection_ends_no_talk(mic: Callable[..., Mic]) -> None:
    it = mic()
    it.button.click()
    it.state("speaking")
    assert it.page.evaluate("window.__cut()") > 0
    it.turn(0)
    it.state("listening")
    it.turn(1)


@pytest.mark.parametrize(("transport", "badge"), [("sse", "SSE"), ("comm", "comm")])
def test_other_transports_carry_both_sides(mic: Callable[..., Mic], transport: str, badge: str) -> None:
    it = mic(MIC[0], f"m = tw.mic('sim/voice', transport={transport!r})\nm", "m.audio.seconds > 1")
    it.button.click()
    it.state("speaking")
    it.turn(0)
    expect(it.root.locator(".tw-badge")).to_contain_text(badge)
    it.button.click()
    it.released()
    assert "True" in it.python(3)


def test_a_track_carries_both_sides(mic: Callable[..., Mic], rtc: None) -> None:
    it = mic(MIC[0], "m = tw.mic('sim/voice', path='webrtc')\nm", "m.audio.seconds > 1, bool(abs(m.audio.samples).max() > 0.05)")
    it.button.click()
    expect(it.root.locator(".tw-badge")).to_contain_text("WebRTC", timeout=SECONDS * 1000)
    it.state("speaking")
    it.turn(0)
    it.state("listening")
    words = it.root.locator(".tw-m-turn").filter(has_text="helps.").locator(".tw-m-bar").first
    expect(words).to_have_attribute("aria-label", re.compile("to the loudspeaker"), timeout=SECONDS * 1000)
    assert it.page.evaluate("window.__inputs.filter(({ type }) => type === 'interrupt').length") == 0
    it.button.click()
    it.released()
    assert "(True, True)" in it.python(3)


@pytest.mark.parametrize(("path", "badge"), [("worklet", "WebSocket"), ("webrtc", "WebRTC")])
def test_the_voice_of_this_machine_is_understood_and_understands(
    mic: Callable[..., Mic], tmp_path: Path, path: str, badge: str, rtc: None
) -> None:
    if not can_run():
        pytest.skip("the voice of this machine is not installed")
    it = mic(
        MIC[0],
        f"m = tw.mic('local/voice', path={path!r})\nm",
        "m.turns[0].heard",
        "tw.transcribe('page.wav').text",
    )
    it.choose(sound(tmp_path / "question.wav", 1.0, "france", 120.0))
    it.button.click()
    it.state("speaking")
    expect(it.root.locator(".tw-badge")).to_contain_text(badge)
    it.state("listening")
    said = " ".join(it.root.locator(".tw-m-answer > span:first-child").all_inner_texts())
    page_heard = Clip(base64.b64decode(it.page.evaluate("window.__pcm()")), 24_000)
    it.button.click()
    it.state("off")
    it.book.file("page.wav").write_bytes(page_heard.wav())
    assert word_error_rate(clip("france").words, _text(it.python(3))) <= 0.2
    assert word_error_rate(said, _text(it.python(4))) <= 0.5, (said, page_heard)


def _text(output: str) -> str:
    """A string that a cell gave, without its prompt and quotes."""
    return output.partition(":")[2].strip().strip("'\"")


def test_hold_to_talk_by_keys_alone(mic: Callable[..., Mic]) -> None:
    it = mic()
    it.root.get_by_label("How turns are taken").select_option("Hold to talk")
    expect(it.root.locator(".tw-m-hint")).to_have_text("Press and hold to talk")
    it.button.focus()
    it.page.keyboard.down(" ")
    it.state("listening")
    it.until("window.__inputs.filter(({ type }) => type === 'audio').length > 100")
    it.page.keyboard.up(" ")
    it.turn(0)
    it.state("idle")
    assert [kind for kind in it.page.evaluate("window.__inputs.map(({ type }) => type)") if kind in ("commit", "respond")] == [
        "commit",
        "respond",
    ]
    it.page.keyboard.press("Escape")
    it.state("off")
    it.released()


def test_a_clip_is_recorded_and_nobody_answers(mic: Callable[..., Mic]) -> None:
    it = mic(MIC[0], "m = tw.mic(record=True)\nm", "m.audio.seconds > 1.4, bool(abs(m.audio.samples).max() > 0.05), m.session")
    it.button.click()
    expect(it.root.locator(".tw-m-word")).to_have_text(re.compile(r"Recording ([2-9]|1\.[5-9])"), timeout=SECONDS * 1000)
    it.button.click()
    it.state("off")
    it.released()
    assert "(True, True, None)" in it.python(3)


def test_the_kernel_ends_a_talk_and_the_microphone_is_given_back(mic: Callable[..., Mic]) -> None:
    it = mic(*MIC, "m.stop()")
    it.button.click()
    it.state("listening")
    it.python(3)
    it.state("off")
    it.released()


def test_a_cell_that_runs_again_gives_the_microphone_back(mic: Callable[..., Mic]) -> None:
    it = mic()
    it.button.click()
    it.state("listening")
    it.book.run_one(2)
    it.released()
    it.state("off")


def test_a_talk_is_accessible_in_either_theme_and_in_a_narrow_place(mic: Callable[..., Mic]) -> None:
    if not AXE.exists():
        pytest.skip("npm --prefix js ci brings axe-core")
    it = mic()
    it.button.click()
    heard, _ = it.turn(0)
    live = it.root.locator(".tw-live")
    expect(live).to_have_text(re.compile("^(You said: I spoke for|Listening)"), timeout=SECONDS * 1000)
    it.page.evaluate(AXE.read_text(encoding="utf-8"))
    for theme in THEMES:
        it.book.command("apputils:change-theme", theme=theme)
        expect(it.page.locator("body")).to_have_attribute("data-jp-theme-name", theme, timeout=SECONDS * 1000)
        assert violations(it.page) == []
    for width in (320, 480):
        it.root.evaluate("(card, width) => (card.parentElement.style.width = `${width}px`)", width)
        assert clipped(it.page) == []
    expect(it.root).to_contain_text(heard)


@pytest.mark.parametrize(("microphone", "title"), [("denied", "Denied"), ("absent", "No microphone found")])
def test_why_there_is_no_microphone_and_what_else_there_is(mic: Callable[..., Mic], title: str, console: Console) -> None:
    console.expect("mediaDevices")
    it = mic()
    it.button.click()
    problem = it.root.get_by_role("alert")
    expect(problem).to_contain_text(title, timeout=SECONDS * 1000)
    it.state("off")
    it.control("Use a clip").click()
    expect(problem).to_be_hidden()
    it.button.click()
    it.turn(0)
    it.button.click()
    it.state("off")


FORBIDDEN = """
if (location.pathname.includes("/lab/")) Object.defineProperty(document, "permissionsPolicy", { value: { allowsFeature: () => false } });
"""
"""As in a frame of a page that gives it no microphone."""

MODULES = """
window.__modules = [];
const { addModule } = AudioWorklet.prototype;
AudioWorklet.prototype.addModule = async function (url) {
  await addModule.call(this, url);
  window.__modules.push(url);
};
"""
"""The modules of audio threads that could be loaded."""


@pytest.mark.parametrize("microphone", ["denied"])
def test_a_companion_page_has_the_microphone_that_the_notebook_may_not_use(mic: Callable[..., Mic], page: Page, console: Console) -> None:
    """Its policy lets no module be made from a Blob, so what cuts sound into frames comes from the server."""
    console.expect("mediaDevices")
    page.add_init_script(FORBIDDEN)
    page.context.add_init_script(MODULES)
    it = mic(*MIC, "m.words, m.audio.seconds > 1")
    it.button.click()
    problem = it.root.get_by_role("alert")
    expect(problem).to_contain_text("Not allowed by the page's policy", timeout=SECONDS * 1000)
    page.context.grant_permissions(["microphone"])
    it.control("Companion page").click()
    with page.context.expect_page() as opening:
        it.root.get_by_role("link", name="Open the companion page").click(timeout=SECONDS * 1000)
    own = opening.value
    root = own.locator(".tw-mic")
    root.locator(".tw-m-button").click(timeout=SECONDS * 1000)
    said = root.locator(".tw-m-turn").filter(has_text=re.compile(r"helps\."))
    expect(said.first).to_be_visible(timeout=SECONDS * 1000)
    heard = said.first.locator("p.tw-m-heard").inner_text()
    (module,) = own.evaluate("window.__modules")
    assert module.endswith("tokenwidgets/assets/mic-worklet.js")
    expect(it.root.locator("p.tw-m-heard").first).to_have_text(heard, timeout=SECONDS * 1000)
    root.locator(".tw-m-button").click()
    expect(root).to_have_attribute("data-state", "off")
    shown = it.python(3)
    assert heard in shown
    assert "True" in shown
    own.close()


def test_a_companion_page_holds_a_session_of_its_own(page: Page, server: Server) -> None:
    page.goto(f"{server.url}tokenwidgets/mic?model=sim/voice&token={server.token}")
    root = page.locator(".tw-mic")
    root.locator(".tw-m-button").click()
    expect(root.locator(".tw-badge")).to_contain_text("WebSocket", timeout=SECONDS * 1000)
    expect(root.locator(".tw-m-turn").filter(has_text=re.compile(r"helps\.")).first).to_be_visible(timeout=SECONDS * 1000)
    root.locator(".tw-m-button").click()
    expect(root).to_have_attribute("data-state", "off")
    page.wait_for_function("window.__tracks.every(({ readyState }) => readyState === 'ended')", timeout=SECONDS * 1000)
