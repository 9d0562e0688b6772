"""The same clip said over both paths of sound, to a real server, and what is refused where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets.realtime.clips import clip
from tokenwidgets.workloads.voice_paths import Ear, values

LIMIT = 60
PATHS = [{"path": "inputs"}, {"path": "track"}]
QUICK = {"model": "sim/voice", "ttft_ms": 10, "itl_ms": 1, "tokens": 3, "runs": 1, "seed": 1, "show": False}


def test_a_clip_is_said_as_inputs_and_as_a_track(kernel: Any, tmp_path: Path) -> None:
    short = tw.Clip(b"\0\x20\0\xe0" * 1600, 16_000).save(tmp_path / "short.wav")
    found = tw.compare(workload=tw.VoiceTurn(str(short)), by="voice_round_trip", options=PATHS, session={"silence_ms": 100}, **QUICK).wait(
        LIMIT
    )
    assert [trial.failures for trial in found.trials] == [{}] * 4
    for trial in found.trials:
        assert trial.figures["voice_round_trip"] > trial.figures["voice_to_voice"], "the ways there and back come on top"
        assert trial.figures["voice_round_trip"] < trial.figures["voice_to_voice"] + 2e6
    assert sorted(found.table["contender"].unique()) == ["path=inputs", "path=track"]


def test_without_a_server_a_track_leads_nowhere_and_says_so(in_process: Any) -> None:
    found = tw.compare(workload="voice", options=[PATHS[1], PATHS[1]], **QUICK).wait(LIMIT)
    assert all("held in the kernel" in trial.failures[""] for trial in found.trials)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"path": "pigeon"}, "no path 'pigeon'"),
        ({"path": "track", "session": {"turn_detection": "none"}}, "nobody tells the end of a turn"),
    ],
)
def test_a_path_that_is_none_is_refused(in_process: Any, option: Any, words: str) -> None:
    with pytest.raises(tw.Refused, match=words):
        tw.compare(workload="voice", options=[option, {}], **QUICK)


async def test_the_round_trip_is_from_the_last_loud_sample_to_the_first() -> None:
    now = 100.0
    ear = Ear(lambda: now)
    said = tw.Clip(b"\0\0" * 8000 + b"\0\x20" * 8000 + b"\0\0" * 8000, 16_000)
    ear.began(said)  # speech ends at 101.0
    ear.hear(values(b"\0\x20" * 100), 1000)  # an answer to what came before, until 100.1
    now = 102.0
    ear.hear(values(b"\0\0" * 500), 1000)  # silence until 102.5
    ear.hear(values(b"\0\0" * 100 + b"\0\x20"), 1000)
    assert await ear.round_trip() == pytest.approx(1.6e6)


def test_a_shipped_clip_ends_where_its_speech_ends() -> None:
    ear = Ear(lambda: 0.0)
    ear.began(clip("france").clip)
    assert ear._ended is not None
    assert 0.5 * clip("france").clip.seconds < ear._ended <= clip("france").clip.seconds
