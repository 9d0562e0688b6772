"""Reading JSON that may hold anything: every function takes any value and none raises more than it says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 100
"""Deepest nesting accepted, so that whatever was read can be written again from any depth of calls."""

MAX_COUNT = 2**53
"""Counts stay below this, where a browser's numbers are still exact."""


def parse(source: str | bytes) -> Any:
    """JSON text → value; NaN, infinities and floats too large for one become None, since JSON cannot say them.

    Raises
    ------
    ValueError : it is no JSON, or is nested deeper than `MAX_DEPTH`.
    """
    text = source if isinstance(source, str) else source.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text, parse_constant=_nothing, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    return value


def _nothing(_: str) -> None:
    return None


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [child for node in level for child in _children(node)]:
        depth += 1
    return depth


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list, or the one object that stands where a list should."""
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict)]


def string(value: Any) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """The value if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX_COUNT < value < MAX_COUNT:
        return None
    return value


def count(value: Any) -> int | None:
    """The value if it is a whole number from 0 up, also one written as a float, else None."""
    n = number(value)
    return int(n) if n is not None and n >= 0 and n == int(n) else None
