"""The model's side of an OpenAI session: responses, their items, and what they come to."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Audio, Event, Speech, Text, Tool, Transcript
from ..realtime.settings import RATE
from . import failures
from .openai_realtime_items import Item, Items
from .openai_realtime_usage import usage
from .realtime import turned
from .responses_item import Call, Grown, argument_text
from .untrusted import mapping, string

_STATUS = ("completed", "cancelled", "incomplete")
"""How a response may end; whatever else is said, it failed."""

_ON = 2**62
"""The end of sound that nobody knows yet, µs."""

_ENDED_BY_USER = ("turn_detected", "client_cancelled")


@dataclass(slots=True)
class Answers:
    """Reads one connection's `response.…` frames, of which those of several items may overlap.

    Parameters
    ----------
    items : the conversation.
    new_block : numbers blocks for the whole session.
    running : a response is being given.
    sounds_until : when the loudspeaker will have played what came, if it began at once, µs.
    cut_off : the newest block of an answer that was interrupted.
    """

    items: Items
    new_block: Callable[[], int]
    running: bool = False
    sounds_until: int = 0
    cut_off: int = 0
    _interrupted: bool = False
    _newest: Item | None = None
    _formed: list[Item] = field(default_factory=list)

    def interrupted(self) -> list[Event]:
        """The answer was interrupted, which is told once."""
        told, self._interrupted = self._interrupted, True
        if self._newest:
            self.cut_off = self._newest.text.block
        return [] if told else [Speech("interrupted")]

    def begun(self) -> None:
        """A response has begun."""
        self.running, self._interrupted, self._newest = True, False, None

    def sounds(self) -> Iterator[Event]:
        """The provider has begun to send an answer's sound over its track."""
        self.sounds_until = _ON
        if self.running and self._newest:
            self._newest.spoken = True
            yield Audio(self._newest.text.block, track=True)

    def silent(self, at: int) -> None:
        """It has sent the last of it."""
        self.sounds_until = at

    def announced(self, raw: Mapping[str, Any]) -> Iterator[Event]:
        """An item of the response."""
        said = mapping(raw.get("item"))
        item = self._item({"item_id": said.get("id")})
        if said.get("type") == "function_call" and item.call is None:
            item.call = Call(item.text, id=string(said.get("call_id")), name=string(said.get("name")))
            yield Tool(item.text.block, item.call.id or None, item.call.name or None)
        elif item.call is None:
            self._newest = item

    def _item(self, raw: Mapping[str, Any]) -> Item:
        """The item that a frame is about, also where it was not announced."""
        id = string(raw.get("item_id"))
        item = self.items.get(id)
        if item is None:
            item = self.items.add(Item("assistant", Grown(self.new_block()), id))
            self._formed.append(item)
        return item

    def text(self, raw: Mapping[str, Any]) -> Iterator[Event]:
        """Written words: a delta, or all of them."""
        item = self._item(raw)
        if said := _said(item, raw, "text"):
            yield Text(item.text.block, said)

    def transcript(self, raw: Mapping[str, Any]) -> Iterator[Event]:
        """Spoken words: a delta, or all of them."""
        item = self._item(raw)
        item.spoken = True
        said = _said(item, raw, "transcript")
        final = string(raw.get("type")).endswith(".done") and not item.final
        if said or final:
            item.final = item.final or final
            yield Transcript(item.text.block, "assistant", said, final)

    def audio(self, raw: Mapping[str, Any], at: int) -> Iterator[Event]:
        """Sound."""
        delta = string(raw.get("delta"))
        try:
            ms = len(base64.b64decode(delta, validate=True)) / 2 / RATE * 1000
        except (binascii.Error, ValueError):
            return
        if ms:
            item = self._item(raw)
            item.spoken = True
            item.audio_ms += ms
            self.sounds_until = max(self.sounds_until, at) + round(ms * 1000)
            yield Audio(item.text.block, delta, rate=RATE)

    def arguments(self, raw: Mapping[str, Any]) -> Iterator[Event]:
        """A call's arguments: a delta, or all of them."""
        item = self._item(raw)
        if item.call is None:
            item.call = Call(item.text, id=string(raw.get("call_id")), name=string(raw.get("name")))
            yield Tool(item.text.block, item.call.id or None, item.call.name or None)
        if item.call.ended:
            return
        if delta := _said(item, raw, "arguments"):
            yield Tool(item.text.block, delta=delta)
        if string(raw.get("type")).endswith(".done"):
            yield item.call.end(complete=True)

    def done(self, raw: Mapping[str, Any]) -> Iterator[Event]:
        """A response's end: what was left open, its usage, how it went."""
        response = mapping(raw.get("response"))
        yield from self._closed()
        if counts := usage(response.get("usage") or raw.get("usage")):
            yield counts
        details = mapping(response.get("status_details"))
        status = string(response.get("status"))
        if status == "cancelled" and details.get("reason") in _ENDED_BY_USER:
            yield from self.interrupted()
        yield (
            turned(status, string(details.get("reason"))) if status in _STATUS else turned("failed", failures.from_object(details).message)
        )
        self.running = False

    def cut(self) -> Iterator[Event]:
        """The connection is lost: an answer that is being given ends here."""
        yield from self._closed()
        if self.running:
            yield turned("failed", "The connection broke while the answer was being given.")
        self.running = False

    def _closed(self) -> Iterator[Event]:
        for item in self._formed:
            if item.call and not item.call.ended:
                yield item.call.end(complete=False)
            elif item.spoken and not item.final:
                item.final = True
                yield Transcript(item.text.block, "assistant", final=True)
        self._formed.clear()


def _said(item: Item, raw: Mapping[str, Any], whole: str) -> str:
    """What a frame adds to an item's words: its delta, or what the whole has beyond the deltas."""
    if string(raw.get("type")).endswith(".delta"):
        return item.text.add(string(raw.get("delta")))
    return item.text.rest(argument_text(raw.get(whole)))
