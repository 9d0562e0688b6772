"""One output item of a response as it forms: its parts, its call, what of it must be carried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ..events import Tool
from .untrusted import parse, string

Kind: TypeAlias = Literal["text", "refusal", "reasoning", "summary"]

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items that are calls of the client's tools, and the field that holds their text."""

MARKED = ("message", *CALLS)
"""Items that go back from our messages; only their place, and what our messages cannot say of them, is carried."""

EXTRA = frozenset({"phase", "namespace", "caller"})
"""What our messages cannot say of an item; without `phase` later answers get worse (openai types/responses/easy_input_message_param.py)."""


@dataclass(slots=True)
class Grown:
    """Text that grows by deltas and is then told whole."""

    block: int
    pieces: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, text: str) -> str:
        """Take a delta, and give it."""
        self.pieces.append(text)
        self.size += len(text)
        return text

    def rest(self, whole: str) -> str:
        """What the whole text has beyond the deltas; nothing where they differ, since what was shown stands."""
        if len(whole) > self.size and whole.startswith("".join(self.pieces)):
            return self.add(whole[self.size :])
        return ""


@dataclass(slots=True)
class Call:
    """A tool call: what is known of it so far. `first` is the text that it was announced with."""

    text: Grown
    custom: bool = False
    id: str = ""
    name: str = ""
    first: str = ""
    ended: bool = False

    def end(self, complete: bool) -> Tool:
        """The call's last event."""
        self.ended = True
        text = "".join(self.text.pieces)
        value: Any = _parsed(text.strip(), complete)
        if self.custom:
            value = text if complete else None
        return Tool(self.text.block, self.id or None, self.name or None, "", True, value, value is None)


@dataclass(slots=True)
class Item:
    """An output item; its kind is empty until it was announced."""

    kind: str = ""
    parts: dict[tuple[Kind, int], Grown] = field(default_factory=dict)
    annotations: dict[int, int] = field(default_factory=dict)
    call: Call | None = None
    block: int | None = None
    done: bool = False

    def mark(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of the item, which is done as `value`, goes into the next request; empty when there is nothing."""
        if self.kind in ("reasoning", "compaction"):
            return value if value.get("encrypted_content") or value.get("content") else {}
        if self.kind in MARKED:
            extra = {k: value[k] for k in sorted(EXTRA) if value.get(k)}
            if self.call:
                return {"type": self.kind, "call_id": self.call.id, **extra}
            characters = sum(part.size for (kind, _), part in self.parts.items() if kind == "text")
            return {"type": self.kind, "characters": characters, **extra} if characters else {}
        return value if self.kind in ("tool_search_call", "tool_search_output") else {}


def argument_text(value: Any) -> str:
    """Argument text; an object that came whole is written as text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else string(value)


def _parsed(text: str, complete: bool) -> Any:
    """Argument text as a value: none at all, or `null`, is a call without arguments; None when it does not parse or was cut."""
    if not text and not complete:
        return None
    try:
        return {} if text in ("", "null") else parse(text)
    except ValueError:
        return None
