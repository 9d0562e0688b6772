"""The program for what a comparison shows to be best, or for one of those that are not told apart, and its first line says which."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from . import api
from .code import code
from .comparison import TRANSPORT_WORDS
from .errors import Refused

if TYPE_CHECKING:
    from .findings import Findings

NOT_ASKED = ("transport", "show", "format", "record", "provider", "path")
"""What `tw.stream` takes beside what is asked, and the way of a voice turn's sound."""


def program(of: Findings, language: str) -> str:
    """A complete program without this package, with a comment above it that says why it is this one.

    Parameters
    ----------
    of : the comparison, ended or not.
    language : one of `tokenwidgets.code.LANGUAGES`. Of compared transports, `python` and `javascript` read over the one that was ahead.

    Raises
    ------
    Refused : the language is not known, or cannot make this call; the host is no server that another program could call.
    """
    place, why = chosen(of)
    if len(of.transports) > 1 and language in ("python", "javascript"):
        way, why = transport(of)
        language = f"{language}-{way.partition('-')[0]}"  # a program reads over one peer connection as over another
    text = code(_request(of, place), language, api.gateway())
    mark = "//" if language.startswith("javascript") else "#"
    return f"{mark} {' '.join(why.split())}\n{text}"


def chosen(of: Findings) -> tuple[int, str]:
    """The place of the arm whose program it is, and why, in a sentence."""
    if len(of.arms) == 1:
        return 0, f"The one that was asked: {of.arms[0].label}."
    verdict = of.judged(of.by)
    if verdict.leader is not None:
        return (
            verdict.leader,
            f"{of.arms[verdict.leader].label}, which was ahead by {verdict.measure.title} in a comparison of tokenwidgets.",
        )
    place, what = _cheapest(of)
    return (
        place,
        f"No difference was shown by {verdict.measure.title} in a comparison of tokenwidgets; this is the {what}: {of.arms[place].label}.",
    )


def transport(of: Findings) -> tuple[str, str]:
    """The transport whose program it is, and why, in a sentence."""
    verdict = of.verdicts[-1]
    if verdict.leader is not None:
        way = of.transports[verdict.leader]
        return way, f"{TRANSPORT_WORDS[way]}, which was ahead by {verdict.measure.title} in a comparison of tokenwidgets."
    way = of.transports[0]
    none = f"No difference was shown by {verdict.measure.title} in a comparison of tokenwidgets"
    return way, f"{none}; this is the first one: {TRANSPORT_WORDS[way]}."


def _cheapest(of: Findings) -> tuple[int, str]:
    """The arm whose calls cost least on average, where that is known of each and they differ; else the first one."""
    costs = [[trial.cost for trial in of.trials if trial.arm == place and trial.cost is not None] for place in range(len(of.arms))]
    means = [fmean(known) for known in costs if known]
    if len(means) < len(costs) or len(set(means)) == 1:
        return 0, "first one"
    return means.index(min(means)), "cheapest one"


def _request(of: Findings, place: int) -> dict[str, object]:
    """What the arm was asked, with the model that answered where none was named."""
    asked = api.asked(**{name: value for name, value in of.arms[place].request.items() if name not in NOT_ASKED})
    if of.workload.name == "voice":
        asked.setdefault("session", {})
    if "model" in asked:
        return asked
    answered = next((start for trial in of.trials if trial.arm == place and (start := trial.start)), None)
    if answered is None:
        raise Refused("bad_request", "No model was named, and no call has said yet which one answers by default.")
    return {**asked, "model": answered.model}
