"""`tokenwidgets replay`."""

from __future__ import annotations

from argparse import Namespace

from .parsing import FAILED, OK, Commands, command

WHAT = "Print a recorded stream with the timing it had; says that it is replayed."
EXAMPLE = "tokenwidgets replay run.jsonl --speed 0.25"


def add(commands: Commands) -> None:
    """Make it a sub-command."""
    parser = command(commands, "replay", WHAT, EXAMPLE, run)
    parser.add_argument("file", help="a recording that r.save() wrote, or the name of one that came with the package")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="times faster than it was recorded")


def run(given: Namespace) -> int:
    """Play it to its end."""
    from ..api import replay

    return FAILED if replay(given.file, speed=given.speed).wait().error else OK
