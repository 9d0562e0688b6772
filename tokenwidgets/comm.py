"""The comm as one more link: a widget's custom messages carry the socket's protocol.

Jupyter drops what a kernel sends beyond 1,000 messages a second over all its widgets. So all widgets of this kernel share one pacer:
while a widget waits for its turn its events gather, and go in one message. A page that misses one sees the gap and attaches again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import TYPE_CHECKING, Any

from .errors import Refused
from .journal import Journal
from .multiplex import Multiplexer
from .portal import portal
from .providers.pace import Sleep
from .wire.messages import message

if TYPE_CHECKING:
    from .result import Result
    from .widgets.stream import TokenStream

MESSAGES_PER_SECOND = 60
"""The most the whole kernel sends over its widgets."""


class Pacer:
    """Hands out turns at a bounded rate, in the order of asking.

    Parameters
    ----------
    rate : turns a second.
    now, sleep : the clock, in seconds.
    """

    def __init__(self, rate: float, now: Callable[[], float] = monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._gap = 1 / rate
        self._now = now
        self._sleep = sleep
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for a turn."""
        now = self._now()
        due = max(now, self._next)
        self._next = due + self._gap
        await self._sleep(due - now)


_pacer = Pacer(MESSAGES_PER_SECOND)


class _CommLink:
    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send

    async def ready(self) -> None:
        await _pacer.turn()

    def send(self, data: bytes) -> None:
        self._send(json.loads(data))


class _Copy:
    """The kernel's copy of a stream, to be read like any other."""

    def __init__(self, result: Result) -> None:
        self.id = result.stream
        self.journal: Journal = result.journal

    def attached(self) -> AbstractContextManager[None]:
        return nullcontext()


class _OneStream:
    """What a widget may reach over its comm: the stream it shows, and no other."""

    def __init__(self, result: Result) -> None:
        self._result = result

    async def start(self, request: Any) -> _Copy:
        raise Refused("bad_request", "A widget shows a stream; it does not start one.")

    async def get(self, stream_id: str) -> _Copy:
        if stream_id != self._result.stream:
            raise Refused("not_found", "This widget shows another stream.")
        return _Copy(self._result)

    async def stop(self, stream_id: str) -> None:
        await self._result.stopping()


class Comm:
    """Answers a widget's messages from the kernel's copy of its stream.

    Messages arrive on whatever thread the front end's subshell has; they are handed to the portal at once.

    Parameters
    ----------
    widget, result : who asks, and about what.
    shown : told, on the portal's thread, when a page began or ceased to show the widget.
    """

    def __init__(self, widget: TokenStream, result: Result, shown: Callable[[bool], None]) -> None:
        self._widget = widget
        self._result = result
        self._shown = shown
        self._multiplexer = Multiplexer(_OneStream(result), _CommLink(widget.send))
        widget.on_msg(self._received)
        _leave_subshells(widget)

    def _received(self, _: Any, content: Any, __: Any) -> None:
        match content:
            case {"op": "attached", "transport": str(transport), "why": str(why)}:
                self._result.transport, self._result.why = transport, why
                portal().loop.call_soon_threadsafe(self._shown, True)
            case {"op": "left"}:
                portal().loop.call_soon_threadsafe(self._shown, False)
            case {"op": "stop"}:
                portal().submit(self._result.stopping())  # also a stream whose start is being answered just now, and has no id yet
            case _:
                portal().submit(self._multiplexer.receive(json.dumps(content)))

    def started(self) -> None:
        """The stream has its id. Where the page has no other way, it is not waited for to ask: in front ends without subshells its
        question would be heard only when the cell that waits for the stream has ended.
        """
        if self._result.gateway.place == "kernel":
            self._result.transport, self._result.why = "comm", self._result.gateway.why
        if self._result.transport == "comm":
            portal().submit(self._multiplexer.receive(message("attach", stream=self._result.stream, after=-1).decode()))

    def close(self) -> None:
        """Hear and send nothing more."""
        self._widget.on_msg(self._received, remove=True)
        portal().submit(self._multiplexer.aclose())


def _leave_subshells(widget: TokenStream) -> None:
    """Let messages go to the subshell the front end sends them to.

    ipykernel 7.4 sends them to the shell that made the widget instead. That is the one whose cell waits for the stream, so Stop would be
    heard when there is nothing left to stop. Its route is a method of the comm, which is told to keep what the front end chose.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda data, default: default
