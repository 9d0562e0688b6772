"""The content blocks of one message as they form (wire-formats sections 4.2 and 4.3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Carry, Event, Notice, Reasoning, ReasoningKind, Text, Tool
from .untrusted import count, items, mapping, parse, string

_PLACES = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
    "compaction_delta": ("compaction", "content"),
}
"""For each delta the kind of block it belongs to, and the field that holds its piece."""


@dataclass(slots=True)
class _Block:
    """A block: what its start held, and the pieces that came since, by field."""

    number: int
    raw: dict[str, Any]
    pieces: dict[str, list[str]] = field(default_factory=dict)
    citations: list[Any] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return string(self.raw.get("type"))

    def joined(self, name: str) -> str:
        return "".join(self.pieces.get(name, ()))

    def whole(self) -> dict[str, Any]:
        """The block as a request returns it."""
        out = dict(self.raw)
        for name in self.pieces:
            if name == "partial_json":
                arguments = _parsed(self.joined(name))
                out["input"] = {} if arguments is None else arguments
            elif name == "signature":
                out[name] = self.pieces[name][-1]  # whole in one delta, so another one replaces it
            else:
                out[name] = string(out.get(name)) + self.joined(name)
        if self.citations:
            out["citations"] = [*items(out.get("citations")), *self.citations]
        return out


class Blocks:
    """Events of content blocks in, ours out.

    Thinking with its signature, redacted thinking, and all that servers' tools leave are carried as whole blocks. When one of them
    stands behind text or a call, these are carried as well, so that what is carried then is the message's whole content in its order.

    Parameters
    ----------
    new_block : gives the stream's next free block.
    """

    def __init__(self, new_block: Callable[[], int]) -> None:
        self.thinking: ReasoningKind = "full"
        self.calls = 0
        self._new_block = new_block
        self._open: dict[int, _Block] = {}
        self._waiting: _Block | None = None
        self._plain: list[_Block] | None = []

    def start(self, index: int, raw: Mapping[str, Any]) -> Iterator[Event]:
        """A block begins; one that was never ended ends here."""
        yield from self.stop(index)
        yield from self._release(complete=True)
        block = self._open[index] = _Block(self._new_block(), dict(raw))
        yield from self._text(block, string(raw.get("text")))
        if block.kind == "thinking":
            yield from self._thought(block, string(raw.get("thinking")))
        if block.kind == "tool_use":
            self.calls += 1
            yield Tool(block.number, string(raw.get("id")) or None, string(raw.get("name")) or None)
        for citation in items(raw.get("citations")):
            yield _cited(block, citation)

    def delta(self, index: int, delta: Mapping[str, Any]) -> Iterator[Event]:
        """A piece of a block; one without a beginning begins here."""
        name = string(delta.get("type"))
        kind, place = _PLACES.get(name, ("text", ""))
        if index not in self._open:
            yield from self.start(index, {"type": kind})
        block = self._open[index]
        if name == "citations_delta":
            block.citations.append(delta.get("citation"))
            yield _cited(block, delta.get("citation"))
        if not (piece := string(delta.get(place))):
            return
        block.pieces.setdefault(place, []).append(piece)
        if name == "text_delta":
            yield from self._text(block, piece)
        elif name == "thinking_delta":
            yield from self._thought(block, piece)
        elif name == "input_json_delta" and block.kind == "tool_use":
            yield Tool(block.number, delta=piece)

    def stop(self, index: int) -> Iterator[Event]:
        """A block ends, if it is open. A call without argument text waits: only what follows tells whether it was cut."""
        block = self._open.pop(index, None)
        if block and block.kind == "tool_use" and not block.joined("partial_json"):
            yield from self._release(complete=True)
            self._waiting = block
        elif block:
            yield from self._end(block, complete=True)

    def _release(self, complete: bool) -> Iterator[Event]:
        block, self._waiting = self._waiting, None
        if block:
            yield from self._end(block, complete)

    def settle(self, complete: bool) -> Iterator[Event]:
        """The message is over.

        Parameters
        ----------
        complete : whether the model ended it of itself. In a message that was cut, a call without argument text is no call without
            arguments, and thinking without its end cannot be returned.
        """
        yield from self._release(complete)
        blocks, self._open = self._open, {}
        for block in blocks.values():
            if complete or block.kind == "tool_use":
                yield from self._end(block, complete)

    def _text(self, block: _Block, text: str) -> Iterator[Event]:
        if text:
            yield Text(block.number, text)

    def _thought(self, block: _Block, text: str) -> Iterator[Event]:
        if text:
            yield Reasoning(block.number, text, self.thinking)

    def _end(self, block: _Block, complete: bool) -> Iterator[Event]:
        if block.kind == "tool_use":
            done = _called(block, complete)
            if not block.pieces and done.arguments:
                yield Tool(block.number, delta=json.dumps(done.arguments, ensure_ascii=False))
            yield done
            complete = not done.invalid
        else:
            yield from _told(block)
        if complete:
            yield from self._keep(block)

    def _keep(self, block: _Block) -> Iterator[Event]:
        """Give what the next request has to return."""
        if block.kind in ("text", "tool_use"):
            if self._plain is None:
                yield from _carry(block)
            else:
                self._plain.append(block)
            return
        if not block.kind or (block.kind == "thinking" and not block.whole().get("signature")):
            return
        before = [b for b in self._plain or () if not _blank(b)]
        if before:
            self._plain = None
        for known in [*before, block]:
            yield from _carry(known)


def _carry(block: _Block) -> Iterator[Event]:
    if not _blank(block):
        yield Carry(block.number, block.whole())


def _blank(block: _Block) -> bool:
    """A text of nothing but blanks cannot be returned: such blocks are refused."""
    return block.kind == "text" and not string(block.whole().get("text")).strip()


def _cited(block: _Block, citation: Any) -> Notice:
    return Notice("citation", {"block": block.number, "citation": citation})


def _told(block: _Block) -> Iterator[Event]:
    """What a block that is neither text, thinking nor a call says to the user."""
    if block.kind == "fallback":
        yield Notice("provider", {"block": block.number, **block.whole()})
    elif block.kind not in ("", "text", "thinking", "redacted_thinking"):
        yield Notice("server_tool", {"block": block.number, **_shown(block.whole())})


def _shown(value: Any) -> Any:
    """A value without its encrypted parts, which are for the provider alone."""
    if isinstance(value, dict):
        return {k: _shown(v) for k, v in value.items() if not k.startswith("encrypted")}
    return [_shown(v) for v in value] if isinstance(value, list) else value


def _called(block: _Block, complete: bool) -> Tool:
    text = block.joined("partial_json").strip()
    given = block.raw.get("input")
    arguments = _parsed(text) if text else given if mapping(given) else {} if complete else None
    call_id, name = string(block.raw.get("id")) or None, string(block.raw.get("name")) or None
    return Tool(block.number, call_id, name, "", True, arguments, arguments is None)


def _parsed(text: str) -> Any:
    try:
        return parse(text) if text.strip() else {}
    except ValueError:
        return None


def index_of(body: Mapping[str, Any]) -> int:
    """The block an event is about; 0 where it does not say."""
    return count(body.get("index")) or 0
