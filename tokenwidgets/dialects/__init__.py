"""Wire formats of providers, one a module; `get` imports the one that is asked for."""

from __future__ import annotations

from importlib import import_module

from ..errors import Refused
from .base import Dialect

_KNOWN: dict[str, tuple[str, str]] = {
    "openai-chat": ("openai_chat", "OpenAIChat"),
    "openai-responses": ("openai_responses", "OpenAIResponses"),
    "openai-responses-ws": ("openai_responses", "OpenAIResponses"),
    "anthropic-messages": ("anthropic_messages", "AnthropicMessages"),
    "gemini": ("gemini", "Gemini"),
}

VOICE = ("openai-realtime", "gemini-live")
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
