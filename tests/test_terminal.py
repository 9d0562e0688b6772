"""Plain Python programs: the answer is printed, nothing is lost at their end, and Ctrl-C ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from chat_server import BOUND, Scripted, run, started

FAST = 'model="sim/steady", ttft_ms=5, itl_ms=1, tokens=12'
LONG = 'model="sim/steady", ttft_ms=5, itl_ms=5, tokens=20_000'


@pytest.fixture(autouse=True)
def _here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")


def test_it_prints_the_answer_and_the_figures_and_ends():
    code, out, err = run("-c", f'import tokenwidgets as tw; r = tw.stream("Why?", {FAST}); print(r.wait().text)')
    assert code == 0
    shown, again, rest = out.split("\n")
    assert shown == again
    assert rest == ""
    assert err.startswith("first token ")
    assert err.endswith(" · sim/steady · simulated\n")
    assert err.count("\n") == 1


def test_a_program_that_ends_waits_for_its_answers():
    code, out, err = run("-c", f'import tokenwidgets as tw; tw.stream("Why?", {FAST}); tw.stream("How?", {FAST}, seed=2)')
    assert code == 0
    assert err.count("12 tok") == 2
    assert len(out) > 50


def test_at_its_end_it_still_finds_a_host_by_name():
    with Scripted(["Yes", "."]).running() as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        server.configure()
        code, out, err = run("-c", 'import tokenwidgets as tw; tw.stream("Why?", model="scripted/m")')
    assert (code, out) == (0, "Yes.\n"), err


def test_pieces_without_showing():
    program = f'import tokenwidgets as tw\nfor piece in tw.stream("Why?", {FAST}, show=False): print(repr(piece))'
    code, out, err = run("-c", program)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 12


def test_without_showing_it_does_not_wait():
    code, out, err = run("-c", 'import tokenwidgets as tw; tw.stream("Why?", model="sim/steady", ttft_ms=600_000, show=False)')
    assert (code, out, err) == (0, "", "")


def test_asyncio_run():
    program = f"""
import asyncio, tokenwidgets as tw
async def main():
    r = tw.stream("Why?", {FAST}, show=False)
    n = len([piece async for piece in r])
    await r
    print(n, r.finish_reason)
asyncio.run(main())
"""
    assert run("-c", program) == (0, "12 stop\n", "")


@pytest.mark.parametrize("ending", ["r.wait()", "for _ in r: pass", "", "import time; time.sleep(100)"])
def test_an_interrupt_stops_it_and_keeps_what_was_printed(ending):
    process = started("-c", f'import tokenwidgets as tw\nr = tw.stream("Why?", {LONG})\n{ending}\n')
    first = process.stdout.read(5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=BOUND)
    assert process.returncode in (130, -signal.SIGINT), err
    assert first
    assert out.endswith("\n")
    assert "stopped at token" in err


def test_a_failure_is_one_line_and_the_program_goes_on():
    code, out, err = run("-c", 'import tokenwidgets as tw; tw.stream("Why?", model="openai/gpt-5.2").wait(); print("on")')
    assert (code, out) == (0, "on\n")
    assert err.startswith("failed: No key for openai: set OPENAI_API_KEY")
    assert err.count("\n") == 1


def test_while_it_waits_to_try_again_it_says_so():
    with Scripted([], status=429).running() as server:
        server.configure()
        _, out, err = run("-c", 'import tokenwidgets as tw; tw.stream("Why?", model="scripted/m", retries=1)')
        assert len(server.calls) == 2
    assert out == ""
    waiting, failed, *rest = err.split("\n")
    assert waiting == "Rate limited by scripted: trying again in 1 s (2 of 2)"
    assert failed.startswith("failed: The scripted server refuses.")
    assert failed.endswith(" · 1 retry · scripted/m")
    assert rest == [""]


def test_when_nobody_reads_the_output_the_stream_is_stopped():
    read, write = os.pipe()
    process = started("-c", f'import tokenwidgets as tw; r = tw.stream("Why?", {LONG}); r.wait(); tw.doctor()', stdout=write)
    os.close(write)
    os.read(read, 1)
    os.close(read)
    _, err = process.communicate(timeout=BOUND)
    assert "Traceback" not in err


def test_what_a_terminal_would_obey_is_shown_and_halves_of_characters_are_joined():
    with Scripted(["\x1b]0;owned\x07", "\ud83c", "\udf08", " end", "\ud83c"]).running() as server:
        server.configure()
        _, out, _ = run("-c", 'import tokenwidgets as tw; tw.stream("Why?", model="scripted/m")')
        ascii_only = run(
            "-c", 'import tokenwidgets as tw; tw.stream("Why?", model="scripted/m")', env={**os.environ, "PYTHONIOENCODING": "ascii"}
        )
    assert out == "[U+001B]]0;owned[U+0007]🌈 end\ufffd\n"
    assert ascii_only[0] == 0
    assert ascii_only[1] == "[U+001B]]0;owned[U+0007]? end?\n"


def test_a_prompt_is_left_at_once(tmp_path):
    """IPython in a terminal does not hang on a stream that is still running."""
    lines = "%load_ext tokenwidgets\n%stream sim/steady -o ttft_ms 600000 --background Why?\nexit\n"
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt"],
        input=lines, text=True, capture_output=True, timeout=BOUND, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "stopped before the first token" in done.stderr
