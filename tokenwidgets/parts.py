"""What a stream says, put together: the blocks of each choice, in the order in which they began."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from .events import CONTENT, Audio, Entry, Reasoning, Refusal, Text, Tool, Transcript
from .markup import clean

Content: TypeAlias = Text | Reasoning | Refusal | Tool | Audio | Transcript


@dataclass(slots=True)
class Part:
    """One block of one choice.

    Parameters
    ----------
    kind : the `type` of its events.
    choice : whose it is.
    note : what sort of it: a summary, a speaker, a tool's name.
    deltas : its pieces.
    call : the finished call of a tool, once it is.
    """

    kind: str
    choice: int
    note: str = ""
    deltas: list[str] = field(default_factory=list)
    call: Tool | None = None

    @property
    def text(self) -> str:
        """All of it."""
        return clean("".join(self.deltas))

    def add(self, event: Content) -> None:
        """Take a piece in."""
        self.deltas.append("" if isinstance(event, Audio) else event.delta)
        match event:
            case Reasoning():
                self.note = event.kind
            case Transcript():
                self.note = event.role
            case Tool():
                self.note = event.name or self.note
                self.call = event if event.done else self.call
            case _:
                pass

    def arguments(self, indent: int | None = None) -> str:
        """A call's arguments: as parsed, else as they came."""
        if self.call is None or self.call.invalid or self.call.arguments is None:
            return self.text
        return clean(json.dumps(self.call.arguments, indent=indent, ensure_ascii=False))


def parts(entries: Sequence[Entry]) -> list[Part]:
    """Every block of a journal."""
    found: dict[tuple[int, int, str], Part] = {}
    for entry in entries:
        if isinstance(entry.event, CONTENT):
            event = entry.event
            place = (event.choice, event.block, event.type)
            found.setdefault(place, Part(event.type, event.choice)).add(event)
    return sorted(found.values(), key=lambda part: part.choice)
