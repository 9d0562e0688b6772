"""A tool loop over Responses: a WebSocket that stays open beside one HTTP call a turn.

    python benchmarks/responses_websocket.py [LOOPS]

Both go through the gateway of a real Jupyter server on this machine to the simulator, which answers at once; loops of the two take
turns, so that what else the machine does hits both. Prints, for each turn, the bytes of the requests and the ratio of the times from
request to ending. Loopback has no delay, so a saved round trip does not show here; what shows is the work of sending and reading.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "server"))

from server_tools import TOKEN, serve

from tokenwidgets.events import Event, Notice
from tokenwidgets.generation import Limits
from tokenwidgets.hub import Hub
from tokenwidgets.providers.registry import Registry
from tokenwidgets.request import parse
from tokenwidgets.turn import turn

LOOPS = 15
TURNS = 10
RESULT = "It rains. " * 200
"""What each call of the tool gives back: 2 kB."""

OPTIONS = {"retries": 0, "extra": {"ttft_ms": 0, "itl_ms": 0, "tokens": 32}}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
]
DIALECTS = ("openai-responses", "openai-responses-ws")


async def loop(hub: Hub, dialect: str) -> list[tuple[int, int, int]]:
    """One loop: the bytes of each turn's request, the connections made for it, its µs."""
    talk: list[dict[str, Any]] = [{"role": "user", "content": f"What is the weather in Oslo? ({os.urandom(8).hex()})"}]
    out = []
    for _ in range(TURNS):
        request = {"model": "own/sim/tool-caller", "messages": talk, "tools": TOOLS, "dialect": dialect, "options": OPTIONS}
        stream = hub.start(parse(request), "benchmark")
        async for _ in stream.journal.read():
            pass
        await asyncio.wait([stream.task] if stream.task else [])
        events = [entry.event for entry in stream.journal.entries]
        size = sum(len(f.data.rpartition(b"\r\n\r\n")[2]) for f in stream.frames if f.direction == "out")
        out.append((size, _connections(events), stream.journal.entries[-1].at))
        talk += [turn(events), _next(turn(events))]
    return out


def _connections(events: list[Event]) -> int:
    return sum(isinstance(e, Notice) and e.kind == "connection" and e.data.get("reused") is False for e in events)


def _next(answer: dict[str, Any]) -> dict[str, Any]:
    """The call's result, or a further question."""
    if calls := answer.get("tool_calls"):
        return {"role": "tool", "tool_call_id": calls[0]["id"], "content": RESULT}
    return {"role": "user", "content": "And tomorrow?"}


async def measure(loops: int, folder: Path) -> dict[str, list[list[tuple[int, int, int]]]]:
    hub = Hub(Registry(folder), Limits())
    found: dict[str, list[list[tuple[int, int, int]]]] = {dialect: [] for dialect in DIALECTS}
    for dialect in DIALECTS:
        await loop(hub, dialect)  # once for nothing: modules are imported, connections to the host are there
    for _ in range(loops):
        for dialect in DIALECTS:
            found[dialect].append(await loop(hub, dialect))
    await hub.aclose()
    return found


def table(found: dict[str, list[list[tuple[int, int, int]]]]) -> str:
    """Turn by turn, medians over the loops."""
    lines = ["| turn | bytes, HTTP | bytes, WebSocket | time, WebSocket ÷ HTTP |", "|---|---|---|---|"]
    for i in range(TURNS):
        (http, _, http_us), (ws, _, ws_us) = ([median(one[i][k] for one in found[d]) for k in range(3)] for d in DIALECTS)
        lines.append(f"| {i + 1} | {http:.0f} | {ws:.0f} | {ws_us / http_us:.2f} |")
    sizes, times = ([[sum(turn[k] for turn in one) for one in found[d]] for d in DIALECTS] for k in (0, 2))
    low, ratio, high = quantiles((ws / http for http, ws in zip(*times, strict=True)), n=4)
    lines.append(f"| all | {median(sizes[0]):.0f} | {median(sizes[1]):.0f} | {ratio:.2f} (half of the loops: {low:.2f} to {high:.2f}) |")
    made = [sum(turn[1] for one in found[d] for turn in one) for d in DIALECTS]
    return "\n".join([*lines, "", f"Connections made in {len(found[DIALECTS[0]])} loops each: HTTP {made[0]}, WebSocket {made[1]}."])


def main(loops: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = serve(folder / "server")
        try:
            access = server.access()
            base = f"{access.url}tokenwidgets/v1"
            urls = dict(zip(DIALECTS, (base, "ws" + base.removeprefix("http")), strict=True))
            lines = "\n".join(f'{dialect} = "{url}"' for dialect, url in urls.items())
            (folder / "tokenwidgets.toml").write_text(f'[hosts.own]\nlocal = true\nkey_env = "OWN_KEY"\n[hosts.own.dialects]\n{lines}\n')
            os.environ |= {"TOKENWIDGETS_CONFIG": str(folder / "tokenwidgets.toml"), "OWN_KEY": TOKEN}
            print(table(asyncio.run(measure(loops, folder))))
        finally:
            server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LOOPS)
