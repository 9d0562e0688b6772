"""What `tw.stream` gives: a stream to iterate, wait for, stop, measure and save, from any thread and inside any running loop."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from . import recording
from .answer import Answer
from .clients.base import Disconnected, Gateway, Gone, Reader, Started
from .clients.follow import follow
from .errors import Refused, StreamFailed
from .events import End, Entry, Error, Text
from .figures import line, outcome
from .interrupts import reading
from .journal import Journal
from .portal import portal, wait
from .recording import Frame, Header, Recording
from .transports import TRANSPORTS
from .waiting import Iterated, wake

if TYPE_CHECKING:
    from .display import Display
    from .structured import Structure
    from .widgets.inspector import WireInspector
    from .widgets.latency import LatencyChart
    from .widgets.stream import TokenStream
    from .widgets.timeline import Timeline

log = logging.getLogger("tokenwidgets")

JOURNAL_BYTES = 64 * 2**20
"""The kernel's copy may hold what any server's limit allows."""

START_SECONDS = 30.0
"""Longest wait for the answer to a start, which comes before the provider is called."""

SWITCH_SECONDS = 15.0
"""Longest wait for another transport to open; meanwhile the stream is read over the present one."""

STOP_SECONDS = 5.0
"""Longest wait for a stream to end after it was stopped from here."""


class Result(Answer, Iterated):
    """One stream, seen from the kernel. What it says is in `Answer`.

    It is complete by itself: it keeps its own copy of the events, so it outlives the server's journal. Iterating gives the pieces of the
    answer as they come; `await`, `wait()` and the end of an iteration mean that the stream has ended. Nothing here raises for a stream
    that failed: `error` says what happened, and `raise_for_error()` turns it into an exception.

    Parameters
    ----------
    gateway : where the stream lives.
    request : the request's JSON; for a stream that exists already, what is known of it.
    transport : how the reader that displays is to be attached.
    stream : id of an existing stream; without it, one is started.
    """

    def __init__(self, gateway: Gateway, request: Mapping[str, Any], transport: str = "auto", stream: str | None = None) -> None:
        Answer.__init__(self, request, Journal(JOURNAL_BYTES))
        Iterated.__init__(self)
        self.wanted = self.transport = transport
        self.why = ""
        self.origin = ""
        self.gateway = gateway
        self.display: Display | None = None
        self.structure: Structure | None = None
        self._created = time.time()
        self._began = time.perf_counter_ns()
        self._named: Future[str] = Future()
        if stream:
            self._named.set_result(stream)
        self._frames: list[Frame] | None = None
        self._listeners: set[Callable[[], None]] = set()
        self._record: Path | None = None
        self._reading: Future[None] | None = None
        self._reader: Reader | None = None
        self._attached: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, recorded: Recording, gateway: Gateway) -> Result:
        """A stream that a file holds, whole and ended."""
        result = cls(gateway, recorded.header.request, stream=secrets.token_urlsafe(16))
        result._created = recorded.header.created
        result._frames = list(recorded.frames)
        for entry in recorded.entries:
            result.journal.adopt(entry)
            result._received.append(entry.at)
        if result._last is None:
            result.journal.append(End("truncated"), recorded.entries[-1].at if recorded.entries else 0)
        result._done.set()
        return result

    # ------------------------------------------------------------------ life

    def begin(self, record: Path | None = None) -> Result:
        """Start (or attach to) the stream on the portal, and return at once.

        Parameters
        ----------
        record : file to save the stream to when it ends.
        """
        self._record = record
        self._reading = portal().submit(self._run())
        return self

    async def _run(self) -> None:
        try:
            if not self.stream:
                self._started(await self.gateway.start(self.request))
            await self._follow()
        except Refused as e:
            self._fail(e.event())
        except Disconnected as e:
            self._fail(Error("connection", self._lost(e), stage="close" if self.stream else "connect"))
        except Exception as e:
            self._fail(Error("internal", f"Reading the stream failed inside tokenwidgets ({type(e).__name__}).", stage="close"))
        finally:
            await self._finish()

    async def _follow(self) -> None:
        """Read to the end; over another reader from where it stands, when `switch` gives one."""
        reader = None
        while reader is None or self._reader is not reader:
            reader = self._reader = self._reader or self.gateway.reader()
            self._attached = asyncio.ensure_future(self._read(reader))
            try:
                await self._attached
            except asyncio.CancelledError:
                if self._reader is reader:
                    self._attached.cancel()
                    raise

    async def _read(self, reader: Reader) -> None:
        async for batch in follow(reader, self.stream, len(self.journal.entries) - 1):
            self._take(batch)

    def _lost(self, cause: Disconnected) -> str:
        if not self.stream:
            return str(cause)
        if isinstance(cause, Gone):
            return f"{cause} What came is kept."
        return f"{cause} The stream may still run: tw.open({self.stream!r}) reads it again."

    def _started(self, started: Started) -> None:
        self.request["model"] = started.model
        self._named.set_result(started.id)
        self._changed("started")

    def _take(self, batch: list[Entry]) -> None:
        now = (time.perf_counter_ns() - self._began) // 1000
        for entry in batch:
            self.journal.adopt(entry)
            self._received.append(now)
        self._changed()

    def _fail(self, error: Error) -> None:
        if not self._named.done():
            self._named.set_result("")
        if self.journal.terminal is None:
            self.journal.append(error, (time.perf_counter_ns() - self._began) // 1000)
        self._changed()

    async def _finish(self) -> None:
        try:
            if self._record is not None:
                await self.saving(self._record)
        except Exception as e:
            reason = e.strerror if isinstance(e, OSError) else type(e).__name__
            log.warning("The recording %s could not be written: %s. r.save() writes it elsewhere.", self._record, reason)
        finally:
            self._show("ended")
            self._done.set()
            self._changed()

    def _changed(self, step: Literal["started", "changed"] = "changed") -> None:
        self._show(step)
        for listener in list(self._listeners):
            listener()

    def _show(self, step: Literal["started", "changed", "ended"]) -> None:
        """Tell the display. One that fails is told nothing more, and the result goes on without it."""
        if self.display is None:
            return
        try:
            getattr(self.display, step)(self)
        except Exception as e:
            self.display = None
            log.warning("A stream could not be shown (%s); its result goes on.", type(e).__name__)

    def watch(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever something came, and at the end; on the portal's thread."""
        self._listeners.add(listener)

    @contextmanager
    def _listening(self, listener: Callable[[], None]) -> Iterator[None]:
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    @property
    def id(self) -> str:
        """The stream's id, with which `tw.open` reads it again; waits for the answer to its start. Empty if there is no stream."""
        return wait(self._named, START_SECONDS)

    @property
    def stream(self) -> str:
        """The same, or empty as long as it is not known."""
        return self._named.result() if self._named.done() else ""

    def stop(self) -> None:
        """Stop the stream: the provider's connection closes at once and what came is kept. Returns when that is so."""
        if not self.done:
            try:
                portal().run(self.stopping(), STOP_SECONDS)
            except TimeoutError:
                return
            self._done.wait(STOP_SECONDS)

    async def stopping(self) -> None:
        """Stop the stream; to be awaited on the portal."""
        stream = await asyncio.shield(asyncio.wrap_future(self._named))  # its start may be being answered at this moment
        if stream:
            try:
                await self.gateway.stop(stream)
            except Refused:
                return  # it has ended, and expired, already
            except Disconnected as e:
                self._fail(Error("connection", f"{e} The stream could not be stopped there; what came is kept.", stage="close"))
                if self._reading is not None:
                    self._reading.cancel()

    def switch(self, transport: str) -> None:
        """Read on over another transport, in the middle: the page that shows the stream, and this kernel. Nothing is lost or doubled.

        The present connection is left when the other one stands. A page for which it does not open stays where it is, and says why.

        Parameters
        ----------
        transport : `sse`, `ws`, `webrtc`, …; `auto` for the one that is chosen where none is asked for.

        Raises
        ------
        Refused : there is no such transport, or the stream lives in this kernel, where pages have the comm and nothing else.
        Disconnected : it does not open for this kernel, which reads on as before.
        """
        if transport not in TRANSPORTS:
            raise Refused("bad_request", f"There is no transport {transport!r}: it is one of {', '.join(TRANSPORTS)}.")
        if self.gateway.place == "kernel":
            raise Refused("bad_request", f"This stream is read over the comm and nothing else: {self.gateway.why}.")
        if not self.done:
            portal().run(self._switch(transport), SWITCH_SECONDS)

    async def _switch(self, transport: str) -> None:
        reader = self.gateway.reader_over(transport)
        if reader is not None and self.stream:
            await reader.clock(self.stream)  # it stands, and knows the stream
        self._reader = reader or self.gateway.reader()
        if self._attached is not None:
            self._attached.cancel()
        self.wanted = transport
        self._changed()

    def raise_for_error(self) -> Result:
        """Itself, unless the stream failed.

        Raises
        ------
        StreamFailed : it did; the text is the error's sentence.
        """
        if self.error is not None:
            raise StreamFailed(self.error)
        return self

    # ------------------------------------------------------------------ reading

    def __iter__(self) -> Iterator[str]:
        """The pieces of the answer as they come."""
        changed = threading.Event()
        cursor = 0
        with self._listening(changed.set), self.stopped_by_interrupt(), reading(self):
            while True:
                changed.clear()
                done, entries = self.done, self.journal.entries[cursor:]
                cursor += len(entries)
                yield from _pieces(entries)
                if done and not entries:
                    return
                if not entries:
                    changed.wait(0.1)

    async def __aiter__(self) -> AsyncIterator[str]:
        """The same inside a running loop, which goes on meanwhile."""
        loop, changed, cursor = asyncio.get_running_loop(), asyncio.Event(), 0
        with self._listening(lambda: wake(loop, changed)), reading(self):
            while True:
                changed.clear()
                done, entries = self.done, self.journal.entries[cursor:]
                cursor += len(entries)
                for piece in _pieces(entries):
                    yield piece
                if done and not entries:
                    return
                if not entries:
                    await changed.wait()

    # ------------------------------------------------------------------ what came beside its events

    @property
    def parsed(self) -> Any:
        """The whole answer in the form `schema` asked for: a dict, or an instance of the class; waits for it.

        Raises
        ------
        Refused : no form was asked for.
        StreamFailed : the stream failed.
        Mismatch : the answer is no JSON of that form.
        """
        if self.structure is None:
            raise Refused("bad_request", "No form was asked for: tw.stream(…, schema=…) takes a JSON schema or a class.")
        return self.structure.read(self.wait().raise_for_error().text)

    @property
    def wire(self) -> list[Frame]:
        """The frames between us and the provider as they travelled, without keys; fetched once the stream has ended."""
        return portal().run(self.frames())

    async def frames(self) -> list[Frame]:
        """The same, to be awaited on the portal."""
        if self._frames is None or not self.done:
            self._frames = await self.gateway.wire(self.stream) if self.stream else []
        return self._frames

    # ------------------------------------------------------------------ showing and keeping

    def show(self) -> None:
        """Show the live widget (again), or print in a terminal."""
        from .display import show

        show(self)

    def chart(self) -> LatencyChart:
        """Where its time went, live: see `LatencyChart`."""
        from .widgets.latency import LatencyChart

        return LatencyChart(self)

    def timeline(self) -> Timeline:
        """Any instant of the stream, as it was: see `Timeline`."""
        from .widgets.timeline import Timeline

        return Timeline(self)

    def inspect(self) -> WireInspector:
        """The frames as they travelled, each field explained: see `WireInspector`."""
        from .widgets.inspector import WireInspector

        return WireInspector(self)

    def save(self, path: str | Path) -> Path:
        """Write the stream to a file that `tw.replay` plays again, with its wire where the server still has it."""
        target = Path(path).expanduser()
        wait(portal().submit(self.saving(target)))
        return target

    async def saving(self, path: Path) -> None:
        """The same, to be awaited on the portal."""
        try:
            frames = await self.frames()
        except (Refused, Disconnected):
            frames = []  # the server forgot it; the events are here
        start = self.start
        header = Header(self.model, self.request, start.created if start else self._created)
        recording.dump(path, header, self.journal.entries, frames)

    def code(self, language: str = "python") -> str:
        """The same as a program without this package, in one of `tokenwidgets.code.LANGUAGES`; see there."""
        from .code import code

        if not {"prompt", "messages", "session"} & self.request.keys():
            raise Refused("bad_request", "What was asked is not known here: the stream was opened by its id, or replayed.")
        return code(self.request, language, self.gateway)

    def __repr__(self) -> str:
        if not self.done:
            return f"<stream {self.stream or 'starting'} of {self.model or 'the default model'}, running>"
        figures = self.metrics
        return f"<{self.model}: {outcome(figures)} · {line(figures)}>"

    def _ipython_display_(self) -> None:
        from .display import display_result

        display_result(self)

    def _display_(self) -> TokenStream:
        """What marimo shows of it."""
        from .display import in_cell

        return in_cell(self)

    def bundle(self) -> dict[str, str]:
        """The static card of what came so far, in every form a viewer may want."""
        from .display import bundle

        return bundle(self)


def _pieces(entries: list[Entry]) -> Iterator[str]:
    return (e.event.delta for e in entries if isinstance(e.event, Text) and e.event.choice == 0 and e.event.delta)
