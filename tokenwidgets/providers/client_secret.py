"""Short-lived secrets with which a page may speak to OpenAI's Realtime itself, so that our key never leaves (wire-formats section 3.6)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from ..dialects import openai_realtime_session as sessions
from ..dialects.dump import dump
from ..dialects.failures import from_http
from ..dialects.untrusted import count, mapping, parse, string
from ..errors import Refused
from ..events import Error
from ..realtime.settings import Settings
from ..request import Request
from .http import connection_error
from .key_filter import KeyFilter
from .keys import Secret
from .upstream import Response, Upstream

SECONDS = 60
"""How long a secret can begin a session; one that has begun goes on (10 to 7,200)."""

ANSWER_SECONDS = 20.0
"""Longest wait for one."""


async def mint(upstream: Upstream, base_url: str, key: Secret | None, request: Request) -> Mapping[str, Any]:
    """Have a host make a secret for one session.

    Parameters
    ----------
    upstream : the connections.
    base_url : from configuration, such as `wss://api.openai.com/v1`.
    key : ours, for this call alone.
    request : of the session; the secret is good for no other model.

    Returns
    -------
    `value`, `expires_at` (Unix time in seconds) and `url`, where a page posts its SDP offer with the value as bearer.

    Raises
    ------
    Refused : the host did not make one.
    """
    sessions.check(request)
    base = _http(base_url)
    session = {**sessions.session(request, request.session or Settings()), "model": request.name}
    body = dump({"expires_after": {"anchor": "created_at", "seconds": SECONDS}, "session": session})
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key.reveal()}"} if key else {})}
    try:
        async with asyncio.timeout(ANSWER_SECONDS), upstream.request("POST", f"{base}/client_secrets", headers, body) as response:
            return {**_secret(response, await response.body(), KeyFilter(key)), "url": f"{base}/calls"}
    except TimeoutError:
        raise Refused("timeout", f"{urlsplit(base).netloc} made no secret in {ANSWER_SECONDS:g} s: try again.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        raise _refused(connection_error(e, base)) from None


def _secret(response: Response, body: bytes, keys: KeyFilter) -> Mapping[str, Any]:
    if response.status >= 300:
        raise _refused(from_http(response.status, response.headers, keys.whole(body)))
    try:
        told = mapping(parse(body))
    except ValueError:
        told = {}
    value = string(told.get("value"))
    if not value:
        raise Refused("protocol", "The host answered without a secret: does it speak OpenAI's Realtime?")
    return {"value": value, "expires_at": count(told.get("expires_at"))}


def _refused(error: Error) -> Refused:
    return Refused(error.code, error.message)


def _http(base_url: str) -> str:
    """Where the same host takes HTTP, down to `/realtime`."""
    return re.sub("^ws", "http", base_url) + "/realtime"
