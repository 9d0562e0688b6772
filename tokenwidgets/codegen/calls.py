"""A call of a provider as a program."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import dialects
from ..dialects.responses_socket import ResponsesSocket
from ..errors import Refused
from ..providers.hosts import Host
from ..request import Request
from . import filled, literals, sdk, without_os

LANGUAGES = ("python", "python-httpx", "javascript", "curl")
"""`python` is the vendor's own SDK, or websockets where the call travels over a WebSocket."""

_SOCKET = ("python", "javascript")
"""Languages that can make a call over a WebSocket."""


@dataclass(frozen=True, slots=True)
class Call:
    """What travels, encoded as we send it.

    Parameters
    ----------
    host, dialect, model : who is called, in which wire format, and the model's name there.
    base_url, path : where.
    headers : with `literals.KEY` in the place of the key.
    body : the request's JSON.
    """

    host: Host
    dialect: str
    model: str
    base_url: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


def call(request: Request, host: Host) -> Call:
    """The call of a request.

    Raises
    ------
    Refused : the host does not speak the request's dialect, or that cannot say the request.
    """
    name = request.dialect or host.dialect
    if name not in host.dialects:
        raise Refused("bad_request", f"{host.name} does not speak {name!r}; it speaks {', '.join(host.dialects)}.")
    dialect = dialects.get(name)
    where = (host, name, request.name, host.base_url(name))
    key = dialect.headers(literals.KEY if host.key_env else None)
    if name in dialects.SOCKETS:
        frame = ResponsesSocket(host.profile, opened=0).create("", request, now=0)
        return Call(*where, "/responses", key, json.loads(frame))
    encoded = dialect.encode(request, host.profile)
    return Call(*where, encoded.path, {**encoded.headers, **key}, json.loads(encoded.body))


def program(call: Call, language: str) -> str:
    """The program that makes a call.

    Parameters
    ----------
    language : one of `LANGUAGES`.

    Raises
    ------
    Refused : the call cannot be made in that language.
    """
    socket = call.dialect in dialects.SOCKETS
    if socket and language not in _SOCKET:
        raise Refused("bad_request", f"A call over a WebSocket can be had in {' or '.join(_SOCKET)}, not {language!r}.")
    if language == "curl":
        return _curl(call)
    if language == "javascript":
        return _javascript(call, "socket/websocket.js" if socket else "http/fetch.js")
    if socket or language == "python-httpx":
        return _python(call, "socket/websockets.py" if socket else "http/httpx.py")
    return without_os(filled(f"sdk/{call.dialect}.py", key=literals.python_key(call.host), **sdk.VALUES[call.dialect](call)))


def _python(call: Call, template: str) -> str:
    return without_os(
        filled(
            template,
            key=f"key = {literals.python_key(call.host)}" if call.host.key_env else "",
            headers=literals.python_headers(call.headers),
            body=literals.python(call.body),
            url=literals.python(call.base_url + call.path),
            text=filled(f"text/{_format(call)}.py"),
        )
    )


def _javascript(call: Call, template: str) -> str:
    return filled(
        template,
        key=f"const key = {literals.javascript_key(call.host)};" if call.host.key_env else "",
        headers=literals.javascript_headers(call.headers),
        body=literals.javascript(call.body),
        url=literals.javascript(call.base_url + call.path),
        text=filled(f"text/{_format(call)}.js"),
    )


def _curl(call: Call) -> str:
    return filled(
        "http/curl.sh",
        url=shlex.quote(call.base_url + call.path),
        headers=literals.shell_headers(call.headers, call.host),
        body=shlex.quote(json.dumps(call.body, ensure_ascii=False, indent=2)),
    )


def _format(call: Call) -> str:
    """The events are the same ones over a WebSocket."""
    return call.dialect.removesuffix("-ws")
