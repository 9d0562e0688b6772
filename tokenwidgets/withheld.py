"""A comparison to be given away: its figures and instants stay the same, and no word of a question or an answer is in it.

Every character of content becomes a dot, so that whoever has the events computes the same figures. What is neither content nor a measure
(a tool's name and arguments, what must be carried, sources, whatever a later version knows) keeps its place and loses its fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from .events import CONTENT, Audio, Carry, Entry, Event, Notice, Tool, Unknown, encode
from .formulas import OURS

ASKED = ("prompt", "messages", "system", "tools", "images", "schema")
"""Keywords of `tw.stream` that hold words."""

NOT_KEPT = "not_kept"
"""Stands in place of a value, with what it was."""

_CHARACTER = re.compile(r"[^\udc00-\udfff]", re.DOTALL)
"""All but second halves of characters that came in two pieces, which count with their first."""


def without_words(entry: Entry) -> Entry:
    """The same event at the same instant, without a word of it."""
    return encode(_event(entry.event), entry.seq, entry.at)


def _event(event: Event) -> Event:
    if isinstance(event, Tool):
        return Tool(event.block, delta=_dots(event.delta), done=event.done, invalid=event.invalid, choice=event.choice)
    if isinstance(event, Audio):
        return replace(event, delta="AAA=" if event.delta else "")
    if isinstance(event, CONTENT):
        return replace(event, delta=_dots(event.delta))
    if isinstance(event, Carry):
        return replace(event, opaque=None)
    if isinstance(event, Notice):
        return event if event.kind in OURS or event.kind == "served" else Notice(event.kind, {})
    return Unknown({"type": event.fields.get("type", "unknown")}) if isinstance(event, Unknown) else event


def _dots(text: str) -> str:
    return _CHARACTER.sub("·", text)


def asked_without_words(request: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of a request, of whose words only the hash is left."""
    return {name: _hashed(value) if name in ASKED and value is not None else value for name, value in request.items()}


def _hashed(value: Any) -> Any:
    return value if is_left_out(value) else {NOT_KEPT: "words", "sha256": digest(value)}


def is_left_out(value: Any) -> bool:
    """Whether this stands in place of a value that a file does not keep."""
    return isinstance(value, Mapping) and NOT_KEPT in value


def digest(value: Any) -> str:
    """SHA-256 of a text's UTF-8, or of the JSON of what is none, with its keys in order; of words left out, that of the words."""
    if is_left_out(value):
        return str(value.get("sha256", ""))
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
