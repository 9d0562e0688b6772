"""Whether the lab's simulation is like the real thing: the same plans on `tun` and on `model`.

    python benchmarks/network_model.py [--seconds 30] [--runs 3] [--saved] [--save]

On each link the same seeds are run over real packets and computed; the link loses the same packets of a lane in both, as long as both
send the same. Said to be alike: the same ranking by stalls (lanes that differ by fewer stalls than chance would allow have no rank),
medians within 25 %, p99 within a factor of two. In bursts only the ranking: a TCP that stands still within a burst stays in it, packet by
packet, and whether that happens once in a run decides its median. What a busy machine adds is in the real rows only, and shows where
nothing is lost: run it in quiet. Where `tun` cannot run, the recordings of it that are shipped are compared with.
With `--saved` the real rows are those that `network_lab.py --save` wrote, of links that lose packets independently: nothing is run anew.
With `--save` the tables go to `results/network_model.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tokenwidgets.lab.base import LANES, Impairment, Lane, Plan  # noqa: E402
from tokenwidgets.lab.link import in_words  # noqa: E402
from tokenwidgets.lab.model import Simulation  # noqa: E402
from tokenwidgets.lab.recorded import recordings  # noqa: E402
from tokenwidgets.lab.rows import Row, Seen, rows, table  # noqa: E402
from tokenwidgets.lab.tun import Tun  # noqa: E402
from tokenwidgets.lab.verdict import differ  # noqa: E402

SAVED = HERE / "results" / "network_lab.md"
RESULT = HERE / "results" / "network_model.md"
RATE = 25.0
LINKS = (*(Impairment(loss) for loss in (0.0, 0.01, 0.03, 0.05)), Impairment(0.05, 4.0))
MEDIAN, P99 = 1.25, 2.0
"""By what factor figures may differ."""


async def on_tun(plan: Plan) -> Seen:
    run = await Tun().run(plan)
    seen = Seen(run.about)
    try:
        async for report in run:
            seen.take(report)
    finally:
        await run.close()
    return seen


def on_model(plan: Plan) -> Seen:
    simulation = Simulation(plan)
    reports = simulation.finish()
    return Seen.of(simulation.about, reports)


async def measured(given: argparse.Namespace) -> list[tuple[list[Row], list[Row]]]:
    """Rows of real packets and of computed ones, link by link."""
    cells = []
    for link in LINKS:
        plans = [Plan(tuple(LANES), round(given.seconds * RATE), RATE, link, seed) for seed in range(1, given.runs + 1)]
        real = rows([await on_tun(plan) for plan in plans])
        cells.append((real, rows([on_model(plan) for plan in plans])))
        print(table(cells[-1][0]), table(cells[-1][1]), sep="\n", flush=True)
    return cells


def recorded() -> list[tuple[list[Row], list[Row]]]:
    """The same, with the recordings that are shipped."""
    cells = []
    for recording in recordings():
        seen = Seen.of(recording.about, recording.reports())
        plan = Plan(tuple(LANES), len(seen.given), recording.about["rate"], recording.impairment, recording.about["seed"])
        cells.append((rows([seen]), rows([on_model(plan)])))
    return cells


def saved() -> list[tuple[list[Row], list[Row]]]:
    """The same, with the rows that `network_lab.py` saved, and their seeds."""
    lanes = {words: lane for lane, words in LANES.items()}
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in SAVED.read_text().splitlines() if line.startswith("|")]
    real = [row_of(lanes[cells[0]], cells) for cells in lines if cells[0] in lanes]
    cells = []
    for link in LINKS[:-1]:
        found = [row for row in real if row.about["loss_model"] == in_words(link)]
        seeds = [int(seed) for seed in found[0].about["seed"].split(",")]
        plans = [Plan(tuple(LANES), found[0].tokens // len(seeds), RATE, link, seed) for seed in seeds]
        cells.append((found, rows([on_model(plan) for plan in plans])))
    return cells


def row_of(lane: Lane, cells: Sequence[str]) -> Row:
    """A row as its table has it."""
    p50, p95, p99, longest, per_1000, ratio = (float(cell) for cell in cells[1:7])
    tokens = int(cells[9])
    drops, packets = map(int, cells[10].split(" of "))
    about = {"backend": cells[11], "congestion_control": cells[12], "rtt_ms": float(cells[13]), "loss_model": cells[14], "seed": cells[15]}
    about |= {"drops": drops, "packets": packets}
    return Row(lane, tokens, int(cells[8]), p50, p95, p99, longest, round(per_1000 * tokens / 1000), per_1000, ratio, "", about)


def alike(real: Sequence[Row], model: Sequence[Row]) -> Iterator[tuple[bool, str]]:
    """What must be shown of a link, and whether it is."""
    link = real[0].about["loss_model"]
    for one, other in [] if "bursts" in link else zip(real, model, strict=True):
        for name, bound in (("p50_ms", MEDIAN), ("p99_ms", P99)):
            a, b = getattr(one, name) or 0.0, getattr(other, name) or 0.0
            words = f"{link}, {LANES[one.lane]}: {name[:3]} {a:.0f} ms on {one.about['backend']}, {b:.0f} ms computed"
            yield 1 / bound <= (b or 1) / (a or 1) <= bound, words
    computed = {row.lane: row for row in model}
    swapped = [
        f"{LANES[a.lane]} and {LANES[b.lane]}"
        for a, b in combinations(real, 2)
        if differ(a.stalls, b.stalls)
        and differ(computed[a.lane].stalls, computed[b.lane].stalls)
        and (a.stalls > b.stalls) != (computed[a.lane].stalls > computed[b.lane].stalls)
    ]
    yield not swapped, f"{link}: ranked by stalls {'otherwise: ' + ', '.join(swapped) if swapped else 'alike'}"


def apart(cells: Sequence[tuple[list[Row], list[Row]]]) -> str:
    """The widest that figures are apart, where they are compared."""
    pairs = [pair for real, model in cells if "bursts" not in real[0].about["loss_model"] for pair in zip(real, model, strict=True)]
    factors = {
        name: max(max(a, b) / min(a, b) for one, other in pairs for a, b in [(getattr(one, name), getattr(other, name))] if a and b)
        for name in ("p50_ms", "p99_ms")
    }
    return f"Widest apart: medians by a factor of {factors['p50_ms']:.2f}, p99 by {factors['p99_ms']:.2f}."


def noise(real: Sequence[Row]) -> str:
    """What the machine itself adds, from the real rows of a link that loses nothing."""
    worst, way = max(row.p99_ms or 0 for row in real), real[0].about["rtt_ms"] / 2
    return f"Where nothing is lost, real p99 is up to {worst:.0f} ms on a way of {way:g} ms: the rest is the machine's."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=30, help="length of a run's stream")
    parser.add_argument("--runs", type=int, default=3, help="runs of a link")
    parser.add_argument("--saved", action="store_true", help="compare with the rows of results/network_lab.md")
    parser.add_argument("--save", action="store_true")
    given = parser.parse_args()
    before = os.getloadavg()[0]
    why = Tun().why_not()
    cells = saved() if given.saved else recorded() if why else asyncio.run(measured(given))
    if not cells:
        sys.exit(f"There is nothing to compare with. {why}")
    how = "--saved" if given.saved else f"--seconds {given.seconds:g} --runs {given.runs}"
    command = f"`python benchmarks/network_model.py {how} --save`"
    where = f"{date.today()}, Linux {os.uname().release}, {os.cpu_count()} cores, load {before:.1f} before"
    told = [line for real, model in cells for line in alike(real, model)]
    parts = [
        f"# The simulation beside real packets\n\n{command}, {where}. {RATE:g} tokens a second, 50 ms one way.",
        f"## Real\n\n{table([row for real, _ in cells for row in real])}",
        f"## Simulated\n\n{table([row for _, model in cells for row in model])}",
        "## What must be shown\n\n" + "\n".join(f"* {'yes' if good else '**no**'}: {words}" for good, words in told),
        f"{apart(cells)} {noise(cells[0][0])}",
    ]
    text = "\n\n".join(parts) + "\n"
    print(text)
    if given.save:
        RESULT.write_text(text)
    sys.exit(0 if all(good for good, _ in told) else 1)


if __name__ == "__main__":
    main()
