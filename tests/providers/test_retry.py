"""When a call is made again: never after content, never against a provider's word, and never more often than was asked for."""

from __future__ import annotations

import asyncio

import pytest
from fake_time import FakeTime
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets import dialects
from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.failures import from_http
from tokenwidgets.errors import Refused
from tokenwidgets.events import TERMINAL, Carry, End, Error, Notice, Reasoning, Text, Tool, Usage
from tokenwidgets.metrics import measure
from tokenwidgets.providers.retry import HONOURED_SECONDS, Retrying
from tokenwidgets.request import OPTIONS, check_options, parse

OVERLOADED = Error("overloaded", "Overloaded.", status=529, retryable=True)
BROKEN = Error("connection", "Broken.", retryable=True)
REFUSED = Error("auth", "Wrong key.", status=401)
SERVED = Notice("served", {"model": "m"})


def play(*attempts, retries=None, chance=lambda: 0.0):
    """Run attempts that emit what is given, each taking a second; the tape and the waits."""
    time = FakeTime()
    tape = time.tape()
    left = iter(attempts)

    async def attempt(sink, number):
        time.ns += 10**9
        for event in next(left):
            sink.emit(event)

    request = parse({"model": "x/y", "prompt": "p", "options": {} if retries is None else {"retries": retries}})
    asyncio.run(Retrying(chance=chance, sleep=time.sleep).run(request, tape, attempt))
    return tape, time.waits


def events(tape):
    return [e.event for e in tape.entries]


def retries(tape):
    return [e.data for e in events(tape) if isinstance(e, Notice) and e.kind == "retry"]


def test_a_failure_before_any_content_is_tried_again_and_told():
    tape, waits = play([OVERLOADED], [BROKEN], [Text(0, "Hi"), End("stop")])
    assert retries(tape) == [
        {"attempt": 2, "of": 3, "wait": 0.5, "code": "overloaded", "message": "Overloaded.", "status": 529},
        {"attempt": 3, "of": 3, "wait": 1.0, "code": "connection", "message": "Broken."},
    ]
    assert waits == [0.5, 1.0]
    assert events(tape)[-2:] == [Text(0, "Hi"), End("stop")]


def test_the_clock_goes_on_and_the_wait_is_part_of_the_time_to_the_first_token():
    tape, _ = play([OVERLOADED], [Text(0, "Hi"), End("stop")])
    assert [e.at for e in tape.entries] == [1_000_000, 2_500_000, 2_500_000]
    assert (measure(tape.entries).first_token_us, measure(tape.entries).retries) == (2_500_000, 1)


def test_the_figures_of_the_connection_are_of_the_last_attempt():
    first, second = (Notice("connection", {"sent": n, "headers": n + 1}) for n in (10, 20))
    found = measure(play([first, OVERLOADED], [second, Text(0, "Hi"), End("stop")])[0].entries)
    assert (found.sent_us, found.headers_us) == (20, 21)


def test_the_last_failure_is_the_streams():
    tape, waits = play([OVERLOADED], [OVERLOADED], [BROKEN])
    assert (events(tape)[-1], len(waits)) == (BROKEN, 2)


@pytest.mark.parametrize("preface", [[SERVED], [Usage(input=3, output=1, mode="cumulative")], [Notice("rate_limits", {}), SERVED]])
def test_what_comes_before_an_answer_can_come_again(preface):
    tape, _ = play([*preface, OVERLOADED], [*preface, Text(0, "Hi"), End("stop")])
    assert len(retries(tape)) == 1


@pytest.mark.parametrize("shown", [
    Text(0, "Hi"), Reasoning(0, "Hm"), Tool(0, "c", "f"), Carry(0, "sealed"), Notice("server_tool", {"block": 0}), Notice("citation", {}),
])  # fmt: skip
@pytest.mark.parametrize("failure", [OVERLOADED, BROKEN, End("truncated")])
def test_after_something_was_shown_there_is_no_second_attempt(shown, failure):
    tape, waits = play([SERVED, shown, failure])
    assert (events(tape), waits) == ([SERVED, shown, failure], [])


@pytest.mark.parametrize("ending", [REFUSED, End("stop"), End("length"), End("filter"), Error("bad_request", "No.", status=400)])
def test_what_another_attempt_would_not_change_is_the_end(ending):
    tape, waits = play([ending])
    assert (events(tape), waits) == ([ending], [])


def test_a_connection_cut_before_content_is_tried_again_and_at_last_is_what_it_was():
    tape, _ = play([SERVED, End("truncated")], [SERVED, End("truncated")], retries=1)
    assert [r["code"] for r in retries(tape)] == ["connection"]
    assert events(tape)[-1] == End("truncated")


@pytest.mark.parametrize(("status", "headers", "wait"), [
    (429, {"retry-after": "7"}, 7.0),
    (429, {"retry-after": "0.25"}, 0.25),
    (429, {"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    (429, {"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30.0),
    (503, {"retry-after": "0"}, 0.5),
    (503, {"retry-after": "soon"}, 0.5),
    (500, {}, 0.5), (502, {}, 0.5), (408, {}, 0.5), (409, {}, 0.5), (529, {}, 0.5),
    (400, {"x-should-retry": "true"}, 0.5),
    (503, {"x-should-retry": "false"}, None),
    (409, {"x-should-retry": "false"}, None),
    (429, {"retry-after": str(HONOURED_SECONDS)}, HONOURED_SECONDS),
    (429, {"retry-after": str(HONOURED_SECONDS + 1)}, None),
    (400, {}, None), (401, {}, None), (402, {}, None), (403, {}, None), (404, {}, None), (413, {}, None), (422, {}, None),
])  # fmt: skip
def test_statuses_and_headers(status, headers, wait):
    assert Retrying(chance=lambda: 0.0).wait(from_http(status, headers, b"{}"), 1) == wait


def test_a_quota_that_is_spent_is_no_rate_limit():
    body = b'{"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}'
    assert Retrying().wait(from_http(429, {}, body), 1) is None


def test_a_pause_that_is_too_long_is_told_at_once():
    tape, waits = play([Error("rate_limited", "Slow down.", status=429, retryable=True, retry_after=3600.0)])
    assert (events(tape)[0].retry_after, waits) == (3600.0, [])


@given(st.integers(1, 11), st.floats(0, 1))
def test_waits_double_up_to_the_longest_and_chance_only_shortens_them(failed, chance):
    wait = Retrying(chance=lambda: chance).wait(BROKEN, failed)
    whole = min(0.5 * 2 ** (failed - 1), 8.0)
    assert 0.75 * whole <= wait <= whole


KINDS = st.sampled_from([SERVED, OVERLOADED, BROKEN, REFUSED, Text(0, "Hi"), End("stop"), End("truncated")])


@given(
    st.integers(0, 4),
    st.lists(st.lists(KINDS.filter(lambda e: not isinstance(e, TERMINAL)), max_size=3), min_size=5, max_size=5),
    st.data(),
)
def test_whatever_attempts_give_there_is_one_ending_and_no_content_twice(count, prefaces, data):
    attempts = [[*p, data.draw(KINDS.filter(lambda e: isinstance(e, TERMINAL)))] for p in prefaces]
    tape, waits = play(*attempts, retries=count)
    said = events(tape)
    assert [isinstance(e, TERMINAL) for e in said] == [False] * (len(said) - 1) + [True]
    assert len(waits) == len(retries(tape)) <= count
    shown = [i for i, e in enumerate(said) if isinstance(e, Text)]
    assert not shown or not any(isinstance(e, Notice) and e.kind == "retry" for e in said[shown[0] :])


@pytest.mark.parametrize("name", ["openai-chat", "openai-responses", "anthropic-messages", "gemini"])
def test_no_provider_is_told_of_it(name):
    request = parse({"model": "x/y", "prompt": "p", "options": {"retries": 3}})
    assert b"retries" not in dialects.get(name).encode(request, Profile()).body


@pytest.mark.parametrize("value", [-1, 11, 1.5, True, "2"])
def test_the_option_is_checked(value):
    with pytest.raises(Refused, match="Option 'retries' is a whole number from 0 to 10"):
        check_options({"retries": value}, "openai", {})
    assert "retries" in OPTIONS
