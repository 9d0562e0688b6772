"""Anthropic's count of a request's tokens, asked of a host that speaks its format (wire-formats section 4.1), without I/O."""

from __future__ import annotations

from typing import Any

from ..dialects import messages
from ..dialects.base import Decoder, HttpCall, Profile
from ..dialects.untrusted import count, mapping, parse
from ..events import End, Error, Event, Usage
from ..request import Request
from .verbatim import Verbatim

ANSWER_BYTES = 64 * 2**10
"""The most that is read of an answer, which is one number."""


class Counting(Verbatim):
    """The client's request to `messages/count_tokens` instead of `messages`; the answer is a `usage` event with its input alone."""

    def encode(self, request: Request, profile: Profile) -> HttpCall:
        """See `Dialect.encode`."""
        call = super().encode(request, profile)
        headers = {**call.headers, "Accept": "application/json"}
        return messages.call(f"{call.path}/count_tokens", {**self.body, "model": request.name}, headers)

    def decoder(self, profile: Profile) -> Decoder:
        """See `Dialect.decoder`."""
        return CountDecoder()


class CountDecoder:
    """The answer, whole."""

    finishing = False

    def __init__(self) -> None:
        self.done = False
        self._body = b""

    def feed(self, data: bytes) -> list[Event]:
        """See `Decoder.feed`."""
        self._body += data
        return self.close() if len(self._body) > ANSWER_BYTES else []

    def close(self) -> list[Event]:
        """See `Decoder.close`."""
        if self.done:
            return []
        self.done = True
        tokens = count(mapping(_parsed(self._body)).get("input_tokens"))
        if tokens is None:
            return [Error("protocol", "The host's answer holds no 'input_tokens'.")]
        return [Usage(input=tokens), End("stop")]


def _parsed(body: bytes) -> Any:
    try:
        return parse(body)
    except ValueError:
        return None
