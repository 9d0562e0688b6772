"""The ways in which a page can read a stream."""

from __future__ import annotations

TRANSPORTS = ("auto", "sse", "ws", "webrtc", "comm")
"""`auto` takes the WebSocket, else SSE, else the widget's comm, and says which and why; the others are asked for by name."""
