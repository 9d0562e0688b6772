"""Many at once: who asks when, from where times are counted, and what is said when the generator does not keep up."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from providers.fake_time import FakeTime

import tokenwidgets as tw
from tokenwidgets import api
from tokenwidgets.events import End, Error, Start, Text, Usage, encode
from tokenwidgets.lanes import Lanes
from tokenwidgets.portal import portal
from tokenwidgets.recording import Header, Recording
from tokenwidgets.trials import Trial
from tokenwidgets.workloads import Asking, ClosedLoop, OpenLoop
from tokenwidgets.workloads.load import LATE_US, Asked, load_figures

pytestmark = pytest.mark.usefixtures("in_process")


def stream(first_us: int, *, last: Any = None) -> tuple[Any, ...]:
    events = [Start("x", "a/m", "a", "openai-chat", 1.0), Text(0, "word "), Usage(output=10), last or End("stop")]
    return tuple(encode(event, seq, at) for seq, (event, at) in enumerate(zip(events, (0, first_us, first_us, first_us + 9), strict=True)))


def recorded(**request: Any) -> tw.Result:
    return tw.load(Recording(Header("a/m", {}, 1.0), stream(400_000)))


def asking(time: FakeTime, start: Any = recorded, seed: int = 1, **request: Any) -> Asking:
    return Asking(request, start, Lanes(api.gateway(), []), seed=seed, clock=lambda: time.ns / 1e9, sleep=time.sleep)


# ---- who asks when


async def test_arrivals_wait_for_no_answer() -> None:
    this = asking(FakeTime(), api.stream, model="sim/steady", prompt="hello", ttft_ms=600_000)

    async def all_are_asked() -> None:
        run = asyncio.ensure_future(OpenLoop(requests=12, rate=3).run(this))
        while len(this.results) < 12:
            await asyncio.sleep(0)
        assert not any(result.done for result in this.results)
        await this.stopping()
        await run

    await asyncio.to_thread(portal().run, all_are_asked(), 30)
    assert this.begun == sorted(this.begun)


async def test_arrivals_are_drawn_by_the_seed_at_the_rate_asked_for() -> None:
    async def begun(seed: int) -> list[float]:
        this = asking(FakeTime(), seed=seed)
        await OpenLoop(requests=1000, rate=5).run(this)
        return this.begun

    first = await begun(1)
    assert first == await begun(1) != await begun(2)
    assert first[-1] == pytest.approx(999 / 5, rel=0.15)
    spaces = sorted(b - a for a, b in pairwise(first))
    assert spaces[499] == pytest.approx(0.1386, rel=0.2), "the median of an exponential distribution: ln 2 / rate"


async def test_a_user_asks_again_when_answered() -> None:
    this = asking(FakeTime(), api.stream, model="sim/steady", prompt="hello", ttft_ms=0, itl_ms=0, tokens=2)
    most = 0

    async def watched() -> None:
        nonlocal most
        run = asyncio.ensure_future(ClosedLoop(requests=9, users=3).run(this))
        while not run.done():
            most = max(most, sum(not result.done for result in this.results))
            await asyncio.sleep(0)
        assert run.result().figures["load_failed"] == 0

    await asyncio.to_thread(portal().run, watched(), 30)
    assert len(this.results) == 9
    assert 1 <= most <= 3


# ---- what is counted


def test_times_are_counted_from_the_instant_that_was_due() -> None:
    on_time, late = [Asked(0, stream(100_000))] * 10, [Asked(900_000, stream(100_000))] * 10
    figures = load_figures([*on_time, *late], 4.0, {"time_to_first_token": 500_000})
    assert figures["load_first_token_p50"] == 550_000
    assert figures["load_first_token_p95"] == 1_000_000
    assert figures["load_goodput"] == 10 / 4
    assert figures["load_output_tokens"] == 200 / 4
    assert figures["load_request_throughput"] == 5
    assert (figures["load_late"], figures["load_latest"]) == (10, 900_000)


def test_too_few_answers_have_no_p95_and_failures_are_counted_apart() -> None:
    failed = Asked(0, stream(100_000, last=Error("overloaded", "It is overloaded.")))
    figures = load_figures([*[Asked(0, stream(100_000))] * 19, failed], 2.0, {})
    assert figures["load_failed"] == 1
    assert figures["load_output_tokens"] == 190 / 2
    assert "load_goodput" not in figures
    few = load_figures([Asked(0, stream(100_000))] * 19, 2.0, {})
    assert "load_first_token_p95" not in few


def test_what_failed_or_was_cut_off_is_counted_and_gives_no_first_token() -> None:
    failed = [Asked(0, stream(5, last=last)) for last in (Error("overloaded", "It is overloaded."), End("truncated"))]
    figures = load_figures([*failed * 5, *[Asked(0, stream(100_000))] * 3], 2.0, {})
    assert (figures["load_failed"], figures["load_first_token_p50"]) == (10, 100_000)


async def test_a_generator_that_does_not_keep_up_is_said_and_its_delay_is_counted() -> None:
    this = asking(FakeTime(late=0.2))
    taken = await OpenLoop(requests=50, rate=10).run(this)
    assert taken.figures["load_late"] > 10
    assert taken.figures["load_first_token_p50"] > 400_000 + LATE_US
    said = OpenLoop().sentences("a", [Trial(1, 0, figures=taken.figures, calls=50)])
    assert len(said) == 1
    assert "of 50 requests began more than 50 ms late" in said[0]
    assert "did not keep up" in said[0]
    kept = await OpenLoop(requests=50, rate=10).run(asking(FakeTime()))
    assert kept.figures["load_late"] == 0
    assert OpenLoop().sentences("a", [Trial(1, 0, figures=kept.figures, calls=50)]) == []


async def test_what_fails_is_counted_and_only_when_all_do_the_run_has() -> None:
    bad = Recording(Header("a/m", {}, 1.0), stream(5, last=Error("overloaded", "It is overloaded.")))
    starts = iter([recorded, lambda **request: tw.load(bad), recorded])
    taken = await ClosedLoop(requests=3, users=1).run(asking(FakeTime(late=1), lambda **request: next(starts)()))
    assert taken.failures == {}
    assert taken.figures["load_failed"] == 1
    trial = Trial(1, 0, figures=taken.figures, calls=3, entries=stream(5), further=(bad.entries, stream(5)))
    assert ClosedLoop().sentences("a", [trial]) == ["a: 1 of 3 requests failed, most often: It is overloaded."]
    none = await ClosedLoop(requests=2, users=1).run(asking(FakeTime(), lambda **request: tw.load(bad)))
    assert none.failures == {"": "every request failed: It is overloaded."}
