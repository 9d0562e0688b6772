"""The widget's comm, from the kernel's side."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import tokenwidgets as tw
from tokenwidgets.comm import MESSAGES_PER_SECOND, Comm, Pacer


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
    frames = next(content["frames"] for content in widget.heard if "frames" in content)
    assert [set(frame) for frame in frames] == [{"frame", "at", "dir"}] * len(frames)
    assert frames


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
