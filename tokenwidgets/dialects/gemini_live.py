"""The wire format of Gemini Live: JSON over a WebSocket, which the server sends in binary messages (wire-formats section 5.3)."""

from __future__ import annotations

from collections.abc import Mapping

from ..events import Error, Notice
from ..request import Request
from . import gemini_failures
from .gemini_live_wire import GeminiLiveWire
from .realtime import RealtimeWire

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
"""The method, at Google's own host."""


class GeminiLive:
    """See `RealtimeDialect`. The model is named by the first message."""

    name = "gemini-live"

    def url(self, base_url: str, model: str, call: str = "") -> str:
        """At a host such as `wss://generativelanguage.googleapis.com`, or an address that names the method itself (Vertex)."""
        return base_url if "/ws/" in base_url else base_url + PATH

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The headers that carry the key; it is never part of the URL."""
        return {"x-goog-api-key": key} if key else {}

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Error:
        """What an answer means that opens no WebSocket."""
        return gemini_failures.failure(status, headers, body)

    def head(self, headers: Mapping[str, str]) -> list[Notice]:
        """Nothing: Google's answers tell no rate limits."""
        return []

    def wire(self, request: Request) -> RealtimeWire:
        """A session that has not begun. Raises `Refused` where the request cannot be said in this format."""
        return GeminiLiveWire(request)
