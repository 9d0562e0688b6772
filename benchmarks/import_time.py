"""How long `import tokenwidgets` takes beside `import anywidget`: a notebook's first cell should cost no more for us.

    python benchmarks/import_time.py [RUNS]

Each run is a fresh interpreter; the two take turns, so that what else the machine does hits both. Prints the medians and their ratio;
the exit status is 1 when the ratio is above 1.3.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

LIMIT = 1.3
RUNS = 15
PROGRAM = "import sys, time; t = time.perf_counter(); import {}; sys.stdout.write(str(time.perf_counter() - t))"


def seconds(module: str) -> float:
    """The time of one import in an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(module)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main(runs: int) -> int:
    modules = ("anywidget", "tokenwidgets")
    for module in modules:
        seconds(module)  # once for nothing, so that compiled files and the disk's cache are there
    times: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(runs):
        for module in modules:
            times[module].append(seconds(module))
    medians = {module: median(found) for module, found in times.items()}
    ratio = medians["tokenwidgets"] / medians["anywidget"]
    for module in modules:
        print(f"import {module:13} {medians[module] * 1000:8.1f} ms")
    print(f"ratio {ratio:.2f}, at most {LIMIT}")
    return ratio > LIMIT


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))
