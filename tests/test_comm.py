"""The widget's comm, from the kernel's side."""

from __future__ import annotations

import asyncio
import heapq
import threading
from typing import Any

import pytest
from memory_link import MemoryStreams

import tokenwidgets as tw
from tokenwidgets import comm
from tokenwidgets.comm import MESSAGES_PER_SECOND, Comm, Pacer
from tokenwidgets.multiplex import Multiplexer


class Widget:
    """What a comm needs of a widget; `heard` is what the page would get."""

    comm = None

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.news = threading.Condition()
        self.callback: Any = None

    def on_msg(self, callback: Any, remove: bool = False) -> None:
        self.callback = None if remove else callback

    def send(self, content: dict[str, Any]) -> None:
        with self.news:
            self.heard.append(content)
            self.news.notify()

    def says(self, **content: Any) -> None:
        self.callback(self, content, [])

    def seqs(self) -> list[int]:
        return [event["seq"] for content in self.heard for event in content.get("events", [])]

    def wait_for(self, what: Any) -> None:
        with self.news:
            assert self.news.wait_for(what, 20)


def stream(**options: Any) -> tw.Result:
    result = tw.stream("hello", model="sim/steady", show=False, ttft_ms=1, itl_ms=1, **options)
    assert result.id
    return result


def test_where_no_server_holds_the_stream_the_page_gets_it_without_asking(in_process: object) -> None:
    widget, result = Widget(), stream(tokens=30)
    Comm(widget, [result]).push(result)
    widget.wait_for(lambda: widget.seqs() and result.done and widget.seqs()[-1] == result.journal.entries[-1].seq)
    assert widget.seqs() == list(range(len(result.journal.entries)))


def test_an_asking_page_gets_what_lies_behind_its_last_event(in_process: object) -> None:
    widget, result = Widget(), stream(tokens=10).wait()
    Comm(widget, [result])
    widget.says(op="attach", stream=result.id, after=3)
    last = result.journal.entries[-1].seq
    widget.wait_for(lambda: widget.seqs() and widget.seqs()[-1] == last)
    assert widget.seqs() == list(range(4, last + 1))


def test_stop_is_heard_from_any_thread(in_process: object) -> None:
    widget, result = Widget(), stream(tokens=100_000)
    Comm(widget, [result])
    threading.Thread(target=widget.says, kwargs={"op": "stop", "stream": ""}).start()
    assert result.wait(20).finish_reason == "cancelled"


@pytest.mark.parametrize("op", ["start", "attach", "dance"])
def test_a_widget_reaches_its_own_stream_and_no_other(in_process: object, op: str) -> None:
    widget, result = Widget(), stream(tokens=5)
    Comm(widget, [result])
    widget.says(op=op, stream="another", request={"model": "sim/steady", "prompt": "x"})
    widget.wait_for(lambda: any(content.get("op") == "refused" for content in widget.heard))
    assert not widget.seqs()


def test_a_question_has_its_answer(in_process: object) -> None:
    async def double(content: Any) -> dict[str, Any]:
        return {"number": 2 * content["number"]}

    widget, result = Widget(), stream(tokens=5)
    Comm(widget, [result], {"double": double})
    widget.says(op="double", number=21, ask="a")
    widget.wait_for(lambda: {"answer": "a", "number": 42} in widget.heard)


def test_a_question_that_cannot_be_answered_says_why(in_process: object) -> None:
    async def broken(content: Any) -> None:
        raise ValueError("a secret of the user's")

    widget, result = Widget(), stream(tokens=5)
    Comm(widget, [result], {"broken": broken})
    widget.says(op="wire", stream="another", ask="a")
    widget.says(op="broken", ask="b")
    widget.wait_for(lambda: {content.get("answer") for content in widget.heard} >= {"a", "b"})
    errors = {content["answer"]: content["error"]["message"] for content in widget.heard if "answer" in content}
    assert errors == {"a": "This widget shows another stream.", "b": "This failed inside tokenwidgets (ValueError)."}


def test_the_frames_of_a_stream_are_asked_for(in_process: object) -> None:
    widget, result = Widget(), stream(tokens=5).wait()
    Comm(widget, [result])
    widget.says(op="wire", stream=result.id, ask="a")
    widget.wait_for(lambda: any("frames" in content for content in widget.heard))
    answer = next(content for content in widget.heard if "frames" in content)
    assert [set(frame) for frame in answer["frames"]] == [{"frame", "at", "dir"}] * answer["of"]
    assert answer["of"]


def test_frames_that_one_message_does_not_take_come_in_parts(in_process: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comm, "WIRE_PART_BYTES", 300)
    widget, result = Widget(), stream(tokens=20).wait()
    Comm(widget, [result])

    def asked(start: int) -> Any:
        widget.says(op="wire", stream=result.id, ask=f"from {start}", **{"from": start})
        widget.wait_for(lambda: any(content.get("answer") == f"from {start}" for content in widget.heard))
        return next(content for content in widget.heard if content.get("answer") == f"from {start}")

    whole = [frame.body() for frame in result.wire]
    first = asked(0)
    assert first["of"] == len(whole)
    assert 0 < len(first["frames"]) < len(whole)
    second = asked(len(first["frames"]))
    assert first["frames"] + second["frames"] == whole[: len(first["frames"]) + len(second["frames"])]


def test_after_close_nothing_is_heard(in_process: object) -> None:
    widget, result = Widget(), stream(tokens=5)
    Comm(widget, [result]).close()
    assert widget.callback is None


async def test_all_widgets_of_a_kernel_share_one_bounded_rate() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    pacer = Pacer(MESSAGES_PER_SECOND, now=lambda: 100.0, sleep=sleep)
    for _ in range(MESSAGES_PER_SECOND + 1):
        await pacer.turn()
    assert waits[0] == 0
    assert waits[-1] == pytest.approx(1.0)


class Hours:
    """A clock that stands still until it is told to go on, for any number of sleepers."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, len(self._sleepers) + id(waking), waking))
        await waking

    async def go_on(self, seconds: float) -> None:
        until = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            self._now, _, waking = heapq.heappop(self._sleepers)
            waking.set_result(None)
            await self._settle()
        self._now = until

    async def _settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


async def test_ten_widgets_of_fast_streams_stay_within_the_kernels_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    time, sent = Hours(), []
    monkeypatch.setattr(comm, "_pacer", Pacer(MESSAGES_PER_SECOND, time.now, time.sleep))
    streams = MemoryStreams(*map(str, range(10)))
    widgets = [Multiplexer(streams, comm._CommLink(lambda body: sent.append((time.now(), body)))) for _ in streams.all]
    for name, widget in zip(streams.all, widgets, strict=True):
        await widget.receive(f'{{"op": "attach", "stream": "{name}", "after": -1}}')
    for _ in range(300):  # 3 s of 100 tokens a second each
        for stream in streams.all.values():
            stream.say("x")
        await time.go_on(0.01)
    for stream in streams.all.values():
        stream.end()
    await time.go_on(1.0)

    busiest = max(sum(start <= at < start + 1 - 1e-6 for at, _ in sent) for start, _ in sent)
    assert busiest <= MESSAGES_PER_SECOND
    seqs = {name: [event["seq"] for _, body in sent if body["stream"] == name for event in body["events"]] for name in streams.all}
    assert all(seen == list(range(301)) for seen in seqs.values())
    for widget in widgets:
        await widget.aclose()


def test_a_question_asked_again_is_carried_out_once_and_answered_again(in_process: object) -> None:
    times = 0

    async def count(_: Any) -> dict[str, Any]:
        nonlocal times
        times += 1
        return {"number": times}

    widget, result = Widget(), stream(tokens=5)
    Comm(widget, [result], {"count": count})
    for _ in range(2):
        before = len(widget.heard)
        widget.says(op="count", ask="a")
        widget.wait_for(lambda before=before: {"answer": "a", "number": 1} in widget.heard[before:])
    assert times == 1


def test_a_page_that_hears_nothing_is_told_the_traits_again(in_process: object, monkeypatch: pytest.MonkeyPatch) -> None:
    widget = tw.TokenStream(stream(tokens=5).wait())
    told: list[set[str]] = []
    again = threading.Event()
    monkeypatch.setattr(type(widget), "send_state", lambda self, key=None: (told.append(set(key or ())), again.set()))
    widget.messages._received(widget, {"op": "news"}, [])
    assert again.wait(20)
    assert "runs" in told[0]
    assert not any(name.startswith("_") or name == "layout" for name in told[0])
