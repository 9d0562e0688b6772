"""One candidate of a Gemini answer as it forms: its parts, its calls, what must be carried (wire-formats section 5.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..events import Audio, Carry, Event, Notice, Reasoning, Text, Tool
from .gemini_calls import PartialArguments
from .untrusted import mapping, objects, string

_RATE = re.compile(r"rate=(\d{4,6})")

AUDIO_RATE = 24_000
"""Sample rate in Hz of sound whose type names none (ai.google.dev/gemini-api/docs/speech-generation)."""

_SERVER_TOOLS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
"""Parts that are work of Google's own tools."""

_THINGS = ("inlineData", "fileData", *_SERVER_TOOLS)


@dataclass(slots=True)
class _Call:
    """A call whose arguments are still coming."""

    block: int
    id: str
    name: str
    part: dict[str, Any]
    told: bool = False
    arguments: PartialArguments = field(default_factory=PartialArguments)


class Candidate:
    """Parts of one candidate in, events out.

    Text and thoughts are one block for as long as they go on without a change of kind; every other part is a block.

    Once a part has a signature, or is work of a server tool, the candidate's whole content is carried, part by part in its order:
    signed parts go back at their places (ai.google.dev/gemini-api/docs/thought-signatures). Thoughts without a signature do not.

    Parameters
    ----------
    index : the candidate's number.
    new_block : gives the stream's next free block.
    """

    def __init__(self, index: int, new_block: Callable[[], int]) -> None:
        self.index = index
        self.finish: str | None = None
        self.response_id = ""
        self.calls = 0
        self._new_block = new_block
        self._kind = ""
        self._block = 0
        self._call: _Call | None = None
        self._kept: list[tuple[int, dict[str, Any]]] = []
        self._words: list[str] = []
        self._signed = False

    def part(self, part: Mapping[str, Any]) -> Iterator[Event]:
        """What one part adds."""
        if "functionCall" in part:
            yield from self._function(part, mapping(part.get("functionCall")))
            return
        if isinstance(part.get("text"), str):
            yield from self._text(part, part["text"])
            return
        kind = next((k for k in _THINGS if mapping(part.get(k))), "")
        if kind:
            yield from self._thing(part, kind, mapping(part[kind]))
        elif part.get("thoughtSignature"):
            yield from self._keep(self._other(), part)

    def settle(self, complete: bool) -> Iterator[Event]:
        """The candidate is over: end its call, give what must be carried.

        Parameters
        ----------
        complete : whether the model ended it of itself; a call may lack its last part then.
        """
        if self._call:
            yield from self._end_call(self._call, complete)
        self._join()
        yield from self._carry()

    def _open(self, kind: str) -> int:
        if kind != self._kind:
            self._kind, self._block = kind, self._new_block()
        return self._block

    def _other(self) -> int:
        self._kind = ""
        return self._new_block()

    def _text(self, part: Mapping[str, Any], text: str) -> Iterator[Event]:
        thought, signed = part.get("thought") is True, bool(part.get("thoughtSignature"))
        if not text and not signed:
            return
        block = self._open("thought" if thought else "text")
        if text and thought:
            yield Reasoning(block, text, "summary", self.index)
        elif text:
            yield Text(block, text, self.index)
        if signed:
            yield from self._keep(block, part)
        elif not thought:
            self._keep_words(block, text)

    def _thing(self, part: Mapping[str, Any], kind: str, value: Mapping[str, Any]) -> Iterator[Event]:
        """Sound, a file, or work of a server tool."""
        mime = string(value.get("mimeType")).lower()
        if kind == "inlineData" and mime.startswith(("audio/l16", "audio/pcm")):
            block, rate = self._open("audio"), _RATE.search(mime)
            yield Audio(block, string(value.get("data")), rate=int(rate[1]) if rate else AUDIO_RATE, choice=self.index)
            if not part.get("thoughtSignature"):
                return
        else:
            block = self._other()
            yield Notice("server_tool" if kind in _SERVER_TOOLS else "media", {"block": block, kind: value})
        yield from self._keep(block, part, opaque=kind in _SERVER_TOOLS)

    def _function(self, part: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[Event]:
        """A whole call, or a piece of one: a name begins it, patches fill it, a piece that does not go on ends it."""
        name, patches = string(raw.get("name")), objects(raw.get("partialArgs") or [])
        goes_on = raw.get("willContinue") is True
        if name and self._call:
            yield from self._end_call(self._call, complete=True)
        if self._call is None and not (name or patches or goes_on or "args" in raw):
            return
        call = self._call = self._call or self._begin_call(part, raw, name)
        call.arguments.value |= mapping(raw.get("args"))
        for patch in patches:
            call.arguments.patch(patch)
        if not goes_on:
            yield from self._end_call(call, complete=True)
        elif not call.told:
            call.told = True
            yield Tool(call.block, call.id, call.name or None, choice=self.index)

    def _begin_call(self, part: Mapping[str, Any], raw: Mapping[str, Any], name: str) -> _Call:
        """An id is often missing: one is made up, since a result has to name its call. It is not part of what is carried."""
        block = self._other()
        self.calls += 1
        made_up = "_".join(filter(None, ("call", self.response_id, str(block))))
        kept = {k: v for k, v in raw.items() if k not in ("willContinue", "partialArgs")}
        return _Call(block, string(raw.get("id")) or made_up, name, {**part, "functionCall": kept})

    def _end_call(self, call: _Call, complete: bool) -> Iterator[Event]:
        self._call = None
        value, good = call.arguments.value, complete and call.arguments.complete
        text = json.dumps(value, ensure_ascii=False)
        head = Tool(call.block, delta=text, choice=self.index)
        yield head if call.told else replace(head, id=call.id, name=call.name or None)
        yield Tool(call.block, call.id, call.name or None, "", True, value if good else None, not good, self.index)
        if good:
            call.part["functionCall"]["args"] = value
            yield from self._keep(call.block, call.part)

    def _keep_words(self, block: int, text: str) -> None:
        """Remember text without a signature: its pieces are one part."""
        if not self._words:
            self._kept.append((block, {}))
        self._words.append(text)

    def _join(self) -> None:
        if self._words:
            self._kept[-1][1]["text"] = "".join(self._words)
            self._words = []

    def _keep(self, block: int, part: Mapping[str, Any], opaque: bool = False) -> Iterator[Event]:
        """Remember a part; one with a signature makes all of them to be carried."""
        self._join()
        self._kept.append((block, dict(part)))
        self._signed = self._signed or opaque or bool(part.get("thoughtSignature"))
        yield from self._carry()

    def _carry(self) -> Iterator[Event]:
        if self._signed:
            kept, self._kept = self._kept, []
            yield from (Carry(block, part, self.index) for block, part in kept)
