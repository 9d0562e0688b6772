"""`tw.compare`: the same question over transports, models and options, again and again, until it can be told which is faster, or not."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import api, workloads
from .cost import Prices, cost, prices
from .errors import Refused, TokenwidgetsError
from .events import Error
from .findings import Findings
from .interrupts import reading
from .lanes import Lanes
from .output import attended, in_notebook
from .page_lanes import lanes_of
from .portal import portal
from .progress import Progress
from .recording import without_secrets
from .result import STOP_SECONDS, Result
from .terminal import outlives
from .trials import ARMS, STOPPED, Arm, Budget, Trial, opened
from .waiting import Waitable
from .withheld import ASKED
from .workloads import TURN, Asking, OneTurn, Workload

LABEL = 120
"""Characters of what a contender is called."""

HOPELESS = ("auth", "not_found", "bad_request", "context_length")
"""Failures that the same request meets again."""

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
    workload : what is asked of each arm in a round.
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
        workload: Workload = TURN,
    ) -> None:
        Findings.__init__(self, arms, transports, by, budget, seed, workload)
        Waitable.__init__(self)
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._asking: Asking | None = None
        self._stopped = False
        self._progress: Progress | None = None

    # ------------------------------------------------------------------ life

    def begin(self, show: bool = True) -> Measurement:
        """Make the calls; returns at once.

        Raises
        ------
        Refused : the transports cannot be compared here.
        """
        lanes = lanes_of(api.gateway(), self.transports, show and isinstance(self.workload, OneTurn))
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
            if why := self.budget.spent(self.trials, self._seconds, self.workload.calls):
                return why
            if len(self.trials) % len(self.arms) == 0:  # a round is whole
                if why := self._hopeless():
                    return why
                if await asyncio.to_thread(self._narrow):
                    return f"every interval is narrower than {self.budget.width:.0%} of the median"
            trial = await self._trial(number, arm, lanes, draw.sample(self.transports, len(self.transports)), known)
            if self._stopped:
                return STOPPED
            self.trials.append(trial)
            if self.transports:
                self.environment |= {"clocks": lanes.words, "lanes": lanes.where}
            self._tell()
        return self.budget.over

    async def _trial(self, number: int, arm: int, lanes: Lanes, order: Sequence[str], known: Prices) -> Trial:
        at = self._seconds
        drawn = f"{self.seed} {number}"  # what a workload draws is the same for every arm of a round
        asking = self._asking = Asking(self.arms[arm].request, self._stream, lanes, order, drawn, self._tell)
        if self._stopped:
            return Trial(number, arm)
        taken = await self.workload.run(asking)
        self._asking = None
        streams = [tuple(result.journal.entries) for result in asking.results]
        return Trial(
            number,
            arm,
            any(map(opened, streams)),
            figures=taken.figures,
            behind=taken.behind,
            failures=taken.failures,
            cost=_cost(asking.results, known),
            at=at,
            entries=streams[0] if streams else (),
            further=tuple(streams[1:]),
            begun=tuple(at + begun for begun in asking.begun),
            calls=len(streams),
            by_transport=taken.by_transport,
            legs=taken.legs,
            alone=taken.alone,
            held=taken.held,
        )

    def _hopeless(self) -> str:
        """That there is nobody to compare with, in words: no call is paid for that can show nothing."""
        why = {arm.label: [*map(_refused, self._of(place))] for place, arm in enumerate(self.arms)}
        refused = [f"{label} was refused: {messages[0]}" for label, messages in why.items() if messages and all(messages)]
        left = len(self.arms) - len(refused)
        if not refused or left > 1 or (left and self.transports):
            return ""
        return f"there is nothing to compare. {' '.join(refused)}"

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress.update()

    def _narrow(self) -> bool:
        return self.budget.width is not None and all(
            verdict.width is not None and verdict.width <= self.budget.width for verdict in self.verdicts
        )

    @property
    def _seconds(self) -> float:
        return self._clock() - self._began

    @property
    def progress(self) -> str:
        """How far it is: `12 of 82 calls · 0:48 · about 1:20 left`; of a workload with several calls, `3 of 22 runs, 65 calls · …`."""
        made = f"{self._made} · {_clock_words(self._seconds)}"
        if self.done or self.why:
            return f"{made} · ended: {self.why}"
        left = self.budget.left(len(self.trials), len(self.order), self._seconds, self.workload.calls)
        return made if left is None else f"{made} · about {_clock_words(left)} left"

    @property
    def _made(self) -> str:
        made = f"{len(self.trials):,} of {len(self.order):,} {self.workload.unit}s"
        if self.workload.calls == 1:
            return made
        running = self._asking.results if self._asking is not None else []
        return f"{made}, {sum(trial.calls for trial in self.trials) + len(running):,} calls"

    def _unfinished(self) -> list[str]:
        return [] if self.done or self.why else [f"It still runs: {self.progress}."]

    def stop(self) -> None:
        """Make no further call, and stop the one that runs, which is not counted as a measurement. Returns when that is so."""
        self._stopped = True
        self.why = self.why or STOPPED
        portal().run(self._stopping(), STOP_SECONDS * 2)
        self._done.wait(STOP_SECONDS * 2)

    async def _stopping(self) -> None:
        if self._asking is not None:
            await self._asking.stopping()

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
    workload: str | Mapping[str, Any] | Workload = "turn",
    by: str | None = None,
    runs: int | None = None,
    calls: int | None = None,
    seconds: float | None = None,
    dollars: float | None = None,
    width: float | None = None,
    seed: int | None = None,
    workers: Any = None,
    show: bool = True,
    **request: Any,
) -> Measurement:
    """Measure which is faster, or that it cannot be told; returns at once, and makes its calls one after the other.

    Each model with each set of options is asked once a round, in an order drawn for each round. Transports are compared on one call, read
    over all of them by the page that shows the cell, or by this kernel where none does; and on the ended stream played again, which is no
    call, over each of them alone in turn. The first round is cold and kept apart.

    Parameters
    ----------
    prompt : what to ask.
    models : `host/model` or aliases, from the same host or different ones; without it, `model=` or the default.
    transports : of sse, ws, webrtc, webrtc-ordered and webrtc-unordered.
    options : sets of options, such as `[{"temperature": 0}, {"temperature": 1}]`.
    workload : what is asked of each in a round: "turn", "tool-loop", "cancel", "reconnect", "closed-loop", "open-loop", "voice", or one
        with options of its own, such as `tw.ToolLoop(turns=5)`.
    by : the figure by which they are compared: of one turn a name of `tokenwidgets.formulas.DEFINITIONS`; each workload has its usual one.
    runs : rounds after the cold one; each workload has its usual number.
    calls, seconds, dollars : the most it may take; it ends with whichever comes first.
    width : enough is known when every interval of a difference is narrower than this share of the median, such as 0.05.
    seed : of the order and of the statistics; by default at random. The same seed gives the same order.
    workers : spread the rounds over the workers of a Dask cluster: a `distributed.Client`, a scheduler's address, or how many processes of
        this machine to start. Each takes its keys from its own environment.
    show : tell how far it is.
    request : whatever else `tw.stream` takes.

    Raises
    ------
    Refused : there are fewer than two contenders, or more than eight; a figure or a transport does not exist; a budget is no number
        above 0.
    """
    chosen = workloads.chosen(workload)
    by = by or chosen.by
    chosen.definition(by)
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
    chosen.check(arms, ways)
    budget = Budget(chosen.runs if runs is None else runs, calls, seconds, dollars, width)
    drawn = random.randrange(2**31) if seed is None else seed  # noqa: S311 (an order, no secret)
    if workers is not None:
        return _spread(arms, ways, by, budget, drawn, chosen, workers).begin(show)
    return Measurement(arms, ways, by, budget, drawn, workload=chosen).begin(show)


def _spread(
    arms: Sequence[Arm], transports: Sequence[str], by: str, budget: Budget, seed: int, workload: Workload, workers: Any
) -> Measurement:
    if transports:
        raise Refused("bad_request", "Transports are compared where one server streams: leave out 'workers', or 'transports'.")
    from .spread import Spread

    return Spread(arms, by, budget, seed, workload, workers)


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
    for chosen in options or ():
        _check(chosen)
    arms, seen = [], Counter[str]()
    named: list[str | None] = [*models] or [None]
    for model in named:
        for number, chosen in enumerate(options or [{}], 1):
            words = [model or "", ", ".join(f"{key} {number}" if key in ASKED else f"{key}={value}" for key, value in chosen.items())]
            label = " · ".join(filter(None, words))[:LABEL] or "the call"
            seen[label] += 1
            name = f"{label} ({seen[label]})" if seen[label] > 1 else label
            arms.append(Arm(name, {"prompt": prompt, **request, **({"model": model} if model else {}), **chosen}))
    return arms


def _check(chosen: Any) -> None:
    if not isinstance(chosen, Mapping):
        raise Refused("bad_request", f"A set of options is a mapping, such as {{'temperature': 0}}, not {chosen!r}.")
    if without_secrets(chosen) != chosen:
        raise Refused(
            "bad_request", "No key is an option of a call: a host's key is taken from its variable, or from tw.Provider(host, key=…)."
        )


def _refused(trial: Trial) -> str:
    """Why a call was refused for what it asks, so that another one would be too; empty where it was not."""
    last = trial.entries[-1].event if trial.entries else None
    same = isinstance(last, Error) and last.code in HOPELESS and last.stage in ("connect", "http") and not last.retryable
    return last.message if isinstance(last, Error) and same else ""


def _cost(results: Sequence[Result], known: Prices) -> float | None:
    """Of all calls of a run; None where nobody says what one cost."""
    costs = [cost(result, known) for result in results]
    told = [one for one in costs if one is not None]
    return sum(told) if len(told) == len(costs) else None


def _clock_words(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
