"""A stream as a program without this package: the same call of its provider, or a reader of the Jupyter server's own endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .codegen import calls, reading, sessions
from .errors import Refused
from .providers import config
from .request import parse

if TYPE_CHECKING:
    from .clients.base import Gateway

LANGUAGES = (*calls.LANGUAGES, *reading.LANGUAGES)
"""`python` (the vendor's own SDK), `python-httpx`, `javascript` and `curl` call the provider. Those that name one of our transports start
the stream on a Jupyter server, and read it over that one. Of a voice session `python` and `javascript` can be had."""


def code(request: Mapping[str, Any], language: str = "python", gateway: Gateway | None = None) -> str:
    """A complete program; keys and tokens come from its environment.

    Parameters
    ----------
    request : its JSON, with a model.
    language : one of `LANGUAGES`.
    gateway : where the stream lives: the Jupyter server to be read from. Without one it is where Jupyter serves by default.

    Raises
    ------
    Refused : the language is not known, or cannot make this call; the host is no server that another program could call.
    """
    if language not in LANGUAGES:
        raise Refused("bad_request", f"Code can be had in {', '.join(LANGUAGES[:-1])} or {LANGUAGES[-1]}, not {language!r}.")
    if "session" in request:
        checked = parse(request)
        return sessions.program(checked, config.load().host(checked.host), language, _url(gateway))
    if language in reading.LANGUAGES:
        return reading.program(request, language, _url(gateway))
    checked = parse(request)
    host = config.load().host(checked.host)
    if host.served_here:
        over = f"r.code({reading.LANGUAGES[0]!r}) asks it through the Jupyter server."
        raise Refused("bad_request", f"{host.name} answers inside tokenwidgets: no other program can call it. {over}")
    return calls.program(calls.call(checked, host), language)


def programs(request: Mapping[str, Any]) -> dict[str, str]:
    """The programs that call the provider, by language, as far as they can be had."""
    return {language: text for language in calls.LANGUAGES if (text := _if_it_can(request, language))}


def _if_it_can(request: Mapping[str, Any], language: str) -> str:
    try:
        return code(request, language)
    except Refused:
        return ""


def _url(gateway: Gateway | None) -> str:
    from .clients.rest import Rest

    return gateway.server.url if isinstance(gateway, Rest) else reading.SERVER
