"""How a server publishes itself to its kernels, and what a kernel makes of what it finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tokenwidgets import runtime
from tokenwidgets.runtime import Server, publish, servers


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "runtime"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(path))
    return path


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(20)
    return process.pid


def test_what_is_published_is_found(directory):
    path = publish("http://127.0.0.1:8888/base/", "the-ticket", "/cert.pem")
    assert path.parent == directory
    assert servers() == [Server(os.getpid(), "http://127.0.0.1:8888/base/", "the-ticket", runtime.version(), "/cert.pem")]
    path.unlink()
    assert servers() == []


def test_the_file_is_the_users_alone_even_over_an_old_one_with_another_mode(directory):
    directory.mkdir()
    old = directory / f"tokenwidgets-{os.getpid()}.json"
    old.write_text("{}")
    old.chmod(0o666)
    path = publish("http://x/", "t")
    assert path == old
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_planted_link_is_replaced_and_not_followed(directory, tmp_path):
    directory.mkdir()
    target = tmp_path / "target"
    target.write_text("mine")
    (directory / f"tokenwidgets-{os.getpid()}.json").symlink_to(target)
    publish("http://x/", "t")
    assert target.read_text() == "mine"


def test_the_ticket_does_not_show():
    server = Server(1, "http://x/", "the-ticket", "0.1")
    assert "the-ticket" not in f"{server} {server!r} {[server]}"


def test_there_are_none_without_a_directory():
    assert servers() == []


def test_a_server_that_is_gone_is_passed_over(directory, dead_pid):
    left = publish("http://x/", "t").rename(directory / f"tokenwidgets-{dead_pid}.json")
    assert servers() == []
    assert not left.exists(), "what a killed server left behind is removed"


def test_what_another_machine_published_is_passed_over_and_left(directory, dead_pid):
    """A home directory may be shared: whether a process of another machine runs cannot be seen here."""
    body = json.loads(publish("http://x/", "t").read_text())
    for machine in ("another", None):
        left = directory / f"tokenwidgets-{dead_pid}.json"
        left.write_text(json.dumps({**body, "machine": machine}))
        assert [s.pid for s in servers()] == [os.getpid()]
        assert left.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", "null", "{}", '{"url":"http://x/"}', '{"url":"http://x/","ticket":"t"}', "\x00", '"' + "x" * 1000]
)
def test_files_that_say_nothing_are_passed_over(directory, text):
    publish("http://x/", "t")
    for name in ("tokenwidgets-1.json", "tokenwidgets-.json", "tokenwidgets-x.json", f"tokenwidgets-{10**30}.json", "other.json"):
        (directory / name).write_text(text)
    (directory / "tokenwidgets-7.json").mkdir()
    assert [s.pid for s in servers()] == [os.getpid()]


def test_rubbish_process_ids_are_passed_over(directory):
    path = publish("http://x/", "t")
    (directory / f"tokenwidgets-{10**30}.json").write_text(path.read_text())
    assert [s.pid for s in servers()] == [os.getpid()]


def test_the_newest_comes_first(directory):
    body = json.loads(publish("http://new/", "t").read_text())
    older = directory / f"tokenwidgets-{os.getppid()}.json"
    older.write_text(json.dumps({**body, "url": "http://old/"}))
    os.utime(older, (time.time() - 100,) * 2)
    assert [s.url for s in servers()] == ["http://new/", "http://old/"]


def test_a_file_that_is_removed_while_it_is_read_is_passed_over(directory, monkeypatch):
    publish("http://x/", "t")
    (directory / "tokenwidgets-5.json").symlink_to(directory / "gone")
    assert [s.pid for s in servers()] == [os.getpid()]
