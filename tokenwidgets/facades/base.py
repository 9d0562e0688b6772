"""What a façade is, and what all of them share."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..dialects.untrusted import mapping
from ..errors import STATUS, Refused
from ..events import End, Error, ErrorCode, Event, Notice, Tool
from ..request import OPTIONS
from ..wire.sse import Message, Parser


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer says of itself before it has any content.

    Parameters
    ----------
    id : of the stream.
    model : as asked for, `host/model`.
    created : Unix time in seconds.
    """

    id: str
    model: str
    created: int

    def naming(self) -> Naming:
        """The names of one answer."""
        return Naming(self.id, self.model.split("/")[0])


class Reply(Protocol):
    """One answer in a façade's form. Either of the two is used, once."""

    def encode(self, event: Event) -> bytes:
        """The bytes of a streamed answer for an event; empty when it has none."""
        ...

    def whole(self, events: Iterable[Event]) -> Mapping[str, Any]:
        """The answer to a client that did not ask for a stream, from all events of one that ended well."""
        ...


class Facade(Protocol):
    """One vendor's API.

    Attributes
    ----------
    dialect : the wire format a host has to speak for requests to need no translation.
    request_id_header : under which its clients look for an id to quote.
    keep_alive : bytes that keep a stream's connection open and mean nothing.
    passed_headers : of a request, that go with it to a host that needs no translation.
    """

    dialect: str
    request_id_header: str
    keep_alive: bytes
    passed_headers: tuple[str, ...]

    def request(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The request in our form.

        Fields that are not known here stay, under `options.extra`, for the host to judge.

        Raises
        ------
        Refused : it asks for something that cannot be said in our form.
        """
        ...

    def reply(self, body: Mapping[str, Any], head: Head) -> Reply:
        """The answer to come to the request `body`."""
        ...

    def failure(self, error: Error, request_id: str) -> tuple[int, Mapping[str, Any]]:
        """HTTP status and body of a failure before the answer began."""
        ...


def taken(body: Mapping[str, Any], names: Mapping[str, str], known: Collection[str]) -> dict[str, Any]:
    """The options of a request: those that have a name here, and all the others under `extra`.

    Parameters
    ----------
    body : the façade's request; a field that is null is as one that is not there.
    names : the façade's names of options, and ours.
    known : fields that are read elsewhere.
    """
    told = {k: v for k, v in body.items() if v is not None}
    out = {ours: told[theirs] for theirs, ours in names.items() if theirs in told}
    extra = {k: v for k, v in told.items() if k not in names and k not in known}
    return {**out, "extra": extra} if extra else out


def judged(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with a `response_format` or `tool_choice` of a form that only some hosts know under `extra`, for the host to judge."""
    foreign = {
        name: options[name] for name in ("response_format", "tool_choice") if name in options and not OPTIONS[name][0](options[name])
    }
    out = {k: v for k, v in options.items() if k not in foreign}
    return {**out, "extra": {**out.get("extra", {}), **foreign}} if foreign else out


def lifted(options: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """The options with those of a host's own taken out of `extra`, where a client's SDK put what it does not know."""
    extra = mapping(options.get("extra"))
    out = {**options, **{k: v for k, v in extra.items() if k in own}}
    return out | ({"extra": {k: v for k, v in extra.items() if k not in own}} if extra else {})


def status_of(error: Error, known: Collection[int], own: Mapping[ErrorCode, int]) -> int:
    """The HTTP status of an error: the provider's where a façade's clients know it, else the façade's own for the code, else ours."""
    if error.status in known:
        return error.status or 500
    return own.get(error.code, STATUS[error.code])


def failed(last: Event) -> Error | None:
    """What went wrong, if a stream with this last event did not end well. No façade has a reason for an answer that was cut off."""
    if isinstance(last, End) and last.reason == "truncated":
        return Error("connection", "The provider's stream broke off before its end.", retryable=True)
    return last if isinstance(last, Error) else None


class Naming:
    """Names in events such that they can be used here: a model's with its host before it, and of a call that has none an id of its own.

    Parameters
    ----------
    id : of the stream.
    host : of the model.
    """

    def __init__(self, id: str, host: str) -> None:
        self._id = id
        self._host = host
        self._called: set[int] = set()

    def __call__(self, event: Event) -> Event:
        """The event with its names. An id that a call gets late is left out: its client has one already."""
        if isinstance(event, Tool):
            first = event.block not in self._called
            self._called.add(event.block)
            return replace(event, id=(event.id or f"call_{self._id}_{event.block}") if first else None)
        model = event.data.get("model") if isinstance(event, Notice) and event.kind == "served" else None
        return Notice("served", {"model": f"{self._host}/{model}"}) if isinstance(model, str) else event


def objects_of(value: Any, name: str) -> list[Mapping[str, Any]]:
    """The objects of a client's list, of which none may get lost; none if it is not there.

    Raises
    ------
    Refused : it is no such list.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise refuse(f"{name!r} is a list of objects.")
    return value


def frames(data: bytes) -> list[dict[str, Any]]:
    """The JSON of encoded SSE frames, end markers left out: the whole answer is what a client would put together from the stream."""
    messages = (item.data for item in Parser().feed(data) if isinstance(item, Message))
    return [json.loads(text) for text in messages if text.startswith("{")]


def refuse(sentence: str) -> Refused:
    """The refusal of a request that cannot be said in our form."""
    return Refused("bad_request", sentence)
