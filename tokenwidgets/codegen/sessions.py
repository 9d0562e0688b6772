"""One turn of a voice session as a program: a question in a file is said, the answer printed and written to another."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .. import dialects
from ..dialects.gemini_live_wire import HEARD_RATE
from ..dialects.realtime import RealtimeWire
from ..errors import Refused
from ..providers.hosts import Host
from ..realtime.settings import RATE
from ..request import Request
from . import filled, literals, without_os

LANGUAGES = ("python", "javascript")
"""With websockets, and with Node's WebSocket."""

_ENDINGS = {"python": "py", "javascript": "js"}

_GREETINGS = {"xai": {"modalities": ["text", "audio"]}}
"""What a host's `session.created` says of its shape, where that is not OpenAI's own (`dialects/openai_realtime_session.py`)."""

_HEARD = {"openai-realtime": RATE, "gemini-live": HEARD_RATE}

_APPEND = {
    "openai-realtime": '{"type": "input_audio_buffer.append", "audio": data}',
    "gemini-live": f'{{"realtimeInput": {{"audio": {{"data": data, "mimeType": "audio/pcm;rate={HEARD_RATE}"}}}}}}',
}
"""The message that carries sound, as both languages write it."""


def program(request: Request, host: Host, language: str, server: str) -> str:
    """The program.

    Parameters
    ----------
    request : of a session.
    host : who holds it. A voice that is served here is asked through the gateway of a Jupyter server.
    language : one of `LANGUAGES`.
    server : that server's URL, with a slash at its end.

    Raises
    ------
    Refused : the host holds no voice sessions, its dialect cannot say the request, or it answers no turn by itself.
    """
    if language not in LANGUAGES:
        raise Refused("bad_request", f"A voice session can be had in {' or '.join(LANGUAGES)}, not {language!r}.")
    settings = request.session
    if settings is not None and (settings.turn_detection == "none" or not settings.respond):
        raise Refused("bad_request", "A program can be had of a session that finds the end of a turn, and answers it, by itself.")
    if host.served_here and (request.messages or request.options):
        why = "The gateway takes neither options nor what was said before: a program can be had of a session without them."
        raise Refused("bad_request", why)
    if host.served_here:
        gateway = replace(host, key_env="JUPYTER_TOKEN", key_needed=True)
        base_url = f"ws{server.removeprefix('http')}tokenwidgets/v1"
        return _program(request, gateway, "openai-realtime", base_url, request.model, language)
    name = request.dialect or next((dialect for dialect in host.dialects if dialect in dialects.VOICE), "")
    if name not in host.dialects:
        raise Refused("bad_request", f"{host.name} holds no voice sessions: use a host that speaks {' or '.join(dialects.VOICE)}.")
    return _program(request, host, name, host.base_url(name), request.name, language)


def _program(request: Request, host: Host, name: str, base_url: str, model: str, language: str) -> str:
    dialect = dialects.voice(name)
    first, then = _opening(dialect.wire(request), name, host.name)
    written = getattr(literals, language)
    key = getattr(literals, f"{language}_key")(host) if host.key_env else ""
    text = filled(
        f"voice/session.{_ENDINGS[language]}",
        rates=f"{_HEARD[name]}, {RATE}",
        key=(f"key = {key}" if language == "python" else f"const key = {key};") if key else "",
        headers=getattr(literals, f"{language}_headers")(dialect.headers(literals.KEY if host.key_env else None)),
        first=written(first),
        then=written(then),
        append=_APPEND[name],
        url=written(dialect.url(base_url, model)),
        read=filled(f"voice/{name}.{_ENDINGS[language]}"),
    )
    return without_os(text)


def _opening(wire: RealtimeWire, dialect: str, host: str) -> tuple[list[Any], list[Any]]:
    """What is sent at once, and what once the session is there: as we send it ourselves."""
    first = _messages(wire.opening())
    greeting: dict[str, Any] = {"setupComplete": {}}
    if dialect == "openai-realtime":
        greeting = {"type": "session.created", "session": _GREETINGS.get(host, {"type": "realtime"})}
    return first, _messages(wire.receive(json.dumps(greeting).encode(), 0).frames)


def _messages(frames: Iterable[bytes]) -> list[Any]:
    return [json.loads(frame) for frame in frames]
