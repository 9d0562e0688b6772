"""`tokenwidgets race`."""

from __future__ import annotations

import random
import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from .parsing import FAILED, INTERRUPTED, OK, Commands, command, folder, names, prompt, request

if TYPE_CHECKING:
    from ..comparison import Comparison
    from ..races import Race

WHAT = (
    "Ask several models at once, or read one answer over several transports, and watch who is first; one run is no evidence, `compare` is."
)
EXAMPLE = 'tokenwidgets race "Why is the sky blue?" -m sim/steady -m sim/bursty'


def add(commands: Commands) -> None:
    """Make it a sub-command."""
    parser = command(commands, "race", WHAT, EXAMPLE, run)
    parser.add_argument("prompt", nargs="+", help="what to ask; - reads it from standard input")
    parser.add_argument("-m", "--models", metavar="MODEL", action="append", default=[], help="host/model; several times, or with commas")
    parser.add_argument(
        "--transports",
        type=lambda text: names([text]),
        default=[],
        metavar="LIST",
        help="of sse, ws, webrtc, webrtc-ordered and webrtc-unordered, with commas: readers of the one answer of one model, over a Jupyter "
        "server of the command's own",
    )
    parser.add_argument("-s", "--system", help="instructions before the prompt")
    parser.add_argument("-o", "--option", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="an option of each request")
    parser.add_argument("--save", type=folder, metavar="FILE", help="write the race there, with its streams, for tw.Race.load")


def run(given: Namespace) -> int:
    """Race: drawn again and again in a terminal, line by line as lanes end anywhere else."""
    from ..races import race

    if given.transports:
        return _over(given)
    live = sys.stdout.isatty()
    asked = {**request(given.option), **({"system": given.system} if given.system else {})}
    found = race(prompt(given.prompt), models=names(given.models), show=not live, **asked)
    code = _watched(found, live)
    _tell_unreal(found)
    if given.save:
        found.save(given.save)
    return code


def _over(given: Namespace) -> int:
    """Read one stream over several transports at once, by this program's own clients."""
    from .. import api
    from ..comparison import Comparison
    from ..errors import Refused
    from ..findings import READ_HERE
    from ..lanes import Lanes
    from ..portal import portal, wait
    from .compare import place

    models = names(given.models)
    if given.save or len(models) > 1 or len(given.transports) < 2:
        raise Refused("bad_request", "A race of transports is one model read over two or more of them, and has no --save: `compare` has.")
    asked = {**request(given.option), **({"system": given.system} if given.system else {})}
    order = random.sample(given.transports, len(given.transports))
    with place(given.transports):
        lanes = Lanes(api.gateway(), given.transports)
        result = api.stream(prompt(given.prompt), model=next(iter(models), None), show=False, **asked)
        reading, code = portal().submit(lanes.read(result, order)), OK
        try:
            wait(reading)
        except KeyboardInterrupt:
            result.stop()
            code = INTERRUPTED
        try:
            read = wait(reading)
        finally:
            portal().run(lanes.aclose())
    found = Comparison(read)
    print(f"{found!r}\n{READ_HERE}")  # noqa: T201 (this is the command's output)
    _tell_unreal(found)
    return code or (FAILED if any(lane.error for lane in found.lanes) else OK)


def _tell_unreal(found: Race | Comparison) -> None:
    starts = [lane.result.start for lane in found.lanes]
    if made_up := dict.fromkeys(start.model for start in starts if start and (start.simulated or start.replayed)):
        print(f"Simulated or replayed, so that no model was raced: {', '.join(made_up)}.")  # noqa: T201 (this is the command's output)


def _watched(found: Race, live: bool) -> int:
    from .lanes import watch

    try:
        if live:
            watch(found, sys.stdout)
        else:
            found.wait()
    except KeyboardInterrupt:
        found.stop()  # it may have come before the waiting
        return INTERRUPTED
    return FAILED if any(lane.error for lane in found.lanes) else OK
