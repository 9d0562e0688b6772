"""The runs of a comparison: who is asked, in which order, what each run gave, and when it is enough. Pure.

Runs come in rounds: each asks every arm once, in an order that the seed draws anew for each. The first round is cold (connections open,
models load, caches fill) and is kept apart, as is every later call that had to open a connection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from .errors import Refused
from .events import Entry, Notice, Start

if TYPE_CHECKING:
    from .legs import Leg

RUNS = 45
"""Rounds after the cold one: enough to find 5 % between calls that vary by 5 % of their own (`benchmarks/results/verdicts.md`)."""

MOST_RUNS = 1000
"""The most rounds of one comparison."""

ARMS = 8
"""The most contenders of one comparison."""

STOPPED = "it was stopped"
"""Why there are no further calls, where somebody wanted that."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to ask: what differs between calls.

    Parameters
    ----------
    label : what it is called beside the others.
    request : keywords of `tw.stream`.
    """

    label: str
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """One call, and what it gave.

    Parameters
    ----------
    round : from 0, which is the cold one.
    arm : place of what was asked among the arms.
    opened : whether it opened a connection to the provider.
    figures : of the stream, by their names; what is not known is missing.
    behind : by transport, the median delay behind the first lane to bring an event, µs; None where that lane failed.
    failures : by transport, why a lane failed; under an empty name, why the stream did.
    cost : US dollars; None where nobody says.
    at : when it was made, seconds since the comparison began.
    entries : of its stream, whole; of a workload with several, of the first one.
    further : entries of those after it.
    begun : when each of them was asked, seconds since the comparison began.
    calls : how many of a provider it took.
    by_transport : by transport, the workload's figures of that one alone.
    place : which worker made it; empty where all are made by one.
    legs : by transport, the legs behind the provider that its lane measured beside the others (`tokenwidgets.legs`).
    alone : the link of the transport that read the stream once more, played again, by itself.
    held : by transport, what was held back on its way, in a sentence (`tokenwidgets.buffering`).
    """

    round: int
    arm: int
    opened: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)
    behind: Mapping[str, float | None] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    cost: float | None = None
    at: float = 0.0
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    further: tuple[tuple[Entry, ...], ...] = field(default=(), repr=False)
    begun: tuple[float, ...] = ()
    calls: int = 1
    by_transport: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    place: str = ""
    legs: Mapping[str, Mapping[str, Leg]] = field(default_factory=dict)
    alone: Mapping[str, Leg] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)

    @property
    def streams(self) -> tuple[tuple[Entry, ...], ...]:
        """The entries of every stream, in the order in which they began."""
        return (self.entries, *self.further) if self.entries else ()

    @property
    def start(self) -> Start | None:
        """The event that says who was asked."""
        return next((entry.event for entry in self.entries if isinstance(entry.event, Start)), None)

    @property
    def cold(self) -> bool:
        """Whether it paid for what later calls find ready; where it is several calls, opening connections is a part of it."""
        return self.round == 0 or (self.opened and self.calls == 1)


def schedule(arms: int, rounds: int, seed: int) -> list[tuple[int, int]]:
    """Every call as (round, arm): all arms in each round, in an order drawn for it.

    Parameters
    ----------
    arms, rounds : how many there are.
    seed : the same gives the same order.
    """
    draw = Random(seed)  # noqa: S311 (an order, no secret)
    return [(number, arm) for number in range(rounds) for arm in draw.sample(range(arms), arms)]


def opened(entries: Sequence[Entry]) -> bool:
    """Whether the call opened a connection: its notice has an instant of the connect."""
    notices = (e.event.data for e in entries if isinstance(e.event, Notice) and e.event.kind == "connection")
    return any("connect" in data and data.get("simulated") is not True for data in notices)


@dataclass(frozen=True, slots=True)
class Budget:
    """When a comparison ends: with whichever comes first.

    Parameters
    ----------
    runs : rounds after the cold one.
    calls : of providers; None for as many as the rounds take.
    seconds : from the beginning. A call that runs then is not stopped.
    dollars : spent. No call is made that might go beyond it, taking the dearest one so far; and none where nobody says what a call costs.
    width : as a share of the median; enough is known when every interval of a difference is as narrow.

    Raises
    ------
    Refused : one of them is no number above 0, or `runs` is above `MOST_RUNS`.
    """

    runs: int = RUNS
    calls: int | None = None
    seconds: float | None = None
    dollars: float | None = None
    width: float | None = None

    def __post_init__(self) -> None:
        for name in ("runs", "calls", "seconds", "dollars", "width"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
                raise Refused("bad_request", f"{name!r} is a number above 0, not {value!r}.")
        if not isinstance(self.runs, int) or self.runs > MOST_RUNS:
            raise Refused("bad_request", f"'runs' is a whole number up to {MOST_RUNS:,}, not {self.runs!r}.")

    @property
    def over(self) -> str:
        """Why there is no further round, in words."""
        return "the one round was made" if self.runs == 1 else f"the {self.runs:,} rounds were made"

    def spent(self, trials: Sequence[Trial], seconds: float, each: int = 1) -> str:
        """Why there is no further call, in words; empty while there is one.

        Parameters
        ----------
        trials : so far.
        seconds : since the beginning.
        each : the most calls that the next trial makes.
        """
        made = sum(trial.calls for trial in trials)
        if self.calls is not None and not made and each > self.calls:
            return f"a run takes up to {each:,} calls, more than the {self.calls:,} that it may"
        if self.calls is not None and made + each > self.calls:
            beyond = "" if each == 1 else f", and a further run might pass {self.calls:,}"
            return f"the {made:,} calls were made{beyond}"
        if self.seconds is not None and seconds >= self.seconds:
            return f"the {self.seconds:g} s were over"
        return self._bill([trial.cost for trial in trials]) if self.dollars is not None and trials else ""

    def _bill(self, costs: Sequence[float | None]) -> str:
        known = [cost for cost in costs if cost is not None]
        if len(known) < len(costs):
            return "nobody says what a call costs, so that dollars= cannot be kept"
        return f"a further call might have gone beyond ${self.dollars:g}" if sum(known) + max(known) > (self.dollars or 0) else ""

    def left(self, done: int, planned: int, seconds: float, each: int = 1) -> float | None:
        """About how many seconds are left; None before the first trial came back. The width may end it earlier.

        Parameters
        ----------
        done, planned : trials.
        seconds : that those done took.
        each : the most calls of a trial.
        """
        if not done:
            return None
        trials = planned if self.calls is None else min(planned, max(done, self.calls // each))
        rest = seconds / done * (trials - done)
        return rest if self.seconds is None else min(rest, max(0.0, self.seconds - seconds))
