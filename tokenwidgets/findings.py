"""What the calls of a comparison show, and what they do not: of one that runs, is over, or was read from a file."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import leg_findings, places
from .comparison import TRANSPORT_WORDS
from .environment import environment
from .findings_table import frame, words
from .formulas import higher_is_better
from .listing import Table
from .markup import tag
from .output import in_notebook
from .places import Place
from .skin import QUIET, UI
from .strip_plot import StripPlot
from .trials import Arm, Budget, Trial, schedule
from .verdicts import Contender, Measure, Verdict
from .workloads import TURN, Workload

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from .advice import Advice

BEHIND = Measure("behind", "delay behind the first lane")
"""What transports of one stream are compared by: of each call the median over its events."""

READ_HERE = (
    "The lanes were read by this kernel's own clients on one loop, which serves one of them first; what a page does with them is not in it."
)
READ_THERE = (
    "The lanes were read by the page that shows this notebook, over its own connections and on its one loop, which serves one of them "
    "first."
)
"""What a verdict about transports rests on."""

MADE_UP = ("sim", "replay")
"""Hosts that ask no model."""


class Findings:
    """The calls that were made, and what can be said of them.

    Parameters
    ----------
    arms : the ways to ask.
    transports : of each call's stream.
    by : the figure by which arms are compared.
    budget : when it is enough.
    seed : of the order, and of the statistics.
    workload : what is asked of each arm in a round.
    """

    def __init__(
        self, arms: Sequence[Arm], transports: Sequence[str], by: str, budget: Budget, seed: int, workload: Workload = TURN
    ) -> None:
        self.arms = list(arms)
        self.transports = list(transports)
        self.by = by
        self.budget = budget
        self.seed = seed
        self.workload = workload
        self.created = time.time()
        self.environment = environment()
        self.trials: list[Trial] = []
        self.places: list[Place] = []
        """Where the calls were made from; empty where that is here."""
        self.order = schedule(len(self.arms), budget.runs + 1, seed)
        self.why = ""
        """Why there were no further calls, in words; empty while there are some."""

    def _unfinished(self) -> list[str]:
        """What to say of calls that are still to come."""
        return []

    @property
    def verdicts(self) -> list[Verdict]:
        """That of the arms, where there are several, and that of the transports."""
        found = []
        if self.workload.of_transports:
            ways = [Contender(TRANSPORT_WORDS[way], self.by_transport(way, self.by)) for way in self.transports]
            return [Verdict(self._measure(self.by), ways, self.seed)]
        if len(self.arms) > 1:
            found.append(self.judged(self.by))
        if len(self.transports) > 1:
            found.append(Verdict(BEHIND, [Contender(TRANSPORT_WORDS[way], self.delays(way)) for way in self.transports], self.seed, "call"))
        return found

    def _measure(self, by: str) -> Measure:
        wanted = self.workload.definition(by)
        return Measure(by, wanted.title, wanted.unit, higher_is_better(wanted))

    def judged(self, by: str) -> Verdict:
        """What the arms show by a figure, be it another one than they were compared by."""
        values = [self.by_round(place, lambda trial: trial.figures.get(by)) for place in range(len(self.arms))]
        return Verdict(self._measure(by), [Contender(arm.label, of) for arm, of in zip(self.arms, values, strict=True)], self.seed)

    def values(self, arm: int, cold: bool = False) -> tuple[float | None, ...]:
        """The figure `by` of an arm's calls; see `by_round`."""
        return self.by_round(arm, lambda trial: trial.figures.get(self.by), cold)

    def by_round(self, arm: int, of: Callable[[Trial], float | None], cold: bool = False) -> tuple[float | None, ...]:
        """What each round gave of an arm; None where a call failed, or paid for what others find ready.

        Parameters
        ----------
        arm : place among the arms.
        of : what is asked of a call.
        cold : those calls, and no others.
        """
        fit = [trial for trial in self._of(arm) if "" not in trial.failures and self._counts_as_cold(trial) == cold]
        found = {trial.round: of(trial) for trial in fit}
        return tuple(found.get(number) for number in range(self.budget.runs + 1))

    def part(self, place: str) -> Findings:
        """What was measured at one place alone."""
        found = copy.copy(self)
        found.trials = [trial for trial in self.trials if trial.place == place]
        found.places = []
        return found

    def _of(self, arm: int) -> list[Trial]:
        return [trial for trial in self.trials if trial.arm == arm]

    def _counts_as_cold(self, trial: Trial) -> bool:
        """A call that opened a connection is cold, but where every call of its arm does: that is how it is then."""
        later = [other.opened for other in self._of(trial.arm) if other.round]
        return trial.round == 0 or (trial.cold and not all(later))

    @property
    def made_up(self) -> list[int]:
        """Places of the arms whose calls were simulated or replayed: no model answered them."""
        flagged = {trial.arm for trial in self.trials if (start := trial.start) and (start.simulated or start.replayed)}
        hosts = [str(arm.request.get("model") or "").partition("/")[0] for arm in self.arms]
        return [place for place, host in enumerate(hosts) if host in MADE_UP or place in flagged]

    def delays(self, transport: str) -> tuple[float | None, ...]:
        """How far a transport's lane was behind the first one, µs, call by call; None where it failed, and in the cold round."""
        return tuple(trial.behind.get(transport) if trial.round else None for trial in self.trials)

    def by_transport(self, transport: str, by: str) -> tuple[float | None, ...]:
        """A figure of one transport, run by run; None where it failed, and in the cold round."""
        return tuple(trial.by_transport.get(transport, {}).get(by) if trial.round else None for trial in self.trials)

    @property
    def ways(self) -> list[Verdict]:
        """What transports show leg by leg: told beside the verdicts, not decided by."""
        return leg_findings.verdicts(self)

    @property
    def verdict(self) -> str:
        """What is shown, and what is not, in sentences."""
        sentences = [sentence for verdict in self.verdicts for sentence in verdict.sentences]
        sentences += [*self._only_cold(), *self._failures(), *self._unreal()]
        sentences += [said for i, arm in enumerate(self.arms) for said in self.workload.sentences(arm.label, self._of(i))]
        sentences += leg_findings.sentences(self) + leg_findings.warnings(self)
        if len(self.transports) > 1:
            sentences += self._uncounted()
            sentences.append(READ_THERE if self.environment.get("lanes") == "page" else READ_HERE)
        return " ".join([*sentences, *places.sentences(self), *self._unfinished()])

    def _uncounted(self) -> list[str]:
        """Calls that say nothing of transports, though none of their lanes failed."""
        whole = [trial for trial in self.trials if trial.round and not trial.failures and not self.workload.of_transports]
        over = sum(any(trial.behind.get(way) is None for way in self.transports) for trial in whole)
        if not over:
            return []
        return [
            f"In {over:,} of {len(whole):,} calls the stream was over before every lane read it; they are not counted. "
            "A longer answer shows more."
        ]

    def _only_cold(self) -> list[str]:
        cold = self.trials and all(trial.round == 0 for trial in self.trials)
        return ["So far only the cold round was asked, which counts in no figure."] if cold else []

    def _unreal(self) -> list[str]:
        names = ", ".join(self.arms[place].label for place in self.made_up)
        return [f"Simulated or replayed, so that no model was measured: {names}."] if names else []

    def _failures(self) -> list[str]:
        of_arms = [(arm.label, "", self._of(i)) for i, arm in enumerate(self.arms)]
        asked = of_arms + [(TRANSPORT_WORDS[way], way, self.trials) for way in self.transports]
        counted = [(label, sum(way in trial.failures for trial in trials), len(trials)) for label, way, trials in asked]
        return [f"{label} failed in {n:,} of {of:,} {self.workload.unit}s." for label, n, of in counted if n]

    @property
    def table(self) -> pandas.DataFrame | Table:
        """One row a contender: a DataFrame where pandas is installed, else a table in words."""
        return frame(self)

    @property
    def words(self) -> Table:
        """The same in words."""
        return words(self)

    def advice(self, use: str = "general") -> Advice:
        """What to use, as far as these calls decide it, with the figures it rests on and what would change it.

        Parameters
        ----------
        use : what it is for: general, chat, agent, voice, broadcast, batch or notebook.

        Raises
        ------
        Refused : there is no such use.
        """
        from .advice import advise

        return advise(self, use)

    def code(self, language: str = "python") -> str:
        """The winner as a program without this package, in one of `tokenwidgets.code.LANGUAGES`; its first line says why it is this one."""
        from .winner import program

        return program(self, language)

    def plot(self) -> StripPlot:
        """Every value as a point, with the medians and their intervals."""
        return StripPlot(self.verdicts)

    def figure(self) -> Figure:
        """The same by matplotlib, for a paper: points with medians and their intervals, and how they are distributed."""
        from .report.figure import figure

        return figure(self.verdicts)

    def save(self, path: str | Path, recordings: bool | str | Path = True) -> Path:
        """Write it whole to a file: `.json`, or `.html`, a page that opens anywhere; `tw.open_comparison` reads both. `.csv` and `.parquet`
        are tables of the calls.

        Parameters
        ----------
        path : where to; its ending says the form.
        recordings : what was asked and answered is kept in the file. False: no word of it, only hashes, lengths and instants. A folder:
            the same, and the streams go there, a recording a call.

        Raises
        ------
        Refused : the ending is none of those, or there is no such folder.
        TokenwidgetsError : a table needs a library that is not installed.
        """
        from .report.file import save

        kept = recordings if isinstance(recordings, bool) else Path(recordings).expanduser()
        return save(self, Path(path).expanduser(), kept)

    def export(self, form: str, path: str | Path) -> Path:
        """Write it as another tool does: `aiperf` into a folder, with one of its runs for each arm, or `guidellm` into a `benchmarks.json`.

        Parameters
        ----------
        form : aiperf or guidellm.
        path : the folder, or the file.

        Raises
        ------
        Refused : there is no such form.
        """
        from .report.file import export

        return export(self, form, Path(path).expanduser())

    def __repr__(self) -> str:
        return f"{self.words!r}\n{self.verdict}"

    def _ipython_display_(self) -> None:
        if not in_notebook():
            print(repr(self))  # noqa: T201 (this is the terminal's display)
            return
        from IPython.display import display

        notes = tag("div", " ".join(self._unreal()), style=f"font:12px/1.45 {UI};color:{QUIET}")
        html = f"{self.words._repr_html_()}{self.plot()._repr_html_()}{notes}"
        display({"text/plain": repr(self), "text/html": html}, raw=True)
