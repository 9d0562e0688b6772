"""`tokenwidgets doctor`."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict

from .parsing import FAILED, OK, Commands, command

WHAT = "Tell what works here, and why what does not; costs nothing and asks no provider."
EXAMPLE = "tokenwidgets doctor --json"


def add(commands: Commands) -> None:
    """Make it a sub-command."""
    command(commands, "doctor", WHAT, EXAMPLE, run).add_argument("--json", action="store_true", help="print the findings as JSON")


def run(given: Namespace) -> int:
    """Look, and tell; what a terminal has not got is nothing wrong."""
    from ..diagnosis import doctor
    from ..markup import clean

    found = doctor()
    print(json.dumps([asdict(finding) for finding in found], indent=1) if given.json else clean(repr(found)))  # noqa: T201
    return FAILED if any(finding.wrong for finding in found) else OK
