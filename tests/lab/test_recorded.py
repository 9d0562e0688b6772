"""A recording shows a run again: the same reports, with the same timing, said to be recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenwidgets.errors import Refused
from tokenwidgets.lab.base import Ended, Given, Impairment, Packet, Plan, Report, Shown
from tokenwidgets.lab.recorded import RECORDINGS, Recorded, Recording, recordings, write
from tokenwidgets.lab.rows import Seen, rows

ABOUT = {"backend": "tun", "congestion_control": "cubic", "rate": 25.0, "seed": 3, "rtt_ms": 100.0, "loss_model": "5 % lost independently"}
REPORTS: list[Report] = [
    Given(2, 40_000, "sse "),
    Packet("sse", True, 120, 40_100, 90_100),
    Packet("ws", True, 120, 40_200, 40_200, "loss"),
    Shown("sse", 2, 90_300),
    Given(3, 80_000, "ö"),
    Shown("ws", 2, 290_000),
    Ended("ws", 300_000, "it went away"),
    Ended("sse", 310_000),
]
FIVE = Impairment(loss=0.05)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.ns = 0

    async def sleep(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)

    def now(self) -> int:
        return self.ns


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write(tmp_path / "five.jsonl.gz", ABOUT, FIVE, REPORTS)
    return tmp_path


async def test_it_is_shown_again_as_it_was_and_when(directory: Path) -> None:
    time = Time()
    run = await Recorded(directory, time.sleep, time.now).run(Plan(lanes=("sse", "ws"), impairment=FIVE))
    got = []
    async for report in run:
        got.append(report)
        assert time.ns // 1000 == report.at
    assert got == sorted(REPORTS, key=lambda report: report.at)
    assert run.about["backend"] == "recorded"
    assert run.about["recorded_from"] == "tun"


async def test_how_much_was_lost_in_all_is_told_at_the_end_and_not_before(tmp_path: Path) -> None:
    write(tmp_path / "five.jsonl.gz", {**ABOUT, "packets": {"sse": 40}, "drops": {"sse": 2}}, FIVE, REPORTS)
    time = Time()
    run = await Recorded(tmp_path, time.sleep, time.now).run(Plan(lanes=("sse", "ws"), impairment=FIVE))
    async for _ in run:
        assert "drops" not in run.about
    assert run.about["drops"] == {"sse": 2}


async def test_lanes_that_are_not_asked_for_are_left_out(directory: Path) -> None:
    time = Time()
    run = await Recorded(directory, time.sleep, time.now).run(Plan(lanes=("ws",), impairment=FIVE))
    assert {report.lane for report in [r async for r in run] if not isinstance(report, Given)} == {"ws"}


async def test_what_was_not_recorded_is_refused_with_what_there_is(directory: Path) -> None:
    with pytest.raises(Refused, match="5 % lost independently, 50 ms"):
        await Recorded(directory).run(Plan(impairment=Impairment(loss=0.5)))
    run = await Recorded(directory).run(Plan(impairment=FIVE))
    with pytest.raises(Refused, match="cannot be changed"):
        run.change(Impairment())


async def test_a_closed_run_ends(directory: Path) -> None:
    time = Time()
    run = await Recorded(directory, time.sleep, time.now).run(Plan(lanes=("sse", "ws"), impairment=FIVE))
    got = []
    async for report in run:
        got.append(report)
        await run.close()
    assert len(got) == 1


def test_what_is_shipped_is_small_dated_and_whole() -> None:
    shipped = recordings()
    if not shipped:
        pytest.skip("No recordings are there yet: benchmarks/make_lab_recordings.py makes them.")
    assert sum(path.stat().st_size for path in RECORDINGS.glob("*")) <= 150_000
    for recording in shipped:
        assert recording.about["date"]
        assert whole(recording), recording.about["loss_model"]


def whole(recording: Recording) -> bool:
    found = rows([Seen.of(recording.about, recording.reports())])
    return len(found) >= 4 and all(row.missing == 0 and row.tokens >= 200 for row in found)
