"""What the calls of a comparison were, as the rules of advice ask for it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..trials import Trial
from ..verdicts import Contender, Measure, Verdict
from .known import Use
from .words import Figure, Reason

if TYPE_CHECKING:
    from ..findings import Findings

COST = Measure("cost", "cost of a call", "USD")


def decider(of: Findings, wanted: Use) -> Verdict:
    """What the arms show by the figure that decides: of bulk what it costs, where that is known, else the use's own figure; of a workload
    that does not have it, the one by which it was compared.
    """
    billed = costs(of) if wanted.name == "batch" else None
    return billed or of.judged(wanted.by if wanted.by in of.workload.figures else of.by)


def costs(of: Findings) -> Verdict | None:
    """What the arms show by what a call costs; None where it is not known of each, or nobody asks for money."""
    contenders = [Contender(arm.label, of.by_round(place, lambda trial: trial.cost)) for place, arm in enumerate(of.arms)]
    told = all(contender.known for contender in contenders) and any(value for contender in contenders for value in contender.known)
    return Verdict(COST, contenders, of.seed) if told and len(contenders) > 1 and not of.made_up else None


def hosts_asked(of: Findings) -> list[str]:
    """The host of each arm, as its model was named; empty for an alias or the default."""
    return [str(arm.request.get("model") or "").partition("/")[0] for arm in of.arms]


def real(of: Findings) -> list[Trial]:
    """Calls that came back, but those of the cold round and those that were made up."""
    without = of.made_up
    return [trial for trial in of.trials if trial.round and "" not in trial.failures and trial.arm not in without]


def sentences(verdict: Verdict) -> tuple[Reason, ...]:
    """What a verdict says, the first sentence with the figures of all."""
    rested = figures(verdict, verdict.ranking)
    return tuple(Reason(sentence, () if number else rested) for number, sentence in enumerate(verdict.sentences))


def figures(verdict: Verdict, places: Sequence[int]) -> tuple[Figure, ...]:
    """The medians of some contenders, with their intervals."""
    found = [(verdict.contenders[place].label, verdict.summary(place)) for place in places]
    return tuple(Figure(label, verdict.measure, of.p50, of.median, of.n) for label, of in found if of.p50 is not None)
