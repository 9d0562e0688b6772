"""Lists of what there is, as they are shown."""

from __future__ import annotations

from tokenwidgets.listing import ModelList, Table

MODELS = [
    {"id": "a/one", "context": 131072, "capabilities": ["text", "images"], "price": {"input": 2.5e-6, "output": 1e-5}},
    {"id": "a/two", "price": {"input": 0.0}, "stale": True},
    {"id": "sim/three", "simulated": True},
]


def test_a_list_of_models_is_a_list_of_names():
    names = ModelList(MODELS)
    assert names == ["a/one", "a/two", "sim/three"]
    assert "a/two" in names
    assert names.details["a/one"]["context"] == 131072


def test_it_shows_what_is_known_of_each():
    lines = repr(ModelList(MODELS)).splitlines()
    assert [word.strip() for word in lines[0].split("  ") if word] == [
        "model",
        "context",
        "can",
        "USD per million tokens, in / out",
        "note",
    ]
    assert lines[1].split() == ["a/one", "131,072", "text,", "images", "2.5", "/", "10"]
    assert lines[2].split(maxsplit=4) == ["a/two", "0", "/", "?", "an old list: the host does not answer now"]
    assert lines[3].split() == ["sim/three", "simulated"]


def test_a_column_of_which_nothing_is_known_is_left_out():
    assert repr(ModelList([{"id": "a/b"}])) == "model\na/b"
    assert repr(ModelList([])) == "model"


def test_matching():
    names = ModelList(MODELS)
    assert [names.matching(text) for text in ("IMAGES", "two", "old list", "a/", "nothing")] == [
        ["a/one"], ["a/two"], ["a/two"], ["a/one", "a/two"], [],
    ]  # fmt: skip


def test_what_a_host_says_is_no_markup():
    shown = ModelList([{"id": "a/<script>alert(1)</script>"}])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_a_table():
    table = Table(["a", "b"], [["1", "2"], ["33", ""]])
    assert repr(table) == "a   b\n1   2\n33"
    assert table._repr_html_().count("<tr>") == 3
