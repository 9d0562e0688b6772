"""Words as they come, cut into what can be spoken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.realtime.clauses import CLAUSE_CHARS, FIRST_CHARS, Clauses, spoken


def cut(*pieces: str) -> list[str]:
    clauses = Clauses()
    return [clause for piece in pieces for clause in clauses.feed(piece)] + clauses.close()


@given(st.lists(st.text(alphabet="ab ,.;!?\n—1*é漢")))
def test_nothing_is_lost_and_the_cuts_do_not_depend_on_the_pieces(pieces: list[str]):
    text = "".join(pieces)
    assert "".join(cut(*pieces)) == text
    assert all(len(clause) <= CLAUSE_CHARS + 2 for clause in cut(*text) if " " in clause.strip())


def test_the_first_clause_is_short_and_the_others_are_sentences():
    text = "Yes, of course. Tokens are pieces of words, such as syllables. A model writes one after the other. "
    assert cut(*text) == ["Yes, ", "of course. ", "Tokens are pieces of words, such as syllables. ", "A model writes one after the other. "]


def test_a_beginning_without_a_pause_is_cut_between_words():
    first, *_ = cut("The capital of the republic of France is Paris")
    assert first == "The capital of the "
    assert len(first) <= FIRST_CHARS


def test_a_number_is_no_end_of_a_sentence():
    assert cut("Pi is 3.14159 or so.") == ["Pi is 3.14159 or so."]


@pytest.mark.parametrize(
    ("clause", "read"),
    [("**Yes**, `x` ", "Yes , x"), ("... ", ""), ("# Title\n", "Title"), ("- one\n", "- one"), ("  ", ""), ("né à 3", "né à 3")],
)
def test_marks_for_the_eye_are_not_read_out(clause: str, read: str):
    assert spoken(clause) == read
