"""A stream of a Jupyter server as a program: it starts the stream there and reads it over one of our transports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import filled, literals

LANGUAGES = ("python-sse", "python-ws", "python-webrtc", "javascript-sse", "javascript-ws", "javascript-webrtc")

SERVER = "http://localhost:8888/"
"""Where Jupyter's server is by default; a stream that lives in a kernel has none of its own."""

_ENDINGS = {"python": "py", "javascript": "js"}


def program(request: Mapping[str, Any], language: str, server: str) -> str:
    """The program that starts a stream and reads it.

    Parameters
    ----------
    request : its JSON, with a model.
    language : one of `LANGUAGES`.
    server : the Jupyter server's URL, with a slash at its end.
    """
    name, _, transport = language.partition("-")
    written = getattr(literals, name)
    return filled(f"reading/{transport}.{_ENDINGS[name]}", server=written(server), request=written(dict(request)))
