"""What stands beside an answer: the sources it names, the tools its provider used, pictures and files that are not kept here.

Every provider has its own shape for these, so they are looked for wherever they stand. The live card finds them by the same rules
(`js/src/stream/asides.js`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import markdown
from .events import Entry, Notice

SOURCES = 20
"""Sources that are listed; more are counted."""

DEPTH = 8
"""Objects within objects that are searched."""

_ADDRESSES = ("url", "uri", "source_url")
_TITLES = ("title", "document_title", "domain")


@dataclass(frozen=True, slots=True)
class Source:
    """What an answer names as its source.

    Parameters
    ----------
    address : a web address.
    title : its title; empty where there is none.
    """

    address: str
    title: str


def sources(entries: Sequence[Entry]) -> list[Source]:
    """Each address once, in the order in which they came."""
    found = (source for data in _data(entries, "citation") for source in _sources(data))
    return list({source.address: source for source in reversed(list(found))}.values())[::-1]


def tools(entries: Sequence[Entry]) -> list[str]:
    """Names of the tools that ran at the provider's, each once."""
    return list(dict.fromkeys(name for data in _data(entries, "server_tool") if (name := _tool(data))))


def media(entries: Sequence[Entry]) -> int:
    """How many pictures and files came."""
    return len(list(_data(entries, "media")))


def _data(entries: Sequence[Entry], kind: str) -> Iterator[Mapping[str, Any]]:
    return (e.event.data for e in entries if isinstance(e.event, Notice) and e.event.kind == kind)


def _sources(value: Any, depth: int = 0) -> Iterator[Source]:
    if depth > DEPTH:
        return
    if isinstance(value, str) and depth <= 2 and markdown.is_address(value):
        yield Source(value, "")
    if isinstance(value, Mapping):
        address = next((value[name] for name in _ADDRESSES if isinstance(value.get(name), str) and markdown.is_address(value[name])), "")
        if address:
            yield Source(address, next((value[name] for name in _TITLES if isinstance(value.get(name), str)), ""))
            return
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _sources(inner, depth + 1)


def _tool(data: Mapping[str, Any]) -> str:
    named = next((data[name] for name in ("name", "type") if isinstance(data.get(name), str)), "")
    return named or next((name for name in data if name != "block"), "")
