"""What a server that was restarted in the middle still has."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tokenwidgets.events import End, Entry, Start, Text, encode
from tokenwidgets.hub import Hub
from tokenwidgets.providers.registry import Registry
from tokenwidgets.spool import Spool

EVENTS = [
    encode(event, seq, 1000 * seq)
    for seq, event in enumerate([Start("s", "sim/steady", "sim", "openai-chat", 1.0, True), Text(0, "one "), Text(0, "two"), End("stop")])
]


@pytest.fixture(scope="module")
def dead() -> int:
    """A process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def left(directory: Path, dead: int, entries: list[Entry], stream: str = "abc") -> Path:
    """What a server that was killed leaves behind."""
    spool = Spool(directory, 600)
    spool.begin(stream, ["server"], entries)
    folder = next((directory / "tokenwidgets-spool").glob(f"{platform.node()}.{os.getpid()}.*"))
    gone = folder.with_name(folder.name.replace(f".{os.getpid()}.", f".{dead}."))
    return folder.rename(gone) / f"{stream}.jsonl"


def test_the_next_server_has_every_event_that_was_told(tmp_path: Path, dead: int) -> None:
    left(tmp_path, dead, EVENTS[:3])
    kept = Spool(tmp_path, 600).find("abc")
    assert kept is not None
    assert (kept.owners, [entry.data for entry in kept.entries]) == ({"server"}, [entry.data for entry in EVENTS[:3]])


def test_one_server_has_it_and_keeps_it_for_the_one_after(tmp_path: Path, dead: int) -> None:
    left(tmp_path, dead, EVENTS)
    first, second = Spool(tmp_path, 600), Spool(tmp_path, 600)
    assert first.find("abc") is not None
    first.close()
    found = second.find("abc")
    assert found is not None
    assert found.entries[-1].terminal


def test_only_the_user_can_read_it(tmp_path: Path, dead: int) -> None:
    file = left(tmp_path, dead, EVENTS)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize("name", ["../abc", "a/../abc", "", "a" * 65, "abc\n", "*"])
def test_a_name_that_is_no_id_leads_nowhere(name: str, tmp_path: Path, dead: int) -> None:
    left(tmp_path, dead, EVENTS)
    assert Spool(tmp_path, 600).find(name) is None


def test_a_line_that_was_cut_off_is_as_if_it_had_never_been(tmp_path: Path, dead: int) -> None:
    file = left(tmp_path, dead, EVENTS)
    file.write_bytes(file.read_bytes()[:-9])
    kept = Spool(tmp_path, 600).find("abc")
    assert kept is not None
    assert [entry.seq for entry in kept.entries] == [0, 1, 2]


def test_what_is_forgotten_is_gone_and_makes_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 600, limit=700)
    for number in range(20):
        spool.begin(f"s{number}", ["server"], EVENTS)
        assert len(list(tmp_path.rglob("*.jsonl"))) == 1
        spool.forget(f"s{number}")
    assert not list(tmp_path.rglob("*.jsonl"))


def test_beyond_the_limit_a_stream_is_not_kept_at_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(tmp_path, 600, limit=200)
    spool.begin("s", ["server"], EVENTS)
    assert not list(tmp_path.rglob("*.jsonl"))
    assert "no more room" in caplog.text
    assert "two" not in caplog.text


def test_what_nobody_came_for_is_removed(tmp_path: Path, dead: int) -> None:
    file = left(tmp_path, dead, EVENTS)
    Spool(tmp_path, 600)
    assert file.exists()
    long_ago = time.time() - 601
    os.utime(file, (long_ago, long_ago))
    Spool(tmp_path, 600)
    assert not file.parent.exists()


def test_what_was_too_young_at_the_start_goes_later(tmp_path: Path, dead: int) -> None:
    file = left(tmp_path, dead, EVENTS)
    hub = Hub(Registry(tmp_path), spool=Spool(tmp_path, 600))
    assert file.exists()
    os.utime(file, (0, 0))
    hub.tidy()
    assert not file.parent.exists()
