"""A text model of this machine reads before it is asked: what is read, when, and that no other model ever is called for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from desk import Desk, Ears, Mind, said, silence, tone

from tokenwidgets.realtime.history import History
from tokenwidgets.realtime.inputs import Say
from tokenwidgets.realtime.whisper import once


class Own(Desk):
    """With a text model of this machine."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.voice = replace(self.voice, warm=True)

    @property
    def reads(self) -> list[list[str]]:
        """What was only read, call by call."""
        return [[m["content"] for m in r.messages] for r in self.mind.asked if r.options.get("max_tokens") == 1]

    @property
    def answers(self) -> list[list[str]]:
        return [[m["content"] for m in r.messages] for r in self.mind.asked if r.options.get("max_tokens") != 1]


async def test_words_are_read_while_the_detector_is_not_sure_yet():
    async with Own(Ears("What is it?"), silence_ms=400) as desk:
        await desk.hear(tone(500) + silence(250))
        assert desk.speech == ["started"]
        assert desk.reads[-1] == ["What is it?"]
        assert desk.answers == []
        await desk.hear(silence(250))
        assert desk.answers == [["What is it?"]]


async def test_a_guess_that_is_thrown_away_is_read_no_further_and_the_whole_is():
    async with Own(Ears("What is", "What is the time?"), Mind(said("warm"), [said("never")[0]])) as desk:
        await desk.hear(tone(400) + silence(200))
        assert desk.reads[-1] == ["What is"]
        await desk.hear(tone(400) + silence(500))
        assert desk.mind.cancelled == 1
        assert desk.answers == [["What is the time?"]]


async def test_an_answer_waits_for_the_reading_of_its_own_words_and_for_no_other():
    slow = [said("never")[0]]
    async with Own(Ears("What is it?"), Mind(said("warm"), slow), silence_ms=200) as desk:
        await desk.turn()
        assert desk.answers == []
        desk.mind.go_on.set()
        await desk.rest()
        assert desk.answers == [["What is it?"]]
    async with Own(Ears("What is it?"), Mind(said("warm"), slow), silence_ms=5000) as desk:
        await desk.hear(tone(500) + silence(300))
        await desk.give(Say("Never mind."))
        assert desk.answers == [["Never mind."]]
        assert desk.mind.cancelled == 1


async def test_what_was_answered_is_read_when_the_answer_is_over():
    async with Own(Ears("What is it?"), Mind(said("warm"), said("read"), said("A token."))) as desk:
        await desk.turn()
        await desk.rest()
        assert desk.reads[-1] == ["What is it?", "A token."]


async def test_a_model_elsewhere_is_called_for_answers_alone():
    async with Desk(Ears("What is it?")) as desk:
        await desk.turn()
        assert len(desk.mind.asked) == 1


def test_half_of_what_is_too_much_is_forgotten_at_once_so_that_what_is_told_begins_alike():
    history, beginnings = History([], limit=100), []
    for number in range(40):
        history.user(f"number {number:02}")
        told = [m["content"] for m in history.messages()]
        assert told[-1] == f"number {number:02}"
        assert sum(map(len, told)) <= 100
        beginnings.append(told[0])
    assert len(set(beginnings)) < 10


@pytest.mark.parametrize(
    ("heard", "text"),
    [
        ("How do I make tea? How do", "How do I make tea?"),
        ("Hello. Hello.", "Hello."),
        ("It is so. It is not.", "It is so. It is not."),
        ("How do you do", "How do you do"),
        ("", ""),
    ],
)
def test_a_beginning_that_comes_again_at_the_end_is_no_words_of_the_speaker(heard: str, text: str):
    assert once(heard) == text
