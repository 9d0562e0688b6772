"""Error of every figure against a provider that logs its own instants: measured minus true, for each transport and leg.

    python benchmarks/truth.py [--rounds 20] [--save]

A scripted provider runs in a process of its own and logs when it writes (`truth_upstream.py`). A real Jupyter server with the extension
calls it; this process reads the stream over SSE, WebSocket or WebRTC, one at a time, as a kernel does. The in-process path has the hub
in this process. A plain blocking socket reads the same scripts straight from the provider: what it is late by, nobody who reads in
Python on this machine is spared. All in one run, scripts and ways in a drawn order, on one clock (CLOCK_MONOTONIC).

* provider → gateway: figures of the journal's instants, taken at the server's socket.
* gateway → reader: the same figures of the instants at which this process read the events.
* the delay of the link as it is measured between two clocks that know nothing of each other, against what it is on the one clock.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import random
import socket
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "server"))

import aioice.ice
from server_tools import serve
from truth_upstream import SCRIPTS
from truth_upstream import serve as upstream

from tokenwidgets.clients.base import TimedReader
from tokenwidgets.clients.inprocess import InProcess
from tokenwidgets.clients.rest import Rest
from tokenwidgets.clocks import TRIPS, Clock, RoundTrip
from tokenwidgets.comparison import TRANSPORT_WORDS
from tokenwidgets.events import End, Entry, Notice, Text, Usage
from tokenwidgets.formulas import DEFINITIONS
from tokenwidgets.intervals import quantile
from tokenwidgets.lanes import READERS

ROUNDS = 20
"""Of each script over each way: with five scripts, 100 calls a way, which a p99 needs."""

STREAMED = ("in-process", *READERS)
WAYS = ("raw socket", *STREAMED)
NAMES = {way: TRANSPORT_WORDS.get(way, way) for way in WAYS}
RESULTS = Path(__file__).parent / "results" / "truth.md"

Log = Sequence[tuple[str, int, int]]


@dataclass
class Errors:
    """Measured minus true, by figure; and the delays that are no figure. µs, or the figure's own unit."""

    gateway: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    reader: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    first: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Error of the first token at the gateway, by script."""
    link: list[float] = field(default_factory=list)
    """Error of a call's median delay from the gateway, as two clocks tell it."""
    within: list[bool] = field(default_factory=list)
    """Whether that is within the uncertainty that was told."""
    chunks: list[float] = field(default_factory=list)
    """How much later than it was written each chunk was read at the socket."""

    @property
    def all_first(self) -> list[float]:
        """The first token's, of all scripts."""
        return [error for errors in self.first.values() for error in errors]


# ---- the ways


def raw(port: int, script: str) -> list[int]:
    """The instants at which a blocking socket reads each frame of content."""
    body = json.dumps({"prompt": script}).encode()
    found, said = list[int](), 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        data = b""
        while not data.endswith(b"0\r\n\r\n"):
            more = connection.recv(2**16)
            now = time.perf_counter_ns()
            data += more
            count = data.count(b'"content": "w')
            found += [now] * (count - said)
            said = count
    return found


@dataclass(frozen=True)
class Read:
    """What one call gave: its entries, when each was read here, when it was written, and the stream's zero; ns."""

    entries: list[Entry]
    read: list[int]
    sent: list[int]
    zero: int
    aligned: tuple[float, float] | None
    """The stream's zero as round trips tell it, and its uncertainty; µs."""


async def over(rest: Rest, reader: TimedReader, clock: Clock, script: str) -> Read:
    """One call through the server."""
    stream = (await rest.start({"model": "truth/m", "prompt": script})).id
    entries, read, sent = list[Entry](), list[int](), list[int]()
    async for batch in reader.attach(stream, -1):
        entries += batch
        read += [batch.read] * len(batch)
        sent += [batch.sent or 0] * len(batch)
    shifts = []
    for _ in range(TRIPS):
        told = await reader.clock(stream)
        clock.take(RoundTrip(told.asked, told.now, told.answered))
        shifts.append(told.now - told.at)
    offset = clock.offset(max(shifts))
    aligned = (offset.of(max(shifts)).zero, offset.uncertainty) if offset else None
    return Read(entries, read, sent, max(shifts) * 1000, aligned)  # the server's clock is this one: the same machine


async def inside(place: InProcess, script: str) -> Read:
    """One call in this process."""
    stream = (await place.start({"model": "truth/m", "prompt": script})).id
    entries, read = list[Entry](), list[int]()
    async for batch in place.attach(stream, -1):
        entries += batch
        read += [time.perf_counter_ns()] * len(batch)
    return Read(entries, read, [], place.hub.get(stream, "kernel")._began, None)


# ---- the truth


def true_entries(entries: Sequence[Entry], log: Log, zero: int) -> list[Entry]:
    """The same events at the instants at which their bytes were written."""
    at = {kind: (ns - zero) // 1000 for kind, _, ns in reversed(log)}
    content = iter([(ns - zero) // 1000 for kind, count, ns in log if kind == "content" for _ in range(count)])
    found = []
    for entry in entries:
        event = entry.event
        if isinstance(event, Text):
            found.append(replace(entry, at=next(content)))
        elif isinstance(event, Notice) and event.kind == "connection":
            found.append(replace(entry, event=replace(event, data={**event.data, "headers": at["head"]})))
        else:
            kind = "done" if isinstance(event, End) else "usage" if isinstance(event, Usage) else "role"
            found.append(entry if event.type == "start" else replace(entry, at=at[kind]))
    return found


def differences(measured: Sequence[Entry], true: Sequence[Entry]) -> dict[str, float]:
    """Of every figure that both know."""
    pairs = {name: (of.of(measured), of.of(true)) for name, of in DEFINITIONS.items()}
    return {name: a - b for name, (a, b) in pairs.items() if a is not None and b is not None}


def take(errors: Errors, script: str, call: Read, log: Log) -> None:
    true = true_entries(call.entries, log, call.zero)
    for name, error in differences(call.entries, true).items():
        errors.gateway[name].append(error)
    errors.first[script].append(errors.gateway["time_to_first_token"][-1])
    errors.chunks += [a.at - b.at for a, b in zip(call.entries, true, strict=True) if isinstance(a.event, Text)]
    here = [replace(entry, at=(ns - call.zero) // 1000) for entry, ns in zip(call.entries, call.read, strict=True)]
    for name, error in differences(here, true).items():
        if name != "first_byte":  # a reader does not see the head
            errors.reader[name].append(error)
    if call.aligned:
        zero, uncertainty = call.aligned
        pairs = [(ns / 1000, sent) for ns, sent in zip(call.read, call.sent, strict=True)]
        told, is_so = median(ns - zero - sent for ns, sent in pairs), median(ns - call.zero / 1000 - sent for ns, sent in pairs)
        errors.link.append(told - is_so)
        errors.within.append(abs(told - is_so) <= uncertainty)


# ---- the run


async def measure(port: int, pipe: Connection, rest: Rest, rounds: int) -> dict[str, Errors]:
    place = InProcess("this is a benchmark")
    readers: dict[str, TimedReader] = {name: kind(rest) for name, kind in READERS.items()}
    clocks = {name: Clock() for name in READERS}
    found, draw = {way: Errors() for way in WAYS}, random.Random(1)
    for number in range(rounds + 1):
        plan = [(way, script) for way in WAYS for script in SCRIPTS]
        for way, script in draw.sample(plan, len(plan)):
            errors = found[way] if number else Errors()  # the first round is cold
            if way == "raw socket":
                instants = await asyncio.to_thread(raw, port, script)
                log: Log = await asyncio.to_thread(pipe.recv)
                late = [(a - b) / 1000 for a, b in zip(instants, content_of(log), strict=True)]
                errors.chunks += late
                errors.first[script].append(late[0])
                continue
            call = await (inside(place, script) if way == "in-process" else over(rest, readers[way], clocks[way], script))
            take(errors, script, call, await asyncio.to_thread(pipe.recv))
        print(f"round {number} of {rounds}, load {os.getloadavg()[0]:.1f}", flush=True)
    for reader in readers.values():
        await reader.aclose()
    await place.aclose()
    await rest.aclose()
    return found


def content_of(log: Log) -> list[int]:
    return [ns for kind, count, ns in log if kind == "content" for _ in range(count)]


# ---- in words


def number(value: float | None) -> str:
    return "" if value is None else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def both(values: Sequence[float]) -> str:
    """p50 and, of the error's size, p99; a p99 needs 100 values."""
    if len(values) < 2:
        return ""
    tail = quantile([abs(value) for value in values], 0.99)
    return f"{number(quantile(values, 0.5))} / {number(tail) or '–'}"


def milliseconds(values: Sequence[float]) -> str:
    return both([value / 1000 for value in values])


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [row(head), row(["---", *["--:"] * (len(head) - 1)]), *map(row, rows), ""]


def figures_table(legs: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    rows = []
    for name, of in DEFINITIONS.items():
        said = milliseconds if of.unit == "µs" else both
        rows.append([f"{of.title}, {'ms' if of.unit == 'µs' else of.unit}", *(said(leg.get(name, ())) for leg in legs.values())])
    return table(["figure", *legs], rows)


def head(found: Mapping[str, Errors], rounds: int, loads: Sequence[float]) -> list[str]:
    worst = max(median(found[way].all_first) for way in STREAMED) / 1000
    link = max(abs(median(found[way].link)) for way in READERS) / 1000
    return [
        "# Figures against a provider's own instants",
        "",
        f"`python benchmarks/truth.py --rounds {rounds} --save`, {date.today()}. {os.cpu_count()} processors, shared with others: the "
        f"load average was {loads[0]:.1f} at the beginning and {loads[-1]:.1f} at the end. What is compared is in the benchmark's head. "
        "Errors are measured minus true: the median, and the 99th percentile of the error's size; – where fewer than 100 values are known.",
        "",
        f"Goal: error of the first token under 1 ms at the median. **{'Reached' if worst < 1 else 'Missed'}**: at the gateway at most "
        f"{worst:.2f} ms; the delay from there to a reader was told with an error of at most {link:.2f} ms.",
        "",
    ]


def first_token(found: Mapping[str, Errors]) -> list[str]:
    raw_first = median(found["raw socket"].all_first)
    rows = [
        [
            NAMES[way],
            *(milliseconds(of.first[script]) for script in SCRIPTS),
            milliseconds(of.all_first),
            number((median(of.all_first) - raw_first) / 1000),
        ]
        for way, of in found.items()
    ]
    return [
        "## First token, provider → gateway, ms",
        "",
        *table(["way", *SCRIPTS, "all", "median beyond the raw socket's"], rows),
        "Every way but the raw socket reads at the gateway through httpx and asyncio. A p99 of 100 calls is about their largest: it is "
        "the machine's other work that shows there, in the raw socket's too.",
        "",
    ]


def each_chunk(found: Mapping[str, Errors]) -> list[str]:
    base = median(found["raw socket"].chunks)
    rows = [[NAMES[way], f"{len(of.chunks):,}", milliseconds(of.chunks), f"{median(of.chunks) / base:.1f}"] for way, of in found.items()]
    return [
        "## Each chunk, provider's write → read at the socket, ms",
        "",
        *table(["way", "n", "p50 / p99", "median ÷ raw socket's"], rows),
    ]


def links(found: Mapping[str, Errors]) -> list[str]:
    rows = [
        [NAMES[way], str(len(of.link)), milliseconds(of.link), f"{sum(of.within)} of {len(of.within)}"]
        for way, of in found.items()
        if way in READERS
    ]
    return [
        "## The delay from the gateway to the reader, as two clocks tell it",
        "",
        "What round trips say, less what it is; a call's median, ms. Each transport's own round trips align its clock. HTTP's way "
        "there takes longer than its way back, which is within what is told; `tw.compare` takes the quickest trips of all lanes for "
        "all of them, so that their difference does not depend on it.",
        "",
        *table(["transport", "calls", "error p50 / p99", "within what was told"], rows),
    ]


def report(found: Mapping[str, Errors], rounds: int, loads: Sequence[float]) -> str:
    lines = [
        *head(found, rounds, loads),
        *first_token(found),
        *each_chunk(found),
        "## Every figure, provider → gateway",
        "",
        *figures_table({NAMES[way]: found[way].gateway for way in STREAMED}),
        "## Every figure, provider → gateway → reader",
        "",
        "Of the instants at which this process read the events, before parsing; in-process, at which it took them from the journal. What "
        "is more here than above is no error: it is the delay of the legs behind the provider, which are measured apart.",
        "",
        *figures_table({NAMES[way]: found[way].reader for way in STREAMED}),
        *links(found),
    ]
    return "\n".join(lines).rstrip() + "\n"


def config(port: int) -> str:
    return f'[hosts.truth]\ndialect = "openai-chat"\nbase_url = "http://127.0.0.1:{port}/v1"\nlocal = true\nmodels = ["m"]\n'


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--save", action="store_true")
    args = parser.parse_args()
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # loopback is WebRTC's path, as in the server
    context = multiprocessing.get_context("spawn")
    pipe, far = context.Pipe()
    provider = context.Process(target=upstream, args=(far,), daemon=True)
    provider.start()
    port = pipe.recv()
    with tempfile.TemporaryDirectory() as name:
        server = serve(Path(name) / "server")
        try:
            rest = server.access().rest()
            server.config_file.write_text(config(port))
            (Path(name) / "tokenwidgets.toml").write_text(config(port))
            os.environ["TOKENWIDGETS_CONFIG"] = str(Path(name) / "tokenwidgets.toml")
            gc.freeze()
            before = os.getloadavg()[0]
            found = asyncio.run(measure(port, pipe, rest, args.rounds))
            text = report(found, args.rounds, [before, os.getloadavg()[0]])
        finally:
            server.stop()
            provider.terminate()
    print(text)
    if args.save:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
