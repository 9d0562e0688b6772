"""Variables in a prompt: what is there is filled in, everything else stays, nothing is evaluated."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.prompt import fill

NAMES = {
    "name": "Ada", "n": 3, "größe": "XL", "ähnlich": "Umlaut first", "_x": "under",
    "df": SimpleNamespace(shape=(4, 2), columns=["a", "b"]),
    "rows": [{"id": 7, "na me": "spaced"}, ["deep"]],
    "d": {"k": {"x": "nested"}, "0": "text zero", 0: "zero", -1: "minus"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hi {name}!", "Hi Ada!"), ("{n}{n}", "33"), ("{größe} {ähnlich} {_x}", "XL Umlaut first under"),
        ("{df.shape}", "(4, 2)"), ("{df.shape[0]}", "4"), ("{df.columns[-1]}", "b"),
        ("{rows[0]['id']}", "7"), ('{rows[0]["na me"]}', "spaced"), ("{rows[1][0]}", "deep"),
        ("{d['k']['x']}", "nested"), ("{d['0']}{d[0]}{d[-1]}", "text zerozerominus"), ("{{name}}", "{Ada}"),
    ],
)  # fmt: skip
def test_what_is_there_is_filled_in(text, filled):
    assert fill(text, NAMES) == filled


@pytest.mark.parametrize(
    "text",
    [
        "{nobody}", "{name.nothing}", "{rows[9]}", "{rows['x']}", "{n[0]}", "{}", "{ name }", "{name", "name}", "{0}", "{name!r}",
        "{name:>10}", "{n + 1}", "{name.upper()}", "{len(name)}", "{rows[n]}", "{rows[0:1]}", "{rows[1 if n else 0]}", "{lambda: 1}",
        "{__import__('os')}", "{name;n}", "$name", "%(name)s", "{rows[0].}", "{.name}", "{rows[]}", "{d[007]}",
        '{"name": "value", "list": [1, {"n": 2}]}', "a { color: red; } .n{margin:0}", "fn main() { let n = {1}; }", r"\frac{a}{b} {n}"[:-4],
        "function(){return {n: 1}}", "{'n'}", '{"n"}',
    ],
)  # fmt: skip
def test_everything_else_stays_as_it_is(text):
    assert fill(text, NAMES) == text


def test_what_a_value_says_is_not_filled_again():
    assert fill("{a}", {"a": "{b}", "b": "no"}) == "{b}"


def test_an_object_that_fails_is_not_there():
    class Fails:
        @property
        def x(self):
            raise ZeroDivisionError

        def __str__(self):
            raise OSError

        def __getitem__(self, key):
            raise RecursionError

    text = "{it} {it.x} {it[0]}"
    assert fill(text, {"it": Fails()}) == text


def test_names_that_cannot_be_looked_up_are_not_there():
    class Names(dict):
        def __getitem__(self, key):
            raise RuntimeError

    assert fill("{a}", Names()) == "{a}"


alphabet = st.sampled_from([*"{}[]().'\"\\ :!n0-9\n", "name", "rows", "df", "{n}", "[0]", ".shape", "['id']", "ä"])


@given(st.lists(alphabet, max_size=25).map("".join) | st.text(max_size=40))
def test_it_never_raises_and_changes_nothing_where_nothing_is_there(text):
    assert isinstance(fill(text, NAMES), str)
    assert fill(text, {}) == text


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=4))
def test_json_stays_json(value):
    import json

    text = json.dumps(value, indent=2)
    assert fill(text, {}) == text
    assert json.loads(fill(text, NAMES) if "{" not in text[1:] else text) == value
