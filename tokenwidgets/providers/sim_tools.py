"""A tool call the simulator can make: arguments that satisfy the tool's JSON schema, as plain as they can be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Any

from ..dialects.untrusted import items, mapping

WEATHER: Mapping[str, Any] = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "enum": ["Oslo", "Lisbon", "Nairobi", "Kyoto"]},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city", "unit"],
    },
}
"""The tool that is called when a request brings none."""

DEPTH = 8
"""How deep a schema that refers to itself is followed."""

NODES = 1000
"""How many schemas are looked at for one call, however often they refer to each other."""

FORMATS = {
    "date": "2026-01-31", "time": "12:30:00Z", "date-time": "2026-01-31T12:30:00Z", "email": "someone@example.org",
    "uri": "https://example.org/", "uuid": "00000000-0000-4000-8000-000000000000", "ipv4": "192.0.2.1", "hostname": "example.org",
}  # fmt: skip


def function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """The function of a tool definition: of chat completions (nested) or of the later, flat form."""
    inner = tool.get("function", tool)
    return inner if isinstance(inner, Mapping) and isinstance(inner.get("name"), str) else WEATHER


def arguments(definition: Mapping[str, Any], rng: Random) -> Any:
    """Arguments for a function.

    Parameters
    ----------
    definition : `name` and `parameters`, a JSON schema. `pattern` and `not` are not understood: a simulator need not satisfy everything.
    rng : chooses among what is allowed.
    """
    schema = definition.get("parameters") or definition.get("input_schema") or {"type": "object"}
    return _Example(schema, rng).of(schema, DEPTH)


class _Example:
    def __init__(self, root: Any, rng: Random) -> None:
        self.root = root
        self.rng = rng
        self.room = NODES

    def of(self, schema: Any, depth: int) -> Any:
        schema = self.merged(schema, depth)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if isinstance(options := schema.get("enum"), list) and options:
            return self.rng.choice(options)
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        kind = next((k for k in kinds if k != "null"), "null") if isinstance(kinds, list) else kinds
        make = getattr(self, f"_{kind}", None) if isinstance(kind, str) else None
        return make(schema, depth) if make else None

    def merged(self, schema: Any, depth: int) -> Mapping[str, Any]:
        """A schema with its reference followed, its parts joined and its first alternative taken."""
        self.room -= 1
        if not isinstance(schema, Mapping) or depth < 0 or self.room < 0:
            return {}
        out = dict(schema)
        parts = [self.target(out.pop("$ref", None)), *items(out.pop("allOf", None))]
        parts += items(out.pop("anyOf", None))[:1] + items(out.pop("oneOf", None))[:1]
        for part in parts:
            found = self.merged(part, depth - 1)
            properties = {**mapping(found.get("properties")), **mapping(out.get("properties"))}
            required = [*items(out.get("required")), *items(found.get("required"))]
            out = {**found, **out} | ({"properties": properties} if properties else {}) | ({"required": required} if required else {})
        return out

    def target(self, reference: Any) -> Any:
        """What `#/…` points to in the same schema; nothing for any other reference."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        found = self.root
        for step in reference[1:].split("/")[1:]:
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        return found

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = mapping(schema.get("properties"))
        required = [name for name in items(schema.get("required")) if isinstance(name, str)]
        names = [name for name in properties if name in required or depth > DEPTH - 2] if depth > 0 else required
        return {name: self.of(properties.get(name, {}), depth - 1) for name in dict.fromkeys([*names, *required])}

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = _int(schema.get("minItems"), 0)
        count = max(least, min(1, _int(schema.get("maxItems"), 1))) if depth > 0 else least
        first = [self.of(item, depth - 1) for item in items(schema.get("prefixItems"))]
        return [*first, *(self.of(schema.get("items", {}), depth - 1) for _ in range(min(count, 16) - len(first)))]

    def _string(self, schema: Mapping[str, Any], depth: int) -> str:
        text = FORMATS.get(str(schema.get("format"))) or self.rng.choice(("blue", "morning", "north", "river"))
        least, most = _int(schema.get("minLength"), 0), _int(schema.get("maxLength"), 2**16)
        return (text * (min(least, 2**12) // len(text) + 1) if len(text) < least else text)[: max(most, 0)]

    def _integer(self, schema: Mapping[str, Any], depth: int) -> int:
        return int(self._number({"multipleOf": 1, **schema}, depth))

    def _number(self, schema: Mapping[str, Any], depth: int) -> float:
        step = _float(schema.get("multipleOf"), 0)
        low = max(_float(schema.get("minimum"), -math.inf), _above(schema.get("exclusiveMinimum"), step))
        high = min(_float(schema.get("maximum"), math.inf), -_above(_negated(schema.get("exclusiveMaximum")), step))
        value = low if low > -math.inf else min(1.0, high)
        whole = math.ceil(value / step) * step if step > abs(value) / 2**53 else value
        return int(whole) if whole == int(whole) else whole

    def _boolean(self, schema: Mapping[str, Any], depth: int) -> bool:
        return self.rng.random() < 0.5


def _above(bound: Any, step: float) -> float:
    """The least value above an exclusive bound."""
    return _float(bound, -math.inf) + (step or 0.5)


def _negated(value: Any) -> Any:
    return -value if isinstance(value, int | float) else None


def _int(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def _float(value: Any, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e300 else otherwise
