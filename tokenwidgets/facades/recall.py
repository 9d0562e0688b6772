"""What hosts gave to be carried with their calls, for clients whose API has no place for it.

OpenAI's chat completions cannot say Google's signatures, nor Anthropic's Messages OpenAI's encrypted thoughts; without them a host refuses
the results of its own calls. What does come back to us is the id of a call: by it the answer is found that the call was made in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from ..dialects.messages import plain
from ..dialects.untrusted import items, mapping, objects, string
from ..events import Event, Tool
from ..generation import Stream
from ..turn import turn
from .base import Naming

_KEPT = ("carry", "reasoning_content", "tool_calls")


class Recall:
    """Answers with calls, by the ids of these, for as long as the hub keeps their streams."""

    def __init__(self) -> None:
        self._streams: WeakValueDictionary[str, Stream] = WeakValueDictionary()

    def keep(self, stream: Stream) -> None:
        """Take note of a stream that has ended."""
        for event in _named(stream, Tool):
            if isinstance(event, Tool) and event.id:
                self._streams[event.id] = stream

    def restored(self, messages: Iterable[Mapping[str, Any]], host: str, owner: str) -> list[Mapping[str, Any]]:
        """Messages for a host, its own answers among them whole again.

        Parameters
        ----------
        owner : whose answers may be looked at.
        """
        return [self._restored(message, host, owner) for message in messages]

    def _restored(self, message: Mapping[str, Any], host: str, owner: str) -> Mapping[str, Any]:
        """A message as it was, if it is the answer that its calls stand in and has nothing of its own to be carried."""
        calls = _calls(message)
        stream = self._streams.get(calls[0][0]) if calls and "carry" not in message else None
        if stream is None or stream.call.host != host or owner not in stream.owners:
            return message
        said = turn(_named(stream))
        same = calls == _calls(said) and plain(message.get("content")) == said["content"]
        return {**message, **{name: said[name] for name in _KEPT if name in said}} if same else message


def _calls(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The ids and names of a message's calls."""
    raw = objects(items(message.get("tool_calls")))
    return [(string(call.get("id")), string(mapping(call.get("function")).get("name"))) for call in raw]


def _named(stream: Stream, kind: type = object) -> Iterable[Event]:
    """Its events, or those of one kind, with the names its client was given."""
    naming = Naming(stream.id, stream.call.host)
    return (naming(entry.event) for entry in stream.journal.entries if isinstance(entry.event, kind))
