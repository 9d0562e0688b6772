"""Chat messages in the form of OpenAI's chat completions, taken apart for the formats that are not.

What a format cannot say is refused before anything is sent, never dropped in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import Refused
from ..request import Request
from .base import HttpCall
from .untrusted import items, mapping, objects, parse, string

STREAM_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",  # a compressed stream comes in bursts (wire-formats rule F12)
}

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[\w.+-]+)*;base64,(.*)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """A text part."""

    text: str


@dataclass(frozen=True, slots=True)
class Media:
    """An image, sound or file: base64 `data`, or a `url` where it lies. `mime` is empty where nothing tells it."""

    mime: str
    data: str = ""
    url: str = ""


Part: TypeAlias = Words | Media


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of an assistant's message."""

    id: str
    name: str
    arguments: Mapping[str, Any]


def system(request: Request) -> str:
    """All instructions as one text: those of the request, then those of the messages, wherever they stand."""
    texts = [request.system or ""]
    texts += [plain(m.get("content")) for m in request.messages if m.get("role") in ("system", "developer")]
    return "\n\n".join(text for text in texts if text)


def conversation(request: Request) -> list[Mapping[str, Any]]:
    """The messages without the instructions."""
    return [m for m in request.messages if m.get("role") not in ("system", "developer")]


def plain(content: Any) -> str:
    """The text of a message's content."""
    return "".join(part.text for part in parts(content) if isinstance(part, Words))


def parts(content: Any) -> list[Part]:
    """A message's content, a string or a list of parts; texts without a character are left out.

    Raises
    ------
    Refused : a part of a kind that is not known.
    """
    raw = [{"type": "text", "text": content}] if isinstance(content, str) else items(content)
    found = [_part(mapping(p) if not isinstance(p, str) else {"type": "text", "text": p}) for p in raw]
    return [p for p in found if not isinstance(p, Words) or p.text]


def _part(raw: Mapping[str, Any]) -> Part:
    kind = string(raw.get("type"))
    if kind in ("text", "refusal"):
        return Words(string(raw.get(kind)))
    if kind == "image_url":
        image = raw.get("image_url")
        return _located(string(image) or string(mapping(image).get("url")))
    if kind == "input_audio":
        sound = mapping(raw.get("input_audio"))
        return Media(f"audio/{string(sound.get('format')) or 'wav'}", string(sound.get("data")))
    if kind == "file":
        return _located(string(mapping(raw.get("file")).get("file_data")))
    raise Refused("bad_request", f"A message part of the type {kind!r} cannot be sent: use text, image_url, input_audio or file.")


def _located(url: str) -> Media:
    if found := _DATA_URL.fullmatch(url):
        return Media((found[1] or "").lower(), "".join(found[2].split()))
    if not url.startswith(("https://", "http://", "gs://")):
        raise Refused("bad_request", "An image or file is given as a data: URL in base64, or by an https address.")
    return Media("", url=url)


def extension(url: str) -> str:
    """The ending of a file's name in its address, in small letters; empty when there is none."""
    name = re.split("[?#]", url, maxsplit=1)[0].rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def calls(message: Mapping[str, Any]) -> list[Call]:
    """The tool calls of an assistant's message.

    Raises
    ------
    Refused : arguments that are no JSON object.
    """
    return [_call(raw) for raw in objects(message.get("tool_calls") or [])]


def _call(raw: Mapping[str, Any]) -> Call:
    function = mapping(raw.get("function"))
    name = string(function.get("name"))
    return Call(string(raw.get("id")), name, _arguments(name, function.get("arguments")))


def _arguments(name: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = parse(value) if value.strip() else None
        except ValueError:
            value = ""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Refused("bad_request", f"The arguments of the call of {name!r} in the messages are no JSON object.")
    return value


def carried(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What an assistant's message holds of its stream's `carry` events, in their order."""
    return objects(items(message.get("carry")))


def function(tool: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The definition of a function; None for a provider's own tool, which travels as it was given."""
    return mapping(tool["function"]) if isinstance(tool.get("function"), Mapping) else None


def stops(value: Any) -> list[str]:
    """Stop sequences, given as one or as several."""
    return [value] if isinstance(value, str) else list(value)


def call(path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> HttpCall:
    """A request ready to send.

    Raises
    ------
    Refused : a value of the request cannot be written as JSON.
    """
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as e:
        raise Refused("bad_request", f"The request cannot be written as JSON: {e}.") from None
    return HttpCall(path, text.encode("utf-8", "replace"), headers)
