from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import ANY, bytewise

from tokenwidgets.dialects.json_objects import JsonObjects

OBJECT = st.dictionaries(st.text(max_size=4), ANY, max_size=4)


def read(*chunks: bytes, limit: int = 2**20) -> tuple[list[bytes], JsonObjects]:
    reader = JsonObjects(limit)
    return [text for chunk in chunks for text in reader.feed(chunk)], reader


@given(st.lists(OBJECT, max_size=4), st.sampled_from([None, 1]), st.sampled_from([",", "\n,\r\n", " , "]), st.booleans())
def test_the_objects_of_an_array_come_one_by_one(values: list[Any], indent: int | None, between: str, ascii_only: bool) -> None:
    texts = [json.dumps(v, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "replace") for v in values]
    raw = b"\xef\xbb\xbf[" + between.encode().join(texts) + b"\n]"
    assert read(raw)[0] == texts == read(*bytewise(raw))[0]
    assert read(raw)[1].ended
    assert not read(raw[:-1])[1].ended


@given(st.lists(st.binary(max_size=20) | st.sampled_from([b'{"a"', b"{", b"}", b'"', b"\\", b"[", b"]"]), max_size=8), st.integers(1, 30))
def test_any_bytes_in_any_chunking(chunks: list[bytes], limit: int) -> None:
    one, apart = read(b"".join(chunks), limit=limit), read(*bytewise(b"".join(chunks)), limit=limit)
    assert one[0] == apart[0]
    assert [getattr(one[1], a) for a in ("ended", "overflow", "junk")] == [getattr(apart[1], a) for a in ("ended", "overflow", "junk")]


def test_braces_in_strings_do_not_count() -> None:
    raw = rb'{"a": "}\"}{\\", "b": {}}'
    assert read(raw)[0] == [raw]


def test_an_object_alone_has_no_end_mark() -> None:
    assert read(b" {}\n{}]")[0] == [b"{}", b"{}"]
    assert not read(b"{}]")[1].ended


@pytest.mark.parametrize("raw", [b'{"a": "' + b"x" * 50, b'[{"a": 1}, {"b": "' + b"x" * 50 + b'"}]'])
def test_an_object_that_is_too_large_ends_the_reading(raw: bytes) -> None:
    found, reader = read(raw, b'{"c": 1}', limit=40)
    assert reader.overflow
    assert len(found) == raw.count(b"[")


def test_what_is_no_json_is_kept_to_be_told() -> None:
    assert read(b"Bad gateway ", b"(nginx)")[1].junk == b"Bad gateway (nginx)"
    assert len(read(b"x" * 5000)[1].junk) == 1024
    assert read(b'[{"a": 1},\n{}]')[1].junk == b""
