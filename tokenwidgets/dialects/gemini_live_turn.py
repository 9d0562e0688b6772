"""What Gemini Live says of a turn, as events: words of both sides, sound, calls, its end."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Audio, Event, Reasoning, Speech, Text, Tool, Transcript, Usage
from ..realtime.inputs import RATES
from ..realtime.settings import RATE
from . import gemini_usage
from .dump import dump
from .realtime import turned
from .untrusted import mapping, objects, string

_RATE = re.compile(r"rate=(\d{4,6})")

_FINE = ("", "TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT")
"""Reasons of a turn's end that are none to complain of."""

_NAMES = {"responseTokenCount": "candidatesTokenCount", "responseTokensDetails": "candidatesTokensDetails"}
"""The Gemini API's names of counts as Vertex and generateContent have them."""


@dataclass(slots=True)
class Words:
    """A transcript that is being told: its block, until it is final."""

    role: str
    block: int | None = None

    def add(self, raw: Any, new_block: Callable[[], int]) -> Iterator[Event]:
        """The next of it."""
        told = mapping(raw)
        text, final = string(told.get("text")), told.get("finished") is True
        if text and self.block is None:
            self.block, text = new_block(), text.lstrip() if self.role == "user" else text
        if self.block is not None and (text or final):
            yield Transcript(self.block, self.role, text, final)
            self.block = None if final else self.block

    def end(self) -> Iterator[Event]:
        """Nothing more of it comes."""
        if self.block is not None:
            yield Transcript(self.block, self.role, final=True)
        self.block = None


@dataclass(slots=True)
class Turns:
    """Reads `serverContent`, `toolCall` and what comes with them.

    Parameters
    ----------
    new_block : numbers blocks for the whole session.
    open : an answer is asked for or being given.
    left : an answer that was interrupted from here: `said` while its rest still comes, `over` when only its end does.
    calls : names of the functions called, by the calls' ids.
    """

    new_block: Callable[[], int]
    open: bool = False
    left: str = ""
    calls: dict[str, str] = field(default_factory=dict)
    _answer: int | None = None
    _user: Words = field(default_factory=lambda: Words("user"))
    _model: Words = field(default_factory=lambda: Words("assistant"))
    _interrupted: bool = False

    def content(self, raw: Mapping[str, Any]) -> Iterator[Event]:
        """A `serverContent`."""
        yield from self._user.add(raw.get("inputTranscription"), self.new_block)
        if self.left != "said":
            yield from self._spoken(raw)
        if raw.get("interrupted") is True:
            yield from self._barged_in()
        if self.left and (raw.get("interrupted") or raw.get("generationComplete")):
            self.left = "over"

    def _spoken(self, raw: Mapping[str, Any]) -> Iterator[Event]:
        """What the model says. Its words may come before its sound."""
        words, parts = mapping(raw.get("outputTranscription")), objects(mapping(raw.get("modelTurn")).get("parts") or [])
        if parts or words.get("text"):
            yield from self._user.end()
            self.open, self.left = True, ""
        if words:
            yield from self._model.add(words, self._block)
        for part in parts:
            yield from self._part(part)

    def _block(self) -> int:
        if self._answer is None:
            self._answer = self.new_block()
        return self._answer

    def _part(self, part: Mapping[str, Any]) -> Iterator[Event]:
        text, sound = string(part.get("text")), mapping(part.get("inlineData"))
        if text and part.get("thought") is True:
            yield Reasoning(self._block(), text, kind="summary")
        elif text:
            yield Text(self._block(), text)
        elif string(sound.get("mimeType")).startswith("audio/pcm") and _is_base64(data := string(sound.get("data"))):
            yield Audio(self._block(), data, rate=_rate(string(sound.get("mimeType"))))

    def _barged_in(self) -> Iterator[Event]:
        if not self.left and not self._interrupted:
            self._interrupted = True
            yield Speech("interrupted")

    def leave(self) -> list[Event]:
        """The answer was interrupted from here: whatever of it still comes is not said."""
        if not self.open:
            return []
        self.left = "said"
        return [Speech("interrupted"), *self._end("cancelled")]

    def called(self, raw: Mapping[str, Any]) -> Iterator[Event]:
        """A `toolCall`: whole calls. Gemini says nothing more before it has their results, so that the answer ends with them: what comes
        then is the next one.
        """
        calls = objects(raw.get("functionCalls") or [])
        for call in calls:
            yield from self._user.end()
            self.open, self.left = True, ""
            id, name, arguments = string(call.get("id")), string(call.get("name")), mapping(call.get("args"))
            self.calls[id] = name
            block = self.new_block()
            yield Tool(block, id or None, name or None, dump(arguments).decode())
            yield Tool(block, id or None, name or None, done=True, arguments=arguments)
        if calls:
            yield from self._end("completed")

    def ended(self, raw: Mapping[str, Any]) -> list[Event]:
        """A `turnComplete`; that of an answer that was left says nothing more."""
        if self.left or not self.open:
            self.left = ""
            return list(self._user.end())
        why = string(raw.get("turnCompleteReason"))
        if why not in _FINE:
            return self._end("failed", f"Gemini ended the turn: {why.replace('_', ' ').lower()[:80]}.")
        return self._end("cancelled" if self._interrupted else "completed")

    def cut(self) -> list[Event]:
        """The connection is lost."""
        self.left = ""
        return self._end("failed", "The connection broke while the answer was being given.") if self.open else list(self._user.end())

    def _end(self, status: str, message: str = "") -> list[Event]:
        out = [*self._user.end(), *self._model.end(), turned(status, message)]
        self.open, self._interrupted, self._answer = False, False, None
        return out


def usage(raw: Any) -> list[Usage]:
    """What a `usageMetadata` says, as disjoint counts."""
    told = {_NAMES.get(name, name): value for name, value in mapping(raw).items()}
    return [gemini_usage.usage(told, "final")] if gemini_usage.tells(told) else []


def _rate(mime: str) -> int:
    """Vertex tells none."""
    found = _RATE.search(mime)
    rate = int(found[1]) if found else RATE
    return rate if RATES[0] <= rate <= RATES[1] else RATE


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False
