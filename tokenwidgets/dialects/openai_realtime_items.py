"""The conversation of an OpenAI session as its items: what was said before, what is said now, what another connection is told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Refused
from ..realtime.said import heard
from ..request import Request
from . import messages
from .dump import dump
from .messages import Media, Part, Words
from .responses_item import Call, Grown
from .untrusted import string

ITEMS = 1_000
"""The most items that are remembered for another connection; the oldest go first."""


@dataclass(slots=True)
class Item:
    """One item that the server made: an utterance, an answer, a call.

    Parameters
    ----------
    role : whose it is.
    text : its words as they come; `text.block` is its block.
    id : the server's, on this connection.
    call : where it is one.
    audio_ms : how much sound of it came.
    spoken : whether it is sound.
    final : whether its words were told to be all.
    kept : how many characters of its words were heard, where it was cut off.
    """

    role: str
    text: Grown
    id: str = ""
    call: Call | None = None
    audio_ms: float = 0.0
    spoken: bool = False
    final: bool = False
    kept: int | None = None

    @property
    def words(self) -> str:
        """What was said so far, and heard."""
        return "".join(self.text.pieces)[: self.kept]

    def cut(self, played_ms: int) -> None:
        """Forget the words of sound that nobody heard."""
        self.kept = len(heard(self.words, played_ms, self.audio_ms))


@dataclass(slots=True)
class Items:
    """All of them, in their order: those that we made as they were sent, those of the server as they formed."""

    _all: list[Item | Mapping[str, Any]] = field(default_factory=list)
    _by_id: dict[str, Item] = field(default_factory=dict)

    def sent(self, item: Mapping[str, Any]) -> None:
        """Remember one of ours."""
        self._remember(item)

    def get(self, id: str) -> Item | None:
        """One of this connection's."""
        return self._by_id.get(id)

    def block(self, block: int) -> Item | None:
        """The one of this connection whose block it is."""
        return next((item for item in self._by_id.values() if item.text.block == block), None)

    def add(self, item: Item) -> Item:
        """Remember one of the server's."""
        self._remember(item)
        self._by_id[item.id] = item
        return item

    def _remember(self, item: Item | Mapping[str, Any]) -> None:
        self._all.append(item)
        if len(self._all) > ITEMS:
            gone = self._all.pop(0)
            if isinstance(gone, Item):
                self._by_id.pop(gone.id, None)

    def renewed(self) -> Iterator[Mapping[str, Any]]:
        """Another connection begins, with other ids: what it is told. A call without its end is not."""
        self._by_id.clear()
        for item in self._all:
            told = _told(item) if isinstance(item, Item) else item
            if told:
                yield told


def _told(item: Item) -> Mapping[str, Any]:
    if item.call:
        complete = {"call_id": item.call.id, "name": item.call.name, "arguments": item.words or "{}"}
        return {"type": "function_call", **complete} if item.call.ended and item.call.id else {}
    kind = "output_text" if item.role == "assistant" else "input_text"
    return _message(item.role, [{"type": kind, "text": item.words}]) if item.words else {}


def earlier(request: Request) -> Iterator[dict[str, Any]]:
    """The items of what was said before the session. Raises `Refused` for what cannot be said."""
    for message in messages.conversation(request):
        if message.get("role") == "tool":
            yield result(string(message.get("tool_call_id")), messages.plain(message.get("content")))
            continue
        role = string(message.get("role"))
        if parts := [_part(part, role) for part in messages.parts(message.get("content"))]:
            yield _message(role, parts)
        for call in messages.calls(message):
            yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": dump(call.arguments).decode()}


def said(text: str, images: tuple[str, ...] = ()) -> dict[str, Any]:
    """The user's turn in writing."""
    pictures = [{"type": "input_image", "image_url": url} for url in images]
    return _message("user", [*([{"type": "input_text", "text": text}] if text else []), *pictures])


def result(call_id: str, output: str) -> dict[str, Any]:
    """What a tool gave back."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _message(role: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


def _part(part: Part, role: str) -> dict[str, Any]:
    if isinstance(part, Words):
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part.text}
    if part.mime.startswith("image/") or part.url:
        return {"type": "input_image", "image_url": part.url or f"data:{part.mime};base64,{part.data}"}
    raise Refused("bad_request", f"What was said before a voice session may hold text and pictures, not {_kind(part)}.")


def _kind(part: Media) -> str:
    return part.mime or "files"
