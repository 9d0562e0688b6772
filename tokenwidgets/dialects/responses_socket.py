"""Responses over a WebSocket, without I/O (wire-formats section 2.6): frames out, frames in, and whose they are.

Several streams share a connection. Requests without a lane run one at a time; requests in a named lane one after the other, and lanes
run side by side. There is no frame that cancels: a response that is not wanted any more is read and thrown away, or the connection is
closed. Time is an argument, in seconds of any clock that does not run backwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from ..errors import Refused
from ..events import Error, Event, Notice
from ..request import Request
from . import messages, responses_request
from .base import Profile
from .responses_decoder import ResponsesDecoder
from .responses_failures import CONNECTION_LIMIT, STREAM_LIMIT, code, fault
from .responses_lane import Lane, Turn
from .untrusted import mapping, parse, string

Told: TypeAlias = tuple[str, Event]
"""A stream's name and its next event."""

LIFETIME = 3600.0
"""How long a connection lasts, in seconds."""

MARGIN = 300.0
"""How long before its end a connection takes no new response, in seconds: one that has begun should come to its end."""

IN_FLIGHT = 16
"""Responses at a time on one connection; the server queues further ones, another connection does not."""

LANES = 32
"""Named lanes in a connection's life, those that are done included."""

RECOVERABLE = (1001, 1005, 1006, 1011, 1012, 1013, 1015)
"""Close codes after which the same request may be sent on a new connection (openai resources/responses/responses.py)."""

_LANE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_NOT_SENT = ("type", "stream_id", "stream", "background")
"""Fields of a body that only HTTP knows, and those that are for us to fill."""


class ResponsesSocket:
    """One connection: requests and frames in, frames and events out. Every stream gets exactly one terminal event.

    Parameters
    ----------
    profile : quirks of the host.
    opened : when the connection was opened.
    """

    def __init__(self, profile: Profile, opened: float) -> None:
        self._profile = profile
        self._opened = opened
        self._lanes: dict[str, Lane] = {}
        self._spent = False

    def must_renew(self, now: float) -> bool:
        """Whether the next request belongs on a new connection. Responses that have begun may still end on this one."""
        return self._spent or now >= self._opened + LIFETIME - MARGIN

    def newest(self, lane: str = "") -> str | None:
        """The response that a lane's next request can continue, also when nothing is stored; None when all input must be sent again."""
        known = self._lanes.get(lane)
        return known.newest if known else None

    def create(self, stream: str, request: Request, now: float, lane: str = "", after: str | None = None, held: int = 0) -> bytes:
        """The frame that asks for a response.

        Parameters
        ----------
        stream : name under which its events are given; that of a successor when its response waits for the client.
        request : all messages, or with `after` those that are left of them. Instructions and tools are not remembered by the server.
        now : the time.
        lane : empty for none.
        after : id of the response to continue.
        held : how many input items, of those that the request makes, the server holds with `after`; they are not sent.

        Raises
        ------
        Refused : the connection must be renewed, or is full; the lane is busy or is none; the request cannot be said in this format.
        """
        self._check(stream, now, lane, after)
        body = responses_request.body(request, self._profile)
        body = {"type": "response.create", **{k: v for k, v in body.items() if k not in _NOT_SENT}, "input": body["input"][held:]}
        body |= {k: v for k, v in (("stream_id", lane), ("previous_response_id", after)) if v}
        data = messages.call("", body, {}).body
        place = self._lanes.setdefault(lane, Lane())
        turn = place.successors.pop(after or "", None) or self._turn(stream)
        turn.after = after
        place.turns.append(turn)
        return data

    def _check(self, stream: str, now: float, lane: str, after: str | None) -> None:
        waiting = self._lanes[lane].successors.get(after or "") if lane in self._lanes else None
        if self.must_renew(now):
            raise Refused("limit", "This connection is near the end of its 60 minutes: open a new one.")
        if lane and not _LANE.fullmatch(lane):
            raise Refused("bad_request", "A lane's name is 1 to 256 letters, digits, underscores, hyphens or periods.")
        if waiting and waiting.stream != stream:
            raise Refused("bad_request", f"That response was steered: continue it as the stream {waiting.stream!r}.")
        if not waiting and self._find(stream):
            raise Refused("bad_request", f"There is already a stream {stream!r} on this connection.")
        if sum(len(place.turns) for place in self._lanes.values()) >= IN_FLIGHT:
            raise Refused("limit", f"This connection has {IN_FLIGHT} responses in flight, which is the most it takes: open another one.")
        if not lane and "" in self._lanes and self._lanes[""].turns:
            raise Refused("limit", "Without a lane there is one response at a time: name a lane.")
        if lane and lane not in self._lanes and len(self._lanes.keys() - {""}) >= LANES:
            raise Refused("limit", f"This connection has had {LANES} lanes, which is the most it takes: use one of them.")

    def steer(self, stream: str, said: Iterable[Mapping[str, Any]], successor: str) -> bytes:
        """The frame that puts the user's words into a running response.

        The response ends early, as superseded, and the server begins the next one by itself: `successor` names the stream of that one,
        which gets a notice `steer` when its words are accepted, and when they wait for a tool's result.

        Raises
        ------
        Refused : the response has not begun, or another successor waits for it.
        """
        found = self._find(stream)
        if found is None or not found[1].id:
            raise Refused("bad_request", f"There is no response of the stream {stream!r} that has begun.")
        lane, turn = found
        data = {"type": "response.steer", "previous_response_id": turn.id, "input": responses_request.input_items(said)}
        known = lane.successors.get(turn.id)
        if (known and known.stream != successor) or (known is None and self._find(successor)):
            raise Refused("bad_request", f"{successor!r} cannot succeed {stream!r}: another stream does, or the name is taken.")
        frame = messages.call("", data, {}).body
        next_one = lane.successors.setdefault(turn.id, self._turn(successor))
        next_one.steers += 1
        return frame

    def receive(self, frame: str | bytes) -> list[Told]:
        """What one frame of the server says, and to which streams. Keep-alives and frames of other kinds say nothing."""
        try:
            raw = mapping(parse(frame))
        except ValueError:
            self._spent = True
            return self._end(self._open(), Error("protocol", "The provider sent a frame that cannot be read.", retryable=True))
        kind = string(raw.get("type"))
        if kind.startswith("response.steer."):
            return self._steered(kind, raw)
        if kind == "error" and (code(raw) in (CONNECTION_LIMIT, STREAM_LIMIT, "invalid_stream_id")):
            return self._refused(raw)
        if kind != "error" and not kind.startswith("response."):
            return []
        lane = self._lanes.get(string(raw.get("stream_id")))
        turn = lane.turn(kind, raw) if lane else None
        if lane and turn:
            events = turn.decoder.frame(raw)
            lane.settle(events)
            return [(turn.stream, event) for event in events]
        return self._unrouted(raw) if kind == "error" else []

    def close(self, status: int | None = None) -> list[Told]:
        """The connection is closed: end every stream.

        Parameters
        ----------
        status : the close code, if one came.
        """
        self._spent = True
        again = status is None or status in RECOVERABLE
        lost = Error("connection", "The provider closed the connection before an answer came.", stage="close", retryable=again)
        out: list[Told] = []
        for lane, turn in self._open():
            lane.remove(turn)
            events = turn.decoder.close() if turn.decoder.begun else turn.decoder.fail(lost)
            out += [(turn.stream, event) for event in events]
        return out

    def _turn(self, stream: str) -> Turn:
        return Turn(stream, ResponsesDecoder(self._profile))

    def _open(self) -> list[tuple[Lane, Turn]]:
        return [(lane, turn) for lane in self._lanes.values() for turn in lane.all()]

    def _find(self, stream: str) -> tuple[Lane, Turn] | None:
        return next(((lane, turn) for lane, turn in self._open() if turn.stream == stream), None)

    def _end(self, turns: Iterable[tuple[Lane, Turn]], error: Error) -> list[Told]:
        out: list[Told] = []
        for lane, turn in turns:
            lane.remove(turn)
            out += [(turn.stream, event) for event in turn.decoder.fail(error)]
        return out

    def _unrouted(self, raw: Mapping[str, Any]) -> list[Told]:
        """An error that no response is there for: late, of a lane's last response, or the connection's and so every stream's."""
        lane = self._lanes.get("")
        if raw.get("stream_id") or (lane and lane.failed):
            return []
        self._spent = True
        return self._end(self._open(), fault(raw))

    def _refused(self, raw: Mapping[str, Any]) -> list[Told]:
        """Requests that were not taken. When the connection's time is up that is each one that has not begun, else the last of its lane."""
        name = string(raw.get("stream_id"))
        waiting = [(lane, turn) for lane, turn in self._open() if not turn.decoder.begun and turn in lane.turns]
        if code(raw) == CONNECTION_LIMIT:
            self._spent = True
        else:
            waiting = [(lane, turn) for lane, turn in waiting if not name or lane is self._lanes.get(name)][-1:]
        return self._end(waiting, fault(raw))

    def _steered(self, kind: str, raw: Mapping[str, Any]) -> list[Told]:
        """What became of words that were put in. When none are left that could be committed, their successor ends."""
        parent = string(mapping(raw.get("steer")).get("previous_response_id"))
        lane = next((lane for lane in self._lanes.values() if parent in lane.successors), None)
        if lane is None:
            return []
        turn, state = lane.successors[parent], kind.removeprefix("response.steer.")
        turn.steers -= state == "failed"
        if not turn.steers:
            return self._end([(lane, turn)], fault(raw))
        told = {k: raw[k] for k in ("reason", "required_input", "error") if k in raw}
        return [(turn.stream, Notice("steer", {"state": state, **told}))]
