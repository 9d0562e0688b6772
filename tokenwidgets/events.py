"""The vocabulary: every event a stream can carry, and its one encoding.

An event means the same on every provider. It is a frozen value without identity; the journal gives it a place (`seq`) and a time
(`at`) and encodes it once. Those bytes are what every reader gets, inside an SSE `data:` line, a socket message or a data-channel
message alike.

Rules that hold for all of them:

* `block` is our own integer. Blocks may overlap, and vendors' ids are never keys: they rotate, collide or are missing.
* `choice` is there only when it is not 0 (a request with `n` > 1).
* Fields that say nothing (`None`, `False`, an empty default) are left out of the JSON.
* `End` or `Error` comes exactly once, and last.
* A reader ignores a `type` it does not know: it decodes to `Unknown`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from types import UnionType
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

EXACT = 2**53
"""Whole numbers lie within this, where a browser's are still exact."""

CALENDAR = 62_135_596_800
"""Seconds from the beginning of the year 1 to 1970: an instant no further from 1970 has a date."""

ReasoningKind = Literal["full", "summary"]
UsageMode = Literal["final", "cumulative", "estimated"]
EndReason = Literal["stop", "length", "tool", "filter", "refusal", "pause", "cancelled", "superseded", "truncated"]
Stage = Literal["connect", "http", "stream", "close"]
Billing = Literal["yes", "no", "unknown"]
ErrorCode = Literal[
    "auth", "rate_limited", "overloaded", "bad_request", "not_found", "context_length", "filtered", "timeout", "connection",
    "protocol", "limit", "internal", "no_candidates",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Start:
    """The stream exists. Journalled at once, before the provider is called.

    `model` is the name asked for; the one that answers comes as a notice `served`. `created` is Unix time in seconds.
    """

    type: ClassVar[str] = "start"
    id: str
    model: str
    host: str
    dialect: str
    created: float
    simulated: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer. A piece is a chunk of the wire, which may be more or less than one token."""

    type: ClassVar[str] = "text"
    block: int
    delta: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's thinking, `full` or the provider's `summary` of it. Never part of the answer."""

    type: ClassVar[str] = "reasoning"
    block: int
    delta: str
    kind: ReasoningKind = "full"
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A piece of the model's refusal."""

    type: ClassVar[str] = "refusal"
    block: int
    delta: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool call as it forms: `delta` is argument text; the last event of a call has `done` and either `arguments` or `invalid`.

    A provider that sends the whole call at once gives one event with its text as `delta`, then the `done` event.
    """

    type: ClassVar[str] = "tool"
    block: int
    id: str | None = None
    name: str | None = None
    delta: str = ""
    done: bool = False
    arguments: Any = None
    invalid: bool = False
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound: base64 PCM16 in `delta` at `rate` Hz, or `track` when it travels as a WebRTC track. That of the user has `role` "user"."""

    type: ClassVar[str] = "audio"
    block: int
    delta: str = ""
    track: bool = False
    rate: int | None = None
    choice: int = 0
    role: str = "assistant"


@dataclass(frozen=True, slots=True)
class Transcript:
    """Words of either side of a spoken turn."""

    type: ClassVar[str] = "transcript"
    block: int
    role: str
    delta: str = ""
    final: bool = False
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Speech:
    """The user's voice, as the provider's detector sees it; `interrupted`: it ended an answer.

    `since` is when it really began or ended, µs like `at`, where the detector tells: it needs a while to be sure.
    """

    type: ClassVar[str] = "speech"
    state: Literal["started", "stopped", "interrupted"]
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Carry:
    """What must go back byte for byte in the next request (signatures, encrypted reasoning). Never shown."""

    type: ClassVar[str] = "carry"
    block: int
    opaque: Any
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts, disjoint: their sum is what was processed. Absent means the provider did not say.

    `input` excludes `cache_read` and `cache_write`; `output` excludes `reasoning` and `audio_out`. `cost` is in US dollars, only when
    the provider says it. `timings` are a server's own figures, under its own names.
    """

    type: ClassVar[str] = "usage"
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    audio_in: int | None = None
    audio_out: int | None = None
    mode: UsageMode = "final"
    cost: float | None = None
    timings: Mapping[str, Any] | None = None

    @property
    def read(self) -> int | None:
        """Every token of what was asked, those of a cache included; None when the provider did not say."""
        parts = [n for n in (self.input, self.cache_read, self.cache_write) if n is not None]
        return sum(parts) if parts else None

    @property
    def generated(self) -> int | None:
        """Every token the model produced, reasoning and audio included; None when the provider did not say."""
        parts = [n for n in (self.output, self.reasoning, self.audio_out) if n is not None]
        return sum(parts) if parts else None


@dataclass(frozen=True, slots=True)
class Notice:
    """What is no content: `kind` names it, `data` holds it.

    Kinds: `connection` (phases in µs since the attempt began: dns, connect, tls, sent, headers; `reused`; over a WebSocket
    `continued` and how many of the `items` were sent, `items_sent`), `served` (model),
    `rate_limits`, `provider`, `retry` (an attempt failed before any content: `attempt` of `of` begins in `wait` seconds; `code`, `message`
    and `status` of the failure), `citation`, `moderation`, `server_tool`, `media` (pictures and files), `steer`, `finish` (a further
    choice's reason), `model_loading`; of a voice session `session` (what it is), `turn` (an answer's end: `status`, `message`), `played` (a
    reader's loudspeaker began with `block` at `at`, give or take `uncertainty`, µs), `fault` (what went wrong while the session goes on:
    `code`, `message`), `tool_cancelled` (`ids` of calls whose results are not wanted any more).
    """

    type: ClassVar[str] = "notice"
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """The stream ended in a way the protocol knows. `raw` is the reason as the provider said it.

    `truncated`: valid frames came, the provider's end marker did not. `cancel_stops_billing`, where a call was cancelled and its
    connection closed: whether that stops the bill, as far as the provider documents it.
    """

    type: ClassVar[str] = "end"
    reason: EndReason
    raw: str | None = None
    cancel_stops_billing: Billing | None = None


@dataclass(frozen=True, slots=True)
class Error:
    """The stream failed. What came before it stands.

    `message` is one sentence a user can act on, without keys or prompts. `retry_after` is in seconds.
    """

    type: ClassVar[str] = "error"
    code: ErrorCode
    message: str
    stage: Stage = "stream"
    status: int | None = None
    retryable: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a later version, kept whole for those who record it."""

    type: ClassVar[str] = "unknown"
    fields: Mapping[str, Any]


Event: TypeAlias = (
    Start | Text | Reasoning | Refusal | Tool | Audio | Transcript | Speech | Carry | Usage | Notice | End | Error | Unknown
)  # fmt: skip

TERMINAL = (End, Error)
CONTENT = (Text, Reasoning, Refusal, Tool, Audio, Transcript)

_TYPES: dict[str, type[Any]] = {
    cls.type: cls
    for cls in (Start, Text, Reasoning, Refusal, Tool, Audio, Transcript, Speech, Carry, Usage, Notice, End, Error)
}  # fmt: skip

_FIELDS: dict[type[Any], tuple[tuple[str, Any], ...]] = {cls: tuple((f.name, f.default) for f in fields(cls)) for cls in _TYPES.values()}
"""Names and defaults of each event's fields, in their declared order."""


class _Kind(NamedTuple):
    """What JSON may give for a field: its exact types, since to `isinstance` a bool is an int, and how far from 0 a number may be."""

    types: frozenset[type]
    limit: float
    words: str


_KINDS: Mapping[Any, _Kind] = {
    Any: _Kind(frozenset({str, int, float, bool, dict, list, type(None)}), 0, "anything"),
    str: _Kind(frozenset({str}), 0, "a string"),
    int: _Kind(frozenset({int}), EXACT, "a whole number"),
    float: _Kind(frozenset({int, float}), sys.float_info.max, "a number"),
    bool: _Kind(frozenset({bool}), 0, "true or false"),
    Mapping: _Kind(frozenset({dict}), 0, "an object"),
    Literal: _Kind(frozenset({str}), 0, "a string"),  # any string: a later version knows more words
    type(None): _Kind(frozenset({type(None)}), 0, "null"),
}


def _kind(name: str, hint: Any) -> _Kind:
    """The kind that a field's annotation means: one of the table, or one of it or null."""
    origin = get_origin(hint)
    kinds = [_KINDS[get_origin(part) or part] for part in (get_args(hint) if origin in (UnionType, Union) else [hint])]
    types = frozenset[type]().union(*(kind.types for kind in kinds))
    limit = CALENDAR if name == "created" else max(kind.limit for kind in kinds)
    return _Kind(types, limit, " or ".join(kind.words for kind in kinds))


_CHECKS: dict[type[Any], dict[str, _Kind]] = {
    cls: {f.name: _kind(f.name, get_type_hints(cls)[f.name]) for f in fields(cls)} for cls in _TYPES.values()
}  # fmt: skip
"""Kinds of each event's fields."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in its place: what a journal holds and every reader receives.

    Parameters
    ----------
    seq : place in the stream, from 0 without gaps.
    at : µs since the attempt began at which the event's bytes were read from the provider's socket.
    event : the value.
    data : its one encoding, UTF-8 JSON without line breaks.
    """

    seq: int
    at: int
    event: Event
    data: bytes

    @property
    def terminal(self) -> bool:
        """Whether this is the stream's last event."""
        return isinstance(self.event, TERMINAL)


def encode(event: Event, seq: int, at: int) -> Entry:
    """Give an event its place and its bytes."""
    body = {"type": event.type, "seq": seq, "at": at, **payload(event)}
    if isinstance(event, Unknown):
        body["type"] = event.fields.get("type", "unknown")
    return Entry(seq, at, event, _dump(body))


def payload(event: Event) -> dict[str, Any]:
    """The fields of an event that say something, in their declared order."""
    if isinstance(event, Unknown):
        return {k: v for k, v in event.fields.items() if k not in ("type", "seq", "at")}
    out: dict[str, Any] = {}
    for name, default in _FIELDS[type(event)]:
        value = getattr(event, name)
        if default is MISSING or value != default or type(value) is not type(default):
            out[name] = value
    return out


def _dump(body: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 JSON; a lone surrogate (half of a character that a provider split) stays an escape, so any text encodes."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()


def decode(data: bytes | str) -> Entry:
    """Read an entry back from its bytes.

    Raises
    ------
    ValueError : the bytes are no event of ours; the message says what is missing.
    """
    try:
        body = json.loads(data)
    except RecursionError:
        raise ValueError("not an event: it is nested too deeply") from None
    return read(body, data.encode() if isinstance(data, str) else data)


def read(body: Any, raw: bytes) -> Entry:
    """The entry that `raw`, parsed as `body`, is. Raises like `decode`."""
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise ValueError("not an event: a JSON object with a 'type' is needed")
    seq, at = body.get("seq"), body.get("at")
    if type(seq) is not int or type(at) is not int or not -EXACT <= at <= EXACT:
        raise ValueError(f"not an event: {body['type']!r} needs integers 'seq' and 'at'")
    return Entry(seq, at, _event(body), raw)


def _event(body: dict[str, Any]) -> Event:
    cls = _TYPES.get(body["type"])
    if cls is None:
        return Unknown(body)
    checks = _CHECKS[cls]
    given = {name: value for name, value in body.items() if name in checks}
    for name, value in given.items():
        types, limit, words = checks[name]
        if type(value) not in types or (limit and value is not None and not -limit <= value <= limit):
            raise ValueError(f"not an event: in {body['type']!r}, {name!r} is {words}")
    try:
        return cast(Event, cls(**given))
    except TypeError as e:
        raise ValueError(f"not an event: {body['type']!r} lacks a field ({e})") from None
