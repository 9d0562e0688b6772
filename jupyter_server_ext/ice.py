"""The STUN and TURN servers of this server's peers, and of those that connect to it.

They are told to pages and kernels by `GET tokenwidgets/rtc`, to whoever may open a peer and to nobody else: a credential stands in no log,
trait of a widget, notebook or listing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from traitlets import TraitError

if TYPE_CHECKING:
    from aiortc import RTCConfiguration

ENVIRONMENT = "TOKENWIDGETS_ICE_SERVERS"
"""The same list as JSON, for servers whose configuration others write."""

SCHEMES = ("stun:", "turn:", "turns:")

FIELDS = {"urls", "username", "credential"}


def from_environment() -> list[Any]:
    """What the environment says; nothing where it says nothing.

    Raises
    ------
    TraitError : it is no JSON list. Its text is not quoted: it may hold a credential.
    """
    text = os.environ.get(ENVIRONMENT, "")
    try:
        found = json.loads(text) if text else []
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise TraitError(f"{ENVIRONMENT} is a JSON list of {{'urls', 'username', 'credential'}}.") from None
    return found


def checked(servers: Sequence[Any]) -> list[dict[str, Any]]:
    """The servers in the form that W3C's `RTCIceServer` has, each with a list of addresses.

    Raises
    ------
    TraitError : one of them is none; the sentence says which by its number, and quotes nothing.
    """
    return [_checked(number, server) for number, server in enumerate(servers, 1)]


def _checked(number: int, server: Any) -> dict[str, Any]:
    urls = server.get("urls") if isinstance(server, Mapping) else None
    urls = [urls] if isinstance(urls, str) else urls
    if not isinstance(urls, list) or not urls or not all(isinstance(url, str) and url.startswith(SCHEMES) for url in urls):
        raise TraitError(f"ICE server {number}: 'urls' is an address that begins with {', '.join(SCHEMES)}, or a list of them.")
    if set(server) - FIELDS or not all(isinstance(server.get(name, ""), str) for name in ("username", "credential")):
        raise TraitError(f"ICE server {number}: beside 'urls' it has the texts 'username' and 'credential', and nothing else.")
    return {**server, "urls": urls}


def configuration(servers: Sequence[Mapping[str, Any]]) -> RTCConfiguration:
    """The same for aiortc, which uses the first STUN and the first TURN server of them. Without any it asks nobody."""
    from aiortc import RTCConfiguration, RTCIceServer

    return RTCConfiguration([RTCIceServer(**server) for server in servers])
