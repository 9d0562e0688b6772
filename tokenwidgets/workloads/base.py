"""What a workload is: what is asked of each arm in a round, and which figures that gives. Data without state, so that it can be sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import Refused
from ..events import End, Error
from ..figures import CUT_OFF
from ..formulas import DEFINITIONS, Described

if TYPE_CHECKING:
    from ..events import Entry
    from ..legs import Leg
    from ..trials import Arm, Trial
    from .asking import Asking


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run of a workload gave.

    Parameters
    ----------
    figures : by their names; what is not known is missing.
    failures : by transport, why a lane failed; under an empty name, why the run did, which then is no measurement.
    behind : by transport, the median delay behind the first lane, µs.
    by_transport : by transport, the figures of that one alone.
    legs : by transport, the legs that its lane measured beside the others.
    alone : the link of the transport that read the stream once more, by itself.
    held : by transport, what was held back on its way, in a sentence.
    """

    figures: Mapping[str, float] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    behind: Mapping[str, float | None] = field(default_factory=dict)
    by_transport: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    legs: Mapping[str, Mapping[str, Leg]] = field(default_factory=dict)
    alone: Mapping[str, Leg] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Workload(ABC):
    """What is asked of each arm in a round.

    Attributes
    ----------
    name : by which `tw.compare(workload=…)` knows it.
    by : the figure by which arms, or transports, are compared if nothing else is said.
    runs : rounds after the cold one if nothing else is said.
    figures : the definitions of its figures.
    unit : what one run of it is called: a call, or a run of several.
    of_transports : whether its figures are of each transport, and not of the stream.
    """

    name: ClassVar[str]
    by: ClassVar[str]
    runs: ClassVar[int]
    figures: ClassVar[Mapping[str, Described]]
    unit: ClassVar[str] = "run"
    of_transports: ClassVar[bool] = False

    @property
    def calls(self) -> int:
        """The most calls of a provider that one run makes."""
        return 1

    @abstractmethod
    async def run(self, asking: Asking) -> Taken:
        """Ask once all that it asks; what fails is in what it returns."""

    def check(self, arms: Sequence[Arm], transports: Sequence[str]) -> None:
        """Raises `Refused` where it is not for these."""
        if transports:
            raise Refused("bad_request", f"Transports are compared by the workloads 'turn' and 'reconnect', not by {self.name!r}.")

    def sentences(self, label: str, trials: Sequence[Trial]) -> list[str]:
        """What is to be said of an arm's runs beside the verdict.

        Parameters
        ----------
        label : of the arm.
        trials : its runs.
        """
        return []

    def definition(self, name: str) -> Described:
        """The definition of one of its figures.

        Raises
        ------
        Refused : it has no such figure.
        """
        if name not in self.figures:
            known = ", ".join(self.figures)
            raise Refused("bad_request", f"There is no figure {name!r} of the workload {self.name!r}: it is one of {known}.")
        return self.figures[name]

    def body(self) -> dict[str, Any]:
        """As JSON; `tokenwidgets.workloads.read` reads it."""
        return {"name": self.name, **asdict(self)}


def figures_of(entries: Sequence[Entry]) -> dict[str, float]:
    """All figures of one stream that are known."""
    return {name: value for name, of in DEFINITIONS.items() if (value := of.of(entries)) is not None}


def table(*figures: Described) -> dict[str, Described]:
    """Definitions by their names."""
    return {figure.name: figure for figure in figures}


def error_of(entries: Sequence[Entry]) -> str:
    """Why a stream failed, or that it was cut off; empty where it came to an end."""
    last = entries[-1].event if entries else None
    if isinstance(last, End) and last.reason == "truncated":
        return CUT_OFF
    return last.message if isinstance(last, Error) else ""


def whole_number(name: str, value: Any, low: int, high: int) -> None:
    """Raises `Refused` where an option is no whole number within its limits."""
    if type(value) is not int or not low <= value <= high:
        raise Refused("bad_request", f"{name!r} is a whole number from {low:,} to {high:,}, not {value!r}.")
