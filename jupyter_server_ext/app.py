"""The extension: limits as traits, what the handlers share, start and stop."""

from __future__ import annotations

import asyncio
import importlib
import secrets
from collections.abc import Coroutine
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server._tz import utcnow
from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Int

if TYPE_CHECKING:
    from tokenwidgets.hub import Hub, Stream

    from .handlers.rtc import Peers

STOP_SECONDS = 3.0
"""Longest time the extension may take to stop."""


def _limit(kind: Any, value: float, what: str) -> Any:
    return kind(value, min=0, help=what, config=True)


class TokenWidgetsApp(ExtensionApp):
    """Real-time LLM streams over SSE, WebSocket and WebRTC, under `tokenwidgets/` of this server."""

    name = "tokenwidgets"
    description = "Real-time LLM streams in Jupyter."
    load_other_extensions = True

    journal_bytes = _limit(Int, 8 * 2**20, "Encoded events of one stream, in bytes; at it the stream ends with an error `limit`.")
    frame_bytes = _limit(Int, 8 * 2**20, "Upstream frames kept of one stream for the inspector, in bytes; later ones are dropped.")
    total_bytes = _limit(Int, 512 * 2**20, "Bytes of all streams held; finished ones are evicted first.")
    open_streams = _limit(Int, 256, "Streams running at once; a further one is refused.")
    kept_seconds = _limit(Float, 600.0, "Seconds a journal outlives its end.")
    unread_seconds = _limit(Float, 300.0, "Seconds without any reader after which a running stream is stopped.")
    wall_seconds = _limit(Float, 3600.0, "Longest run of a stream, in seconds.")
    idle_seconds = _limit(Float, 300.0, "Longest silence of a provider, in seconds, keep-alives counted as sound.")
    progress_seconds = _limit(Float, 900.0, "Longest time without content from a provider, in seconds, keep-alives not counted.")
    peers = _limit(Int, 32, "WebRTC peers open at once; a further one is refused.")
    sockets = _limit(Int, 128, "Sockets open at once; a further one is refused.")
    message_bytes = _limit(Int, 16 * 2**20, "Largest message taken on a socket, in bytes.")

    def initialize_settings(self) -> None:
        """Make what the handlers share; nothing is started before the server listens."""
        self.ticket = secrets.token_urlsafe(32)
        self.settings["tokenwidgets.app"] = self
        self._hub: Hub | None = None
        self._peers: Peers | None = None
        self.open_sockets = 0
        self._tasks: set[asyncio.Future[Any]] = set()

    def initialize_handlers(self) -> None:
        """Put every endpoint under `tokenwidgets/`."""
        from .handlers import routes

        self.handlers.extend(routes())

    @property
    def hub(self) -> Hub:
        """The streams of this server, made on first use inside its event loop."""
        if self._hub is None:
            self._hub = self._make_hub()
        return self._hub

    def _make_hub(self) -> Hub:
        from tokenwidgets.hub import Hub, Limits
        from tokenwidgets.providers.http import Watchdogs
        from tokenwidgets.providers.registry import Registry

        registry = Registry(Path(jupyter_runtime_dir()), watchdogs=Watchdogs(self.idle_seconds, self.progress_seconds))
        return Hub(registry, Limits(**{name: getattr(self, name) for name in Limits.__dataclass_fields__}), self._ended)

    def _ended(self, stream: Stream) -> None:
        """One line a stream: counts and reasons, never words of a prompt or an answer."""
        last = stream.journal.terminal
        event: Any = last.event if last else None
        reason = getattr(event, "reason", None) or getattr(event, "code", None)
        self.log.info("tokenwidgets: a stream of %s ended: %s, %d events", stream.call.host, reason, len(stream.journal.entries))

    @property
    def rtc(self) -> Peers:
        """The WebRTC peers of this server."""
        if self._peers is None:
            from .handlers.rtc import Peers

            self._peers = Peers(self.peers)
        return self._peers

    def limits(self) -> dict[str, float]:
        """Every limit by name, for clients to see."""
        names = self.class_own_traits(config=True)
        return {name: getattr(self, name) for name in sorted(names) if isinstance(names[name], Int | Float)}

    def background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something to its end that nobody waits for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def touch(self) -> None:
        """A live stream is activity: an idle server with one running is not culled."""
        self.settings["api_last_activity"] = utcnow()

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """The server listens, so its address is known: tell kernels. Heavy imports happen in a thread, before anyone waits for them."""
        from tokenwidgets import runtime

        self._published = runtime.publish(serverapp.connection_url, self.ticket, serverapp.certfile or None)
        self.background(asyncio.to_thread(importlib.import_module, "aiortc"))

    async def stop_extension(self) -> None:
        """End all streams and peers, within a bound; also when the start never ran."""
        if (published := getattr(self, "_published", None)) is not None:
            published.unlink(missing_ok=True)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                if self._hub is not None:
                    await self._hub.aclose()
                if self._peers is not None:
                    await self._peers.aclose()
        except TimeoutError:
            self.log.warning("tokenwidgets: some streams were still closing after %g s", STOP_SECONDS)

    @staticmethod
    def now_us() -> int:
        """Monotonic µs, for readers that align their clocks."""
        return monotonic_ns() // 1000


main = TokenWidgetsApp.launch_instance
