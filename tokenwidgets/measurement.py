"""`tw.compare`: the same question over transports, models and options, again and again, until it can be told which is faster, or not."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import api
from .comparison import Comparison
from .cost import Prices, cost, prices
from .errors import Refused, TokenwidgetsError
from .findings import Findings
from .formulas import DEFINITIONS, definition
from .interrupts import reading
from .lanes import Lanes
from .output import attended, in_notebook
from .portal import portal
from .progress import Progress
from .result import STOP_SECONDS, Result
from .terminal import outlives
from .trials import ARMS, RUNS, Arm, Budget, Trial, opened
from .waiting import Waitable

if TYPE_CHECKING:
    from .events import Entry

Stream = Callable[..., Result]


class Measurement(Findings, Waitable):
    """A comparison as it goes, and what it shows. Everything can be read while it runs: it then holds for the calls that were made.

    Parameters
    ----------
    arms : the ways to ask.
    transports : of each call's stream.
    by : the figure by which arms are compared.
    budget : when it is enough.
    seed : of the order, and of the statistics.
    stream : starts a stream; a seam.
    clock : seconds; a seam.
    """

    def __init__(
        self,
        arms: Sequence[Arm],
        transports: Sequence[str],
        by: str,
        budget: Budget,
        seed: int,
        stream: Stream = api.stream,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        Findings.__init__(self, arms, transports, by, budget, seed)
        Waitable.__init__(self)
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._running: Result | None = None
        self._stopped = False
        self._progress: Progress | None = None

    # ------------------------------------------------------------------ life

    def begin(self, show: bool = True) -> Measurement:
        """Make the calls; returns at once.

        Raises
        ------
        Refused : the transports cannot be compared here.
        """
        lanes = Lanes(api.gateway(), self.transports)
        if show:
            self._progress = Progress(lambda: self.progress)
            outlives(self)
        portal().submit(self._run(lanes))
        return self

    async def _run(self, lanes: Lanes) -> None:
        try:
            known = await prices() if self.budget.dollars is not None else {}
            self.why = await self._calls(lanes, known)
        except TokenwidgetsError as e:
            self.why = str(e)
        except Exception as e:
            self.why = f"measuring failed inside tokenwidgets ({type(e).__name__})"
        finally:
            await lanes.aclose()
            if self._progress is not None:
                self._progress.update(last=True)
            self._done.set()

    async def _calls(self, lanes: Lanes, known: Prices) -> str:
        """Every call of the plan, and why it ended."""
        draw = random.Random(self.seed)  # noqa: S311 (an order, no secret)
        for number, arm in self.order:
            if why := self.budget.spent(self.trials, self._seconds):
                return why
            if len(self.trials) % len(self.arms) == 0 and await asyncio.to_thread(self._narrow):  # a round is whole
                return f"every interval is narrower than {self.budget.width:.0%} of the median"
            trial = await self._trial(number, arm, lanes, draw.sample(self.transports, len(self.transports)), known)
            if self._stopped:
                return "it was stopped"
            self.trials.append(trial)
            if self._progress is not None:
                self._progress.update()
        return f"the {self.budget.runs:,} rounds were made"

    async def _trial(self, number: int, arm: int, lanes: Lanes, order: Sequence[str], known: Prices) -> Trial:
        at = self._seconds
        result = self._running = self._stream(**self.arms[arm].request, show=False)
        if self._stopped:
            await result.stopping()
        read = Comparison(await lanes.read(result, order))
        entries = result.journal.entries
        failures = {lane.transport: lane.failure for lane in read.lanes if lane.failure}
        if result.error is not None:
            failures[""] = result.error.message
        return Trial(
            number,
            arm,
            opened(entries),
            await asyncio.to_thread(_figures, entries),
            {lane.transport: delay.median_us if delay else None for lane, delay in zip(read.lanes, read.delays, strict=True)},
            failures,
            cost(result, known),
            at,
            tuple(entries),
        )

    def _narrow(self) -> bool:
        return self.budget.width is not None and all(
            verdict.width is not None and verdict.width <= self.budget.width for verdict in self.verdicts
        )

    @property
    def _seconds(self) -> float:
        return self._clock() - self._began

    @property
    def progress(self) -> str:
        """How far it is: `12 of 82 calls · 0:48 · about 1:20 left`."""
        made = f"{len(self.trials):,} of {len(self.order):,} calls · {_clock_words(self._seconds)}"
        if self.done or self.why:
            return f"{made} · ended: {self.why}"
        left = self.budget.left(len(self.trials), len(self.order), self._seconds)
        return made if left is None else f"{made} · about {_clock_words(left)} left"

    def _unfinished(self) -> list[str]:
        return [] if self.done else [f"It still runs: {self.progress}."]

    def stop(self) -> None:
        """Make no further call, and stop the one that runs, which is not counted as a measurement. Returns when that is so."""
        self._stopped = True
        portal().run(self._stopping(), STOP_SECONDS * 2)
        self._done.wait(STOP_SECONDS * 2)

    async def _stopping(self) -> None:
        if self._running is not None and not self._running.done:
            await self._running.stopping()

    async def _ended(self) -> Measurement:
        with reading(self):
            await asyncio.to_thread(self._done.wait)
        return self

    def _ipython_display_(self) -> None:
        if in_notebook() and not attended():
            self.wait()  # programs that execute notebooks take no notice of what is shown when a cell is done
        super()._ipython_display_()


def compare(
    prompt: str | None = None,
    *,
    models: Sequence[str] | None = None,
    transports: Sequence[str] | None = None,
    options: Sequence[Mapping[str, Any]] | None = None,
    by: str = "time_to_first_token",
    runs: int = RUNS,
    calls: int | None = None,
    seconds: float | None = None,
    dollars: float | None = None,
    width: float | None = None,
    seed: int | None = None,
    show: bool = True,
    **request: Any,
) -> Measurement:
    """Measure which is faster, or that it cannot be told; returns at once, and makes its calls one after the other.

    Each model with each set of options is asked once a round, in an order drawn for each round. Transports are compared on one call, read
    over all of them by this kernel. The first round is cold and kept apart.

    Parameters
    ----------
    prompt : what to ask.
    models : `host/model` or aliases, from the same host or different ones; without it, `model=` or the default.
    transports : of sse, ws and webrtc.
    options : sets of options, such as `[{"temperature": 0}, {"temperature": 1}]`.
    by : the figure by which models and options are compared: a name of `tokenwidgets.formulas.DEFINITIONS`.
    runs : rounds after the cold one.
    calls, seconds, dollars : the most it may take; it ends with whichever comes first.
    width : enough is known when every interval of a difference is narrower than this share of the median, such as 0.05.
    seed : of the order and of the statistics; by default at random. The same seed gives the same order.
    show : tell how far it is.
    request : whatever else `tw.stream` takes.

    Raises
    ------
    Refused : there are fewer than two contenders, or more than eight; a figure or a transport does not exist; a budget is no number
        above 0.
    """
    definition(by)
    for name in {"record", "transport"} & set(request):
        raise Refused("bad_request", f"{name!r} is of one stream; a comparison takes 'transports' and is kept by its save().")
    arms = _arms(prompt, _names("models", models), options, request)
    ways = _names("transports", transports)
    if max(len(arms), len(ways)) < 2:
        raise Refused("bad_request", "A comparison needs two: models=[…], transports=['sse', 'ws'] or options=[{…}, {…}].")
    if max(len(arms), len(ways)) > ARMS:
        raise Refused("bad_request", f"A comparison has at most {ARMS} contenders; these would be {max(len(arms), len(ways))}.")
    if len(set(ways)) < len(ways):
        raise Refused("bad_request", "Each of 'transports' is named once.")
    budget = Budget(runs, calls, seconds, dollars, width)
    drawn = random.randrange(2**31) if seed is None else seed  # noqa: S311 (an order, no secret)
    return Measurement(arms, ways, by, budget, drawn).begin(show)


def _names(what: str, given: Sequence[str] | None) -> list[str]:
    if isinstance(given, str):
        raise Refused("bad_request", f"{what!r} is a list of names, not {given!r}.")
    return list(given or ())


def _arms(prompt: str | None, models: Sequence[str], options: Sequence[Mapping[str, Any]] | None, request: Mapping[str, Any]) -> list[Arm]:
    """Each model with each set of options, called by what tells it from the others; something may be compared with itself."""
    if models and "model" in request:
        raise Refused("bad_request", "A comparison takes 'models' or 'model', not both.")
    if isinstance(options, Mapping):
        raise Refused("bad_request", "'options' is a list of sets, such as [{'temperature': 0}, {'temperature': 1}].")
    arms, seen = [], Counter[str]()
    named: list[str | None] = [*models] or [None]
    for model in named:
        for chosen in options or [{}]:
            words = [model or "", ", ".join(f"{key}={value}" for key, value in chosen.items())]
            label = " · ".join(filter(None, words)) or "the call"
            seen[label] += 1
            name = f"{label} ({seen[label]})" if seen[label] > 1 else label
            arms.append(Arm(name, {"prompt": prompt, **request, **({"model": model} if model else {}), **chosen}))
    return arms


def _figures(entries: Sequence[Entry]) -> dict[str, float]:
    return {name: value for name, of in DEFINITIONS.items() if (value := of.of(entries)) is not None}


def _clock_words(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
