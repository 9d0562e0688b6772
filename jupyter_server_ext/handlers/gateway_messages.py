"""`tokenwidgets/v1/messages`, and the count of tokens that Anthropic's clients ask for beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tokenwidgets.errors import Refused
from tokenwidgets.events import Error, Event, Usage
from tokenwidgets.facades.base import Facade
from tokenwidgets.facades.count import Counting
from tokenwidgets.facades.messages import MessagesFacade
from tokenwidgets.providers.base import Direction, Provider
from tokenwidgets.providers.http import HttpProvider
from tokenwidgets.providers.local import LocalProvider
from tokenwidgets.request import Request

from .base import guarded
from .gateway import Generate


class MessagesHandler(Generate):
    """`tokenwidgets/v1/messages`."""

    @property
    def facade(self) -> Facade:
        """Anthropic's."""
        return MessagesFacade()


class CountTokensHandler(MessagesHandler):
    """`tokenwidgets/v1/messages/count_tokens`: the host's own figure, or none. It is no generation, so it has no journal."""

    @guarded("execute")
    async def post(self) -> None:
        """Ask the host."""
        body = self.body_mapping()
        provider, request = self._counter(body)
        told = _Told()
        await provider.run(request, told)
        if isinstance(told.last, Usage):
            await self.finish(json.dumps({"input_tokens": told.last.input}))
        else:
            self._fail(told.last)

    def _counter(self, body: Mapping[str, Any]) -> tuple[Provider, Request]:
        """Who counts, and what it is asked.

        Raises
        ------
        Refused : the host has none, or as in `start`.
        """
        request = self._request(body)
        dialect = self.facade.dialect if self._speaks(request.host) else None
        call = self.hub.registry.resolve(replace(request, dialect=dialect))
        if dialect is None or not isinstance(call.provider, HttpProvider | LocalProvider):
            raise Refused(
                "not_found", f"{call.host} counts no tokens in Anthropic's format, and none are made up: generate, and read 'usage'."
            )
        call.provider.dialect = Counting(call.provider.dialect, body, self.passed_headers())
        return call.provider, call.request


class _Told:
    """A sink that keeps what was counted, or why it was not."""

    def __init__(self) -> None:
        self.last: Usage | Error = Error("internal", "The host gave no count.")

    def now(self) -> int:
        """See `Sink.now`."""
        return time.perf_counter_ns() // 1000

    def emit(self, event: Event, at: int | None = None) -> None:
        """See `Sink.emit`."""
        if isinstance(event, Usage | Error):
            self.last = event

    def frame(self, data: bytes, at: int, direction: Direction = "in") -> None:
        """See `Sink.frame`. Nobody inspects it."""
