"""OpenAI's Responses (wire-formats section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..dialects.openai_chat_server import error_body
from ..dialects.responses_server import ResponsesServer
from ..events import Error, Event
from ..turn import turn
from .base import Head, status_of
from .chat import STATUSES
from .responses_request import request

_ECHOED = (
    "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "previous_response_id", "reasoning", "temperature", "text",
    "tool_choice", "tools", "top_p", "truncation",
)  # fmt: skip
"""Fields of a request that its response repeats."""


PREFIX = "resp_"
"""Before a stream's id, in the id of its response."""


class ResponsesFacade:
    """`responses`. An earlier response can be gone on from for as long as its stream is kept, whatever `store` says."""

    dialect = "openai-responses"
    request_id_header = "x-request-id"
    keep_alive = b": keep-alive\n\n"
    passed_headers: tuple[str, ...] = ()

    def request(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """See `Facade.request`."""
        return request(body)

    def reply(self, body: Mapping[str, Any], head: Head) -> ResponsesReply:
        """See `Facade.reply`."""
        return ResponsesReply(head, {name: body[name] for name in _ECHOED if body.get(name) is not None})

    def failure(self, error: Error, request_id: str) -> tuple[int, Mapping[str, Any]]:
        """See `Facade.failure`."""
        status, body = status_of(error, STATUSES, {}), error_body(error)
        if error.code == "not_found" and error.stage == "connect" and status == 400:  # of what a request names, only this is answered so
            body["error"]["code"] = "previous_response_not_found"
        return status, body


class ResponsesReply:
    """One response."""

    def __init__(self, head: Head, echo: Mapping[str, Any]) -> None:
        self._naming = head.naming()
        self._server = ResponsesServer(PREFIX + head.id, head.model, head.created, echo)

    def encode(self, event: Event) -> bytes:
        """See `Reply.encode`."""
        return self._server.encode(self._naming(event))

    def whole(self, events: Iterable[Event]) -> Mapping[str, Any]:
        """See `Reply.whole`."""
        for event in events:
            self.frames(event)
        return self._server.response

    def frames(self, event: Event) -> list[dict[str, Any]]:
        """The same as `encode`, for a socket."""
        return self._server.frames(self._naming(event))


def stream_of(response_id: str) -> str:
    """The stream behind a response's id."""
    return response_id.removeprefix(PREFIX)


def continued(given: Mapping[str, Any], conversation: Iterable[Mapping[str, Any]], events: Iterable[Event]) -> dict[str, Any]:
    """A request of ours with an earlier one's messages and its answer before its own."""
    return {**given, "messages": [*conversation, turn(events), *given["messages"]]}
