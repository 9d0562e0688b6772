"""What lanes are called within a sentence; their marks and colours are the transports'."""

from __future__ import annotations

from collections.abc import Mapping

from .base import Lane

NAMES: Mapping[Lane, str] = {
    "sse": "SSE",
    "ws": "WebSocket",
    "webrtc-ordered": "ordered data channel",
    "webrtc-unordered": "unordered data channel",
    "webrtc": "loss-tolerant data channel",
}


def capital(words: str) -> str:
    """The same at the beginning of a sentence."""
    return words[:1].upper() + words[1:]
