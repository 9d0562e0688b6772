"""How the words of a command line are read: by the command `tokenwidgets`, and where it shares options, by `%stream`."""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

EXIT_CODES = f"""\
exit codes: {OK} all is well; {FAILED} it failed, or a condition of `report check` holds; {USAGE} this is not how it is called;
{INTERRUPTED} it was interrupted, and what there was is shown and saved"""

Run: TypeAlias = Callable[[Namespace], int]
Commands: TypeAlias = "_SubParsersAction[Parser]"


class Parser(ArgumentParser):
    """A parser that says what is wrong in one sentence."""

    def __init__(self, **given: Any) -> None:
        super().__init__(formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False, **given)

    def error(self, message: str) -> NoReturn:
        """See `argparse`."""
        self.exit(USAGE, f"{self.prog}: {message}; {self.prog} --help shows how it is called.\n")


def command(commands: Commands, name: str, what: str, example: str, run: Run | None = None) -> Parser:
    """A sub-command.

    Parameters
    ----------
    commands : those of the command above.
    name : what is typed.
    what : it does, in a sentence.
    example : of its use.
    run : carries it out and gives the exit code; None where it has sub-commands of its own.
    """
    found = commands.add_parser(name, help=what, description=what, epilog=f"example:\n  {example}\n\n{EXIT_CODES}")
    if run is not None:
        found.set_defaults(run=run)
    return found


def value(text: str) -> Any:
    """An option's value: JSON where it is JSON (`0.2`, `true`, `["a"]`), else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def names(lists: Sequence[str]) -> list[str]:
    """The names of an option that is given several times, or once with commas."""
    return [name for text in lists for name in text.split(",") if name]


def prompt(words: Sequence[str]) -> str:
    """What is asked; `-` reads it from standard input.

    Raises
    ------
    Refused : there is nothing, or no text.
    """
    from ..errors import Refused

    try:
        text = sys.stdin.buffer.read().decode().strip() if list(words) == ["-"] else " ".join(words)
    except UnicodeDecodeError:
        raise Refused("bad_request", "What came on standard input is no UTF-8 text.") from None
    if not text:
        raise Refused("bad_request", "There is no prompt.")
    return text


def folder(file: str) -> str:
    """A file to write, whose folder is there: a mistake is found before anything is asked."""
    from pathlib import Path

    if not Path(file).expanduser().parent.is_dir():
        raise ArgumentTypeError(f"{file!r} cannot be written: there is no folder {str(Path(file).parent)!r}")
    return file


KEY_OPTION = re.compile(r"(?i)--?(api[-_]?)?(key|token|secret|password)(=.*)?")
"""What somebody types who wants to give a key."""

NO_KEY = (
    "No key is given on a command line, which the history keeps and other users of the machine can see: set the variable of its host, such "
    "as OPENAI_API_KEY, or store the key in a notebook by %stream config key HOST."
)


def request(options: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Options of the request, from `-o KEY VALUE`.

    Raises
    ------
    Refused : one of them is a key.
    """
    from ..errors import Refused
    from ..recording import without_secrets

    given = {name: value(text) for name, text in options}
    if without_secrets(given) != given:
        raise Refused("bad_request", NO_KEY)
    return given
