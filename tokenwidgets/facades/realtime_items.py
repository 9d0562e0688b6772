"""The items of a voice session's conversation, as OpenAI's clients name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dialects.untrusted import mapping, string
from ..errors import Refused
from ..realtime.inputs import Input, Say, ToolResult
from .base import refuse
from .realtime_response import Frame

ITEMS = 1000
"""The most items that are kept to be retrieved; the oldest are forgotten first."""


class Items:
    """The items so far, the last ones of them."""

    def __init__(self) -> None:
        self._items: dict[str, Frame] = {}
        self._made = 0
        self.last: str | None = None

    def name(self) -> str:
        """An id for a further item."""
        self._made += 1
        return f"item_{self._made}"

    def add(self, body: Frame) -> str | None:
        """Enter an item; gives back the id of the one before it."""
        before, self.last = self.last, str(body["id"])
        self._items[self.last] = body
        if len(self._items) > ITEMS:
            del self._items[next(iter(self._items))]
        return before

    def entered(self, body: Frame) -> list[Frame]:
        """Enter an item that is whole; its events."""
        about = {"previous_item_id": self.add(body), "item": {**body}}
        return [{"type": "conversation.item.added", **about}, {"type": "conversation.item.done", **about}]

    def get(self, id: Any) -> Frame:
        """An item. Raises `Refused` where there is none."""
        body = self._items.get(string(id))
        if body is None:
            raise Refused("not_found", f"This conversation has no item {string(id)[:64]!r}.")
        return body

    def made(self, given: Mapping[str, Any]) -> tuple[Frame, Input]:
        """What a client's `conversation.item.create` enters, and the input that it is.

        Raises
        ------
        Refused : an item that cannot be said in our form.
        """
        if given.get("previous_item_id") not in (None, self.last):
            raise refuse("An item comes at the end of the conversation here: leave 'previous_item_id' out.")
        item = mapping(given.get("item"))
        id = string(item.get("id")) or self.name()
        if id in self._items:
            raise refuse(f"This conversation has an item {id[:64]!r} already.")
        return made(item, id)


def made(item: Mapping[str, Any], id: str) -> tuple[Frame, Input]:
    """See `Items.made`."""
    match item:
        case {"type": "message", "role": "user", "content": [*parts]} if parts:
            body = {"id": id, "type": "message", "status": "completed", "role": "user", "content": parts}
            texts, images = zip(*map(_part, parts), strict=True)
            return body, Say("\n".join(filter(None, texts)), tuple(filter(None, images)), respond=False)
        case {"type": "function_call_output", "call_id": str(call), "output": str(output)}:
            told = {"id": id, "type": "function_call_output", "status": "completed", "call_id": call, "output": output}
            return told, ToolResult(call, output, respond=False)
    raise refuse(
        "An item that a client creates here is a 'message' of the role 'user', or a 'function_call_output': "
        "instructions go into session.update, and what was said earlier stays with the host."
    )


def _part(part: Any) -> tuple[str, str]:
    """Text and picture of a part, one of which is empty."""
    match part:
        case {"type": "input_text", "text": str(text)}:
            return text, ""
        case {"type": "input_image", "image_url": str(url)} if url.startswith("data:"):
            return "", url
    raise refuse("A part of a message is 'input_text', or 'input_image' with a data URL; sound goes into input_audio_buffer.append.")
