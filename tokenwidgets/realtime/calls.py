"""The tools of a voice session: what the model calls is carried out in this kernel, and the results go back into the session."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..errors import Refused
from ..events import Event, Notice, Transcript
from ..result import Result
from ..rounds import ROUNDS
from ..tools import Toolbox
from .inputs import ToolResult


class Calls:
    """Those of one session; on the portal's thread, but for its beginning.

    Parameters
    ----------
    result : the session's stream.
    toolbox : the functions.
    give : gives the session inputs; raises `Refused` where it has ended.
    """

    def __init__(self, result: Result, toolbox: Toolbox, give: Callable[..., Awaitable[None]]) -> None:
        self._result = result
        self._toolbox = toolbox
        self._give = give
        self._context = contextvars.copy_context()
        self._known = 0
        self._rounds = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def news(self, fresh: Sequence[Event]) -> None:
        """These events came. An answer's calls are carried out once it is whole; what still runs at the session's end is given up."""
        if any(isinstance(event, Transcript) and event.role == "user" for event in fresh):
            self._rounds = 0
        if self._toolbox.functions and any(isinstance(event, Notice) and event.kind == "turn" for event in fresh):
            calls = self._result.tool_calls[self._known :]
            self._known += len(calls)
            self._carry_out([call for call in calls if self._toolbox.answers(call["name"])])
        if self._result.done:
            for task in self.tasks:
                task.cancel()

    def _carry_out(self, calls: list[Mapping[str, Any]]) -> None:
        if not calls:
            return
        self._rounds += 1
        task = asyncio.ensure_future(self._results(calls) if self._rounds <= ROUNDS else self._refused(calls))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _results(self, calls: list[Mapping[str, Any]]) -> None:
        runs = await asyncio.gather(*(self._toolbox.run(call, self._context) for call in calls))
        with suppress(Refused):  # the session has ended
            await self._give(*(ToolResult(run.id, run.result, respond=run is runs[-1]) for run in runs))

    async def _refused(self, calls: list[Mapping[str, Any]]) -> None:
        """A model that only ever calls is not asked again before the user says something."""
        words = f"Error: {ROUNDS} answers in a row were calls; no further one is carried out before the user says something"
        with suppress(Refused):
            await self._give(*(ToolResult(call["id"], words, respond=False) for call in calls))
