"""The Responses wire from the server's side: our events as its events, for the simulator and for gateways."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..events import Carry, End, EndReason, Error, Event, Notice, Reasoning, Refusal, Text, Tool, Usage
from . import responses_object as objects
from .dump import dump
from .openai_chat_server import error_body
from .untrusted import items, mapping

_INCOMPLETE: dict[EndReason, str] = {"length": "max_output_tokens", "filter": "content_filter", "superseded": "steered"}
"""What is not here is completed, as a refusal and a call are at OpenAI."""

_STEMS = {
    "output_text": "output_text",
    "refusal": "refusal",
    "reasoning_text": "reasoning_text",
    "summary_text": "reasoning_summary_text",
}
"""Names of the events of a part."""

_TOOL_ITEM = re.compile(r"(?!tool_search)\w+_call|mcp_list_tools|mcp_approval_request")
"""Items of the provider's own tools; the search for tools is carried."""

Frame = dict[str, Any]


@dataclass(slots=True)
class _Part:
    """The text that is open: an item of one part."""

    block: int
    kind: str
    index: int
    item: dict[str, Any]
    annotations: list[Any] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def place(self) -> dict[str, Any]:
        number = "summary_index" if self.kind == "summary_text" else "content_index"
        return {"item_id": self.item["id"], "output_index": self.index, number: 0}

    def whole(self) -> dict[str, Any]:
        text = "".join(self.pieces)
        fields: dict[str, Any] = {"refusal": text} if self.kind == "refusal" else {"text": text}
        return {**objects.part(self.kind), **fields, **({"annotations": self.annotations} if self.annotations else {})}


@dataclass(slots=True)
class _Call:
    """A tool call that is open."""

    index: int
    item: dict[str, Any]
    pieces: list[str] = field(default_factory=list)


class ResponsesServer:
    """One response: events in, bytes of SSE frames out, or frames for a socket.

    Each text is an item of its own; it ends where another begins, and one that goes on after that is a further item. Calls may overlap.
    Events without a place in this format give no bytes: starts, sound, further choices, the tools of other formats, most notices.

    Parameters
    ----------
    id : of the response, such as `resp_…`.
    model : name in the response; a `served` notice before its first content replaces it.
    created : Unix time in seconds.
    echo : fields of the request that the response repeats, such as `instructions` and `tools`.

    Attributes
    ----------
    response : the response as it is now; once it has ended it is the answer to a client that did not ask for a stream.
    """

    def __init__(self, id: str, model: str, created: int, echo: Mapping[str, Any] | None = None) -> None:
        self.response = {**objects.response(id, model, created), **(echo or {})}
        self._output: dict[int, dict[str, Any]] = {}
        self._sequence = 0
        self._started = False
        self._items = 0
        self._part: _Part | None = None
        self._calls: dict[int, _Call] = {}
        self._thought: set[int] = set()

    def encode(self, event: Event) -> bytes:
        """The SSE frames for an event; empty when it has none."""
        return b"".join(b"event: %b\ndata: %b\n\n" % (frame["type"].encode(), dump(frame)) for frame in self.frames(event))

    def frames(self, event: Event) -> list[Frame]:
        """The frames for an event, in the order of wire-formats section 2.3."""
        if getattr(event, "choice", 0):
            return []
        if isinstance(event, Usage):
            self.response["usage"] = objects.usage(event)
        elif isinstance(event, Notice):
            return self._notice(event)
        elif isinstance(event, Text | Refusal | Reasoning):
            return self._text(event)
        elif isinstance(event, Tool):
            return self._tool(event)
        elif isinstance(event, Carry):
            return self._carry(event)
        elif isinstance(event, Error):
            return self._error(event)
        elif isinstance(event, End):
            return self._end(event)
        return []

    def _frame(self, kind: str, **fields: Any) -> Frame:
        self._sequence += 1
        return {"type": f"response.{kind}" if kind != "error" else kind, "sequence_number": self._sequence - 1, **fields}

    def _begin(self) -> list[Frame]:
        if self._started:
            return []
        self._started = True
        return [self._frame(kind, response=dict(self.response)) for kind in ("created", "in_progress")]

    def _notice(self, event: Notice) -> list[Frame]:
        part = self._part
        if event.kind == "served" and not self._started:
            self.response["model"] = event.data.get("model", self.response["model"])
        if event.kind == "server_tool" and "id" in event.data and _TOOL_ITEM.fullmatch(str(event.data.get("type"))):
            return self._whole({k: v for k, v in event.data.items() if k != "block"})
        if event.kind != "citation" or part is None or part.kind != "output_text":
            return []
        out: list[Frame] = []
        for annotation in items(event.data.get("annotations")):
            at = {**part.place, "annotation_index": len(part.annotations), "annotation": annotation}
            out.append(self._frame("output_text.annotation.added", **at))
            part.annotations.append(annotation)
        return out

    def _text(self, event: Text | Refusal | Reasoning) -> list[Frame]:
        kind = "output_text" if isinstance(event, Text) else "refusal"
        if isinstance(event, Reasoning):
            kind = "summary_text" if event.kind == "summary" else "reasoning_text"
            self._thought.add(event.block)
        out: list[Frame] = []
        part = self._part
        if part is None or (part.block, part.kind) != (event.block, kind):
            out += self._close("completed")
            part, opening = self._open(event.block, kind)
            out += opening
        part.pieces.append(event.delta)
        logprobs: dict[str, Any] = {"logprobs": []} if kind == "output_text" else {}
        return [*out, self._frame(f"{_STEMS[kind]}.delta", **part.place, delta=event.delta, **logprobs)]

    def _open(self, block: int, kind: str) -> tuple[_Part, list[Frame]]:
        said = kind in ("output_text", "refusal")
        item = objects.message(self._id("msg")) if said else objects.reasoning(self._id("rs"))
        out = self._add(item)
        part = self._part = _Part(block, kind, self._items - 1, item)
        return part, [*out, self._frame(_part_event(kind, "added"), **part.place, part=objects.part(kind))]

    def _add(self, item: Mapping[str, Any]) -> list[Frame]:
        out = self._begin()
        self._items += 1
        return [*out, self._frame("output_item.added", output_index=self._items - 1, item=dict(item))]

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._items}_{self.response['id']}"

    def _close(self, status: str, **fields: Any) -> list[Frame]:
        """End the text that is open. Calls stay open: their fragments may interleave."""
        part, self._part = self._part, None
        if part is None:
            return []
        whole = part.whole()
        said = {k: v for k, v in whole.items() if k in ("text", "refusal")} | ({"logprobs": []} if part.kind == "output_text" else {})
        place = {"message": "content", "reasoning": "summary" if part.kind == "summary_text" else "content"}[part.item["type"]]
        item = {**part.item, place: [whole], "status": status, **fields}
        return [
            self._frame(f"{_STEMS[part.kind]}.done", **part.place, **said),
            self._frame(_part_event(part.kind, "done"), **part.place, part=whole),
            *self._done(part.index, item),
        ]

    def _done(self, index: int, item: dict[str, Any]) -> list[Frame]:
        self._output[index] = item
        return [self._frame("output_item.done", output_index=index, item=item)]

    def _tool(self, event: Tool) -> list[Frame]:
        """A fragment. What a call's last event repeats was sent before, unless the call came in that event alone."""
        out: list[Frame] = []
        call = self._calls.get(event.block)
        text = event.delta
        if call is None:
            text = dump(event.arguments).decode() if event.done and event.arguments is not None else text
            out += self._close("completed")
            call = _Call(self._items, objects.call(self._id("fc"), event.id or f"call_{self._items}", event.name or ""))
            self._calls[event.block] = call
            out += self._add(call.item)
        call.item["name"] = call.item["name"] or event.name or ""
        if text:
            call.pieces.append(text)
            out.append(self._frame("function_call_arguments.delta", **_place(call), delta=text))
        return out + (self._close_call(event.block, "completed") if event.done else [])

    def _close_call(self, block: int, status: str) -> list[Frame]:
        call = self._calls.pop(block)
        text = "".join(call.pieces)
        item = {**call.item, "arguments": text, "status": status}
        done = self._frame("function_call_arguments.done", **_place(call), name=item["name"], arguments=text)
        return [done, *self._done(call.index, item)]

    def _carry(self, event: Carry) -> list[Frame]:
        """An item of this format as it is; where its thoughts were sent in pieces, only its encrypted form, with them if they are open."""
        item = dict(mapping(event.opaque))
        if item.get("type") not in ("reasoning", "compaction", "tool_search_call", "tool_search_output"):
            return []
        if event.block in self._thought:
            sealed = {k: v for k, v in item.items() if k == "encrypted_content"}
            if self._part and self._part.item["type"] == "reasoning":
                return self._close("completed", **sealed)
            item = {**objects.reasoning(self._id("rs")), **sealed, "status": "completed"} if sealed else {}
        return self._whole(item) if item else []

    def _whole(self, item: dict[str, Any]) -> list[Frame]:
        """An item that does not come in pieces."""
        out = self._close("completed") + self._add(item)
        return out + self._done(self._items - 1, item)

    def _end(self, event: End) -> list[Frame]:
        """End what is open. A stream that was cut off says so: no status of this format does."""
        if event.reason == "truncated":
            return self._error(Error("connection", "The provider's stream broke off before its end."))
        reason = _INCOMPLETE.get(event.reason)
        status = "incomplete" if reason or event.reason == "cancelled" else "completed"
        out = self._begin() + self._close(status)
        for block in list(self._calls):
            out += self._close_call(block, status)
        self.response["status"] = "cancelled" if event.reason == "cancelled" else status
        self.response["incomplete_details"] = {"reason": reason} if reason else None
        return [*out, self._last(status)]

    def _error(self, event: Error) -> list[Frame]:
        """A failure after the head was sent: told twice, as OpenAI's live server does (section 2.4)."""
        error = error_body(event)["error"]
        out = [*self._begin(), self._frame("error", error=error)]
        self.response |= {"status": "failed", "error": objects.failure(error)}
        return [*out, self._last("failed")]

    def _last(self, kind: str) -> Frame:
        self.response["output"] = [self._output[index] for index in sorted(self._output)]
        return self._frame(kind, response=dict(self.response))


def _part_event(kind: str, step: str) -> str:
    return f"{'reasoning_summary_part' if kind == 'summary_text' else 'content_part'}.{step}"


def _place(call: _Call) -> dict[str, Any]:
    return {"item_id": call.item["id"], "output_index": call.index}
