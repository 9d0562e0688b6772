"""Types of Python as JSON schemas, and JSON as values of those types.

What a tool takes and what a structured answer holds is said once, as annotations. pydantic is used only for the user's own models.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired, Required, TypeAlias, Union, get_args, get_origin, get_type_hints, is_typeddict

from .errors import Refused, TokenwidgetsError

Schema: TypeAlias = dict[str, Any]

_PLAIN: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", None: "null"}
_LISTS = (list, set, frozenset, Sequence, AbstractSet)
_OBJECTS = (dict, Mapping)
_ANY = (Any, object)

_WORDS = {
    str: "a string", int: "a whole number", float: "a number", bool: "true or false", type(None): "null", None: "null",
}  # fmt: skip


class Mismatch(TokenwidgetsError, ValueError):
    """A value that is not of its type; the sentence says where and what it should be."""


def of(hint: Any) -> Schema:
    """The JSON schema of a type.

    Parameters
    ----------
    hint : an annotation: plain types, lists, dicts, `Literal`, enums, unions, dataclasses, `TypedDict`s, pydantic models, and any of them
        in `Annotated[…, "description"]`.

    Raises
    ------
    Refused : JSON cannot say it.
    """
    defs: Schema = {}
    schema = _of(hint, defs, ())
    return schema | ({"$defs": defs} if defs else {})


def properties(hints: Mapping[str, Any], required: Sequence[str]) -> Schema:
    """The schema of an object with these fields and no others. Raises like `of`."""
    defs: Schema = {}
    schema = _object(hints, required, defs, ())
    return schema | ({"$defs": defs} if defs else {})


def _of(hint: Any, defs: Schema, within: tuple[Any, ...]) -> Schema:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        description = next((a for a in args[1:] if isinstance(a, str)), None)
        return _of(args[0], defs, within) | ({"description": description} if description else {})
    if origin in (Required, NotRequired):
        return _of(args[0], defs, within)
    if hint in _ANY:
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin is Literal:
        return _enum(list(args))
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(arg, defs, within) for arg in args]}
    if (origin or hint) in _LISTS:
        return {"type": "array", "items": _of(args[0], defs, within) if args else {}}
    if (origin or hint) is tuple:
        return _tuple(args, defs, within)
    if (origin or hint) in _OBJECTS:
        return {"type": "object", "additionalProperties": _of(args[1], defs, within) if args else {}}
    return _class(hint, defs, within)


def _enum(values: list[Any]) -> Schema:
    kinds = list(dict.fromkeys(_PLAIN.get(type(v), "") for v in values))
    return {"enum": values} if "" in kinds else {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": values}


def _tuple(args: tuple[Any, ...], defs: Schema, within: tuple[Any, ...]) -> Schema:
    if not args or args[-1] is Ellipsis:
        return {"type": "array", "items": _of(args[0], defs, within) if args else {}}
    return {"type": "array", "prefixItems": [_of(a, defs, within) for a in args], "minItems": len(args), "maxItems": len(args)}


def _class(hint: Any, defs: Schema, within: tuple[Any, ...]) -> Schema:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum([member.value for member in hint])
    if is_pydantic(hint):
        schema = hint.model_json_schema()
        defs |= schema.pop("$defs", {})
        return dict(schema)
    if hint in within:
        raise Refused("bad_request", f"{hint.__name__} holds itself, which is not turned into a schema: give the JSON schema by hand.")
    if dataclasses.is_dataclass(hint) or is_typeddict(hint):
        return _object(_hints(hint), _required(hint), defs, (*within, hint))
    name = getattr(hint, "__name__", None) or repr(hint)
    raise Refused("bad_request", f"The type {name} cannot be said in JSON: use plain types, lists, dicts, dataclasses or TypedDicts.")


def _object(hints: Mapping[str, Any], required: Sequence[str], defs: Schema, within: tuple[Any, ...]) -> Schema:
    return {
        "type": "object",
        "properties": {name: _of(hint, defs, within) for name, hint in hints.items()},
        "required": list(required),
        "additionalProperties": False,
    }


def is_pydantic(hint: Any) -> bool:
    """Whether a class is a pydantic model, found without importing pydantic."""
    return isinstance(hint, type) and hasattr(hint, "model_json_schema") and hasattr(hint, "model_validate")


def _hints(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    names = [f.name for f in dataclasses.fields(cls) if f.init] if dataclasses.is_dataclass(cls) else list(hints)
    return {name: hints[name] for name in names}


def _required(cls: Any) -> list[str]:
    if is_typeddict(cls):
        # Python does not see `NotRequired` in annotations that are still text, so `__required_keys__` alone is not enough.
        marks = {name: get_origin(hint) for name, hint in _hints(cls).items()}
        return [n for n, mark in marks.items() if mark is Required or (n in cls.__required_keys__ and mark is not NotRequired)]
    missing = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(cls) if f.init and f.default is missing and f.default_factory is missing]


# ---- from JSON to values


def convert(hint: Any, value: Any, where: str) -> Any:
    """A JSON value as a value of a type that `of` accepts.

    Parameters
    ----------
    where : what the value is, in the sentence that says it is another.

    Raises
    ------
    Mismatch : it is not of that type.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Annotated, Required, NotRequired):
        return convert(args[0], value, where)
    if hint in _ANY:
        return value
    if hint in _PLAIN:
        return _plain(hint, value, where)
    if origin is Literal:
        return _one_of({_key(v): v for v in args}, value, where)
    if origin in (Union, types.UnionType):
        return _either(args, value, where)
    if (origin or hint) in _LISTS:
        made = [convert(args[0] if args else Any, v, f"{where}[{i}]") for i, v in enumerate(_listed(value, where))]
        return (origin or hint)(made) if (origin or hint) in (set, frozenset) else made
    if (origin or hint) is tuple:
        return _as_tuple(args, _listed(value, where), where)
    if (origin or hint) in _OBJECTS:
        kinds = args or (Any, Any)
        return {convert(kinds[0], k, f"a name in {where}"): convert(kinds[1], v, f"{where}.{k}") for k, v in _named(value, where).items()}
    return _instance(hint, value, where)


def _plain(hint: Any, value: Any, where: str) -> Any:
    if hint is float and type(value) is int:
        return float(value)
    if hint is int and type(value) is float and value.is_integer():
        return int(value)
    if type(value) is not (type(None) if hint is None else hint):
        raise Mismatch(f"{where} is {_WORDS[hint]}, not {_short(value)}")
    return value


def _one_of(values: Mapping[Any, Any], value: Any, where: str) -> Any:
    try:
        return values[_key(value)]
    except (KeyError, TypeError):
        raise Mismatch(f"{where} is one of {', '.join(repr(v) for _, v in values)}, not {_short(value)}") from None


def _key(value: Any) -> tuple[type, Any]:
    """Tells True from 1."""
    return type(value), value


def _either(hints: Sequence[Any], value: Any, where: str) -> Any:
    """The first that fits as it is, so that 1.0 in `float | int` stays a float; else the first that it can be made."""
    failures = []
    for hint in sorted(hints, key=lambda h: h is not type(value)):
        try:
            return convert(hint, value, where)
        except Mismatch as e:
            failures.append(e)
    raise failures[0] if len(hints) == 2 and type(None) in hints else Mismatch(f"{where} fits none of its types: {_short(value)}")


def _listed(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Mismatch(f"{where} is a list, not {_short(value)}")
    return value


def _named(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mismatch(f"{where} is an object, not {_short(value)}")
    return value


def _as_tuple(args: tuple[Any, ...], values: list[Any], where: str) -> tuple[Any, ...]:
    if not args or args[-1] is Ellipsis:
        return tuple(convert(args[0] if args else Any, v, f"{where}[{i}]") for i, v in enumerate(values))
    if len(values) != len(args):
        raise Mismatch(f"{where} has {len(args)} items, not {len(values)}")
    return tuple(convert(hint, v, f"{where}[{i}]") for i, (hint, v) in enumerate(zip(args, values, strict=True)))


def _instance(cls: Any, value: Any, where: str) -> Any:
    if isinstance(cls, type) and issubclass(cls, Enum):
        return _one_of({_key(member.value): member for member in cls}, value, where)
    if is_pydantic(cls):
        return _validated(cls, value, where)
    found = fields(_hints(cls), _required(cls), _named(value, where), where)
    return found if is_typeddict(cls) else cls(**found)


def _validated(cls: Any, value: Any, where: str) -> Any:
    try:
        return cls.model_validate(value)
    except ValueError as e:
        first = e.errors()[0] if hasattr(e, "errors") else {"loc": (), "msg": str(e)}
        place = ".".join([where, *(str(step) for step in first["loc"])])
        raise Mismatch(f"{place}: {first['msg']}") from None


def fields(hints: Mapping[str, Any], required: Sequence[str], value: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields of an object, each as a value of its type. Raises like `convert`, also for one that is missing or not known."""
    for name in value:
        if name not in hints:
            raise Mismatch(f"{where} has no {name!r}; it has {', '.join(hints) or 'nothing'}")
    for name in required:
        if name not in value:
            raise Mismatch(f"{where} lacks {name!r}")
    return {name: convert(hints[name], v, name) for name, v in value.items()}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
