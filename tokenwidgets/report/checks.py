"""Conditions on a comparison, decided by its calls: what a build in CI asks of it.

    [contender:] value > | >= | < | <= | == | != value

The names are figures with their statistic (`ttft.p50`, `total.p95`), `base`, which is the first of them in the report that is compared
with, and the counts `calls` and `failures`. Without a contender a condition is asked of each. Only warm calls count, but for the counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from ..comparison import TRANSPORT_WORDS
from ..intervals import NEEDED, quantile
from .expressions import Condition, Untold, Value, bad, parse

if TYPE_CHECKING:
    from ..findings import Findings

ALIASES: Mapping[str, str] = {
    "ttfb": "first_byte", "ttft": "time_to_first_token", "ttfo": "time_to_first_output_token", "icl": "inter_chunk_latency",
    "itl": "inter_token_latency", "tpot": "time_per_output_token", "rate": "output_token_throughput_per_user",
    "throughput": "output_token_throughput", "e2e": "request_latency", "jitter": "smoothed_jitter",
}  # fmt: skip
"""Short names of figures."""

STATISTICS = {"p50": 0.5, "median": 0.5, "p95": 0.95, "p99": 0.99, "mean": None, "n": None}
"""By name the quantile, where it is one."""

COUNTS = ("calls", "failures")
BASE = "base"
BEHIND = "behind"
"""The figure of transports: how far behind the first lane each was."""


@dataclass(frozen=True, slots=True)
class Check:
    """What became of a condition.

    Parameters
    ----------
    condition : as it was given, without the contender.
    contender : of which it was asked.
    holds : whether it does; None where the calls cannot tell.
    words : the numbers, or why they cannot.
    """

    condition: str
    contender: str
    holds: bool | None
    words: str

    def __str__(self) -> str:
        outcome = "cannot be told" if self.holds is None else "holds" if self.holds else "does not hold"
        return f"{self.contender}: {self.condition} {outcome}: {self.words}."


def check(findings: Findings, conditions: Iterable[str], base: Findings | None = None) -> list[Check]:
    """Whether conditions hold, such as `"ttft.p50 > 1.2 * base"`, `"failures > 0"` or `"sim/steady: total.p95 > 3 s"`.

    Parameters
    ----------
    findings : of whose calls they are asked.
    conditions : each asked of the contender that it names, else of every one.
    base : the report in which `base` is the same figure of the same contender.

    Returns
    -------
    One check a condition and contender, in their order; where too few calls were made to tell, its `holds` is None.

    Raises
    ------
    Refused : one is no condition, or about nothing that is there; the sentence says what there is.
    """
    if isinstance(conditions, str):
        conditions = [conditions]
    return [found for condition in conditions for found in _checks(findings, condition, base)]


def _checks(of: Findings, text: str, base: Findings | None) -> Iterator[Check]:
    """A condition, asked of each contender that it is about."""
    asked, rest = _asked(of, text)
    condition = parse(rest)
    named = [name for name in condition.names if name not in (BASE, *COUNTS)]
    figures = [_figure(of, name, condition) for name in named]
    if BASE in condition.names and (base is None or not named):
        raise bad(rest, "'base' is a figure in another report; " + ("none is named" if base else "there is none to compare with"))
    for label in _contenders(of, figures, condition.names) if asked is None else [asked]:
        yield _decided(condition, _Asked(of, base, label, named[0] if named else ""))


def _contenders(of: Findings, figures: Sequence[str], names: Sequence[str]) -> list[str]:
    """Those that have the figures; a lane may fail where its stream does not."""
    if BEHIND in figures or (figures and of.workload.of_transports):
        return _transports(of)
    arms = [arm.label for arm in of.arms]
    return [*arms, *_transports(of)] if not figures and "failures" in names else arms


def _asked(of: Findings, text: str) -> tuple[str | None, str]:
    """Of whom it is asked, None for everyone, and the condition itself."""
    labels = [*(arm.label for arm in of.arms), *_transports(of)]
    for label in sorted(labels, key=len, reverse=True):
        if text.startswith(f"{label}:"):
            return label, text.removeprefix(f"{label}:").strip()
    if ":" in text:
        raise bad(text, f"it is about no contender of this comparison, which are {', '.join(labels)}")
    return None, text.strip()


def _transports(of: Findings) -> list[str]:
    return [TRANSPORT_WORDS[way] for way in of.transports]


def _figure(of: Findings, name: str, condition: Condition) -> str:
    """The figure that a name is of."""
    figure, _, statistic = name.partition(".")
    found = ALIASES.get(figure, figure)
    known = {short: name for short, name in ALIASES.items() if name in of.workload.figures}
    if found != BEHIND and found not in of.workload.figures:
        raise bad(condition.text, f"there is no figure {figure!r}: it is one of {', '.join([*known, *of.workload.figures, *COUNTS])}")
    if statistic not in STATISTICS:
        raise bad(condition.text, f"{figure!r} needs its statistic: {', '.join(f'{figure}.{statistic}' for statistic in STATISTICS)}")
    return found


def _decided(condition: Condition, asked: _Asked) -> Check:
    try:
        holds, left, right = condition.holds(asked.value)
    except Untold as e:
        return Check(condition.text, asked.label, None, str(e))
    return Check(condition.text, asked.label, holds, f"{left.words} against {right.words} ({', '.join(asked.counted)})")


class _Asked:
    """One contender, and what the names of a condition are of it."""

    def __init__(self, of: Findings, base: Findings | None, label: str, first: str) -> None:
        self._of = of
        self._base = base
        self._first = first
        self.label = label
        self.counted: dict[str, None] = {}
        """How many calls it rests on, in words."""

    def value(self, name: str) -> Value:
        """What a name stands for.

        Raises
        ------
        Untold : there are too few calls, or none of this contender.
        """
        if name in COUNTS:
            return self._count(name)
        if name == BASE and self._base is not None:
            return self._statistic(self._base, self._first, " in the base")
        return self._statistic(self._of, name, "")

    def _count(self, name: str) -> Value:
        way = {TRANSPORT_WORDS[way]: way for way in self._of.transports}.get(self.label, "")
        made = [trial for trial in self._of.trials if way or self._of.arms[trial.arm].label == self.label]
        self.counted[f"{len(made):,} calls"] = None
        return Value(float(len(made) if name == "calls" else sum(way in trial.failures for trial in made)), "1")

    def _statistic(self, of: Findings, name: str, where: str) -> Value:
        figure, _, statistic = name.partition(".")
        unit, values = self._values(of, ALIASES.get(figure, figure), where)
        n = len(values)
        self.counted[f"n = {n:,}{where}"] = None
        if statistic == "n":
            return Value(float(n), "1")
        q = STATISTICS[statistic]
        found = quantile(values, q) if q else fmean(values) if values else None
        if found is None:
            raise Untold(f"n = {n:,}{where}, and a {statistic} needs {NEEDED[q] if q else 1}")
        return Value(found, unit)

    def _values(self, of: Findings, figure: str, where: str) -> tuple[str, list[float]]:
        """The unit of a figure, and what the calls of this contender gave."""
        if figure == BEHIND:
            unit, by_label = "µs", {TRANSPORT_WORDS[way]: of.delays(way) for way in of.transports}
        elif of.workload.of_transports:
            unit = of.workload.definition(figure).unit
            by_label = {TRANSPORT_WORDS[way]: of.by_transport(way, figure) for way in of.transports}
        else:
            verdict = of.judged(figure)
            unit, by_label = verdict.measure.unit, {contender.label: contender.values for contender in verdict.contenders}
        if self.label not in by_label:
            raise Untold(f"{self.label} is not there{where}")
        return unit, [value for value in by_label[self.label] if value is not None]
