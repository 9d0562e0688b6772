"""The comm as one more link: a widget's custom messages carry the socket's protocol, and questions with their answers.

A question is `{"op", …, "ask": ref}`, its answer `{"answer": ref, …}` or `{"answer": ref, "error": {…}}`. One that is asked twice, as its
answer did not come, is carried out once.

Jupyter drops what a kernel sends beyond 1,000 messages a second over all its widgets. So all widgets of this kernel share one pacer:
while a widget waits for its turn its events gather, and go in one message. A page that misses one sees the gap and attaches again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from .clients.base import Disconnected
from .errors import Refused
from .journal import Journal
from .multiplex import Multiplexer
from .portal import portal
from .providers.pace import Sleep
from .wire.messages import message

if TYPE_CHECKING:
    from .realtime.inputs import Input
    from .recording import Frame
    from .result import Result

MESSAGES_PER_SECOND = 60
"""The most the whole kernel sends over its widgets."""

WIRE_PART_BYTES = 262_144
"""Frames of one message: a page asks for the next ones when it has these."""

ANSWERS_KEPT = 16
"""Answers of a widget that can be given once more, to a page that missed them."""


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
    transport = "comm"

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
        self.clock = None

    def attached(self, transport: str) -> AbstractContextManager[None]:
        return nullcontext()


Answer: TypeAlias = Mapping[str, Any] | None
Operation: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Answer]]
"""Carries out a page's message, on the portal's loop; what it returns is the answer. Raises `Refused`."""


class Messenger(Protocol):
    """What a comm needs of a widget."""

    comm: Any

    def send(self, content: Any) -> None:
        """Send a custom message to the page."""
        ...

    def on_msg(self, callback: Callable[[Any, Any, Any], None], remove: bool = False) -> None:
        """Hear the page's custom messages."""
        ...


class _Shown:
    """What a widget may reach over its comm: the streams it shows, and no other."""

    def __init__(self, results: list[Result]) -> None:
        self._results = results

    def find(self, stream_id: Any) -> Result:
        for result in self._results:
            if stream_id == result.stream:
                return result
        raise Refused("not_found", "This widget shows another stream.")

    async def start(self, request: Any) -> _Copy:
        raise Refused("bad_request", "A widget shows a stream; it does not start one.")

    async def get(self, stream_id: str) -> _Copy:
        return _Copy(self.find(stream_id))

    async def input(self, stream_id: str, given: Input) -> None:
        result = self.find(stream_id)
        try:
            await result.gateway.input(result.stream, [given])
        except Disconnected as e:
            raise Refused("connection", str(e)) from None

    async def stop(self, stream_id: str) -> None:
        await self.find(stream_id).stopping()


class Comm:
    """Answers a widget's messages, from the kernel's copies of its streams.

    Messages arrive on whatever thread the front end's subshell has; they are handed to the portal at once.

    Parameters
    ----------
    widget : who asks.
    results : the streams it shows.
    operations : further messages it may send.
    """

    def __init__(self, widget: Messenger, results: Iterable[Result] = (), operations: Mapping[str, Operation] | None = None) -> None:
        self._widget = widget
        self._results = list(results)
        self._shown = _Shown(self._results)
        self._link = _CommLink(widget.send)
        self._multiplexer = Multiplexer(self._shown, self._link)
        self._operations: dict[str, Operation] = {"stop": self._stop, "wire": self._wire, **(operations or {})}
        self._answers: dict[str, Answer] = {}
        widget.on_msg(self._received)
        _leave_subshells(widget)

    def add(self, result: Result) -> None:
        """Answer for one more stream."""
        self._results.append(result)

    def remove(self, result: Result) -> None:
        """Answer for a stream no more."""
        self._results.remove(result)

    def push(self, result: Result) -> None:
        """Send a stream that the page has not asked for: in front ends without subshells its question would be heard only when the cell
        that waits for the stream has ended.
        """
        portal().submit(self._multiplexer.receive(message("attach", stream=result.stream, after=-1).decode()))

    def tell(self, content: Mapping[str, Any]) -> None:
        """Send the page a message of the widget's own, in its turn."""
        portal().submit(self._tell(content))

    def close(self) -> None:
        """Hear and send nothing more."""
        self._widget.on_msg(self._received, remove=True)
        portal().submit(self._multiplexer.aclose())

    def _received(self, _: Any, content: Any, __: Any) -> None:
        portal().submit(self._take(content))

    async def _take(self, content: Any) -> None:
        operation = self._operations.get(str(content.get("op"))) if isinstance(content, Mapping) else None
        if operation is None:
            await self._multiplexer.receive(json.dumps(content))
        elif not isinstance(ref := content.get("ask"), str):
            await _carried_out(operation, content)
        elif (answer := await self._once(ref, operation, content)) is not None:
            await self._tell({"answer": ref, **answer})

    async def _once(self, ref: str, operation: Operation, content: Mapping[str, Any]) -> Answer:
        """The answer to a question, which a page that hears nothing asks again; None while it is being carried out already."""
        if ref not in self._answers:
            self._answers[ref] = None
            while len(self._answers) > ANSWERS_KEPT:
                del self._answers[next(iter(self._answers))]
            self._answers[ref] = await _carried_out(operation, content)
        return self._answers[ref]

    async def turn(self) -> None:
        """Wait until one more message may be sent."""
        await self._link.ready()

    async def _tell(self, content: Mapping[str, Any]) -> None:
        await self._link.ready()
        self._link.send(json.dumps(content).encode())

    async def _stop(self, content: Mapping[str, Any]) -> None:
        """Also a stream whose start is being answered just now, and has no id yet."""
        stream = content.get("stream")
        await (self._shown.find(stream) if stream else self._results[0]).stopping()

    async def _wire(self, content: Mapping[str, Any]) -> Answer:
        """The upstream frames of a stream, as `GET streams/{id}/wire` gives them, from one on; `of` is how many there are."""
        frames = await self._shown.find(content.get("stream")).frames()
        start = content.get("from", 0)
        if type(start) is not int or start < 0:
            raise Refused("bad_request", "'from' is the number of a frame, from 0.")
        return {"frames": [frame.body() for frame in _part(frames[start:])], "of": len(frames)}


def _part(frames: Sequence[Frame]) -> Sequence[Frame]:
    """As many as one message takes, and one at least."""
    room = WIRE_PART_BYTES
    for i, frame in enumerate(frames):
        room -= len(frame.data)
        if room < 0 and i:
            return frames[:i]
    return frames


async def _carried_out(operation: Operation, content: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return await operation(content) or {}
    except Refused as e:
        return {"error": e.body()["error"]}
    except Exception as e:
        return {"error": {"code": "internal", "message": f"This failed inside tokenwidgets ({type(e).__name__})."}}


def _leave_subshells(widget: Messenger) -> None:
    """Let messages go to the subshell the front end sends them to.

    ipykernel 7.4 sends them to the shell that made the widget instead. That is the one whose cell waits for the stream, so Stop would be
    heard when there is nothing left to stop. Its route is a method of the comm, which is told to keep what the front end chose.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda data, default: default
