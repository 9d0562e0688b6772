"""A comparison as JSON, and read back. Its form is `docs/comparison.schema.json`.

What looks like a key in a request is left out, as in every recording; what is no JSON, such as a provider with its key, is only named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .events import Entry, encode, read
from .formulas import Described
from .places import Place
from .recording import without_secrets
from .trials import Arm, Budget, Trial
from .verdicts import Verdict
from .withheld import NOT_KEPT, asked_without_words, digest, is_left_out, without_words

if TYPE_CHECKING:
    from .findings import Findings

VERSION = 1
"""Of the form of the file."""

LOCAL = ("images", "record", "transport", "show", "format", "provider")
"""Keywords of `tw.stream` that are of the machine that asks: paths, objects, how it is shown."""


def body(of: Findings, words: bool = True) -> dict[str, Any]:
    """Its JSON, ended or not.

    `order` is that of the calls, each as round and arm; `trials` are in it, as far as they were made. Units are those of the definitions:
    µs, and tok/s of a rate.

    Parameters
    ----------
    of : the comparison.
    words : keep what was asked and answered; else hashes, lengths and instants of it.
    """
    return {
        "tokenwidgets_comparison": VERSION, "created": of.created, "seed": of.seed, "by": of.by, "transports": of.transports,
        "workload": of.workload.body(), "words": words, "arms": [_arm(arm, words) for arm in of.arms], "budget": asdict(of.budget),
        "ended": of.why, "verdict": of.verdict, "environment": of.environment,
        "places": [asdict(place) for place in of.places],
        "statistics": [_statistics(verdict) for verdict in of.verdicts],
        "definitions": [_definition(of.workload.definition(name)) for name in measured(of)], "order": of.order,
        "trials": [_trial(trial, words) for trial in of.trials],
    }  # fmt: skip


def _arm(arm: Arm, words: bool) -> dict[str, Any]:
    asked = next((arm.request[name] for name in ("prompt", "messages") if arm.request.get(name) is not None), "")
    given = {name: _kept(name, value) for name, value in without_secrets(dict(arm.request)).items()}
    request = json.loads(json.dumps(given, default=lambda value: {NOT_KEPT: type(value).__name__}))
    return {"label": arm.label, "request": request if words else asked_without_words(request), "asked_sha256": digest(asked)}


def measured(of: Findings) -> list[str]:
    """The figures that any call gave, in the order of their definitions."""
    told = [figures for trial in of.trials for figures in (trial.figures, *trial.by_transport.values())]
    return [name for name in of.workload.figures if any(name in figures for figures in told)]


def _definition(of: Described) -> dict[str, str]:
    return {field.name: getattr(of, field.name) for field in fields(Described)}


def _trial(trial: Trial, words: bool) -> dict[str, Any]:
    return {field.name: _plain(getattr(trial, field.name), words) for field in fields(trial)}


def _plain(value: Any, words: bool) -> Any:
    """As JSON has it; an event of a stream is an object."""
    if isinstance(value, Entry):
        return without_secrets(json.loads((value if words else without_words(value)).data))
    if isinstance(value, Mapping):
        return {str(key): _plain(item, words) for key, item in value.items()}
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), words) for field in fields(value)}
    return [_plain(item, words) for item in value] if isinstance(value, list | tuple) else value


def _statistics(verdict: Verdict) -> dict[str, Any]:
    return {
        "measure": asdict(verdict.measure),
        "contenders": [{"label": contender.label, **asdict(verdict.summary(place))} for place, contender in enumerate(verdict.contenders)],
        "pairs": [asdict(pair) for pair in verdict.pairs],
        "leader": verdict.leader,
    }


def dumps(of: Mapping[str, Any]) -> str:
    """The text of a body: a line an item, so that two of them can be compared by eye."""
    return "{\n" + ",\n".join(f" {_json(name)}: {_value(value)}" for name, value in of.items()) + "\n}\n"


def _value(value: Any) -> str:
    return f"[\n  {(',' + chr(10) + '  ').join(map(_json, value))}\n ]" if isinstance(value, list) and value else _json(value)


def _json(value: Any) -> str:
    """JSON; a half of a character, which no UTF-8 can hold, stays an escape."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


# ------------------------------------------------------------------ read back


def arms(of: Mapping[str, Any]) -> list[Arm]:
    """The ways to ask, of a body. What is of the machine that asked is left out: a file is not to read or write others when it is run."""
    return [Arm(str(arm["label"]), {name: _kept(name, value) for name, value in arm["request"].items()}) for arm in of["arms"]]


def _kept(name: str, value: Any) -> Any:
    return {NOT_KEPT: "it is of the machine that asked"} if name in LOCAL and value is not None and not is_left_out(value) else value


def budget(of: Mapping[str, Any]) -> Budget:
    """When it was to end."""
    return Budget(**of["budget"])


def places(of: Mapping[str, Any]) -> list[Place]:
    """Where its calls were made from."""
    return [Place(**place) for place in of["places"]]


def trials(of: Mapping[str, Any]) -> list[Trial]:
    """Its calls, with their streams."""
    return [_read_trial(trial) for trial in of["trials"]]


@cache
def _tuples() -> frozenset[str]:
    return frozenset(field.name for field in fields(Trial) if field.default == ())


def _read_trial(of: Mapping[str, Any]) -> Trial:
    known = {field.name for field in fields(Trial)}
    found = Trial(**{name: _tuple(value) if name in _tuples() else value for name, value in of.items() if name in known})
    if not all(isinstance(entry, Entry) for stream in found.streams for entry in stream):
        raise ValueError("a stream has what is no event")
    return found


def _tuple(value: Any) -> Any:
    """What a list was before it was JSON: a tuple, of events where it holds events."""
    if isinstance(value, list):
        return tuple(_tuple(item) for item in value)
    if isinstance(value, dict) and {"type", "seq", "at"} <= value.keys():
        entry = read(value, b"")
        return encode(entry.event, entry.seq, entry.at)
    return value
