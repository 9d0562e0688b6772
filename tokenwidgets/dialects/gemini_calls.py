"""Arguments of a tool call that arrive as patches of a JSON value (wire-formats section 5.1, `partialArgs`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, TypeAlias

from .untrusted import MAX_COUNT, MAX_DEPTH, string

_STEP = re.compile(r"""\.([^.\[\]'"]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]""", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

_VALUES = frozenset({"stringValue", "numberValue", "boolValue", "nullValue"})

Step: TypeAlias = str | int


class PartialArguments:
    """Patches in, the value out.

    Attributes
    ----------
    value : the arguments so far.
    broken : a patch could not be applied, so that `value` is not what the model meant.
    """

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}
        self.broken = False
        self._unfinished: list[Step] | None = None

    @property
    def complete(self) -> bool:
        """Whether no text is still to be continued and no patch failed."""
        return not self.broken and self._unfinished is None

    def patch(self, raw: Mapping[str, Any]) -> None:
        """Apply one patch; the text of a path that was to be continued is appended to."""
        path = steps(string(raw.get("jsonPath")))
        if not path or not self._put(path, raw):
            self.broken = True
            return
        self._unfinished = path if raw.get("willContinue") is True else None

    def _put(self, path: list[Step], raw: Mapping[str, Any]) -> bool:
        place = self._place(path)
        if place is None or not _VALUES & raw.keys():
            return False
        known, value = _get(place, path[-1]), _value(raw)
        if path == self._unfinished and isinstance(known, str) and isinstance(value, str):
            value = known + value
        return _set(place, path[-1], value)

    def _place(self, path: list[Step]) -> Any:
        """The object or list that holds a path's last step, made where it is missing; None where another value is in the way."""
        place: Any = self.value
        for step, following in pairwise(path):
            if _get(place, step) is None and not _set(place, step, [] if isinstance(following, int) else {}):
                return None
            place = _get(place, step)
        return place


def steps(path: str) -> list[Step]:
    """The steps of a JSON Path such as `$.a[0]['b c']` (RFC 9535, names and indexes only); empty when it is none."""
    out: list[Step] = []
    at = 1
    while path.startswith("$") and at < len(path) and len(out) < MAX_DEPTH - 1:
        found = _STEP.match(path, at)
        if not found:
            return []
        plain, index, *quoted = found.groups()
        out.append(int(index) if index is not None else plain or _ESCAPED.sub(r"\1", quoted[0] if quoted[0] is not None else quoted[1]))
        at = found.end()
    return out if at == len(path) else []


def _get(place: Any, step: Step) -> Any:
    if isinstance(place, dict):
        return place.get(step)
    return place[step] if isinstance(place, list) and isinstance(step, int) and step < len(place) else None


def _set(place: Any, step: Step, value: Any) -> bool:
    """Whether the value could be put there: a list grows by one item at a time."""
    if isinstance(place, list) and step == len(place):
        place.append(value)
        return True
    fits = isinstance(step, str) if isinstance(place, dict) else isinstance(place, list) and isinstance(step, int) and step < len(place)
    if fits:
        place[step] = value
    return fits


def _value(raw: Mapping[str, Any]) -> Any:
    """The value of a patch; a number without a fraction is whole, since they all travel as doubles."""
    if "boolValue" in raw:
        return bool(raw["boolValue"])
    n = raw.get("numberValue")
    if isinstance(n, float):
        return int(n) if n.is_integer() and abs(n) < MAX_COUNT else n
    if isinstance(n, int):
        return n
    return string(raw["stringValue"]) if "stringValue" in raw else None
