"""`tokenwidgets/v1/realtime`: OpenAI's realtime protocol in front of any host that holds voice sessions.

Over a WebSocket, or over WebRTC by way of `realtime/calls`; a call can be joined over a WebSocket with `?call_id=`. A page that is not to
have the server's token is given a key of `realtime/client_secrets`. A page of another origin reaches these paths only where Jupyter lets
it (`ServerApp.allow_origin`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError
from tornado.websocket import WebSocketHandler

from tokenwidgets.dialects.untrusted import mapping, parse
from tokenwidgets.errors import Refused
from tokenwidgets.facades.realtime import Conversation
from tokenwidgets.facades.realtime_response import Frame
from tokenwidgets.facades.realtime_secrets import PREFIX, ClientSecret, life
from tokenwidgets.facades.realtime_session import Session
from tokenwidgets.generation import Stream
from tokenwidgets.providers.registry import Call
from tokenwidgets.runtime import TICKET_HEADER

from .base import guarded
from .gateway import Gateway
from .gateway_socket import GatewaySocket
from .links import as_text
from .realtime_connection import Connection
from .rtc import SDP_BYTES

if TYPE_CHECKING:
    from .peer_call import PeerCall

CALL = "rtc_"
"""Before the id of a call over WebRTC, which is its stream's."""

DIALECT = "openai-realtime"
"""Hosts that speak it have OpenAI's voices."""


class Realtime(Gateway):
    """What these paths share: how a session is begun."""

    def begun(self, call: Call, session: Session, sound: bool = True) -> tuple[Stream, Conversation]:
        """Begin a session. Raises `Refused` where a limit is reached."""
        stream = self.hub.begin(call, self.owner)
        return stream, Conversation(stream.id, call.request.model, session, stream.take, call.dialect == DIALECT, sound)

    def checked(self, model: Any, body: Any) -> tuple[Call, Session]:
        """The call that a session object asks for.

        Raises
        ------
        Refused : there is no such model, it holds no voice sessions, or something else is wrong.
        """
        if not isinstance(model, str) or not model:
            raise Refused("bad_request", "A session needs a model: '?model=host/model', such as local/voice.")
        registry = self.hub.registry
        call = registry.resolve(registry.request({"model": model, "session": {}}))
        session = Session().changed(body, call.dialect == DIALECT)
        return registry.resolve(registry.request({"model": model, **session.request()})), session


class Begins(Realtime):
    """A path that begins sessions, for which a client secret is a key too."""

    _secret: ClientSecret | None = None

    def _take_ticket(self) -> None:
        super()._take_ticket()
        _, _, key = self.request.headers.get("Authorization", "").partition(" ")
        if not key.strip().startswith(PREFIX):
            return
        self._secret = self.app.client_secrets.get(key.strip())
        if self._secret is None:
            raise HTTPError(401, "This client secret has expired, or is none of this server's: make another.")
        self.request.headers[TICKET_HEADER] = self.app.ticket
        del self.request.headers["Authorization"]
        self._key_given = False

    @property
    def owner(self) -> str:
        """See `TicketMixin.owner`; a client secret's is who made it."""
        return self._secret.owner if self._secret else super().owner

    def asked(self, body: Mapping[str, Any]) -> tuple[Call, Session]:
        """The call for what is asked: of a client secret that names a model, no other; else the session object's, or the query's."""
        minted = self._secret.session if self._secret else {}
        model = minted.get("model") or body.get("model") or self.get_query_argument("model", None)
        return self.checked(model, {**minted, **body})


class RealtimeHandler(Begins, GatewaySocket):
    """`tokenwidgets/v1/realtime`."""

    _asked: tuple[Call, Session]
    _connection: Connection | None = None
    _call: PeerCall | None = None

    @guarded("execute")
    async def get(self) -> None:  # type: ignore[override]
        """Open the socket, for a model that holds voice sessions, or for a call that is under way."""
        self.check_upgrade("This path is opened as a WebSocket.")
        if self.get_query_argument("intent", None) is not None:
            raise Refused("bad_request", "'intent' is not served here: begin a session with '?model=host/model'.")
        if call := self.get_query_argument("call_id", None):
            self._call = self._under_way(call)
        else:
            self._asked = self.asked({})
        await WebSocketHandler.get(self)

    def _under_way(self, call: str) -> PeerCall:
        """A call of the caller's. Raises `Refused` where it has ended, or there was none."""
        stream = self.hub.get(call.removeprefix(CALL), self.owner)
        if stream.id not in self.app.rtc.calls:
            raise Refused("not_found", "There is no such call here: it has ended.")
        return self.app.rtc.calls[stream.id]

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin the session, or join the call; small messages leave at once."""
        self.set_nodelay(True)
        self.app.open_sockets += 1
        if self._call is not None:
            self._call.join(self._send, self.close)
            return
        try:
            stream, conversation = self.begun(*self._asked)
        except Refused as e:
            self.app.open_sockets -= 1
            self.close(1013, e.message[:100])
            return
        self._connection = Connection(self.hub, stream, conversation, self.close)
        self._connection.join(self._send)

    def _send(self, frame: Frame) -> asyncio.Future[None]:
        written = self.write_message(json.dumps(frame))
        written.add_done_callback(_looked_at)
        return written

    async def on_message(self, message: str | bytes) -> None:
        """Carry out what the client asks; its next message is read when it has taken the answer to this one."""
        place = self._call or self._connection
        if place is not None and (told := place.receive(as_text(message))):
            await asyncio.wait([told])

    def on_close(self) -> None:
        """The client left: its session ends; a call that it joined goes on."""
        if self._call is not None:
            self.app.open_sockets -= 1
            self._call.leave(self._send)
        elif self._connection is not None:
            self.app.open_sockets -= 1
            self._connection.close()
        self._call = self._connection = None


def _looked_at(written: asyncio.Future[None]) -> None:
    """What did not reach a client that left is nothing to report."""
    if not written.cancelled():
        written.exception()


class ClientSecretsHandler(Realtime):
    """`tokenwidgets/v1/realtime/client_secrets`."""

    @guarded("execute")
    async def post(self) -> None:
        """Make a key for sessions like the one that is given."""
        body = mapping(self.body_json())
        given = mapping(body.get("session"))
        session = Session().changed(given)
        if given.get("model") is not None:
            _, session = self.checked(given["model"], given)
        made = self.app.client_secrets.mint(self.owner, given, life(body.get("expires_after")))
        told = session.body(f"sess_{self.request_id}", str(given.get("model") or ""), made.expires_at)
        await self.finish(json.dumps({"value": made.value, "expires_at": made.expires_at, "session": told}))


class CallsHandler(Begins):
    """`tokenwidgets/v1/realtime/calls`."""

    @guarded("execute")
    async def post(self) -> None:
        """Answer an offer: its text as the body, or a form with the parts `sdp` and `session`."""
        sdp, body = self._offer
        if len(sdp) > SDP_BYTES:
            raise Refused("bad_request", f"An offer has at most {SDP_BYTES} characters.")
        stream, conversation = self.begun(*self.asked(body), sound=False)
        try:
            answer = await self.app.rtc.call(sdp, self.hub, stream, conversation)
        except Refused:
            await self.hub.stop(stream)
            raise
        self.set_status(201)
        self.set_header("Content-Type", "application/sdp")
        self.set_header("Access-Control-Expose-Headers", "Location")
        self.set_header("Location", f"{self.request.path.rstrip('/')}/{CALL}{stream.id}")
        await self.finish(answer)

    @cached_property
    def _offer(self) -> tuple[str, Mapping[str, Any]]:
        if not self.request.headers.get("Content-Type", "").startswith("multipart/form-data"):
            return self.request.body.decode("utf-8", "replace"), {}
        try:
            return self._part("sdp"), mapping(parse(self._part("session") or "{}"))
        except ValueError:
            raise Refused("bad_request", "The part 'session' is a JSON object.") from None

    def _part(self, name: str) -> str:
        """A part of the form, with a file name or without."""
        if files := self.request.files.get(name):
            return as_text(files[0]["body"])
        return as_text(self.request.body_arguments.get(name, [b""])[0])


class HangupHandler(Realtime):
    """`tokenwidgets/v1/realtime/calls/{id}/hangup`."""

    @guarded("execute")
    async def post(self, call: str) -> None:
        """End a call."""
        await self.hub.stop(self.hub.get(call.removeprefix(CALL), self.owner))
        await self.finish()
