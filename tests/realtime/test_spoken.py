"""Turns of a voice session, read from its journal: words, stages that add up, and what belongs to which turn."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.events import Audio, Entry, Event, Notice, Speech, Text, Tool, Transcript, encode
from tokenwidgets.realtime.spoken import INSTANTS, STAGES, SpokenTurn, spoken

SOUND = "AAAAAA=="


def journal(*events: tuple[int, Event]) -> list[Entry]:
    return [encode(event, seq, at * 1000) for seq, (at, event) in enumerate(events)]


def turn_done(status: str = "completed", **more: Any) -> Notice:
    return Notice("turn", {"status": status, **more})


WHOLE = journal(
    (100, Speech("started", 20_000)),
    (1357, Speech("stopped", 1_000_000)),
    (1360, Transcript(1, "user", "What is the capital ", final=False)),
    (1362, Transcript(1, "user", "of France?", final=True)),
    (1430, Transcript(2, "assistant", "Paris")),
    (1500, Audio(2, SOUND, rate=24_000)),
    (1510, Transcript(2, "assistant", ".", final=True)),
    (1520, Audio(2, SOUND, rate=24_000)),
    (1530, turn_done()),
    (1600, Notice("played", {"block": 2, "at": 1_540_000, "uncertainty": 500})),
)


def test_a_spoken_turn_has_its_words_and_stages_that_add_up() -> None:
    (turn,) = spoken(WHOLE)
    assert (turn.heard, turn.said, turn.status) == ("What is the capital of France?", "Paris.", "completed")
    assert [(stage.title, stage.us // 1000) for stage in turn.stages] == [
        ("noticing the end", 357), ("words", 5), ("first token", 68), ("first sound", 70), ("to the loudspeaker", 40),
    ]  # fmt: skip
    assert turn.latency == sum(stage.us for stage in turn.stages) == 540_000
    assert (turn.begin, turn.end) == (1, 9)


def test_words_that_are_written_down_after_the_answer_make_no_stage() -> None:
    (turn,) = spoken(
        journal(
            (10, Speech("started")),
            (900, Speech("stopped", 500_000)),
            (1000, Transcript(2, "assistant", "Yes.")),
            (1100, Audio(2, SOUND)),
            (1700, Transcript(1, "user", "Is it?", final=True)),
            (1800, turn_done()),
        )
    )
    assert turn.heard == "Is it?"
    assert [stage.name for stage in turn.stages] == ["endpoint", "first_token", "first_sound"]
    assert turn.latency == 600_000


def test_turns_in_writing_and_tools_that_are_called_in_one() -> None:
    first, second = spoken(
        journal(
            (0, Transcript(0, "user", "Roll a die.", final=True)),
            (10, Tool(1, "c1", "roll", "{}")),
            (11, Tool(1, "c1", "roll", done=True, arguments={})),
            (12, turn_done()),
            (40, Text(2, "A four.")),
            (50, turn_done()),
        )
    )
    assert (first.heard, first.calls, first.spoken, first.latency) == ("Roll a die.", ["roll"], False, None)
    assert (second.heard, second.said) == ("", "A four.")


def test_an_answer_that_was_interrupted_says_so_and_the_next_turn_is_its_own() -> None:
    first, second = spoken(
        journal(
            (1, Speech("started")), (2, Speech("stopped")), (3, Transcript(1, "user", "One", final=True)),
            (4, Transcript(2, "assistant", "Well")), (5, Audio(2, SOUND)),
            (6, Speech("started")), (7, Speech("interrupted")), (8, turn_done("cancelled")),
            (9, Speech("stopped")), (10, Transcript(3, "user", "Two", final=True)), (11, Audio(4, SOUND)), (12, turn_done()),
        )
    )  # fmt: skip
    assert (first.heard, first.status, second.heard, second.status) == ("One", "cancelled", "Two", "completed")
    assert (first.block, second.block) == (2, 4)


@pytest.mark.parametrize(
    ("rate", "told", "reached"),
    [
        (24_000, {"block": 2, "played_ms": 0}, ""),
        (24_000, {"block": 2, "played_ms": 600}, "One two "),
        (24_000, {"block": 2, "played_ms": 5000}, "One two three."),
        (48_000, {"block": 2, "played_ms": 600}, "One two three."),
        (24_000, {"block": 3, "played_ms": 0}, "One two three."),
        (24_000, {"block": 2, "played_ms": "600"}, "One two three."),
    ],
)
def test_of_an_answer_that_was_cut_off_the_words_that_were_heard_are_known(rate: int, told: dict[str, Any], reached: str) -> None:
    second = base64.b64encode(bytes(48_000)).decode()
    (turn,) = spoken(
        journal(
            (1, Transcript(2, "assistant", "One two ")), (2, Audio(2, second, rate=rate)), (3, Transcript(2, "assistant", "three.")),
            (4, Speech("interrupted")), (5, Notice("truncated", told)),
        )
    )  # fmt: skip
    assert (turn.said, turn.reached) == ("One two three.", reached)


def test_of_sound_on_a_track_the_words_that_were_heard_are_reckoned() -> None:
    (turn,) = spoken(
        journal(
            (1, Audio(2, track=True)),
            (2, Transcript(2, "assistant", "One two three.")),
            (3, Notice("truncated", {"block": 2, "played_ms": 500})),
        )
    )
    assert turn.reached == "One two"


def test_words_that_come_late_belong_to_the_turn_that_has_waited_longest() -> None:
    stopped = [
        (100, Speech("started", 0)),
        (900, Speech("stopped", 800_000)),
        (1000, Speech("started", 950_000)),
        (1900, Speech("stopped", 1_800_000)),
    ]
    late = [(2000, Transcript(1, "user", "First", final=True)), (2100, Transcript(2, "user", "Second", final=True))]
    assert [turn.heard for turn in spoken(journal(*stopped, *late))] == ["First", "Second"]


events = st.one_of(
    st.builds(Speech, st.sampled_from(["started", "stopped", "interrupted"]), st.none() | st.integers(0, 10**7)),
    st.builds(Transcript, st.integers(0, 3), st.sampled_from(["user", "assistant"]), st.text(max_size=3), st.booleans()),
    st.builds(Audio, st.integers(0, 3), st.sampled_from(["", SOUND]), role=st.sampled_from(["user", "assistant"])),
    st.builds(Text, st.integers(1, 3), st.text(max_size=3)),
    st.builds(Tool, st.integers(1, 3), name=st.none() | st.just("f")),
    st.builds(
        Notice, st.sampled_from(["turn", "played", "truncated", "session"]),
        st.fixed_dictionaries({}, optional={"block": st.integers(0, 3), "at": st.integers(0, 10**7)}),
    ),
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 10_000), events), max_size=40))
def test_whatever_comes_no_word_is_lost_and_stages_lie_end_to_end(given_events: list[tuple[int, Event]]) -> None:
    entries = journal(*sorted(given_events, key=lambda pair: pair[0]))
    turns = spoken(entries)
    for turn in turns:
        assert all(before.end == after.begin for before, after in zip(turn.stages, turn.stages[1:], strict=False))
        assert all(stage.us >= 0 for stage in turn.stages)
    assert sorted("".join(t.heard for t in turns)) == sorted(
        "".join(e.event.delta for e in entries if isinstance(e.event, Transcript) and e.event.role == "user")
    )
    assert sorted("".join(t.said for t in turns)) == sorted(
        "".join(
            e.event.delta for e in entries if isinstance(e.event, Text) or (isinstance(e.event, Transcript) and e.event.role == "assistant")
        )
    )


def test_every_stage_has_a_title() -> None:
    assert list(INSTANTS) == ["speech_end", *STAGES]
    assert SpokenTurn().stages == []
