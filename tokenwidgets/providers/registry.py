"""From a request to the provider that serves it, with every check that can be made before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import dialects
from ..errors import Refused
from ..realtime import sim as sim_voice
from ..realtime.base import RealtimeProvider
from ..realtime.local import LocalVoice
from ..realtime.parts import Voice
from ..realtime.pipeline import VoicePipeline, checked
from ..realtime.settings import Settings
from ..request import SIM_OPTIONS, Check, Request, check_options, parse
from . import config, keys, local
from .base import Provider
from .catalogue import Catalogue
from .client_secret import mint
from .config import Config
from .hosts import Host
from .http import HttpProvider
from .keys import Given
from .model_cache import ModelCache
from .realtime_ws import RealtimeSocketProvider
from .replay import REPLAY_OPTIONS, SHIPPED, Replay
from .responses_pool import Place, ResponsesPool
from .responses_ws import ResponsesSocketProvider
from .retry import Retrying
from .sim import Sim
from .upstream import Upstream
from .watchdogs import Watchdogs

REALTIME = "openai-realtime"
"""The dialect of hosts that let a page speak to them itself."""

VOICE = "voice"
"""The name under which `sim` and `local` hold voice sessions."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed every check, and who will carry it out.

    Parameters
    ----------
    simulated : no model answers, or none answered when the recording was made.
    place : the host, with all that is known of it.
    """

    request: Request
    host: str
    dialect: str
    provider: Provider | RealtimeProvider
    simulated: bool = False
    place: Host = field(default_factory=lambda: Host("", local=True))

    @property
    def replayed(self) -> bool:
        """Whether a recording answers."""
        return self.host == "replay"


class Registry:
    """Providers of this process: configuration, keys, connections, the local model.

    Parameters
    ----------
    log_dir : where the local model's log is kept.
    recordings : folder of the shipped recordings.
    watchdogs : limits of a silent provider.
    retrying : when a call is made again.
    """

    def __init__(
        self, log_dir: Path, recordings: Path | None = None, watchdogs: Watchdogs | None = None, retrying: Retrying | None = None
    ) -> None:
        self.recordings = recordings or SHIPPED
        self.watchdogs = watchdogs or Watchdogs()
        self.retrying = retrying or Retrying()
        self.children = local.LocalModels(log_dir)
        self.voice = LocalVoice()
        self._upstreams: dict[bool, Upstream] = {}
        self._sockets = ResponsesPool()
        self.catalogue = Catalogue(self.upstream, ModelCache())

    def config(self) -> Config:
        """The configuration as it is now."""
        return config.load()

    def upstream(self, host: Host) -> Upstream:
        """The connections a host may use."""
        if host.local not in self._upstreams:
            self._upstreams[host.local] = Upstream(local=host.local)
        return self._upstreams[host.local]

    def request(self, body: Any) -> Request:
        """Check a request's JSON, with aliases replaced and the default model filled in.

        Raises
        ------
        Refused : like `tokenwidgets.request.parse`.
        """
        settings = self.config()
        if isinstance(body, Mapping):
            model = body.get("model") or settings.default_model or self._default(settings)
            body = {**body, "model": settings.model(model) if isinstance(model, str) else model}
        return parse(body)

    def _default(self, settings: Config) -> str:
        """The local model where it can run, else the simulator."""
        return f"local/{next(iter(local.models(settings.local_models)))}" if local.can_run(settings.local_models) else "sim/steady"

    def resolve(self, request: Request, given: Given | None = None) -> Call:
        """Check a request and choose who carries it out.

        Parameters
        ----------
        given : host and key in place of those that are configured.

        Raises
        ------
        Refused : unknown host or model, dialect, option; no key.
        """
        settings = self.config()
        host = given.host if given else settings.host(request.host)
        dialect = self._dialect(request, host)
        check_options(request.options, host.name, OWN_OPTIONS.get(host.name, {}))
        request = replace(request, dialect=dialect)
        if request.session is not None:
            return Call(request, host.name, dialect, self._voice(request, host, dialect, given), host.name == "sim", host)
        provider = self._served(request, host, dialect, settings) if host.served_here else self._called(host, dialect, given)
        return Call(request, host.name, dialect, provider, _simulated(provider, request), host)

    def _voice(self, request: Request, host: Host, dialect: str, given: Given | None) -> RealtimeProvider:
        """Who holds a voice session."""
        if host.served_here and request.name == VOICE and host.name != "replay":
            voice = self.parts(host.name)
            checked(request.session or Settings(), voice)
            return VoicePipeline(voice, self.text_model)
        if dialect in dialects.VOICE and dialect in host.dialects:
            key = given.key if given else keys.need(host)
            place = (host.base_url(dialect), host.local, key.secret if key else None)
            return RealtimeSocketProvider(dialects.voice(dialect), *place, self.watchdogs, self.retrying)
        raise Refused(
            "bad_request", f"{host.name} holds no voice sessions: use local/voice, or a host that speaks {' or '.join(dialects.VOICE)}."
        )

    def parts(self, host: str) -> Voice:
        """What `sim/voice` or `local/voice` is made of.

        Raises
        ------
        Refused : it cannot run here.
        """
        return sim_voice.VOICE if host == "sim" else self.voice.voice()

    def text_model(self, request: Request) -> Provider:
        """Who answers in writing. Raises like `resolve`."""
        provider = self.resolve(request).provider
        if isinstance(provider, RealtimeProvider):
            raise Refused("bad_request", f"{request.model} answers voice sessions only.")
        return provider

    async def client_secret(self, request: Request) -> Mapping[str, Any]:
        """A short-lived secret with which a page holds a voice session with a host itself: `value`, `expires_at`, `url`.

        Raises
        ------
        Refused : the host makes none.
        """
        host = self.config().host(request.host)
        if host.served_here or REALTIME not in host.dialects:
            raise Refused("bad_request", f"{host.name} makes no secrets for pages: only hosts that speak {REALTIME} do.")
        key = keys.need(host)
        return await mint(self.upstream(host), host.base_url(REALTIME), key.secret if key else None, request)

    def _dialect(self, request: Request, host: Host) -> str:
        if request.session is not None:
            return request.dialect or next((name for name in host.dialects if name in dialects.VOICE), "")
        name = request.dialect or host.dialect
        if host.name in ("sim", "replay"):
            return name
        if name not in host.dialects:
            raise Refused("bad_request", f"{host.name} does not speak {name!r}; it speaks {', '.join(host.dialects)}.")
        return name

    def _served(self, request: Request, host: Host, dialect: str, settings: Config) -> Provider:
        """Who answers inside tokenwidgets."""
        if request.name == VOICE and host.name != "replay":
            raise Refused("bad_request", f"{request.model} holds voice sessions: begin one by tw.mic, tw.talk, or with 'session'.")
        if host.name == "sim":
            return Sim.checked(request)
        if host.name == "replay":
            return Replay.checked(request, self.recordings)
        path = local.locate(request.name, settings.local_models)
        return local.LocalProvider(self.children, path, request.name, dialects.get(dialect), self.upstream(host), self.watchdogs)

    def _called(self, host: Host, dialect: str, given: Given | None) -> Provider:
        """A server, with the key that was given or the host's own."""
        url = host.base_url(dialect)
        key = given.key if given else keys.need(host)
        secret = key.secret if key else None
        spoken = dialects.get(dialect)
        if dialect in dialects.SOCKETS:
            place = Place.of(url, host.local, secret)
            return ResponsesSocketProvider(spoken, host.profile, place, secret, self._sockets, self.watchdogs, self.retrying)
        return HttpProvider(spoken, host.profile, url, secret, self.upstream(host), self.watchdogs, self.retrying)

    async def models(self) -> list[Mapping[str, Any]]:
        """Every model that can be named now: known ones, and those of hosts that can be asked."""
        settings = await asyncio.to_thread(self.config)
        return await self.catalogue.models(settings, self.recordings)

    def hosts(self) -> list[Mapping[str, Any]]:
        """Every host: what it speaks, whether a key is there and from where, never the key."""
        return [_described(host) for host in self.config().hosts.values()]

    async def aclose(self) -> None:
        """End the local models and close every connection."""
        await self.children.aclose()
        await self.voice.aclose()
        await self._sockets.aclose()
        for upstream in self._upstreams.values():
            await upstream.aclose()


OWN_OPTIONS: Mapping[str, Mapping[str, Check]] = {"sim": SIM_OPTIONS, "replay": REPLAY_OPTIONS}
"""Options that one host has beside the common ones."""


def _simulated(provider: Provider, request: Request) -> bool:
    return isinstance(provider, Sim) or (isinstance(provider, Replay) and provider.load(request.name).simulated)


def _described(host: Host) -> Mapping[str, Any]:
    return {
        "name": host.name,
        "about": host.about,
        "dialects": list(host.dialects),
        "base_urls": {k: v for k, v in host.dialects.items() if v},
        "key": {"needed": host.key_needed, "variable": host.key_env, **_key_state(host)},
        "cancel_stops_billing": host.cancel_stops_billing if host.bills else None,
        "local": host.local,
        "models": list(host.models),
    }


def _key_state(host: Host) -> Mapping[str, Any]:
    """Whether a key is there and from where; one that cannot be used is its own host's problem and no other's."""
    try:
        key = keys.find(host)
    except Refused as e:
        return {"present": False, "source": None, "problem": e.message}
    return {"present": key is not None, "source": key.source if key else None}
