"""The gateway: other vendors' APIs on this server, over all of its hosts, with the Jupyter token as the one key.

Authentication, authoriser, XSRF and origin rules are Jupyter's own, as everywhere here. What differs is what a client of such an API
expects: its key in its own header, every refusal in its own form, and a stream that ends when the client leaves.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from hmac import compare_digest
from typing import Any

from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from tokenwidgets.errors import Refused
from tokenwidgets.events import CONTENT, TERMINAL, Error, ErrorCode
from tokenwidgets.facades.base import Facade, Head, Reply, failed, lifted
from tokenwidgets.facades.chat import ChatFacade
from tokenwidgets.facades.messages import MessagesFacade
from tokenwidgets.facades.models import listed, model_of
from tokenwidgets.facades.verbatim import Verbatim
from tokenwidgets.generation import Stream
from tokenwidgets.providers.http import HttpProvider
from tokenwidgets.providers.registry import OWN_OPTIONS
from tokenwidgets.request import Request, split_model
from tokenwidgets.runtime import TICKET_HEADER

from .base import Handler, guarded
from .streams import EventStream

HEAD_SECONDS = 45.0
"""Longest wait for the first content: a failure before it has a status of its own. Proxies give up on a silent answer after a minute."""

_KEY_SCHEMES = ("bearer ", "token ")

_KEY_PROTOCOL = "openai-insecure-api-key."
"""Before the key in a subprotocol, in which OpenAI's clients in a browser send it: they cannot set a header of a WebSocket."""

WRONG_KEY = "The key is missing or wrong: it is this Jupyter server's token, which 'jupyter server list' shows."


class Gateway(Handler):
    """What every path below `tokenwidgets/v1` does."""

    @property
    def facade(self) -> Facade:
        """In whose form the answer is."""
        return ChatFacade()

    @cached_property
    def request_id(self) -> str:
        """For the client to quote."""
        return f"req_{secrets.token_hex(12)}"

    def set_default_headers(self) -> None:
        """Also on errors, for which tornado starts anew."""
        super().set_default_headers()
        self.set_header(self.facade.request_id_header, self.request_id)

    async def prepare(self) -> None:  # type: ignore[override]
        """Put the key where Jupyter looks for its token."""
        self._key_given = _take_key(self.request.headers)
        self._take_ticket()
        await super().prepare()
        if self._key_wrong:
            raise HTTPError(401, WRONG_KEY)

    def _take_ticket(self) -> None:
        """A kernel's ticket is as good a key as Jupyter's token, here: a notebook need not know the token to use an SDK."""
        _, _, key = self.request.headers.get("Authorization", "").partition(" ")
        if compare_digest(key.strip().encode(), self.app.ticket.encode()):
            self.request.headers[TICKET_HEADER] = key.strip()
            del self.request.headers["Authorization"]
            self._key_given = False

    @property
    def _key_wrong(self) -> bool:
        """A cookie does not make up for it: its client would not learn that the key is wrong."""
        return self._key_given and not self.token_authenticated and self.identity_provider.auth_enabled

    def check_xsrf_cookie(self) -> None:
        """Jupyter asks for the cookie of a page before it asks who is calling. A client with a wrong key, or none, is told of the key."""
        if hasattr(self, "_jupyter_current_user") and (self._key_wrong or not self.current_user):
            raise HTTPError(401, WRONG_KEY)
        super().check_xsrf_cookie()

    def get_login_url(self) -> str:
        """Asked for where nobody is logged in."""
        raise HTTPError(401, WRONG_KEY)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Everything that tornado or Jupyter refuses, in the façade's form."""
        cause = kwargs.get("exc_info", (None, None))[1]
        said = cause.log_message if isinstance(cause, HTTPError) else None
        code: ErrorCode = _CODES.get(status_code) or ("bad_request" if status_code < 500 else "internal")
        self._fail(Error(code, said or f"The server answered status {status_code}."), status_code)

    async def refuse(self, refusal: Refused) -> None:
        """See `Handler.refuse`."""
        self._fail(refusal.event())

    def _fail(self, error: Error, given: int | None = None) -> None:
        """Answer with a failure, in the façade's status unless one is given."""
        known, body = self.facade.failure(replace(error, status=given or error.status), self.request_id)
        status = given or known
        self.set_status(status)
        if status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        if error.retry_after is not None:
            self.set_header("Retry-After", str(math.ceil(error.retry_after)))
        self.finish(json.dumps(body))


_CODES: Mapping[int, ErrorCode] = {401: "auth", 403: "auth", 404: "not_found"}


def _take_key(headers: HTTPHeaders) -> bool:
    """Let Jupyter see a key as its token; whether there is one. Anthropic's clients may send it in a header of their own."""
    key = _out_of_protocols(headers) or headers.get("x-api-key")
    if headers.get("Authorization", "").lower().startswith(_KEY_SCHEMES):
        return True
    if key:
        headers["Authorization"] = f"token {key}"
    return bool(key)


def _out_of_protocols(headers: HTTPHeaders) -> str:
    """The key among the subprotocols, which is taken from them: what is offered may be repeated in the answer."""
    offered = [name.strip() for name in headers.get("Sec-WebSocket-Protocol", "").split(",")]
    keys = [name for name in offered if name.startswith(_KEY_PROTOCOL)]
    if not keys:
        return ""
    headers["Sec-WebSocket-Protocol"] = ", ".join(name for name in offered if name not in keys)
    return keys[0].removeprefix(_KEY_PROTOCOL)


class GatewayModelsHandler(Gateway):
    """`tokenwidgets/v1/models`, for the clients of both vendors: the fields of their lists do not collide."""

    @property
    def facade(self) -> Facade:
        """The header is what Anthropic's clients send with every call."""
        return MessagesFacade() if "anthropic-version" in self.request.headers else ChatFacade()

    @guarded("read")
    async def get(self) -> None:
        """Every model that can be named now."""
        await self.finish(json.dumps(listed(await self.hub.registry.models())))


class GatewayModelHandler(GatewayModelsHandler):
    """`tokenwidgets/v1/models/{host/model}`."""

    @guarded("read")
    async def get(self, model: str) -> None:
        """One model."""
        found = next((m for m in await self.hub.registry.models() if m["id"] == model), None)
        if found is None:
            raise Refused("not_found", f"There is no model {model!r} here: 'models' lists those there are.")
        await self.finish(json.dumps(model_of(found)))


class UnservedHandler(GatewayModelsHandler):
    """Every other path of those APIs."""

    @guarded("read")
    async def get(self, path: str) -> None:
        """Say that it is not served."""
        raise _unserved(path)

    @guarded("execute")
    async def post(self, path: str) -> None:
        """See `get`."""
        raise _unserved(path)


def _unserved(path: str) -> Refused:
    return Refused("bad_request", f"'v1/{path}' is not served here: models, chat/completions, responses, realtime and messages are.", 404)


class Generate(Gateway, EventStream):
    """A path that generates."""

    @guarded("execute")
    async def post(self) -> None:
        """Start a stream and answer with it, or with all of it at once. It ends here if the client leaves."""
        body = self.body_mapping()
        stream, reply = self.start(body)
        self.keep_alive = self.facade.keep_alive
        try:
            with stream.attached("gateway"):
                await self._answer(stream, reply, bool(body.get("stream")))
        except StreamClosedError:
            pass
        finally:
            if stream.running:
                await self.hub.stop(stream)

    def body_mapping(self) -> Mapping[str, Any]:
        """The request's body, which is an object.

        Raises
        ------
        Refused : it is none, or as in `body_json`.
        """
        body = self.body_json()
        if not isinstance(body, Mapping):
            raise Refused("bad_request", "The body of the request is a JSON object.")
        if not isinstance(body.get("stream"), bool | None):
            raise Refused("bad_request", "'stream' is true or false.")
        return body

    def passed_headers(self) -> Mapping[str, str]:
        """Headers of the client's that go with a request which goes on as it came."""
        return {k: v for k in self.facade.passed_headers if (v := self.request.headers.get(k))}

    def start(self, body: Mapping[str, Any]) -> tuple[Stream, Reply]:
        """Start a stream for a request in the façade's form.

        Raises
        ------
        Refused : it is none, or cannot be carried out; nothing was sent.
        """
        request = self._request(body)
        call = self.hub.registry.resolve(request)
        if isinstance(call.provider, HttpProvider) and self._verbatim(request):
            call.provider.dialect = Verbatim(call.provider.dialect, self.native_body(body, request), self.passed_headers())
        stream = self.hub.begin(call, self.owner)
        return stream, self.facade.reply(body, Head(stream.id, request.model, int(stream.created)))

    def _request(self, body: Mapping[str, Any]) -> Request:
        """Our request: in the façade's own wire format where the host can say it so, with the host's own options among the others."""
        host = self._host(body.get("model"))
        ours = self.ours(body, host)
        ours["messages"] = self._recalled(ours.get("messages"), host)
        ours["options"] = lifted(ours["options"], OWN_OPTIONS.get(host, ())) | {"retries": 0}  # the vendors' SDKs try again themselves
        if host == "sim" or self._says(host, ours["options"]):
            ours["dialect"] = self.facade.dialect
        return self.hub.registry.request(ours)

    def _recalled(self, messages: Any, host: str) -> Any:
        """The messages with what the client could not send back; what are none is for others to refuse."""
        proper = isinstance(messages, list) and all(isinstance(message, Mapping) for message in messages)
        return self.app.recall.restored(messages, host, self.owner) if proper else messages

    def _says(self, host: str, options: Mapping[str, Any]) -> bool:
        """Whether a host takes a request in the façade's format: some speak a part of it only."""
        if not self._speaks(host):
            return False
        return self.hub.registry.config().hosts[host].profile.native_format or "response_format" not in options

    def _host(self, model: Any) -> str:
        """The host of a model, if one is named. To a façade's client a name without a host is a model that does not exist."""
        try:
            return split_model(self.hub.registry.config().model(model))[0] if isinstance(model, str) else ""
        except Refused as e:
            raise Refused("not_found", e.message) from None

    def _speaks(self, host: str) -> bool:
        hosts = self.hub.registry.config().hosts
        return host in hosts and self.facade.dialect in hosts[host].dialects

    def _native(self, host: str) -> bool:
        """Whether requests need no translation. Chat completions do: they are our form, and a host's quirks are for us to know."""
        return self.facade.dialect != ChatFacade.dialect and self._speaks(host)

    def _verbatim(self, request: Request) -> bool:
        """Whether a request goes on as it came."""
        return self._native(request.host) and request.dialect == self.facade.dialect

    def ours(self, body: Mapping[str, Any], host: str) -> dict[str, Any]:
        """The body in our form; of one that goes on as it came, at least what our own checks need."""
        try:
            return self.facade.request(body)
        except Refused:
            if not self._native(host):
                raise
            return {"model": body["model"], "messages": [{"role": "user", "content": ""}], "options": {}}

    def native_body(self, body: Mapping[str, Any], request: Request) -> Mapping[str, Any]:
        """The body for a host that speaks the façade's format."""
        return body

    async def _answer(self, stream: Stream, reply: Reply, streamed: bool) -> None:
        self.set_header("X-Tokenwidgets-Stream", stream.id)
        await self._until(stream, TERMINAL + CONTENT if streamed else TERMINAL, HEAD_SECONDS if streamed else None)
        last = stream.journal.terminal
        error = failed(last.event) if last else None
        if error and not (streamed and any(isinstance(e.event, CONTENT) for e in stream.journal.entries)):
            self._fail(error)
        elif streamed:
            await self._stream(stream, reply)
        elif last:
            await self.finish(json.dumps(reply.whole(e.event for e in stream.journal.entries)))

    async def _until(self, stream: Stream, kinds: tuple[type, ...], seconds: float | None) -> None:
        """Wait for an event of some kinds, the client's departure, or the end of patience."""
        seen = 0
        try:
            async with asyncio.timeout(seconds):
                while not self._gone.is_set():
                    fresh = stream.journal.entries[seen:]
                    if any(isinstance(entry.event, kinds) for entry in fresh):
                        return
                    seen += len(fresh)
                    await self._news(stream, seen - 1, None)
        except TimeoutError:
            pass

    async def _stream(self, stream: Stream, reply: Reply) -> None:
        """Send what the reply makes of the events, as they come."""
        self._set_head()
        after = -1
        while not self._gone.is_set():
            if batch := stream.journal.batch(after):
                after = batch[-1].seq
                if data := b"".join(reply.encode(entry.event) for entry in batch):
                    self.write(data)
                    await self.flush()
                if batch[-1].terminal:
                    return
            else:
                await self._more(stream, after)


class ChatHandler(Generate):
    """`tokenwidgets/v1/chat/completions`."""
