"""OpenAI's realtime session object and our settings, both ways (wire-formats section 3.2).

What a host decides by itself (loudness thresholds, noise reduction, who writes the words down) may be named and changes nothing; the
session that is told back shows what holds. What would change an answer and cannot be done is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..realtime.inputs import Update
from ..realtime.settings import RATE, Settings
from .base import refuse

OPENAI_VOICES = frozenset({"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"})
"""Names that pages written for OpenAI give. A host that does not have them speaks with its own voice."""

PCM: Mapping[str, Any] = {"type": "audio/pcm", "rate": RATE}

_SAYS_NOTHING: Mapping[str, tuple[Any, ...]] = {
    "max_output_tokens": ("inf",), "tool_choice": ("auto",), "truncation": ("auto",), "tracing": (), "prompt": (), "include": ([],),
    "reasoning": (), "parallel_tool_calls": (True,), "speed": (1, 1.0), "idle_timeout_ms": (),
}  # fmt: skip
"""Fields that cannot be followed, and the values beside null that ask for nothing."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a client has made of its session.

    Parameters
    ----------
    settings : in our form.
    instructions : the system's.
    tools : functions, in OpenAI's form.
    transcription : as the client named it; the words are the host's in any case.
    """

    settings: Settings = field(default_factory=Settings)
    instructions: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()
    transcription: Mapping[str, Any] | None = None

    def changed(self, body: Any, own_voices: bool = True) -> Session:
        """It with the changes of a client's session object.

        Parameters
        ----------
        own_voices : whether the host has OpenAI's voices.

        Raises
        ------
        Refused : it asks for something that cannot be done, or is none.
        """
        given = _object(body, "session")
        if given.get("type", "realtime") != "realtime":
            raise refuse("A session here has the 'type' 'realtime'.")
        _nothing(
            given, "max_output_tokens", "tool_choice", "truncation", "tracing", "prompt", "include", "reasoning", "parallel_tool_calls"
        )
        audio = _object(given.get("audio"), "session.audio")
        heard, said = _object(audio.get("input"), "session.audio.input"), _object(audio.get("output"), "session.audio.output")
        for name, side in (("input", heard), ("output", said)):
            _format(side.get("format"), f"session.audio.{name}.format")
        _nothing(said, "speed")
        changes = {**_output(given), **_voice(said, own_voices), **_turns(heard)}
        return Session(
            self.settings.changed(changes),
            _text(given, "instructions", self.instructions),
            tuple(map(_function, _list(given, "tools", self.tools))),
            _object(heard["transcription"], "session.audio.input.transcription") or None
            if "transcription" in heard
            else self.transcription,
        )

    def request(self) -> dict[str, Any]:
        """The fields of our request that begins it."""
        return {"session": self.settings.body(), "system": self.instructions or None, "tools": [_ours(tool) for tool in self.tools]}

    def update(self, before: Session) -> Update:
        """The input that makes it of what was `before`."""
        now, then = self.settings, before.settings
        settings = {name: getattr(now, name) for name in now.__dataclass_fields__ if getattr(now, name) != getattr(then, name)}
        system = None if self.instructions == before.instructions else self.instructions
        tools = None if self.tools == before.tools else tuple(_ours(tool) for tool in self.tools)
        return Update(settings, system, tools)

    @property
    def modalities(self) -> list[str]:
        """How answers are given."""
        return [self.settings.output]

    def body(self, id: str, model: str, expires_at: int | None = None) -> dict[str, Any]:
        """The session object as it is told to the client."""
        heard = {"format": PCM, "transcription": self.transcription, "noise_reduction": None, "turn_detection": self._turn_detection()}
        said = {"format": PCM, **({"voice": self.settings.voice} if self.settings.voice else {}), "speed": 1.0}
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": id,
            "model": model,
            "output_modalities": self.modalities,
            "instructions": self.instructions,
            "tools": [dict(tool) for tool in self.tools],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "truncation": "auto",
            **({"expires_at": expires_at} if expires_at is not None else {}),
            "audio": {"input": heard, "output": said},
        }

    def _turn_detection(self) -> dict[str, Any] | None:
        s = self.settings
        if s.turn_detection == "none":
            return None
        silence = {"silence_duration_ms": s.silence_ms} if s.silence_ms is not None else {}
        return {"type": "server_vad", **silence, "create_response": s.respond, "interrupt_response": s.interrupt}


def output_of(body: Mapping[str, Any]) -> str | None:
    """`output_modalities` in our word, None where it is not said. Raises `Refused` for what is neither."""
    output: str | None = _output(body).get("output")
    return output


def _output(given: Mapping[str, Any]) -> dict[str, Any]:
    match given.get("output_modalities"):
        case None:
            return {}
        case ["audio" | "text" as output]:
            return {"output": output}
    raise refuse("'output_modalities' is ['audio'] or ['text'].")


def _voice(said: Mapping[str, Any], own_voices: bool) -> dict[str, Any]:
    match said.get("voice"):
        case None:
            return {}
        case str(name) | {"id": str(name)}:
            return {"voice": None if name in OPENAI_VOICES and not own_voices else name}
    raise refuse("'session.audio.output.voice' is a voice's name.")


def _turns(heard: Mapping[str, Any]) -> dict[str, Any]:
    """How turns are found: `null` for push to talk; of the detectors, what one can be told here."""
    if "turn_detection" not in heard:
        return {}
    given = heard["turn_detection"]
    if given is None:
        return {"turn_detection": "none"}
    given = _object(given, "session.audio.input.turn_detection")
    if given.get("type") not in ("server_vad", "semantic_vad"):
        raise refuse("The 'type' of 'turn_detection' is 'server_vad' or 'semantic_vad'; null is for push to talk.")
    _nothing(given, "idle_timeout_ms")
    names = {"silence_duration_ms": "silence_ms", "create_response": "respond", "interrupt_response": "interrupt"}
    return {"turn_detection": "server", **{ours: given[name] for name, ours in names.items() if given.get(name) is not None}}


def _format(given: Any, name: str) -> None:
    match given:
        case None | {"type": "audio/pcm", "rate": 24_000}:
            return
        case {"type": "audio/pcm", **rest} if "rate" not in rest:
            return
    raise refuse(f"'{name}' is {{'type': 'audio/pcm', 'rate': {RATE}}}: no other format is taken here.")


def _function(tool: Any) -> Mapping[str, Any]:
    match tool:
        case {"type": "function", "name": str(), **rest} if isinstance(rest.get("parameters"), Mapping | None):
            return tool  # type: ignore[no-any-return]
    raise refuse("Each of 'tools' is {'type': 'function', 'name': …, 'description': …, 'parameters': {…}}.")


def _ours(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "function", "function": {k: v for k, v in tool.items() if k in ("name", "description", "parameters") and v is not None}}


def _nothing(given: Mapping[str, Any], *names: str) -> None:
    for name in names:
        value = given.get(name)
        if value is not None and value not in _SAYS_NOTHING[name]:
            raise refuse(f"{name!r} cannot be chosen here: leave it out.")


def _object(given: Any, name: str) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise refuse(f"'{name}' is an object.")
    return given


def _text(given: Mapping[str, Any], name: str, default: str) -> str:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise refuse(f"{name!r} is a string.")
    return value


def _list(given: Mapping[str, Any], name: str, default: tuple[Any, ...]) -> Any:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, list):
        raise refuse(f"{name!r} is a list.")
    return value
