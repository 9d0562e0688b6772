"""How the magic is used: its options and its help."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from typing import NoReturn

from IPython.core.error import UsageError

from .cli.compare import options
from .transports import TRANSPORTS

FORMATS = ("markdown", "text", "json", "code")

USAGE = """\
%%stream [MODEL] [options]      the cell's body is the prompt
%stream [MODEL] prompt          the same on one line
%stream list [TEXT] | hosts | alias [NAME MODEL] | config [key HOST] | replay FILE [SPEED] | doctor | help
%stream race PROMPT [--models A,B] [--transports sse,ws,webrtc,webrtc-ordered,webrtc-unordered,comm]
%stream compare PROMPT -m A -m B [--transports sse,ws,webrtc,…] [--runs N] [--calls N] [--seconds S] [--width 0.05] …

MODEL is host/model, such as sim/steady or openai/gpt-5.2; without one the default answers. {name}, {df.shape} and {rows[0]} in the
prompt are replaced if they are there. The result is _, and NAME with --out NAME. An interrupt stops the provider and keeps what came."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%stream: {message}; %stream help shows how it is used.")


def parser() -> ArgumentParser:
    """The options of the magic."""
    out = _Parser(prog="%stream", add_help=False, allow_abbrev=False)
    out.add_argument("-h", "--help", action="store_true", help="show this")
    out.add_argument("-m", "--model", help="host/model, or an alias")
    out.add_argument("-T", "--transport", choices=TRANSPORTS, help="how the page reads the stream")
    out.add_argument("-s", "--system", help="instructions before the prompt")
    out.add_argument("-o", "--option", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="an option of the request")
    out.add_argument("-f", "--format", choices=FORMATS, default="markdown", help="how the finished answer is set")
    out.add_argument("--out", metavar="NAME", help="variable for the result")
    out.add_argument("-c", "--continue", dest="go_on", action="store_true", help="go on with the conversation of the last stream")
    out.add_argument("--tool", metavar="NAME", action="append", default=[], help="a function of the notebook that the model may call")
    out.add_argument("--image", metavar="WHAT", action="append", default=[], help="a picture: a file, or a variable that holds one")
    out.add_argument("--record", metavar="FILE", help="save the stream to a file when it ends")
    out.add_argument("--background", action="store_true", help="return at once")
    out.add_argument("--raw", action="store_true", help="leave every brace of the prompt as it is")
    out.add_argument("words", nargs="*", help=SUPPRESS)
    return out


def comparison() -> ArgumentParser:
    """The options of `%stream compare`: those of `tokenwidgets compare`, and a name for the result."""
    out = _Parser(prog="%stream compare", add_help=False, allow_abbrev=False)
    options(out)
    out.add_argument("--out", metavar="NAME", type=_variable, help="variable for the result")
    return out


def _variable(name: str) -> str:
    if not name.isidentifier():
        raise ArgumentTypeError(f"it names a variable, which {name!r} cannot be")
    return name


def help_text() -> str:
    """Everything `%stream help` shows."""
    return USAGE + "\n\n" + parser().format_help().split("\n\n", 1)[1]
