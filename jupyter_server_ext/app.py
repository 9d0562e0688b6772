"""The extension: limits as traits, what the handlers share, start and stop."""

from __future__ import annotations

import asyncio
import importlib
import secrets
from collections.abc import Coroutine
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server._tz import utcnow
from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import PeriodicCallback
from traitlets import Float, Int, List, default, validate

from . import ice

if TYPE_CHECKING:
    from tokenwidgets.generation import Stream
    from tokenwidgets.hub import Hub

    from .handlers.rtc import Peers

STOP_SECONDS = 3.0
"""Longest time the extension may take to stop."""

ACTIVITY_SECONDS = 15.0
"""How often a running stream is told to Jupyter as activity, whichever way it is read."""


_EVERYWHERE = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 (nothing is bound here)
"""Addresses that mean all of the machine's, and the one of them that never leaves it."""


def kernels_url(url: str, ip: str, port: int) -> str:
    """Where kernels find a server that Jupyter says is at `url`.

    One that listens everywhere is told by the machine's name, which may resolve to another machine: no place to send a ticket to.
    """
    if ip not in _EVERYWHERE or not url.startswith(("http://", "https://")):  # Jupyter writes http+unix://
        return url
    return urlsplit(url)._replace(netloc=f"{_EVERYWHERE[ip]}:{port}").geturl()


def _limit(kind: Any, value: float, what: str) -> Any:
    return kind(value, min=0, help=what, config=True)


class TokenWidgetsApp(ExtensionApp):
    """Real-time LLM streams over SSE, WebSocket and WebRTC, under `tokenwidgets/` of this server."""

    name = "tokenwidgets"
    description = "Real-time LLM streams in Jupyter."
    load_other_extensions = True

    journal_bytes = _limit(Int, 8 * 2**20, "Encoded events of one stream, in bytes; at it the stream ends with an error `limit`.")
    session_bytes = _limit(Int, 64 * 2**20, "The same of a voice session, whose sound is journalled: some ten minutes.")
    frame_bytes = _limit(Int, 8 * 2**20, "Upstream frames kept of one stream for the inspector, in bytes; later ones are dropped.")
    total_bytes = _limit(Int, 512 * 2**20, "Bytes of all streams held; finished ones are evicted first.")
    spool_bytes = _limit(Int, 64 * 2**20, "Events kept on disk for the time after a restart, in bytes; 0 keeps none.")
    open_streams = _limit(Int, 256, "Streams running at once; a further one is refused.")
    kept_seconds = _limit(Float, 600.0, "Seconds a journal outlives its end.")
    unread_seconds = _limit(Float, 300.0, "Seconds without any reader after which a running stream is stopped.")
    wall_seconds = _limit(Float, 3600.0, "Longest run of a stream, in seconds.")
    idle_seconds = _limit(Float, 300.0, "Longest silence of a provider, in seconds, keep-alives counted as sound.")
    progress_seconds = _limit(Float, 900.0, "Longest time without content from a provider, in seconds, keep-alives not counted.")
    peers = _limit(Int, 32, "WebRTC peers open at once; a further one is refused.")
    sockets = _limit(Int, 128, "Sockets open at once; a further one is refused.")
    message_bytes = _limit(Int, 16 * 2**20, "Largest message taken on a socket, and largest body of a request, in bytes.")

    ice_servers: Any = List(
        help="STUN and TURN servers for WebRTC, each {'urls', 'username', 'credential'} (udp, ?transport=tcp, turns:), told to those who"
        f" may open a peer. By default what the environment's {ice.ENVIRONMENT} says, as JSON; none are asked otherwise.",
        config=True,
    )

    # Jupyter may stop an extension that it never started, or start one that it has stopped.
    _hub: Hub | None = None
    _peers: Peers | None = None
    _activity: PeriodicCallback | None = None
    _published: Path | None = None
    _stopped = False

    @default("ice_servers")
    def _ice_servers(self) -> list[Any]:
        return ice.checked(ice.from_environment())

    @validate("ice_servers")
    def _valid_ice_servers(self, proposal: Any) -> list[Any]:
        return ice.checked(proposal["value"])

    def initialize_settings(self) -> None:
        """Make what the handlers share; nothing is started before the server listens."""
        from tokenwidgets.facades.realtime_secrets import ClientSecrets

        self.ticket = secrets.token_urlsafe(32)
        self.settings["tokenwidgets.app"] = self
        self.open_sockets = 0
        self.client_secrets = ClientSecrets()
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
            self._activity = PeriodicCallback(self._tell_activity, ACTIVITY_SECONDS * 1000)
            self._activity.start()
        return self._hub

    def _make_hub(self) -> Hub:
        from tokenwidgets.facades.recall import Recall
        from tokenwidgets.generation import Limits
        from tokenwidgets.hub import Hub
        from tokenwidgets.providers.registry import Registry
        from tokenwidgets.providers.watchdogs import Watchdogs
        from tokenwidgets.spool import Spool

        self.recall = Recall()
        registry = Registry(Path(jupyter_runtime_dir()), watchdogs=Watchdogs(self.idle_seconds, self.progress_seconds))
        spool = Spool(Path(jupyter_runtime_dir()), self.kept_seconds, self.spool_bytes) if self.spool_bytes else None
        return Hub(registry, Limits(**{name: getattr(self, name) for name in Limits.__dataclass_fields__}), self._ended, spool)

    def _ended(self, stream: Stream) -> None:
        """One line a stream: counts and reasons, never words of a prompt or an answer."""
        self.touch()
        self.recall.keep(stream)
        last = stream.journal.terminal
        event: Any = last.event if last else None
        reason = getattr(event, "reason", None) or getattr(event, "code", None)
        self.log.info("tokenwidgets: a stream of %s ended: %s, %d events", stream.call.host, reason, len(stream.journal.entries))

    @property
    def rtc(self) -> Peers:
        """The WebRTC peers of this server."""
        if self._peers is None:
            from .handlers.rtc import Peers

            self._peers = Peers(self.peers, self.ice_servers)
        return self._peers

    def limits(self) -> dict[str, float]:
        """Every limit by name, for clients to see."""
        names = self.class_own_traits(config=True)
        return {name: getattr(self, name) for name in sorted(names) if isinstance(names[name], Int | Float)}

    def used(self) -> dict[str, int]:
        """How much of those limits is used that hold for the whole server, by their names."""
        return {
            "open_streams": self.hub.running,
            "total_bytes": self.hub.held,
            "sockets": self.open_sockets,
            "peers": len(self._peers) if self._peers is not None else 0,
        }

    def background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something to its end that nobody waits for."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def touch(self) -> None:
        """Tell Jupyter that somebody is doing something: a server without activity may be culled."""
        server: Any = self.serverapp
        server.web_app.settings["api_last_activity"] = utcnow()  # our own settings are a copy that nobody looks at

    def current_activity(self) -> bool:
        """Jupyter asks this before it shuts an idle server down."""
        return self._hub is not None and self._hub.running > 0

    def _tell_activity(self) -> None:
        """JupyterHub does not ask; it looks at when something last happened. What grows too old meanwhile goes."""
        if self.current_activity():
            self.touch()
        self.hub.tidy()

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """The server listens, so its address is known: tell kernels. Heavy imports happen in a thread, before anyone waits for them."""
        from tokenwidgets import runtime

        if self._stopped:
            return
        url = kernels_url(serverapp.connection_url, serverapp.ip, serverapp.port)
        self._published = runtime.publish(url, self.ticket, serverapp.certfile or None)
        self.background(asyncio.to_thread(_warm))

    async def stop_extension(self) -> None:
        """End all streams and peers, within a bound; also when the start never ran."""
        self._stopped = True
        if self._published is not None:
            self._published.unlink(missing_ok=True)
        if self._activity is not None:
            self._activity.stop()
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


def _warm() -> None:
    """Import now what the first stream over any transport would otherwise have to wait for, and the others not."""
    for module in ("aiortc", "tokenwidgets.hub", "tokenwidgets.dialects.openai_chat"):
        importlib.import_module(module)


main = TokenWidgetsApp.launch_instance
