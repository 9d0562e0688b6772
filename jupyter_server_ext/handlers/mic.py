"""The microphone in a page of its own, for where a notebook's page has none: VS Code, Colab's frames, an address that is not secure."""

from __future__ import annotations

import secrets
from functools import cached_property

from jupyter_server.base.handlers import JupyterHandler

from tokenwidgets.markup import Html, tag
from tokenwidgets.realtime.session import default_model
from tokenwidgets.widgets.base import STATIC

from .base import Handler, guarded

NAME_CHARACTERS = 256
"""The longest name of a model, or id of a session, that is written into the page."""

JOINS = "It speaks in the session of your notebook, which shows the same words."
OWN = "Nothing is sent before you press the button. Each press begins a new conversation."


class MicHandler(Handler):
    """`tokenwidgets/mic`."""

    @guarded("read")
    async def get(self) -> None:
        """The page, which speaks in the session `?stream=`, else in ones of its own with `?model=`; none begins before it is told to."""
        stream = self._named("stream")
        self.set_header("Permissions-Policy", "microphone=(self)")
        self.set_header("Cache-Control", "no-store")
        self.xsrf_token  # noqa: B018 (sets the cookie, without which the page may begin nothing)
        place = tag(
            "div",
            data_tokenwidgets="mic",
            data_model=self._named("model") or default_model(),
            data_hands_free=self._true("hands_free"),
            data_interrupt=self._true("interrupt"),
            **({"data_stream": stream} if stream else {}),
        )
        await self.finish(_page(self.base_url, self._nonce, JOINS if stream else OWN, place), set_content_type="text/html; charset=utf-8")

    def _true(self, argument: str) -> str:
        return "false" if self.get_query_argument(argument, "") == "false" else "true"

    def _named(self, argument: str) -> str:
        return self.get_query_argument(argument, "")[:NAME_CHARACTERS]

    @cached_property
    def _nonce(self) -> str:
        return secrets.token_urlsafe(16)

    @property
    def content_security_policy(self) -> str:
        """Nothing but the page's own script and style, the endpoints beside it, and the audio thread's module."""
        assets = f"{self.request.host}{self.base_url}tokenwidgets/assets/"
        return (
            f"default-src 'none'; script-src 'nonce-{self._nonce}' {assets}; style-src 'nonce-{self._nonce}'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    def get_login_url(self) -> str:
        """A person opens this page: who is not known yet is led to the login, not refused as a program is."""
        return JupyterHandler.get_login_url(self)


def _page(base_url: str, nonce: str, what: str, place: Html) -> str:
    style, script = ((STATIC / f"companion.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    head = [
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width">'),
        tag("title", "Microphone: tokenwidgets"),
        tag("style", Html(style), nonce=nonce),
    ]
    body = [
        tag("main", tag("h1", "Microphone"), tag("p", what, class_="tw-what"), tag("noscript", "This page needs its script."), place),
        tag("script", Html(script), nonce=nonce, type="module"),
    ]
    return "<!DOCTYPE html>\n" + tag("html", tag("head", *head), tag("body", *body, data_base_url=base_url), lang="en")
