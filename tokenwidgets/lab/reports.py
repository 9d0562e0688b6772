"""Reports as JSON: what the lab's processes tell each other, and what a recording holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from .base import Ended, Given, Packet, Report, Shown

KINDS: dict[str, type[Report]] = {"given": Given, "shown": Shown, "packet": Packet, "ended": Ended}
NAMES = {kind: name for name, kind in KINDS.items()}


def pack(report: Report) -> list[Any]:
    """A report as a list: its kind, then its fields in their order."""
    return [NAMES[type(report)], *astuple(report)]


def unpack(body: Sequence[Any]) -> Report:
    """The report that `pack` made a list of."""
    return KINDS[body[0]](*body[1:])
