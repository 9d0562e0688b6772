"""Sound at another rate: any chopping gives the same, and a tone stays the tone it was."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.realtime.microphone_clock import REMEMBERED, MicrophoneClock
from tokenwidgets.realtime.resample import Resampler

RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000]


@given(
    pcm=st.binary(max_size=400),
    cuts=st.lists(st.integers(0, 400), max_size=12),
    source=st.sampled_from(RATES),
    target=st.sampled_from(RATES),
)
def test_any_chopping_gives_the_same(pcm: bytes, cuts: list[int], source: int, target: int) -> None:
    pieces, places = Resampler(source, target), [0, *sorted(cuts), len(pcm)]
    chopped = b"".join(pieces.feed(pcm[a:b]) for a, b in pairwise(places))
    assert chopped == Resampler(source, target).feed(pcm)


@pytest.mark.parametrize("source", RATES)
def test_a_tone_keeps_its_length_pitch_and_loudness(source: int) -> None:
    tone = array("h", (round(10_000 * math.sin(2 * math.pi * 300 * i / source)) for i in range(source)))
    out = array("h")
    out.frombytes(Resampler(source, 24_000).feed(tone.tobytes()))
    assert abs(len(out) - 24_000) <= 24_000 / source + 1
    expected = (10_000 * math.sin(2 * math.pi * 300 * i / 24_000) for i in range(len(out)))
    assert max(abs(a - b) for a, b in zip(out, expected, strict=True)) < 100


def test_a_place_in_the_sound_is_the_instant_at_which_it_was_spoken() -> None:
    clock = MicrophoneClock()
    assert clock.at(0) is None
    clock.sent(0.1, 1_000_000)
    clock.sent(0.1, 1_500_000)  # after a pause of the sender
    assert [clock.at(ms) for ms in (0, 50, 100, 150, 200, 201)] == [900_000, 950_000, 1_000_000, 1_450_000, 1_500_000, None]


def test_what_was_said_too_long_ago_has_no_instant() -> None:
    clock = MicrophoneClock()
    for i in range(REMEMBERED + 10):
        clock.sent(0.02, i * 20_000)
    assert clock.at(100) is None
    assert clock.at(1_000) is not None
