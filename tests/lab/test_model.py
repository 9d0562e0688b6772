"""What the simulation shows: every lane brings everything, and each loses time in its own way."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tokenwidgets.errors import Refused
from tokenwidgets.events import Entry
from tokenwidgets.lab.base import LANES, Ended, Given, Impairment, Lane, Packet, Plan, Report, Shown
from tokenwidgets.lab.link import Link
from tokenwidgets.lab.model import Model, Simulation, simulate
from tokenwidgets.lab.model import simulation as module
from tokenwidgets.lab.rows import Row, Seen, rows
from tokenwidgets.lab.running import LATE_SECONDS

ALL = tuple(LANES)
DELAY = 50_000


class Scripted:
    """A link that does what is written to the first packets of each lane: their delay in µs, or None for those it loses."""

    def __init__(self, fates: Sequence[int | None] = (), but: frozenset[int] = frozenset()) -> None:
        self._fates = fates
        self._but = but
        self.count: dict[str, int] = {}

    def fate(self, now: int, size: int, flow: str = "") -> tuple[int | None, Any]:
        number = self.count[flow] = self.count.get(flow, -1) + 1
        delay = self._fates[number] if number < len(self._fates) else DELAY
        return (None, "loss") if delay is None or number in self._but else (now + delay, None)

    def change(self, impairment: Impairment) -> None:
        pass


def scripted(plan: Plan, forward: Scripted, back: Scripted | None = None) -> list[Report]:
    return Simulation(plan, (forward, back or Scripted())).finish()


def figures(plans: Sequence[Plan]) -> dict[Lane, Row]:
    seen = []
    for plan in plans:
        simulation = Simulation(plan)
        reports = simulation.finish()
        seen.append(Seen.of(simulation.about, reports))
    return {row.lane: row for row in rows(seen)}


def shown(reports: Sequence[Report], lane: Lane) -> list[int]:
    return [report.seq for report in reports if isinstance(report, Shown) and report.lane == lane]


def ended(reports: Sequence[Report], lane: Lane) -> Ended:
    (end,) = [report for report in reports if isinstance(report, Ended) and report.lane == lane]
    return end


def test_without_loss_every_lane_shows_every_token_after_the_delay() -> None:
    found = figures([Plan(ALL, 100, 25, Impairment(delay_ms=80))])
    assert set(found) == set(ALL)
    for row in found.values():
        assert (row.missing, row.failed, row.p50_ms, row.max_ms, row.stalls) == (0, "", 80, 80, 0)


def test_a_slow_line_holds_back_what_it_has_no_room_for() -> None:
    found = figures([Plan(("sse",), 100, 25, Impairment(kbit_s=64))])
    assert (found["sse"].p50_ms or 0) == pytest.approx(50 + 148 * 8 / 64, abs=2)


def test_a_narrow_line_is_not_filled_by_what_is_repeated() -> None:
    found = figures([Plan(("webrtc",), 625, 25, Impairment(kbit_s=64))])
    assert (found["webrtc"].missing, found["webrtc"].failed) == (0, "")
    assert (found["webrtc"].p50_ms or 0) < 500


def test_a_burst_of_losses_is_over_sooner_as_more_packets_are_sent() -> None:
    found = figures([Plan(("webrtc",), 625, 25, Impairment(0.05, burst=4), seed) for seed in range(1, 7)])
    assert found["webrtc"].missing == 0
    assert (found["webrtc"].p99_ms or 0) < 2 * 50 + 50


def test_a_line_that_brings_the_rest_for_longer_than_its_patience_is_waited_for() -> None:
    found = figures([Plan(("sse", "ws"), 1500, 100, Impairment(kbit_s=16))])
    for row in found.values():
        assert (row.missing, row.failed) == (0, "")
        assert (row.max_ms or 0) > 1000 * LATE_SECONDS


def test_a_cut_line_is_given_up_some_time_after_the_end() -> None:
    found = figures([Plan(("sse",), 20, 100, Impairment(cut=True))])
    assert found["sse"].failed == "it brought nothing for 30 s after the end"


def test_another_delay_is_named_where_it_is_not_the_first() -> None:
    simulation = Simulation(Plan(("sse",), 20, 25, Impairment(0.05)))
    simulation.change(Impairment(0.05, delay_ms=400), 100_000)
    simulation.change(Impairment(0.05), 200_000)
    words = "5 % lost independently"
    assert simulation.about["loss_model"] == f"{words}; then {words}, round trip 800 ms; then {words}"


@pytest.mark.parametrize(("lane", "least", "most"), [("sse", 200, 500), ("webrtc-ordered", 1000, 1200), ("webrtc", 60, 250)])
def test_a_lost_last_packet_waits_for_tcps_probe_or_sctps_timer_or_our_resending(lane: Lane, least: float, most: float) -> None:
    plan = Plan((lane,), 20, 25)
    whole = scripted(plan, forward := Scripted())
    # The end is the last event the server sends of itself; of the data channel what follows are acknowledgements.
    end = next(i for i, p in enumerate(p for p in whole if isinstance(p, Packet) and p.forward) if p.at >= 21 * 40_000)
    assert forward.count[lane] >= end
    late = ended(scripted(plan, Scripted(but=frozenset({end}))), lane).at - ended(whole, lane).at
    assert least <= late / 1000 <= most


def test_one_lost_packet_in_mid_stream_costs_each_lane_what_its_recovery_takes() -> None:
    def worst(lane: Lane) -> float:
        reports = scripted(Plan((lane,), 40, 25), Scripted(but=frozenset({10 if lane != "webrtc" else 20})))
        given = {report.seq: report.at for report in reports if isinstance(report, Given)}
        return max(report.at - given[report.seq] for report in reports if isinstance(report, Shown)) / 1000

    assert worst("sse") == worst("ws") == 190  # the next token's acknowledgement, then once more along the link: 40 + 100 + 50
    assert worst("webrtc-ordered") == worst("webrtc-unordered") == 270  # two tokens later
    assert worst("webrtc") == 90  # with the next token


def test_what_is_never_sent_again_does_not_hold_the_window_for_sctps_second() -> None:
    reports = scripted(Plan(("webrtc",), 60, 25), Scripted(but=frozenset(range(20, 32))))
    given = {report.seq: report.at for report in reports if isinstance(report, Given)}
    assert max(report.at - given[report.seq] for report in reports if isinstance(report, Shown)) < 600_000


FATES = st.lists(st.one_of(st.none(), st.integers(1_000, 250_000)), max_size=40)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(forward=FATES, back=FATES, rate=st.sampled_from([5.0, 25.0, 150.0]))
def test_whatever_is_lost_or_overtaken_everything_arrives_in_order_exactly_once(
    forward: list[int | None], back: list[int | None], rate: float
) -> None:
    reports = scripted(Plan(ALL, 15, rate), Scripted(forward), Scripted(back))
    for lane in ALL:
        if not ended(reports, lane).failed:
            assert shown(reports, lane) == list(range(1, 16)), lane
        else:  # so much was lost that TCP's timer had grown beyond the wait
            assert sum(fate is None for fate in forward + back) > 6
            assert shown(reports, lane) == list(range(1, 1 + len(shown(reports, lane))))


@pytest.mark.parametrize("impairment", [Impairment(0.2, jitter_ms=60), Impairment(0.05, burst=3), Impairment(kbit_s=300, loss=0.02)])
def test_everything_arrives_over_links_that_do_several_things_at_once(impairment: Impairment) -> None:
    reports = simulate(Plan(ALL, 60, 25, impairment, seed=3))
    for lane in ALL:
        assert shown(reports, lane) == list(range(1, 61))


def test_the_same_seed_gives_the_same_reports_and_another_others() -> None:
    plans = [Plan(ALL, 40, 25, Impairment(0.1, jitter_ms=20), seed) for seed in (1, 1, 2)]
    one, again, other = (simulate(plan) for plan in plans)
    assert one == again
    assert one != other


MEASURED: dict[Lane, tuple[float, float]] = {"sse": (50, 393), "webrtc-ordered": (50, 351), "webrtc": (50, 91)}
"""p50 and p99 in ms of 7,500 tokens each over real packets at 5 % and 25 tokens a second, one way 50 ms, on a quiet machine."""


def test_at_five_per_cent_the_default_data_channel_stalls_most_and_the_loss_tolerant_one_not_at_all() -> None:
    lanes: tuple[Lane, ...] = ("sse", "webrtc-ordered", "webrtc")
    found = figures([Plan(lanes, 500, 25, Impairment(0.05), seed) for seed in (1, 2)])
    sse, tolerant = found["sse"], found["webrtc"]
    assert found["webrtc-ordered"].stalls > 1.5 * sse.stalls > 0
    assert tolerant.stalls == 0
    assert tolerant.stall_ratio is not None
    assert sse.stall_ratio is not None
    assert tolerant.stall_ratio < 0.4 * sse.stall_ratio
    assert all(row.missing == 0 for row in found.values())
    for lane, (p50, p99) in MEASURED.items():
        assert found[lane].p50_ms == pytest.approx(p50, rel=0.25)
        assert p99 / 2 <= (found[lane].p99_ms or 0) <= 2 * p99


def test_a_run_says_that_it_is_simulated_and_how_and_what_was_lost() -> None:
    simulation = Simulation(Plan(("sse", "webrtc"), 100, 25, Impairment(0.1), 7))
    assert (simulation.about["backend"], simulation.about["simulated"]) == ("model", True)
    assert (simulation.about["congestion_control"], simulation.about["rtt_ms"], simulation.about["seed"]) == ("cubic", 100, 7)
    assert "200 ms" in str(simulation.about["tcp"])
    packets = [report for report in simulation.finish() if isinstance(report, Packet)]
    for name, counted in (("packets", packets), ("drops", [packet for packet in packets if packet.lost])):
        assert simulation.about[name] == {lane: sum(packet.lane == lane for packet in counted) for lane in ("sse", "webrtc")}


def test_packets_are_as_large_as_real_ones() -> None:
    packets = [report for report in simulate(Plan(("sse",), 3)) if isinstance(report, Packet)]
    assert {packet.size for packet in packets if not packet.forward} == {52}  # as seen on `tun`
    assert 140 <= packets[0].size <= 155


def test_a_link_that_brings_nothing_ends_the_lanes_and_says_why() -> None:
    reports = simulate(Plan(ALL, 5, 25, Impairment(1.0)))
    assert all("30 s" in ended(reports, lane).failed for lane in ALL)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(Refused, match="without an end"):
        simulate(Plan(tokens=0))
    with pytest.raises(Refused, match="rate"):
        Simulation(Plan(rate=0))
    with pytest.raises(Refused, match="loss"):
        Simulation(Plan()).change(Impairment(2), 0)


def test_an_endless_run_keeps_nothing_of_what_was_shown() -> None:
    simulation = Simulation(Plan(ALL, 0, 100, Impairment(0.03)))
    simulation.advance(1_000_000)
    before = entries_alive()
    given = sum(isinstance(report, Given) for report in simulation.advance(6_000_000))
    assert given == 500
    assert entries_alive() - before < 150


def entries_alive() -> int:
    gc.collect()
    return sum(isinstance(each, Entry) for each in gc.get_objects())


def test_a_lane_that_falls_too_far_behind_an_endless_stream_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BEHIND", 30)
    simulation = Simulation(Plan(("sse", "webrtc"), 0, 25, Impairment(cut=True)))
    reports = simulation.advance(3_000_000)
    assert "30 events behind" in ended(reports, "sse").failed
    assert "30 events behind" in ended(reports, "webrtc").failed
    assert simulation.next is None


class Time:
    """A clock that goes on only by sleeping."""

    now = 0

    def clock(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += max(1000, round(seconds * 1e9))
        await asyncio.sleep(0)


async def test_a_cable_that_is_cut_and_mended_in_mid_run_delays_and_loses_nothing() -> None:
    time = Time()
    run = await Model(time.clock, time.sleep).run(Plan(("sse", "webrtc-ordered", "webrtc"), 60))
    reports = []
    async for report in run:
        reports.append(report)
        assert report.at <= time.now // 1000
        if isinstance(report, Given) and report.seq in (20, 35):
            run.change(Impairment(cut=report.seq == 20))
    assert run.about["loss_model"] == "no loss; then no loss, cut; then no loss"
    assert "drops" in run.about
    cut, mended = (next(r.at for r in reports if isinstance(r, Given) and r.seq == seq) for seq in (20, 35))
    assert not [r for r in reports if isinstance(r, Shown) and cut + DELAY + 60_000 < r.at < mended]
    assert any(r.lost == "cut" for r in reports if isinstance(r, Packet))
    for lane in ("sse", "webrtc-ordered", "webrtc"):
        assert shown(reports, lane) == list(range(1, 61))


async def test_an_endless_run_goes_on_until_it_is_closed() -> None:
    time = Time()
    run = await Model(time.clock, time.sleep).run(Plan(("ws",), 0))
    seen = 0
    async for report in run:
        seen += isinstance(report, Shown)
        if seen == 300:
            await run.close()
    assert seen >= 300


def test_the_link_is_that_of_the_other_backends() -> None:
    """The n-th packet of a lane is lost here where it is lost there, as long as the lane sends the same."""
    plan = Plan(("sse",), 30, 25, Impairment(0.2), 11)
    sent = [report for report in simulate(plan) if isinstance(report, Packet) and report.forward]
    link = Link(plan.impairment, 2 * plan.seed)
    assert [packet.lost for packet in sent] == [link.fate(packet.at, packet.size, "sse")[1] for packet in sent]
