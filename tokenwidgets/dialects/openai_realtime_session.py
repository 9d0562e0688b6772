"""What OpenAI's Realtime is told of a session, in the shape that the server at hand speaks (wire-formats sections 3.2 and 3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from ..errors import Refused
from ..realtime.settings import RATE, Settings
from ..request import Request
from . import messages
from .realtime import told
from .untrusted import mapping, string

Shape: TypeAlias = Literal["ga", "beta", "xai"]
"""OpenAI's own; that of its beta, which Azure's Voice Live kept; and xAI's, between the two."""

TRANSCRIBERS: Mapping[Shape, str] = {"ga": "gpt-realtime-whisper", "beta": "whisper-1", "xai": "grok-transcribe"}
"""Models that write down what the user says, as recorded sessions name them."""

_ABSENT = ("seed", "stop", "temperature", "top_p", "response_format")
"""Options that a realtime session does not have (openai types/realtime/realtime_session_create_request.py)."""


def shape(session: Mapping[str, Any]) -> Shape:
    """The shape of a server's own `session.created`."""
    if session.get("type") == "realtime" or "modalities" not in session:
        return "ga"
    return "beta" if "input_audio_format" in session else "xai"


def check(request: Request) -> None:
    """Raises `Refused` where an option cannot be said."""
    for name in _ABSENT:
        if name in request.options:
            raise Refused("bad_request", f"OpenAI's Realtime has no option {name!r}: leave it out.")


def session(request: Request, settings: Settings, spoken: Shape = "ga") -> dict[str, Any]:
    """The field `session` of `session.update`, and of what makes a client secret.

    Parameters
    ----------
    request : instructions, tools and options.
    settings : those of the session as they are now.
    spoken : the shape.
    """
    about = {"instructions": messages.system(request), "tools": [_tool(t) for t in request.tools], **_options(request.options)}
    return _merged(_SHAPES[spoken](settings) | told(**about), request.options.get("extra", {}))


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: options[name] for name in ("parallel_tool_calls",) if name in options}
    if "max_tokens" in options:
        out["max_output_tokens"] = options["max_tokens"]
    if "reasoning" in options:
        out["reasoning"] = {"effort": options["reasoning"]}
    if "tool_choice" in options:
        choice = options["tool_choice"]
        out["tool_choice"] = choice if isinstance(choice, str) else {"type": "function", "name": choice["function"]["name"]}
    return out


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function without its inner object, and without `strict`, which is not known here; a provider's own tool as it was given."""
    function = messages.function(tool)
    if function is None:
        return {k: v for k, v in tool.items() if k != "strict"}
    return {"type": "function", **{k: function[k] for k in ("name", "description", "parameters") if function.get(k) is not None}}


def _ga(settings: Settings) -> dict[str, Any]:
    pcm = {"type": "audio/pcm", "rate": RATE}
    heard = {"format": pcm, "turn_detection": _turns(settings), "transcription": {"model": TRANSCRIBERS["ga"]}}
    return {
        "type": "realtime",
        "output_modalities": [settings.output],
        "audio": {"input": heard, "output": told(format=pcm, voice=settings.voice)},
    }


def _beta(settings: Settings) -> dict[str, Any]:
    return {
        "modalities": ["text"] if settings.output == "text" else ["text", "audio"],
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_sampling_rate": RATE,
        "turn_detection": _turns(settings),
        "input_audio_transcription": {"model": TRANSCRIBERS["beta"]},
        **told(voice=settings.voice),
    }


def _xai(settings: Settings) -> dict[str, Any]:
    pcm = {"type": "audio/pcm", "rate": RATE}
    heard = {"format": pcm, "transcription": {"model": TRANSCRIBERS["xai"]}}
    return {"turn_detection": _turns(settings), "audio": {"input": heard, "output": {"format": pcm}}, **told(voice=settings.voice)}


_SHAPES = {"ga": _ga, "beta": _beta, "xai": _xai}


def _turns(settings: Settings) -> dict[str, Any] | None:
    if settings.turn_detection == "none":
        return None
    found = {"type": "server_vad", "create_response": settings.respond, "interrupt_response": settings.interrupt}
    return found | told(silence_duration_ms=settings.silence_ms)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller says further, field by field."""
    both = {k: _merged(base[k], v) for k, v in over.items() if isinstance(v, Mapping) and isinstance(base.get(k), Mapping)}
    return {**base, **over, **both}


def described(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a server's session says that a reader may want to know."""
    audio = mapping(raw.get("audio"))
    heard, said = (mapping(audio.get(side)) for side in ("input", "output"))
    voice = said.get("voice") or raw.get("voice")
    rates = {"input": mapping(heard.get("format")).get("rate") or RATE, "output": mapping(said.get("format")).get("rate") or RATE}
    name = string(voice) or string(mapping(voice).get("name"))
    return told(model=string(raw.get("model")), voice=name, rates=rates, expires_at=raw.get("expires_at"))
