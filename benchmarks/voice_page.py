"""The whole way of a spoken turn: JupyterLab in Chromium, whose microphone plays a file, the local voice, back to the loudspeaker.

    python benchmarks/voice_page.py [--rounds 2] [--path NAME] [--save]

Over each path (worklet and socket; WebRTC track; WebRTC to the provider itself, for which the server's own gateway stands, so that the
same voice answers, and no network lies between) every shipped sentence is said, and the answer waited for.

* page to page: from the last sound that the microphone gave to the first that the loudspeaker got, both seen in the page from outside
  of the widget, by its own clock; looked at every 4 ms. Nothing of ours is asked for it.
* at the server: of the same turns, from the end of speech to the answer's first sound, from the session's journal. The detector counts
  the fading end of a word as speech, what is seen in the page does not: the distance of the two in each sentence is found beforehand,
  and counted in, so that both count from the same sample.
* word error rate: of what was heard; and of the answer's sound as the page played it, written down again by `tw.transcribe`, against the
  words of the answer, beside that of the same answers straight from the synthesizer.

With `--save` the table goes to `results/voice_page.md`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from array import array
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "tests"))
import tokenwidgets as tw  # noqa: E402
from tests.browser.app import PAGE, Notebook, Server  # noqa: E402
from tests.browser.conftest import ARGUMENTS, notebook_text  # noqa: E402
from tokenwidgets.realtime.clips import WORDS, clip  # noqa: E402
from tokenwidgets.realtime.ear import Ear  # noqa: E402
from tokenwidgets.realtime.inputs import Sound  # noqa: E402
from tokenwidgets.realtime.turns import HEARD_RATE, TurnFinder  # noqa: E402
from tokenwidgets.realtime.vad import Silero  # noqa: E402
from tokenwidgets.realtime.words import word_error_rate  # noqa: E402

RESULTS = HERE / "results" / "voice_page.md"
SEEN = (HERE / "voice_page.js").read_text()
RATE = 48_000
NAMES = ("france", "weather", "sky", "story", "tea")
"""Sentences without a pause, which would make two turns of one."""
LOUD = 0.02
"""Of full scale: what counts as sound, here and in voice_page.js."""
TIMED = {"first_sound", "speech_end"}
APART = 16.0
"""Seconds of silence behind each: longer than the answer."""
PATHS = {"worklet and socket": "worklet", "WebRTC track": "webrtc", "WebRTC to the provider": "provider"}
HOSTS = """
[hosts.gateway]
key_env = "GATEWAY_KEY"
local = true
[hosts.gateway.dialects]
openai-realtime = "{url}tokenwidgets/v1"
"""
CELLS = (
    "import json, tokenwidgets as tw",
    "m = tw.mic({model!r}, path={path!r})\nm",
    "told = [[t.heard, t.said, t.instants, t.status] for t in m.turns]\nprint(json.dumps(told))",
)


def spoken(path: Path, rounds: int) -> float:
    """A file with the sentences; its seconds."""
    silence = tw.Clip(bytes(2 * int(APART * RATE)), RATE)
    pieces = [piece for _ in range(rounds) for name in NAMES for piece in (silence, clip(name).clip)]
    whole = tw.Clip.joined([*pieces, silence], RATE)
    whole.save(path)
    return whole.seconds


def talk(browser: Browser, server: Server, path: str, rounds: int, seconds: float) -> tuple[dict[str, Any], list[Any]]:
    """Hold one session; returns what the page saw and what the kernel knows."""
    context = browser.new_context(viewport={"width": 1200, "height": 1000}, permissions=["microphone"])
    page = context.new_page()
    page.add_init_script(PAGE)
    page.add_init_script(SEEN)
    name = f"voice-{path}.ipynb"
    model = "gateway/local/voice" if path == "provider" else "local/voice"
    (server.root / name).write_text(notebook_text([cell.format(model=model, path=path) if "{path" in cell else cell for cell in CELLS]))
    page.goto(f"{server.url}lab/tree/{name}?reset&token={server.token}")
    book = Notebook(page, server, name).ready()
    book.run_one(0)
    book.run_one(1)
    button = book.output(1).locator(".tw-m-button")
    button.click()
    page.wait_for_timeout(1000 * (seconds + 2))
    button.click()
    book.run_one(2)
    page.wait_for_timeout(3000)
    seen = page.evaluate("window.__voice")
    turns = json.loads(book.output(2).inner_text())
    context.close()
    server.end_kernels()
    return seen, turns


def fading(name: str) -> float:
    """How far behind the last loud sample of a sentence the detector finds its end, ms."""
    sound = clip(name).clip
    loud = max(i for i, sample in enumerate(array("h", sound.pcm)) if abs(sample) > LOUD * 32768)
    ear = Ear(Silero(), TurnFinder(300))
    pcm = sound.pcm + bytes(2 * sound.rate)
    found = [f for i in range(0, len(pcm), 640) for f in ear.feed(Sound(pcm[i : i + 640], sound.rate))]
    return (next(f.position for f in found if f.kind == "stopped") / HEARD_RATE - loud / sound.rate) * 1000


def figures(seen: Mapping[str, Any], turns: Sequence[Any], rounds: int) -> dict[str, Any]:
    """Of one path."""
    whole = []
    for begins, ends in seen["heard"]:
        after = [first for first, _ in seen["said"] if first > begins]
        following = [first for first, _ in seen["heard"] if first > ends]
        if after and (not following or after[0] < following[0]):
            whole.append(after[0] - ends)
    fade = {WORDS[name]: fading(name) for name in NAMES}
    said = [fade[min(fade, key=lambda words: word_error_rate(words, t[0]))] for t in turns]
    at = [(t[2]["first_sound"] - t[2]["speech_end"]) / 1000 + ms for t, ms in zip(turns, said, strict=True) if t[2].keys() >= TIMED]
    played = [(t[2]["played"] - t[2]["speech_end"]) / 1000 for t in turns if {"played", "speech_end"} <= t[2].keys()]
    asked = [WORDS[name] for name in NAMES] * rounds
    kept = max(seen["answers"], key=lambda kept: sum(map(abs, kept["samples"])))
    sound = array("h", (int(max(-1, min(1, sample)) * 32767) for sample in kept["samples"]))
    answers = " ".join(t[1] for t in turns)
    return {
        "turns": len(turns), "page": whole, "server": at, "played": played,
        "heard": word_error_rate(" ".join(asked), " ".join(t[0] for t in turns)),
        "said": word_error_rate(answers, again(tw.Clip(sound.tobytes(), int(kept["rate"])))) if answers else 1.0,
        "made": word_error_rate(answers, " ".join(tw.transcribe(tw.speak(t[1])).text for t in turns if t[1])) if answers else 1.0,
    }  # fmt: skip


def again(clip: tw.Clip) -> str:
    """The answers' sound written down, a stretch of sound at a time."""
    sound = clip.resampled(16_000)
    step, words, piece, quiet = 2 * 1600, [], b"", 0
    for start in range(0, len(sound.pcm), step):
        window = sound.pcm[start : start + step]
        loud = max(map(abs, array("h", window)), default=0) > 600
        quiet = 0 if loud else quiet + 1
        piece += window if loud or piece else b""
        if piece and quiet > 8:
            words.append(tw.transcribe(tw.Clip(piece, 16_000)).text)
            piece = b""
    return " ".join(words)


def table(found: Mapping[str, dict[str, Any]], rounds: int, browser: str) -> str:
    """The results as Markdown."""
    command = f"python benchmarks/voice_page.py --rounds {rounds} --save"
    lines = ["# A spoken turn, page to page", "", f"`{command}`, {date.today()}, Chromium {browser}, two cores, `local/voice`."]
    lines += [f"{len(NAMES)} sentences, {rounds} times over each path; ms.", ""]
    lines += [f"| | {' | '.join(found)} |", f"|---|{'--:|' * len(found)}"]
    rows = {
        "turns": lambda f: f"{f['turns']}",
        "page to page, median": lambda f: f"{median(f['page']):.0f}",
        "page to page, longest": lambda f: f"{max(f['page']):.0f}",
        "the same turns at the server, from the same sample, median": lambda f: f"{median(f['server']):.0f}",
        "the difference, turn by turn, median": lambda f: paired(f["page"], f["server"]),
        "as the widget says it, median": lambda f: f"{median(f['played']):.0f}" if f["played"] else "–",
        "word error rate of what was heard": lambda f: f"{f['heard']:.3f}",
        "word error rate of the answers, as the page played them": lambda f: f"{f['said']:.3f}",
        "the same, straight from the synthesizer": lambda f: f"{f['made']:.3f}",
    }
    lines += [f"| {words} | {' | '.join(of(f) for f in found.values())} |" for words, of in rows.items()]
    return "\n".join(lines) + "\n"


def paired(page: Sequence[float], server: Sequence[float]) -> str:
    """The median difference, where each turn was seen on both sides."""
    return f"{median(a - b for a, b in zip(page, server, strict=True)):.0f}" if len(page) == len(server) else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--path", action="append", choices=PATHS, help="this one only; again for a further one")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    file = folder / "said.wav"
    (folder / "jupyter").mkdir()
    seconds = spoken(file, options.rounds)
    server = Server(folder / "jupyter")
    server.config.write_text(HOSTS.format(url=server.url.replace("http", "ws", 1)))
    keys = server.config.parent / "config" / "keys.toml"
    keys.touch(mode=0o600)
    keys.write_text(f'gateway = "{server.token}"\n')
    found: dict[str, dict[str, Any]] = {}
    try:
        server.wait()
        with sync_playwright() as playwright:
            fake = [
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={file}%noloop",
            ]
            for words in options.path or PATHS:
                path = PATHS[words]
                browser = playwright.chromium.launch(executable_path=options.chromium, args=[*ARGUMENTS, *fake])
                seen, turns = talk(browser, server, path, options.rounds, seconds)
                version = browser.version
                browser.close()
                found[words] = figures(seen, turns, options.rounds)
                print(words, found[words], [t[:2] for t in turns], flush=True)
            text = table(found, options.rounds, version)
    finally:
        server.close()
    print(text)
    if options.save:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
