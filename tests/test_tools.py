"""Python functions as tools: what a model is told of them, and what becomes of its calls."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel

from tokenwidgets import tools
from tokenwidgets.errors import Refused
from tokenwidgets.tools import RESULT_CHARACTERS, Toolbox, ToolRun

KEY = "sk-planted-1234567890abcdef"


@dataclass
class Place:
    name: str


class Spot(BaseModel):
    name: str


def run(function: Any, arguments: Any = None, name: str = "") -> ToolRun:
    call = {"id": "1", "name": name or function.__name__, "arguments": {} if arguments is None else arguments}
    return asyncio.run(Toolbox([function]).run(call, contextvars.copy_context()))


# ---- what a model is told


def test_a_definition_is_the_signature_and_the_docstring():
    def find(
        city: str, unit: Literal["c", "f"] = "c", *, limit: Annotated[int, "how many"] = 3, near: Place | None = None, more=None
    ) -> str:
        """Find the weather
        somewhere.

        More than a model needs to know.

        Parameters
        ----------
        city : str
            Name of the city,
            in English.
        unit : of the temperature.
        limit : is said better by the annotation.
        """
        return ""

    (definition,) = Toolbox([find]).definitions
    assert definition == {
        "type": "function",
        "function": {
            "name": "find",
            "description": "Find the weather somewhere.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "Name of the city, in English."},
                    "unit": {"type": "string", "enum": ["c", "f"], "description": "of the temperature."},
                    "limit": {"type": "integer", "description": "how many"},
                    "near": {
                        "anyOf": [
                            {
                                "type": "object",
                                "properties": {"name": {"type": "string"}},
                                "required": ["name"],
                                "additionalProperties": False,
                            },
                            {"type": "null"},
                        ]
                    },
                    "more": {},
                },
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }


@pytest.mark.parametrize(
    "docs",
    [
        "Look.\n\nArgs:\n    place (str): Where\n        to look.\n    other: x\n",
        "Look.\n\nParameters\n----------\nplace : str, optional\n    Where\n    to look.\nother : x\n",
        "Look.\n\n:param place: Where\n    to look.\n:param other: x\n",
        "Look.\n\nParameters\n----------\nplace : Where to look.\n",
    ],
)
def test_docstrings_of_every_style(docs):
    def look(place): ...

    look.__doc__ = docs
    function = Toolbox([look]).definitions[0]["function"]
    assert (function["description"], function["parameters"]["properties"]["place"]) == ("Look.", {"description": "Where to look."})


def test_methods_and_definitions():
    class Desk:
        def book(self, day: str) -> str:
            return day

    declared = {"type": "function", "function": {"name": "other", "parameters": {}}}
    box = Toolbox([Desk().book, declared])
    assert [d["function"]["name"] for d in box.definitions] == ["book", "other"]
    assert list(box.definitions[0]["function"]["parameters"]["properties"]) == ["day"]
    assert (box.answers("book"), box.answers("other"), box.answers("unknown")) == (True, False, True)


def unclear(x: complex) -> None: ...


def unknown(x: NoSuchType) -> None: ...  # noqa: F821


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([lambda x: x], "cannot be a tool: a tool is a function with a plain name"),
        ([unclear], "The function unclear cannot be a tool: The type complex"),
        ([unknown], "annotations cannot be read"),
        ([5], "A tool is a function or a definition"),
        ([run, run], "Two tools have one name"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(given, words):
    with pytest.raises(Refused, match=words) as refused:
        Toolbox(given)
    assert "\n" not in str(refused.value)


# ---- calls


def test_arguments_become_what_the_function_takes():
    seen: list[Any] = []

    def take(place: Place, spot: Spot, /, numbers: set[int], rate: float = 1, **more: Any) -> None:
        seen.extend([place, spot, numbers, rate, more])

    done = run(take, {"place": {"name": "a"}, "spot": {"name": "b"}, "numbers": [1, 1], "rate": 2, "free": 1})
    assert (seen, done.result, done.error) == ([Place("a"), Spot(name="b"), {1}, 2.0, {"free": 1}], "null", None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        (Place("ö"), '{"name": "ö"}'),
        ([Spot(name="b")], '[{"name": "b"}]'),
        (1 + 2j, "(1+2j)"),
        (None, "null"),
    ],
)
def test_a_value_is_text(value, text):
    def give() -> Any:
        return value

    assert run(give).result == text
    assert run(give).value is value


def test_a_long_result_is_cut_and_says_so():
    def give() -> str:
        return "x" * (RESULT_CHARACTERS + 1)

    result = run(give).result
    assert result.startswith("x" * RESULT_CHARACTERS + "…")
    assert result.endswith("(cut: the result has 65,537 characters)")


def test_arguments_that_are_none_are_told_to_the_model():
    def take(city: str, days: int = 1) -> str:
        raise AssertionError("it is not called")

    assert run(take, {"city": 5}).result == "Error: city is a string, not 5"
    assert run(take, {}).result == "Error: take lacks 'city'"
    assert run(take, {"town": "x"}).result == "Error: take has no 'town'; it has city, days"
    assert run(take, '{"city": ').error == 'the arguments are no JSON object: {"city":'
    assert run(take, {}, "tale").result == "Error: there is no tool 'tale'; there are take"


@pytest.mark.parametrize("error", [ValueError("no\n such  city"), SystemExit(3), KeyboardInterrupt(), StopIteration("x"), TimeoutError(),
                                   asyncio.CancelledError()])  # fmt: skip
@pytest.mark.parametrize("kind", ["plain", "coroutine"])
def test_an_exception_is_a_result_on_one_line(error, kind):
    def plain() -> None:
        raise error

    async def coroutine() -> None:
        raise error

    done = run({"plain": plain, "coroutine": coroutine}[kind])
    assert done.result.startswith(
        f"Error: {'RuntimeError' if kind == 'coroutine' and isinstance(error, StopIteration) else type(error).__name__}"
    )
    assert "\n" not in done.result
    if isinstance(error, ValueError):
        assert done.result == "Error: ValueError: no such city"


def test_a_key_in_an_exception_is_struck_out():
    def ask() -> None:
        raise PermissionError(f"401 for key {KEY}")

    done = run(ask)
    assert KEY not in f"{done} {done.result} {done.error}"


def test_a_function_that_takes_too_long_is_left(monkeypatch):
    monkeypatch.setattr(tools, "TOOL_SECONDS", 0.01)
    release = threading.Event()

    def hang() -> None:
        release.wait()

    done = run(hang)
    release.set()
    assert done.error == "TimeoutError: it took longer than 0.01 s"


async def test_plain_functions_run_one_at_a_time_and_coroutines_side_by_side():
    inside, most = 0, 0

    def plain() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        inside -= 1

    meeting = asyncio.Barrier(2)

    async def meet() -> None:
        await meeting.wait()

    box = Toolbox([plain, meet])
    calls = [{"id": str(i), "name": name, "arguments": {}} for i, name in enumerate(["plain", "plain", "plain", "meet", "meet"])]
    runs = await asyncio.wait_for(asyncio.gather(*(box.run(call, contextvars.copy_context()) for call in calls)), 20)
    assert [r.error for r in runs] == [None] * 5
    assert most == 1


cell = contextvars.ContextVar[str]("cell", default="none")


def test_a_function_runs_in_its_callers_context():
    def where() -> str:
        return cell.get()

    async def there() -> str:
        return cell.get()

    context = contextvars.copy_context()
    context.run(cell.set, "seven")
    for function in (where, there):
        call = {"id": "1", "name": function.__name__, "arguments": {}}
        assert asyncio.run(Toolbox([function]).run(call, context)).result == "seven"


def test_a_call_in_one_line():
    done = ToolRun("1", "get_weather", {"city": "Paris", "note": "x" * 100}, "12 °C\nand rain", 0.2149)
    assert str(done) == f'get_weather(city="Paris", note="{"x" * 58}…) → 12 °C and rain · 0.21 s'
