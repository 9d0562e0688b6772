"""Wire formats of providers, one a module; `get` imports the one that is asked for."""

from __future__ import annotations

from importlib import import_module

from ..errors import Refused
from .base import Dialect
from .realtime import RealtimeDialect

_KNOWN: dict[str, tuple[str, str]] = {
    "openai-chat": ("openai_chat", "OpenAIChat"),
    "openai-responses": ("openai_responses", "OpenAIResponses"),
    "openai-responses-ws": ("openai_responses", "OpenAIResponses"),
    "anthropic-messages": ("anthropic_messages", "AnthropicMessages"),
    "gemini": ("gemini", "Gemini"),
}

_VOICE: dict[str, tuple[str, str]] = {
    "openai-realtime": ("openai_realtime", "OpenAIRealtime"),
    "gemini-live": ("gemini_live", "GeminiLive"),
}

VOICE = tuple(_VOICE)
"""Wire formats of voice sessions."""

SOCKETS = ("openai-responses-ws", *VOICE)
"""Wire formats over a WebSocket; all others are spoken over HTTP."""


def get(name: str) -> Dialect:
    """The dialect of that name.

    Raises
    ------
    Refused : there is none, or it carries no text streams; the message names those that do.
    """
    if name in VOICE:
        raise Refused("bad_request", f"{name!r} carries voice sessions, not text streams: use one of {', '.join(_KNOWN)}.")
    if name not in _KNOWN:
        raise Refused("bad_request", f"There is no dialect {name!r}; there are {', '.join(_KNOWN)}.")
    module, cls = _KNOWN[name]
    dialect: Dialect = getattr(import_module(f".{module}", __name__), cls)()
    return dialect


def voice(name: str) -> RealtimeDialect:
    """The dialect of voice sessions of that name.

    Raises
    ------
    Refused : there is none; the message names those that there are.
    """
    if name not in _VOICE:
        raise Refused("bad_request", f"There is no dialect {name!r} of voice sessions; there are {', '.join(_VOICE)}.")
    module, cls = _VOICE[name]
    dialect: RealtimeDialect = getattr(import_module(f".{module}", __name__), cls)()
    return dialect
