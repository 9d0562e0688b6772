"""How a voice session is held: the field `session` of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from ..errors import Refused

Output = Literal["audio", "text"]
TurnDetection = Literal["server", "none"]

RATE = 24_000
"""Samples a second of what is heard and said, unless something else is asked for: OpenAI's only rate for PCM (wire-formats 3.2)."""

VOICE_CHARS = 100
"""The longest name of a voice."""

SILENCE_MS = (50, 5_000)
"""Shortest and longest silence that may be asked for as the end of a turn, ms."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen of a session beside model, system, tools and options.

    Parameters
    ----------
    output : whether answers are spoken, with their words beside them, or written.
    voice : a voice by the provider's own name; None for its own choice.
    turn_detection : whether the provider finds the end of a turn, or is told it by `Commit`.
    silence_ms : silence after which a turn has ended, ms; None for the provider's own choice.
    interrupt : whether speech ends an answer that is being given.
    respond : whether a turn's end, as the provider found it, is answered without being asked to.
    """

    output: Output = "audio"
    voice: str | None = None
    turn_detection: TurnDetection = "server"
    silence_ms: int | None = None
    interrupt: bool = True
    respond: bool = True

    def body(self) -> dict[str, Any]:
        """As JSON, without what says nothing; `parse(body())` gives it back."""
        plain = asdict(Settings())
        return {name: value for name, value in asdict(self).items() if value != plain[name]}

    def changed(self, body: Any) -> Settings:
        """These with the changes of a JSON object.

        Raises
        ------
        Refused : it is none, or a value is not one of its kind.
        """
        if not isinstance(body, Mapping):
            raise Refused("bad_request", "'session' is an object of settings.")
        known = [f.name for f in fields(Settings)]
        for name, value in body.items():
            if name not in known:
                raise Refused("bad_request", f"A session has no setting {name!r}; it has {', '.join(known)}.")
            if not _good(name, value):
                raise Refused("bad_request", f"The setting {name!r} of a session is {_WORDS[name]}.")
        return replace(self, **body)


_WORDS = {
    "output": "'audio' or 'text'",
    "voice": f"a name of at most {VOICE_CHARS} characters",
    "turn_detection": "'server' or 'none'",
    "silence_ms": f"a whole number of ms from {SILENCE_MS[0]} to {SILENCE_MS[1]}",
    "interrupt": "true or false",
    "respond": "true or false",
}


def _good(name: str, value: Any) -> bool:
    match name:
        case "output":
            return value in ("audio", "text")
        case "turn_detection":
            return value in ("server", "none")
        case "voice":
            return value is None or (isinstance(value, str) and 0 < len(value) <= VOICE_CHARS)
        case "silence_ms":
            return value is None or (type(value) is int and SILENCE_MS[0] <= value <= SILENCE_MS[1])
        case _:
            return isinstance(value, bool)
