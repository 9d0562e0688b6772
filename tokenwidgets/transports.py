"""The ways in which a page can read a stream."""

from __future__ import annotations

TRANSPORTS = ("auto", "sse", "ws", "webrtc", "webrtc-ordered", "webrtc-unordered", "comm")
"""`auto` takes the WebSocket, else SSE, else the widget's comm, and says which and why; the others are asked for by name.

`webrtc` is the loss-tolerant data channel (`wire/redundancy.py`); the two others with that name are reliable ones, to compare it with.
"""
