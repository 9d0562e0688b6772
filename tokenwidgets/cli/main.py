"""The command itself: finds the sub-command, and turns what goes wrong into a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from . import compare, doctor, race, replay, report
from .parsing import EXIT_CODES, FAILED, INTERRUPTED, KEY_OPTION, NO_KEY, USAGE, Parser

ABOUT = """\
Language-model streams, measured: what a notebook does with tokenwidgets, without one.

A model is host/model, such as sim/steady (simulated, needs nothing), local/smollm2-135m or openai/gpt-5.2. Keys are taken from the
environment and never typed here. Answers and findings go to standard output, how far it is to standard error."""


def parser() -> Parser:
    """The whole command line."""
    out = Parser(prog="tokenwidgets", description=ABOUT, epilog=EXIT_CODES)
    commands = out.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (compare, race, replay, report, doctor):
        module.add(commands)
    return out


def main(words: Sequence[str] | None = None) -> int:
    """Carry out a command line; gives the exit code.

    Parameters
    ----------
    words : behind the name of the command; by default those of this process.
    """
    from ..errors import Refused, TokenwidgetsError

    _say_anything()
    given = list(sys.argv[1:] if words is None else words)
    if any(map(KEY_OPTION.fullmatch, given)):
        return _said(NO_KEY, USAGE)
    options = parser().parse_args(given)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except Refused as e:
        return _said(str(e), USAGE if e.code == "bad_request" else FAILED)
    except TokenwidgetsError as e:
        return _said(str(e), FAILED)
    except KeyboardInterrupt:
        return _said("it was interrupted.", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read it has gone; what is left goes nowhere
        return FAILED
    except OSError as e:
        return _said(f"{e.filename or 'it'}: {(e.strerror or type(e).__name__).lower()}.", FAILED)
    return code


def _say_anything() -> None:
    """An answer may hold what the encoding of a terminal or a pipe has no letter for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _said(sentence: str, code: int) -> int:
    sys.stderr.write(f"tokenwidgets: {sentence}\n")
    return code
