"""What a comparison's calls show of the way from the gateway to the reader: beside the other lanes, and read alone. Pure.

Beside each other, lanes are compared call by call. Each call is read alone over one transport only, in turn: the first such call of each
transport is compared with the first of the others, and so on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from statistics import median
from typing import TYPE_CHECKING

from . import buffering
from .comparison import TRANSPORT_WORDS
from .legs import Leg, told
from .verdicts import Contender, Measure, Verdict

if TYPE_CHECKING:
    from .findings import Findings
    from .trials import Trial

MEASURES = {
    "gateway": Measure("gateway", "provider's socket to written"),
    "link": Measure("link", "gateway to reader"),
    "paint": Measure("paint", "reader to paint"),
}
ALONE = Measure("link_alone", "gateway to reader, read alone")

BESIDE = "all lanes read at once"
BY_ITSELF = "each answer played again by the server, which calls no provider, and read by one lane alone"


def verdicts(of: Findings) -> list[Verdict]:
    """Of each leg that was measured, and of the link read alone; none of them is what the comparison is about."""
    beside = [_verdict(of, measure, [_beside(of, way, leg) for way in of.transports]) for leg, measure in MEASURES.items()]
    alone = [_alone(of, way) for way in of.transports]
    blocks = list(zip_longest(*([leg["median_us"] for leg in legs] for legs in alone)))
    by_itself = _verdict(of, ALONE, [tuple(block[i] for block in blocks) for i in range(len(alone))])
    return [verdict for verdict in (*beside, by_itself) if verdict.ranking]


def _verdict(of: Findings, measure: Measure, values: Sequence[tuple[float | None, ...]]) -> Verdict:
    named = [Contender(TRANSPORT_WORDS[way], tuple(known)) for way, known in zip(of.transports, values, strict=True)]
    return Verdict(measure, named, of.seed, "call")


def _beside(of: Findings, way: str, name: str) -> tuple[float | None, ...]:
    """One number a call; None in the cold round, and where the leg was not measured."""
    found = [_leg(trial, way, name) for trial in of.trials]
    return tuple(leg["median_us"] if leg else None for leg in found)


def _alone(of: Findings, way: str) -> list[Leg]:
    return [leg for trial in of.trials if trial.round and (leg := trial.alone.get(way))]


def _leg(trial: Trial, way: str, name: str) -> Leg | None:
    return trial.legs.get(way, {}).get(name) if trial.round else None


# ------------------------------------------------------------------ in words


def warnings(of: Findings) -> list[str]:
    """What was held back on its way to a transport's lane, as its first call that shows it has it; and what to do."""
    found = []
    for way in of.transports:
        symptoms = [symptom for trial in of.trials if (symptom := trial.held.get(way))]
        if symptoms:
            found.append(buffering.words(TRANSPORT_WORDS[way], symptoms[0], f"in {len(symptoms):,} of {len(of.trials):,} calls"))
    return found


def sentences(of: Findings) -> list[str]:
    """How long events took from the gateway to the reader, with what the clocks leave open; and whether lanes differ when read alone."""
    beside = {way: [leg for trial in of.trials if (leg := _leg(trial, way, "link"))] for way in of.transports}
    alone = {way: _alone(of, way) for way in of.transports}
    found = [said for legs, how in ((beside, BESIDE), (alone, BY_ITSELF)) if (said := _absolute(legs, how))]
    if found:
        found.append(of.environment.get("clocks", ""))
    return found + [said for verdict in verdicts(of) if verdict.measure is ALONE for said in verdict.sentences]


def uncertainty(of: Findings, measure: Measure, way: str) -> float | None:
    """By how much the clocks may be off in a transport's link, µs; None where it was not measured."""
    known = _alone(of, way) if measure is ALONE else [leg for trial in of.trials if (leg := _leg(trial, way, "link"))]
    return median(leg["uncertainty_us"] for leg in known) if known else None


def _absolute(legs: Mapping[str, Sequence[Leg]], how: str) -> str:
    known = [f"{TRANSPORT_WORDS[way]} {_typical(calls)} (n = {len(calls):,})" for way, calls in legs.items() if calls]
    return f"From the gateway to its reader an event took: {', '.join(known)}; medians of calls, {how}." if known else ""


def _typical(calls: Sequence[Leg]) -> str:
    return told(median(leg["median_us"] for leg in calls), median(leg["uncertainty_us"] for leg in calls))
