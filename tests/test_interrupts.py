"""An interrupted cell stops what it was reading, however it was reading it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

BOUND = 60

START = """
import asyncio, time
import tokenwidgets as tw

def say():
    print("reading", flush=True)

class Says:
    "An event that says when it is waited for."
    def __init__(self, inner):
        self.inner = inner
    def __getattr__(self, name):
        return getattr(self.inner, name)
    def wait(self, seconds):
        say()
        return self.inner.wait(seconds)

r = tw.stream("hello", model="sim/steady", show=False, tokens=100_000, itl_ms=5, ttft_ms=1)
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Any]:
    manager = KernelManager()
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=BOUND)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def printed(client: Any, code: str) -> str:
    out: list[str] = []
    client.execute_interactive(code, timeout=BOUND, output_hook=lambda m: out.append(m["content"].get("text", "")))
    return "".join(out)


def answer(receive: Callable[..., dict[str, Any]], asked: str) -> dict[str, Any]:
    """The next message to this request; what the kernel said when it was asked whether it is up may be on its way still."""
    while (message := receive(timeout=BOUND))["parent_header"].get("msg_id") != asked:
        pass
    return message


def interrupt(kernel: Any, code: str) -> None:
    """Run a cell, and interrupt it once it has said that it reads. A kernel drops what follows an error at once, unless told."""
    manager, client = kernel
    asked = client.execute(code, stop_on_error=False)
    while "reading" not in answer(client.get_iopub_msg, asked)["content"].get("text", ""):
        pass
    manager.interrupt_kernel()
    assert answer(client.get_shell_msg, asked)["content"]["status"] == "error"


def interrupted(kernel: Any, code: str, patience: float = 30) -> str:
    """How the stream of an interrupted cell ended, if it did within so many seconds."""
    _manager, client = kernel
    interrupt(kernel, START + code)
    return printed(client, f"print(r.wait({patience}).finish_reason)").split()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "for p in r:\n    print('reading', flush=True)\n    time.sleep(60)",
        "for n, p in enumerate(r):\n    if n == 5: print('reading', flush=True)",
        "r._done = Says(r._done)\nr.wait()",
        "asyncio.get_running_loop().call_later(0.2, say)\nawait r",
        "async for p in r:\n    print('reading', flush=True)\n    await asyncio.sleep(60)",
        "r.stop()\nr = tw.stream('hello', model='sim/steady', show=False, ttft_ms=600_000)\n"
        "asyncio.get_running_loop().call_soon(say)\nawait r",
    ],
    ids=["in the loop's body", "loop", "wait", "await", "async loop", "await of a stream that is silent"],
)
def test_an_interrupt_stops_what_the_cell_reads(kernel: Any, code: str) -> None:
    assert interrupted(kernel, code) == "cancelled"


def test_what_the_cell_does_not_read_goes_on(kernel: Any) -> None:
    assert interrupted(kernel, "print('reading', flush=True)\ntime.sleep(60)", patience=1) == "None"
    printed(kernel[1], "r.stop()")


def test_neither_does_an_answer_end_that_a_chat_asked_for(kernel: Any) -> None:
    chat = "r = tw.chat('sim/steady', show=False, tokens=100_000, itl_ms=5)('Why?')\n"
    assert interrupted(kernel, "r.stop()\n" + chat + "print('reading', flush=True)\ntime.sleep(60)", patience=1) == "None"
    printed(kernel[1], "r.stop()")


def test_a_timeout_of_ones_own_only_stops_waiting(kernel: Any) -> None:
    cell = "try:\n    async with asyncio.timeout(0.1):\n        await r\nexcept TimeoutError:\n    print('running', r.done)"
    assert "running False" in printed(kernel[1], START + cell)
    printed(kernel[1], "r.stop()")


SPEECH = """
import asyncio
import tokenwidgets as tw

def said(seconds):
    return tw.Clip(b"\\0\\x20\\0\\xe0" * int(8000 * seconds), 16_000)

def say():
    print("reading", flush=True)

s = tw.talk("sim/voice", options={"ttft_ms": 5, "itl_ms": 1, "tokens": 3}, silence_ms=100)
"""


@pytest.mark.parametrize(
    "code",
    ["say()\ns.speak(said(600))", "asyncio.get_running_loop().call_later(0.3, say)\nawait s.speaking(said(600))"],
    ids=["speak", "await"],
)
def test_an_interrupt_in_the_middle_of_speech_leaves_its_session_open(kernel: Any, code: str) -> None:
    _manager, client = kernel
    interrupt(kernel, SPEECH + code)
    assert printed(client, "print(s.done, s.speak(said(0.2)).status, s.heard.seconds < 300)\ns.stop()").split() == [
        "False",
        "completed",
        "True",
    ]
