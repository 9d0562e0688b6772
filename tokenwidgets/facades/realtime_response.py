"""One answer of a voice session as OpenAI's `response.*` events, in the order in which they were recorded (wire-formats section 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Audio, Refusal, Text, Tool, Transcript, Usage
from .realtime_session import PCM

Frame = dict[str, Any]
Piece = Text | Refusal | Transcript | Audio | Tool


@dataclass(slots=True)
class Item:
    """An item of the conversation that an answer makes.

    Parameters
    ----------
    body : the item, kept up while it grows.
    index : of the answer's output.
    before : id of the item before it.
    done : whether it is whole.
    """

    body: Frame
    index: int
    before: str | None
    done: bool = False

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.body["id"])

    @property
    def part(self) -> Frame:
        """The one part of a message."""
        return dict(self.body["content"][0])


@dataclass(slots=True)
class Response:
    """An answer as far as it was given.

    Parameters
    ----------
    id : its own.
    modalities : how it is given.
    add : enters an item into the conversation; gives back the id of the one before it.
    sound : whether its sound is told here; over WebRTC it is on a track.
    """

    id: str
    modalities: list[str]
    item_id: Callable[[], str]
    add: Callable[[Frame], str | None]
    sound: bool = True
    items: dict[int, Item] = field(default_factory=dict)
    usage: Frame | None = None

    def body(self, status: str, details: Frame | None = None) -> Frame:
        """The response object."""
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [item.body for item in self.items.values()],
            "output_modalities": self.modalities,
            "max_output_tokens": "inf",
            "audio": {"output": {"format": PCM}},
            "usage": self.usage,
            "metadata": None,
        }

    def created(self) -> Frame:
        """It begins."""
        return {"type": "response.created", "response": self.body("in_progress")}

    def piece(self, event: Piece) -> list[Frame]:
        """The events of the next piece."""
        if isinstance(event, Tool):
            return self._call(event)
        spoken = isinstance(event, Transcript | Audio)
        out = [] if event.block in self.items else self._message(event.block, spoken)
        item = self.items[event.block]
        if isinstance(event, Audio):
            return [*out, *([self._of(item, "response.output_audio.delta", delta=event.delta)] if self.sound and event.delta else [])]
        item.body["content"][0]["transcript" if spoken else "text"] += event.delta
        kind = "response.output_audio_transcript.delta" if spoken else "response.output_text.delta"
        return [*out, *([self._of(item, kind, delta=event.delta)] if event.delta else [])]

    def take(self, usage: Usage) -> None:
        """Token counts, of which the last ones hold."""
        self.usage = usage_of(usage)

    def done(self, status: str, details: Frame | None) -> list[Frame]:
        """It has ended."""
        whole = "completed" if status == "completed" else "incomplete"
        out = [frame for item in self.items.values() if not item.done for frame in self._ended(item, whole)]
        return [*out, {"type": "response.done", "response": self.body(status, details)}]

    def _message(self, block: int, spoken: bool) -> list[Frame]:
        content = {"type": "output_audio", "transcript": ""} if spoken else {"type": "output_text", "text": ""}
        body = {"id": self.item_id(), "type": "message", "status": "in_progress", "role": "assistant", "content": list[Frame]()}
        out = self._added(block, body)
        body["content"] = [content]
        return [*out, self._of(self.items[block], "response.content_part.added", part=_part(content))]

    def _call(self, event: Tool) -> list[Frame]:
        out = list[Frame]()
        if event.block not in self.items:
            named = {"name": event.name or "", "call_id": event.id or "", "arguments": ""}
            out = self._added(event.block, {"id": self.item_id(), "type": "function_call", "status": "in_progress", **named})
        item = self.items[event.block]
        item.body["arguments"] += event.delta
        if event.delta:
            out.append(self._of(item, "response.function_call_arguments.delta", call_id=item.body["call_id"], delta=event.delta))
        return [*out, *(self._ended(item, "completed") if event.done else [])]

    def _added(self, block: int, body: Frame) -> list[Frame]:
        before = self.add(body)
        self.items[block] = Item(body, len(self.items), before)
        told = {**body}
        return [
            {"type": "response.output_item.added", "response_id": self.id, "output_index": self.items[block].index, "item": told},
            {"type": "conversation.item.added", "previous_item_id": before, "item": told},
        ]

    def _ended(self, item: Item, status: str) -> list[Frame]:
        item.done = True
        out = self._call_ended(item, status) if item.body["type"] == "function_call" else self._message_ended(item)
        item.body["status"] = status
        told = {**item.body}
        return [
            *out,
            {"type": "conversation.item.done", "previous_item_id": item.before, "item": told},
            {"type": "response.output_item.done", "response_id": self.id, "output_index": item.index, "item": told},
        ]

    def _call_ended(self, item: Item, status: str) -> list[Frame]:
        """A call that broke off has no arguments to act on."""
        told = {name: item.body[name] for name in ("call_id", "name", "arguments")}
        return [self._of(item, "response.function_call_arguments.done", **told)] if status == "completed" else []

    def _message_ended(self, item: Item) -> list[Frame]:
        part = item.part
        if part["type"] == "output_text":
            ended = [self._of(item, "response.output_text.done", text=part["text"])]
        else:
            sound = [self._of(item, "response.output_audio.done")] if self.sound else []
            ended = [*sound, self._of(item, "response.output_audio_transcript.done", transcript=part["transcript"])]
        return [*ended, self._of(item, "response.content_part.done", part=_part(part))]

    def _of(self, item: Item, kind: str, **more: Any) -> Frame:
        """An event about an item; a message's has the place of its one part."""
        place = {"content_index": 0} if item.body["type"] == "message" else {}
        return {"type": kind, "response_id": self.id, "item_id": item.id, "output_index": item.index, **place, **more}


def _part(content: Mapping[str, Any]) -> Frame:
    """A part by its other name: the content of an item is `output_audio` where its part is `audio`."""
    return {**content, "type": str(content["type"]).removeprefix("output_")}


def usage_of(usage: Usage) -> Frame:
    """Token counts in OpenAI's form: `input_tokens` and `output_tokens` are sums there."""
    cached, audio_in, audio_out = usage.cache_read or 0, usage.audio_in or 0, usage.audio_out or 0
    text_in, text_out = (usage.input or 0) + (usage.cache_write or 0) + cached, (usage.output or 0) + (usage.reasoning or 0)
    read, written = text_in + audio_in, text_out + audio_out
    return {
        "total_tokens": read + written,
        "input_tokens": read,
        "output_tokens": written,
        "input_token_details": {"text_tokens": text_in, "audio_tokens": audio_in, "cached_tokens": cached},
        "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
    }
