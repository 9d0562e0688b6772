"""A finished stream as the assistant's message that its conversation goes on from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .dialects.dump import dump
from .events import Carry, Event, Reasoning, Refusal, Text, Tool


def turn(events: Iterable[Event]) -> dict[str, Any]:
    """What the model said, called and gives to be carried, in our form. Thoughts are words only where nothing is carried for them."""
    first = [event for event in events if not getattr(event, "choice", 0)]
    out: dict[str, Any] = {"role": "assistant", "content": said(first)}
    calls: dict[int, dict[str, Any]] = {}
    for event in first:
        if isinstance(event, Tool):
            _add(calls.setdefault(event.block, {"id": f"call_{event.block}", "name": "", "arguments": ""}), event)
    carried = [e for e in first if isinstance(e, Carry)]
    beside = {e.block: e.opaque for e in carried if e.block in calls and _beside_its_call(e.opaque)}
    if calls:
        out["tool_calls"] = [_call(call, beside.get(block, {})) for block, call in calls.items()]
    if within := [e.opaque for e in carried if e.opaque is not beside.get(e.block)]:
        out["carry"] = within
    elif thoughts := "".join(e.delta for e in first if isinstance(e, Reasoning) and e.kind == "full"):
        out["reasoning_content"] = thoughts
    return out


def _beside_its_call(opaque: Any) -> bool:
    """Whether it goes back in the very call it came with: Google's signatures in chat completions (wire-formats section 1.8)."""
    return isinstance(opaque, dict) and opaque.keys() == {"extra_content"}


def _call(call: dict[str, Any], beside: dict[str, Any]) -> dict[str, Any]:
    return {"id": call.pop("id"), "type": "function", "function": call, **beside}


def said(events: Iterable[Event]) -> str:
    """The words alone: the answer, or the refusal to give one."""
    return "".join(e.delta for e in events if isinstance(e, Text | Refusal) and not e.choice)


def _add(call: dict[str, Any], event: Tool) -> None:
    call["id"], call["name"] = event.id or call["id"], event.name or call["name"]
    if event.done and not call["arguments"] and event.arguments is not None:
        call["arguments"] = dump(event.arguments).decode()
    elif not event.done:
        call["arguments"] += event.delta
