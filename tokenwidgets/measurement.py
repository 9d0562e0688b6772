"""`tw.compare`: the same question over transports, models and options, again and again, until it can be told which is faster, or not."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import api, measurement_file
from .comparison import TRANSPORT_WORDS, Comparison
from .cost import Prices, cost, prices
from .errors import Refused, TokenwidgetsError
from .formulas import DEFINITIONS, definition, higher_is_better
from .interrupts import reading
from .lanes import Lanes
from .listing import Table
from .measurement_table import frame, words
from .output import attended, in_notebook
from .portal import portal
from .progress import Progress
from .result import STOP_SECONDS, Result
from .strip_plot import StripPlot
from .terminal import outlives
from .trials import ARMS, RUNS, Arm, Budget, Trial, opened, schedule
from .verdicts import Contender, Measure, Verdict
from .waiting import Waitable

if TYPE_CHECKING:
    import pandas

    from .events import Entry

BEHIND = Measure("behind", "delay behind the first lane")
"""What transports of one stream are compared by: of each call the median over its events."""

READ_HERE = "The lanes were read by this kernel's own clients on one loop; what a page does with them is not in it."
"""What a verdict about transports does not say."""

Stream = Callable[..., Result]


class Measurement(Waitable):
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
        super().__init__()
        self.arms = list(arms)
        self.transports = list(transports)
        self.by = by
        self.budget = budget
        self.seed = seed
        self.created = time.time()
        self.trials: list[Trial] = []
        self.order = schedule(len(self.arms), budget.runs + 1, seed)
        self.why = ""
        """Why there were no further calls, in words; empty while there are some."""
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

    # ------------------------------------------------------------------ what it shows

    @property
    def verdicts(self) -> list[Verdict]:
        """That of the arms, where there are several, and that of the transports."""
        found = []
        if len(self.arms) > 1:
            wanted = definition(self.by)
            measure = Measure(self.by, wanted.title, wanted.unit, higher_is_better(wanted))
            found.append(Verdict(measure, [Contender(arm.label, self.values(i)) for i, arm in enumerate(self.arms)], self.seed))
        if len(self.transports) > 1:
            found.append(Verdict(BEHIND, [Contender(TRANSPORT_WORDS[way], self.delays(way)) for way in self.transports], self.seed))
        return found

    def values(self, arm: int, cold: bool = False) -> tuple[float | None, ...]:
        """The figure `by` of an arm's calls, round by round; None where a call failed, or paid for what others find ready.

        Parameters
        ----------
        arm : place among the arms.
        cold : those calls, and no others.
        """
        fit = [trial for trial in self._of(arm) if "" not in trial.failures and self._counts_as_cold(trial) == cold]
        by_round = {trial.round: trial.figures.get(self.by) for trial in fit}
        return tuple(by_round.get(number) for number in range(self.budget.runs + 1))

    def _of(self, arm: int) -> list[Trial]:
        return [trial for trial in self.trials if trial.arm == arm]

    def _counts_as_cold(self, trial: Trial) -> bool:
        """A call that opened a connection is cold, but where every call of its arm does: that is how it is then."""
        later = [other.opened for other in self._of(trial.arm) if other.round]
        return trial.round == 0 or (trial.opened and not all(later))

    def delays(self, transport: str) -> tuple[float | None, ...]:
        """How far a transport's lane was behind the first one, µs, call by call; None where it failed, and in the cold round."""
        return tuple(trial.behind.get(transport) if trial.round else None for trial in self.trials)

    @property
    def verdict(self) -> str:
        """What is shown, and what is not, in sentences."""
        sentences = [sentence for verdict in self.verdicts for sentence in verdict.sentences]
        failed = Counter(self._failed())
        sentences += [f"{name} failed in {n:,} of {len(self.trials):,} calls." for name, n in failed.items()]
        sentences += [READ_HERE] if len(self.transports) > 1 else []
        return " ".join([*sentences, *([] if self.done else [f"It still runs: {self.progress}."])])

    def _failed(self) -> list[str]:
        return [TRANSPORT_WORDS.get(way, self.arms[trial.arm].label) for trial in self.trials for way in trial.failures]

    @property
    def table(self) -> pandas.DataFrame | Table:
        """One row a contender: a DataFrame where pandas is installed, else a table in words."""
        return frame(self)

    @property
    def words(self) -> Table:
        """The same in words."""
        return words(self)

    def plot(self) -> StripPlot:
        """Every value as a point, with the medians and their intervals."""
        return StripPlot(self.verdicts)

    def save(self, path: str | Path) -> Path:
        """Write it to a JSON file: what was asked, every call and its figures, order, seed, versions, verdict."""
        return measurement_file.dump(self, Path(path).expanduser())

    def __repr__(self) -> str:
        return f"{self.words!r}\n{self.verdict}"

    def _ipython_display_(self) -> None:
        if in_notebook() and not attended():
            self.wait()  # programs that execute notebooks take no notice of what is shown when a cell is done
        if not in_notebook():
            print(repr(self))  # noqa: T201 (this is the terminal's display)
            return
        from IPython.display import display

        html = f"{self.words._repr_html_()}{self.plot()._repr_html_()}"
        display({"text/plain": repr(self), "text/html": html}, raw=True)


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
