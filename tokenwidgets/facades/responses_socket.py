"""The Responses' socket from the server's side, without I/O: what its frames ask for, and in which lane (wire-formats section 2.6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..dialects.untrusted import mapping, parse, string
from ..errors import Refused
from ..events import Error
from .responses import ResponsesFacade

IN_FLIGHT = 16
"""Responses at a time on one connection."""

LANES = 32
"""Named lanes in a connection's life."""

_LANE = re.compile(r"[A-Za-z0-9_.-]{1,256}")

_OF_THE_SOCKET = ("type", "stream_id", "generate", "stream", "background")
"""Fields of a frame that are no part of a request."""


@dataclass(frozen=True, slots=True)
class Create:
    """A response is asked for."""

    lane: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unserved:
    """Something of this protocol is asked for that is not done here: the protocol's own answer to it."""

    lane: str
    frame: Mapping[str, Any]


class Lanes:
    """What a connection may still ask for."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._running = 0

    def read(self, message: str) -> Create | Unserved:
        """What a client's frame asks for; a response counts as running until `ended`.

        Raises
        ------
        Refused : nothing that can be done here.
        """
        try:
            raw = mapping(parse(message))
        except ValueError:
            raise Refused("bad_request", "A message on this socket is a JSON object.") from None
        if raw.get("type") == "response.steer":
            return Unserved("", _not_steered(raw))
        if raw.get("type") != "response.create":
            raise Refused("bad_request", "This socket takes messages of the type 'response.create'.")
        lane = self._lane(raw.get("stream_id"))
        if raw.get("generate") is False:
            return Unserved(lane, _NOT_WARMED)
        if self._running >= IN_FLIGHT:
            raise Refused("limit", f"This connection has {IN_FLIGHT} responses in flight, which is the most it takes: wait for one to end.")
        self._running += 1
        return Create(lane, {k: v for k, v in raw.items() if k not in _OF_THE_SOCKET})

    def _lane(self, given: Any) -> str:
        if given is None:
            return ""
        lane = string(given)
        if not _LANE.fullmatch(lane):
            raise Refused("bad_request", "A lane's name is 1 to 256 letters, digits, underscores, hyphens or periods.")
        if lane not in self._names and len(self._names) >= LANES:
            raise Refused("limit", f"This connection has had {LANES} lanes, which is the most it takes: use one of them.")
        self._names.add(lane)
        return lane

    def ended(self) -> None:
        """A response has ended."""
        self._running -= 1


_NOT_WARMED: Mapping[str, Any] = {
    "type": "error",
    "status": 400,
    "error": {
        "type": "invalid_request_error",
        "code": "unsupported_parameter",
        "message": "'generate': false is not supported here, where no cache is warmed: leave it out.",
        "param": "generate",
    },
}


def _not_steered(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Steering is refused with its input, for its client to send otherwise (openai types/responses/response_steer_failed_event.py)."""
    message = "Steering is not supported here: wait for the response to end, then send the input with 'previous_response_id'."
    steer = {"previous_response_id": string(raw.get("previous_response_id")), "input": raw.get("input")}
    error = {"type": "invalid_request_error", "code": "steering_not_supported", "message": message}
    return {"type": "response.steer.failed", "sequence_number": 0, "error": error, "steer": steer}


def lane_of(message: str) -> str:
    """The lane a frame names, for the answer to one that cannot be carried out."""
    try:
        return string(mapping(parse(message)).get("stream_id"))
    except ValueError:
        return ""


def framed(frame: Mapping[str, Any], lane: str) -> Mapping[str, Any]:
    """A frame as it is sent in a lane."""
    return {**frame, "stream_id": lane} if lane else frame


def failure(error: Error) -> Mapping[str, Any]:
    """The frame of a failure before a response began."""
    status, body = ResponsesFacade().failure(error, "")
    inner = dict(body["error"])
    if error.code == "limit":
        inner["code"] = "websocket_stream_limit_reached"
    return {"type": "error", "status": status, "error": inner}
