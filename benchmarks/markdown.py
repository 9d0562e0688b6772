"""What it costs to show Markdown while it is written: ours beside parsing all of it again for each frame.

    python benchmarks/markdown.py [--rounds 3] [--chromium /usr/bin/chromium] [--save]

A page in Chromium gets 20,000 tokens at 2,000 a second and draws once a frame what has come. Two renderers take turns: ours, and
`marked` over the whole text with `innerHTML`, without a sanitizer, which would cost it more. An update is the work of one frame, layout
included; a token's way is from its arrival to the end of the frame that shows it. With `--save` the table goes to
`results/markdown.md`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
JS = HERE.parent / "js"
RESULTS = HERE / "results" / "markdown.md"
TOKENS = 20_000
RATE = 2_000
"""Tokens a second."""

CODE = """
import { marked } from "marked";
import { Markdown } from "./src/lib/markdown.js";
import { ANSWERS } from "./test/markdown/answers.js";

const SHAPES = {
  "a mixed answer": () => `${ANSWERS[0]}\\n\\n${ANSWERS[2]}\\n\\n`,
  "one block of code": (i) => (i ? `    value_${i} = compute(${i})\\n` : "```python\\n"),
  "one list": (i) => `- item ${i} with **bold** words and \\`code\\`\\n`,
  "one table": (i) => (i ? `| ${i} | some **words** | ${i * i} |\\n` : "| a | b | c |\\n|---|---|--:|\\n"),
};
const RENDERERS = {
  ours(element) {
    const markdown = new Markdown(element);
    return (chunks) => markdown.show(chunks);
  },
  whole(element) {
    return (chunks) => void (element.innerHTML = marked.parse(chunks.join("")));
  },
};

/** Tokens come by the clock, whatever the page is doing; a frame shows those that have come. */
globalThis.measure = async (renderer, shape, tokens, rate) => {
  let text = "";
  for (let i = 0; text.length < tokens * 4; i++) text += SHAPES[shape](i);
  const element = document.createElement("div");
  document.querySelector(".tw-card").replaceChildren(element);
  const show = RENDERERS[renderer](element);
  const chunks = [], ways = [], updates = [], began = performance.now();
  while (chunks.length < tokens) {
    await new Promise(requestAnimationFrame);
    const from = performance.now();
    const first = chunks.length;
    const came = Math.min(tokens, Math.floor(((from - began) / 1000) * rate));
    while (chunks.length < came) chunks.push(text.slice(chunks.length * 4, chunks.length * 4 + 4));
    show(chunks);
    element.offsetHeight;
    updates.push({ ms: performance.now() - from, tokens: came - first });
    await new Promise((painted) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = painted;
      port2.postMessage(0);
    });
    const shown = performance.now();
    for (let i = first; i < came; i++) ways.push(shown - began - ((i + 1) / rate) * 1000);
  }
  ways.sort((a, b) => a - b);
  const each = (some) => (1000 * some.reduce((sum, { ms }) => sum + ms, 0)) / some.reduce((sum, one) => sum + one.tokens, 0);
  const costs = updates.map(({ ms }) => ms).sort((a, b) => a - b);
  const tenth = Math.ceil(updates.length / 10);
  return {
    longest: costs[costs.length - 1],
    update: costs[Math.floor(costs.length * 0.99)],
    way: ways[Math.floor(ways.length * 0.99)],
    each: each(updates),
    early: each(updates.slice(tenth, 2 * tenth)),
    late: each(updates.slice(-tenth)),
  };
};
"""

SHAPES = ("a mixed answer", "one block of code", "one list", "one table")
FIGURES = {
    "longest": "longest update, ms",
    "update": "p99 update, ms",
    "way": "p99 arrival to paint, ms",
    "each": "µs a token",
    "early": "µs a token, second tenth",
    "late": "µs a token, last tenth",
}


def bundle() -> tuple[str, str]:
    """The program of the page, and its style sheet."""
    esbuild = [str(JS / "node_modules" / ".bin" / "esbuild"), "--bundle"]
    script = subprocess.run([*esbuild, "--format=iife"], input=CODE, cwd=JS, capture_output=True, text=True, check=True).stdout
    sheet = '@import "./src/lib/theme.css"; @import "./src/lib/markdown.css";'
    style = subprocess.run([*esbuild, "--loader=css"], input=sheet, cwd=JS, capture_output=True, text=True, check=True).stdout
    return script, style


def rounds(page: Page, count: int) -> Iterator[tuple[str, str, dict[str, float]]]:
    """The renderers by turns, so that what else the machine does hits both."""
    for _ in range(count):
        for shape in SHAPES:
            for renderer in ("ours", "whole"):
                found: dict[str, float] = page.evaluate("a => measure(...a)", [renderer, shape, TOKENS, RATE])
                yield shape, renderer, found


def table(results: dict[tuple[str, str], list[dict[str, float]]]) -> str:
    """Medians, and how many times more the other one costs."""
    lines = ["| text | | ours | whole text again | ratio |", "|---|---|--:|--:|--:|"]
    for shape in SHAPES:
        for key, words in FIGURES.items():
            ours, whole = (median(found[key] for found in results[shape, renderer]) for renderer in ("ours", "whole"))
            lines.append(f"| {shape} | {words} | {ours:,.1f} | {whole:,.1f} | {whole / ours:,.1f} |")
    return "\n".join(lines)


def main(arguments: Any) -> None:
    script, style = bundle()
    results: dict[tuple[str, str], list[dict[str, float]]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 900, "height": 700})
        page.set_content(f'<!doctype html><style>{style}</style><body><div class="tw-card"></div>')
        page.add_script_tag(content=script)
        for shape, renderer, found in rounds(page, arguments.rounds):
            print(f"{shape:18} {renderer:6} {json.dumps({key: round(value, 1) for key, value in found.items()})}", flush=True)
            results.setdefault((shape, renderer), []).append(found)
        version = browser.version
        browser.close()
    print(table(results))
    if arguments.save:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(report(arguments.rounds, version, table(results)))


def report(count: int, version: str, figures: str) -> str:
    command = f"python benchmarks/markdown.py --rounds {count} --save"
    return (
        f"# Markdown while it is written\n\n`{command}`, {date.today()}, Chromium {version} without a GPU.\n"
        f"{TOKENS:,} tokens of four characters at {RATE:,} a second, one update a frame, medians of {count} interleaved rounds.\n\n"
        f"{figures}\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chromium", help="the browser's executable; without it, the one Playwright brings")
    parser.add_argument("--save", action="store_true")
    main(parser.parse_args())
