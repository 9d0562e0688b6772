"""What runs, as the kernel tells it."""

from __future__ import annotations

import json
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets import sessions_card
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Entry, Error, Event, Notice, Reasoning, Text, encode
from tokenwidgets.portal import portal
from tokenwidgets.pulse import RATE_US, phase, rate


def entries(*events: tuple[Event, int]) -> list[Entry]:
    return [encode(event, seq, at) for seq, (event, at) in enumerate(events)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], "waiting"),
        ([Notice("connection", {})], "waiting"),
        ([Reasoning(0, "hm")], "reasoning"),
        ([Reasoning(0, "hm"), Text(1, "a"), Notice("citation", {})], "answering"),
        ([Text(0, "a"), End("stop")], "done"),
        ([Text(0, "a"), End("cancelled")], "stopped"),
        ([Text(0, "a"), End("truncated")], "cut off"),
        ([Error("auth", "No.")], "failed"),
    ],
)
def test_the_phase_is_that_of_the_newest_content_or_the_end(events: list[Event], expected: str) -> None:
    assert phase(entries(*((event, 0) for event in events))) == expected


def test_a_rate_is_of_the_last_seconds_and_unknown_before_there_is_a_second_of_content() -> None:
    assert rate(entries((Notice("connection", {}), 0)), 100) is None
    ten = [(Text(0, "word"), 100_000 * i) for i in range(11)]
    assert rate(entries(*ten), 999_999) is None
    assert rate(entries(*ten), 1_000_000) == 11
    assert rate(entries(*ten), 1_000_000 + 2 * RATE_US) == 0


def test_the_list_has_no_words_of_a_stream(in_process: Any) -> None:
    result = tw.stream("secret plan", model="sim/steady", show=False, ttft_ms=1, itl_ms=1, tokens=12).wait()
    (brief,) = portal().run(in_process.briefs())
    assert brief["id"] == result.id
    assert (brief["phase"], brief["state"], brief["rate"], brief["transports"]) == ("done", "ended", None, {})
    assert "secret" not in json.dumps(brief)
    assert result.text[:10] not in json.dumps(brief)


def test_what_runs_is_shown_and_can_be_stopped(in_process: Any) -> None:
    result = tw.stream("hello", model="sim/steady", show=False, ttft_ms=1, itl_ms=20, tokens=100_000)
    next(iter(result))
    bar = tw.sessions()
    assert isinstance(bar, tw.Sessions)
    text = repr(bar)
    assert "sim/steady" in text
    assert "1 running, 0 finished" in text
    assert "1 of 256 streams" in text
    assert portal().run(bar._sessions({}))["streams"][0]["id"] == result.id
    assert portal().run(bar._end({"stream": result.id})) == {}
    assert result.wait(20).finish_reason == "cancelled"
    with pytest.raises(Refused):
        portal().run(bar._end({"stream": "none of ours"}))
    with pytest.raises(Refused):
        portal().run(bar._open({"stream": "none of ours"}))


def test_no_key_is_shown_only_whether_there_is_one(in_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-1234567890abcdef")
    bar = tw.sessions()
    assert "keys present for openai" in repr(bar)
    assert "planted" not in json.dumps(bar.seen) + json.dumps(bar.static())


def test_a_place_that_cannot_be_reached_is_one_sentence() -> None:
    seen = {"at": 0.0, "streams": [], "hosts": [], "limits": {}, "used": {}, "problem": "The <server> does not answer."}
    bundle = sessions_card.bundle(seen)
    assert "The &lt;server&gt; does not answer." in bundle["text/html"]
    assert "as of 1970-01-01 00:00:00 UTC" in bundle["text/plain"]
