"""What `tw.compare` asks of each arm in a round: one turn, a loop of tool calls, an answer that is stopped, a reader that is cut off,
many at once, or a spoken turn.

A workload is data: it keeps nothing from run to run, and can be sent to another process. To add one, subclass
`Workload`, give its figures their definitions, and name it here; order, budget, statistics, table and file are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Refused
from .asking import Asking
from .base import Taken, Workload
from .cancel import Cancel
from .load import ClosedLoop, OpenLoop
from .one_turn import OneTurn
from .reconnect import Reconnect
from .tool_loop import ToolLoop
from .voice_turn import VoiceTurn

__all__ = [
    "TURN", "WORKLOADS", "Asking", "Cancel", "ClosedLoop", "OneTurn", "OpenLoop", "Reconnect", "Taken", "ToolLoop", "VoiceTurn", "Workload",
    "chosen", "read",
]  # fmt: skip

WORKLOADS: Mapping[str, type[Workload]] = {
    kind.name: kind for kind in (OneTurn, ToolLoop, Cancel, Reconnect, ClosedLoop, OpenLoop, VoiceTurn)
}
"""By name."""

TURN = OneTurn()
"""What is asked if nothing else is said."""


def chosen(given: str | Mapping[str, Any] | Workload) -> Workload:
    """A workload by its name, with its usual options; as JSON, such as `{"name": "tool-loop", "turns": 5}`; or itself.

    Raises
    ------
    Refused : there is no such workload.
    """
    if isinstance(given, Workload):
        return given
    if isinstance(given, Mapping):
        return read(given)
    if not isinstance(given, str) or given not in WORKLOADS:
        raise Refused("bad_request", f"There is no workload {given!r}: it is one of {', '.join(WORKLOADS)}.")
    return WORKLOADS[given]()


def read(body: Any) -> Workload:
    """A workload from what `Workload.body` gave.

    Raises
    ------
    Refused : it is none.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("name"), str):
        raise Refused("bad_request", "A workload is an object with its 'name'.")
    kind = type(chosen(body["name"]))
    try:
        return kind(**{name: value for name, value in body.items() if name != "name"})
    except TypeError:
        raise Refused("bad_request", f"The workload {body['name']!r} has options that this version does not know.") from None
