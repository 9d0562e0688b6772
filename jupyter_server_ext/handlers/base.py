"""What every endpoint shares: who is calling, what they may do, how a refusal is answered.

Two kinds of callers. Pages and programs come with Jupyter's own credentials and go through its authentication, authoriser, XSRF and
origin rules. Kernels come with a ticket, which is good for these endpoints only.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import wraps
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Literal, cast

from jupyter_core.utils import ensure_async
from jupyter_server.auth import AllowAllAuthorizer, IdentityProvider, PasswordIdentityProvider, User
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado.web import HTTPError, authenticated

from tokenwidgets.errors import Refused
from tokenwidgets.hub import KERNEL, Hub
from tokenwidgets.runtime import TICKET_HEADER

if TYPE_CHECKING:
    from ..app import TokenWidgetsApp

RESOURCE = "tokenwidgets"
SERVER = "server"
"""The one owner of everything where Jupyter does not tell users apart."""


class _TicketIdentity(IdentityProvider):
    """The identity of a kernel that showed its ticket."""

    def get_user(self, handler: Any) -> User:
        return User(username=KERNEL)

    def is_token_authenticated(self, handler: Any) -> bool:
        return True

    def should_check_origin(self, handler: Any) -> bool:
        return False


class TicketMixin(JupyterHandler):
    """Lets a kernel's ticket pass, and only here.

    The properties `identity_provider` and `authorizer` are what Jupyter's own checks ask, so a request with a good ticket passes them
    all, and one without goes its usual way.
    """

    _ticket = False

    @property
    def app(self) -> TokenWidgetsApp:
        """The extension."""
        return cast("TokenWidgetsApp", self.settings["tokenwidgets.app"])

    @property
    def hub(self) -> Hub:
        """The server's streams."""
        return self.app.hub

    @property
    def identity_provider(self) -> IdentityProvider:
        """Jupyter's, or ours for a ticket."""
        provider = super().identity_provider
        return _TicketIdentity(parent=provider.parent, log=provider.log) if self._ticket else provider

    @property
    def authorizer(self) -> Any:
        """Jupyter's, or for a ticket one that allows these endpoints."""
        return AllowAllAuthorizer() if self._ticket else super().authorizer

    def prepare(self, **kwargs: Any) -> Any:
        """Look for a ticket before Jupyter's own checks run."""
        given = self.request.headers.get(TICKET_HEADER, "")
        self._ticket = bool(given) and compare_digest(given.encode(), self.app.ticket.encode())
        self._token_authenticated = self._ticket
        return super().prepare(**kwargs)

    @property
    def owner(self) -> str:
        """Whose streams the caller may reach."""
        if type(super().identity_provider) in (IdentityProvider, PasswordIdentityProvider):
            return SERVER  # these give every token request a new random name
        return KERNEL if self._ticket else f"user:{self.current_user.username}"

    async def allowed(self, action: str) -> None:
        """Ask the authoriser.

        Raises
        ------
        HTTPError : 403, the caller may not do this.
        """
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, RESOURCE)):
            raise HTTPError(403, "You are not allowed to do this with tokenwidgets.")


class Handler(TicketMixin, APIHandler):
    """Base of the HTTP endpoints: JSON in, JSON out, refusals in one shape."""

    async def prepare(self) -> None:  # type: ignore[override]
        """Jupyter's checks, and small writes that leave at once."""
        await super().prepare()
        # Tornado leaves Nagle's algorithm on; over a real network it would hold back every second token.
        self.request.connection.stream.set_nodelay(True)  # type: ignore[union-attr]

    def body_json(self) -> Any:
        """The request's body.

        Raises
        ------
        Refused : it is too large, or no JSON. Its text is not quoted or logged: it may hold a prompt.
        """
        if len(self.request.body) > self.app.message_bytes:
            raise Refused("limit", f"The body of a request may hold {self.app.message_bytes} bytes.", 413)
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise Refused("bad_request", "The body of the request is not JSON.") from None

    async def refuse(self, refusal: Refused) -> None:
        """Answer with a refusal."""
        self.set_status(refusal.status)
        await self.finish(json.dumps(refusal.body()))


Method = Callable[..., Awaitable[None]]


def guarded(action: Literal["read", "write", "execute"]) -> Callable[[Method], Method]:
    """The guard of every method: Jupyter's authentication, its authoriser, and refusals answered in one shape.

    Parameters
    ----------
    action : what the authoriser is asked for. What costs money is `execute`, whatever the HTTP method.
    """

    def decorate(method: Method) -> Method:
        return cast(Method, authenticated(authorized(action=action, resource=RESOURCE)(_answering_refusals(method))))

    return decorate


def _answering_refusals(method: Method) -> Method:
    """Let a method raise `Refused`, which tornado would answer with 500."""

    @wraps(method)
    async def inner(self: Handler, *args: Any, **kwargs: Any) -> None:
        try:
            await method(self, *args, **kwargs)
        except Refused as e:
            await self.refuse(e)

    return inner
