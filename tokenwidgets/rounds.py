"""One turn of a conversation: the model is asked, its calls are carried out, and it is asked again, until it has answered."""

from __future__ import annotations

import asyncio
import contextvars
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, TypeAlias

from .conversation import Conversation, summed
from .errors import StreamFailed, TokenwidgetsError
from .events import Error, Usage
from .interrupts import reading
from .note import cell, note
from .output import attended
from .portal import portal, wait
from .result import STOP_SECONDS, Result
from .terminal import outlives
from .tools import Toolbox, ToolRun
from .turn import turn
from .waiting import Iterated, ended

ROUNDS = 8
"""Default for how often a model is asked in one turn."""

Step: TypeAlias = Result | ToolRun


class Turn(Iterated):
    """A question and all that it takes to answer it; read, awaited and stopped like a `Result`.

    Iterating gives the pieces of the model's words, of every round; `await`, `wait()` and the end of an iteration mean that the last
    round has ended. Nothing here raises for what failed: `error` says what happened. A stop or an interrupt ends it, and the conversation
    keeps what came.

    Parameters
    ----------
    conversation : where the answers and the results of tools are added; its last message is the question.
    toolbox : the tools.
    rounds : the most times the model is asked.
    ask : starts the stream that goes on from the conversation; called in the context of whoever made the turn.
    show : show each call of a tool in a line.

    Attributes
    ----------
    asked : the message that is answered.
    first : the answer's first message, once it is said.
    key : a name for it, which no other turn has.
    """

    def __init__(self, conversation: Conversation, toolbox: Toolbox, rounds: int, ask: Callable[[], Result], show: bool) -> None:
        super().__init__()
        self.conversation = conversation
        self.asked = conversation.leaf
        self.first: int | None = None
        self.key = secrets.token_urlsafe(6)
        self._toolbox = toolbox
        self._rounds = rounds
        self._ask = ask
        self._show = show
        self._context = contextvars.copy_context()
        self._cell = cell()
        self._steps: list[Step] = []
        self._arrivals: list[Future[Result | None]] = [Future()]
        self._running: asyncio.Future[Any] | None = None
        self._stopped = False
        self._error: Error | None = None
        self._listeners: list[Callable[[], None]] = []

    # ------------------------------------------------------------------ life

    def begin(self) -> Turn:
        """Ask, and return at once.

        Raises
        ------
        Refused : what `tw.stream` refuses.
        """
        self._take(self._ask())
        portal().submit(self._run())
        if self._show:
            outlives(self)
        return self

    def _take(self, result: Result) -> None:
        self._steps.append(result)
        arrived = self._arrivals[-1]
        self._arrivals.append(Future())
        arrived.set_result(result)
        self._changed()

    def watch(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever a round begins or has been heard, a tool has run, and at the end; on the portal's thread."""
        self._listeners.append(listener)

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()

    async def _run(self) -> None:
        try:
            while await self._round(self.results[-1]):
                self._take(self._context.run(self._ask))
        except TokenwidgetsError as e:
            self._error = Error("bad_request", str(e), stage="connect")
        except Exception as e:
            self._error = Error("internal", f"The turn failed inside tokenwidgets ({type(e).__name__}).", stage="close")
        finally:
            self._done.set()
            self._arrivals[-1].set_result(None)
            self._changed()

    async def _round(self, result: Result) -> bool:
        """Hear an answer to its end and carry out its calls: whether the model is to be asked again."""
        await ended(result)
        events = [entry.event for entry in result.journal.entries]
        answer = self.conversation.answer(events, model=result.model or None)
        open_calls = answer.calls
        self.first = answer.id if self.first is None else self.first
        self._changed()
        if self._stopped or not (open_calls or result.finish_reason == "pause"):
            return False
        calls = [call for call in _calls(turn(events)) if self._toolbox.answers(call["name"])]
        if len(calls) < len(open_calls) and not calls:
            return False
        if len(self.results) >= self._rounds:
            self._limited()
            return False
        await self._carry_out(calls)
        return not self._stopped and not self.conversation.unanswered

    async def _carry_out(self, calls: list[Mapping[str, Any]]) -> None:
        self._running = asyncio.gather(*(self._call(call) for call in calls))
        try:
            await self._running
        except asyncio.CancelledError:
            if not self._stopped:
                raise

    async def _call(self, call: Mapping[str, Any]) -> None:
        run = await self._toolbox.run(call, self._context)
        self._steps.append(run)
        self.conversation.result(run.id, run.result, run.seconds, run.error)
        self._changed()
        self._say(str(run))

    def _limited(self) -> None:
        times = "once" if self._rounds == 1 else f"{self._rounds} times"
        self._error = Error(
            "limit", f"The model was asked {times} and still calls tools: rounds={2 * self._rounds} lets it go on for longer."
        )
        self._say(self._error.message)

    def _say(self, words: str) -> None:
        if self._show:
            self._context.run(note, words)

    def stop(self) -> None:
        """Stop what runs, be it a stream or a function, and ask no more; returns when that is so. What came is kept.

        A plain function cannot be ended from outside: it is not waited for.
        """
        if not self.done:
            portal().run(self.stopping(), STOP_SECONDS)
            self._done.wait(STOP_SECONDS)

    async def stopping(self) -> None:
        """The same, to be awaited on the portal."""
        self._stopped = True
        if self._running is not None:
            self._running.cancel()
        if not self.results[-1].done:
            await self.results[-1].stopping()

    def raise_for_error(self) -> Turn:
        """Itself, unless it failed.

        Raises
        ------
        StreamFailed : it did; the text is the error's sentence.
        """
        if self.error is not None:
            raise StreamFailed(self.error)
        return self

    # ------------------------------------------------------------------ reading

    def __iter__(self) -> Iterator[str]:
        """The pieces of all rounds as they come."""
        with self.stopped_by_interrupt(), reading(self):
            number = 0
            while (result := wait(self._arrivals[number])) is not None:
                yield from result
                number += 1

    async def __aiter__(self) -> AsyncIterator[str]:
        """The same inside a running loop, which goes on meanwhile."""
        with reading(self):
            number = 0
            while (result := await asyncio.shield(asyncio.wrap_future(self._arrivals[number]))) is not None:
                async for piece in result:
                    yield piece
                number += 1

    # ------------------------------------------------------------------ what came

    @property
    def results(self) -> list[Result]:
        """The stream of each round."""
        return [step for step in self._steps if isinstance(step, Result)]

    @property
    def calls(self) -> list[ToolRun]:
        """The calls that were carried out: name, arguments, result, seconds, error."""
        return [step for step in self._steps if isinstance(step, ToolRun)]

    @property
    def model(self) -> str:
        """The model that answers, `host/model`."""
        return self.results[-1].model

    @property
    def text(self) -> str:
        """The last round's answer so far."""
        return self.results[-1].text

    @property
    def reasoning(self) -> str:
        """The thinking of all rounds."""
        return "".join(result.reasoning for result in self.results)

    @property
    def parsed(self) -> Any:
        """The last answer in the form that was asked for; waits for it. Raises like `Result.parsed`."""
        return self.wait().results[-1].parsed

    @property
    def usage(self) -> Usage | None:
        """The tokens of all rounds."""
        return summed(result.usage for result in self.results)

    @property
    def finish_reason(self) -> str | None:
        """Why the last round ended; `cancelled` where the turn was stopped."""
        return "cancelled" if self._stopped else self.results[-1].finish_reason

    @property
    def error(self) -> Error | None:
        """What went wrong, or None."""
        return self._error or self.results[-1].error

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        state = f"failed: {self.error.message}" if self.error else (self.finish_reason or "running") if self.done else "running"
        return f"<turn of {self.model or 'the default model'}: rounds {len(self.results)}, calls {len(self.calls)}, {state}>"

    def _ipython_display_(self) -> None:
        if self._show and self._cell is not None and self._cell == cell():
            if not attended():
                self.wait()  # programs that execute notebooks take no notice of what is shown when a cell is done
            return  # it is shown there already
        if self._cell is None:
            print(repr(self))  # noqa: T201 (this is the terminal's display)
            return
        for step in self._steps:
            if isinstance(step, Result):
                step._ipython_display_()
            else:
                note(str(step))


def _calls(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The calls of an answer; arguments that are no JSON are left as text."""
    calls = message.get("tool_calls", ())
    return [{"id": c["id"], "name": c["function"]["name"], "arguments": _parsed(c["function"]["arguments"])} for c in calls]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):
        return text
