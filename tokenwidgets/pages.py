"""What a page told of itself: where widgets are shown, and what can be reached from there, only the page knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HOST_CHARACTERS = 40
"""The longest name of a host that is kept."""


@dataclass(frozen=True, slots=True)
class Page:
    """Where a widget was shown.

    Parameters
    ----------
    host : JupyterLab, VS Code, …; empty where the page does not know.
    server : whether it came from a Jupyter server.
    webrtc : whether its browser has WebRTC.
    """

    host: str
    server: bool
    webrtc: bool


_latest: Page | None = None


def latest() -> Page | None:
    """The page that showed a widget last, or None where none did yet."""
    return _latest


def told(content: Mapping[str, Any]) -> None:
    """Take what a page says when it shows a widget; one that says nothing is another version's."""
    global _latest
    match content.get("page"):
        case {"host": str(host), "server": bool(server), "webrtc": bool(webrtc)}:
            _latest = Page(host[:HOST_CHARACTERS], server, webrtc)
