"""One choice of a chat completion as it forms: its blocks, its tool calls, what must be carried."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Audio, Carry, Event, Reasoning, ReasoningKind, Refusal, Text, Tool, Transcript
from .untrusted import count, items, mapping, objects, parse, string

_DETAIL_TEXT = {"reasoning.text": "text", "reasoning.summary": "summary"}
"""Where the parts of `reasoning_details` that come in pieces have their text; `reasoning.encrypted` comes whole."""

AUDIO_RATE = 24_000
"""Sample rate of OpenAI's PCM16 in Hz (platform.openai.com/docs/guides/audio)."""


@dataclass(slots=True)
class _Call:
    """A tool call: what is known of it so far."""

    block: int
    id: str = ""
    name: str = ""
    text: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Detail:
    """One of OpenRouter's reasoning parts: its latest fields, and the pieces of its text."""

    fields: dict[str, Any]
    place: str | None
    pieces: list[str]

    def whole(self) -> dict[str, Any]:
        return {**self.fields, self.place: "".join(self.pieces)} if self.place else self.fields


class Choice:
    """Deltas of one choice in, events out.

    Text, reasoning and refusal are one block for as long as they go on without a change of kind; each tool call is a block; sound and
    its transcript share one.

    Parameters
    ----------
    index : the choice's number.
    new_block : gives the stream's next free block.
    """

    def __init__(self, index: int, new_block: Callable[[], int]) -> None:
        self.index = index
        self.finish: str | None = None
        self.refused = False
        self.calls: list[_Call] = []
        self._new_block = new_block
        self._kind = ""
        self._block = 0
        self._reasoning_block: int | None = None
        self._by_key: dict[int | str, _Call] = {}
        self._details: list[_Detail] = []
        self._audio_block: int | None = None
        self._audio_id = ""

    def delta(self, delta: Mapping[str, Any]) -> Iterator[Event]:
        """What one delta adds, in the order reasoning, answer, refusal, tool calls, sound."""
        yield from self._reasoning(delta)
        yield from self._content(delta.get("content"))
        if text := string(delta.get("refusal")):
            self.refused = True
            yield Refusal(self._open("refusal"), text, self.index)
        for fragment in objects(delta.get("tool_calls")):
            yield from self._fragment(fragment, _key(fragment))
        if function := mapping(delta.get("function_call")):
            yield from self._fragment({"function": function}, "function_call")
        if audio := mapping(delta.get("audio")):
            yield from self._audio(audio)

    def settle(self, complete: bool) -> Iterator[Event]:
        """The choice is over: end its calls, give what must be carried.

        Parameters
        ----------
        complete : whether the provider ended it of itself. In a choice that was cut, a call without argument text is no call without
            arguments.
        """
        for call in self.calls:
            yield _done(call, self.index, complete)
        if any(d.fields.get("signature") or d.fields.get("data") for d in self._details):
            block = self._new_block() if self._reasoning_block is None else self._reasoning_block
            yield Carry(block, {"reasoning_details": [d.whole() for d in self._details]}, self.index)

    def _open(self, kind: str) -> int:
        if kind != self._kind:
            self._kind, self._block = kind, self._new_block()
        return self._block

    def _think(self, text: str, kind: ReasoningKind = "full") -> Iterator[Event]:
        if text:
            self._reasoning_block = self._open("reasoning")
            yield Reasoning(self._reasoning_block, text, kind, self.index)

    def _reasoning(self, delta: Mapping[str, Any]) -> Iterator[Event]:
        """The first of three places: OpenRouter sends the same text in two of them (1.8, rule 5)."""
        details = objects(items(delta.get("reasoning_details")))
        plain = string(delta.get("reasoning_content")) or string(delta.get("reasoning"))
        summary = any(d.get("type") == "reasoning.summary" for d in details)
        text = plain or "".join(string(d.get("text")) or string(d.get("summary")) for d in details)
        yield from self._think(text, "summary" if summary else "full")
        for detail in details:
            self._keep(detail)

    def _keep(self, detail: Mapping[str, Any]) -> None:
        """Join streamed pieces of one reasoning part into the object the next request has to return."""
        place = _DETAIL_TEXT.get(string(detail.get("type")))
        piece = string(detail.get(place)) if place else ""
        last = self._details[-1] if self._details else None
        if place is None or last is None or any(last.fields.get(k) != detail.get(k) for k in ("type", "index")):
            self._details.append(_Detail(dict(detail), place, [piece]))
            return
        last.fields.update({k: v for k, v in detail.items() if v is not None})
        last.pieces.append(piece)

    def _content(self, content: Any) -> Iterator[Event]:
        """A string, or Mistral's list of parts."""
        for part in [content] if isinstance(content, str) else items(content):
            if text := string(part) or string(mapping(part).get("text")):
                yield Text(self._open("text"), text, self.index)
            thinking = mapping(part).get("thinking")
            yield from self._think(string(thinking) or "".join(string(p.get("text")) for p in objects(thinking)))

    def _fragment(self, fragment: Mapping[str, Any], key: int | str | None) -> Iterator[Event]:
        function = mapping(fragment.get("function"))
        name, call_id, text = string(function.get("name")), string(fragment.get("id")), _arguments(function.get("arguments"))
        call = self._call(key, call_id, name)
        call_id, name = "" if call.id else call_id, "" if call.name else name
        call.id, call.name = call.id or call_id, call.name or name
        if call_id or name or text:
            call.text.append(text)
            yield Tool(call.block, call_id or None, name or None, text, choice=self.index)
        if extra := mapping(fragment.get("extra_content")):
            yield Carry(call.block, {"extra_content": extra}, self.index)

    def _call(self, key: int | str | None, call_id: str, name: str) -> _Call:
        """The call a fragment belongs to (1.8, rule 2). The index of a named fragment with a new id is used again: another call.

        A fragment without index and name goes on with the last call, whatever its id: Mistral's own SDK reads a missing one as "null".
        """
        call = self._by_key.get(key) if key is not None else None
        if call is None and not isinstance(key, int) and not name and self.calls:
            return self.calls[-1]
        if call is None or (name and call_id and call.id and call_id != call.id):
            self._kind = ""
            call = _Call(self._new_block())
            self.calls.append(call)
        if key is not None:
            self._by_key[key] = call
        return call

    def _audio(self, audio: Mapping[str, Any]) -> Iterator[Event]:
        if self._audio_block is None:
            self._audio_block = self._new_block()
        block = self._audio_block
        if data := string(audio.get("data")):
            yield Audio(block, data, rate=AUDIO_RATE, choice=self.index)
        if words := string(audio.get("transcript")):
            yield Transcript(block, "assistant", words, choice=self.index)
        if not self._audio_id and (audio_id := string(audio.get("id"))):
            self._audio_id = audio_id
            yield Carry(block, {"audio": {"id": audio_id}}, self.index)


def _key(fragment: Mapping[str, Any]) -> int | str | None:
    """A call's key: its index, without one its id (Mistral)."""
    index = count(fragment.get("index"))
    return index if index is not None else string(fragment.get("id")) or None


def _arguments(value: Any) -> str:
    """Argument text; an object that came whole is written as text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else string(value)


def _done(call: _Call, choice: int, complete: bool) -> Tool:
    text = "".join(call.text).strip()
    arguments = _parsed(text) if text or complete else None
    return Tool(call.block, call.id or None, call.name or None, "", True, arguments, arguments is None, choice)


def _parsed(text: str) -> Any:
    """Argument text as a value: none at all, or `null`, is a call without arguments; None when it does not parse."""
    try:
        return {} if text in ("", "null") else parse(text)
    except ValueError:
        return None
