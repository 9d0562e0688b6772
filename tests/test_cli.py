"""The command `tokenwidgets`: each sub-command as a stranger runs it, in a terminal, in a pipe, interrupted, and called wrongly."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets import private_server
from tokenwidgets.cli.compare import finish
from tokenwidgets.cli.main import main, parser
from tokenwidgets.clients.rest import Rest
from tokenwidgets.comparison import Lane
from tokenwidgets.lanes import Lanes
from tokenwidgets.measurement import Measurement
from tokenwidgets.runtime import Server, alive
from tokenwidgets.trials import Arm, Budget, Trial

LIMIT = 60
FAST = ("-o", "ttft_ms", "1", "-o", "itl_ms", "1", "-o", "tokens", "4")
TWO = ("-m", "sim/steady", "-m", "sim/bursty", *FAST)
KEY = "sk-planted-1234567890abcdef"


def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a pipe."""
    return subprocess.run([sys.executable, "-m", "tokenwidgets", *words], capture_output=True, text=True, input=stdin, timeout=LIMIT)


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, *words: str) -> None:
        self._master, slave = pty.openpty()
        self.child = subprocess.Popen([sys.executable, "-m", "tokenwidgets", *words], stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.shown = ""

    def until(self, pattern: str) -> None:
        """Return when it has shown something."""
        while not re.search(pattern, self.shown):
            self.shown += self._read() or pytest.fail(f"it ended with {self.shown!r}")

    def ended(self) -> int:
        """Its exit code, when it has ended and all it showed was read."""
        while piece := self._read():
            self.shown += piece
        os.close(self._master)
        return self.child.wait(LIMIT)

    def _read(self) -> str:
        try:
            return os.read(self._master, 65536).decode(errors="replace")
        except OSError:  # so Linux says that nobody writes any more
            return ""


# ---- compare


def test_a_comparison_in_a_pipe_is_plain_text_and_saved(tmp_path: Path) -> None:
    done = run("compare", "-", *TWO, "--runs", "2", "--seed", "5", "--save", f"{tmp_path}/x.json", stdin="from a pipe\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("contender ")
    assert "Too early to tell" in done.stdout
    assert "6 of 6 calls" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    kept = json.loads((tmp_path / "x.json").read_text())
    assert (kept["seed"], len(kept["trials"])) == (5, 6)
    assert {arm["request"]["prompt"] for arm in kept["arms"]} == {"from a pipe"}


def test_an_interrupt_shows_and_saves_what_there_is(tmp_path: Path) -> None:
    shell = Terminal("compare", "hello", *TWO, "--runs", "1000", "--save", f"{tmp_path}/x.json")
    shell.until(r"\r\x1b\[K\d+ of 2,002 calls")
    shell.child.send_signal(signal.SIGINT)
    assert shell.ended() == 130
    assert "ended: it was stopped" in shell.shown
    assert "contender " in shell.shown
    assert "Traceback" not in shell.shown
    assert 0 < len(json.loads((tmp_path / "x.json").read_text())["trials"]) < 2002


def test_transports_are_compared_over_a_server_of_the_commands_own_that_ends_with_it(
    in_process: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = list[Server]()
    monkeypatch.setattr(private_server, "Rest", lambda server: started.append(server) or Rest(server))
    assert main(["compare", "hello", "-m", "sim/steady", *FAST, "--transports", "sse,ws", "--runs", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["transports"] == ["sse", "ws"]
    assert [trial["failures"] for trial in found["trials"]] == [{}, {}]
    assert not alive(started[0].pid)
    assert tw.api.gateway() is in_process


def test_a_contender_that_never_answered_is_a_failure_with_its_reason(in_process: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "hello", "-m", "sim/steady,nohost/x", *FAST, "--runs", "1"]) == 1
    shown = capsys.readouterr()
    assert "nohost/x failed in 1 of 1 calls." in shown.out
    assert "nohost/x failed: " in shown.err


def test_a_transport_that_never_came_to_the_end_is_a_failure_by_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    found = Measurement([Arm("sim/steady", {})], ["sse", "webrtc"], "total", Budget(runs=1), 7)
    found.trials = [Trial(number, 0, failures={"webrtc": "there is no path"}) for number in range(2)]
    found._done.set()
    assert finish(found, parser().parse_args(["compare", "hello"])) == 1
    assert capsys.readouterr().err == "WebRTC failed: there is no path\n"
    found.trials = [Trial(0, 0, failures={"webrtc": "there is no path"}), Trial(1, 0)]
    assert finish(found, parser().parse_args(["compare", "hello"])) == 0


def test_sets_of_options_are_compared(in_process: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "hello", "-m", "sim/steady", "--set", '{"ttft_ms": 1}', "--set", '{"ttft_ms": 2}', *FAST[3:], "--runs", "1"]
    assert main(words) == 0
    assert "ttft_ms=2" in capsys.readouterr().out


# ---- race, replay


def test_a_race_in_a_pipe_is_a_line_a_lane_and_a_verdict(tmp_path: Path) -> None:
    done = run("race", "hello", *TWO, "--save", f"{tmp_path}/race.json")
    assert done.returncode == 0, done.stderr
    assert sorted(line.split(":")[0] for line in done.stdout.splitlines()[:2]) == ["sim/bursty", "sim/steady"]
    assert "One run is no evidence" in done.stdout
    assert "Simulated or replayed, so that no model was raced: sim/steady, sim/bursty." in done.stdout
    assert "\x1b" not in done.stdout
    assert len(tw.Race.load(tmp_path / "race.json").lanes) == 2


def test_transports_race_for_one_answer() -> None:
    ended = run("race", "Why?", "--transports", "sse,ws", "-m", "sim/steady", *FAST)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line.split()[0] for line in ended.stdout.splitlines()[1:3]] == ["SSE", "WebSocket"]
    assert "no model was raced: sim/steady." in ended.stdout


def test_an_interrupted_race_of_transports_is_shown(
    in_process: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = Lanes._fill

    async def interrupted(self: Lanes, lane: Lane, stream: str, began: int) -> None:
        if lane.transport == "ws":
            signal.raise_signal(signal.SIGINT)
        await read(self, lane, stream, began)

    monkeypatch.setattr(Lanes, "_fill", interrupted)
    slow = ("-o", "ttft_ms", "600000")
    assert main(["race", "Why?", "--transports", "sse,ws", "-m", "sim/steady", *slow]) == 130
    assert "stopped before the first token" in capsys.readouterr().out


def test_a_race_in_a_terminal_is_drawn_as_it_runs() -> None:
    slow = ("-m", "sim/steady", "-m", "sim/bursty", "-o", "ttft_ms", "1", "-o", "itl_ms", "30", "-o", "tokens", "12")
    shell = Terminal("race", "hello", *slow)
    assert shell.ended() == 0
    assert shell.shown.count("\x1b[2F") > 2
    assert "sim/steady: running" in shell.shown
    assert "One run is no evidence" in shell.shown


def test_a_recording_is_replayed_and_says_so(in_process: Any, tmp_path: Path) -> None:
    tw.stream("hello", model="sim/steady", ttft_ms=1, itl_ms=1, tokens=4, show=False).wait().save(tmp_path / "run.jsonl")
    done = run("replay", str(tmp_path / "run.jsonl"), "--speed", "4")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == tw.load(tmp_path / "run.jsonl").text
    assert "replayed" in done.stderr


# ---- report


@pytest.fixture
def saved(in_process: Any, tmp_path: Path) -> str:
    request = {"ttft_ms": 1, "itl_ms": 1, "tokens": 4, "show": False}
    found = tw.compare("hello", models=["sim/steady", "sim/bursty"], runs=12, seed=5, **request).wait(LIMIT)
    return str(found.save(tmp_path / "base.json"))


def test_a_saved_comparison_is_shown_told_apart_and_made_again(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "show", saved]) == 0
    out = capsys.readouterr().out
    assert out.startswith(repr(tw.open_comparison(saved)))
    assert "Simulated or replayed, so that no model was measured: sim/steady, sim/bursty." in out
    assert main(["report", "diff", saved, saved]) == 0
    assert "no difference shown" in capsys.readouterr().out
    again = saved.replace("base", "again")
    assert main(["report", "rerun", saved, "--save", again]) == 0
    assert tw.open_comparison(again).order == tw.open_comparison(saved).order


@pytest.mark.parametrize(
    ("conditions", "code", "words"),
    [
        (["ttft.p50 > 1.2 * base", "failures > 0"], 0, "does not hold"),
        (["failures > 0", "ttft.p50 > 1 µs"], 1, "sim/bursty: ttft.p50 > 1 µs holds"),
        (["ttft.p99 > 9 s"], 1, "cannot be told"),
    ],
)
def test_a_condition_decides_the_exit_code(
    saved: str, capsys: pytest.CaptureFixture[str], conditions: list[str], code: int, words: str
) -> None:
    assert main(["report", "check", saved, saved, *(word for one in conditions for word in ("--fail-if", one))]) == code
    assert words in capsys.readouterr().out


# ---- doctor


def test_the_doctor_of_a_terminal_finds_nothing_wrong() -> None:
    done = run("doctor", "--json")
    found = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert not found["page"]["works"]
    assert not found["page"]["wrong"]


def test_the_doctor_exits_with_what_is_wrong(in_process: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tokenwidgets.toml").write_text("default_model = \n")
    assert main(["doctor"]) == 1
    assert "no   configuration: " in capsys.readouterr().out


# ---- called wrongly


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "COMMAND"),
        ("dance", "invalid choice"),
        ("compare", "prompt"),
        ("compare hello", "A comparison needs two"),
        ("compare hello -m sim/steady -m sim/bursty --runs x", "invalid int value"),
        ("compare hello -m sim/steady -m sim/bursty --runs 0", "'runs' is a number above 0"),
        ("compare hello -m sim/steady -m sim/bursty --by speed", "There is no figure 'speed'"),
        ("compare hello -m sim/steady --transports sse,comm", "no transport 'comm'"),
        ("compare hello -m sim/steady -m sim/bursty --save /nowhere/x.json", "there is no folder '/nowhere'"),
        ("compare hello -m sim/steady -m sim/bursty --save x.docx", "'x.docx' ends in none of them"),
        ("race hello -m sim/steady", "A race needs two lanes"),
        ("replay sim.jsonl --speed fast", "invalid float value"),
        ("report check x.json", "--fail-if"),
    ],
)
def test_what_is_called_wrongly_is_one_sentence_and_asks_nobody(
    in_process: Any, capsys: pytest.CaptureFixture[str], words: str, sentence: str
) -> None:
    code = _code(words.split())
    shown = capsys.readouterr()
    assert code == 2
    assert sentence in shown.err
    assert shown.err.startswith("tokenwidgets")
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert tw.streams() == []


@pytest.mark.parametrize(
    "words", [["--api-key", KEY], ["--key=" + KEY], ["compare", "hi", "-m", "a/b", "-o", "api_key", "x"], ["race", "hi", "-o", "user", KEY]]
)
def test_no_key_is_taken_or_repeated(in_process: Any, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert _code(words) == 2
    shown = capsys.readouterr()
    assert "No key is given on a command line" in shown.err
    assert KEY not in shown.out + shown.err


@pytest.mark.parametrize("words", [["replay", "nothing.jsonl"], ["report", "show", "nothing.json"]])
def test_a_file_that_is_not_there_is_named(in_process: Any, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert _code(words) == 1
    assert f"{words[-1]} cannot be read" in capsys.readouterr().err


def test_a_prompt_that_is_no_text_is_refused() -> None:
    command = [sys.executable, "-m", "tokenwidgets", "race", "-", *TWO]
    done = subprocess.run(command, capture_output=True, input=b"\xff\xfe", timeout=LIMIT)
    assert done.returncode == 2
    assert done.stderr == b"tokenwidgets: What came on standard input is no UTF-8 text.\n"


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "tokenwidgets", "doctor"], stdout=writing, stderr=subprocess.PIPE, timeout=LIMIT)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def _code(words: list[str]) -> int:
    try:
        return main(words)
    except SystemExit as e:
        return int(e.code or 0)


# ---- the whole


def test_help_has_an_example_and_the_exit_codes_and_loads_next_to_nothing() -> None:
    program = "import sys; from tokenwidgets.cli.main import parser; parser(); print({'httpx', 'pandas', 'IPython'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT).stdout == "set()\n"
    commands = parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    for name, command in commands.items():  # type: ignore[union-attr]
        words = command.format_help()
        assert f"example:\n  tokenwidgets {name}" in words
        assert "exit codes:" in words


def test_the_command_that_is_installed_is_this_one() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert EntryPoint("tokenwidgets", project["scripts"]["tokenwidgets"], "console_scripts").load() is main
