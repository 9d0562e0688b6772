"""The wire format of OpenAI's Realtime over a WebSocket, and of Azure and xAI who speak it too (wire-formats section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ..events import Error, Notice
from ..request import Request
from .openai_chat import OpenAIChat
from .openai_realtime_wire import OpenAIRealtimeWire
from .realtime import RealtimeWire


class OpenAIRealtime:
    """See `RealtimeDialect`. Keys, heads and HTTP failures are those of chat completions, which the same hosts speak."""

    name = "openai-realtime"
    _http = OpenAIChat()

    def url(self, base_url: str, model: str, call: str = "") -> str:
        """Below a base URL such as `wss://api.openai.com/v1`."""
        if call:
            return f"{base_url}/realtime?call_id={quote(call)}"
        return f"{base_url}/realtime?model={quote(model.encode('utf-8', 'replace'), safe='-_.~')}"

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The headers that carry the key."""
        return self._http.headers(key)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Error:
        """What an answer means that opens no WebSocket."""
        return self._http.failure(status, headers, body)

    def head(self, headers: Mapping[str, str]) -> list[Notice]:
        """Rate limits and the request's id."""
        return self._http.head(headers)

    def wire(self, request: Request) -> RealtimeWire:
        """A session that has not begun. Raises `Refused` where the request cannot be said in this format."""
        return OpenAIRealtimeWire(request)
