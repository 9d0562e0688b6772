"""What there is: models, hosts, and what this server can do. All cost nothing."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from tokenwidgets.runtime import version

from .base import RESOURCE, Handler, refusals


class ModelsHandler(Handler):
    """`tokenwidgets/models`."""

    @authenticated
    @authorized(action="read", resource=RESOURCE)
    @refusals
    async def get(self) -> None:
        """Every model that can be named now."""
        await self.finish({"models": await self.hub.registry.models()})


class HostsHandler(Handler):
    """`tokenwidgets/hosts`."""

    @authenticated
    @authorized(action="read", resource=RESOURCE)
    @refusals
    async def get(self) -> None:
        """Every host, and whether its key is present; never the key."""
        await self.finish({"hosts": self.hub.registry.hosts()})


class CapabilitiesHandler(Handler):
    """`tokenwidgets/capabilities`."""

    @authenticated
    @authorized(action="read", resource=RESOURCE)
    async def get(self) -> None:
        """Version, limits and transports."""
        await self.finish({"version": version(), "transports": ["sse", "ws", "webrtc"], "limits": self.app.limits(), "now": self.app.now_us()})
