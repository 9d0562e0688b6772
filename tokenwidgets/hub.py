"""Starts streams, owns their journals and lifetimes, stops and expires them.

Rules:

* One stream is one call of a provider. Readers come and go; only `stop`, the provider, a limit or nobody reading ends it.
* Whatever the provider does (returns early, raises, emits after its end), the journal gets exactly one terminal event.
* Stop cancels the provider's task, which closes the upstream connection, and only then ends the journal: nothing is journalled between.
* The hub and everything it owns live on one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from .errors import Refused
from .events import End, Error, Start
from .generation import Limits, Stream
from .journal import JournalClosed, JournalFull
from .providers.billing import after_cancel
from .providers.registry import Call, Registry
from .providers.replay import Played, behind
from .realtime.base import RealtimeProvider
from .request import Request
from .spool import Spool

log = logging.getLogger("tokenwidgets")

KERNEL = "kernel"
"""Owner of what a kernel starts where users are told apart. A kernel does not know its user, so the first user who shows the stream's
unguessable id, which is the one whose page the kernel told it, becomes its owner too; after that nobody else can."""

STOP_SECONDS = 2.0
"""Longest wait for a provider's connection to close; after it the stream ends all the same."""

RESTARTED = "The Jupyter server was restarted in the middle of this answer: what had come until then is kept."
"""How a stream ends whose server went away under it."""

NOT_CLOSED = "the provider's connection had not closed yet"
"""What the end of a stopped stream says where that is so."""


class Hub:
    """All streams of one process.

    Parameters
    ----------
    registry : finds and calls providers.
    limits : see `Limits`.
    on_end : called with each stream that ended, for logs and metrics.
    spool : keeps journals for the time after a restart; without it they end with the process.
    """

    def __init__(
        self,
        registry: Registry,
        limits: Limits | None = None,
        on_end: Callable[[Stream], None] | None = None,
        spool: Spool | None = None,
    ) -> None:
        self.registry = registry
        self._spool = spool
        self.limits = limits or Limits()
        self._on_end = on_end
        self._streams: dict[str, Stream] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    def start(self, request: Request, owner: str) -> Stream:
        """Begin a generation; returns at once, with `start` journalled.

        Raises
        ------
        Refused : something is wrong with the request, or a limit is reached. Nothing was sent.
        """
        return self.begin(self.registry.resolve(request), owner)

    def begin(self, call: Call, owner: str) -> Stream:
        """Begin a call that was checked already. Raises `Refused` when a limit is reached, or the request is not JSON."""
        self._make_room()
        stream = Stream(call, owner, self.limits)
        stream.on_readers = self._readers_changed
        self._streams[stream.id] = stream
        if self._spool:
            self._spool.begin(stream.id, stream.owners, stream.journal.entries)
            stream.journal.keep = partial(self._spool.add, stream.id)
        stream.task = asyncio.create_task(self._run(stream), name=f"tokenwidgets-stream-{stream.id}")
        self._readers_changed(stream)
        return stream

    def replay(self, played: Stream, after: int, owner: str) -> Stream:
        """Play an ended stream again, as a stream of its own that calls no provider.

        Parameters
        ----------
        played : the stream.
        after : the seq behind which it begins, at once; from there it has the timing that it had.
        owner : of the new stream.

        Raises
        ------
        Refused : it has not ended, or a limit is reached.
        """
        if played.running:
            raise Refused("bad_request", "A stream is played again once it has ended.")
        request = Request(f"replay/{played.id}", ({"role": "user", "content": f"Replay of {played.call.request.model}."},))
        provider = Played(behind(played.journal.entries, after))
        return self.begin(Call(request, "replay", played.call.dialect, provider, played.call.simulated), owner)

    def get(self, stream_id: str, owner: str) -> Stream:
        """A stream of `owner`'s, or a kernel's that nobody has claimed yet, which becomes theirs.

        Raises
        ------
        Refused : there is none by that id, or it is another's: the answer is the same.
        """
        stream = self._streams.get(stream_id) or self._restored(stream_id)
        if stream is not None and stream.owners == {KERNEL}:
            stream.owners.add(owner)
            if self._spool:
                self._spool.own(stream.id, owner)
        if stream is None or owner not in stream.owners:
            minutes = self.limits.kept_seconds / 60
            raise Refused(
                "not_found", f"There is no such stream here: it may have expired ({minutes:g} min after its end), or the server restarted."
            )
        return stream

    def _restored(self, stream_id: str) -> Stream | None:
        """A stream of a server that has ended since; one that ended under its readers says so."""
        kept = self._spool.find(stream_id) if self._spool else None
        start = kept.entries[0].event if kept else None
        if self._spool is None or kept is None or not isinstance(start, Start):
            return None
        call = Call(Request(start.model, ()), start.host, start.dialect, Played(()), start.simulated)
        stream = Stream(call, KERNEL, replace(self.limits, journal_bytes=self.limits.session_bytes), kept)
        stream.journal.keep = partial(self._spool.add, stream.id)
        if stream.running:
            stream.journal.append(Error("connection", RESTARTED, stage="close", retryable=True), kept.entries[-1].at)
        self._streams[stream.id] = stream
        stream.ended = True
        stream.timer = asyncio.get_running_loop().call_later(self.limits.kept_seconds, self._expired, stream)
        return stream

    @property
    def running(self) -> int:
        """How many streams are running."""
        return sum(s.running for s in self._streams.values())

    @property
    def held(self) -> int:
        """Bytes of all streams."""
        return sum(s.size for s in self._streams.values())

    def streams(self, owner: str) -> list[Stream]:
        """The streams of `owner`, oldest first."""
        return [s for s in self._streams.values() if owner in s.owners]

    async def stop(self, stream: Stream, why: End | Error | None = None) -> None:
        """Close the upstream connection, then end the journal with `why` (default: cancelled). Returns when both are done."""
        try:
            if stream.task is not None and not stream.task.done():
                stream.stopping = True
                stream.task.cancel()
                await asyncio.wait([stream.task], timeout=STOP_SECONDS)
        finally:
            stream.end(_with_bill(stream, why or End("cancelled")))
            self._ended(stream)

    def tidy(self) -> None:
        """Remove from the disk what earlier servers left, once nobody will come for it: to be called now and then."""
        if self._spool:
            self._spool.clean()

    async def aclose(self) -> None:
        """Stop every stream and release what the providers hold."""
        ended = Error("connection", "The server that held this stream was shut down.", stage="close", retryable=True)
        await asyncio.gather(*(self.stop(s, ended) for s in self._streams.values()))
        for stream in self._streams.values():
            if stream.timer:
                stream.timer.cancel()
        if self._spool:
            self._spool.close()
        await self.registry.aclose()

    async def _run(self, stream: Stream) -> None:
        """Carry a call out; afterwards the journal is ended, unless `stop` cancelled the task, which then ends it."""
        ending = await self._carried_out(stream)
        if not stream.stopping:
            stream.end(ending)
            self._ended(stream)

    async def _carried_out(self, stream: Stream) -> Error:
        """Call the provider; returns the ending for one that gave none."""
        wall = asyncio.timeout(self.limits.wall_seconds)
        try:
            async with wall:
                await self._call(stream)
        except JournalFull:
            return Error("limit", f"The answer exceeded {stream.journal.limit} bytes of events, so the stream was closed.")
        except JournalClosed:
            log.debug("provider %s emitted after its end", stream.call.host)
        except Refused as e:
            return e.event()
        except (Exception, asyncio.CancelledError) as e:
            if wall.expired():
                return Error("limit", f"The stream ran for {self.limits.wall_seconds:g} s, so it was closed.")
            return _broken(stream, e)
        return Error("internal", "The provider's adapter ended without saying how.")

    async def _call(self, stream: Stream) -> None:
        provider = stream.call.provider
        if not isinstance(provider, RealtimeProvider):
            await provider.run(stream.call.request, stream)
        elif stream.inputs:
            await provider.converse(stream.call.request, stream, stream.inputs.inbox)

    def _ended(self, stream: Stream) -> None:
        if stream.ended:
            return
        stream.ended = True
        if stream.timer is not None:
            stream.timer.cancel()
        if stream.inputs is not None:
            stream.inputs.close()
        stream.timer = asyncio.get_running_loop().call_later(self.limits.kept_seconds, self._expired, stream)
        if self._on_end:
            self._on_end(stream)

    def _readers_changed(self, stream: Stream) -> None:
        """(Re)arm the timer that stops a stream nobody reads."""
        if not stream.running:
            return
        if stream.timer is not None:
            stream.timer.cancel()
            stream.timer = None
        if stream.readers == 0:
            stream.timer = asyncio.get_running_loop().call_later(self.limits.unread_seconds, self._unread, stream)

    def _unread(self, stream: Stream) -> None:
        reason = End("cancelled", raw=f"nobody read it for {self.limits.unread_seconds:g} s")
        stream.timer = None
        task = asyncio.create_task(self.stop(stream, reason))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    def _make_room(self) -> None:
        """Refuse a stream beyond the limit of open ones; evict finished ones beyond the limit of bytes."""
        streams = list(self._streams.values())
        if self.running >= self.limits.open_streams:
            raise Refused("limit", f"{self.limits.open_streams} streams are running already: stop one, or wait for one to end.")
        held = self.held
        for stream in streams:
            if held <= self.limits.total_bytes:
                return
            if not stream.running:
                held -= stream.size
                self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        if stream.timer:
            stream.timer.cancel()
        self._expired(stream)

    def _expired(self, stream: Stream) -> None:
        self._streams.pop(stream.id, None)
        if self._spool:
            self._spool.forget(stream.id)


def _with_bill(stream: Stream, why: End | Error) -> End | Error:
    """An ending that was asked for tells what it does to the bill, if the provider's connection is closed indeed."""
    if not isinstance(why, End) or why.reason != "cancelled":
        return why
    if stream.task is not None and not stream.task.done():
        return replace(why, raw=why.raw or NOT_CLOSED)
    return replace(why, cancel_stops_billing=after_cancel(stream.call.place, stream.journal.entries))


def _broken(stream: Stream, cause: BaseException) -> Error:
    """The ending for a provider that raised. Only the exception's kind is logged or shown: its text may quote a prompt or a header."""
    kind = type(cause).__name__
    if not stream.stopping:
        log.error("stream of host %s failed in %s", stream.call.host, kind)
    return Error("internal", f"The stream failed inside tokenwidgets ({kind}).")
