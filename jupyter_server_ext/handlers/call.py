"""A page that is to speak with a session's provider itself: what it needs for that, and never our key."""

from __future__ import annotations

from tokenwidgets.errors import Refused

from .base import Handler, guarded


class CallHandler(Handler):
    """`tokenwidgets/streams/{id}/call`."""

    @guarded("execute")
    async def post(self, stream_id: str) -> None:
        """Have the provider make a short-lived secret, `{"value", "expires_at", "url"}`, with which the page begins a call at `url`.

        When the call stands, the page gives the session its name, as an input `join`.
        """
        stream = self.hub.get(stream_id, self.owner)
        if stream.inputs is None or not stream.running:
            raise Refused("bad_request", "Only a voice session that has not ended can be moved to a call.")
        secret = await self.hub.registry.client_secret(stream.call.request)
        self.set_header("Cache-Control", "no-store")
        await self.finish(dict(secret))
