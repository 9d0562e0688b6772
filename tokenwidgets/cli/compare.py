"""`tokenwidgets compare`, whose options are those of `%stream compare` too."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..transports import TRANSPORTS
from .parsing import FAILED, INTERRUPTED, OK, Commands, command, folder, names, prompt, request, value

if TYPE_CHECKING:
    from ..findings import Findings
    from ..measurement import Measurement

WHAT = "Measure which model, option or transport is faster, or that it cannot be told."
EXAMPLE = 'tokenwidgets compare "Why is the sky blue?" -m sim/steady -m sim/bursty --runs 20 --save report.html'


def add(commands: Commands) -> None:
    """Make it a sub-command."""
    parser = command(commands, "compare", WHAT, EXAMPLE, run)
    options(parser)
    parser.add_argument(
        "--save", type=file, metavar="FILE", action="append", default=[], help="write the comparison there; the name's end says how"
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON in place of the table")


def options(parser: ArgumentParser) -> None:
    """Give a parser the options of a comparison."""
    parser.add_argument("prompt", nargs="+", help="what to ask; - reads it from standard input")
    parser.add_argument("-m", "--models", metavar="MODEL", action="append", default=[], help="host/model; several times, or with commas")
    parser.add_argument(
        "--transports", metavar="NAMES", default="", help="of sse,ws,webrtc,webrtc-ordered…: read one call over each of them"
    )
    parser.add_argument(
        "--set", metavar="JSON", action="append", default=[], help='a set of options to compare, such as {"temperature": 0}'
    )
    parser.add_argument("-s", "--system", help="instructions before the prompt")
    parser.add_argument("-o", "--option", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="an option of each request")
    parser.add_argument(
        "--workload",
        metavar="NAME|JSON",
        help="asked in a round: turn (the default), tool-loop, cancel, reconnect, closed-loop, open-loop, or JSON of one with options",
    )
    parser.add_argument("--by", metavar="FIGURE", help="what models are compared by, such as time_to_first_token (the default) or total")
    parser.add_argument("--runs", type=int, metavar="N", help="rounds after the cold one; each asks every model once")
    parser.add_argument("--calls", type=int, metavar="N", help="at most so many calls")
    parser.add_argument("--seconds", type=float, metavar="S", help="no further call after so many seconds")
    parser.add_argument(
        "--dollars",
        type=float,
        metavar="D",
        help="no call that might cost more than this in all; ends where nobody says what a call costs, as most hosts do not",
    )
    parser.add_argument("--width", type=float, metavar="SHARE", help="end when every interval is as narrow, such as 0.05 of the median")
    parser.add_argument("--seed", type=int, metavar="N", help="of the order of the calls; the same seed gives the same order")
    parser.add_argument("--workers", metavar="N|ADDRESS", help="spread the rounds over N processes, or over the Dask cluster at an address")


def file(path: str) -> str:
    """A file that a comparison can be saved to: a mistake is found before anything is asked."""
    from ..report.file import FORMS

    if not path.lower().endswith((*FORMS,)):
        raise ArgumentTypeError(f"a comparison is saved as {', '.join(FORMS)}; {path!r} ends in none of them")
    return folder(path)


def keywords(given: Namespace) -> dict[str, Any]:
    """What `tw.compare` takes, beside the prompt, of what was typed."""
    named = {
        "models": names(given.models),
        "transports": names([given.transports]),
        "options": [value(text) for text in given.set],
        "workers": given.workers and value(given.workers),
        "workload": given.workload and value(given.workload),
        **{name: getattr(given, name) for name in ("system", "by", "runs", "calls", "seconds", "dollars", "width", "seed")},
    }
    return request(given.option) | {name: what for name, what in named.items() if what not in (None, [])}


def run(given: Namespace) -> int:
    """Compare, show the findings, save them."""
    from ..measurement import compare

    asked = keywords(given)
    with place(asked.get("transports", ())):
        return finish(compare(prompt(given.prompt), **asked), given)


@contextmanager
def place(transports: Sequence[str]) -> Iterator[None]:
    """Where streams live meanwhile: transports, where there are such, need a Jupyter server, and get one of their own."""
    if not transports or not {*transports} <= {*TRANSPORTS} - {"auto", "comm"}:
        yield
        return
    from ..private_server import served

    with served():
        yield


def finish(found: Measurement, given: Namespace) -> int:
    """Wait for a comparison, show and save it, also when it was interrupted; gives the exit code."""
    code = _waited(found)
    _tell(found, given.json)
    for path in given.save:
        found.save(path)
    return code


def _waited(found: Measurement) -> int:
    try:
        found.wait()
    except KeyboardInterrupt:
        found.stop()  # it may have come before the waiting
        return INTERRUPTED
    answered = {trial.arm for trial in found.trials if "" not in trial.failures}
    came = {way for way in found.transports for trial in found.trials if not {"", way} & trial.failures.keys()}
    return OK if len(answered) == len(found.arms) and len(came) == len(found.transports) else FAILED


def _tell(found: Measurement, as_json: bool) -> None:
    from .. import findings_file
    from ..comparison import TRANSPORT_WORDS
    from ..markup import clean

    reasons = {
        (TRANSPORT_WORDS[way] if way else found.arms[trial.arm].label, why) for trial in found.trials for way, why in trial.failures.items()
    }
    for label, why in sorted(reasons):
        sys.stderr.write(f"{clean(label)} failed: {clean(why)}\n")
    print(findings_file.dumps(findings_file.body(found)).rstrip() if as_json else shown(found))  # noqa: T201 (this is the command's output)


def shown(found: Findings) -> str:
    """The findings in words."""
    from ..markup import clean

    return clean(repr(found))
