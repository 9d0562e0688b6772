"""What counts and what does not, one definition a test."""

from __future__ import annotations

import pytest

from tokenwidgets.events import Audio, End, Entry, Error, Event, Notice, Reasoning, Refusal, Start, Text, Tool, Transcript, Usage, encode
from tokenwidgets.metrics import Metrics, code_points, measure, reasoning_us

START = Start("x", "a/b", "a", "openai-chat", 1.0)


def journal(*events: tuple[int, Event]) -> list[Entry]:
    return [encode(event, seq, at) for seq, (at, event) in enumerate([(0, START), *events])]


def figures(*events: tuple[int, Event]) -> Metrics:
    return measure(journal(*events))


def test_nothing_yet():
    assert measure([]) == Metrics()
    assert figures() == Metrics()


@pytest.mark.parametrize("event", [
    Text(0, "a"), Reasoning(0, "a"), Refusal(0, "a"), Tool(0, delta="{"), Audio(0, "AAAA"), Transcript(0, "assistant", "a"),
])  # fmt: skip
def test_content_of_any_kind_is_a_first_token(event):
    assert figures((400, event)).first_token_us == 400
    assert figures((400, event)).chunks == 1


@pytest.mark.parametrize("event", [
    Text(0, ""), Reasoning(0, ""), Tool(0, "id", "get_weather"), Tool(0, "id", "get_weather", "", True, {}), Audio(0, track=True),
    Transcript(0, "user", "my words"), Notice("connection", {"sent": 1}), Usage(input=3), Notice("served", {"model": "x"}),
])  # fmt: skip
def test_what_is_no_content_stops_no_clock(event):
    found = figures((100, event), (400, Text(0, "a")))
    assert found.first_token_us == 400
    assert found.chunks == 1


def test_the_first_answer_is_no_thought_and_no_sound():
    before = (1, Reasoning(0, "a")), (2, Audio(1, "AA")), (3, Transcript(1, "assistant", "a"))
    found = figures(*before, (4, Tool(2, delta="{")), (5, Text(3, "a")))
    assert (found.first_token_us, found.first_answer_us) == (1, 4)


def test_the_providers_count_is_exact_and_whole():
    found = figures((1, Text(0, "a")), (2, Usage(input=9, output=5, reasoning=7, audio_out=1)))
    assert (found.tokens, found.tokens_exact) == (13, True)


def test_the_last_count_holds_be_it_cumulative():
    found = figures((1, Usage(output=1, mode="cumulative")), (2, Usage(output=4, mode="cumulative")), (3, End("truncated")))
    assert (found.tokens, found.tokens_exact) == (4, True)


def test_a_cumulative_count_that_content_has_passed_is_a_lower_bound():
    found = figures((1, Usage(output=3, mode="cumulative")), (2, Text(0, "a")), (3, End("truncated")))
    assert (found.tokens, found.tokens_exact) == (3, False)


def test_an_estimated_usage_is_no_count():
    found = figures((1, Text(0, "a")), (2, Usage(output=50, mode="estimated")))
    assert (found.tokens, found.tokens_exact) == (1, False)
    assert found.usage == Usage(output=50, mode="estimated")


def test_a_usage_that_says_nothing_of_the_output_is_no_count():
    assert not figures((1, Text(0, "a")), (2, Usage(input=5))).tokens_exact


@pytest.mark.parametrize(("deltas", "tokens"), [(["a", "b", "c"], 3), (["abcdefghi"], 3), (["🙂🙂🙂🙂🙂"], 2), (["abcd"], 1), ([""], 0)])
def test_the_estimate_is_the_larger_of_chunks_and_quarter_characters(deltas, tokens):
    found = figures(*((i + 1, Text(0, delta)) for i, delta in enumerate(deltas)))
    assert (found.tokens, found.tokens_exact) == (tokens, False)


def test_sound_is_a_chunk_without_characters():
    assert figures((1, Audio(0, "A" * 4000))).tokens == 1


def test_a_split_character_counts_once():
    assert code_points("a\ud83d") + code_points("\ude00b") == 3


def test_the_rate_leaves_the_first_wait_out():
    found = figures((1_000_000, Text(0, "a")), (3_000_000, Text(0, "b")), (3_500_000, Usage(output=101)), (9_000_000, End("stop")))
    assert found.rate == 50.0
    assert found.last_content_us == 3_000_000


@pytest.mark.parametrize("events", [
    [(5, Text(0, "a"))],
    [(5, Text(0, "a" * 40)), (5, Text(0, "a"))],
    [(5, Usage(output=50))],
])  # fmt: skip
def test_no_rate_without_two_tokens_and_time(events):
    assert figures(*events).rate is None


def test_reasoning_that_is_counted_and_not_sent_is_in_no_rate():
    counted, end = (2_000_001, Usage(output=51, reasoning=1000)), (2_000_002, End("stop"))
    hidden = figures((1_000_000, Text(0, "a")), (2_000_000, Text(0, "b")), counted, end)
    assert (hidden.tokens, hidden.rate) == (1051, 50)
    sent = figures((500_000, Reasoning(0, "a")), (1_000_000, Text(0, "a")), (2_000_000, Text(0, "b")), counted, end)
    assert sent.rate == 700


@pytest.mark.parametrize("end", [End("stop"), End("truncated"), Error("timeout", "late")])
def test_the_total_is_the_terminal_events(end):
    found = figures((1, Text(0, "a")), (700, end))
    assert (found.total_us, found.end) == (700, end)


def test_a_running_stream_has_no_total():
    assert figures((1, Text(0, "a"))).total_us is None


def test_phases_come_from_the_connections_notices():
    found = figures((30, Notice("connection", {"dns": 5, "sent": 30})), (90, Notice("connection", {"headers": 90, "status": 200})))
    assert (found.sent_us, found.headers_us) == (30, 90)
    assert figures((30, Notice("connection", {"sent": True}))).sent_us is None


def test_reasoning_lasts_from_its_first_piece_to_its_last():
    assert reasoning_us(journal((100, Reasoning(0, "a")), (300, Reasoning(0, "b")), (450, Text(1, "c")))) == 200
    assert reasoning_us(journal((100, Text(0, "a")))) is None
