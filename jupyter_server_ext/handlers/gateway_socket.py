"""What the gateway's WebSockets share."""

from __future__ import annotations

from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler

from tokenwidgets.errors import Refused

from .gateway import Gateway

PING_SECONDS = 30.0
"""How often a socket is looked at whether its client is still there."""

PROTOCOL = "realtime"
"""The subprotocol of OpenAI's sockets, beside which their clients in a browser offer the key (wire-formats section 3.1)."""


class GatewaySocket(Gateway, WebSocketHandler):
    """A path that is opened as a WebSocket."""

    def check_upgrade(self, otherwise: str) -> None:
        """See that a socket is asked for, and may be opened.

        Parameters
        ----------
        otherwise : how the path is used, for who asks without one.

        Raises
        ------
        HTTPError : 426, no socket is asked for.
        Refused : as many are open as may be.
        """
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise HTTPError(426, otherwise)
        if self.app.open_sockets >= self.app.sockets:
            raise Refused("limit", f"{self.app.sockets} sockets are open already.")

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The one that OpenAI's clients in a browser offer; they need one to be chosen."""
        return PROTOCOL if PROTOCOL in subprotocols else None

    @property
    def ping_interval(self) -> float:
        """Jupyter's own setting may be none; a client that is gone must be noticed, since what it asked for costs money."""
        return PING_SECONDS

    @property
    def max_message_size(self) -> int:
        """The largest message taken, in bytes."""
        return int(self.app.message_bytes)
