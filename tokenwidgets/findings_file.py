"""A comparison in a file: one JSON object. What looks like a key in a request is left out, as in every recording, and what is no JSON, such
as a provider with its key, is only named.
"""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .recording import without_secrets
from .runtime import version
from .trials import Trial
from .verdicts import Verdict

if TYPE_CHECKING:
    from .findings import Findings

VERSION = 1
"""Of the form of the file."""


def dump(of: Findings, path: Path) -> Path:
    """Write a comparison, ended or not."""
    path.write_text(json.dumps(body(of), indent=1, ensure_ascii=False, default=lambda value: type(value).__name__), encoding="utf-8")
    return path


def body(of: Findings) -> dict[str, Any]:
    """Its JSON.

    `order` is that of the calls, each as round and arm; `trials` are in it, as far as they were made. Units are those of the definitions:
    µs, and tok/s of a rate.
    """
    return {
        "tokenwidgets_comparison": VERSION, "created": of.created, "seed": of.seed, "by": of.by, "transports": of.transports,
        "arms": [{"label": arm.label, "request": without_secrets(dict(arm.request))} for arm in of.arms],
        "budget": asdict(of.budget), "order": of.order, "ended": of.why, "trials": [_trial(trial) for trial in of.trials],
        "verdict": of.verdict, "statistics": [_statistics(verdict) for verdict in of.verdicts], "environment": environment(),
    }  # fmt: skip


def _trial(trial: Trial) -> dict[str, Any]:
    return {name: value for name, value in asdict(replace(trial, entries=())).items() if name != "entries"}


def _statistics(verdict: Verdict) -> dict[str, Any]:
    return {
        "measure": asdict(verdict.measure),
        "contenders": [{"label": contender.label, **asdict(verdict.summary(place))} for place, contender in enumerate(verdict.contenders)],
        "pairs": [asdict(pair) for pair in verdict.pairs],
        "leader": verdict.leader,
    }


def environment() -> dict[str, str]:
    """What ran where; no names of machines or users."""
    return {"tokenwidgets": version(), "python": platform.python_version(), "platform": sys.platform, "machine": platform.machine()}
