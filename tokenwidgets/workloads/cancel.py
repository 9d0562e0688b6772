"""How soon a stop stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .. import figures as words
from ..events import End
from ..formulas import DEFINITIONS, Described
from ..hub import NOT_CLOSED
from ..metrics import is_content
from ..result import Result
from ..waiting import until
from .asking import Asking
from .base import Taken, Workload, figures_of, table, whole_number

if TYPE_CHECKING:
    from ..events import Entry
    from ..trials import Trial

MOST_CHUNKS = 10_000
"""The latest chunk at which an answer is stopped."""

STOPPED = "This kernel's: from the stop to what is read here"


@dataclass(frozen=True)
class Cancel(Workload):
    """The answer is stopped in the middle, as by a Stop button: what is measured is how long it takes, and what still comes.

    Parameters
    ----------
    after : chunks of content that have come when it is stopped.

    Raises
    ------
    Refused : it is beyond `MOST_CHUNKS`.
    """

    after: int = 5

    name: ClassVar[str] = "cancel"
    by: ClassVar[str] = "stop_latency"
    runs: ClassVar[int] = 20
    figures: ClassVar[Mapping[str, Described]] = {
        **DEFINITIONS,
        **table(
            Described(
                "stop_latency", "stop", "µs", "when the stream's end was read", STOPPED,
                "Answers that were over before the stop.", "tokenwidgets",
            ),
            Described(
                "late_content", "content after the stop", "µs", "when the last content was read; 0 where none came", STOPPED,
                "Content that came before the stop. What was on its way then does count.", "tokenwidgets",
            ),
            Described(
                "late_chunks", "chunks after the stop", "1", "chunks of content read after the stop", STOPPED, "As of late_content.",
                "tokenwidgets",
            ),
            Described(
                "upstream_closed", "provider's connection closed", "1", "1 if the gateway saw it closed when it ended the stream, else 0",
                "The gateway's, up to 2 s after the stop", "What the provider does after that: no connection tells.", "tokenwidgets",
            ),
        ),
    }  # fmt: skip

    def __post_init__(self) -> None:
        whole_number("after", self.after, 1, MOST_CHUNKS)

    async def run(self, asking: Asking) -> Taken:
        """Ask, wait for the chunks, stop, and read what still comes."""
        result = asking.ask()
        await until(result, lambda: _chunks(result) >= self.after)
        if asking.stopped or result.journal.terminal is not None:
            return _failed(result, f"the answer was over before it could be stopped at chunk {self.after:,}")
        before, began = len(result.journal.entries), asking.clock()
        heard = list[tuple[float, int]]()
        result.watch(lambda: heard.append((asking.clock() - began, len(result.journal.entries))))
        await result.stopping()
        await until(result, lambda: result.journal.terminal is not None)
        last = result.journal.entries[-1].event
        if not isinstance(last, End) or last.reason != "cancelled":
            return _failed(result, "the answer was over as the stop came")
        return Taken(figures_of(result.journal.entries) | stop_figures(result.journal.entries, before, heard))

    def sentences(self, label: str, trials: Sequence[Trial]) -> list[str]:
        """What a stop does to the bill, and where the connection did not close."""
        ends = [(_host(trial), trial.entries[-1].event) for trial in trials if "stop_latency" in trial.figures and trial.entries]
        said = sorted({words.bill(end, host) for host, end in ends if isinstance(end, End)} - {""})
        open_still = sum(trial.figures.get("upstream_closed") == 0 for trial in trials)
        return [*said, *([f"{label}: as the stream ended, {NOT_CLOSED}, in {open_still:,} of {len(trials):,} runs."] if open_still else [])]


def stop_figures(entries: Sequence[Entry], before: int, heard: Sequence[tuple[float, int]]) -> dict[str, float]:
    """What followed a stop.

    Parameters
    ----------
    entries : of the stream, which has ended.
    before : how many there were at the stop.
    heard : seconds after it, and how many there were then, whenever something came.
    """
    late = [entry.seq for entry in entries[before:] if is_content(entry)]
    last = entries[-1].event
    return {
        "stop_latency": _when(len(entries) - 1, heard),
        "late_content": _when(late[-1], heard) if late else 0.0,
        "late_chunks": len(late),
        "upstream_closed": float(not (isinstance(last, End) and last.raw == NOT_CLOSED)),
    }


def _failed(result: Result, otherwise: str) -> Taken:
    return Taken(failures={"": result.error.message if result.error else otherwise})


def _when(seq: int, heard: Sequence[tuple[float, int]]) -> float:
    """µs to the first time that an entry was there."""
    return 1e6 * next(seconds for seconds, count in heard if count > seq)


def _chunks(result: Result) -> int:
    return sum(map(is_content, result.journal.entries))


def _host(trial: Trial) -> str:
    return str(getattr(trial.entries[0].event, "host", ""))
