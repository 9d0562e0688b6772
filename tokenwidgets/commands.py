"""Sub-commands of `%stream`: a line is one only if it parses as one, else it is a prompt."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import api
from .cli.compare import keywords
from .cli.parsing import value
from .errors import Refused
from .listing import Table
from .prompt import fill
from .providers import config, keys
from .providers.hosts import Host
from .providers.replay import Replay
from .races import Race, race
from .request import split_model
from .result import Result
from .usage import comparison

if TYPE_CHECKING:
    from .measurement import Measurement

Command = Callable[[], "Result | Race | Measurement | None"]
"""Carries a line out; what goes on then is waited for."""


def parse(words: Sequence[str]) -> Command | None:
    """The command that a line's words are, or None when they are a prompt."""
    match words:
        case ["list"]:
            return _list
        case ["list", text]:
            return partial(_list, text)
        case ["hosts"]:
            return _hosts
        case ["doctor"]:
            return _doctor
        case ["help"]:
            return usage
        case ["alias"]:
            return _aliases
        case ["alias", name, model] if _is_model(model):
            return partial(_alias, name, model)
        case ["config"]:
            return _config
        case ["config", "key", host]:
            return partial(_key, config.load().host(host))
        case ["config", "key", host, _] if host in config.load().hosts:
            raise Refused("bad_request", f"A line is kept in the history, so no key is typed on it: %stream config key {host} asks for it.")
        case ["replay", file] if _is_recording(file):
            return partial(_replay, file, 1.0)
        case ["race", *rest] if (given := _lanes(rest)) is not None:
            return partial(_race, *given)
        case ["compare", *rest] if (options := _compared(rest)) is not None:
            return partial(_compare, options)
        case ["replay", file, speed] if _is_recording(file) and isinstance(value(speed), int | float):
            return partial(_replay, file, float(value(speed)))
    return None


def _is_model(name: str) -> bool:
    try:
        split_model(name)
    except Refused:
        return False
    return True


def _is_recording(file: str) -> bool:
    return file.endswith(".jsonl") or Path(file).is_file() or file in Replay().names()


def _show(thing: object) -> None:
    from IPython.display import display

    display(thing)


def _list(text: str = "") -> None:
    _show(api.models().matching(text))


def _hosts() -> None:
    head = ["host", "key", "stopping ends the bill", "what it is"]
    _show(Table(head, [[h["name"], _key_state(h["key"]), _billing(h["cancel_stops_billing"]), h["about"]] for h in api.hosts()]))


def _key_state(key: dict[str, Any]) -> str:
    if key["present"]:
        return f"present, from {key['source']}"
    if problem := key.get("problem"):
        return f"unusable: {problem}"
    return f"missing: set {key['variable']}" if key["needed"] else "not needed"


def _billing(told: Any) -> str:
    """Whether closing the connection stops the bill; an aggregator tells it by the name of the provider that answers."""
    if isinstance(told, dict):
        return "depends on who answers"
    return {"yes": "yes", "no": "no", "unknown": "not documented"}.get(told, "no bill")


def _doctor() -> None:
    from .diagnosis import doctor

    _show(doctor())


def usage() -> None:
    """Show how the magic is used."""
    from .usage import help_text

    print(help_text())  # noqa: T201 (help is asked for)


def _aliases() -> None:
    _show(Table(["alias", "model"], [list(pair) for pair in config.load().aliases.items()]))


def _alias(name: str, model: str) -> None:
    config.add_alias(name, model)
    print(f"{name} is {model} now, for every notebook.")  # noqa: T201 (says what was done)


def _config() -> None:
    settings = config.load()
    rows = [
        ["configuration", f"{settings.path}{'' if settings.path.exists() else ' (not there)'}"],
        ["default model", settings.default_model or "local if it can run, else sim/steady"],
        ["keys", "%stream hosts shows which are present; %stream config key HOST stores one"],
    ]
    _show(Table(["setting", "value"], rows))


def _key(host: Host) -> None:
    key = getpass(f"Key for {host.name}: ").strip()
    if not key:
        raise Refused("bad_request", "No key was given, so none was stored.")
    where = keys.store(host, key)
    print(f"Stored in {where}; it will not be shown.")  # noqa: T201 (says what was done)


def _lanes(words: Sequence[str]) -> tuple[str, list[str], list[str]] | None:
    """The prompt, models and transports of a race; None where nothing says what is to race."""
    found: dict[str, list[str]] = {"--models": [], "--transports": []}
    prompt: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in found:
            found[word] = [name for name in next(rest, "").split(",") if name]
        else:
            prompt.append(word)
    if not prompt or not any(found.values()):
        return None
    for word in prompt:
        if re.match(r"--?[A-Za-z]", word):
            raise Refused("bad_request", f"{word!r} is no option of a race, which has {' and '.join(found)}; tw.race takes all others.")
    return " ".join(prompt), found["--models"], found["--transports"]


def _race(prompt: str, models: list[str], transports: list[str]) -> Race:
    from IPython import get_ipython

    return race(fill(prompt, get_ipython().user_ns), models=models, transports=transports)


def _compared(words: Sequence[str]) -> Namespace | None:
    """The options of a comparison; None where nothing says what is to be compared."""
    flags = {word.partition("=")[0] for word in words}
    return comparison().parse_intermixed_args(list(words)) if flags & {"-m", "--models", "--transports", "--set"} else None


def _compare(options: Namespace) -> Measurement:
    from IPython import get_ipython

    from .measurement import compare

    variables = get_ipython().user_ns
    found = compare(fill(" ".join(options.prompt), variables), **keywords(options))
    if options.out:
        variables[options.out] = found
    return found


def _replay(file: str, speed: float) -> Result:
    return api.replay(file, speed=speed)
