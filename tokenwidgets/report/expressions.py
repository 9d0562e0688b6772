"""Comparisons of values with units, such as `ttft.p50 > 1.2 * base`: read into functions. Nothing of Python is run.

A value is a number with its unit (µs, us, ms, s, tok/s or none), a name, or such values with + - * / and parentheses. What a name stands
for is asked when it is computed. A sum is of what has one unit; a time over a time is a number.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

from ..errors import Refused
from ..verdicts import Measure

LONGEST = 300
"""Characters of a condition."""

UNITS = {"µs": ("µs", 1.0), "us": ("µs", 1.0), "ms": ("µs", 1e3), "s": ("µs", 1e6), "tok/s": ("tok/s", 1.0), "": ("1", 1.0)}
"""How a number may be said: its unit here, and how many of those it is."""

COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
}  # fmt: skip

KINDS = {"µs": "a time", "tok/s": "a rate", "1": "a number"}

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(?P<unit>tok/s\b|[a-zµ]+\b)?"
    r"|(?P<name>[a-z_]\w*(?:\.\w+)?)"
    r"|(?P<sign><=|>=|==|!=|[-+*/()<>]))"
)


class Untold(Exception):
    """What cannot be computed from what was measured, in words."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its unit."""

    number: float
    unit: str

    def __post_init__(self) -> None:
        if not isfinite(self.number):
            raise Untold("a value is too large to be computed with")

    @property
    def words(self) -> str:
        """As in a table."""
        return Measure("", "", self.unit).words(self.number)

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return KINDS.get(self.unit, f"a value in {self.unit}")


Lookup = Callable[[str], Value]
Expression = Callable[[Lookup], Value]


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison that was read.

    Parameters
    ----------
    text : as it was written.
    names : in it, from left to right.
    left, sign, right : what is compared.
    """

    text: str
    names: tuple[str, ...]
    left: Expression
    sign: str
    right: Expression

    def holds(self, lookup: Lookup) -> tuple[bool, Value, Value]:
        """Whether it does, and both sides.

        Raises
        ------
        Refused : the sides have different units.
        Untold : what a name stands for is not known.
        """
        left, right = self.left(lookup), self.right(lookup)
        if left.unit != right.unit:
            raise bad(self.text, f"{left.kind} is compared with {right.kind}; say its unit, as in 300 ms")
        return COMPARE[self.sign](left.number, right.number), left, right


def bad(text: str, why: str) -> Refused:
    """What is said of a condition that is none."""
    return Refused("bad_request", f"{text[:LONGEST]!r} is no condition: {why}.")


def parse(text: str) -> Condition:
    """Read a condition.

    Raises
    ------
    Refused : it is none; the sentence says why.
    """
    if len(text) > LONGEST:
        raise bad(text, f"it is longer than {LONGEST} characters")
    return _Parser(text).condition()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*self._cut()]
        self._at = 0

    def _cut(self) -> Iterator[re.Match[str]]:
        text, at = self._text.replace("\u03bc", "\u00b5"), 0  # the Greek letter for the sign of micro
        while text[at:].strip():
            token = _TOKEN.match(text, at)
            if token is None:
                raise self._bad(f"{text[at:].strip()[:20]!r} is no part of one")
            at = token.end()
            yield token

    def condition(self) -> Condition:
        left = self._sum()
        sign = self._take(*COMPARE)
        if not sign:
            raise self._bad("it compares two values, as in ttft.p50 > 300 ms")
        right = self._sum()
        if self._at < len(self._tokens):
            raise self._bad(f"{self._tokens[self._at][0].strip()!r} is left over")
        return Condition(self._text, tuple(token["name"] for token in self._tokens if token["name"]), left, sign, right)

    def _take(self, *signs: str) -> str:
        if self._at < len(self._tokens) and (sign := self._tokens[self._at]["sign"]) in signs:
            self._at += 1
            return sign
        return ""

    def _sum(self) -> Expression:
        found = self._product()
        while sign := self._take("+", "-"):
            found = self._added(found, sign, self._product())
        return found

    def _added(self, left: Expression, sign: str, right: Expression) -> Expression:
        def value(lookup: Lookup) -> Value:
            a, b = left(lookup), right(lookup)
            if a.unit != b.unit:
                raise self._bad(f"{a.kind} {sign} {b.kind} is nothing that is measured")
            return Value(a.number + b.number if sign == "+" else a.number - b.number, a.unit)

        return value

    def _product(self) -> Expression:
        found = self._atom()
        while sign := self._take("*", "/"):
            found = self._multiplied(found, self._atom()) if sign == "*" else self._divided(found, self._atom())
        return found

    def _multiplied(self, left: Expression, right: Expression) -> Expression:
        def value(lookup: Lookup) -> Value:
            a, b = left(lookup), right(lookup)
            if "1" not in (a.unit, b.unit):
                raise self._bad(f"{a.kind} * {b.kind} is nothing that is measured")
            return Value(a.number * b.number, a.unit if b.unit == "1" else b.unit)

        return value

    def _divided(self, left: Expression, right: Expression) -> Expression:
        def value(lookup: Lookup) -> Value:
            a, b = left(lookup), right(lookup)
            if b.unit not in ("1", a.unit):
                raise self._bad(f"{a.kind} / {b.kind} is nothing that is measured")
            if not b.number:
                raise Untold("it divides by 0")
            return Value(a.number / b.number, a.unit if b.unit == "1" else "1")

        return value

    def _atom(self) -> Expression:
        if self._take("-"):
            return self._negated(self._atom())
        if self._take("("):
            inside = self._sum()
            if not self._take(")"):
                raise self._bad("a parenthesis is not closed")
            return inside
        if self._at >= len(self._tokens) or self._tokens[self._at]["sign"]:
            raise self._bad("a value is missing")
        self._at += 1
        return self._value(self._tokens[self._at - 1])

    def _negated(self, inner: Expression) -> Expression:
        def value(lookup: Lookup) -> Value:
            found = inner(lookup)
            return Value(-found.number, found.unit)

        return value

    def _value(self, token: re.Match[str]) -> Expression:
        name, unit = token["name"], token["unit"] or ""
        if name:
            return lambda lookup: lookup(name)
        if unit not in UNITS:
            raise self._bad(f"{unit!r} is no unit: it is one of {', '.join(filter(None, UNITS))}")
        kind, scale = UNITS[unit]
        if not isfinite(amount := float(token["number"]) * scale):
            raise self._bad(f"{token[0].strip()!r} is too large")
        number = Value(amount, kind)
        return lambda _lookup: number

    def _bad(self, why: str) -> Refused:
        return bad(self._text, why)
