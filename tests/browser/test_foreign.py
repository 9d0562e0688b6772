"""Where the page can reach no server: VS Code, Colab. Everything passes through the kernel's comm, and heals when messages are lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

import tokenwidgets as tw
from tokenwidgets import events, pages
from tokenwidgets.events import End, Start, Text
from tokenwidgets.recording import Header, Recording
from tokenwidgets.widgets.chat import ChatWidget
from tokenwidgets.widgets.stream import TokenStream

from .foreign import COLAB, VS_CODE, BadWires, Bridge, Host, hosted

TEXT = ".tw-body > .tw-text"

HOSTS = pytest.mark.parametrize("host", [VS_CODE, COLAB], ids=["VS Code", "Colab"])


def stream(**options: object) -> tw.Result:
    return tw.stream("Why is the sky blue?", **{"model": "sim/steady", "show": False, "ttft_ms": 20, "itl_ms": 4, **options})


def ends_as_the_kernel_has_it(bridge: Bridge, result: tw.Result) -> None:
    bridge.says(".tw-word", "done")
    assert result.done
    assert bridge.frame.locator(TEXT).text_content() == result.text


@HOSTS
def test_a_stream_is_live_and_stops(in_process: object, page: Page, host: Host) -> None:
    with hosted(page, host) as bridge:
        result = stream(tokens=100_000)
        TokenStream(result, "text")
        bridge.says(TEXT, "simulated answer")
        assert bridge.frame.locator(".tw-badge").text_content() == "◆comm"
        bridge.frame.get_by_role("button", name="Stop").click()
        bridge.says(".tw-word", "stopped at token")
        bridge.until(lambda: result.done)
        assert result.finish_reason == "cancelled"
        known = pages.latest()
        assert known is not None
        assert (known.host, known.server) == ("VS Code" if host is VS_CODE else "", False)


@pytest.mark.parametrize("seed", range(3))
def test_lost_doubled_and_reordered_messages_heal(in_process: object, page: Page, seed: int) -> None:
    wires = BadWires(seed)
    with hosted(page, VS_CODE, wires) as bridge:
        result = stream(tokens=300)
        TokenStream(result, "text")
        ends_as_the_kernel_has_it(bridge, result)
        assert wires.lost


@pytest.mark.parametrize("seed", range(2))
def test_stop_gets_through_bad_wires(in_process: object, page: Page, seed: int) -> None:
    with hosted(page, COLAB, BadWires(seed)) as bridge:
        result = stream(tokens=100_000)
        TokenStream(result, "text")
        bridge.says(TEXT, "simulated answer")
        bridge.frame.get_by_role("button", name="Stop").click()
        bridge.says(".tw-word", "stopped at token")
        assert result.finish_reason == "cancelled"
        assert bridge.frame.locator(TEXT).text_content() == result.text


def chart(bridge: Bridge) -> None:
    tw.LatencyChart(stream(tokens=60))
    bridge.says(".tw-latency", "60 chunks")


def timeline(bridge: Bridge) -> None:
    tw.Timeline(stream(tokens=60))
    bridge.says(".tw-timeline", "chunk 60 of 60")


def inspector(bridge: Bridge) -> None:
    tw.WireInspector(stream(tokens=60))
    bridge.says(".tw-inspector", " frames, ")
    bridge.says(".tw-inspector", "chat.completion.chunk")


def race(bridge: Bridge) -> None:
    tw.race("Why?", models=["sim/steady", "sim/bursty"], tokens=40, itl_ms=2, show=False)._display_()
    bridge.says(".tw-race", "One run is no evidence")


def sessions(bridge: Bridge) -> None:
    result = stream(tokens=100_000)
    assert result.id
    tw.sessions()
    bridge.says(".tw-s", "sim/steady")
    bridge.frame.get_by_role("button", name="Stop all").click()
    bridge.until(lambda: result.done)


def chat(bridge: Bridge) -> None:
    talk = tw.chat("sim/steady", tokens=40, itl_ms=2, ttft_ms=5)
    ChatWidget(talk)
    bridge.says(".tw-chat", "sim/steady")
    bridge.frame.get_by_role("textbox", name="Message").fill("Why is the sky blue?")
    bridge.frame.get_by_role("textbox", name="Message").press("Enter")
    bridge.says(".tw-chat", "simulated answer")
    bridge.until(lambda: not talk.busy)
    bridge.says(".tw-chat", "40 tok")


EVERY = pytest.mark.parametrize("show", [chart, timeline, inspector, race, sessions, chat], ids=lambda show: show.__name__)


@HOSTS
@EVERY
def test_every_widget_lives_by_its_comm(in_process: object, page: Page, host: Host, show: Callable[[Bridge], None]) -> None:
    with hosted(page, host) as bridge:
        show(bridge)


@EVERY
def test_every_widget_heals(in_process: object, page: Page, show: Callable[[Bridge], None]) -> None:
    with hosted(page, VS_CODE, BadWires(1)) as bridge:
        show(bridge)


@HOSTS
def test_heavy_parts_come_over_the_comm(in_process: object, page: Page, host: Host) -> None:
    said = "```python\nprint(1)\n```\n\n$$e = mc^2$$\n"
    sequence = [Start("x", "sim/steady", "sim", "openai-chat", 0.0), Text(0, said), End("stop")]
    entries = [events.encode(event, seq, 1000 * seq) for seq, event in enumerate(sequence)]
    with hosted(page, host) as bridge:
        TokenStream(Recording(Header("sim/steady", {}, 0.0), tuple(entries), ()))
        bridge.says(".tw-md code", "print")
        bridge.until(lambda: bridge.frame.locator(".tw-md code span").count() > 0)
        bridge.until(lambda: bridge.frame.locator(".tw-md math").count() > 0)
        bridge.frame.locator(".tw-spark-button").click()
        bridge.says(".tw-latency", "1 chunk")
