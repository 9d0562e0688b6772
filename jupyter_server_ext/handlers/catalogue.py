"""What there is: models, hosts, and what this server can do. All cost nothing."""

from __future__ import annotations

from tokenwidgets.runtime import version

from .base import Handler, guarded


class ModelsHandler(Handler):
    """`tokenwidgets/models`."""

    @guarded("read")
    async def get(self) -> None:
        """Every model that can be named now."""
        await self.finish({"models": await self.hub.registry.models()})


class HostsHandler(Handler):
    """`tokenwidgets/hosts`."""

    @guarded("read")
    async def get(self) -> None:
        """Every host, and whether its key is present; never the key."""
        await self.finish({"hosts": self.hub.registry.hosts()})


class CapabilitiesHandler(Handler):
    """`tokenwidgets/capabilities`."""

    @guarded("read")
    async def get(self) -> None:
        """Version, limits and how much of them is used, and transports."""
        await self.finish(
            {
                "version": version(),
                "transports": ["sse", "ws", "webrtc", "webrtc-ordered", "webrtc-unordered"],
                "limits": self.app.limits(),
                "used": self.app.used(),
                "now": self.app.now_us(),
            }
        )
