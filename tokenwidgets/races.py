"""`tw.race`: lanes side by side on one clock, for transports of one stream, for models, or for both."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import api, race_file
from .comparison import TRANSPORT_WORDS, Comparison, Lane
from .errors import Refused
from .events import Text
from .figures import line
from .interrupts import reading
from .markup import clean
from .note import cell
from .output import Bundle, attended, in_notebook, shows_widgets
from .portal import portal
from .result import STOP_SECONDS, Result
from .terminal import outlives
from .transports import TRANSPORTS
from .waiting import Iterated, ended, wake

if TYPE_CHECKING:
    from .widgets.race import RaceTrack

LANES = 8
"""The most lanes of one race: more cannot be told apart."""

ARRIVALS = 20_000
"""Events of one lane whose arrivals a page tells; those after them are not compared."""

REPORT_SECONDS = 3.0
"""How long a race waits, after the last stream's end, for what the page saw."""


class Race(Comparison, Iterated):
    """Streams that run side by side, and their readers.

    Iterating gives `(lane, piece)` as the pieces of all answers come; `await`, `wait()` and the end of an iteration mean that all have
    ended. One lane's failure leaves the others; nothing here raises for it.

    Parameters
    ----------
    lanes : from top to bottom.
    seed : rotates the order in which readers attach.
    """

    def __init__(self, lanes: Sequence[Lane], seed: int = 0) -> None:
        Comparison.__init__(self, lanes)
        Iterated.__init__(self)
        self.seed = seed
        self.created = time.time()
        self.settled = False
        self._track: RaceTrack | None = None
        self._cell: int | None = None
        self._told = threading.Event()
        self._listeners: set[Callable[[], None]] = set()

    @property
    def order(self) -> list[int]:
        """The lanes, by number, in the order in which they attach: as they are shown, rotated by the seed."""
        turn = self.seed % len(self.lanes)
        return [*range(turn, len(self.lanes)), *range(turn)]

    # ------------------------------------------------------------------ life

    def begin(self, show: bool = True) -> Race:
        """Show it, and be told of its end; returns at once. An interrupt stops the streams, which run already."""
        with self.stopped_by_interrupt():
            for result in self.results:
                result.watch(self._news)
            if show:
                self.show()
            portal().submit(self._run())
        return self

    async def _run(self) -> None:
        try:
            await asyncio.gather(*(ended(result) for result in self.results))
            if self._raced_in_a_page():
                await asyncio.to_thread(self._told.wait, REPORT_SECONDS)
            self._settle()
        finally:
            self._done.set()
            self._news()

    def _settle(self) -> None:
        """Show how it ended; before anybody who waits goes on, since a cell that has ended takes no more output."""
        self.settled = True
        if self._track is not None:
            self._track.over()

    def _raced_in_a_page(self) -> bool:
        return self._track is not None and self._track.shown and any(len(self.rivals(lane)) > 1 for lane in self.lanes)

    def told(self, reports: Sequence[tuple[Sequence[int], str]]) -> None:
        """What a page saw: by lane in the order of attaching its arrivals, and why there are no more. The first page's word holds."""
        if self._told.is_set():
            return
        for number, (arrivals, failure) in zip(self.order, reports, strict=True):
            self.lanes[number].arrivals = tuple(arrivals)
            self.lanes[number].failure = failure
        self._told.set()
        if self.settled:
            self._settle()

    def _news(self) -> None:
        for listener in list(self._listeners):
            listener()

    def stop(self) -> None:
        """Stop every stream; what came is kept. Returns when that is so."""
        portal().run(self.stopping(), 2 * STOP_SECONDS)

    async def stopping(self) -> None:
        """The same, to be awaited on the portal."""
        await asyncio.gather(*(result.stopping() for result in self.results if not result.done))

    # ------------------------------------------------------------------ reading

    def __iter__(self) -> Iterator[tuple[Lane, str]]:
        """The pieces of all answers as they come, each with the first lane of its stream."""
        changed = threading.Event()
        pieces = _Pieces(self)
        self._listeners.add(changed.set)
        try:
            with self.stopped_by_interrupt(), reading(self):
                while True:
                    changed.clear()
                    done = self.done
                    yield from pieces.take()
                    if done:
                        return
                    changed.wait(0.1)
        finally:
            self._listeners.discard(changed.set)

    async def __aiter__(self) -> AsyncIterator[tuple[Lane, str]]:
        """The same inside a running loop, which goes on meanwhile."""
        changed, pieces = asyncio.Event(), _Pieces(self)
        news = partial(wake, asyncio.get_running_loop(), changed)
        self._listeners.add(news)
        try:
            with reading(self):
                while True:
                    changed.clear()
                    done = self.done
                    for piece in pieces.take():
                        yield piece
                    if done:
                        return
                    await changed.wait()
        finally:
            self._listeners.discard(news)

    # ------------------------------------------------------------------ showing and keeping

    def show(self) -> None:
        """Show the race in the running cell; in a terminal, print each lane as it ends, and the verdict."""
        if not shows_widgets():
            _Printer(self)
            return
        from .widgets.race import RaceTrack

        self._track = RaceTrack(self)
        self._cell = cell()
        self._track.show()

    def static(self) -> Bundle:
        """The form of it that needs no kernel and no script."""
        from .race_card import bundle

        return bundle(self)

    def _ipython_display_(self) -> None:
        if not in_notebook():
            print(repr(self))  # noqa: T201 (this is the terminal's display)
        elif self._track is None or self._cell != cell():
            self.show()
        elif not attended():
            self.wait()  # programs that execute notebooks take no notice of what is shown when a cell is done

    def _display_(self) -> RaceTrack:
        """What marimo shows of it."""
        from .widgets.race import RaceTrack

        self._track = self._track or RaceTrack(self)
        return self._track

    def save(self, path: str | Path) -> Path:
        """Write it to a JSON file, which `Race.load` reads: the events of each stream, and when they came over each lane."""
        return race_file.dump(self, Path(path).expanduser())

    @classmethod
    def load(cls, path: str | Path) -> Race:
        """A race that `save` wrote, as it was.

        Raises
        ------
        RecordingError : the file is none, or cannot be read; the sentence says which.
        """
        kept = race_file.load(Path(path).expanduser())
        race = cls(kept.lanes, kept.seed)
        race.created = kept.created
        race.settled = True
        race._told.set()
        race._done.set()
        return race


class _Pieces:
    """The pieces of all answers, as far as they were not taken."""

    def __init__(self, race: Race) -> None:
        self._lanes = [next(lane for lane in race.lanes if lane.result is result) for result in race.results]
        self._cursors = [0] * len(self._lanes)

    def take(self) -> Iterator[tuple[Lane, str]]:
        for i, lane in enumerate(self._lanes):
            entries = lane.result.journal.entries[self._cursors[i] :]
            self._cursors[i] += len(entries)
            for entry in entries:
                if isinstance(entry.event, Text) and entry.event.choice == 0 and entry.event.delta:
                    yield lane, entry.event.delta


class _Printer:
    """Prints each stream's figures as it ends, and the verdict."""

    def __init__(self, race: Race) -> None:
        self._race = race
        self._printed: set[int] = set()
        race._listeners.add(self._look)
        outlives(race)

    def _look(self) -> None:
        try:
            self._print()
        except BrokenPipeError:
            portal().submit(self._race.stopping())  # whoever read this program's output has gone

    def _print(self) -> None:
        ended = [number for number, lane in enumerate(self._race.lanes) if lane.result.done and number not in self._printed]
        for number in ended:
            lane = self._race.lanes[number]
            self._printed.add(number)
            print(clean(f"{lane.label}: {lane.outcome} · {line(lane.figures)}"))  # noqa: T201 (this is the terminal's display)
        if ended and len(self._printed) == len(self._race.lanes):
            print(clean(self._race.verdict))  # noqa: T201


def race(
    prompt: str | None = None,
    *,
    models: Sequence[str] | None = None,
    transports: Sequence[str] | None = None,
    seed: int | None = None,
    show: bool = True,
    **options: Any,
) -> Race:
    """Race transports of one stream, models, or each model over each transport; returns at once, with the answers coming.

    Each model is one call of its provider. Each of its transports is a reader of that one stream, in the same page. A transport that does
    not work fails in its lane: it is never another one in disguise.

    Parameters
    ----------
    prompt : what to ask.
    models : `host/model` or aliases, from the same host or different ones; without it, `model=` or the default.
    transports : of sse, ws, webrtc, webrtc-ordered, webrtc-unordered and comm.
    seed : rotates the order in which lanes attach; by default at random.
    show : display it, live; in a terminal, print each lane as it ends.
    options : whatever else `tw.stream` takes.

    Raises
    ------
    Refused : there are fewer than two lanes, or more than eight, or a transport does not exist.
    """
    asked = _models(models, options)
    ways = _ways(transports)
    _check(len(asked) * max(1, len(ways)))
    if ways:
        options.pop("transport", None)
    streams = [api.stream(prompt, model=model, show=False, **options) for model in asked]
    lanes = [_lane(result, way, len(asked) > 1) for result in streams for way in ways or [result.transport]]
    _tell_apart(lanes)
    return Race(lanes, random.randrange(len(lanes)) if seed is None else seed).begin(show)  # noqa: S311 (an order, no secret)


def _models(models: Sequence[str] | None, options: dict[str, Any]) -> list[str | None]:
    single = options.pop("model", None)
    if isinstance(models, str):
        raise Refused("bad_request", f"'models' is a list of names, not {models!r}.")
    if models and single:
        raise Refused("bad_request", "A race takes 'models' or 'model', not both.")
    return list(models) if models else [single]


def _ways(transports: Sequence[str] | None) -> list[str]:
    if isinstance(transports, str):
        raise Refused("bad_request", f"'transports' is a list of names, not {transports!r}.")
    for name in transports or ():
        if name == "auto" or name not in TRANSPORTS:
            raise Refused("bad_request", f"There is no transport {name!r} to race: it is one of {', '.join(TRANSPORTS[1:])}.")
    return list(transports or ())


def _check(count: int) -> None:
    if count < 2:
        raise Refused("bad_request", "A race needs two lanes: transports=['sse', 'ws'], or models=[…] with two of them.")
    if count > LANES:
        raise Refused("bad_request", f"A race has at most {LANES} lanes; these would be {count}.")


def _lane(result: Result, way: str, several: bool) -> Lane:
    """A lane is called by what tells it from the others."""
    model = str(result.request.get("model") or "the default model")
    words = ([model] if several else []) + ([TRANSPORT_WORDS[way]] if way != "auto" or not several else [])
    return Lane(" · ".join(words), way, result)


def _tell_apart(lanes: Sequence[Lane]) -> None:
    """Number those that are called the same: a race of something with itself shows what chance does."""
    count: Counter[str] = Counter()
    for lane in lanes:
        count[lane.label] += 1
        if count[lane.label] > 1:
            lane.label += f" ({count[lane.label]})"
