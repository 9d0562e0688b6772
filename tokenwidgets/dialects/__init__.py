"""Wire formats of providers, one a module; `get` imports the one that is asked for."""

from __future__ import annotations

from importlib import import_module

from ..errors import Refused
from .base import Dialect

_KNOWN: dict[str, tuple[str, str]] = {
    "openai-chat": ("openai_chat", "OpenAIChat"),
    "openai-responses": ("openai_responses", "OpenAIResponses"),
    "anthropic-messages": ("anthropic_messages", "AnthropicMessages"),
    "gemini": ("gemini", "Gemini"),
}


def get(name: str) -> Dialect:
    """The dialect of that name.

    Raises
    ------
    Refused : there is none; the message names those there are.
    """
    if name not in _KNOWN:
        raise Refused("bad_request", f"There is no dialect {name!r}; there are {', '.join(_KNOWN)}.")
    module, cls = _KNOWN[name]
    dialect: Dialect = getattr(import_module(f".{module}", __name__), cls)()
    return dialect
