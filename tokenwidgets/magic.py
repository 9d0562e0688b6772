"""`%stream` and `%%stream`."""

from __future__ import annotations

import re
import shlex
from argparse import Action, Namespace
from collections.abc import Callable, Sequence
from inspect import signature
from io import StringIO
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Enum, Unicode

from . import api, commands
from .chats import Chat
from .cli.parsing import value
from .errors import TokenwidgetsError
from .prompt import fill
from .providers import config
from .races import Race
from .result import Result
from .rounds import Turn
from .tools import ToolLike
from .transports import TRANSPORTS
from .usage import parser

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .measurement import Measurement


class Interrupted(KeyboardInterrupt):
    """An interrupted stream. It stops "Run all" like any interrupt, and shows one line."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@magics_class
class StreamMagics(Magics):
    """The magic's defaults, for `%config StreamMagics.model = …` and `ipython_config.py`."""

    model = Unicode("", help="Model of a cell that names none; empty means the configured default.").tag(config=True)
    transport = Enum(list(TRANSPORTS), "auto", help="Transport of a cell that names none.").tag(config=True)
    system = Unicode("", help="System prompt of a cell that gives none.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._variables: dict[str, Any] = shell.user_ns
        self._remember: Callable[[object], None] = shell.displayhook.update_user_ns
        self._chat: Chat | None = None

    @no_var_expand
    @line_cell_magic
    def stream(self, line: str, cell: str | None = None) -> Result | Turn | Race | Measurement | None:
        """Stream an answer of a language model into this cell. `%stream help` shows how."""
        try:
            if cell is None:
                return self._line(line)
            options = _parsed(shlex.split(line))
            if options.help:
                commands.usage()
                return None
            model, *rest = options.words or [None]
            if rest:
                raise UsageError(f"%%stream takes one model before its options; {rest[0]!r} is too much. The prompt is the cell's body.")
            return self._ask(options, model, cell.strip())
        except (TokenwidgetsError, ValueError) as e:
            raise UsageError(str(e)) from None

    def _line(self, line: str) -> Result | Turn | Race | Measurement | None:
        words = _split(line)
        if not words:
            commands.usage()
            return None
        if (command := commands.parse(words)) is not None:
            return self._carried_out(command)
        model, rest = _model_first(line.strip())
        head, rest, only_prompt = _head(rest)
        options = _parsed(head)
        if options.help:
            commands.usage()
            return None
        if model is None and not only_prompt:
            model, rest = _model_first(rest)
        return self._ask(options, model, rest)

    def _ask(self, options: Namespace, model: str | None, prompt: str) -> Result | Turn | None:
        if not prompt:
            raise UsageError("%stream: there is no prompt.")
        if options.out and not options.out.isidentifier():
            raise UsageError(f"%stream: --out names a variable, which {options.out!r} cannot be.")
        text = prompt if options.raw else fill(prompt, self._variables)
        given = _options(options.option)
        tools = [*map(self._function, options.tool), *given.pop("tools", ())]
        chat = self._continued(tools) if options.go_on else Chat(tools=tools)
        chat.model = options.model or model or chat.model or self.model or None
        chat.conversation.system = options.system or chat.conversation.system or self.system or None
        turn = chat(
            text,
            images=[self._variables.get(what, what) for what in options.image],
            transport=options.transport or self.transport,
            format=options.format,
            record=options.record,
            **given,
        )
        self._chat = chat
        # A turn without functions is one stream.
        result = turn if chat.toolbox.functions else turn.results[0]
        if options.out:
            self._variables[options.out] = result
        return result if options.background else self._finished(turn, result)

    def _continued(self, tools: Sequence[ToolLike]) -> Chat:
        """The chat of the last stream, with its model, and with its tools unless others are given."""
        if self._chat is None or self._chat.last is None:
            raise UsageError("%stream: there is no conversation to continue yet.")
        last = self._chat.last.wait()
        chat = Chat(last.model, self._chat.conversation, tools)
        if not tools:
            chat.toolbox = self._chat.toolbox
        return chat

    def _function(self, name: str) -> Callable[..., Any]:
        found = self._variables.get(name)
        if not callable(found):
            raise UsageError(f"%stream: --tool names a function of the notebook, and there is no function {name!r}.")
        return found  # type: ignore[no-any-return]

    def _finished(self, turn: Turn, result: Result | Turn) -> Result | Turn:
        """Wait for the end. An interrupt stops the provider and keeps what came; then it goes on as an interrupt, in one line."""
        try:
            turn.wait()
        except KeyboardInterrupt:
            turn.stop()  # it may have come before the waiting, which stops what it waits for
            self._remember(result)  # sets _ and Out, as returning it would have done
            count = sum(r.metrics.chunks for r in turn.results)
            chunks = "1 chunk; it is" if count == 1 else f"{count} chunks; they are"
            raise Interrupted(f"Interrupted: the stream was stopped after {chunks} kept in _.") from None
        return result

    def _carried_out(self, command: commands.Command) -> Result | Race | Measurement | None:
        started = None
        try:
            started = command()
            return None if started is None else started.wait()
        except KeyboardInterrupt:
            if started is not None:
                started.stop()
                self._remember(started)
            raise Interrupted("Interrupted: what ran was stopped, and what came is kept in _.") from None


_OPTION = re.compile(r"--?[A-Za-z]|--(\s|$)")
"""The beginning of an option, as opposed to a list item or a negative number that begins a prompt."""


def _parsed(words: Sequence[str]) -> Namespace:
    return parser().parse_args(list(words))


def _split(line: str) -> list[str]:
    """The words of a line; a prompt may hold a lone quote, so its words need not obey the shell's rules."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _head(line: str) -> tuple[list[str], str, bool]:
    """The options at the beginning of a line, the rest as it was typed, and whether `--` said that it is nothing but the prompt."""
    takes = {flag: _values(action) for action in parser()._actions for flag in action.option_strings}
    head: list[str] = []
    while _OPTION.match(line):
        flag, line = _word(line)
        if flag == "--":
            return head, line, True
        head.append(flag)
        for _ in range(takes.get(flag, 0)):
            value, line = _word(line)
            head.append(value)
    return head, line, False


def _values(action: Action) -> int:
    """How many words an option takes behind it."""
    return action.nargs if isinstance(action.nargs, int) else 1


def _word(text: str) -> tuple[str, str]:
    """The first word of a text, quoted or not, and what follows it."""
    source = StringIO(text)
    lexer = shlex.shlex(source, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    word = lexer.get_token() or ""
    return word, source.read().lstrip()


def _model_first(prompt: str) -> tuple[str | None, str]:
    """A prompt's first word, if it names a model, and the rest."""
    first, _, rest = prompt.partition(" ")
    return (first, rest.strip()) if _names_model(first) else (None, prompt)


def _names_model(word: str) -> bool:
    """Whether a prompt's first word is an alias or begins with a host, or looks so much like one that it is a mistake."""
    settings = config.load()
    if word in settings.aliases or re.match(rf"({'|'.join(map(re.escape, settings.hosts))})[/:].", word):
        return True
    if not re.fullmatch(r"[a-z0-9_-]+/[\w.:/-]*\w", word):
        return False
    host = word.partition("/")[0]
    raise UsageError(f"%stream: there is no host {host!r}; if {word!r} begins the prompt, write %stream -- {word} …")


def _options(pairs: Sequence[Sequence[str]]) -> dict[str, Any]:
    for key, _ in pairs:
        if key in _NO_OPTIONS:
            raise UsageError(f"%stream: {key!r} is not an option of the request; %stream help shows how it is given.")
    return {key: value(text) for key, text in pairs}


_NO_OPTIONS = {*signature(api.stream).parameters} - {"dialect", "tools"}
"""What `tw.stream` takes beside options of the request."""


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext tokenwidgets`; silent."""
    from . import completion, question

    magics = StreamMagics(shell)
    shell.register_magics(magics)
    completion.install(shell)
    question.install(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext tokenwidgets`."""
    from . import completion, question

    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("stream", None)
    shell.configurables[:] = [c for c in shell.configurables if not isinstance(c, StreamMagics)]
    completion.remove(shell)
    question.remove(shell)
