"""Many at once: users who ask again when they are answered, and arrivals that wait for nobody."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from ..errors import Refused
from ..formulas import Described, definition, goodput, whole
from ..intervals import quantile
from ..metrics import measure
from ..waiting import ended, until
from .asking import Asking
from .base import Taken, Workload, error_of, table, whole_number

if TYPE_CHECKING:
    from ..events import Entry
    from ..trials import Trial

MOST_REQUESTS = 1000
"""The most requests of one run."""

MOST_USERS = 128
"""The most users at once."""

MOST_RATE = 100.0
"""The most arrivals a second."""

LATE_US = 50_000
"""A request that began so long after its instant was late: the load generator, or the gateway, did not keep up."""

DUE = "Of each request from the instant at which it was to be asked"
ALL = "From the first request to the last stream's end, by this kernel's clock"
BEGAN = "Of each request from the instant at which it was to be asked to the answer to its start"
FAILED = "Requests that failed, which are counted."
CUT = "Answers that are not whole."
MODEL = "The wait for the model."
AIPERF = "AIPerf, from the instant that was due"
OWN = "tokenwidgets"


@dataclass(frozen=True)
class Load(Workload):
    """Requests that run beside each other.

    Parameters
    ----------
    requests : in one run.
    targets : what makes an answer a good one: by the name of a figure of `formulas.DEFINITIONS` the most it may be in its unit, or of a
        rate the least.
    """

    requests: int = 24
    targets: Mapping[str, float] = field(default_factory=dict)

    by: ClassVar[str] = "load_first_token_p50"
    runs: ClassVar[int] = 12
    figures: ClassVar[Mapping[str, Described]] = table(
        Described(
            "load_first_token_p50", "first token under load, p50", "µs", "median of the times to the first token",
            f"{DUE} to the first content", FAILED, AIPERF,
        ),
        Described(
            "load_first_token_p95", "first token under load, p95", "µs", "p95 of the times to the first token",
            f"{DUE} to the first content", f"{FAILED} Runs with fewer than 20 answers.", AIPERF,
        ),
        Described(
            "load_request_latency_p50", "end to end under load, p50", "µs", "median of the times to the last content",
            f"{DUE} to the last content", f"{FAILED} {CUT}", AIPERF,
        ),
        Described("load_output_tokens", "tokens in all", "tok/s", "tokens of whole answers / seconds", ALL, CUT, "AIPerf"),
        Described("load_request_throughput", "answers in all", "1/s", "whole answers / seconds", ALL, CUT, "AIPerf"),
        Described(
            "load_goodput", "goodput", "1/s", "whole answers that met every target / seconds", f"{ALL}; targets as the other figures",
            "Runs without targets.", "AIPerf, after DistServe",
        ),
        Described("load_failed", "failed", "1", "requests that failed or were cut off", "The whole run", "Answers that were stopped.", OWN),
        Described(
            "load_late", "late requests", "1", f"requests that began more than {LATE_US // 1000} ms after their instant", BEGAN, MODEL, OWN,
        ),
        Described("load_latest", "latest request", "µs", "the longest that a request began after its instant", BEGAN, MODEL, OWN),
    )  # fmt: skip

    def __post_init__(self) -> None:
        whole_number("requests", self.requests, 1, MOST_REQUESTS)
        for name, target in self.targets.items():
            definition(name)
            if isinstance(target, bool) or not isinstance(target, int | float):
                raise Refused("bad_request", f"The target of {name!r} is a number, not {target!r}.")

    @property
    def calls(self) -> int:
        """One a request."""
        return self.requests

    async def run(self, asking: Asking) -> Taken:
        """Ask all, and wait for all."""
        began = asking.clock()
        asked = await self._ask(asking, began)
        seconds = asking.clock() - began
        errors = Counter(filter(None, (error_of(one.entries) for one in asked)))
        if not asked or errors.total() == len(asked):
            return Taken(failures={"": f"every request failed: {next(iter(errors), 'none was made')}"})
        return Taken(load_figures(asked, seconds, self.targets))

    @abstractmethod
    async def _ask(self, asking: Asking, began: float) -> list[Asked]:
        """Make the requests, and wait for all."""

    def sentences(self, label: str, trials: Sequence[Trial]) -> list[str]:
        """What failed, and whether the generator kept up."""
        known = [trial for trial in trials if "load_failed" in trial.figures]
        requests, failed, late = (sum(values) for values in zip(*[_counts(trial) for trial in known], strict=True)) if known else (0, 0, 0)
        why = Counter(filter(None, (error_of(entries) for trial in known for entries in trial.streams))).most_common(1)
        said = [f"{label}: {failed:,} of {requests:,} requests failed{f', most often: {why[0][0]}' if why else '.'}"] if failed else []
        if late:
            latest = max(trial.figures["load_latest"] for trial in known) / 1e3
            said.append(
                f"{label}: {late:,} of {requests:,} requests began more than {LATE_US // 1000} ms late, up to {latest:,.0f} ms: the load "
                "generator, or the gateway, did not keep up. Their times are counted from the instant that was due all the same."
            )
        return said


@dataclass(frozen=True)
class ClosedLoop(Load):
    """So many users, each of whom asks again as soon as it is answered.

    A slow answer keeps its user from asking, so that a server in trouble is asked less: what arrivals would meet, `OpenLoop` tells.

    Parameters
    ----------
    users : at once.
    """

    users: int = 4

    name: ClassVar[str] = "closed-loop"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole_number("users", self.users, 1, min(MOST_USERS, self.requests))

    async def _ask(self, asking: Asking, began: float) -> list[Asked]:
        asked, numbers = list[Asked](), iter(range(self.requests))

        async def user() -> None:
            for _ in numbers:
                if asking.stopped:
                    return
                asked.append(await _one(asking, asking.clock()))

        await asyncio.gather(*(user() for _ in range(self.users)))
        return asked


@dataclass(frozen=True)
class OpenLoop(Load):
    """Requests that arrive at random, at a rate: a Poisson process, drawn by the seed, the same instants for every arm of a round.

    Arrivals wait for no answer, and times are counted from the instant at which one was due, so that a wait is never left out.

    Parameters
    ----------
    rate : arrivals a second.
    """

    rate: float = 2.0

    name: ClassVar[str] = "open-loop"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | float) or not 0 < self.rate <= MOST_RATE:
            raise Refused("bad_request", f"'rate' is a number above 0 and up to {MOST_RATE:g}, not {self.rate!r}.")

    async def _ask(self, asking: Asking, began: float) -> list[Asked]:
        due, running = began, list[asyncio.Task[Asked]]()
        for _ in range(self.requests):
            await asking.sleep_until(due)
            if asking.stopped:
                break
            running.append(asyncio.create_task(_one(asking, due)))
            due += asking.draw.expovariate(self.rate)
        return list(await asyncio.gather(*running))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has ended.

    Parameters
    ----------
    late_us : from the instant at which it was due to the answer to its start, µs.
    entries : of its stream.
    """

    late_us: int
    entries: Sequence[Entry]


async def _one(asking: Asking, due: float) -> Asked:
    result = asking.ask()
    await until(result, lambda: bool(result.stream))
    late = asking.clock() - due
    await ended(result)
    return Asked(round(late * 1e6), result.journal.entries)


def load_figures(asked: Sequence[Asked], seconds: float, targets: Mapping[str, float]) -> dict[str, float]:
    """The figures of requests that ran beside each other.

    Parameters
    ----------
    asked : all of them.
    seconds : from the first request to the last stream's end.
    targets : of goodput.
    """
    runs = [[replace(entry, at=entry.at + one.late_us) for entry in one.entries] for one in asked]  # as from the instant that was due
    found = [measure(entries) for entries in runs]
    good = [of for of in found if whole(of)]
    failed = [bool(error_of(one.entries)) for one in asked]
    firsts = [of.first_token_us for of, bad in zip(found, failed, strict=True) if of.first_token_us is not None and not bad]
    figures: dict[str, float | None] = {
        "load_first_token_p50": quantile(firsts, 0.5),
        "load_first_token_p95": quantile(firsts, 0.95),
        "load_request_latency_p50": quantile([of.last_content_us for of in good if of.last_content_us is not None], 0.5),
        "load_output_tokens": sum(of.tokens for of in good) / seconds if seconds > 0 else None,
        "load_request_throughput": len(good) / seconds if seconds > 0 else None,
        "load_goodput": goodput(runs, targets, seconds) if targets and seconds > 0 else None,
        "load_failed": sum(failed),
        "load_late": sum(one.late_us > LATE_US for one in asked),
        "load_latest": max(one.late_us for one in asked),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _counts(trial: Trial) -> tuple[int, int, int]:
    """How many requests a run made, how many of them failed, and how many were late."""
    return trial.calls, int(trial.figures["load_failed"]), int(trial.figures["load_late"])
