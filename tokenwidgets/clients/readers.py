"""The readers of this process, by the transport's name."""

from __future__ import annotations

from collections.abc import Callable

from .base import TimedReader
from .rest import Rest
from .sse import SSEReader
from .webrtc import OrderedReader, UnorderedReader, WebRTCReader
from .websocket import WebSocketReader

READERS: dict[str, Callable[[Rest], TimedReader]] = {
    "sse": SSEReader,
    "ws": WebSocketReader,
    "webrtc": WebRTCReader,
    "webrtc-ordered": OrderedReader,
    "webrtc-unordered": UnorderedReader,
}
