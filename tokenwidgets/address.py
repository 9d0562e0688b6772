"""The gateway as an SDK needs it: an address and a key."""

from __future__ import annotations

from typing import Literal

from . import api
from .clients.rest import Rest
from .errors import Refused


class Endpoint(dict[str, str]):
    """`base_url` and `api_key`, to be given to an SDK as they are: `OpenAI(**tw.endpoint())`. The key does not show itself."""

    def __repr__(self) -> str:
        return f"Endpoint(base_url={self['base_url']!r}, api_key=<hidden>)"

    __str__ = __repr__


def endpoint(vendor: Literal["openai", "anthropic"] = "openai") -> Endpoint:
    """The Jupyter server as one endpoint for every host, in the form of a vendor.

    The key is this kernel's own, good for tokenwidgets on this server and for as long as it runs. A program elsewhere takes the same
    address with the server's token as its key.

    Parameters
    ----------
    vendor : whose SDK is to be given it; Anthropic's adds `/v1` by itself.

    Raises
    ------
    Refused : this kernel found no Jupyter server with tokenwidgets.
    """
    place = api.gateway()
    if not isinstance(place, Rest):
        raise Refused("connection", f"There is no endpoint: streams live in this kernel, since {place.why}.")
    path = {"openai": "tokenwidgets/v1", "anthropic": "tokenwidgets"}[vendor]
    return Endpoint(base_url=place.server.url + path, api_key=place.server.ticket)
