"""What a host's catalogue tells of a model, in one form for every wire format. What is not told is left out; nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .untrusted import items, mapping, objects, parse, string

CAPABILITIES: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text", "completion", "completion_chat", "chat_completion", "chat", "supports_chat", "generateContent"}),
    "reasoning": frozenset({"reasoning", "thinking"}),
    "tools": frozenset({"tools", "tool_use", "function_calling", "supports_tools"}),
    "images": frozenset({"image", "vision", "image_input", "supports_image_input"}),
    "audio": frozenset({"audio"}),
    "video": frozenset({"video"}),
    "files": frozenset({"file", "pdf_input"}),
    "json_schema": frozenset({"structured_outputs", "supports_structured_output", "json_schema"}),
    "realtime": frozenset({"realtime", "bidiGenerateContent"}),
}
"""Our words for what a model can do, in the order in which they are told, and what hosts call it. `text` is written, `images`, `audio`,
`video` and `files` are read."""


def listed(body: bytes, place: str, name: str) -> list[Mapping[str, Any]]:
    """The models of a catalogue answer as the host wrote them: the objects under `place`, or in a bare list, that have a `name`."""
    try:
        answer = parse(body)
    except ValueError:
        return []
    found = answer if isinstance(answer, list) else mapping(answer).get(place)
    return [model for model in objects(found or []) if string(model.get(name))]


def entry(id: str, **told: Any) -> Mapping[str, Any]:
    """A model with what was told of it."""
    return {"id": id} | {name: value for name, value in told.items() if value}


def capabilities(*sources: Any) -> list[str]:
    """What a model can do, out of lists of words and objects of flags (`{"vision": true}`, `{"vision": {"supported": true}}`)."""
    words = {word for source in sources for word in _words(source)}
    return [name for name, ways in CAPABILITIES.items() if ways & words]


def _words(source: Any) -> set[str]:
    flags = {name for name, value in mapping(source).items() if value is True or mapping(value).get("supported") is True}
    return flags | set(map(string, items(source)))


def seconds(instant: Any) -> int | None:
    """Unix seconds of an RFC 3339 instant; None when it is none, or the epoch, which says that it is not known."""
    try:
        return max(0, int(datetime.fromisoformat(string(instant)).timestamp())) or None
    except (ValueError, OverflowError, OSError):
        return None
