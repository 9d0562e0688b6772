"""AIPerf beside us: the same server, the same requests, in the same run.

    python benchmarks/aiperf.py --aiperf PATH [--blocks 6] [--requests 12] [--save]

PATH is the command `aiperf` of an environment of its own (`pip install aiperf`); it is no dependency of this project, and runs as its users
run it. Two servers are measured, one after the other: answers that keep to a plan, and llama.cpp with the small local model, where it is
installed. Both answer through `logged_upstream.py`, which writes down when it sent what. Both tools send the same bodies, one at a time.
Blocks of requests take turns, in turned order (A B B A …), so that what else the machine does hits both; the first requests of a block are
for warming up and are not counted. The n-th request of a block is the same for both.

Of each figure that both define in the same way, each tool's median with its 95 % interval, and each tool's value less the sender's own for
the same request, with its interval. "agree" means that the intervals of the medians overlap. Where they do not, the sender's log tells
whether the answers themselves came otherwise, as they do when a shared machine is busier in one block than in the next.
With `--save` the tables go to `results/aiperf.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import tokenwidgets as tw
from tokenwidgets.errors import Refused
from tokenwidgets.formulas import DEFINITIONS
from tokenwidgets.intervals import Interval, median_interval, paired_difference
from tokenwidgets.providers import local

TOOLS = ("ours", "AIPerf")
HERE = Path(__file__).parent
RESULTS = HERE / "results" / "aiperf.md"
WARM = 10
"""Requests at a block's beginning that are not counted: AIPerf's processes are still busy with themselves then."""
SEED = 1
PROMPT = "Tell me a short story about a lighthouse."
BODY = {"messages": [{"role": "user", "content": PROMPT}], "stream": True, "stream_options": {"include_usage": True}}
OPTIONS: Mapping[str, Any] = {"max_tokens": 24, "temperature": 0, "seed": 1}

FIGURES = {
    "time_to_first_token": 1e3,
    "time_to_first_output_token": 1e3,
    "request_latency": 1e3,
    "inter_token_latency": 1e3,
    "inter_chunk_latency": 1e3,
    "output_token_throughput_per_user": 1.0,
}
"""AIPerf's tags that `tokenwidgets.formulas` defines in the same way, and how many of our units theirs is: ms in µs."""

TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "decoder": None, "post_processor": None,
    "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "word": 1}, "unk_token": "<unk>"},
}  # fmt: skip
"""AIPerf wants a tokenizer even where the server counts; this one is never asked for anything that is compared."""


NOTES = """
How to read it. The sender's clock begins when it has read the request. Ours begins before the request is prepared and a connection looked
for, AIPerf's when its HTTP client begins to send, so what both say of the first token and the end is later than the sender's, ours by more.
Times between tokens have no such offset."""

DIFFERED = """
"the answers themselves differed": the sender's own log of the two tools' requests differs too, so the model answered otherwise in the
blocks of one than in those of the other. That fits with a model and AIPerf's processes on few cores; it was not taken apart further. The
columns less the sender's are not touched by it: they compare each answer with itself."""


@dataclass(frozen=True)
class Server:
    """What both tools call: its name, address, model and key, and what is asked of it beside the messages."""

    name: str
    url: str
    model: str
    key: str
    options: Mapping[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        """What AIPerf sends; `tw.stream` makes the same of its arguments."""
        return {"model": self.model, **BODY, **self.options}


Values = dict[str, list[float | None]]
"""By figure, request by request; None where it failed."""


# ------------------------------------------------------------------ the two tools


def ours(server: Server, requests: int) -> Values:
    """The figures of each request that counts, in our units."""
    found: Values = {name: [] for name in FIGURES}
    for number in range(WARM + requests):
        result = tw.stream(messages=BODY["messages"], model=f"bench/{server.model}", show=False, **server.options).wait(60)
        if number >= WARM:
            for name, values in found.items():
                values.append(None if result.error else DEFINITIONS[name].of(result.journal.entries))
    return found


def theirs(aiperf: str, server: Server, requests: int, folder: Path) -> Values:
    """The same of AIPerf, from its own record of each request."""
    write_inputs(server, requests, folder)
    command = [
        aiperf, "profile", "--model", server.model, "--url", server.url, "--endpoint-type", "chat", "--streaming",
        "--custom-dataset-type", "raw-payload", "--input-file", str(folder / "requests.jsonl"), "--tokenizer", str(folder / "tokenizer"),
        "--use-server-token-count", "--request-count", str(requests), "--warmup-request-count", str(WARM), "--concurrency", "1",
        "--api-key", server.key, "--output-artifact-dir", str(folder / "out"), "--no-server-metrics", "--no-gpu-telemetry", "--ui", "none",
    ]  # fmt: skip
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if ran.returncode:
        raise SystemExit(f"AIPerf ended with status {ran.returncode}:\n{ran.stdout[-3000:]}{ran.stderr[-1000:]}")
    records = [json.loads(line) for line in (folder / "out" / "profile_export.jsonl").read_text().splitlines()]
    counted = sorted(
        (r for r in records if r["metadata"]["benchmark_phase"] == "profiling"), key=lambda r: r["metadata"]["request_start_ns"]
    )
    return {name: [one(record, name, scale) for record in counted] for name, scale in FIGURES.items()}


def one(record: Mapping[str, Any], name: str, scale: float) -> float | None:
    """A figure of a record. AIPerf gives every time between chunks; we give their median, so it is taken of theirs too."""
    if record.get("error"):
        return None
    value = record["metrics"][name]["value"]
    return scale * (median(value) if isinstance(value, list) else value)


def write_inputs(server: Server, requests: int, folder: Path) -> None:
    (folder / "tokenizer").mkdir(parents=True)
    (folder / "tokenizer" / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    (folder / "tokenizer" / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"}')
    (folder / "requests.jsonl").write_text(f"{json.dumps(server.body)}\n" * (WARM + requests))


# ------------------------------------------------------------------ the two servers


@contextmanager
def child(script: str, *arguments: str) -> Iterator[str]:
    """A script beside this one, which says on its first line where it listens, and ends with its standard input."""
    command = [sys.executable, str(HERE / script), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


@contextmanager
def paced(requests: int) -> Iterator[Server]:
    with child("logged_upstream.py", str(WARM + requests)) as port:
        yield Server("Answers that keep to a plan", f"http://127.0.0.1:{port}", "paced", "none", {})


@contextmanager
def llama(requests: int) -> Iterator[Server]:
    local.locate(local.DEFAULT_MODEL, {})  # says what is missing
    key = secrets.token_urlsafe(12)
    with child("llama_upstream.py", key) as url, child("logged_upstream.py", str(WARM + requests), url) as port:
        yield Server("llama.cpp with SmolLM2-135M, on one thread", f"http://127.0.0.1:{port}", local.DEFAULT_MODEL, key, OPTIONS)


def configure(server: Server, file: Path) -> None:
    """Make it our host `bench`."""
    file.write_text(f'[hosts.bench]\nbase_url = "{server.url}/v1"\nlocal = true\nkey_env = "BENCH_KEY"\n')
    os.environ |= {"TOKENWIDGETS_CONFIG": str(file), "BENCH_KEY": server.key}


def sent(server: Server, blocks: Sequence[str], requests: int) -> dict[str, Values]:
    """What the sender wrote down of the requests of each tool, by the same definitions."""
    with urllib.request.urlopen(f"{server.url}/log") as answer:
        log = json.load(answer)
    found: dict[str, Values] = {tool: {name: [] for name in FIGURES} for tool in TOOLS}
    size = WARM + requests
    for number, tool in enumerate(blocks):
        whole = [told for told in log[number * size + WARM : (number + 1) * size] if len(told["at"]) > 1 and told["tokens"] > 1]
        for told in whole:
            for name, value in zip(FIGURES, of_sender(told["at"], told["tokens"]), strict=True):
                found[tool][name].append(value)
    return found


def of_sender(at: Sequence[int], tokens: int) -> tuple[float, ...]:
    """The figures of an answer, in the order of `FIGURES`."""
    each = (at[-1] - at[0]) / (tokens - 1)
    return at[0], at[0], at[-1], each, median(b - a for a, b in pairwise(at)), 1e6 / each


# ------------------------------------------------------------------ what they say


def measure(aiperf: str, server: Server, blocks: Sequence[str], requests: int, folder: Path) -> dict[str, Values]:
    found: dict[str, Values] = {tool: {name: [] for name in FIGURES} for tool in TOOLS}
    configure(server, folder / "tokenwidgets.toml")
    for number, tool in enumerate(blocks):
        block = ours(server, requests) if tool == "ours" else theirs(aiperf, server, requests, folder / str(number))
        for name, values in block.items():
            found[tool][name] += values
        print(f"{server.name}: block {number + 1} of {len(blocks)}, {tool}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return found


def table(found: dict[str, Values], truth: dict[str, Values]) -> list[str]:
    lines = ["| figure | ours | AIPerf | | ours − sender | AIPerf − sender |", "|---|--:|--:|---|--:|--:|"]
    for name in FIGURES:
        both = [pairs(truth[tool][name], found[tool][name]) for tool in TOOLS]
        sender, said = ([median_interval(values[i], SEED) for values in both] for i in (0, 1))
        off = [paired_difference(*values, SEED) for values in both]
        cells = [*(words(name, one) for one in said), judged(said, sender), *(words(name, one) for one in off)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    failed = {tool: found[tool]["request_latency"].count(None) for tool in TOOLS}
    return [*lines, "", f"Requests without a whole answer, left out: ours {failed['ours']}, AIPerf {failed['AIPerf']}."]


def pairs(a: Sequence[float | None], b: Sequence[float | None]) -> tuple[list[float], list[float]]:
    """The values of the requests of which both are known."""
    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    return [x for x, _ in both], [y for _, y in both]


def judged(said: Sequence[Interval | None], sender: Sequence[Interval | None]) -> str:
    if overlap(*said):
        return "agree"
    return "differ" if overlap(*sender) else "the answers themselves differed"


def overlap(a: Interval | None, b: Interval | None) -> bool:
    return a is not None and b is not None and a.low <= b.high and b.low <= a.high


def value(name: str, of: float) -> str:
    return f"{of:.2f} tok/s" if name.endswith("per_user") else f"{of / 1000:.2f} ms"


def words(name: str, of: Interval | None) -> str:
    return "–" if of is None else f"{value(name, of.estimate)} [{value(name, of.low)}, {value(name, of.high)}]"


def version(aiperf: str) -> str:
    return subprocess.run([aiperf, "--version"], capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--aiperf", required=True)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--requests", type=int, default=12)
    parser.add_argument("--save", action="store_true")
    args = parser.parse_args()
    order = [("ours", "AIPerf")[(number // 2 + number) % 2] for number in range(2 * args.blocks)]
    lines = [
        "# AIPerf beside us", "",
        f"`python benchmarks/aiperf.py --aiperf PATH --blocks {args.blocks} --requests {args.requests} --save`, {date.today()}.",
        f"AIPerf {version(args.aiperf)}, tokenwidgets {metadata.version('tokenwidgets')}, {args.blocks} blocks of {args.requests} requests "
        f"of each tool, {WARM} more in each to warm up. {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at "
        "the beginning, {load} at the end.",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        for kind in (paced, llama):
            try:
                with kind(args.requests) as server:
                    folder = Path(name) / kind.__name__
                    folder.mkdir()
                    found = measure(args.aiperf, server, order, args.requests, folder)
                    lines += ["", f"## {server.name}", "", *table(found, sent(server, order, args.requests))]
            except Refused as e:
                lines += ["", f"Not measured: {e}"]
    notes = [NOTES, DIFFERED] if any("themselves differed" in line for line in lines) else [NOTES]
    text = "\n".join([*lines, *notes]).replace("{load}", f"{os.getloadavg()[0]:.1f}") + "\n"
    print(text)
    if args.save:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
