"""Python functions as tools: what a model is told of them, and how its calls are carried out."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import inspect
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from enum import Enum
from functools import partial
from inspect import BoundArguments, Parameter
from typing import Any, TypeAlias, get_type_hints

from . import docstring, schema
from .errors import Refused
from .recording import without_secrets
from .schema import Mismatch

TOOL_SECONDS = 120.0
"""Longest time one call of a function may take."""

RESULT_CHARACTERS = 65_536
"""Longest result a model is given; what is beyond is cut off, and it is told so."""

ERROR_CHARACTERS = 500
"""Longest message of an exception it is given."""

ToolLike: TypeAlias = Callable[..., Any] | Mapping[str, Any]
"""A function, or a definition in the form of OpenAI's chat completions."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclasses.dataclass(frozen=True, slots=True)
class ToolRun:
    """One call of a tool.

    Parameters
    ----------
    id, name, arguments : as the model gave them; the arguments are None where they were no JSON object.
    result : the text it was given.
    seconds : the time it took.
    error : what went wrong, one sentence, or None.
    value : what the function returned.
    """

    id: str
    name: str
    arguments: Any
    result: str
    seconds: float
    error: str | None = None
    value: Any = None

    def __str__(self) -> str:
        named = self.arguments if isinstance(self.arguments, Mapping) else {"…": self.arguments}
        arguments = ", ".join(f"{k}={_brief(json.dumps(v, ensure_ascii=False))}" for k, v in named.items())
        return f"{self.name}({arguments}) → {_brief(self.error or self.result, 80)} · {self.seconds:.2f} s"


class Tool:
    """One function as a tool.

    Parameters
    ----------
    function : its name, docstring and annotations are what the model is told. A parameter with a default need not be given.

    Raises
    ------
    Refused : it has no proper name, or takes what JSON cannot say.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name = getattr(function, "__name__", "")
        if not _NAME.fullmatch(self.name):
            raise Refused(
                "bad_request", f"{_brief(repr(function))} cannot be a tool: a tool is a function with a plain name, made with def."
            )
        self.signature = _signature(function, self.name)
        self._hints = _hints(function, self.name)
        self.definition = {"type": "function", "function": self._definition()}

    @property
    def _given(self) -> dict[str, Parameter]:
        """The parameters that can be named."""
        unnamed = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
        return {name: p for name, p in self.signature.parameters.items() if p.kind not in unnamed}

    @property
    def _required(self) -> list[str]:
        return [name for name, p in self._given.items() if p.default is Parameter.empty]

    @property
    def _open(self) -> str | None:
        """The name of its `**` parameter."""
        return next((name for name, p in self.signature.parameters.items() if p.kind is Parameter.VAR_KEYWORD), None)

    def _types(self) -> dict[str, Any]:
        return {name: self._hints.get(name, Any) for name in self._given}

    def _definition(self) -> dict[str, Any]:
        text = inspect.getdoc(self.function) or ""
        try:
            parameters = schema.properties(self._types(), self._required)
        except Refused as e:
            raise Refused("bad_request", f"The function {self.name} cannot be a tool: {e.message}") from None
        for name, words in docstring.parameters(text, self._given).items():
            parameters["properties"][name].setdefault("description", words)
        if self._open:
            parameters["additionalProperties"] = True
        described = {"description": words} if (words := docstring.description(text)) else {}
        return {"name": self.name, **described, "parameters": parameters}

    def bound(self, arguments: Any) -> Callable[[], Any]:
        """The call with these arguments.

        Raises
        ------
        Mismatch : they are not those of the function.
        """
        if not isinstance(arguments, Mapping):
            raise Mismatch(f"the arguments are no JSON object: {_brief(str(arguments))}")
        further = {k: v for k, v in arguments.items() if self._open and k not in self._given}
        named = {k: v for k, v in arguments.items() if k not in further}
        values = schema.fields(self._types(), self._required, named, self.name)
        in_order = OrderedDict((name, values[name]) for name in self._given if name in values)
        whole = BoundArguments(self.signature, in_order)
        whole.apply_defaults()
        return partial(self.function, *whole.args, **whole.kwargs, **further)


def _signature(function: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        raise Refused(
            "bad_request", f"{name} cannot be a tool: Python does not tell its parameters; wrap it in a function of yours."
        ) from None


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    annotated = function if inspect.isroutine(function) else function.__call__  # type: ignore[operator]
    try:
        return get_type_hints(annotated, include_extras=True)
    except (NameError, TypeError) as e:
        raise Refused("bad_request", f"The function {name} cannot be a tool: its annotations cannot be read ({e}).") from None


class Toolbox:
    """The tools of a conversation.

    Parameters
    ----------
    tools : functions, which are called; definitions in the form of OpenAI's chat completions, which are only declared.
    clock : in seconds.

    Raises
    ------
    Refused : a function cannot be a tool, or two have one name.
    """

    def __init__(self, tools: Iterable[ToolLike] = (), clock: Callable[[], float] = time.perf_counter) -> None:
        given = [tool if isinstance(tool, Mapping) else Tool(_callable(tool)) for tool in tools]
        self.functions = {tool.name: tool for tool in given if isinstance(tool, Tool)}
        self.definitions: list[dict[str, Any]] = [tool.definition if isinstance(tool, Tool) else dict(tool) for tool in given]
        self._declared = {str(tool["function"]["name"]) for tool in given if isinstance(tool, Mapping) and _names(tool)} - set(
            self.functions
        )
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        if len(self.functions) < sum(isinstance(tool, Tool) for tool in given):
            raise Refused("bad_request", "Two tools have one name: give each function a name of its own.")

    def answers(self, name: str) -> bool:
        """Whether a call is answered here: by the function, or by the sentence that there is none. A declared tool is the caller's."""
        return name in self.functions or name not in self._declared

    async def run(self, call: Mapping[str, Any], context: contextvars.Context) -> ToolRun:
        """Carry out one call; what goes wrong is its result, which the model reads.

        A coroutine function runs on this loop, beside others. A plain function runs in a thread, one at a time.

        Parameters
        ----------
        call : `id`, `name` and `arguments`, as `Result.tool_calls` has them.
        context : the caller's, so that what a function prints is seen in its cell.
        """
        tool = self.functions.get(call["name"])
        if tool is None:
            words = f"there is no tool {call['name']!r}; there are {', '.join(self.functions) or 'none'}"
            return ToolRun(call["id"], call["name"], call["arguments"], f"Error: {words}", 0.0, words)
        if inspect.iscoroutinefunction(inspect.unwrap(tool.function)):
            return await self._timed(tool, call, partial(_awaited, context=context.copy()))
        async with self._one_at_a_time:
            return await self._timed(tool, call, partial(_in_thread, context=context.copy()))

    async def _timed(self, tool: Tool, call: Mapping[str, Any], how: Callable[..., Coroutine[Any, Any, Any]]) -> ToolRun:
        began, value, error = self._clock(), None, None
        try:
            value = await asyncio.wait_for(how(tool.bound(call["arguments"])), TOOL_SECONDS)
            result = text_of(value)
        except Mismatch as e:
            error = str(e)
        except _Raised as e:
            error = _one_line(e.error)
        except TimeoutError:
            error = f"TimeoutError: it took longer than {TOOL_SECONDS:g} s"
        except Exception as e:
            error = _one_line(e)
        taken = self._clock() - began
        return ToolRun(call["id"], call["name"], call["arguments"], f"Error: {error}" if error else result, taken, error, value)


def _names(tool: Mapping[str, Any]) -> bool:
    """Whether a definition is that of a function, and no provider's own tool."""
    return isinstance(tool.get("function"), Mapping) and "name" in tool["function"]


def _callable(tool: Any) -> Callable[..., Any]:
    if not callable(tool):
        raise Refused("bad_request", f"A tool is a function or a definition of one, not {_brief(repr(tool))}.")
    return tool  # type: ignore[no-any-return]


class _Raised(Exception):
    """What a user's function raised, be it what would end a thread or a loop."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


async def _awaited(work: Callable[[], Any], context: contextvars.Context) -> Any:
    return await asyncio.get_running_loop().create_task(_guarded(work), context=context)


async def _guarded(work: Callable[[], Any]) -> Any:
    try:
        return await work()
    except BaseException as e:
        task = asyncio.current_task()
        if isinstance(e, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise _Raised(e) from None  # a function may cancel what it awaits, or itself


async def _in_thread(work: Callable[[], Any], context: contextvars.Context) -> Any:
    """A thread of its own, which no executor waits for when Python ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def tell(value: Any, error: BaseException | None) -> None:
        if not done.done():
            done.set_result((value, error))

    def run() -> None:
        try:
            outcome: tuple[Any, BaseException | None] = (context.run(work), None)
        except BaseException as e:
            outcome = (None, e)
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(tell, *outcome)

    threading.Thread(target=run, name="tokenwidgets-tool", daemon=True).start()
    value, error = await done
    if error is not None:
        raise _Raised(error)
    return value


def text_of(value: Any) -> str:
    """What a model is given of a function's value: text as it is, else JSON, else its `repr`; cut at `RESULT_CHARACTERS`."""
    text = value if isinstance(value, str) else _json(value)
    if len(text) <= RESULT_CHARACTERS:
        return text
    return f"{text[:RESULT_CHARACTERS]}… (cut: the result has {len(text):,} characters)"


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _plain(value: Any) -> Any:
    if schema.is_pydantic(type(value)):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    raise TypeError


def _one_line(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return str(without_secrets(_brief(f"{type(error).__name__}: {words}" if words else type(error).__name__, ERROR_CHARACTERS)))


def _brief(text: str, size: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= size else f"{line[: size - 1]}…"
