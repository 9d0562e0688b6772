"""A count of tokens: whatever bytes a host answers, in whatever cuts, they are one count or one failure."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.events import End, Error, Event, Usage
from tokenwidgets.facades.count import ANSWER_BYTES, CountDecoder


def read(*chunks: bytes) -> list[Event]:
    decoder = CountDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.close()


@pytest.mark.parametrize("at", range(20))
def test_a_count_comes_in_any_cuts(at: int) -> None:
    answer = b'{"input_tokens": 12}'
    assert read(answer[:at], answer[at:]) == [Usage(input=12), End("stop")]


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"12", b'{"input_tokens": "12"}', b'{"input_tokens": -1}', b"<html>", b"x" * (ANSWER_BYTES + 1)]
)
def test_what_is_no_count_is_a_failure(answer: bytes) -> None:
    [failure] = read(answer)
    assert isinstance(failure, Error)
    assert failure.code == "protocol"


@given(st.lists(st.binary(max_size=50)))
def test_anything_has_one_ending(chunks: list[bytes]) -> None:
    last: Any = read(*chunks)[-1]
    assert isinstance(last, End | Error)
    decoder = CountDecoder()
    decoder.close()
    assert decoder.feed(b"".join(chunks)) == decoder.close() == []
