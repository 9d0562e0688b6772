"""Which models there are: known names, and what hosts that can be asked say, kept for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx

from .. import dialects
from ..errors import Refused
from ..realtime import local as local_voice
from ..realtime import sim as sim_voice
from . import keys, local
from .config import Config
from .hosts import Host
from .key_filter import KeyFilter
from .local_server import CONTEXT_TOKENS
from .model_cache import Model, ModelCache, ModelList
from .replay import Replay
from .sim import MODELS
from .upstream import Upstream

ASK_SECONDS = 3.0
"""Longest wait for one host's list."""

KEEP_SECONDS = 600.0
"""How long a list is kept without asking again."""

CATALOGUE_BYTES = 4 * 2**20
"""The most that is read of a catalogue."""


class Catalogue:
    """Lists of models, asked for at most once in `KEEP_SECONDS`, whichever of a user's processes asks.

    Parameters
    ----------
    upstream : gives the connections a host may use.
    cache : what hosts told before.
    """

    def __init__(self, upstream: Callable[[Host], Upstream], cache: ModelCache) -> None:
        self._upstream = upstream
        self._cache = cache

    async def models(self, settings: Config, recordings: Path) -> list[Model]:
        """All of them in the order of the hosts, as `{"id": "host/model", …}` with what is known of each (see `Dialect.models`).

        Those of a host that does not answer now are what it told earlier, and `stale`.
        """
        await asyncio.to_thread(self._cache.load)
        lists = await asyncio.gather(*(self._of(host, settings, recordings) for host in settings.hosts.values()))
        return [named(host, model) for host, found in zip(settings.hosts.values(), lists, strict=True) for model in found]

    async def _of(self, host: Host, settings: Config, recordings: Path) -> list[Model]:
        if host.served_here:
            return own_models(host, settings, recordings)
        return [{"id": name} for name in host.models] or await self._asked(host)

    async def _asked(self, host: Host) -> list[Model]:
        kept = self._cache.get(host)
        if kept and self._cache.age(kept) < KEEP_SECONDS:
            return kept.models
        try:
            found = await self._ask(host)
        except Refused:
            return []  # there is no key for it: its models cannot be asked
        if found:
            self._cache.put(host, found)
            await asyncio.to_thread(self._cache.save)
            return found
        return [{**model, "stale": True} for model in kept.models] if kept else []

    async def _ask(self, host: Host) -> list[Model]:
        """What the host's catalogue says; nothing when it does not answer.

        Raises
        ------
        Refused : it needs a key or an address that is not there.
        """
        url = host.base_url(host.dialect) + "/models"
        key = keys.need(host)
        secret = key.secret if key else None
        dialect = dialects.get(host.dialect)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                async with self._upstream(host).request("GET", url, dialect.headers(secret.reveal() if secret else None)) as response:
                    body = await response.body(CATALOGUE_BYTES) if response.status == 200 else b""
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL):
            return []
        repeats = KeyFilter(secret)
        return list(dialect.models(repeats.feed(body) + repeats.close()))


def known(settings: Config, recordings: Path, cache: ModelCache) -> list[Model]:
    """The same, of any age, without asking anybody."""
    cache.load()
    return [named(host, model) for host in settings.hosts.values() for model in _known(host, settings, recordings, cache.get(host))]


def _known(host: Host, settings: Config, recordings: Path, kept: ModelList | None) -> list[Model]:
    if host.served_here:
        return own_models(host, settings, recordings)
    return [{"id": name} for name in host.models] or (kept.models if kept else [])


def named(host: Host, model: Model) -> Model:
    """A host's model by the name under which it is asked for here."""
    return {**model, "id": f"{host.name}/{model['id']}"}


def own_models(host: Host, settings: Config, recordings: Path) -> list[Model]:
    """The models of a host that is no server: the simulator, recordings, the local model."""
    if host.name == "sim":
        texts = [{"id": name, "about": about, "capabilities": ["text"], "simulated": True} for name, about in MODELS.items()]
        return [*texts, {"id": "voice", "about": sim_voice.VOICE.about, "capabilities": ["realtime"], "simulated": True}]
    if host.name == "replay":
        return [{"id": name, "replayed": True} for name in Replay(recordings).names()]
    known = local.models(settings.local_models) if local.can_run(settings.local_models) else ()
    voice: list[Model] = [{"id": "voice", "about": local_voice.ABOUT, "capabilities": ["realtime"]}] if local_voice.can_run() else []
    return [*({"id": name, "context": CONTEXT_TOKENS, "capabilities": ["text"]} for name in known), *voice]
