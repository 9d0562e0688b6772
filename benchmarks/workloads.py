"""What `tw.compare` asks beside single turns, once each with the real local model.

    python benchmarks/workloads.py [--runs 12] [--save]

A real Jupyter server on this machine, the small local model behind it, this process as its kernel:

* a tool loop over Responses: one HTTP call a turn beside a WebSocket that stays open, both through the server's own gateway. The small
  model has not learnt to call tools, so that the simulator, which does, is asked the same;
* an answer that is stopped in the middle: the local model, and the simulator;
* a reader that is cut off and comes back, over each transport;
* one user, four users at once, and arrivals at random; the local model and the simulator.

Each of them ends after `SECONDS` at the latest. With `--save` what was found goes to `results/workloads.md`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "server"))

import aioice.ice
from server_tools import TOKEN, serve

import tokenwidgets as tw
from tokenwidgets import api, workloads
from tokenwidgets.figures import UNKNOWN
from tokenwidgets.formulas import DEFINITIONS
from tokenwidgets.measurement import Measurement
from tokenwidgets.portal import portal

RESULTS = Path(__file__).parent / "results" / "workloads.md"
LOCAL = "local/smollm2-135m"
QUESTION = "Tell me about rivers."
DIALECTS = ("openai-responses", "openai-responses-ws")
AT_ONCE = {"extra": {"ttft_ms": 0, "itl_ms": 0}}
SECONDS = 75


def compared(title: str, **asked: Any) -> str:
    """One comparison, as a section of the results."""
    found = tw.compare(QUESTION, show=False, seed=1, seconds=SECONDS, **asked).wait()
    print(f"{title}: {found.progress}", flush=True)
    return f"## {title}\n\n`{found.workload!r}`; {found.progress}.\n\n{_table(found)}\n\n{found.verdict}\n"


def _table(found: Measurement) -> str:
    """The medians of the workload's own figures over the warm runs; of transports the figure they are compared by."""
    of_arms = [name for name in found.workload.figures if name not in DEFINITIONS]
    verdicts = found.verdicts if found.workload.of_transports else [found.judged(name) for name in of_arms]
    labels = [contender.label for contender in verdicts[0].contenders]
    rows = [[verdict.measure.title, *(verdict.measure.words(verdict.summary(i).p50) for i in range(len(labels)))] for verdict in verdicts]
    known = [row for row in rows if set(row[1:]) != {UNKNOWN}]
    return "\n".join(f"| {' | '.join(row)} |" for row in [["median", *labels], ["---", *["--:"] * len(labels)], *known])


def measured(runs: int) -> list[str]:
    """Every section."""
    loops = [{"dialect": dialect} for dialect in DIALECTS]
    cancelled = {"workload": workloads.Cancel(after=5), "max_tokens": 300}
    return [
        compared("Tool loop, simulated", model="own/sim/tool-caller", options=loops, workload="tool-loop", runs=runs, **AT_ONCE),
        compared("Tool loop", model=f"own/{LOCAL}", options=loops, workload=workloads.ToolLoop(4, 80), runs=runs, max_tokens=8),
        compared("Stopped in the middle", models=[LOCAL, "sim/steady"], runs=runs, **cancelled),
        compared("Cut off and back", model=LOCAL, transports=["sse", "ws", "webrtc"], workload="reconnect", runs=runs, max_tokens=32),
        *(
            compared(title, models=[LOCAL, "sim/steady"], workload=workload, runs=runs, max_tokens=4)
            for title, workload in (
                ("One user", workloads.ClosedLoop(20, users=1)),
                ("Four users", workloads.ClosedLoop(20, users=4)),
                ("Arrivals", workloads.OpenLoop(20, rate=2)),
            )
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--save", action="store_true")
    args = parser.parse_args()
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # the same path as the server's
    os.environ["OWN_GATEWAY"] = TOKEN
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = serve(folder)
        try:
            access = server.access()
            base = f"{access.url}tokenwidgets/v1"
            urls = zip(DIALECTS, (base, "ws" + base.removeprefix("http")), strict=True)
            lines = "\n".join(f'{dialect} = "{url}"' for dialect, url in urls)
            server.config_file.write_text(f'[hosts.own]\nlocal = true\nkey_env = "OWN_GATEWAY"\n[hosts.own.dialects]\n{lines}\n')
            api._gateway = rest = access.rest()
            before = os.getloadavg()[0]
            sections = measured(args.runs)
            load = f"load {before:.1f} as it began, {os.getloadavg()[0]:.1f} as it ended"
            portal().run(rest.aclose(), 20)
        finally:
            server.stop()
    where = (
        f"{date.today()}, {os.cpu_count()} cores that other work shared ({load}), loopback. The local model is {LOCAL}. Times are this "
        "machine's on that day, and what else it did is in them; `sim` is simulated."
    )
    text = "\n".join(["# Workloads", "", f"    python benchmarks/workloads.py --runs {args.runs} --save", "", where, "", *sections])
    print(text)
    if args.save:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
