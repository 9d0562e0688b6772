"""A spoken turn as a workload: what it measures, of whom, and what it refuses."""

from __future__ import annotations

import json

import pytest

import tokenwidgets as tw
from tokenwidgets import workloads
from tokenwidgets.errors import Refused
from tokenwidgets.realtime.spoken import SpokenTurn
from tokenwidgets.realtime.words import word_error_rate
from tokenwidgets.workloads.voice_turn import voice_figures

LIMIT = 60

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.mark.parametrize(
    ("said", "heard", "rate"),
    [
        ("What is the capital of France?", "what is the capital of france", 0),
        ("What is the capital of France?", "What is a capital of France?", 1 / 6),
        ("tea", "a cup of tea", 3),
        ("don’t stop", "don't stop", 0),
        ("one two", "", 1),
    ],
)
def test_words_are_counted_whatever_their_case_and_points(said: str, heard: str, rate: float) -> None:
    assert word_error_rate(said, heard) == pytest.approx(rate)


def test_the_figures_of_a_turn_add_up() -> None:
    instants = {"speech_end": 100, "endpoint": 400, "words": 410, "first_token": 500, "first_sound": 620, "played": 700}
    figures = voice_figures(SpokenTurn(heard="a b", instants=instants), "a c")
    assert figures.pop("word_error_rate") == 0.5
    assert figures.pop("voice_to_voice") == 520 == sum(figures.values()), "to the server's first sound, whoever played it"


def test_where_nobody_knows_when_speech_ended_there_is_no_such_figure() -> None:
    assert voice_figures(SpokenTurn(heard="a b", instants={"first_token": 500, "first_sound": 540}), "a b") == {"word_error_rate": 0}


def test_two_ways_to_hold_a_session_are_compared() -> None:
    ways = [{"session": {"silence_ms": 200}}, {"session": {"silence_ms": 800}}]
    found = tw.compare(
        workload=tw.VoiceTurn("stop"), model="sim/voice", options=ways, ttft_ms=10, itl_ms=1, tokens=3, runs=1, seed=1, show=False
    )
    found.wait(LIMIT)
    for trial in found.trials:
        assert trial.failures == {}
    quick, slow = (next(t for t in found.trials if t.arm == arm and t.round == 1) for arm in (0, 1))
    assert quick.figures["voice_endpoint"] < slow.figures["voice_endpoint"]
    assert quick.figures["voice_to_voice"] < slow.figures["voice_to_voice"]
    assert "Simulated" in found.verdict


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(Refused, match="no clip 'tee'"):
        tw.compare(workload=tw.VoiceTurn("tee"), models=["sim/voice", "sim/voice"], show=False)
    with pytest.raises(Refused, match="takes no prompt"):
        tw.compare("hello", workload="voice", models=["sim/voice", "sim/voice"], show=False)


def test_a_host_without_voice_is_a_failure_of_its_own() -> None:
    found = tw.compare(workload=tw.VoiceTurn("stop"), models=["sim/voice", "deepseek/deepseek-v4-flash"], runs=1, show=False)
    found.wait(LIMIT)
    assert {trial.arm: bool(trial.failures) for trial in found.trials} == {0: False, 1: True}


def test_it_is_data() -> None:
    given = tw.VoiceTurn("tea", "How do I make tea?")
    assert workloads.read(json.loads(json.dumps(given.body()))) == given
