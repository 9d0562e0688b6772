"""A finished stream as the assistant's message that its conversation goes on from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..dialects.dump import dump
from ..events import Carry, Event, Reasoning, Refusal, Text, Tool


def turn(events: Iterable[Event]) -> dict[str, Any]:
    """What the model said, called and gives to be carried, in our form. Thoughts are words only where nothing is carried for them."""
    first = [event for event in events if not getattr(event, "choice", 0)]
    out: dict[str, Any] = {"role": "assistant", "content": "".join(e.delta for e in first if isinstance(e, Text | Refusal))}
    calls: dict[int, dict[str, Any]] = {}
    for event in first:
        if isinstance(event, Tool):
            _add(calls.setdefault(event.block, {"id": f"call_{event.block}", "name": "", "arguments": ""}), event)
    if calls:
        out["tool_calls"] = [{"id": c.pop("id"), "type": "function", "function": c} for c in calls.values()]
    if carried := [e.opaque for e in first if isinstance(e, Carry)]:
        out["carry"] = carried
    elif thoughts := "".join(e.delta for e in first if isinstance(e, Reasoning) and e.kind == "full"):
        out["reasoning_content"] = thoughts
    return out


def _add(call: dict[str, Any], event: Tool) -> None:
    call["id"], call["name"] = event.id or call["id"], event.name or call["name"]
    if event.done and not call["arguments"] and event.arguments is not None:
        call["arguments"] = dump(event.arguments).decode()
    elif not event.done:
        call["arguments"] += event.delta
