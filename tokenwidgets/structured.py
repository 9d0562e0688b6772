"""Structured output: the form an answer is asked for in, and the answer read in it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any, is_typeddict

from . import schema
from .errors import Refused
from .schema import Mismatch, Schema

_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)
"""Models that are not held to a grammar put their JSON in a block of Markdown."""

_NAME = re.compile(r"[^a-zA-Z0-9_-]")


class Structure:
    """The form of an answer.

    Parameters
    ----------
    form : a JSON schema of an object, or a dataclass, a `TypedDict` or a pydantic model.

    Raises
    ------
    Refused : it is none of them, or JSON cannot say one of its fields.
    """

    def __init__(self, form: Any) -> None:
        if not (isinstance(form, Mapping) or dataclasses.is_dataclass(form) or is_typeddict(form) or schema.is_pydantic(form)):
            raise Refused("bad_request", "A schema is a JSON schema, a dataclass, a TypedDict or a pydantic model.")
        self.form = form
        self.name = _NAME.sub("_", str(form.get("title") or "answer") if isinstance(form, Mapping) else form.__name__)[:64]
        self.schema: Schema = dict(form) if isinstance(form, Mapping) else strict(schema.of(form))

    def response_format(self) -> dict[str, Any]:
        """The option that asks for it; `strict` where the schema keeps the rules that hosts have for that."""
        described = {"name": self.name, "schema": self.schema} | ({"strict": True} if _is_strict(self.schema) else {})
        return {"type": "json_schema", "json_schema": described}

    def read(self, text: str) -> Any:
        """An answer in that form: a dict for a JSON schema or a `TypedDict`, else an instance.

        Raises
        ------
        Mismatch : it is no JSON, or not of that form.
        """
        try:
            value = json.loads(found[1] if (found := _FENCE.fullmatch(text)) else text)
        except (ValueError, RecursionError) as e:
            raise Mismatch(f"The answer is not the JSON that was asked for: {_why(e)}.") from None
        if isinstance(self.form, Mapping):
            _check(self.schema, value)
            return value
        try:
            return schema.convert(self.form, value, "the answer")
        except Mismatch as e:
            raise Mismatch(f"The answer is not of the form {self.name}: {e}.") from None


def _why(e: Exception) -> str:
    return f"{e.msg[0].lower()}{e.msg[1:]} at character {e.pos}" if isinstance(e, json.JSONDecodeError) else "it is nested too deeply"


def _check(form: Schema, value: Any) -> None:
    from jsonschema.validators import validator_for
    from referencing import Registry

    validator = validator_for(form)(form, registry=Registry())  # nothing is fetched
    if (error := next(iter(validator.iter_errors(value)), None)) is not None:
        raise Mismatch(f"The answer is not of the form that was asked for: at {error.json_path}, {error.message[:200]}.")


def strict(form: Any) -> Any:
    """A schema by the rules of strict output: every object names all its fields as required, and has no others.

    Source: OpenAI's "Structured outputs", supported schemas. A field with a default is then always given.
    """
    if isinstance(form, list):
        return [strict(part) for part in form]
    if not isinstance(form, dict):
        return form
    out = {name: _named(part) if name in ("properties", "$defs") else strict(part) for name, part in form.items() if name != "default"}
    if "properties" in out:
        out |= {"required": list(out["properties"]), "additionalProperties": False}
    return out


def _named(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: strict(part) for name, part in parts.items()}


def _is_strict(form: Any) -> bool:
    """Whether those rules are kept."""
    if isinstance(form, list):
        return all(_is_strict(part) for part in form)
    if not isinstance(form, Mapping):
        return True
    closed = form.get("additionalProperties") is False and set(form.get("required", ())) == set(form.get("properties", ()))
    if form.get("type") == "object" and not closed:
        return False
    named = ("properties", "$defs")
    return all(all(_is_strict(p) for p in part.values()) if name in named else _is_strict(part) for name, part in form.items())
