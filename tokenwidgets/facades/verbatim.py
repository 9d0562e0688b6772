"""A request that goes on as its client wrote it, to a host that speaks the client's own format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..dialects import messages
from ..dialects.base import Decoder, Dialect, HttpCall, Profile
from ..events import Error, Notice
from ..request import Request


class Verbatim:
    """A dialect whose one request is given. What comes back is read as always, so journal and figures are those of any stream.

    Parameters
    ----------
    inner : the wire format.
    body : the client's request; only the model's name is changed, and that the answer is streamed.
    headers : of the client's that go with it.
    """

    def __init__(self, inner: Dialect, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.name = inner.name
        self._inner = inner
        self.body = body
        self._headers = headers

    def encode(self, request: Request, profile: Profile) -> HttpCall:
        """See `Dialect.encode`."""
        any_call = self._inner.encode(replace(request, messages=({"role": "user", "content": "-"},), options={}, tools=()), profile)
        call = messages.call(any_call.path, {**self.body, "model": request.name, "stream": True}, any_call.headers)
        return replace(call, headers={**call.headers, **self._headers})

    def headers(self, key: str | None) -> Mapping[str, str]:
        """See `Dialect.headers`."""
        return self._inner.headers(key)

    def decoder(self, profile: Profile) -> Decoder:
        """See `Dialect.decoder`."""
        return self._inner.decoder(profile)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Error:
        """See `Dialect.failure`."""
        return self._inner.failure(status, headers, body)

    def head(self, headers: Mapping[str, str]) -> list[Notice]:
        """See `Dialect.head`."""
        return self._inner.head(headers)

    def models(self, body: bytes) -> list[Mapping[str, Any]]:
        """See `Dialect.models`."""
        return self._inner.models(body)
