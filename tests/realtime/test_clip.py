"""Sound as a value: from whatever holds it, into files, and shown."""

from __future__ import annotations

import math
import wave
from array import array
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

import tokenwidgets as tw
from tokenwidgets.errors import Refused
from tokenwidgets.realtime import clip as clips
from tokenwidgets.realtime.clip import Clip
from tokenwidgets.realtime.clips import WORDS
from tokenwidgets.realtime.clips import clip as shipped

TONE = array("h", (round(8000 * math.sin(i * 0.1)) for i in range(8000))).tobytes()


def test_files_give_back_what_was_written(tmp_path: Path):
    clip = Clip(TONE, 16_000)
    for name in ("a.wav", "a.flac"):
        assert Clip.open(clip.save(tmp_path / name)) == clip
    assert Clip.open((tmp_path / "a.flac").read_bytes()) == clip
    assert len((tmp_path / "a.flac").read_bytes()) < len(TONE)
    with pytest.raises(Refused, match="wav or"):
        clip.save(tmp_path / "a.mp3")


def test_arrays_of_floats_and_integers_of_one_channel_or_two_are_sound():
    wave_of = np.sin(np.arange(4800) * 0.1) * 0.5
    mono = Clip.open(wave_of, 48_000)
    assert (mono.rate, mono.seconds) == (48_000, 0.1)
    assert np.abs(mono.samples - wave_of).max() < 1e-4
    both = Clip.open(np.stack([wave_of, wave_of], axis=1), 48_000)
    assert both == mono
    assert Clip.open((wave_of * 32768).astype(np.int16), 48_000).seconds == 0.1
    assert Clip.open(np.array([2.0, -2.0, np.nan])).samples.tolist() == [32767 / 32768, -1.0, 0.0]


def test_stereo_files_are_mixed():
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(np.repeat(np.frombuffer(TONE, "<i2"), 2).tobytes())
    mixed = Clip.open(file.getvalue())
    assert (mixed.rate, len(mixed.pcm)) == (16_000, len(TONE))
    assert np.abs(mixed.samples - Clip(TONE, 16_000).samples).max() < 0.001


def test_a_sound_is_the_same_at_another_rate():
    there = Clip(TONE, 16_000).resampled(48_000)
    assert abs(there.seconds - 0.5) < 0.001
    back = there.resampled(16_000)
    assert np.abs(back.samples[200:-200] - Clip(TONE, 16_000).samples[200 : len(back.samples) - 200]).max() < 0.01


@pytest.mark.parametrize(
    ("sound", "rate", "sentence"),
    [
        (b"no sound at all", None, "no sound that can be read"), (b"abc", 16_000, "whole 16-bit samples"), (b"ab", 7, "from 8000 to 48000"),
        (42, None, "A int is no sound"), ("missing.wav", None, "missing.wav cannot be read"), (np.zeros((2, 2, 2)), None, "shape"),
    ],
)  # fmt: skip
def test_what_is_no_sound_is_refused_in_a_sentence(sound: object, rate: int | None, sentence: str):
    with pytest.raises(Refused, match=sentence):
        Clip.open(sound, rate)


def test_it_shows_a_player_unless_that_would_swell_the_notebook(monkeypatch: pytest.MonkeyPatch):
    clip = Clip(TONE, 16_000)
    assert repr(clip) == "Clip(0.50 s, 16000 Hz)"
    assert '<audio controls aria-label="Sound of 0.5 seconds" src="data:audio/wav;base64,UklGR' in clip._repr_html_()
    monkeypatch.setattr(clips, "SHOWN_BYTES", 100)
    assert "<audio" not in clip._repr_html_()
    assert "save(path)" in clip._repr_html_()


def test_the_shipped_sentences_are_there_and_small():
    sounds = [shipped(name) for name in WORDS]
    assert sum(sound.path.stat().st_size for sound in sounds) < 600_000
    for sound in sounds:
        assert sound.clip.rate == 16_000
        assert 1 < sound.clip.seconds < 3
        assert sound.words
    with pytest.raises(Refused, match="did you mean 'france'"):
        shipped("franc")


def test_it_is_at_hand():
    assert tw.Clip is Clip
