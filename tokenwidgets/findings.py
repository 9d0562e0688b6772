"""What the calls of a comparison show, and what they do not: of one that runs, is over, or was read from a file."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import findings_file
from .comparison import TRANSPORT_WORDS
from .findings_table import frame, words
from .formulas import definition, higher_is_better
from .listing import Table
from .output import in_notebook
from .strip_plot import StripPlot
from .trials import Arm, Budget, Trial, schedule
from .verdicts import Contender, Measure, Verdict

if TYPE_CHECKING:
    import pandas

BEHIND = Measure("behind", "delay behind the first lane")
"""What transports of one stream are compared by: of each call the median over its events."""

READ_HERE = "The lanes were read by this kernel's own clients on one loop; what a page does with them is not in it."
"""What a verdict about transports does not say."""


class Findings:
    """The calls that were made, and what can be said of them.

    Parameters
    ----------
    arms : the ways to ask.
    transports : of each call's stream.
    by : the figure by which arms are compared.
    budget : when it is enough.
    seed : of the order, and of the statistics.
    """

    def __init__(self, arms: Sequence[Arm], transports: Sequence[str], by: str, budget: Budget, seed: int) -> None:
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

    def _unfinished(self) -> list[str]:
        """What to say of calls that are still to come."""
        return []

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
        return " ".join([*sentences, *self._unfinished()])

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
        return findings_file.dump(self, Path(path).expanduser())

    def __repr__(self) -> str:
        return f"{self.words!r}\n{self.verdict}"

    def _ipython_display_(self) -> None:
        if not in_notebook():
            print(repr(self))  # noqa: T201 (this is the terminal's display)
            return
        from IPython.display import display

        html = f"{self.words._repr_html_()}{self.plot()._repr_html_()}"
        display({"text/plain": repr(self), "text/html": html}, raw=True)
