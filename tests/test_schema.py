"""Types as JSON schemas and back, and answers in a form that was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import jsonschema
import pytest
from chat_server import BOUND, Scripted
from pydantic import BaseModel, Field

import tokenwidgets as tw
from tokenwidgets import schema
from tokenwidgets.providers import local
from tokenwidgets.schema import Mismatch
from tokenwidgets.structured import Structure


class Unit(Enum):
    CELSIUS = "c"
    KELVIN = "k"


@dataclass
class Place:
    name: str
    height: float = 0.0
    tags: list[str] = field(default_factory=list)
    total: int = field(init=False, default=0)


class Trip(TypedDict):
    to: Place
    days: NotRequired[int]


class Stop(BaseModel):
    name: str = Field(min_length=1)


class Route(BaseModel):
    stops: list[Stop]


@dataclass
class Journey:
    route: Route
    unit: Unit | None = None


@dataclass
class Circle:
    inner: Circle | None = None


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (str, {"type": "string"}),
        (Any, {}),
        (bool | None, {"anyOf": [{"type": "boolean"}, {"type": "null"}]}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[Any], {"type": "array", "items": {}}),
        (Mapping[str, float], {"type": "object", "additionalProperties": {"type": "number"}}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal[1, "a"], {"type": ["integer", "string"], "enum": [1, "a"]}),
        (Unit, {"type": "string", "enum": ["c", "k"]}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (tuple[int, str], {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2}),
    ],
)
def test_a_type_is_a_schema(hint, expected):
    assert schema.of(hint) == expected


def test_classes_are_objects():
    place = schema.of(Place)
    assert (list(place["properties"]), place["required"]) == (["name", "height", "tags"], ["name"])
    assert schema.of(Trip)["required"] == ["to"]
    assert schema.of(Trip)["properties"]["to"] == place


def test_a_model_inside_a_dataclass_keeps_its_references():
    found = schema.of(Journey)
    jsonschema.validate({"route": {"stops": [{"name": "Oslo"}]}}, found)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"route": {"stops": [{"name": ""}]}}, found)


@pytest.mark.parametrize(
    ("hint", "words"), [(Circle, "Circle holds itself"), (complex, "type complex cannot be said"), (list[bytes], "bytes")]
)
def test_what_json_cannot_say_is_refused(hint, words):
    with pytest.raises(tw.Refused, match=words):
        schema.of(hint)


@pytest.mark.parametrize(
    ("hint", "value", "made"),
    [
        (float, 1, 1.0),
        (int, 3.0, 3),
        (float | int, 3, 3),
        (int | str, "5", "5"),
        (set[int], [1, 1, 2], {1, 2}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (Unit, "k", Unit.KELVIN),
        (Literal[True, "a"], True, True),
        (dict[str, Place], {"x": {"name": "Oslo", "height": 3}}, {"x": Place("Oslo", 3.0)}),
        (Trip, {"to": {"name": "Oslo"}}, {"to": Place("Oslo")}),
        (Journey, {"route": {"stops": []}, "unit": None}, Journey(Route(stops=[]))),
        (list[Annotated[int, "n"]], [1], [1]),
    ],
)
def test_a_value_of_a_type(hint, value, made):
    found = schema.convert(hint, value, "x")
    assert found == made
    assert type(found) is type(made)


@pytest.mark.parametrize(
    ("hint", "value", "words"),
    [
        (int, True, "x is a whole number, not True"),
        (int, 1.5, "x is a whole number, not 1.5"),
        (str, 5, "x is a string, not 5"),
        (list[int], [1, "a"], r"x\[1\] is a whole number, not 'a'"),
        (list[int], "ab", "x is a list"),
        (Literal[1], True, "x is one of 1, not True"),
        (Unit, [], "x is one of 'c', 'k', not"),
        (Place, {"name": "a", "colour": 1}, "x has no 'colour'; it has name, height, tags"),
        (Place, {}, "x lacks 'name'"),
        (Journey, {"route": {"stops": [{}]}}, "route.stops.0.name: Field required"),
        (int | None, "a", "x is a whole number, not 'a'"),
        (tuple[int, int], [1], "x has 2 items, not 1"),
    ],
)
def test_a_value_that_is_none_of_its_type(hint, value, words):
    with pytest.raises(Mismatch, match=words):
        schema.convert(hint, value, "x")


# ---- structured output


def test_a_class_is_asked_for_strictly():
    asked = Structure(Trip).response_format()
    assert (asked["type"], asked["json_schema"]["name"], asked["json_schema"]["strict"]) == ("json_schema", "Trip", True)
    place = asked["json_schema"]["schema"]["properties"]["to"]
    assert place["required"] == ["name", "height", "tags"], "strict output names every field"


def test_a_free_form_object_is_not_called_strict():
    @dataclass
    class Counts:
        words: dict[str, int]

    assert "strict" not in Structure(Counts).response_format()["json_schema"]
    assert "strict" not in Structure({"type": "object", "properties": {"a": {}}}).response_format()["json_schema"]


def answered(text: str, form: Any) -> Any:
    with Scripted([text]).running() as server:
        server.configure()
        result = tw.stream("Where?", model="scripted/m", schema=form, show=False)
        result.wait(BOUND)
        assert server.calls[0][2]["response_format"] == Structure(form).response_format()
        return result.parsed


NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (Place, '{"name": "Oslo", "height": 1, "tags": []}', Place("Oslo", 1.0)),
        (Trip, '{"to": {"name": "Oslo"}, "days": 2}', {"to": Place("Oslo"), "days": 2}),
        (Stop, '```json\n{"name": "Oslo"}\n```', Stop(name="Oslo")),
        (NAMED, '{"name": "Oslo"}', {"name": "Oslo"}),
    ],
)
def test_an_answer_is_read_in_its_form(form, text, value):
    assert answered(text, form) == value


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("form", "text", "words"),
    [
        (Place, "It is Oslo.", "not the JSON that was asked for: expecting value at character 0"),
        (Place, '{"name": "Os', "not the JSON that was asked for: unterminated string"),
        (Place, '{"name": 5}', "not of the form Place: name is a string, not 5"),
        (Stop, '{"name": ""}', "not of the form Stop: the answer.name: String should have"),
        (NAMED, "{}", r"at \$, 'name' is a required property"),
    ],
)
def test_an_answer_in_another_form_is_one_sentence(form, text, words):
    with pytest.raises(Mismatch, match=words) as raised:
        answered(text, form)
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("in_process")
def test_no_form_and_no_answer():
    with pytest.raises(tw.Refused, match="No form was asked for"):
        _ = tw.stream("Why?", model="sim/steady", tokens=1, ttft_ms=1, show=False).parsed
    with pytest.raises(tw.StreamFailed, match="There is no host"):
        _ = tw.stream("Why?", model="nowhere/x", schema=NAMED, show=False).parsed
    with pytest.raises(tw.Refused, match="A schema is"):
        tw.stream("Why?", model="sim/steady", schema=str, show=False)


@pytest.mark.model
@pytest.mark.skipif(not local.can_run({}), reason="the local model is not installed")
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("dialect", ["openai-chat"])
def test_a_real_model_answers_in_the_form(dialect):
    @dataclass
    class Capital:
        city: str
        country: Literal["France", "Norway"]
        inhabitants: int

    result = tw.stream(
        "The capital of France, as JSON.", model="local/smollm2-135m", schema=Capital, dialect=dialect, max_tokens=200, seed=1, show=False
    )
    found = result.parsed
    assert isinstance(found, Capital), result.text
    assert set(json.loads(result.text)) == {"city", "country", "inhabitants"}
