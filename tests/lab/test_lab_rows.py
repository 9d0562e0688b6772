"""A lane's figures from reports, and what may stand in one table."""

from __future__ import annotations

import pytest

from tokenwidgets.errors import Refused
from tokenwidgets.lab.base import Ended, Given, Report, Shown
from tokenwidgets.lab.reports import pack, unpack
from tokenwidgets.lab.rows import Seen, ratio, rows, table

ABOUT = {"backend": "tun", "congestion_control": "cubic", "rtt_ms": 100.0, "loss_model": "5 % lost independently", "seed": 1, "rate": 25.0}


def even(count: int) -> list[Report]:
    """A token each 40 ms."""
    return [Given(i, i * 40_000, "a ") for i in range(count)]


def shown(lane: str, delays: list[int]) -> list[Report]:
    return [Shown(lane, i, i * 40_000 + delay) for i, delay in enumerate(delays)]  # type: ignore[arg-type]


def test_a_lane_that_waits_for_nothing_has_no_stalls() -> None:
    (row,) = rows([Seen.of(ABOUT, [*even(100), *shown("sse", [50_000] * 100)])])
    assert (row.p50_ms, row.p95_ms, row.p99_ms, row.max_ms) == (50, 50, 50, 50)
    assert (row.stalls, row.stall_ratio, row.missing, row.tokens) == (0, 0, 0, 100)


def test_a_stall_is_what_its_reader_waits_beyond_the_sources_own_pace() -> None:
    delays = [50_000] * 10 + [290_000, 250_000, 210_000, 170_000, 130_000, 90_000] + [50_000] * 5
    (row,) = rows([Seen.of(ABOUT, [*even(21), *shown("webrtc", delays)])])
    assert row.stalls == 1
    assert row.stalls_per_1000 == pytest.approx(1000 / 21, abs=0.01)
    assert row.stall_ratio == pytest.approx(240 / 800, abs=1e-4)  # a gap of 280 ms where 40 were the pace, in 800 ms


def test_a_pause_of_the_source_is_no_waiting_of_the_lanes() -> None:
    given: list[Report] = [Given(0, 0, "a"), Given(1, 40_000, "b"), Given(2, 540_000, "c"), Given(3, 580_000, "d")]
    seen = [Shown("sse", report.seq, report.at + 50_000) for report in given if isinstance(report, Given)]
    assert rows([Seen.of(ABOUT, [*given, *seen])])[0].stall_ratio == 0


def test_a_wait_that_goes_on_is_a_stall_though_nothing_ends_it() -> None:
    """The cable is cut after ten tokens, and the run stopped while it is."""
    (row,) = rows([Seen.of(ABOUT, [*even(100), *shown("sse", [50_000] * 10)])])
    assert (row.stalls, row.missing) == (1, 90)
    assert row.stall_ratio is not None
    assert row.stall_ratio > 0.8


def test_what_is_only_on_its_way_is_no_wait() -> None:
    (row,) = rows([Seen.of(ABOUT, [*even(100), *shown("sse", [50_000] * 98)])])
    assert (row.stalls, row.stall_ratio, row.missing) == (0, 0, 2)


def test_a_slow_source_does_not_make_its_readers_stall() -> None:
    given: list[Report] = [Given(i, i * 500_000, "a ") for i in range(20)]
    seen = [Shown("sse", i, i * 500_000 + 50_000 + (600_000 if i == 9 else 0)) for i in range(20)]
    assert rows([Seen.of(ABOUT, [*given, *seen])])[0].stalls == 1


def test_missing_tokens_and_lanes_that_gave_up_are_told() -> None:
    seen = Seen.of(ABOUT, [*even(10), *shown("sse", [50_000] * 8), Ended("ws", 5, "no way"), Ended("sse", 9)])
    sse, ws = rows([seen])
    assert (sse.missing, sse.failed) == (2, "")
    assert (ws.missing, ws.failed, ws.p50_ms) == (10, "no way", None)


def test_runs_alike_are_one_row_with_all_their_seeds_and_drops() -> None:
    runs = [
        Seen.of(ABOUT | {"seed": seed, "drops": {"sse": 2}, "packets": {"sse": 40}}, [*even(60), *shown("sse", [50_000 + seed] * 60)])
        for seed in (1, 2)
    ]
    (row,) = rows(runs)
    assert (row.tokens, row.about["seed"], row.about["drops"], row.about["packets"]) == (120, "1, 2", 4, 80)
    with pytest.raises(Refused, match="loss_model"):
        rows([runs[0], Seen.of(ABOUT | {"loss_model": "no loss"}, even(2))])


def test_a_table_says_where_each_row_is_from_and_compares_with_sse() -> None:
    waits = [50_000] * 30 + [130_000] * 30
    seen = Seen.of(ABOUT, [*even(60), *shown("sse", [50_000] * 30 + [450_000] * 30), *shown("webrtc", waits)])
    found = rows([seen])
    change = ratio(found[1], found)
    assert change is not None
    assert -0.85 < change < -0.75
    text = table(found)
    assert text.count("| tun | cubic | 100.0 | 5 % lost independently | 1 |") == 2
    assert f"{change:+.0%}" in text


def test_backends_are_never_mixed_in_a_table() -> None:
    both = [rows([Seen.of(ABOUT | {"backend": name}, [*even(30), *shown("sse", [50_000] * 30)])])[0] for name in ("tun", "model")]
    with pytest.raises(Refused, match="model and tun"):
        table(both)


@pytest.mark.parametrize("report", [Given(1, 2, "ö"), Shown("ws", 1, 2), Ended("sse", 3, "why")])
def test_reports_survive_json(report: Report) -> None:
    assert unpack(pack(report)) == report
