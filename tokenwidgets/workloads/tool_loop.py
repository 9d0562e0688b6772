"""An agent's loop: the model calls a tool, gets the result, calls it again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, ClassVar

from ..clients.base import Disconnected
from ..conversation import Conversation
from ..errors import Refused
from ..events import Entry, Tool
from ..formulas import Described, total, whole
from ..metrics import measure
from ..result import Result
from ..tools import Toolbox
from ..trials import opened
from ..waiting import ended
from .asking import Asking
from .base import Taken, Workload, error_of, table, whole_number

if TYPE_CHECKING:
    from ..trials import Arm, Trial

MOST_TURNS = 100
"""The most turns of one loop."""

MOST_CHARACTERS = 100_000
"""The most characters of a result."""

LOOK_UP: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks something up.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    },
}
"""The tool of a loop whose request brings none."""

WORDS = "It rains. "
"""What results are made of."""

ON = "Go on: call the tool."
"""What is said where the model did not."""

TURNS = "Of each turn from its request to the end of its stream"
BETWEEN = "The tool, and what this kernel does between turns. Loops in which a turn failed."


@dataclass(frozen=True)
class ToolLoop(Workload):
    """The question, and then as many turns: in each the model calls a tool, whose result goes back with the next request.

    Every turn is one call of the provider, asked with `tool_choice="required"` unless the request says otherwise. The results are always
    the same, so that every loop has the same to send. The tools of the request are declared, and not run.

    Parameters
    ----------
    turns : in one loop.
    result : characters of each result.

    Raises
    ------
    Refused : one of them is beyond `MOST_TURNS` or `MOST_CHARACTERS`.
    """

    turns: int = 20
    result: int = 1000

    name: ClassVar[str] = "tool-loop"
    by: ClassVar[str] = "loop_total"
    runs: ClassVar[int] = 12
    figures: ClassVar[Mapping[str, Described]] = table(
        Described(
            "loop_total", "tool loop", "µs", "sum of the turns' totals", TURNS, BETWEEN,
            "tokenwidgets, after OpenAI's guide to WebSocket mode",
        ),
        Described("turn_total", "a turn", "µs", "median of the turns' totals", TURNS, BETWEEN, "tokenwidgets"),
        Described(
            "turn_first_token", "a turn's first token", "µs", "median of the turns' times to the first token",
            "Of each turn from its request to the first content", "A tool's name without arguments.", "tokenwidgets, of AIPerf's figure",
        ),
        Described(
            "turn_bytes_sent", "bytes sent a turn", "B", "bytes of the requests' bodies / turns", "All that was sent to the provider",
            "Heads, TLS and what carries it. Loops of which not every request was kept.", "tokenwidgets",
        ),
        Described(
            "loop_connections", "connections opened", "1", "turns for which a connection to the provider was opened", "The whole loop",
            "What is simulated or replayed, and opens none.", "tokenwidgets",
        ),
        Described(
            "turns_without_call", "turns without a call", "1", "turns in which the model called no tool", "The whole loop",
            "Turns that failed.", "tokenwidgets",
        ),
    )  # fmt: skip

    def __post_init__(self) -> None:
        whole_number("turns", self.turns, 1, MOST_TURNS)
        whole_number("result", self.result, 0, MOST_CHARACTERS)

    @property
    def calls(self) -> int:
        """One a turn."""
        return self.turns

    def check(self, arms: Sequence[Arm], transports: Sequence[str]) -> None:
        """Every arm begins with a prompt."""
        super().check(arms, transports)
        if any(arm.request.get("prompt") is None or arm.request.get("images") for arm in arms):
            raise Refused("bad_request", "A tool loop begins with a prompt: messages and pictures are for the workload 'turn'.")

    async def run(self, asking: Asking) -> Taken:
        """Ask turn by turn, up to the one that fails."""
        talk = Conversation()
        talk.ask(asking.request["prompt"])
        for number in range(1, self.turns + 1):
            if asking.stopped:
                break
            failed = await self._turn(asking, talk)
            if failed:
                return Taken(failures={"": f"turn {number} of {self.turns}: {failed}"})
        figures = loop_figures([result.journal.entries for result in asking.results])
        sent = await _sent(asking.results)
        return Taken(figures if sent is None else {**figures, "turn_bytes_sent": sent / len(asking.results)})

    async def _turn(self, asking: Asking, talk: Conversation) -> str:
        """One turn; why it failed, or an empty text."""
        tools = Toolbox(asking.request.get("tools") or [LOOK_UP]).definitions
        choice = asking.request.get("tool_choice", "required")
        result = asking.ask(prompt=None, messages=talk.to_send(), tools=tools, tool_choice=choice)
        await ended(result)
        answer = talk.answer([entry.event for entry in result.journal.entries], model=result.model or None)
        if result.error is not None or not whole(result.metrics):
            return error_of(result.journal.entries) or f"the answer is not whole ({result.finish_reason})"
        for call in answer.calls:
            talk.result(call, (WORDS * (self.result // len(WORDS) + 1))[: self.result])
        if not answer.calls:
            talk.ask(ON)
        return ""

    def sentences(self, label: str, trials: Sequence[Trial]) -> list[str]:
        """In how many turns the model did not call the tool."""
        missed = sum(int(trial.figures.get("turns_without_call", 0)) for trial in trials)
        turns = sum(trial.calls for trial in trials if "turns_without_call" in trial.figures)
        return [f"{label} did not call the tool in {missed:,} of {turns:,} turns, so that its loops are other work."] if missed else []


def loop_figures(turns: Sequence[Sequence[Entry]]) -> dict[str, float]:
    """The figures of a loop whose turns all came to their end.

    Parameters
    ----------
    turns : the entries of each.
    """
    totals = [found for entries in turns if (found := total(entries)) is not None]
    waits = [found for entries in turns if (found := measure(entries).first_token_us) is not None]
    played = any(getattr(e.event, "simulated", False) or getattr(e.event, "replayed", False) for entries in turns for e in entries[:1])
    figures: dict[str, float | None] = {
        "loop_total": sum(totals),
        "turn_total": median(totals),
        "turn_first_token": median(waits) if waits else None,
        "loop_connections": None if played else sum(map(opened, turns)),
        "turns_without_call": sum(not _called(entries) for entries in turns),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _called(entries: Sequence[Entry]) -> bool:
    return any(isinstance(entry.event, Tool) for entry in entries)


async def _sent(results: Sequence[Result]) -> int | None:
    """The bytes of the requests' bodies; None where one is not known."""
    try:
        frames = await asyncio.gather(*(result.frames() for result in results))
    except (Refused, Disconnected):
        return None
    sizes = [sum(len(f.data.rpartition(b"\r\n\r\n")[2]) for f in of if f.direction == "out") for of in frames]
    return sum(sizes) if all(sizes) else None
