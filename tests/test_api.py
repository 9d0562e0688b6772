"""What `tw.stream` and its companions promise, with streams in this process."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path

import pytest
from chat_server import BOUND, Scripted, started

import tokenwidgets as tw
from tokenwidgets.portal import portal
from tokenwidgets.recording import RecordingError

pytestmark = pytest.mark.usefixtures("in_process")

FAST = {"model": "sim/steady", "show": False, "ttft_ms": 5, "itl_ms": 1, "tokens": 30}
LONG = {"model": "sim/steady", "show": False, "ttft_ms": 5, "itl_ms": 5, "tokens": 20_000}
SILENT = {**LONG, "ttft_ms": 600_000}


def first_piece(result: tw.Result) -> str:
    """Wait until something came; the stream goes on."""
    return next(iter(result))


# ---- reading


def test_it_returns_at_once_and_the_answer_comes():
    result = tw.stream("Why?", **SILENT)
    assert not result.done
    assert result.text == ""
    result.stop()
    assert tw.stream("Why?", **FAST).wait(BOUND).text


def test_for():
    result = tw.stream("Why?", **FAST)
    pieces = list(result)
    assert len(pieces) == 30
    assert "".join(pieces) == result.text
    assert result.done
    assert list(result) == pieces, "a second reader gets all of it too"


async def test_async_for_inside_a_running_loop_which_goes_on():
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    task = asyncio.create_task(other())
    result = tw.stream("Why?", **FAST)
    pieces = [piece async for piece in result]
    task.cancel()
    assert "".join(pieces) == result.text
    assert result.text
    assert turns > 5


async def test_await_inside_a_running_loop():
    result = tw.stream("Why?", **FAST)
    assert await result is result
    assert result.done
    assert result.finish_reason == "stop"


async def test_plain_calls_inside_a_running_loop():
    assert tw.stream("Why?", **FAST).wait(BOUND).finish_reason == "stop"
    assert "sim/steady" in tw.models()


async def test_many_awaited_at_once():
    results = [tw.stream(f"Question {i}", **FAST, seed=i) for i in range(50)]
    await asyncio.wait_for(asyncio.gather(*(r._ended() for r in results)), BOUND)
    assert {r.finish_reason for r in results} == {"stop"}
    assert len({r.id for r in results}) == 50
    assert len({r.text for r in results}) == 50


def test_wait_gives_up_after_its_time_and_leaves_the_stream_running():
    result = tw.stream("Why?", **SILENT)
    assert result.wait(0.05) is result
    assert not result.done
    result.stop()


def test_leaving_an_iteration_leaves_the_stream_running():
    result = tw.stream("Why?", **LONG)
    first_piece(result)
    assert not result.done
    assert tw.streams()[-1]["state"] == "running"
    result.stop()


def test_a_result_outlives_the_place_where_it_ran(in_process):
    result = tw.stream("Why?", **FAST).wait(BOUND)
    text = result.text
    in_process.hub._streams.clear()
    assert result.text == text
    assert len(result.tokens) == 30
    assert list(result)
    assert result.metrics.total_us
    with pytest.raises(tw.Refused, match="no such stream"):
        _ = result.wire


# ---- stopping


def test_stop_keeps_what_came():
    result = tw.stream("Why?", **LONG)
    first_piece(result)
    result.stop()
    assert result.done
    assert result.finish_reason == "cancelled"
    assert result.text
    assert result.error is None
    assert tw.streams()[-1]["state"] == "ended"
    result.stop()


def test_stop_before_the_first_token():
    result = tw.stream("Why?", **SILENT)
    result.stop()
    assert result.done
    assert (result.finish_reason, result.text) == ("cancelled", "")


def test_stop_from_another_thread_ends_a_wait():
    result = tw.stream("Why?", **LONG)
    threading.Thread(target=lambda: (first_piece(result), result.stop())).start()
    assert result.wait(BOUND).finish_reason == "cancelled"


def test_stop_ends_an_iteration():
    result = tw.stream("Why?", **LONG)
    pieces = []
    for piece in result:
        pieces.append(piece)
        if len(pieces) == 3:
            result.stop()
    assert "".join(pieces) == result.text


def test_an_interrupt_of_the_waiting_thread_stops_the_stream():
    program = """
import tokenwidgets as tw

class Says:  # an event that says, once, when it is waited for
    said = False
    def __init__(self, inner):
        self.inner = inner
    def __getattr__(self, name):
        return getattr(self.inner, name)
    def wait(self, seconds):
        if not self.said:
            self.said = True  # before it says so: the interrupt comes at once
            print("waiting", flush=True)
        return self.inner.wait(seconds)

r = tw.stream("Why?", model="sim/steady", show=False, ttft_ms=5, itl_ms=5, tokens=20_000)
next(iter(r))
r._done = Says(r._done)
try:
    r.wait()
except KeyboardInterrupt:
    print(r.done, r.finish_reason, bool(r.text), flush=True)
"""
    process = started("-c", program)
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=BOUND)
    assert (out, err, process.returncode) == ("True cancelled True\n", "", 0)


def test_stop_does_not_raise_when_the_place_is_gone(monkeypatch, in_process):
    from tokenwidgets.clients.base import Disconnected

    async def away(stream: str) -> None:
        raise Disconnected("The Jupyter server does not answer.")

    result = tw.stream("Why?", **SILENT)
    with monkeypatch.context() as patch:
        patch.setattr(in_process, "stop", away)
        result.stop()
    assert result.done
    assert "does not answer" in result.error.message


# ---- failures


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ({"model": "nowhere/x"}, "not_found", "no host 'nowhere'"),
        ({"model": "sim/stedy"}, "not_found", "sim/steady"),
        ({"model": "plain"}, "bad_request", "host/model"),
        ({"model": "sim/steady", "tokenz": 3}, "bad_request", "did you mean 'tokens'"),
        ({"model": "sim/steady", "tokens": "many"}, "bad_request", "'tokens' is a whole number"),
        ({"model": "openai/gpt-5.2"}, "auth", "OPENAI_API_KEY"),
        ({"model": "sim/steady", "dialect": "morse"}, "bad_request", "morse"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_not_an_exception(asked, code, words):
    result = tw.stream("Why?", show=False, **asked).wait(BOUND)
    assert result.error.code == code
    assert words in result.error.message
    assert "\n" not in result.error.message
    assert result.text == ""
    assert result.wire == []
    assert list(result) == []
    assert result.finish_reason is None
    with pytest.raises(tw.StreamFailed, match=words) as caught:
        result.raise_for_error()
    assert caught.value.error == result.error


def test_neither_prompt_nor_messages():
    assert "prompt" in tw.stream(show=False, model="sim/steady").wait(BOUND).error.message


def test_a_failure_in_the_middle_keeps_what_came():
    result = tw.stream("Why?", **{**FAST, "model": "sim/flaky", "seed": 0, "fail_at": 10})
    pieces = list(result)
    assert pieces
    assert (result.error is not None) or result.finish_reason == "truncated"
    assert len(result.tokens) == len(pieces)


def test_an_unknown_transport_is_refused_at_once():
    with pytest.raises(tw.Refused, match="sse"):
        tw.stream("Why?", transport="pigeon")


def test_a_good_stream_does_not_raise():
    result = tw.stream("Why?", **FAST).wait(BOUND)
    assert result.raise_for_error() is result


# ---- recording, opening


def test_a_saved_stream_plays_again_with_its_timing(tmp_path):
    result = tw.stream("Why?", model="sim/steady", show=False, ttft_ms=200, itl_ms=10, tokens=20).wait(BOUND)
    path = result.save(tmp_path / "run.jsonl")
    again = tw.replay(path, speed=4, show=False).wait(BOUND)
    assert again.text == result.text
    assert again.start.replayed
    assert again.finish_reason == "stop"
    # The simulator never speaks early, nor does a replay.
    assert 200_000 / 4 <= again.metrics.first_token_us < result.metrics.first_token_us
    assert len(again.wire) == len(result.wire)


def test_record_writes_the_file_before_the_end_is_told(tmp_path):
    path = tmp_path / "run.jsonl"
    result = tw.stream("Why?", **FAST, record=path).wait(BOUND)
    assert tw.replay(str(path), speed=1000, show=False).wait(BOUND).text == result.text


def test_record_keeps_a_stopped_stream(tmp_path):
    result = tw.stream("Why?", **LONG, record=tmp_path / "run.jsonl")
    first_piece(result)
    result.stop()
    assert tw.replay(tmp_path / "run.jsonl", speed=1000, show=False).wait(BOUND).finish_reason == "cancelled"


def test_a_recording_that_cannot_be_written_is_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(tw.Refused, match="no folder"):
        tw.stream("Why?", **FAST, record=tmp_path / "nowhere" / "run.jsonl")
    assert tw.streams() == []


def test_a_recording_that_failed_is_said_and_loses_nothing(tmp_path, caplog):
    result = tw.stream("Why?", **{**FAST, "tokens": 200, "itl_ms": 5}, record=tmp_path / "run.jsonl")
    (tmp_path / "run.jsonl").mkdir()
    result.wait(BOUND)
    assert result.finish_reason == "stop"
    assert "could not be written" in caplog.text


def test_replay_of_what_is_not_there(tmp_path):
    with pytest.raises(RecordingError, match=r"gone\.jsonl cannot be read"):
        tw.replay(tmp_path / "gone.jsonl", show=False)
    assert "no shipped recording 'gone'" in tw.replay("gone", show=False).wait(BOUND).error.message
    with pytest.raises(tw.TokenwidgetsError, match="speed"):
        tw.replay(tmp_path / "gone.jsonl", speed=0, show=False)


def test_replay_of_what_is_no_recording(tmp_path):
    (tmp_path / "notes.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(tw.TokenwidgetsError, match=r"notes\.jsonl, line 1"):
        tw.replay(tmp_path / "notes.jsonl", show=False)


def test_open_of_a_running_stream_reads_all_of_it():
    result = tw.stream("Why?", **{**FAST, "tokens": 200})
    first_piece(result)
    again = tw.open(result.id, show=False)
    assert again.wait(BOUND).text == result.wait(BOUND).text
    assert again.model == "sim/steady"


def test_open_of_a_finished_stream():
    result = tw.stream("Why?", **FAST).wait(BOUND)
    again = tw.open(result.id, show=False).wait(BOUND)
    assert again.text == result.text
    assert [f.data for f in again.wire] == [f.data for f in result.wire]
    with pytest.raises(tw.Refused, match="not known"):
        again.code()


def test_open_of_an_unknown_stream():
    result = tw.open("nothing-of-that-name", show=False).wait(BOUND)
    assert result.error.code == "not_found"


# ---- what there is


def test_hosts_say_where_a_key_comes_from_and_never_the_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-1234567890abcdef")
    hosts = {host["name"]: host for host in tw.hosts()}
    assert hosts["openai"]["key"]["present"]
    assert "OPENAI_API_KEY" in hosts["openai"]["key"]["source"]
    assert not hosts["deepseek"]["key"]["present"]
    assert not hosts["sim"]["key"]["needed"]
    assert "planted" not in str(tw.hosts())


def test_models_of_the_machine_and_of_a_configured_host():
    with Scripted([]).running() as server:
        server.configure()
        names = tw.models()
    assert {"sim/steady", "sim/reasoner", "scripted/m"} <= set(names)


def test_streams_are_listed_with_their_state():
    done = tw.stream("Why?", **FAST).wait(BOUND)
    running = tw.stream("Why?", **SILENT)
    with Scripted([], status=500).running() as server:
        server.configure()
        failed = tw.stream("Why?", model="scripted/m", show=False).wait(BOUND)
    states = {running.id: "running", done.id: "ended", failed.id: "failed"}
    assert {s["id"]: s["state"] for s in tw.streams()} == states
    running.stop()


def test_the_default_model_is_the_configured_one(tmp_path):
    (tmp_path / "tokenwidgets.toml").write_text('default_model = "quick"\n[aliases]\nquick = "sim/bursty"\n')
    assert tw.stream("Why?", show=False, ttft_ms=1, itl_ms=1, tokens=3).wait(BOUND).model == "sim/bursty"


def test_a_broken_configuration_is_one_sentence(tmp_path):
    (tmp_path / "tokenwidgets.toml").write_text("default_model = \n")
    error = tw.stream("Why?", show=False).wait(BOUND).error
    assert "tokenwidgets.toml" in error.message
    assert "\n" not in error.message


def test_messages_system_and_tools_reach_the_host():
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    with Scripted(["Yes."]).running() as server:
        server.configure()
        messages = [{"role": "user", "content": "Why?"}]
        result = tw.stream(messages=messages, model="scripted:m", system="Be brief.", tools=[tool], temperature=0.5, show=False).wait(BOUND)
    assert result.text == "Yes."
    (_, _, body) = server.calls[0]
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, *messages]
    assert body["tools"] == [tool]
    assert (body["model"], body["temperature"], body["stream"]) == ("m", 0.5, True)


def test_a_path_may_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    tw.stream("Why?", **FAST, record="~/run.jsonl").wait(BOUND)
    assert Path(tmp_path, "run.jsonl").exists()
    assert tw.replay("~/run.jsonl", speed=1000, show=False).wait(BOUND).text


def test_work_of_the_portal_is_not_lost_with_a_fork():
    program = """
import multiprocessing, tokenwidgets as tw
ask = lambda: tw.stream("Why?", model="sim/steady", show=False, ttft_ms=1, itl_ms=1, tokens=3).wait(20).finish_reason
assert ask() == "stop"
child = multiprocessing.get_context("fork").Process(target=lambda: print(ask(), flush=True))
child.start(); child.join(30)
"""
    process = started("-W", "ignore", "-c", program)
    assert process.communicate(timeout=BOUND) == ("stop\n", "")


def test_the_portal_is_one_thread():
    assert portal() is portal()
    assert sum(thread.name == "tokenwidgets-portal" for thread in threading.enumerate()) == 1
