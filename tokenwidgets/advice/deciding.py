"""Which way to ask, and which transport, is better for a use: where that is shown, and could be seen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import median
from typing import TYPE_CHECKING

from .. import leg_findings
from ..comparison import TRANSPORT_WORDS
from ..intervals import PAIRS
from ..trials import MOST_RUNS
from ..verdicts import Measure, Verdict
from .calls import COST, costs, decider, sentences
from .known import FRAME_US, Use
from .words import Reason, Said

if TYPE_CHECKING:
    from ..findings import Findings

FAILED = 0.05
"""Share of failed calls above which being ahead is no reason to use something."""

SOUGHT = 0.05
"""Difference, as a share of the median, that a further measurement is advised for."""

SHARE = 0.01
"""What differs by less than this share of a whole call makes no difference where nobody looks on."""


# ------------------------------------------------------------------ who is asked


def arms(of: Findings, wanted: Use) -> Said:
    """Which way to ask is better, where that is shown."""
    if not of.trials:
        return Said(reasons=(Reason("No call has been made yet."),))
    if of.workload.of_transports:
        return Said()
    if len(of.arms) < 2:
        return Said(would_change=(f"Another model may do better for this: only {of.arms[0].label} was asked.",))
    if names := [of.arms[place].label for place in of.made_up]:
        return _simulated(names)
    verdict = decider(of, wanted)
    own = verdict.measure.name in (wanted.by, COST.name)
    why = (Reason(f"{wanted.why}: {verdict.measure.title} decides.", source="the rule of this use"),) if own else ()
    found = _ahead(of, wanted, verdict) if verdict.leader is not None else _undecided(of, verdict)
    return Said(found.recommendation, (*found.reasons, *why), found.would_change)


def _simulated(names: Sequence[str]) -> Said:
    whose = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    reason = Reason(f"The instants of {whose} are simulated or replayed: they are no measurement, and say nothing of a model.")
    return Said(reasons=(reason,), would_change=("Calls of real hosts would decide: tw.compare(…, models=[…]).",))


def _ahead(of: Findings, wanted: Use, verdict: Verdict) -> Said:
    place = verdict.leader or 0
    name, measure = verdict.contenders[place].label, verdict.measure
    reasons = (*sentences(verdict), *_unmeasured(verdict))
    if often := _often(of, place):
        return Said(reasons=(*reasons, Reason(often)), would_change=(f"Further calls of {name} that do not fail.",))
    lead = _lead(verdict)
    if wanted.looked_at and measure.unit == "µs" and lead < FRAME_US:
        small = Reason(f"{measure.words(lead)} is less than a frame of a page, {measure.words(FRAME_US)}: nobody sees it.")
        return Said(reasons=(*reasons, small), would_change=("What else differs between them decides: what they cost, and what they say.",))
    return Said(f"Use {name}: it was ahead by {measure.title}.", reasons, ("What the answers say was not compared, only when they came.",))


def _often(of: Findings, place: int) -> str:
    """That an arm fails too often to be recommended; empty where it does not."""
    calls = [trial for trial in of.trials if trial.arm == place]
    failed = sum("" in trial.failures for trial in calls)
    if failed <= FAILED * len(calls):
        return ""
    return f"{of.arms[place].label} failed in {failed:,} of its {len(calls):,} calls: being ahead in the others is no reason to use it."


def _unmeasured(verdict: Verdict) -> tuple[Reason, ...]:
    without = [contender.label for contender in verdict.contenders if not contender.known]
    title = verdict.measure.title.capitalize()
    return (Reason(f"{title} was not measured of {', '.join(without)}: no warm call gave it."),) if without else ()


def _lead(verdict: Verdict) -> float:
    """How far the leader is ahead of the next one, in the measure's unit."""
    first, second = verdict.ranking[:2]
    found = verdict.pair(first, second).difference
    return abs(found.estimate) if found else 0.0


def _undecided(of: Findings, verdict: Verdict) -> Said:
    measure, reasons, without = verdict.measure, sentences(verdict), _unmeasured(verdict)
    if without:
        return Said(reasons=(*reasons, *without), would_change=(f"Calls that give {measure.title} of all of them would decide.",))
    fewest = min((pair.n for pair in verdict.pairs), default=0)
    if fewest < PAIRS:
        change = f"{PAIRS} rounds are the fewest that decide anything, and {fewest:,} were made: tw.compare(…, runs={PAIRS}) or more."
        return Said(reasons=reasons, would_change=(change,))
    return Said(_cheaper(of, verdict), reasons, (_further(verdict),))


def _cheaper(of: Findings, verdict: Verdict) -> str:
    """The recommendation of the one that costs less, where that is shown and it is not shown to be behind the first one."""
    billed = costs(of) if verdict.measure.name != COST.name else None
    place = None if billed is None else billed.leader
    if place is None or _often(of, place) or not _abreast(verdict, place):
        return ""
    first = f"by {verdict.measure.title} no difference is shown between the first ones"
    return f"Use {of.arms[place].label}: it costs less, and {first}."


def _abreast(verdict: Verdict, place: int) -> bool:
    """Whether a contender is the first one, or not shown to be behind it."""
    first = verdict.ranking[0]
    found = None if place == first else verdict.pair(first, place).difference
    return place == first or (found is not None and not found.shows)


def _further(verdict: Verdict) -> str:
    """Which measurement would decide, as far as can be told from how much the calls varied."""
    needed = max((_rounds(verdict, *places) for places in _pairs(verdict)), default=MOST_RUNS + 1)
    what = f"a difference of {SOUGHT:.0%} by {verdict.measure.title}, if there is one"
    if needed > MOST_RUNS:
        return f"These calls vary so much that {MOST_RUNS:,} rounds would hardly show {what}."
    if needed > max(pair.n for pair in verdict.pairs):
        return f"About {needed:,} rounds would show {what}: tw.compare(…, runs={needed})."
    room = verdict.measure.words(max(_room(verdict, *places) for places in _pairs(verdict)))
    return f"These calls leave room for a difference of at most {room} by {verdict.measure.title}: more rounds would show a smaller one."


def _room(verdict: Verdict, first: int, second: int) -> float:
    """The largest difference that the interval leaves room for."""
    found = verdict.pair(first, second).difference
    return max(abs(found.low), abs(found.high)) if found else 0.0


def _pairs(verdict: Verdict) -> list[tuple[int, int]]:
    """The one with the best median beside each other."""
    first, *others = verdict.ranking
    return [(first, other) for other in others]


def _rounds(verdict: Verdict, first: int, second: int) -> int:
    """How many rounds make the interval so narrow that a difference of `SOUGHT` lies outside it; the width falls with their root."""
    pair = verdict.pair(first, second)
    least = min(median(verdict.contenders[place].known) for place in (first, second))
    if pair.difference is None or least <= 0:
        return MOST_RUNS + 1
    return ceil(min(1e9, pair.n * (pair.difference.width / (SOUGHT * least)) ** 2))


# ------------------------------------------------------------------ how it is read


def transports(of: Findings, wanted: Use) -> Said:
    """Which transport is better, where that is shown and could be seen."""
    if len(of.transports) < 2:
        asked = [name for name in wanted.transports if name != "comm"]
        change = f"Transports were not compared: tw.compare(…, transports={asked}) measures them on one call." if asked else ""
        return Said(would_change=(change,) if change else ())
    verdict = of.verdicts[-1]
    reasons = (*sentences(verdict), *(Reason(warning) for warning in leg_findings.warnings(of)))
    if verdict.leader is None:
        return _abreast_lanes(of, wanted, verdict, reasons)
    return _first_lane(of, wanted, verdict, reasons)


def _elsewhere(of: Findings) -> str:
    if of.environment.get("lanes") == "page":
        return "The lanes were read by this page: another one, a proxy between, or a path that loses packets may order them otherwise."
    return "The lanes were read by this kernel: a page, a proxy between, or a path that loses packets may order them otherwise."


def _enough(verdict: Verdict) -> bool:
    return len(verdict.ranking) > 1 and all(verdict.pair(*places).difference is not None for places in _pairs(verdict))


def _abreast_lanes(of: Findings, wanted: Use, verdict: Verdict, reasons: tuple[Reason, ...]) -> Said:
    """What is left open where no transport is shown to be ahead of all others."""
    if not _enough(verdict):
        return Said(
            reasons=reasons, would_change=(f"Transports: at least {PAIRS} calls that all of them brought to the end.", _elsewhere(of))
        )
    room = max(_room(verdict, *places) for places in _pairs(verdict))
    if small := _too_small(of, wanted, room):
        left = Reason(f"What is left to differ between the first ones, at most {verdict.measure.words(room)}, is {small}.")
        return Said(reasons=(*reasons, left), would_change=(_elsewhere(of),))
    return Said(reasons=reasons, would_change=(f"Transports: {_further(verdict)}", _elsewhere(of)))


def _first_lane(of: Findings, wanted: Use, verdict: Verdict, reasons: tuple[Reason, ...]) -> Said:
    way = of.transports[verdict.leader or 0]
    name, lead = TRANSPORT_WORDS[way], _lead(verdict)
    failed = sum(way in trial.failures or way in trial.held for trial in of.trials)
    if failed > FAILED * len(of.trials):
        how = f"{name} failed or was held back in {failed:,} of {len(of.trials):,} calls"
        often = Reason(f"{how}: being ahead in the others is no reason to use it.")
        return Said(reasons=(*reasons, often), would_change=(_elsewhere(of),))
    if small := _too_small(of, wanted, lead):
        return Said(reasons=(*reasons, Reason(f"{verdict.measure.words(lead)} is {small}.")), would_change=(_elsewhere(of),))
    return Said(f"Read it over {name}: it was ahead by {verdict.measure.title}.", reasons, (_elsewhere(of),))


def _too_small(of: Findings, wanted: Use, lead: float) -> str:
    """Why a lead of a lane makes no difference, in words; empty where it may make one."""
    if wanted.looked_at and lead < FRAME_US:
        return f"less than a frame of a page, {Measure('', '').words(FRAME_US)}: nobody sees it. Choose by what else is known of them"
    whole = [trial.figures["total"] for trial in of.trials if "total" in trial.figures]
    if whole and lead < SHARE * median(whole):
        return f"less than {SHARE:.0%} of a call's {Measure('', '').words(median(whole))}. Choose by what else is known of them"
    return ""
