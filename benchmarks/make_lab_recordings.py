"""Record runs of the network lab's backend tun, for machines where no packet can be lost: tokenwidgets/lab/recordings.

    python benchmarks/make_lab_recordings.py [--seconds 10]

One run a link, every lane at once.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tokenwidgets.lab.base import LANES, Impairment, Plan  # noqa: E402
from tokenwidgets.lab.recorded import RECORDINGS, write  # noqa: E402
from tokenwidgets.lab.rows import Seen, rows, table  # noqa: E402
from tokenwidgets.lab.tun import Tun  # noqa: E402

RATE = 25.0
SEED = 1
LINKS = {
    "loss-0": Impairment(0.0),
    "loss-1": Impairment(0.01),
    "loss-3": Impairment(0.03),
    "loss-5": Impairment(0.05),
    "loss-5-in-bursts": Impairment(0.05, 4.0),
}


async def record(name: str, impairment: Impairment, seconds: float) -> int:
    """Make one; returns its bytes."""
    run = await Tun().run(Plan(tuple(LANES), round(seconds * RATE), RATE, impairment, SEED))
    try:
        reports = [report async for report in run]
    finally:
        await run.close()
    path = RECORDINGS / f"{name}.jsonl.gz"
    write(path, {**run.about, "date": str(date.today())}, impairment, reports)
    print(f"{path.name}: {path.stat().st_size} bytes\n{table(rows([Seen.of(run.about, reports)]))}\n", flush=True)
    return path.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="length of each")
    given = parser.parse_args()
    if why := Tun().why_not():
        sys.exit(why)
    RECORDINGS.mkdir(exist_ok=True)
    sizes = [asyncio.run(record(name, impairment, given.seconds)) for name, impairment in LINKS.items()]
    print(f"{sum(sizes)} bytes in all")


if __name__ == "__main__":
    main()
