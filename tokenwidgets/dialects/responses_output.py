"""The output of a response as it forms: items, their parts, tool calls, what must be carried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any

from ..events import Audio, Carry, Event, Notice, Reasoning, Refusal, Text, Tool, Transcript
from .openai_chat_choice import AUDIO_RATE
from .responses_item import CALLS, EXTRA, MARKED, Call, Grown, Item, Kind, argument_text
from .responses_tools import Waiting, notice, progress
from .untrusted import count, mapping, objects, string

_PLACES: dict[str, tuple[Kind, str]] = {
    "response.output_text": ("text", "content_index"),
    "response.refusal": ("refusal", "content_index"),
    "response.reasoning_text": ("reasoning", "content_index"),
    "response.reasoning_summary_text": ("summary", "summary_index"),
}
"""What the text of an event is, and the field that numbers its part within the item."""

_PARTS: dict[str, tuple[Kind, str]] = {
    "output_text": ("text", "text"), "text": ("text", "text"), "refusal": ("refusal", "refusal"), "reasoning_text": ("reasoning", "text"),
    "summary_text": ("summary", "text"),
}  # fmt: skip
"""What a part is, and the field that holds its text."""

_CALL_EVENTS = {"response.function_call_arguments": "arguments", "response.custom_tool_call_input": "input"}

_QUIET = ("message", "reasoning", "compaction", *CALLS)
"""Items that are told by their content; the others are a notice."""


class Output:
    """Events about output items in, our events out.

    An item is known by its `output_index` and a part by its own index, never by an id: ids rotate (wire-formats section 1.8, Copilot).
    Every part and every call is a block. Where a text is told whole, only what the deltas lacked is given (LM Studio sends arguments
    without any).

    Parameters
    ----------
    new_block : gives the stream's next free block.

    Attributes
    ----------
    refused : a refusal was given.
    waiting : calls that wait for their result from the client.
    """

    def __init__(self, new_block: Callable[[], int]) -> None:
        self.refused = False
        self.waiting = Waiting()
        self._new_block = new_block
        self._items: dict[int, Item] = {}
        self._last = 0
        self._next = 0
        self._plain: list[tuple[int, int, Carry]] = []
        self._audio: int | None = None

    @property
    def empty(self) -> bool:
        """Whether no event about an item has come."""
        return not self._items

    def take(self, event: str, raw: Mapping[str, Any]) -> Iterator[Event]:
        """What one event adds; nothing for one that is not known."""
        stem, _, step = event.rpartition(".")
        if stem == "response.output_item" and step in ("added", "done"):
            yield from self._item(step, raw)
        elif stem in _PLACES and step in ("delta", "done"):
            kind, place = _PLACES[stem]
            text = raw.get("delta") if step == "delta" else raw.get("refusal" if kind == "refusal" else "text")
            yield from self._words(self._at(raw), kind, count(raw.get(place)) or 0, string(text), step == "done")
        elif event in ("response.content_part.done", "response.reasoning_summary_part.done"):
            number = count(raw.get("summary_index" if "summary" in event else "content_index"))
            yield from self._part(self._at(raw), number or 0, mapping(raw.get("part")))
        elif stem in _CALL_EVENTS and step in ("delta", "done"):
            yield from self._call_text(self._at(raw), raw, _CALL_EVENTS[stem], step)
        elif event == "response.output_text.annotation.added":
            yield from self._annotations(self._at(raw), count(raw.get("content_index")) or 0, [raw.get("annotation")], told=0)
        elif stem in ("response.audio", "response.audio.transcript") and step == "delta":
            yield from self._sound(stem, string(raw.get("delta")))
        elif found := progress(event, raw):
            item = self._at(raw)
            yield Notice("server_tool", {"block": self._block(item), **found})

    def settle(self, complete: bool) -> Iterator[Event]:
        """The response is over: end the calls that are open.

        Parameters
        ----------
        complete : whether the model ended it of itself. In a response that was cut, a call without argument text is no call without
            arguments.
        """
        for item in self._items.values():
            yield from self._end_call(item, complete)

    def _at(self, raw: Mapping[str, Any]) -> Item:
        """The item an event is about; without an index the one before."""
        index = count(raw.get("output_index"))
        self._last = self._last if index is None else index
        self._next = max(self._next, self._last + 1)
        return self._items.setdefault(self._last, Item())

    def _item(self, step: str, raw: Mapping[str, Any]) -> Iterator[Event]:
        value = mapping(raw.get("item"))
        kind = string(value.get("type"))
        index = count(raw.get("output_index"))
        if step == "added" and index is None:
            index = self._next
        item = self._at({"output_index": index})
        if step == "added" and item.kind:  # the index is used again: another item
            yield from self._end_call(item, complete=True)
            item = self._items[self._last] = Item()
        item.kind = item.kind or kind
        self.waiting.see(self._last, value)
        if kind in CALLS:
            yield from self._call_item(item, value, step)
        elif kind not in _QUIET and value:
            yield notice(self._block(item), value, whole=step == "done")
        if step == "done" and not item.done:
            item.done = True
            yield from self._contents(item, value)
            yield from self._keep(item, value)

    def _contents(self, item: Item, value: Mapping[str, Any]) -> Iterator[Event]:
        """The parts of an item that is done. Reasoning that was sent in one form is not given again in the other."""
        content, summary = objects(value.get("content") or []), objects(value.get("summary") or [])
        if item.kind == "reasoning":
            shown = {kind for kind, _ in item.parts}
            content = summary if "summary" in shown or not (content or shown) else content
        elif item.kind != "message":
            return
        for number, part in enumerate(content):
            yield from self._part(item, number, part)

    def _part(self, item: Item, number: int, part: Mapping[str, Any]) -> Iterator[Event]:
        """A part told whole."""
        if known := _PARTS.get(string(part.get("type"))):
            kind, name = known
            yield from self._words(item, kind, number, string(part.get(name)), whole=True)
        yield from self._annotations(item, number, objects(part.get("annotations") or []), item.annotations.get(number, 0))

    def _words(self, item: Item, kind: Kind, number: int, text: str, whole: bool) -> Iterator[Event]:
        part = item.parts.get((kind, number))
        if not text:
            return
        if part is None:
            part = item.parts[kind, number] = Grown(self._new_block())
            item.block = part.block if item.block is None else item.block
        delta = part.rest(text) if whole else part.add(text)
        if not delta:
            return
        if kind == "refusal":
            self.refused = True
            yield Refusal(part.block, delta)
        elif kind == "text":
            yield Text(part.block, delta)
        else:
            yield Reasoning(part.block, delta, "summary" if kind == "summary" else "full")

    def _annotations(self, item: Item, number: int, found: list[Any], told: int) -> Iterator[Event]:
        """Citations that were not told yet; a part that is done repeats them all."""
        if new := [a for a in found[told:] if isinstance(a, dict)]:
            item.annotations[number] = item.annotations.get(number, 0) + len(new)
            yield Notice("citation", {"annotations": new})

    def _call_item(self, item: Item, value: Mapping[str, Any], step: str) -> Iterator[Event]:
        yield from self._call_text(item, value, CALLS[string(value.get("type"))], step)
        if step == "done":
            yield from self._end_call(item, string(value.get("status")) in ("", "completed"))

    def _call_text(self, item: Item, raw: Mapping[str, Any], name: str, step: str) -> Iterator[Event]:
        """What an event says of a call: id and name when they are new, text that was not given yet."""
        call = item.call
        if call is None:
            call = item.call = Call(Grown(self._block(item)), custom=name == "input")
        if call.ended:
            return
        call_id, called = string(raw.get("call_id")), string(raw.get("name"))
        call_id, called = "" if call.id else call_id, "" if call.name else called
        call.id, call.name = call.id or call_id, call.name or called
        text = ""
        if step == "added":  # xAI: all of them at once; elsewhere a placeholder
            call.first = argument_text(raw.get(name))
        else:
            text = call.text.add(string(raw.get("delta"))) if step == "delta" else call.text.rest(argument_text(raw.get(name)))
        if call_id or called or text:
            yield Tool(call.text.block, call_id or None, called or None, text)

    def _end_call(self, item: Item, complete: bool) -> Iterator[Event]:
        call = item.call
        if call is None or call.ended:
            return
        if call.first and not call.text.size:
            yield Tool(call.text.block, delta=call.text.add(call.first))
        yield call.end(complete)

    def _block(self, item: Item) -> int:
        if item.block is None:
            item.block = self._new_block()
        return item.block

    def _keep(self, item: Item, value: Mapping[str, Any]) -> Iterator[Event]:
        """Give what the next request has to return: reasoning and found tools as they are, of text and calls a mark.

        What stands before it goes along, since the order counts.
        """
        mark = item.mark(value)
        if not mark:
            return
        carry = Carry(self._block(item), mark)
        if item.kind in MARKED and not EXTRA & mark.keys():
            heappush(self._plain, (self._last, carry.block, carry))
            return
        while self._plain and self._plain[0][0] < self._last:
            yield heappop(self._plain)[2]
        yield carry

    def _sound(self, stem: str, delta: str) -> Iterator[Event]:
        if not delta:
            return
        if self._audio is None:
            self._audio = self._new_block()
        if stem == "response.audio":
            yield Audio(self._audio, delta, rate=AUDIO_RATE)
        else:
            yield Transcript(self._audio, "assistant", delta)
