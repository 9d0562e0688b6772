"""`tokenwidgets race`."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from .parsing import FAILED, INTERRUPTED, OK, Commands, command, folder, names, prompt, request

if TYPE_CHECKING:
    from ..races import Race

WHAT = "Ask several models at once and watch who is first; one run is no evidence, `compare` is."
EXAMPLE = 'tokenwidgets race "Why is the sky blue?" -m sim/steady -m sim/bursty'


def add(commands: Commands) -> None:
    """Make it a sub-command."""
    parser = command(commands, "race", WHAT, EXAMPLE, run)
    parser.add_argument("prompt", nargs="+", help="what to ask; - reads it from standard input")
    parser.add_argument("-m", "--models", metavar="MODEL", action="append", default=[], help="host/model; several times, or with commas")
    parser.add_argument("-s", "--system", help="instructions before the prompt")
    parser.add_argument("-o", "--option", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="an option of each request")
    parser.add_argument("--save", type=folder, metavar="FILE", help="write the race there, with its streams, for tw.Race.load")


def run(given: Namespace) -> int:
    """Race: drawn again and again in a terminal, line by line as lanes end anywhere else."""
    from ..races import race

    live = sys.stdout.isatty()
    asked = {**request(given.option), **({"system": given.system} if given.system else {})}
    found = race(prompt(given.prompt), models=names(given.models), show=not live, **asked)
    code = _watched(found, live)
    if made_up := [lane.label for lane in found.lanes if (start := lane.result.start) and (start.simulated or start.replayed)]:
        print(f"Simulated or replayed, so that no model was raced: {', '.join(made_up)}.")  # noqa: T201 (this is the command's output)
    if given.save:
        found.save(given.save)
    return code


def _watched(found: Race, live: bool) -> int:
    from .lanes import watch

    try:
        if live:
            watch(found, sys.stdout)
        else:
            found.wait()
    except KeyboardInterrupt:
        return INTERRUPTED
    return FAILED if any(lane.error for lane in found.lanes) else OK
