"""Advice from a comparison: what to use, the figures it rests on, and what would change it. Pure: findings in, sentences out.

One figure decides, named by the use before anything is measured, so that looking for differences in many figures finds none by chance.
Nothing is recommended on a difference that was not shown, that nobody could see, or that a simulator's settings made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .deciding import arms, transports
from .known import Use, use
from .shown import cost, facts, own_figure, place_and_time, provider_part, reading, turn_taking, workload
from .words import Advice, Figure, Reason, Said

if TYPE_CHECKING:
    from ..findings import Findings

__all__ = ["Advice", "Figure", "Reason", "advise"]

RULES: tuple[Callable[[Findings, Use], Said], ...] = (
    arms, transports, own_figure, provider_part, cost, reading, turn_taking, facts, workload, place_and_time,
)  # fmt: skip
"""In the order in which they are said."""


def advise(of: Findings, name: str) -> Advice:
    """The advice that a comparison allows for a use.

    Parameters
    ----------
    of : the comparison, ended or not.
    name : of the use.

    Raises
    ------
    Refused : there is no such use.
    """
    wanted = use(name)
    said = [rule(of, wanted) for rule in RULES]
    return Advice(
        wanted.name,
        wanted.title,
        " ".join(one.recommendation for one in said if one.recommendation),
        tuple(reason for one in said for reason in one.reasons),
        tuple(sentence for one in said for sentence in one.would_change),
    )
