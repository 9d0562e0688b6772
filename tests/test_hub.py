"""The hub: whatever a provider does, a stream ends once, and stopping one closes what is behind it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest
from fake_provider import REQUEST, ended, forever, hub, until

from tokenwidgets import hub as hub_module
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Error, Start, Text
from tokenwidgets.generation import Limits
from tokenwidgets.hub import KERNEL, Hub
from tokenwidgets.journal import JournalClosed, JournalFull
from tokenwidgets.request import parse


def text(stream) -> str:
    return stream.snapshot()["text"]


def one_terminal(stream) -> bool:
    return [e.terminal for e in stream.journal.entries].count(True) == 1 and stream.journal.entries[-1].terminal


async def answers(sink):
    sink.emit(Text(0, "Hi"))
    sink.emit(End("stop"))


async def says_and_hangs(sink):
    sink.emit(Text(0, "Half"))
    await forever()


async def only_hangs(sink):
    await forever()


# ---------------------------------------------------------------------- one ending


async def returns_early(sink):
    sink.emit(Text(0, "Hi"))


async def raises(sink):
    sink.emit(Text(0, "Hi"))
    raise RuntimeError("Bearer sk-secret, prompt: my diary")


async def refuses(sink):
    sink.emit(Text(0, "Hi"))
    raise Refused("context_length", "The prompt is too long.")


async def times_out_by_itself(sink):
    sink.emit(Text(0, "Hi"))
    raise TimeoutError


async def is_cancelled_from_within(sink):
    sink.emit(Text(0, "Hi"))
    inner = asyncio.ensure_future(forever())
    inner.cancel()
    await inner


async def goes_on_after_its_end(sink):
    sink.emit(Text(0, "Hi"))
    sink.emit(End("stop"))
    sink.emit(Text(0, "more"))


async def ends_twice(sink):
    sink.emit(Text(0, "Hi"))
    sink.emit(End("stop"))
    sink.emit(Error("internal", "And broken, too."))


async def ends_and_raises(sink):
    sink.emit(Text(0, "Hi"))
    sink.emit(End("stop"))
    raise RuntimeError


@pytest.mark.parametrize(
    ("script", "ending"),
    [
        (answers, End("stop")),
        (returns_early, Error("internal", "The provider's adapter ended without saying how.")),
        (raises, Error("internal", "The stream failed inside tokenwidgets (RuntimeError).")),
        (refuses, Error("context_length", "The prompt is too long.", stage="connect", status=400)),
        (times_out_by_itself, Error("internal", "The stream failed inside tokenwidgets (TimeoutError).")),
        (is_cancelled_from_within, Error("internal", "The stream failed inside tokenwidgets (CancelledError).")),
        (goes_on_after_its_end, End("stop")),
        (ends_twice, End("stop")),
        (ends_and_raises, End("stop")),
    ],
)
async def test_a_stream_ends_once_whatever_its_provider_does(script, ending, caplog):
    caplog.set_level(logging.DEBUG)
    this, _ = hub(script)
    stream = this.start(REQUEST, "ann")
    assert await ended(stream) == ending
    await until(lambda: stream.ended)
    assert one_terminal(stream)
    assert text(stream) == "Hi"
    assert "secret" not in caplog.text
    assert "diary" not in caplog.text
    assert (stream.state, stream.running) == ("failed" if isinstance(ending, Error) else "ended", False)
    await this.aclose()


async def test_the_first_event_is_there_before_the_provider_is_called():
    this, registry = hub(answers)
    stream = this.start(REQUEST, "ann")
    assert not registry.providers[0].running.is_set()
    (start,) = stream.journal.entries
    assert (start.seq, start.at) == (0, 0)
    assert start.event == Start(stream.id, "fake/model", "fake", "openai-chat", stream.created)
    assert len(stream.id) >= 22  # 128 bits
    await this.aclose()


async def test_an_endless_answer_ends_at_the_limit_and_its_provider_is_closed():
    async def floods(sink):
        while True:
            sink.emit(Text(0, "x" * 100))

    this, registry = hub(floods, journal_bytes=5000)
    stream = this.start(REQUEST, "ann")
    ending = await ended(stream)
    assert (ending.code, "5000 bytes" in ending.message) == ("limit", True)
    assert registry.providers[0].closed.is_set()
    assert 4000 < stream.journal.size - len(stream.journal.entries[-1].data) <= 5000
    await this.aclose()


async def test_a_stream_that_runs_too_long_is_closed():
    this, registry = hub(says_and_hangs, wall_seconds=0.02)
    stream = this.start(REQUEST, "ann")
    ending = await ended(stream)
    assert (ending.code, "0.02 s" in ending.message) == ("limit", True)
    assert registry.providers[0].closed.is_set()
    assert text(stream) == "Half"
    await this.aclose()


async def test_frames_beyond_their_limit_are_counted_and_dropped():
    async def frames(sink):
        for _ in range(10):
            sink.frame(b"x" * 30, sink.now())
        sink.emit(End("stop"))

    this, _ = hub(frames, frame_bytes=100)
    stream = this.start(REQUEST, "ann")
    await ended(stream)
    assert (len(stream.frames), stream.frames_dropped) == (3, 7)
    await this.aclose()


# ---------------------------------------------------------------------- stop


async def test_stop_closes_the_provider_before_anything_else_is_journalled_and_keeps_the_text():
    order = []

    async def closes_slowly(sink):
        sink.emit(Text(0, "Half"))
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            try:
                sink.emit(Text(0, " of it"))
            except JournalClosed:
                order.append("closed")

    this, registry = hub(closes_slowly)
    stream = this.start(REQUEST, "ann")
    await registry.providers[0].running.wait()
    reader = asyncio.ensure_future(ended(stream))
    reader.add_done_callback(lambda _: order.append("ended"))
    await this.stop(stream)
    assert await reader == End("cancelled")
    assert order == ["closed", "ended"]
    assert text(stream) == "Half"
    assert one_terminal(stream)
    await this.aclose()


async def test_stop_before_the_provider_was_called():
    this, registry = hub(answers)
    stream = this.start(REQUEST, "ann")
    await this.stop(stream)
    assert stream.journal.terminal.event == End("cancelled")
    assert not registry.providers[0].running.is_set()
    await this.aclose()


async def test_stop_before_the_first_token():
    this, registry = hub(only_hangs)
    stream = this.start(REQUEST, "ann")
    await registry.providers[0].running.wait()
    await this.stop(stream)
    assert [e.event.type for e in stream.journal.entries] == ["start", "end"]
    assert registry.providers[0].closed.is_set()
    await this.aclose()


@pytest.mark.parametrize("says", [Error("connection", "The connection broke."), End("truncated"), None])
async def test_a_provider_that_reports_its_own_cancellation_does_not_change_the_ending(says):
    async def reports(sink):
        try:
            await forever()
        except asyncio.CancelledError:
            if says is None:
                raise RuntimeError("torn down") from None
            sink.emit(says)

    this, registry = hub(reports)
    stream = this.start(REQUEST, "ann")
    await registry.providers[0].running.wait()
    await this.stop(stream)
    assert stream.journal.terminal.event == End("cancelled")
    await this.aclose()


async def test_a_provider_that_refuses_to_be_cancelled_does_not_hold_up_the_stop(monkeypatch):
    monkeypatch.setattr(hub_module, "STOP_SECONDS", 0.02)
    let_go, outcome = asyncio.Event(), []

    async def refuses_to_go(sink):
        sink.emit(Text(0, "Half"))
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        try:
            sink.emit(Text(0, "still here"))
        except JournalClosed:
            outcome.append("closed")
            raise

    this, registry = hub(refuses_to_go)
    stream = this.start(REQUEST, "ann")
    await registry.providers[0].running.wait()
    await asyncio.wait_for(this.stop(stream), 5)
    assert stream.journal.terminal.event == End("cancelled", raw=hub_module.NOT_CLOSED)
    let_go.set()
    await asyncio.wait([stream.task], timeout=5)
    assert outcome == ["closed"]
    assert text(stream) == "Half"
    assert one_terminal(stream)
    await this.aclose()


async def test_stop_twice_and_at_once_and_after_the_end():
    this, registry = hub(says_and_hangs, answers)
    stream = this.start(REQUEST, "ann")
    await registry.providers[0].running.wait()
    await asyncio.gather(this.stop(stream), this.stop(stream))
    await this.stop(stream)
    assert stream.journal.terminal.event == End("cancelled")
    assert one_terminal(stream)
    finished = this.start(REQUEST, "ann")
    await ended(finished)
    await this.stop(finished)
    assert finished.journal.terminal.event == End("stop")
    await this.aclose()


async def test_a_stop_whose_caller_leaves_still_ends_the_stream():
    async def slow_to_go(sink):
        try:
            await forever()
        finally:
            await asyncio.sleep(0.01)

    this, registry = hub(slow_to_go)
    stream = this.start(REQUEST, "ann")
    await registry.providers[0].running.wait()
    stopping = asyncio.ensure_future(this.stop(stream))
    await asyncio.sleep(0)
    stopping.cancel()
    assert await ended(stream) == End("cancelled", raw=hub_module.NOT_CLOSED)
    await this.aclose()


async def test_on_end_is_called_once_for_each_stream_and_after_its_ending():
    calls = []
    this, registry = hub(answers, says_and_hangs, raises)
    this = Hub(registry, Limits(), on_end=lambda stream: calls.append((stream.id, stream.journal.terminal.event.type)))
    streams = [this.start(REQUEST, "ann") for _ in range(3)]
    await registry.providers[1].running.wait()
    await asyncio.gather(this.stop(streams[1]), this.stop(streams[1]), ended(streams[0]), ended(streams[2]))
    await this.aclose()
    assert Counter(calls) == Counter({(streams[0].id, "end"): 1, (streams[1].id, "end"): 1, (streams[2].id, "error"): 1})


# ---------------------------------------------------------------------- lifetimes


async def test_a_stream_nobody_reads_is_stopped_and_one_with_a_reader_is_not():
    this, registry = hub(says_and_hangs, says_and_hangs, unread_seconds=0.02)
    unread, read = this.start(REQUEST, "ann"), this.start(REQUEST, "ann")
    with read.attached():
        async with asyncio.timeout(5):
            await unread.journal.wait(1)
        ending = unread.journal.terminal.event
        assert (ending.reason, "nobody read it" in ending.raw) == ("cancelled", True)
        assert registry.providers[0].closed.is_set()
        assert read.running
        with read.attached():
            pass
        assert read.timer is None  # one reader is enough
    assert (await ended(read)).reason == "cancelled"
    await this.aclose()


async def test_a_reader_who_comes_back_in_time_keeps_the_stream():
    this, _ = hub(says_and_hangs, unread_seconds=1000)
    stream = this.start(REQUEST, "ann")
    assert stream.timer is not None
    with stream.attached():
        assert stream.timer is None
    assert stream.timer is not None
    with stream.attached():
        assert stream.timer is None
        assert stream.running
    await this.aclose()


async def test_a_finished_stream_is_kept_for_a_while_and_then_forgotten():
    this, _ = hub(answers, kept_seconds=0.02)
    stream = this.start(REQUEST, "ann")
    await ended(stream)
    assert this.get(stream.id, "ann") is stream
    with stream.attached():  # a reader does not prolong it, and keeps what it has
        async with asyncio.timeout(5):
            while this.streams("ann"):
                await asyncio.sleep(0.005)
    with pytest.raises(Refused, match="no such stream"):
        this.get(stream.id, "ann")
    assert text(stream) == "Hi"
    await this.aclose()


async def test_open_streams_are_limited_and_ended_ones_do_not_count():
    this, _ = hub(says_and_hangs, says_and_hangs, answers, answers, open_streams=2)
    first, _ = this.start(REQUEST, "ann"), this.start(REQUEST, "bob")
    with pytest.raises(Refused, match="2 streams are running already") as refusal:
        this.start(REQUEST, "ann")
    assert (refusal.value.code, refusal.value.status) == ("limit", 429)
    await this.stop(first)
    assert await ended(this.start(REQUEST, "ann")) == End("stop")
    await this.aclose()


async def test_at_the_limit_of_bytes_finished_streams_go_first_the_oldest_first_and_running_ones_never():
    async def long_answer(sink):
        sink.emit(Text(0, "x" * 1000))
        sink.emit(End("stop"))

    async def long_and_hangs(sink):
        sink.emit(Text(0, "x" * 1000))
        await forever()

    this, _ = hub(long_and_hangs, *[long_answer] * 4, answers, answers, total_bytes=4000)
    running = this.start(REQUEST, "ann")
    done = [this.start(REQUEST, "ann") for _ in range(4)]
    for stream in done:
        await ended(stream)
    assert running.running
    this.start(REQUEST, "ann")
    kept = {s.id for s in this.streams("ann")}
    assert running.id in kept
    assert [s.id in kept for s in done] == [False, False, True, True]
    await this.aclose()


async def test_what_was_asked_counts_with_what_was_answered():
    this, _ = hub(answers, answers, only_hangs, total_bytes=4000)
    big = parse({"model": "fake/model", "prompt": "\u00e4" * 3000})
    done = [this.start(big, "ann"), this.start(REQUEST, "ann")]
    for stream in done:
        await ended(stream)
    assert done[0].size > 6000 > done[1].size
    this.start(REQUEST, "ann")
    assert this.streams("ann")[0] is done[1]
    await this.aclose()


@pytest.mark.parametrize("content", [object(), {1, 2}, b"x"])
async def test_what_no_json_can_say_is_refused(content):
    this, _ = hub(answers)
    with pytest.raises(Refused, match="JSON cannot say"):
        this.start(parse({"model": "fake/model", "messages": [{"role": "user", "content": content}]}), "ann")
    assert this.streams("ann") == []
    await this.aclose()


# ---------------------------------------------------------------------- owners


async def test_a_stream_is_its_owners_and_to_others_it_is_not_there():
    this, _ = hub(only_hangs, only_hangs)
    mine, theirs = this.start(REQUEST, "ann"), this.start(REQUEST, "bob")
    assert this.streams("ann") == [mine]
    with pytest.raises(Refused) as another:
        this.get(theirs.id, "ann")
    with pytest.raises(Refused) as absent:
        this.get("nothing", "ann")
    assert another.value.body() == absent.value.body()
    assert another.value.status == 404
    await this.aclose()


async def test_the_first_user_to_show_a_kernels_stream_owns_it_with_the_kernel():
    this, _ = hub(only_hangs)
    stream = this.start(REQUEST, KERNEL)
    assert this.get(stream.id, KERNEL) is stream
    assert this.streams("ann") == []
    assert this.get(stream.id, "ann") is stream
    assert this.get(stream.id, KERNEL) is stream
    assert this.streams("ann") == [stream]
    with pytest.raises(Refused):
        this.get(stream.id, "bob")
    assert this.get(stream.id, "ann") is stream
    await this.aclose()


async def test_a_users_stream_is_not_the_kernels():
    this, _ = hub(only_hangs)
    stream = this.start(REQUEST, "ann")
    with pytest.raises(Refused):
        this.get(stream.id, KERNEL)
    await this.aclose()


# ---------------------------------------------------------------------- the end


async def test_aclose_ends_every_stream_closes_every_provider_and_leaves_no_timer():
    this, registry = hub(says_and_hangs, answers, only_hangs)
    streams = [this.start(REQUEST, "ann") for _ in range(3)]
    await registry.providers[2].running.wait()
    await asyncio.wait_for(this.aclose(), 5)
    assert [s.journal.terminal.event.type for s in streams] == ["error", "end", "error"]
    ending = streams[0].journal.terminal.event
    assert (ending.code, ending.retryable, "shut down" in ending.message) == ("connection", True, True)
    assert all(p.closed.is_set() for p in registry.providers)
    assert registry.closed
    assert all(s.timer is None or s.timer.cancelled() for s in streams)


async def test_aclose_does_not_leave_a_provider_that_ended_and_will_not_return():
    async def lingers(sink):
        sink.emit(End("stop"))
        await forever()

    this, registry = hub(lingers)
    stream = this.start(REQUEST, "ann")
    await ended(stream)
    await asyncio.wait_for(this.aclose(), 5)
    assert registry.providers[0].closed.is_set()
    assert stream.journal.terminal.event == End("stop")


async def test_a_full_journal_that_the_provider_ignores_still_ends():
    async def ignores(sink):
        for _ in range(100):
            try:
                sink.emit(Text(0, "x" * 100))
            except JournalFull:
                return

    this, _ = hub(ignores, journal_bytes=1000)
    stream = this.start(REQUEST, "ann")
    assert (await ended(stream)).type == "error"
    assert one_terminal(stream)
    await this.aclose()


async def test_a_snapshot_says_what_the_stream_is_now():
    this, _ = hub(says_and_hangs)
    stream = this.start(REQUEST, "ann")
    await until(lambda: len(stream.journal.entries) == 2)
    now = stream.snapshot()
    assert (now["id"], now["model"], now["state"], now["text"], now["seq"], now["readers"]) == (
        stream.id, "fake/model", "running", "Half", 1, 0
    )  # fmt: skip
    await this.stop(stream)
    assert stream.snapshot()["state"] == "ended"
    await this.aclose()
