"""How long a stream stands still when its way breaks or changes, over each transport, and whether anything is lost or doubled.

    python benchmarks/roam.py [--runs 3] [--save]

One stream of a real Jupyter server on this machine, 50 tokens a second, read by three processes, one a transport (`clients/follow.py`). In
each run, one after the other:

* cut: TCP goes through a relay, which breaks off every connection; the datagrams of the WebRTC peer are swallowed, both ways, and nobody
  is told. So SSE and the WebSocket are told at once, and WebRTC has to notice;
* switch: each reader goes over to the next transport when that stands, and later back again, as `Result.switch` does;
* lid: the readers are frozen for 5 s (SIGSTOP, SIGCONT);
* restart: the server is killed and started anew. The stream ends there: the readers get the rest of it, and are told why.

An event is late that arrives 100 ms later than usual after it was journalled. Recovered is who gets nothing late any more: counted from the
cut or the switch, from the end of the freeze, and from the new server's first answer. In the end what each reader holds is compared, by
hash, with what the new server tells a reader that comes fresh. Then what the same stream costs the server's processor over each transport.

With `--save` the tables go to `results/roam.md`. Exits with 1 where a hash differs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "server"))

import aioice.ice
from server_tools import Process, serve

from tokenwidgets.clients.base import Disconnected, TimedReader
from tokenwidgets.clients.follow import follow
from tokenwidgets.clients.readers import READERS
from tokenwidgets.clients.rest import Rest
from tokenwidgets.clients.sse import SSEReader
from tokenwidgets.events import Entry
from tokenwidgets.runtime import Server

RESULTS = Path(__file__).parent / "results" / "roam.md"
WAYS = ("sse", "ws", "webrtc")
REQUEST = {"model": "sim/steady", "prompt": "hello", "options": {"ttft_ms": 0, "itl_ms": 20, "jitter": 0, "tokens": 100_000}}
LATE = 0.1
FROZEN = 5.0
WARM, APART, LONG_APART = 2.0, 3.0, 5.0
"""Seconds before the first of them, and after each."""
COST_SECONDS = 5.0
TICKS = os.sysconf("SC_CLK_TCK")


# ---- a reader, in a process of its own


class Reading:
    """Reads a stream over a transport, and does what its standard input says."""

    def __init__(self, way: str, stream: str) -> None:
        self.entries: list[Entry] = []
        self.arrived: list[float] = []
        self._way, self._stream = way, stream
        self._rest: Rest
        self._readers: list[TimedReader] = []
        self._task: asyncio.Task[None] | None = None
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Read until the stream has ended, then tell what came."""
        listening, done = asyncio.create_task(self._listen()), asyncio.create_task(self._done.wait())
        await asyncio.wait({listening, done}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            listening.result()  # it failed
        listening.cancel()
        found = [[at, entry.seq, entry.at] for at, entry in zip(self.arrived, self.entries, strict=True)]
        print(json.dumps({"hash": hashed(self.entries), "events": found}), flush=True)
        await asyncio.gather(*(reader.aclose() for reader in self._readers), return_exceptions=True)

    def _follow(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._read(self._readers[-1]))

    async def _read(self, reader: TimedReader) -> None:
        try:
            async for batch in follow(reader, self._stream, len(self.entries) - 1):
                self.arrived += [time.monotonic()] * len(batch)
                if not self.entries:
                    print("{}", flush=True)
                self.entries += batch
            self._done.set()
        except Disconnected:
            pass  # the server has ended: another one will be named

    async def _listen(self) -> None:
        pipe = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(pipe), sys.stdin)
        while line := await pipe.readline():
            told = json.loads(line)
            if told["op"] == "swallow":
                self._swallow()
            elif told["op"] == "switch":
                await self._switch(told["way"])
            elif told["op"] == "server":
                self._rest = Rest(Server(**told["server"]))
                self._readers.append(READERS[self._way](self._rest))
                self._follow()

    async def _switch(self, way: str) -> None:
        reader = READERS[way](self._rest)
        await reader.clock(self._stream)
        self._readers.append(reader)
        self._follow()

    def _swallow(self) -> None:
        peer: Any = self._readers[-1]._peer  # type: ignore[attr-defined]
        for protocol in peer.sctp.transport.transport._connection._protocols:
            protocol.transport.sendto = lambda data, address: None
            protocol.datagram_received = lambda data, address: None


def hashed(entries: list[Entry]) -> str:
    return sha256(b"".join(entry.data for entry in entries)).hexdigest()


# ---- what is done to it


class Relay:
    """Hands on what comes over TCP, and breaks it off."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break off every connection."""
        for writer in self._open:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward, further = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, further}
        await asyncio.gather(self._carry(reader, further), self._carry(onward, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
            self._open.discard(writer)


class Child:
    """A reader's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def begin(cls, way: str, stream: str, server: Server) -> Child:
        """Start one, and tell it its server."""
        pipe = asyncio.subprocess.PIPE
        arguments = [sys.executable, __file__, "--read", way, stream]
        child = cls(await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe, limit=2**26))
        child.tell(op="server", server=asdict(server))
        return child

    def tell(self, **what: Any) -> None:
        """Say something to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")

    async def result(self) -> dict[str, Any]:
        """What it says next: nothing, once it reads, and what it read, once the stream has ended."""
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            found: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return found


def through(server: Server, relay: Relay, port: int) -> Server:
    return replace(server, url=server.url.replace(f":{port}/", f":{relay.port}/"))


@asynccontextmanager
async def reading(stream: str, server: Server, ways: tuple[str, ...] = WAYS) -> Any:
    children = {way: await Child.begin(way, stream, server) for way in ways}
    try:
        for child in children.values():
            await child.result()
        yield children
    finally:
        for child in children.values():
            if child.process.returncode is None:
                child.process.kill()
            await child.process.wait()


async def disturbed(children: dict[str, Child], relay: Relay) -> dict[str, float]:
    """Cut, switch, freeze; returns when each began, or the freeze ended."""
    when = {}
    await asyncio.sleep(WARM)
    when["cut"] = time.monotonic()
    relay.cut()
    children["webrtc"].tell(op="swallow")
    await asyncio.sleep(LONG_APART)
    for name, further in (("switch", 1), ("switch back", 0)):
        when[name] = time.monotonic()
        for way, child in children.items():
            child.tell(op="switch", way=WAYS[(WAYS.index(way) + further) % len(WAYS)])
        await asyncio.sleep(APART)
    for child in children.values():
        child.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(FROZEN)
    when["lid"] = time.monotonic()
    for child in children.values():
        child.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(LONG_APART)
    return when


async def run(home: Path, port: int) -> tuple[dict[str, dict[str, float]], dict[str, bool], float]:
    """One run: recoveries by transport and by what was done, whether the hashes are equal, and how long the server was away, s."""
    serving = [serve(home, f"--ServerApp.port={port}")]
    try:
        server = await asyncio.to_thread(serving[0].published)
        rest = Rest(server)
        stream = (await rest.start(REQUEST)).id
        async with Relay(port) as relay, reading(stream, through(server, relay, port)) as children:
            when = await disturbed(children, relay)
            await rest.aclose()
            killed = time.monotonic()
            serving[0].child.kill()
            serving[0].child.wait()
            serving.append(serve(home, f"--ServerApp.port={port}"))
            server = await asyncio.to_thread(serving[1].published)
            rest = Rest(server)
            await rest.capabilities()
            when["restart"] = time.monotonic()
            for child in children.values():
                child.tell(op="server", server=asdict(through(server, relay, port)))
            found = {way: await child.result() for way, child in children.items()}
        whole = hashed([entry async for batch in SSEReader(rest).attach(stream, -1) for entry in batch])
        await rest.aclose()
    finally:
        for process in serving:
            await asyncio.to_thread(process.stop)
    same = {
        way: said["hash"] == whole and [seq for _, seq, _ in said["events"]] == list(range(len(said["events"])))
        for way, said in found.items()
    }
    return {way: recoveries(said["events"], when) for way, said in found.items()}, same, when["restart"] - killed


def recoveries(events: list[tuple[float, int, int]], when: dict[str, float]) -> dict[str, float]:
    """How long after each instant the last late event arrived, s; 0 where none was late."""
    behind = [arrived - at / 1e6 for arrived, _, at in events]
    usual = median(behind)
    ends = [*list(when.values())[1:], float("inf")]
    found = {}
    for (name, begin), end in zip(when.items(), ends, strict=True):
        late = [arrived for (arrived, _, _), lag in zip(events, behind, strict=True) if begin <= arrived < end and lag > usual + LATE]
        found[name] = max(late) - begin if late else 0.0
    found["restart"] = events[-1][0] - when["restart"]
    return found


# ---- what it costs


def spent(process: Process) -> float:
    """Seconds of processor time of the server so far."""
    fields = Path(f"/proc/{process.child.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def costs(home: Path) -> dict[str, float]:
    """The share of a core that the server needs for one such stream and its reader, by transport."""
    process = serve(home)
    found = {}
    try:
        rest = Rest(await asyncio.to_thread(process.published))
        for way in WAYS:
            stream = (await rest.start(REQUEST)).id
            async with reading(stream, rest.server, (way,)) as children:
                await asyncio.sleep(WARM)
                before = spent(process)
                await asyncio.sleep(COST_SECONDS)
                found[way] = (spent(process) - before) / COST_SECONDS
                await rest.stop(stream)
                await children[way].result()
        await rest.aclose()
    finally:
        await asyncio.to_thread(process.stop)
    return found


# ---- what is told


def words(values: list[float]) -> str:
    """Median and longest."""
    return "not noticeable" if max(values) == 0 else f"{median(values):.2f} s ({max(values):.2f} s)"


def report(runs: list[tuple[dict[str, dict[str, float]], dict[str, bool], float]], cost: dict[str, float]) -> str:
    names = list(runs[0][0][WAYS[0]])
    lines = [f"| median (longest) | {' | '.join(names)} | hashes equal | server's processor |", "|---" * (len(names) + 3) + "|"]
    for way in WAYS:
        cells = [words([run[0][way][name] for run in runs]) for name in names]
        lines.append(f"| {way} | {' | '.join(cells)} | {sum(run[1][way] for run in runs)} of {len(runs)} | {cost[way]:.1%} of a core |")
    away = [run[2] for run in runs]
    return "\n".join(
        [*lines, "", f"The server was away for {median(away):.1f} s ({max(away):.1f} s) at the restart, which is not counted."]
    )


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


async def measured(count: int) -> tuple[str, bool]:
    runs = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(count):
            (home := Path(name) / str(number)).mkdir()
            runs.append(await run(home, free_port()))
            print(runs[-1], flush=True)
        (home := Path(name) / "cost").mkdir()
        cost = await costs(home)
    return report(runs, cost), all(same for _, hashes, _ in runs for same in hashes.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # the same path as the server's
    if given.read:
        asyncio.run(Reading(*given.read).run())
        return
    before = os.getloadavg()[0]
    text, good = asyncio.run(measured(given.runs))
    print(text)
    if given.save:
        where = f"{date.today()}, {os.cpu_count()} cores that other work shared (load {before:.1f} as it began), loopback."
        not_said = "What the upgrade of `auto` does to the page's first token was not measured here; it begins 1 s after that."
        head = f"# Cut, switch, lid, restart\n\n`python benchmarks/roam.py --runs {given.runs} --save`, {where}\n\n"
        RESULTS.write_text(f"{head}{text}\n\n{not_said} What the columns mean is said in the program.\n")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
