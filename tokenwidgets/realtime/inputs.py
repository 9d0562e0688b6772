"""What a user gives a voice session: the vocabulary of the other direction.

An input is a frozen value with one JSON form, `{"type": …}`. Sound is 16-bit little-endian PCM of one channel; in JSON it is base64.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from ..errors import Refused
from ..events import EXACT
from .settings import RATE

RATES = (8_000, 48_000)
"""Lowest and highest number of samples a second that is taken."""

SOUND_BYTES = 2**20
"""The most sound in one input: 5 s of the highest rate and more."""

TEXT_CHARS = 200_000
"""The longest text in one input."""

CALL_CHARS = 200
"""The longest name of a call."""

IMAGES = 16
"""The most pictures in one input."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What the microphone heard next.

    Parameters
    ----------
    pcm : 16-bit samples of one channel, little-endian.
    rate : of them a second.
    """

    type: ClassVar[str] = "audio"
    pcm: bytes
    rate: int = RATE

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / 2 / self.rate


@dataclass(frozen=True, slots=True)
class Commit:
    """The user has finished: what was heard since the last turn is one (push to talk)."""

    type: ClassVar[str] = "commit"


@dataclass(frozen=True, slots=True)
class Clear:
    """What was heard since the last turn is to be forgotten."""

    type: ClassVar[str] = "clear"


@dataclass(frozen=True, slots=True)
class Say:
    """A turn in writing.

    Parameters
    ----------
    text : what is said.
    images : with it, as data URLs.
    respond : whether it is to be answered at once.
    """

    type: ClassVar[str] = "text"
    text: str
    images: tuple[str, ...] = ()
    respond: bool = True


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back.

    Parameters
    ----------
    id : of the call, as its `tool` event has it.
    output : as text.
    respond : whether the model is to go on at once: not before the last result of an answer's calls.
    """

    type: ClassVar[str] = "tool_result"
    id: str
    output: str
    respond: bool = True


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer now.

    Parameters
    ----------
    instructions : for this answer alone.
    output : how this answer is given, where it differs from the session's setting.
    """

    type: ClassVar[str] = "respond"
    instructions: str | None = None
    output: str | None = None


@dataclass(frozen=True, slots=True)
class Interrupt:
    """End the answer that is being given, and forget what of it nobody heard.

    Parameters
    ----------
    block : of the sound that was being played; None where nothing was.
    played_ms : how much of it was, ms.
    """

    type: ClassVar[str] = "interrupt"
    block: int | None = None
    played_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Change the session.

    Parameters
    ----------
    settings : of `Settings`, those that change, as JSON.
    system : new instructions; None leaves them.
    tools : new functions; None leaves them.
    """

    type: ClassVar[str] = "update"
    settings: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None
    tools: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """The reader's loudspeaker has begun with a block of sound. It is journalled as a notice, and no provider is told.

    Parameters
    ----------
    block : of the sound.
    at : when, µs of the stream's clock.
    uncertainty : of that, µs.
    """

    type: ClassVar[str] = "played"
    block: int
    at: int
    uncertainty: int = 0


@dataclass(frozen=True, slots=True)
class Join:
    """The user speaks with the provider itself from now on, in a call of its own: the session is to listen there.

    Parameters
    ----------
    call : the provider's name of it; None where the user speaks here again.
    """

    type: ClassVar[str] = "join"
    call: str | None = None


Input: TypeAlias = Sound | Commit | Clear | Say | ToolResult | Respond | Interrupt | Update | Played | Join


def body(given: Input) -> dict[str, Any]:
    """An input as JSON; `parse(body(given))` gives it back."""
    if isinstance(given, Sound):
        return {"type": "audio", "delta": base64.b64encode(given.pcm).decode(), "rate": given.rate}
    values = {name: getattr(given, name) for name in type(given).__dataclass_fields__ if name != "type"}
    return {"type": given.type, **{name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None}}


def parse(given: Any) -> Input:
    """Check an input that came from outside.

    Raises
    ------
    Refused : what is wrong with it, in one sentence.
    """
    kind = given.get("type") if isinstance(given, Mapping) else None
    made = _KINDS.get(kind) if isinstance(kind, str) else None
    if made is None:
        raise Refused("bad_request", f"An input is an object whose 'type' is one of {', '.join(_KINDS)}.")
    try:
        return made({name: value for name, value in given.items() if name != "type"})
    except (KeyError, TypeError, ValueError):
        raise Refused("bad_request", f"An input of type {kind!r} does not look like this: see docs/voice.md.") from None


def _sound(given: dict[str, Any]) -> Sound:
    rate = _whole(given.pop("rate", RATE))
    if not RATES[0] <= rate <= RATES[1]:
        raise Refused("bad_request", f"'rate' is from {RATES[0]} to {RATES[1]} samples a second.")
    try:
        pcm = base64.b64decode(_text(given.pop("delta"), 2 * SOUND_BYTES), validate=True)
    except ValueError:  # of characters that are none of base64's, too
        raise Refused("bad_request", "'delta' is base64.") from None
    if len(pcm) > SOUND_BYTES or len(pcm) % 2:
        raise Refused("bad_request", f"Sound comes in whole 16-bit samples, at most {SOUND_BYTES} bytes at once.")
    _end(given)
    return Sound(pcm, rate)


def _say(given: dict[str, Any]) -> Say:
    images = given.pop("images", [])
    if not isinstance(images, list) or len(images) > IMAGES or not all(isinstance(i, str) and i.startswith("data:") for i in images):
        raise Refused("bad_request", f"'images' is a list of at most {IMAGES} data URLs.")
    made = Say(_text(given.pop("text")), tuple(images), _bool(given.pop("respond", True)))
    _end(given)
    return made


def _tool_result(given: dict[str, Any]) -> ToolResult:
    made = ToolResult(_text(given.pop("id")), _text(given.pop("output")), _bool(given.pop("respond", True)))
    _end(given)
    return made


def _respond(given: dict[str, Any]) -> Respond:
    output = given.pop("output", None)
    if output not in (None, "audio", "text"):
        raise Refused("bad_request", "'output' is 'audio' or 'text'.")
    made = Respond(_maybe(_text, given.pop("instructions", None)), output)
    _end(given)
    return made


def _interrupt(given: dict[str, Any]) -> Interrupt:
    made = Interrupt(_maybe(_whole, given.pop("block", None)), _maybe(_whole, given.pop("played_ms", None)))
    _end(given)
    return made


def _update(given: dict[str, Any]) -> Update:
    tools = given.pop("tools", None)
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, Mapping) for tool in tools)):
        raise Refused("bad_request", "'tools' is a list of objects.")
    settings = given.pop("settings", {})
    if not isinstance(settings, Mapping):
        raise Refused("bad_request", "'settings' is an object.")
    made = Update(dict(settings), _maybe(_text, given.pop("system", None)), None if tools is None else tuple(tools))
    _end(given)
    return made


def _played(given: dict[str, Any]) -> Played:
    made = Played(_whole(given.pop("block")), _whole(given.pop("at")), _whole(given.pop("uncertainty", 0)))
    _end(given)
    return made


def _join(given: dict[str, Any]) -> Input:
    call = _maybe(_text, given.pop("call", None))
    if call is not None and not _CALL.fullmatch(call):
        raise Refused("bad_request", f"'call' is the name of a call: at most {CALL_CHARS} letters, digits, '_' and '-'.")
    made = Join(call)
    _end(given)
    return made


def _bare(kind: type[Commit | Clear]) -> Callable[[dict[str, Any]], Input]:
    def made(given: dict[str, Any]) -> Input:
        _end(given)
        return kind()

    return made


_KINDS: Mapping[str, Callable[[dict[str, Any]], Input]] = {
    "audio": _sound, "commit": _bare(Commit), "clear": _bare(Clear), "text": _say, "tool_result": _tool_result, "respond": _respond,
    "interrupt": _interrupt, "update": _update, "played": _played, "join": _join,
}  # fmt: skip


_CALL = re.compile(rf"[\w-]{{1,{CALL_CHARS}}}", re.ASCII)


def _text(value: Any, limit: int = TEXT_CHARS) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise ValueError
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= EXACT:
        raise ValueError
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _maybe(check: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else check(value)


def _end(given: Mapping[str, Any]) -> None:
    if given:
        raise ValueError
