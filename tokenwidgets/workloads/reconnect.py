"""How soon a reader that was cut off reads on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ..api import gateway
from ..clients.base import Disconnected, Reader
from ..clients.readers import READERS
from ..clients.rest import Rest
from ..comparison import TRANSPORT_WORDS
from ..errors import Refused
from ..events import Entry
from ..formulas import Described
from ..waiting import ended, until
from .asking import Asking
from .base import Taken, Workload, figures_of, table, whole_number

if TYPE_CHECKING:
    from ..trials import Arm, Trial

MOST_EVENTS = 10_000
"""The latest event at which a reader is cut off."""

READ_SECONDS = 20.0
"""How long a reader may take to bring what is there already; then it has failed."""

CUT = "This kernel's: from the cut to what is read here"


@dataclass(frozen=True)
class Reconnect(Workload):
    """One stream, read over each transport in turn. In the middle the reader loses its connections, and another one takes its place.

    That one opens its own, to the server and all, and attaches with `after=`. The cut is made where a new event is there already.

    Parameters
    ----------
    after : events that have been read when the connection is cut.

    Raises
    ------
    Refused : it is beyond `MOST_EVENTS`.
    """

    after: int = 8

    name: ClassVar[str] = "reconnect"
    by: ClassVar[str] = "reconnect_latency"
    runs: ClassVar[int] = 20
    of_transports: ClassVar[bool] = True
    figures: ClassVar[Mapping[str, Described]] = table(
        Described(
            "reconnect_latency", "reconnect", "µs", "when the first new event was read", CUT,
            "How a loss is noticed, and the wait before another try: the cut is ours. Waiting for the model: a new event is there already.",
            "tokenwidgets",
        ),
        Described(
            "duplicates", "events twice", "1", "events read more than once, before the cut and after it", "The whole stream", "Nothing.",
            "tokenwidgets",
        ),
        Described("lost", "events lost", "1", "events of the stream that were never read", "The whole stream", "Nothing.", "tokenwidgets"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        whole_number("after", self.after, 1, MOST_EVENTS)

    def check(self, arms: Sequence[Arm], transports: Sequence[str]) -> None:
        """It is of transports, whatever answers."""
        if len(arms) > 1 or not transports:
            raise Refused("bad_request", "'reconnect' compares transports=['sse', 'ws'] of one model, not models or options.")

    async def run(self, asking: Asking) -> Taken:
        """Ask once, cut each reader off in turn, and let all of them read to the end."""
        result = asking.ask()
        await until(result, lambda: len(result.journal.entries) > self.after)
        server = gateway()
        if not isinstance(server, Rest) or not result.stream or len(result.journal.entries) <= self.after:
            await ended(result)
            return Taken(failures={"": result.error.message if result.error else f"the answer had no more than {self.after:,} events"})
        lanes = [_Lane(name, server) for name in asking.order]
        for lane in lanes:
            await lane.cut(asking, result.stream, self.after)
        await ended(result)
        await asyncio.gather(*(lane.finish() for lane in lanes))
        failures = {lane.transport: lane.failure for lane in lanes if lane.failure}
        if result.error is not None:
            failures[""] = result.error.message
        figures = {lane.transport: lane.figures(len(result.journal.entries)) for lane in lanes if not lane.failure}
        return Taken(figures_of(result.journal.entries), failures, by_transport=figures)

    def sentences(self, label: str, trials: Sequence[Trial]) -> list[str]:
        """Whether anything was lost, or came twice."""
        found = [(way, of) for trial in trials for way, of in trial.by_transport.items()]
        bad = sorted({way for way, of in found if of["lost"] or of["duplicates"]})
        if not bad and found:
            return [f"Nothing was lost and nothing came twice in {len(found):,} reconnects."]
        return [
            f"{TRANSPORT_WORDS[way]}: {sum(of['lost'] for w, of in found if w == way):,.0f} events were lost and "
            f"{sum(of['duplicates'] for w, of in found if w == way):,.0f} came twice."
            for way in bad
        ]


@dataclass(eq=False)
class _Lane:
    """A reader of one transport that is cut off, and the one that takes its place.

    Attributes
    ----------
    seqs : of what was read, before the cut and after it.
    latency : µs from the cut to the first new event.
    failure : why it did not read all, in words.
    """

    transport: str
    server: Rest
    seqs: list[int] = field(default_factory=list)
    latency: float = 0.0
    failure: str = ""
    _work: list[asyncio.Task[None]] = field(default_factory=list)

    async def cut(self, asking: Asking, stream: str, after: int) -> None:
        """Read so many events, cut, and attach again; returns with the first new one. The rest is read in the background."""
        first, second = self._link(stream, -1), self._link(stream, after - 1)  # made before the cut: what is measured is connecting
        async with self._failing():
            while len(self.seqs) < after:
                self.seqs += [entry.seq for entry in await first.next() if entry.seq < after]
            cut = asking.clock()
            self._in_background(first.aclose())
            self.seqs += [entry.seq for entry in await second.next()]
            self.latency = (asking.clock() - cut) * 1e6
        if not self._work:
            self._in_background(first.aclose())
        self._in_background(self._read_on(second))

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        self._work.append(asyncio.create_task(work))

    def _link(self, stream: str, after: int) -> _Link:
        rest = Rest(self.server.server)
        reader = READERS[self.transport](rest)
        return _Link(rest, reader, reader.attach(stream, after))

    @asynccontextmanager
    async def _failing(self) -> AsyncIterator[None]:
        """What goes wrong is told. What is read within is there already, so that only the transport is waited for."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                yield
        except (Disconnected, Refused) as e:
            self.failure = str(e)
        except TimeoutError:
            self.failure = f"it brought nothing for {READ_SECONDS:g} s"

    async def _read_on(self, link: _Link) -> None:
        """Read to the end of the stream."""
        try:
            while not self.failure and not link.over:
                self.seqs += [entry.seq for entry in await link.next()]
        except (Disconnected, Refused) as e:
            self.failure = str(e)
        finally:
            await link.aclose()

    async def finish(self) -> None:
        """Return when it has read to the end of the stream, which has ended, and its connections are closed."""
        _, slow = await asyncio.wait(self._work, timeout=READ_SECONDS)
        for task in slow:
            self.failure = f"it brought nothing more for {READ_SECONDS:g} s after the stream's end"
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    def figures(self, events: int) -> dict[str, float]:
        """Of a stream of so many events."""
        read = set(self.seqs)
        return {"reconnect_latency": self.latency, "duplicates": len(self.seqs) - len(read), "lost": events - len(read)}


@dataclass(eq=False)
class _Link:
    """A reader with connections that nobody else uses, and what it reads."""

    rest: Rest
    reader: Reader
    batches: AsyncIterator[list[Entry]]
    over: bool = False

    async def next(self) -> list[Entry]:
        """What came next. Raises `Disconnected` where the connection ended before the stream."""
        batch = await anext(self.batches, None)
        if not batch:
            raise Disconnected("its connection ended before the stream did")
        self.over = batch[-1].terminal
        return batch

    async def aclose(self) -> None:
        """Close the connections, whatever comes over them."""
        await self.reader.aclose()
        await self.rest.aclose()
        if isinstance(self.batches, AsyncGenerator):
            with suppress(Disconnected, Refused):
                await self.batches.aclose()
