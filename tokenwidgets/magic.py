"""`%stream` and `%%stream`."""

from __future__ import annotations

import shlex
from argparse import SUPPRESS, Action, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Enum, Unicode

from . import api, commands
from .card import Format
from .errors import TokenwidgetsError
from .prompt import fill
from .providers import config
from .result import Result

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

FORMATS: tuple[Format, ...] = ("markdown", "text", "json", "code")

USAGE = """\
%%stream [MODEL] [options]      the cell's body is the prompt
%stream [MODEL] prompt          the same on one line
%stream list | hosts | alias [NAME MODEL] | config [key HOST] | replay FILE [SPEED] | doctor | help

MODEL is host/model, such as sim/steady or openai/gpt-5.2; without one the default answers. {name}, {df.shape} and {rows[0]} in the
prompt are replaced if they are there. The result is _, and NAME with --out NAME. An interrupt stops the provider and keeps what came."""


class Interrupted(KeyboardInterrupt):
    """An interrupted stream. It stops "Run all" like any interrupt, and shows one line."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%stream: {message}; %stream help shows how it is used.")


def parser() -> ArgumentParser:
    """The options of the magic."""
    out = _Parser(prog="%stream", add_help=False, allow_abbrev=False)
    out.add_argument("-h", "--help", action="store_true", help="show this")
    out.add_argument("-m", "--model", help="host/model, or an alias")
    out.add_argument("-T", "--transport", choices=api.TRANSPORTS, help="how the page reads the stream")
    out.add_argument("-s", "--system", help="instructions before the prompt")
    out.add_argument("-o", "--option", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="an option of the request")
    out.add_argument("-f", "--format", choices=FORMATS, default="markdown", help="how the finished answer is set")
    out.add_argument("--out", metavar="NAME", help="variable for the result")
    out.add_argument("-c", "--continue", dest="go_on", action="store_true", help="go on with the conversation of the last stream")
    out.add_argument("--record", metavar="FILE", help="save the stream to a file when it ends")
    out.add_argument("--background", action="store_true", help="return at once")
    out.add_argument("--raw", action="store_true", help="leave every brace of the prompt as it is")
    out.add_argument("words", nargs="*", help=SUPPRESS)
    return out


@magics_class
class StreamMagics(Magics):
    """The magic's defaults, for `%config StreamMagics.model = …` and `ipython_config.py`."""

    model = Unicode("", help="Model of a cell that names none; empty means the configured default.").tag(config=True)
    transport = Enum(list(api.TRANSPORTS), "auto", help="Transport of a cell that names none.").tag(config=True)
    system = Unicode("", help="System prompt of a cell that gives none.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._last: Result | None = None
        self._turns: list[Mapping[str, Any]] = []

    @no_var_expand
    @line_cell_magic
    def stream(self, line: str, cell: str | None = None) -> Result | None:
        """Stream an answer of a language model into this cell. `%stream help` shows how."""
        try:
            if cell is None:
                return self._line(line)
            options = _parsed(shlex.split(line))
            if options.help:
                return self._help()
            model, *rest = options.words or [None]
            if rest:
                raise UsageError(f"%%stream takes one model before its options; {rest[0]!r} is too much. The prompt is the cell's body.")
            return self._ask(options, model, cell.strip())
        except (TokenwidgetsError, FileNotFoundError, ValueError) as e:
            raise UsageError(str(e)) from None

    def _line(self, line: str) -> Result | None:
        words = _split(line)
        if not words:
            return self._help()
        if (command := commands.parse(words)) is not None:
            return command()
        model, rest = _model_first(line.strip())
        head, rest = _head(rest)
        options = _parsed(head)
        if options.help:
            return self._help()
        if model is None:
            model, rest = _model_first(rest)
        return self._ask(options, model, rest)

    def _help(self) -> None:
        print(USAGE + "\n\n" + parser().format_help().split("\n\n", 1)[1])  # noqa: T201 (help is asked for)

    def _ask(self, options: Namespace, model: str | None, prompt: str) -> Result | None:
        if not prompt:
            raise UsageError("%stream: there is no prompt.")
        text = prompt if options.raw else fill(prompt, self.shell.user_ns)
        messages = [*self._history(options.go_on), {"role": "user", "content": text}]
        result = api.stream(
            messages=messages,
            model=options.model or model or self._continued(options.go_on) or self.model or None,
            transport=options.transport or self.transport,
            system=options.system or self.system or None,
            format=options.format,
            record=options.record,
            **_options(options.option),
        )
        self._last, self._turns = result, messages
        if options.out:
            self.shell.user_ns[options.out] = result
        return result if options.background else self._finished(result)

    def _history(self, go_on: bool) -> list[Mapping[str, Any]]:
        if not go_on:
            return []
        if self._last is None:
            raise UsageError("%stream: there is no conversation to continue yet.")
        return [*self._turns, {"role": "assistant", "content": self._last.text}]

    def _continued(self, go_on: bool) -> str:
        return self._last.model if go_on and self._last else ""

    def _finished(self, result: Result) -> Result:
        """Wait for the end. An interrupt stops the provider and keeps what came; then it goes on as an interrupt, in one line."""
        try:
            return result.wait()
        except KeyboardInterrupt:
            self.shell.displayhook.update_user_ns(result)
            raise Interrupted(f"Interrupted: the stream was stopped after {result.metrics.chunks} chunks; they are kept in _.") from None


def _parsed(words: Sequence[str]) -> Namespace:
    return parser().parse_args(list(words))


def _split(line: str) -> list[str]:
    """The words of a line; a prompt may hold a lone quote, so its words need not obey the shell's rules."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _head(line: str) -> tuple[list[str], str]:
    """The options at the beginning of a line, and the prompt behind them as it was typed; `--` ends the options."""
    takes = {flag: _values(action) for action in parser()._actions for flag in action.option_strings}
    head: list[str] = []
    while line.startswith("-"):
        flag, line = _word(line)
        if flag == "--":
            break
        head.append(flag)
        for _ in range(takes.get(flag, 0)):
            value, line = _word(line)
            head.append(value)
    return head, line


def _values(action: Action) -> int:
    """How many words an option takes behind it."""
    return action.nargs if isinstance(action.nargs, int) else 1


def _word(text: str) -> tuple[str, str]:
    """The first word of a text, quoted or not, and what follows it."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    word = lexer.get_token() or ""
    return word, lexer.instream.read().lstrip()


def _model_first(prompt: str) -> tuple[str | None, str]:
    """A prompt's first word, if it names a model, and the rest."""
    first, _, rest = prompt.partition(" ")
    return (first, rest.strip()) if _names_model(first) else (None, prompt)


def _names_model(word: str) -> bool:
    settings = config.load()
    return word in settings.aliases or any(word.startswith((f"{host}/", f"{host}:")) for host in settings.hosts)


def _options(pairs: Sequence[Sequence[str]]) -> dict[str, Any]:
    return {key: commands.value(text) for key, text in pairs}


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext tokenwidgets`; silent."""
    from .completion import install

    magics = StreamMagics(shell)
    shell.register_magics(magics)
    install(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext tokenwidgets`."""
    from .completion import remove

    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("stream", None)
    remove(shell)
