"""What differs between two reports: the figures, with intervals; what was asked; and on what it was measured.

The calls of two reports are no pairs: what changed in between, such as a provider's load, is in the difference. An interval is given at a
level that is raised for how many differences are looked at (Bonferroni). Coverage: `benchmarks/results/independent.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..findings_file import body
from ..intervals import LEVEL, PAIRS, Interval, cliffs_delta, effect, independent_difference, quantile
from ..listing import Table
from ..verdicts import Measure, Verdict

if TYPE_CHECKING:
    from ..findings import Findings

SAME_CALLS = "Calls of different times are compared: what changed in between is in every difference."


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of a contender in two reports.

    Parameters
    ----------
    label : the contender.
    measure : the figure.
    first, second : its values in each.
    level : of the interval.
    """

    label: str
    measure: Measure
    first: tuple[float, ...]
    second: tuple[float, ...]
    level: float

    @property
    def interval(self) -> Interval | None:
        """How much more it is in the second; None with too few values."""
        return independent_difference(self.first, self.second, self.level)

    @property
    def sentence(self) -> str:
        """What is shown."""
        found, what = self.interval, f"{self.label}, {self.measure.title}"
        if found is None:
            return f"{what}: too early to tell, n = {len(self.first):,} and {len(self.second):,}, and an interval needs {PAIRS} of each."
        numbers = f"{self._words(found.estimate)} [{self._words(found.low)}, {self._words(found.high)}]"
        counts = f"n = {len(self.first):,} and {len(self.second):,}"
        if not found.shows:
            return f"{what}: no difference shown: {numbers}, {counts}."
        better = "better" if (found.estimate > 0) == self.measure.more_is_better else "worse"
        size = effect(cliffs_delta(self.first, self.second))
        return f"{what}: {better} in the second: {numbers}, {counts}; the effect is {size}."

    def _words(self, value: float) -> str:
        return f"{'+' if value > 0 else ''}{self.measure.words(value)}"

    @property
    def row(self) -> list[str]:
        """For the table."""
        found = self.interval
        medians = [self.measure.words(quantile(values, 0.5)) for values in (self.first, self.second)]
        span = f"{self._words(found.low)} to {self._words(found.high)}" if found else ""
        verdict = "too few" if found is None else "differs" if found.shows else "no difference shown"
        return [self.label, self.measure.title, *medians, self._words(found.estimate) if found else "", span, verdict]


class Differences:
    """Two reports, and what differs.

    Parameters
    ----------
    figures : of the contenders that are in both.
    asked : what was asked otherwise, in sentences.
    environment : what they ran on, where it differs, in sentences.
    """

    def __init__(self, figures: Sequence[Difference], asked: Sequence[str], environment: Sequence[str]) -> None:
        self.figures = list(figures)
        self.asked = list(asked)
        self.environment = list(environment)

    @property
    def shown(self) -> list[Difference]:
        """Those that are shown."""
        return [found for found in self.figures if found.interval is not None and found.interval.shows]

    @property
    def words(self) -> Table:
        """A row a figure."""
        head = ["contender", "by", "median, first", "median, second", "difference", "its interval", ""]
        return Table(head, [found.row for found in self.figures])

    @property
    def sentences(self) -> list[str]:
        """What is shown, what is not, and what else is not the same."""
        figures = [found.sentence for found in self.figures] or ["No contender and figure is in both: there is nothing to compare."]
        return [*figures, *self.asked, *self.environment, SAME_CALLS]

    def __repr__(self) -> str:
        return f"{self.words!r}\n" + "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        from ..markup import tag

        return f"{self.words._repr_html_()}{tag('div', *(tag('p', words) for words in self.sentences))}"


def diff(a: Findings, b: Findings) -> Differences:
    """What differs from one report to another: of each contender of both, by what they were compared by.

    Parameters
    ----------
    a, b : the first, and the second.
    """
    first, second = _measured(a), _measured(b)
    both = [key for key in first if key in second and first[key].measure.unit == second[key].measure.unit]
    level = 1 - (1 - LEVEL) / max(1, len(both))
    figures = [
        Difference(label, first[name, label].measure, first[name, label].values, second[name, label].values, level) for name, label in both
    ]
    return Differences(figures, [*_asked(a, b)], [*_pairs("Measured with", a.environment, b.environment)])


@dataclass(frozen=True, slots=True)
class _Known:
    measure: Measure
    values: tuple[float, ...]


def _measured(of: Findings) -> dict[tuple[str, str], _Known]:
    """By the name of a figure and a contender's label, what its calls gave."""
    verdicts: list[Verdict] = of.verdicts if len(of.arms) > 1 or of.workload.of_transports else [of.judged(of.by), *of.verdicts]
    return {
        (verdict.measure.name, contender.label): _Known(verdict.measure, tuple(contender.known))
        for verdict in verdicts
        for contender in verdict.contenders
    }


def _asked(a: Findings, b: Findings) -> Iterator[str]:
    """What was not asked alike, without a word of it."""
    first, second = ({arm["label"]: arm for arm in body(of, words=False)["arms"]} for of in (a, b))
    for label in [*first, *(label for label in second if label not in first)]:
        if label not in first or label not in second:
            yield f"{label} is only in the {'first' if label in first else 'second'}."
        else:
            yield from _request(label, first[label], second[label])
    yield from _pairs("Compared with", _plan(a), _plan(b))


def _request(label: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[str]:
    if first["asked_sha256"] != second["asked_sha256"]:
        yield f"{label} was asked another prompt."
    rest = [{k: str(v) for k, v in arm["request"].items() if k not in ("prompt", "messages")} for arm in (first, second)]
    yield from _pairs(f"{label} was asked with", *rest)


def _plan(of: Findings) -> dict[str, str]:
    return {"workload": str(of.workload.body()), "figure": of.by, "transports": ", ".join(of.transports)}


def _pairs(what: str, first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[str]:
    """What is not the same in both."""
    for name in [*first, *(name for name in second if name not in first)]:
        if first.get(name) != second.get(name):
            yield f"{what} {name} {first.get(name) or 'none'} in the first, {second.get(name) or 'none'} in the second."
