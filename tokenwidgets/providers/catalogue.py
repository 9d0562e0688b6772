"""Which models there are: known names, and what hosts that can be asked say, kept for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import httpx

from .. import dialects
from ..errors import Refused
from . import keys, local
from .config import Config
from .hosts import Host
from .replay import Replay
from .sim import MODELS
from .upstream import Upstream

ASK_SECONDS = 3.0
"""Longest wait for one host's list."""

KEEP_SECONDS = 600.0
"""How long a list is kept."""


class Catalogue:
    """Lists of models, asked for at most once in `KEEP_SECONDS`.

    Parameters
    ----------
    upstream : gives the connections a host may use.
    """

    def __init__(self, upstream: Callable[[Host], Upstream]) -> None:
        self._upstream = upstream
        self._kept: dict[tuple[str, str], tuple[float, list[Mapping[str, Any]]]] = {}

    async def models(self, settings: Config, recordings: Path) -> list[Mapping[str, Any]]:
        """All of them, as `{"id": "host/model", …}` in the order of the hosts."""
        lists = await asyncio.gather(*(self._of(host, settings, recordings) for host in settings.hosts.values()))
        return [
            {"id": f"{host.name}/{model['id']}", **_rest(model)}
            for host, found in zip(settings.hosts.values(), lists, strict=True)
            for model in found
        ]

    async def _of(self, host: Host, settings: Config, recordings: Path) -> list[Mapping[str, Any]]:
        if host.name == "sim":
            return [{"id": name, "about": about, "simulated": True} for name, about in MODELS.items()]
        if host.name == "replay":
            return [{"id": name, "replayed": True} for name in Replay(recordings).names()]
        if host.name == "local" and not host.dialects["openai-chat"]:
            return [{"id": name} for name in local.models(settings.local_models)] if local.can_run(settings.local_models) else []
        return [{"id": name} for name in host.models] or await self._asked(host)

    async def _asked(self, host: Host) -> list[Mapping[str, Any]]:
        at = (host.name, host.dialects.get(host.dialect, ""))  # the configuration may give a host another address meanwhile
        kept = self._kept.get(at)
        if kept and monotonic() - kept[0] < KEEP_SECONDS:
            return kept[1]
        found = await self._ask(host)
        if found:
            self._kept[at] = (monotonic(), found)
        return found

    async def _ask(self, host: Host) -> list[Mapping[str, Any]]:
        """What the host's catalogue says; nothing when it needs a key that is not there, or does not answer."""
        try:
            key = keys.need(host)
            dialect = dialects.get(host.dialect)
            headers = dialect.headers(key.secret.reveal() if key else None)
            async with asyncio.timeout(ASK_SECONDS):
                async with self._upstream(host).request("GET", host.dialects[host.dialect] + "/models", headers) as response:
                    return list(dialect.models(await response.body(CATALOGUE_BYTES))) if response.status == 200 else []
        except (Refused, TimeoutError, httpx.HTTPError, httpx.InvalidURL):
            return []


def _rest(model: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in model.items() if k != "id"}


CATALOGUE_BYTES = 4 * 2**20
"""The most that is read of a catalogue."""
