"""The first message of a Gemini Live session: all of it that is fixed for one connection (wire-formats section 5.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import Refused
from ..realtime.settings import Settings
from ..request import Request
from . import gemini_request
from .base import Profile
from .realtime import told

_ABSENT = ("stop", "response_format", "tool_choice")
"""Options that Gemini Live does not have (ai.google.dev/api/live, BidiGenerateContentSetup)."""

_HISTORY_FIRST = re.compile(r"gemini-(?![12][.-])")
"""Models that take `clientContent` for what was said before and for nothing else, and close with 1007 where it comes later: Gemini 3 and
later (ai.google.dev/gemini-api/docs/live-api/capabilities; google/adk-python#5018).
"""


def setup(request: Request, settings: Settings, handle: str) -> dict[str, Any]:
    """The field `setup`.

    Parameters
    ----------
    request : model, instructions, tools and options.
    settings : those of the session as they are now.
    handle : of the session that is resumed; empty for a new one.

    Raises
    ------
    Refused : a setting, an option or a message cannot be said.
    """
    _check(request, settings)
    body = gemini_request.body(request, Profile())
    config = {"responseModalities": [settings.output.upper()], **body.pop("generationConfig", {})}
    if settings.voice:
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": settings.voice}}}
    return {
        "model": _resource(request.name),
        "generationConfig": config,
        "realtimeInputConfig": _heard(settings),
        "inputAudioTranscription": {},
        "sessionResumption": told(handle=handle),
        "contextWindowCompression": {"slidingWindow": {}},
        **({"outputAudioTranscription": {}} if settings.output == "audio" else {}),
        **({"historyConfig": {"initialHistoryInClientContent": True}} if _history_first(request) and not handle else {}),
        **{k: v for k, v in body.items() if k != "contents"},
    }


def history(request: Request) -> dict[str, Any] | None:
    """The message that tells what was said before, without asking for an answer; None where nothing was."""
    contents = gemini_request.body(request, Profile())["contents"]
    return {"clientContent": {"turns": contents, "turnComplete": _history_first(request)}} if contents else None


def history_only(model: str) -> bool:
    """Whether a model takes `clientContent` for what was said before, and for nothing else."""
    return _HISTORY_FIRST.search(model) is not None


def _history_first(request: Request) -> bool:
    return bool(request.messages) and history_only(request.name)


def _check(request: Request, settings: Settings) -> None:
    for name in _ABSENT:
        if name in request.options:
            raise Refused("bad_request", f"Gemini Live has no option {name!r}: leave it out.")
    if settings.turn_detection == "server" and not settings.respond:
        text = "Gemini Live answers every turn it finds: leave 'respond' out, or set 'turn_detection' to 'none' and ask for each answer."
        raise Refused("bad_request", text)


def _heard(settings: Settings) -> Mapping[str, Any]:
    """How turns are found: by Gemini, or told by us."""
    found: dict[str, Any] = {"disabled": True} if settings.turn_detection == "none" else told(silenceDurationMs=settings.silence_ms)
    return told(automaticActivityDetection=found, activityHandling="" if settings.interrupt else "NO_INTERRUPTION")


def _resource(name: str) -> str:
    return name if name.startswith(("models/", "publishers/", "projects/")) else f"models/{name}"
