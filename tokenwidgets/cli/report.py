"""`tokenwidgets report`: what is done with comparisons that were saved."""

from __future__ import annotations

from argparse import Namespace

from .compare import file, shown
from .parsing import FAILED, OK, Commands, Parser, command

WHAT = "Show a saved comparison, make it again, tell two apart, or check conditions on one."
EXAMPLE = 'tokenwidgets report check report.json base.json --fail-if "ttft.p50 > 1.2 * base"'


def add(commands: Commands) -> None:
    """Make it a sub-command, with its own."""
    parser = command(commands, "report", WHAT, EXAMPLE)
    what = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _file(command(what, "show", "Show a saved comparison again.", "tokenwidgets report show report.html", _show))
    again = command(
        what, "rerun", "Make a saved comparison again, here and now.", "tokenwidgets report rerun base.json --save now.json", _rerun
    )
    _file(again)
    again.add_argument("--save", type=file, metavar="FILE", action="append", default=[], help="write what it shows now there")
    again.add_argument("--json", action="store_true", help="print the comparison as JSON in place of the table")
    two = command(
        what,
        "diff",
        "Tell what differs from one to another, and whether that is shown.",
        "tokenwidgets report diff base.json now.json",
        _diff,
    )
    _file(two, "base", "the first")
    _file(two, "file", "the second")
    check = command(what, "check", "Exit with 1 if a condition holds, or too few calls were made to tell.", EXAMPLE, _check)
    _file(check)
    _file(check, "base", "the report that `base` in a condition is taken from", nargs="?")
    check.add_argument(
        "--fail-if", metavar="CONDITION", action="append", required=True, help='such as "ttft.p50 > 1.2 * base", "failures > 0"'
    )


def _file(parser: Parser, name: str = "file", what: str = "what was saved", nargs: str | None = None) -> None:
    parser.add_argument(name, metavar=name.upper(), nargs=nargs, help=f"{what}: a .json or .html of a comparison")


def _show(given: Namespace) -> int:
    from .. import open_comparison

    print(shown(open_comparison(given.file)))  # noqa: T201 (this is the command's output)
    return OK


def _rerun(given: Namespace) -> int:
    from .. import open_comparison
    from ..report import rerun
    from .compare import finish, place

    kept = open_comparison(given.file)
    with place(kept.transports):
        return finish(rerun(kept), given)


def _diff(given: Namespace) -> int:
    from .. import open_comparison
    from ..report import diff

    _print(repr(diff(open_comparison(given.base), open_comparison(given.file))))
    return OK


def _check(given: Namespace) -> int:
    from .. import open_comparison
    from ..report import check

    found = check(open_comparison(given.file), given.fail_if, given.base and open_comparison(given.base))
    _print("\n".join(map(str, found)))
    return OK if all(one.holds is False for one in found) else FAILED


def _print(words: str) -> None:
    from ..markup import clean

    print(clean(words))  # noqa: T201 (this is the command's output)
