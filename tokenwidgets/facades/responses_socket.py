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


class Lanes:
    """What a connection may still ask for."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._running = 0

    def read(self, message: str) -> Create:
        """What a client's frame asks for; it counts as running until `ended`.

        Raises
        ------
        Refused : nothing that can be done here.
        """
        try:
            raw = mapping(parse(message))
        except ValueError:
            raise Refused("bad_request", "A message on this socket is a JSON object.") from None
        if raw.get("type") != "response.create" or raw.get("generate") is False:
            raise Refused(
                "bad_request", "This socket takes messages of the type 'response.create' that generate; it does not steer or warm up."
            )
        lane = self._lane(raw.get("stream_id"))
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
