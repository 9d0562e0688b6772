"""The comm as one more link: a widget's custom messages carry the socket's protocol.

Jupyter drops what a kernel sends beyond 1,000 messages a second over all its widgets. So all widgets of this kernel share one pacer:
while a widget waits for its turn its events gather, and go in one message. A page that misses one sees the gap and attaches again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from .errors import Refused
from .journal import Journal
from .multiplex import Multiplexer
from .portal import portal

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
    """

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for a turn."""
        now = asyncio.get_running_loop().time()
        due = max(now, self._next)
        self._next = due + self._gap
        await asyncio.sleep(due - now)


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


def connect(widget: TokenStream, result: Result, shown: Callable[[bool], None]) -> Callable[[], None]:
    """Answer a widget's messages from the kernel's copy of its stream; returns what ends it.

    Messages arrive on whatever thread the front end's subshell has; they are handed to the portal at once.

    Parameters
    ----------
    widget, result : who asks, and about what.
    shown : told, on the portal's thread, when a page began or ceased to show the widget.
    """
    multiplexer = Multiplexer(_OneStream(result), _CommLink(widget.send))

    def received(_: Any, content: Any, __: Any) -> None:
        match content:
            case {"op": "attached", "transport": str(transport), "why": str(why)}:
                result.transport, result.why = transport, why
                portal().loop.call_soon_threadsafe(shown, True)
            case {"op": "left"}:
                portal().loop.call_soon_threadsafe(shown, False)
            case {"op": "stop"}:
                portal().submit(result.stopping())  # also a stream whose start is being answered just now, and has no id yet
            case _:
                portal().submit(multiplexer.receive(json.dumps(content)))

    widget.on_msg(received)
    _leave_subshells(widget)
    return lambda: _close(widget, received, multiplexer)


def _leave_subshells(widget: TokenStream) -> None:
    """Let messages go to the subshell the front end sends them to.

    ipykernel 7.4 sends them to the shell that made the widget instead. That is the one whose cell waits for the stream, so Stop would be
    heard when there is nothing left to stop. Its route is a method of the comm, which is told to keep what the front end chose.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda data, default: default


def _close(widget: TokenStream, received: Callable[..., None], multiplexer: Multiplexer) -> None:
    widget.on_msg(received, remove=True)
    portal().submit(multiplexer.aclose())
