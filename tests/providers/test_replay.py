"""Replay: what was recorded comes again, when it is due, and only shipped names can be asked for."""

from __future__ import annotations

import asyncio

import pytest
from fake_time import FakeTime

from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Entry, Event, Notice, Start, Text, Usage, encode
from tokenwidgets.providers import replay
from tokenwidgets.providers.replay import REPLAY_OPTIONS, SHIPPED, Replay, replay_recording
from tokenwidgets.recording import Frame, Header, Recording, Tape, dump
from tokenwidgets.request import check_options, parse

EVENTS: list[tuple[int, Event]] = [
    (0, Start("x", "sim/steady", "sim", "openai-chat", 1.0, simulated=True)),
    (1_000, Notice("connection", {"sent": 1_000, "reused": False})),
    (400_000, Text(0, "The")),
    (420_000, Text(0, " sky")),
    (420_000, Text(0, " is")),
    (2_000_000, Text(0, " blue")),
    (2_000_500, Usage(input=1, output=4)),
    (2_000_500, End("stop", "stop")),
]
ENTRIES = tuple(encode(event, seq, at) for seq, (at, event) in enumerate(EVENTS))
FRAMES = (Frame(b"ask", 1_000, "out"), Frame(b"a", 400_000), Frame(b"b", 420_000))
HEADER = Header("sim/steady", {"model": "sim/steady", "messages": []}, 1.0)
WHOLE = Recording(HEADER, ENTRIES, FRAMES)


def play(recording: Recording = WHOLE, speed: float = 1.0, time: FakeTime | None = None) -> Tape:
    time = time or FakeTime()
    tape = time.tape()
    asyncio.run(replay_recording(recording, tape, speed, time.sleep))
    return tape


def events(entries: list[Entry]) -> list[Event]:
    return [e.event for e in entries]


def test_everything_behind_the_start_comes_again():
    assert events(play().entries) == [e for _, e in EVENTS[1:]]


def test_offsets_are_the_recorded_ones():
    assert [e.at for e in play().entries] == [at for at, _ in EVENTS[1:]]


def test_what_lies_behind_an_event_begins_at_once_and_keeps_its_offsets():
    rest = replay.behind(ENTRIES, after=2)
    assert [e.at for e in play(Recording(HEADER, tuple(rest))).entries] == [at - 420_000 for at, _ in EVENTS[3:]]
    assert replay.behind(ENTRIES, after=-1) == list(ENTRIES)
    assert replay.behind(ENTRIES, after=len(ENTRIES)) == []


@pytest.mark.parametrize("speed", [0.25, 1, 8, 1000])
def test_speed_scales_offsets_and_phases(speed):
    entries = play(speed=speed).entries
    assert [e.at for e in entries] == pytest.approx([at / speed for at, _ in EVENTS[1:]], abs=2)
    assert entries[0].event == Notice("connection", {"sent": 1_000 / speed, "reused": False})


@pytest.mark.parametrize("late", [0.004, 0.3])
def test_late_wakes_do_not_add_up(late):
    entries = play(time=FakeTime(late)).entries
    assert all(0 <= e.at - at <= late * 1e6 + 1 for e, (at, _) in zip(entries, EVENTS[1:], strict=True))


def test_the_clock_of_a_stream_that_began_earlier_counts():
    time = FakeTime()
    tape = time.tape()
    time.ns += 300_000_000
    asyncio.run(replay_recording(WHOLE, tape, 1.0, time.sleep))
    assert [e.at for e in tape.entries][:2] == [300_000, 400_000]


def test_frames_come_again():
    assert play().frames == list(FRAMES)


@pytest.mark.parametrize("entries", [ENTRIES[:4], ENTRIES[:1], ()])
def test_what_was_cut_ends_as_cut(entries):
    assert events(play(Recording(HEADER, entries, truncated=True)).entries)[-1] == End("truncated")


def test_a_recorded_end_stands_though_the_file_was_cut_behind_it():
    assert events(play(Recording(HEADER, ENTRIES, truncated=True)).entries)[-1] == End("stop", "stop")


# ---- by name


@pytest.fixture
def shelf(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    dump(folder / "sky.jsonl", HEADER, ENTRIES, FRAMES)
    dump(folder / "sea.jsonl", HEADER, ENTRIES)
    (folder / "README").write_text("no recording")
    (folder / "bad.jsonl").write_text("{}\n")
    dump(tmp_path / "secret.jsonl", HEADER, ENTRIES)
    return folder


def asked(name: str, **options: object):
    return parse({"model": f"replay/{name}", "prompt": "-", "options": options})


def test_a_shipped_name_is_played_at_its_speed(shelf):
    time = FakeTime()
    tape = time.tape()
    asyncio.run(Replay(shelf, time.sleep).run(asked("sky", speed=2), tape))
    assert events(tape.entries)[-1] == End("stop", "stop")
    assert tape.entries[-1].at == 1_000_250


def test_a_recording_is_read_once_for_its_player_and_given_up_when_it_plays(shelf, monkeypatch):
    read = []
    monkeypatch.setattr(replay, "load", lambda path: read.append(path.stem) or WHOLE)
    player = Replay(shelf, FakeTime().sleep)
    assert player.load("sky") is player.load("sky") is WHOLE
    asyncio.run(player.run(asked("sky"), FakeTime().tape()))
    assert read == ["sky"]
    assert player._loaded == {}


def test_names_are_what_lies_on_the_shelf(shelf):
    assert Replay(shelf).names() == ["bad", "sea", "sky"]


@pytest.mark.parametrize("name", ["../secret", "..", "sky.jsonl", "SKY", "./sky", "/etc/passwd", "README", "", "sky\x00", "*"])
def test_nothing_else_can_be_named(shelf, name):
    with pytest.raises(Refused) as e:
        Replay(shelf).find(name)
    assert e.value.code == "not_found"


def test_near_names_are_told(shelf):
    with pytest.raises(Refused, match="sky"):
        Replay.checked(asked("skyy"), shelf)


def test_an_empty_shelf_says_so(tmp_path):
    with pytest.raises(Refused, match="none came"):
        Replay.checked(asked("sky"), tmp_path)


def test_a_bad_shipped_file_is_told_by_name_and_line(shelf):
    with pytest.raises(Refused, match=r"bad\.jsonl, line 1"):
        asyncio.run(Replay(shelf).run(asked("bad"), FakeTime().tape()))


def test_the_package_has_its_shelf():
    assert SHIPPED.is_dir()
    Replay().names()


@pytest.mark.parametrize("speed", [0, -1, 1001, True, "2", float("nan")])
def test_a_speed_out_of_range_is_refused(speed):
    with pytest.raises(Refused, match="speed"):
        check_options({"speed": speed}, "replay", REPLAY_OPTIONS)
