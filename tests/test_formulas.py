"""The figures and their definitions: each known mistake once, from the bytes of the wire on."""

from __future__ import annotations

import json
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets.delivery import READING_SPEED, STALL_US, perceived_delay, qoe, smoothed_jitter, stalls
from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.openai_chat import OpenAIChat
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Entry, Event, Notice, Reasoning, Start, Text, Usage, encode
from tokenwidgets.formulas import DEFINITIONS, definition, goodput
from tokenwidgets.harnesses import COLUMNS, HARNESSES

DONE = b"data: [DONE]\n\n"
START = Start("x", "a/b", "a", "openai-chat", 1.0)


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


def usage(tokens: int) -> bytes:
    return b"data: %b\n\n" % json.dumps({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": tokens}}).encode()


def wire(*reads: tuple[int, bytes], end: int | None = None) -> list[Entry]:
    """The journal of an answer whose bytes were read at these instants, in ms; closed at `end`, by default with the last read."""
    decoder = OpenAIChat().decoder(Profile())
    events: list[tuple[int, Event]] = [(0, START)]
    for at, data in reads:
        events += [(at * 1000, event) for event in decoder.feed(data)]
    events += [((reads[-1][0] if end is None else end) * 1000, event) for event in decoder.close()]
    return [encode(event, seq, at) for seq, (at, event) in enumerate(events)]


def journal(*events: tuple[int, Event]) -> list[Entry]:
    return [encode(event, seq, at * 1000) for seq, (at, event) in enumerate([(0, START), *events])]


def ms(name: str, entries: list[Entry]) -> float | None:
    value = definition(name).of(entries)
    return None if value is None else value / 1000


STEADY = wire(
    (100, chunk(role="assistant", content="")), (400, chunk(content="a")), (500, chunk(content="b")), (600, chunk(content="c")),
    (650, chunk("stop")), (700, usage(3)), (900, DONE),
)  # fmt: skip


# ---- what stops no clock


def test_a_role_only_frame_and_an_empty_delta_are_events_and_no_tokens() -> None:
    entries = wire((100, chunk(role="assistant")), (200, chunk(content="")), (400, chunk(content="Hi")), (500, chunk("stop") + DONE))
    assert ms("time_to_first_token", entries) == ms("time_to_first_output_token", entries) == 400
    assert ms("inter_chunk_latency", entries) is None


def test_a_keep_alive_is_nothing_at_all() -> None:
    silent = b": keep-alive\n\n"
    entries = wire((100, silent), (200, silent), (400, chunk(content="Hi")), (450, silent), (500, chunk("stop") + DONE))
    assert ms("first_event", entries) == ms("time_to_first_token", entries) == 400
    assert ms("request_latency", entries) == 400


def test_the_first_event_may_be_a_usage_or_the_name_of_the_model() -> None:
    for event in (Usage(input=3), Notice("served", {"model": "m"})):
        assert ms("first_event", journal((120, event), (400, Text(0, "a")), (500, End("stop")))) == 120
    ours = Notice("connection", {"headers": 90_000}), Notice("rate_limits", {}), Notice("model_loading", {})
    entries = journal(*((90, event) for event in ours), (400, Text(0, "a")))
    assert (ms("first_byte", entries), ms("first_event", entries)) == (90, 400)


def test_what_a_failed_attempt_brought_is_no_first_event() -> None:
    entries = journal((50, Notice("served", {"model": "m"})), (60, Notice("retry", {"wait": 0.5})), (900, Text(0, "a")))
    assert ms("first_event", entries) == 900


def test_reasoning_is_a_first_token_and_no_first_answer() -> None:
    entries = wire((200, chunk(reasoning_content="Hm")), (900, chunk(content="Yes")), (950, chunk("stop") + DONE))
    assert (ms("time_to_first_token", entries), ms("time_to_first_output_token", entries)) == (200, 900)


# ---- chunks and tokens


def test_a_chunk_of_many_tokens_changes_the_time_between_chunks_and_not_that_between_tokens() -> None:
    tail = (2100, usage(21) + DONE)
    single = wire(*((100 + 100 * i, chunk(content="ab ")) for i in range(21)), (2100, chunk("stop")), tail)
    packed = wire(*((100 + 400 * i, chunk(content="ab " * 4)) for i in range(6)), (2100, chunk("stop")), tail)
    assert ms("inter_token_latency", single) == ms("inter_token_latency", packed) == 100
    assert (ms("inter_chunk_latency", single), ms("inter_chunk_latency", packed)) == (100, 400)


def test_a_usage_after_the_finish_counts_and_prolongs_nothing() -> None:
    assert ms("request_latency", STEADY) == 600
    assert ms("total", STEADY) == 900
    assert ms("inter_token_latency", STEADY) == 100
    assert definition("output_token_throughput_per_user").of(STEADY) == 10
    assert definition("output_token_throughput").of(STEADY) == 5
    assert ms("time_per_output_token", STEADY) == 200


def test_one_token_has_no_time_between_tokens() -> None:
    entries = wire((400, chunk(content="Hi")), (500, chunk("stop")), (600, usage(1) + DONE))
    assert (ms("inter_token_latency", entries), definition("output_token_throughput_per_user").of(entries)) == (None, None)
    assert (ms("time_per_output_token", entries), ms("request_latency", entries)) == (400, 400)


def test_an_answer_in_one_chunk_has_none_either_however_many_tokens_it_has() -> None:
    entries = wire((400, chunk(content="Hello there, all of you.")), (500, chunk("stop")), (600, usage(8) + DONE))
    assert ms("inter_token_latency", entries) is None


def test_nor_has_one_whose_chunks_came_in_one_read() -> None:
    entries = wire(
        (400, chunk(content="Hello") + chunk(content=" there") + chunk(content=".")), (500, chunk("stop")), (600, usage(8) + DONE)
    )
    assert ms("inter_token_latency", entries) is None


# ---- answers that are not whole


@pytest.mark.parametrize("last", [b"", b'data: {"error": {"message": "overloaded"}}\n\n'], ids=["truncated", "error in the stream"])
def test_what_was_cut_or_failed_has_no_figures_of_a_whole(last: bytes) -> None:
    entries = wire((400, chunk(content="a")), (500, chunk(content="b")), (600, last))
    for name in ("request_latency", "total", "inter_token_latency", "output_token_throughput", "output_token_throughput_per_user"):
        assert definition(name).of(entries) is None, name
    assert ms("time_to_first_token", entries) == 400
    assert goodput([entries], {"time_to_first_token": 10**9}, 1) == 0


def test_a_stop_by_the_user_is_not_whole_and_a_limit_of_tokens_is() -> None:
    assert ms("request_latency", journal((400, Text(0, "a")), (500, End("cancelled")))) is None
    assert ms("request_latency", journal((400, Text(0, "a")), (500, End("length")))) == 400
    assert ms("request_latency", journal((400, Text(0, "a")))) is None


# ---- how it feels


def test_stalls_are_times_between_reads_above_the_threshold() -> None:
    entries = journal((1000, Text(0, "a")), (1100, Text(0, "b")), (1500, Text(0, "c")), (1500, Text(0, "d")), (2000, Text(0, "e")))
    found = stalls(entries)
    assert (found.count, found.longest_us, found.ratio) == (2, 500_000, 0.9)
    assert stalls(entries, 400_000).count == 1
    assert stalls(journal((9000, Text(0, "a")))).longest_us == 0, "the wait for the first token is no stall"
    assert stalls([]).longest_us is None
    assert STALL_US == 250_000


def test_an_even_pace_has_no_jitter_and_rfc_3550_smooths_the_rest() -> None:
    even = journal(*((100 * i, Text(0, "a")) for i in range(1, 20)))
    assert smoothed_jitter(even) == 0
    uneven = journal((0, Text(0, "a")), (100, Text(0, "b")), (300, Text(0, "c")))
    first = 50_000 / 16
    assert smoothed_jitter(uneven) == first + (50_000 - first) / 16
    assert smoothed_jitter(journal((1, Text(0, "a")))) is None


def test_the_spread_of_gaps_waits_for_the_hundred_that_a_p99_needs() -> None:
    assert ms("gap_spread", journal(*((10 * i, Text(0, "a")) for i in range(100)))) is None
    late = journal(*((10 * i + 500 * (i > 60) + 500 * (i > 90), Text(0, "a")) for i in range(102)))
    assert ms("gap_spread", late) == 500


def test_a_reader_waits_for_the_first_word_and_for_each_that_is_late() -> None:
    word = int(READING_SPEED)  # what is read in a second
    at_once = journal((300, Text(0, "x" * 3 * word)))
    assert perceived_delay(at_once) == pytest.approx(300_000)
    late = journal((300, Text(0, "x" * word)), (2300, Text(0, "x" * word)))
    assert perceived_delay(late) == pytest.approx(1_300_000), "the second word is wanted at 1.3 s and comes a second later"
    assert perceived_delay(journal((300, Reasoning(0, "x" * 100)))) is None


def test_qoe_is_one_for_what_is_as_fast_as_it_is_read_and_falls_with_each_wait() -> None:
    def answer(first: int, step: int) -> list[Entry]:
        return journal(*((first + step * i, Text(0, "x" * int(READING_SPEED))) for i in range(10)))

    for first, step in ((500, 1000), (1000, 1000), (200, 10)):
        assert qoe(answer(first, step)) == pytest.approx(1)
    slow, slower, late = qoe(answer(1000, 1500)), qoe(answer(1000, 3000)), qoe(answer(6000, 1000))
    assert slow
    assert slower
    assert late
    assert 1 > slow > slower > 0
    assert late < 1
    assert qoe([]) is None


def test_goodput_counts_answers_that_met_every_target() -> None:
    fast = journal((100, Text(0, "a")), (200, Text(0, "b")), (200, Usage(output=3)), (210, End("stop")))
    slow = journal((900, Text(0, "a")), (950, Text(0, "b")), (950, Usage(output=3)), (960, End("stop")))
    assert goodput([fast, slow], {"time_to_first_token": 500_000}, 2) == 0.5
    assert goodput([fast, slow], {"output_token_throughput_per_user": 30}, 2) == 0.5, "of a rate the target is the least"
    assert goodput([fast, slow], {"time_to_first_token": 500_000, "output_token_throughput_per_user": 30}, 2) == 0
    assert goodput([fast], {"longest_stall": 250_000}, 1) == 1
    with pytest.raises(Refused, match="There is no figure 'ttft': it is one of first_byte, first_event, time_to_first_token"):
        goodput([fast], {"ttft": 1}, 1)
    with pytest.raises(Refused, match="seconds above 0"):
        goodput([fast], {}, 0)


def test_every_definition_says_all_of_it_and_holds_for_nothing_at_all() -> None:
    for found in DEFINITIONS.values():
        assert all((found.title, found.formula, found.clock, found.excludes, found.source)), found.name
        assert found.unit in ("µs", "tok/s", "1")
        assert not found.of([]), found.name


# ---- the same run under each tool's definition


def test_the_tools_differ_where_their_sources_do() -> None:
    entries = wire(
        (100, chunk(role="assistant", content="") + b'data: {"model": "m", "choices": []}\n\n'), (400, chunk(reasoning_content="Hm")),
        (600, chunk(content="a")), (800, chunk(content="b")), (850, chunk("stop")), (900, usage(5)), (1000, DONE),
    )  # fmt: skip
    found = {tool.partition(" ")[0]: of for tool, of in tw.definitions(entries).figures.items()}
    assert {tool: of["ttft"] for tool, of in found.items()} == {
        "tokenwidgets": 400_000, "AIPerf": 400_000, "GuideLLM": 400_000, "vLLM": 100_000, "llmperf": 600_000, "MLPerf": 400_000,
    }  # fmt: skip
    assert {tool: of["itl"] for tool, of in found.items()} == {
        "tokenwidgets": 100_000, "AIPerf": 100_000, "GuideLLM": 100_000, "vLLM": pytest.approx(700_000 / 3), "llmperf": 200_000,
        "MLPerf": None,
    }  # fmt: skip
    assert {tool: of["tpot"] for tool, of in found.items()} == {
        "tokenwidgets": 160_000, "AIPerf": None, "GuideLLM": 160_000, "vLLM": 175_000, "llmperf": None, "MLPerf": 100_000,
    }  # fmt: skip
    assert (found["AIPerf"]["latency"], found["GuideLLM"]["latency"]) == (800_000, 1_000_000)


def test_the_tools_stand_in_a_table_of_numbers_and_in_one_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    table: Any = tw.definitions(STEADY).table
    assert list(table["tool"]) == [harness.name for harness in HARNESSES]
    assert list(table.columns) == ["tool", *COLUMNS]
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    words = repr(tw.definitions(STEADY).table)
    assert "an empty role is a first token" in words
    assert "600 ms" in words
    assert "~" not in words
    assert "~" in repr(tw.definitions(journal((1, Text(0, "a")), (9, Text(0, "b")), (9, End("stop")))))


def test_definitions_takes_a_result(in_process: object) -> None:
    result = tw.stream("hello", model="sim/steady", ttft_ms=1, itl_ms=1, tokens=12, show=False).wait(20)
    assert tw.definitions(result).figures["AIPerf 0.13"]["ttft"] == result.metrics.first_token_us
