"""What the text model is told of a session."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.events import Text
from tokenwidgets.realtime.history import History
from tokenwidgets.realtime.said import Said

CLAUSES = [("One two, ", 600.0), ("three four five. ", 900.0), ("Six.", 300.0)]


def answer(block: int = 1, spoken: bool = True) -> Said:
    return Said(block, spoken, [Text(0, "".join(text for text, _ in CLAUSES))], list(CLAUSES))


def heard(ms: float) -> str:
    said = answer()
    said.cut(ms)
    return said.heard or ""


def test_what_was_heard_ends_with_a_whole_word():
    assert heard(0) == ""
    assert heard(300) == "One "
    assert heard(600) == "One two, "
    assert heard(1100) == "One two, three "
    assert heard(1e9) == "One two, three four five. Six."


def test_of_what_is_written_without_spaces_some_was_heard():
    said = Said(1, True, [Text(0, "天空是蓝色的。")], [("天空是蓝色的。", 700.0)])
    said.cut(300)
    assert said.heard == "天空是"


@given(st.floats(0, 4000), st.floats(0, 4000))
def test_more_sound_is_never_fewer_words(one: float, other: float):
    less, more = sorted((one, other))
    assert heard(more).startswith(heard(less))


def test_what_was_written_stays_when_it_is_interrupted():
    said = answer(spoken=False)
    said.cut(0)
    assert said.messages()[0]["content"].endswith("Six.")


def test_a_cut_may_be_made_more_exact():
    history, said = History([]), answer(7)
    history.user("Count.")
    history.answer(said)
    history.cut(7, 600)
    history.cut(7, 1100)
    history.cut(8, 0)
    assert [m["content"] for m in history.messages()] == ["Count.", "One two, three "]


def test_an_answer_nobody_heard_is_not_told():
    history, said = History([{"role": "user", "content": "Before."}]), answer()
    history.answer(said)
    history.cut(1, 0)
    assert [m["content"] for m in history.messages()] == ["Before."]


def test_the_oldest_is_forgotten_first_and_the_newest_never():
    history = History([], limit=10)
    for text in ("first", "second", "x" * 50):
        history.user(text)
    assert [m["content"] for m in history.messages()] == ["x" * 50]
    history.user("ok")
    assert [m["content"] for m in history.messages()] == ["ok"]
