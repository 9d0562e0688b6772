"""`tw.definitions`: one run under the definitions of the tools that measure it. Pure.

The same names hide different figures: "ITL" is a mean of each request in AIPerf and GuideLLM, a pool of times between chunks in vLLM, and
with the wait for the first token in llmperf. What each does was read in its source, of the version that `Harness.name` gives. Two things
are the same for all here, so that only the definitions differ: the instants, read at the socket, and the count of tokens, the provider's
where it gave one. The tools stamp after parsing, and count with a tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

from . import figures
from .formulas import first_event, inter_token_latency, request_latency, time_per_output_token, total
from .gaps import fine
from .listing import Table
from .metrics import is_content, measure

if TYPE_CHECKING:
    import pandas

    from .events import Entry
    from .result import Result

Figure = Callable[[Sequence["Entry"]], float | None]

COLUMNS = {"ttft": "TTFT", "itl": "ITL", "tpot": "TPOT", "latency": "end to end"}


@dataclass(frozen=True, slots=True)
class Harness:
    """A tool, and how it defines what it gives.

    Parameters
    ----------
    name : with the version whose source was read.
    of : by a key of `COLUMNS`, the figure in µs; what it does not give is missing.
    differs : in words.
    """

    name: str
    of: Mapping[str, Figure]
    differs: str


def _first_token(entries: Sequence[Entry]) -> float | None:
    return measure(entries).first_token_us


def _first_answer(entries: Sequence[Entry]) -> float | None:
    return measure(entries).first_answer_us


def _after(first: Figure) -> Figure:
    """The mean time a token from a first one on, (latency - first) / (tokens - 1)."""

    def tpot(entries: Sequence[Entry]) -> float | None:
        latency, began, tokens = request_latency(entries), first(entries), measure(entries).tokens
        return (latency - began) / (tokens - 1) if latency is not None and began is not None and tokens > 1 else None

    return tpot


def _a_token(end: Figure) -> Figure:
    """The mean time a token from the request on."""

    def tpot(entries: Sequence[Entry]) -> float | None:
        at, tokens = end(entries), measure(entries).tokens
        return at / tokens if at is not None and tokens else None

    return tpot


def _between_chunks(entries: Sequence[Entry]) -> float | None:
    """The mean time between chunks, that of the role counted as one."""
    began = first_event(entries)
    ats = [e.at for e in entries if is_content(e)]
    if began is not None and ats and began < ats[0]:
        ats = [int(began), *ats]
    return fmean(b - a for a, b in pairwise(ats)) if len(ats) > 1 else None


HARNESSES: tuple[Harness, ...] = (
    Harness(
        "tokenwidgets",
        {"ttft": _first_token, "itl": inter_token_latency, "tpot": time_per_output_token, "latency": request_latency},
        "as AIPerf; TPOT from the request on",
    ),
    Harness(
        "AIPerf 0.13",
        {"ttft": _first_token, "itl": inter_token_latency, "latency": request_latency},
        "no TPOT; reasoning is a first token; the times between chunks are ICL",
    ),
    Harness(
        "GuideLLM 0.8.1",
        {"ttft": _first_token, "itl": _after(_first_token), "tpot": time_per_output_token, "latency": total},
        "TPOT includes the wait for the first token; ends with the request",
    ),
    Harness(
        "vLLM bench serve",
        {"ttft": first_event, "itl": _between_chunks, "tpot": _after(first_event), "latency": request_latency},
        "an empty role is a first token; ITL is between chunks; TPOT is without the first",
    ),
    Harness(
        "llmperf (2024)",
        {"ttft": _first_answer, "itl": _a_token(total), "latency": total},
        "reasoning is no first token; ITL is end to end / tokens, the first wait included",
    ),
    Harness(
        "MLPerf loadgen 6.0.17",
        {"ttft": _first_token, "tpot": _after(_first_token), "latency": request_latency},
        "TPOT is without the first token; one token is an error",
    ),
)  # fmt: skip
"""Those whose figures people quote."""


class Definitions:
    """One run under each tool's definition.

    Parameters
    ----------
    entries : of the run.

    Attributes
    ----------
    figures : µs by the tool's name and a key of `COLUMNS`; None where the tool gives no such figure, or not of this run.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.figures: dict[str, dict[str, float | None]] = {
            harness.name: {key: harness.of[key](entries) if key in harness.of else None for key in COLUMNS} for harness in HARNESSES
        }
        self._exact = measure(entries).tokens_exact

    @property
    def table(self) -> pandas.DataFrame | Table:
        """One row a tool: a DataFrame with µs where pandas is installed, else a table in words."""
        try:
            import pandas
        except ImportError:
            return self.words
        return pandas.DataFrame([{"tool": name, **found} for name, found in self.figures.items()])

    @property
    def words(self) -> Table:
        """The same in words, with how each tool differs."""
        rows = [[h.name, *(self._word(h.name, key) for key in COLUMNS), h.differs] for h in HARNESSES]
        return Table(["tool", *COLUMNS.values(), "what differs"], rows)

    def _word(self, name: str, key: str) -> str:
        value = self.figures[name][key]
        if value is None:
            return figures.UNKNOWN
        return ("" if self._exact or key in ("ttft", "latency") else "~") + fine(round(value))

    def __repr__(self) -> str:
        return repr(self.words)

    def _repr_html_(self) -> str:
        return self.words._repr_html_()


def definitions(run: Result | Sequence[Entry]) -> Definitions:
    """What each benchmark tool would say of a run: AIPerf, GuideLLM, vLLM, llmperf and MLPerf define the same words differently.

    Parameters
    ----------
    run : a result, finished or not, or the entries of a journal.
    """
    return Definitions(run if isinstance(run, Sequence) else run.journal.entries)
