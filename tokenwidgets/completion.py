"""Completion on the magic's line: models, transports, options. Never waits for the network."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from . import api
from .errors import Refused
from .providers import config, local
from .providers.sim import MODELS
from .request import OPTIONS, SIM_OPTIONS
from .transports import TRANSPORTS
from .usage import FORMATS, parser

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

COMMANDS = ("list", "hosts", "alias", "config", "replay", "doctor", "help")
NAMES = ("%stream", "%%stream")

_asked: Future[list[Any]] | None = None


def install(shell: InteractiveShell) -> None:
    """Complete the magics of a shell."""
    for name in NAMES:
        shell.set_hook("complete_command", complete, str_key=name)


def remove(shell: InteractiveShell) -> None:
    """Undo `install`."""
    for name in NAMES:
        shell.strdispatchers["complete_command"].strs.pop(name, None)


def complete(_: Any, event: Any) -> list[str]:
    """What may stand at the cursor of a line."""
    return candidates(event.line.split("\n")[0], event.symbol)


def candidates(line: str, symbol: str) -> list[str]:
    """What may follow on a line of the magic whose last word so far is `symbol`."""
    words = line.split()
    before = words[-2] if symbol and len(words) > 1 else words[-1] if words else ""
    if before in ("-T", "--transport"):
        found: list[str] = list(TRANSPORTS)
    elif before in ("-f", "--format"):
        found = list(FORMATS)
    elif before in ("-o", "--option"):
        found = sorted({**OPTIONS, **SIM_OPTIONS})
    elif symbol.startswith("-"):
        found = _flags()
    else:
        found = [*models(), *(COMMANDS if line.startswith("%stream") and len(words) <= 2 else ())]
    return [word for word in found if word.startswith(symbol)]


def _flags() -> list[str]:
    return [flag for action in parser()._actions for flag in action.option_strings]


def models() -> list[str]:
    """Models that are known without asking, and those that were asked for in the background since the first completion."""
    global _asked
    if _asked is None:
        from .portal import portal

        _asked = portal().submit(_ask())
    settings = _settings()
    known = [f"sim/{name}" for name in MODELS]
    known += [f"local/{name}" for name in local.models(settings.local_models)]
    known += [f"{host.name}/{name}" for host in settings.hosts.values() for name in host.models]
    known += settings.aliases
    further = [str(m["id"]) for m in _asked.result()] if _asked.done() and not _asked.exception() else []
    return list(dict.fromkeys([*known, *further]))


def _settings() -> config.Config:
    """The configuration; what is built in where it is not well, which asking a model will say."""
    try:
        return config.load()
    except Refused:
        return config.Config()


async def _ask() -> list[Any]:
    return await api.gateway().models()
