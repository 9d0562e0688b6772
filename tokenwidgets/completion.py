"""Completion on the magic's line: models, transports, options. Never waits for the network."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from concurrent.futures import Future
from inspect import isfunction
from time import monotonic
from typing import TYPE_CHECKING, Any

from . import api
from .errors import Refused
from .formulas import DEFINITIONS
from .providers import catalogue, config
from .providers.model_cache import ModelCache
from .providers.replay import SHIPPED
from .request import OPTIONS, SIM_OPTIONS
from .transports import TRANSPORTS
from .usage import FORMATS, comparison, parser

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

COMMANDS = ("list", "hosts", "alias", "config", "race", "compare", "replay", "doctor", "help")
NAMES = ("%stream", "%%stream")

_asked: Future[list[Any]] | None = None
_asked_at = 0.0


def install(shell: InteractiveShell) -> None:
    """Complete the magics of a shell."""
    for name in NAMES:
        shell.set_hook("complete_command", complete, str_key=name)


def remove(shell: InteractiveShell) -> None:
    """Undo `install`."""
    for name in NAMES:
        shell.strdispatchers["complete_command"].strs.pop(name, None)


def complete(shell: InteractiveShell, event: Any) -> list[str]:
    """What may stand at the cursor of a line."""
    functions = [name for name, value in shell.user_ns.items() if isfunction(value)]
    return candidates(event.line.split("\n")[0], event.symbol, functions)


def candidates(line: str, symbol: str, functions: Sequence[str] = ()) -> list[str]:
    """What may follow on a line of the magic whose last word so far is `symbol`, in a notebook with these functions."""
    words = line.split()
    before = words[-2] if symbol and len(words) > 1 else words[-1] if words else ""
    if words[1:2] == ["race"] and (raced := _raced(before, symbol)):
        return raced
    if words[1:2] == ["compare"] and (compared := _compared(before, symbol)):
        return compared
    if before in ("-T", "--transport"):
        found: list[str] = list(TRANSPORTS)
    elif before in ("-f", "--format"):
        found = list(FORMATS)
    elif before == "--tool":
        found = list(functions)
    elif before in ("-o", "--option"):
        found = sorted({**OPTIONS, **SIM_OPTIONS})
    elif symbol.startswith("-"):
        found = _flags(parser())
    else:
        found = [*models(), *(COMMANDS if line.startswith("%stream") and len(words) <= 2 else ())]
    return [word for word in found if word.startswith(symbol)]


def _raced(before: str, symbol: str) -> list[str]:
    """What may follow in a race: its two options, and the last name of a list."""
    named, _, name = symbol.rpartition(",")
    if before in ("--models", "--transports"):
        found = models() if before == "--models" else TRANSPORTS[1:]
        return [f"{named},{word}" if named else word for word in found if word.startswith(name)]
    return [flag for flag in ("--models", "--transports") if symbol.startswith("-") and flag.startswith(symbol)]


def _compared(before: str, symbol: str) -> list[str]:
    """What may follow in a comparison: models, transports and figures where they belong, else its options."""
    if before in ("-m", "--models"):
        return _raced("--models", symbol)
    if before == "--transports":
        return [word for word in _raced(before, symbol) if not word.endswith("comm")]
    found = list(DEFINITIONS) if before == "--by" else _flags(comparison()) if symbol.startswith("-") else []
    return [word for word in found if word.startswith(symbol)]


def _flags(of: ArgumentParser) -> list[str]:
    return [flag for action in of._actions for flag in action.option_strings]


def models() -> list[str]:
    """Aliases, what is known of models without asking, and what hosts told that were asked in the background."""
    asked = _asking()
    settings = _settings()
    known = catalogue.known(settings, SHIPPED, ModelCache())
    told = asked.result() if asked.done() and not asked.exception() else []
    return list(dict.fromkeys([*settings.aliases, *(str(model["id"]) for model in (*known, *told))]))


def _asking() -> Future[list[Any]]:
    """What hosts tell, asked for with the first completion, and again when it is old; completion offers the file's until it is there."""
    global _asked, _asked_at
    if _asked is None or (_asked.done() and monotonic() - _asked_at > catalogue.KEEP_SECONDS):
        from .portal import portal

        _asked, _asked_at = portal().submit(_ask()), monotonic()
    return _asked


def _settings() -> config.Config:
    """The configuration; what is built in where it is not well, which asking a model will say."""
    try:
        return config.load()
    except Refused:
        return config.Config()


async def _ask() -> list[Any]:
    return await api.gateway().models()
