"""What a fast stream costs the page: ours beside the usual way and a chat widget, in a real JupyterLab, on the same tokens.

    pip install --no-deps jupyter-chat-widget
    python benchmarks/live_widgets.py [--rounds 3] [--save]

20,000 tokens of Markdown at 2,000 a second, shown in turns by `%%stream` (one card), by `update_display(Markdown(text))` for each token,
and by `ChatUI.append` of jupyter-chat-widget 0.4.0 for each token. Then ten streams of 100 tokens a second in one page, against the frame
rate of the same page while nothing runs.

* longest task: of the page's main thread, from Chromium's trace. *Ours* is the longest that evaluated our widget or a part of it, or ran
  its code for at least 1 ms, with the layout and paint of that frame in it; the other columns have no such mark, so theirs is the
  longest of all. The longest of all in the first column is JupyterLab's, which reads the output's headings for its table of contents
  when the cell has ended. A task's time has waits for a core in it, as the kernel, the server and the browser's other processes share
  two; its CPU time has not.
* busy: share of the time, from the first token to the last paint, in which the main thread ran a task.
* arrival to paint: from the arrival of a socket message in the page to the end of the frame that shows it, in a further run of the same
  tokens without the trace, whose writing takes a part of the two cores.
* behind: from the model's last token to the last change of the page.
* heap: JavaScript heap after garbage collection, when the stream has ended and 20 s later.

With `--save` the table goes to `results/live_widgets.md`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tests.browser.app import Notebook, Server  # noqa: E402
from tests.browser.conftest import ARGUMENTS  # noqa: E402

RESULTS = HERE / "results" / "live_widgets.md"
TOKENS, RATE = 20_000, 2_000
MANY, MANY_RATE, MANY_SECONDS = 10, 100, 12
PATIENCE = 60
"""Longest wait for the page to come to rest, in seconds; the stream itself takes ten."""

ASK = f'model="sim/markdown", tokens={TOKENS}, itl_ms={1000 / RATE}, ttft_ms=500, jitter=0, seed=1'
OURS = "%%stream"
WAYS = {
    OURS: f'import tokenwidgets as tw\nr = tw.stream("Explain.", {ASK}).wait()',
    "update_display(Markdown)": f"""
import tokenwidgets as tw
from IPython.display import Markdown, display
r, text, handle = tw.stream("Explain.", {ASK}, show=False), "", display(Markdown(""), display_id=True)
for piece in r:
    text += piece
    handle.update(Markdown(text))""",
    "jupyter-chat-widget": f"""
import tokenwidgets as tw
from jupyter_chat_widget import ChatUI
ui = ChatUI(escape_html=True)
r = tw.stream("Explain.", {ASK}, show=False)
for piece in r:
    ui.append(piece)""",
}

SEEN = """
(() => {
  const seen = (window.__seen = { arrivals: [], paints: [], changed: 0 });
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(url, protocols) {
      super(url, protocols);
      if (String(url).endsWith("tokenwidgets/socket")) this.addEventListener("message", () => seen.arrivals.push(performance.now()));
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    let waiting = false;
    new MutationObserver((records) => {
      if (!records.some(({ target }) => (target.parentElement ?? target).closest?.(".jp-OutputArea"))) return;
      seen.changed = Date.now();
      if (waiting) return;
      waiting = true;
      const drawn = performance.now();
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        waiting = false;
        seen.paints.push([drawn, performance.now()]);
      };
      port2.postMessage(0); // a card draws in the frame's own task, so the next task comes after its paint
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
})();
"""

FRAMES = """
(seconds) => new Promise((resolve) => {
  const began = performance.now();
  let frames = 0;
  requestAnimationFrame(function frame(now) {
    frames += 1;
    if (now - began < seconds * 1000) requestAnimationFrame(frame);
    else resolve(frames / ((now - began) / 1000));
  });
})
"""


class Lab:
    """JupyterLab, in a browser of its own for each notebook: what one page leaves in the browser's processes burdens no other."""

    def __init__(self, server: Server, launch: Callable[[], Browser]) -> None:
        self.server = server
        self.launch = launch
        self.count = 0

    @contextmanager
    def notebook(self, *cells: str) -> Iterator[Notebook]:
        """A fresh notebook in a fresh page."""
        self.count += 1
        path = f"live{self.count}.ipynb"
        code = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "execution_count": None, "id": f"c{i}"}
                for i, cell in enumerate(cells)]  # fmt: skip
        kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
        content = {"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (self.server.root / path).write_text(json.dumps(content))
        browser = self.launch()
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.add_init_script(SEEN)
        page.goto(f"{self.server.url}lab/tree/{path}?reset&token={self.server.token}")
        try:
            yield Notebook(page, self.server, path).ready()
        finally:
            browser.close()
            self.server.end_kernels()


def one_stream(lab: Lab, cell: str) -> dict[str, float]:
    """Show 20,000 tokens; returns figures, times in ms."""
    with lab.notebook(cell, "r.metrics.last_content_us / 1e6 + r.start.created", "1") as book:
        trace = Path(tempfile.mkdtemp()) / "trace.json"
        browser = browser_of(book.page)
        browser.start_tracing(page=book.page, path=trace, categories=["toplevel", "devtools.timeline", "__metadata"])
        book.run()
        rested = at_rest(book)
        browser.stop_tracing()
        seen = book.page.evaluate("window.__seen")
        behind = seen["changed"] - float(book.output(1).inner_text().split()[-1]) * 1000 if rested else math.inf
        heap = used_heap(book.page)
        time.sleep(20)
        return tasks(trace) | {"behind": behind, "heap": heap, "heap_later": used_heap(book.page)}


def browser_of(page: Page) -> Browser:
    """The browser that a page is in."""
    browser = page.context.browser
    assert browser is not None
    return browser


def painted(lab: Lab, cell: str) -> dict[str, float]:
    """The same without a trace: how long it takes from arrival to paint, ms."""
    with lab.notebook(cell, "1", "1") as book:
        book.run()
        at_rest(book)
        return ways(book.page.evaluate("window.__seen"))


def at_rest(book: Notebook) -> bool:
    """Return when the cell has ended and the page has not changed for 3 s: whether that was within the patience."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        ended = book.prompt(2).inner_text().strip("[]: ").isdigit()
        if ended and book.page.evaluate("Date.now() - window.__seen.changed") > 3000:
            return True
        time.sleep(0.5)
    return False


def used_heap(page: Page) -> float:
    """MB of JavaScript heap that is reachable."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 2**20


def tasks(trace: Path) -> dict[str, float]:
    """Tasks of the page's main thread, ms: the longest, the longest with code of a widget's own module, and all together."""
    events = json.loads(trace.read_text())["traceEvents"]
    calls = [e for e in events if e["name"] == "FunctionCall" and e.get("ph") == "X"]
    main = max({(e["pid"], e["tid"]) for e in calls}, key=lambda thread: sum((e["pid"], e["tid"]) == thread for e in calls))
    run = sorted(
        (e["ts"], e["ts"] + e.get("dur", 0), e.get("tdur", 0))
        for e in events
        if e["name"].endswith("RunTask") and (e["pid"], e["tid"]) == main
    )
    marks = sorted((e["ts"], e.get("dur", 0)) for e in events if (e.get("pid"), e.get("tid")) == main and of_a_widget(e))
    ours, cpu = [0.0], 0.0
    for begin, end, ran in run:
        own = marks[bisect_left(marks, (begin, 0)) : bisect_left(marks, (end, 0))]
        if sum(took for _, took in own) >= 1000:
            ours.append((end - begin) / 1000)
            cpu = max(cpu, ran / 1000)
    span = (run[-1][1] - run[0][0]) / 1000
    ours.sort()
    return {
        "longest": max((end - begin) / 1000 for begin, end, _ in run),
        "ours": ours[-1],
        "ours_cpu": cpu,
        "ours_p99": ours[int(len(ours) * 0.99)],
        "busy": sum(end - begin for begin, end, _ in run) / 1000 / span,
    }


def of_a_widget(event: Mapping[str, Any]) -> bool:
    """Whether an event of the trace ran or evaluated a widget's module: those have addresses of their own."""
    if event["name"] == "v8.evaluateModule":
        return True
    return event["name"] == "FunctionCall" and str(event["args"].get("data", {}).get("url", "")).startswith("blob:")


def ways(seen: Mapping[str, Any]) -> dict[str, float]:
    """From the arrival of each message to the paint that shows it, ms."""
    paints, delays, i = seen["paints"], [], 0
    for arrival in seen["arrivals"]:
        while i < len(paints) and paints[i][0] < arrival:
            i += 1
        if i < len(paints):
            delays.append(paints[i][1] - arrival)
    delays.sort()
    return {"paint_p50": delays[len(delays) // 2], "paint_p99": delays[int(len(delays) * 0.99)]}


def many_streams(lab: Lab) -> tuple[float, float]:
    """Frames a second of a page at rest, and with ten streams in it."""
    tokens = MANY_RATE * (MANY_SECONDS + 8)
    ask = f'model="sim/markdown", tokens={tokens}, itl_ms={1000 / MANY_RATE}, ttft_ms=0, seed=i'
    cell = f'import tokenwidgets as tw\nrs = [tw.stream("Explain.", {ask}) for i in range({MANY})]'
    with lab.notebook(cell) as book:
        book.page.wait_for_timeout(3000)
        idle = book.page.evaluate(FRAMES, MANY_SECONDS)
        book.run()
        book.idles()
        book.page.wait_for_timeout(2000)
        return idle, book.page.evaluate(FRAMES, MANY_SECONDS)


ROWS = {
    "longest task, ms": "longest", "longest task with our code, ms": "ours",
    "the most CPU time of such a task, ms": "ours_cpu", "p99 task with our code, ms": "ours_p99",
    "main thread busy": "busy", "arrival to paint p50, ms": "paint_p50", "arrival to paint p99, ms": "paint_p99",
    "behind the last token, ms": "behind", "heap at the end, MB": "heap", "heap 20 s later, MB": "heap_later",
}  # fmt: skip


def table(figures: Mapping[str, list[dict[str, float]]], frames: list[tuple[float, float]], rounds: int, browser: str) -> str:
    """The results as Markdown."""
    command = f"python benchmarks/live_widgets.py --rounds {rounds} --save"
    head = f"# A fast stream in the page\n\n`{command}`, {date.today()}, Chromium {browser}, two cores."
    lines = [head, f"{TOKENS:,} tokens of Markdown at {RATE:,} a second; medians of {rounds} interleaved rounds.", ""]
    lines += [f"| | {' | '.join(figures)} |", f"|---|{'--:|' * len(figures)}"]
    for words, name in ROWS.items():
        values = [median(run.get(name, math.nan) for run in runs) for runs in figures.values()]
        mine = [name in ("ours", "ours_cpu", "ours_p99", "paint_p50", "paint_p99") and i > 0 for i in range(len(values))]
        lines.append(f"| {words} | {' | '.join('–' if other else number(v) for v, other in zip(values, mine, strict=True))} |")
    shares = [busy / idle for idle, busy in frames]
    idle, busy = (median(pair[i] for pair in frames) for i in (0, 1))
    lines += ["", f"Ten streams of {MANY_RATE} tokens a second in one page: {busy:.1f} frames a second, {idle:.1f} with none;"
              f" ratio {median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})."]  # fmt: skip
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """A figure as the table shows it."""
    if math.isinf(value):
        return f"not shown within {PATIENCE} s"
    return f"{value:,.2f}" if value < 10 else f"{value:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    figures: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    frames: list[tuple[float, float]] = []
    server = Server(Path(tempfile.mkdtemp()))
    try:
        server.wait()
        with sync_playwright() as playwright:
            lab = Lab(server, lambda: playwright.chromium.launch(executable_path=options.chromium, args=list(ARGUMENTS)))
            with lab.notebook("1") as book:  # JupyterLab's extensions are read from the disk once
                version = browser_of(book.page).version
            for _ in range(options.rounds):
                for way, cell in WAYS.items():
                    figures[way].append(one_stream(lab, cell) | (painted(lab, cell) if way == OURS else {}))
                    print(way, figures[way][-1], flush=True)
                frames.append(many_streams(lab))
                print("frames a second", frames[-1], flush=True)
            text = table(figures, frames, options.rounds, version)
    finally:
        server.close()
    print(text)
    if options.save:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
