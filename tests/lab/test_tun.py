"""Real packets are lost between two networks of this machine, the kernel's own TCP recovers them, and nothing stays behind."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from runs import carried_out, gone

from tokenwidgets.errors import Refused
from tokenwidgets.lab.base import LANES, Ended, Impairment, Packet, Plan, Report, Shown
from tokenwidgets.lab.emulator import TCP, UDP, ports
from tokenwidgets.lab.rows import Row, Seen, rows
from tokenwidgets.lab.tun import Tun, TunRun

SECONDS = 8
WHY_NOT = Tun().why_not()
needs_networks = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
LOSSES = (0.0, 0.05)


@pytest.fixture(scope="module")
def both() -> dict[float, tuple[Seen, list[Report]]]:
    """Every lane at once, without loss and with 5 %, both at the same time."""

    async def run() -> dict[float, tuple[Seen, list[Report]]]:
        plans = [Plan(tuple(LANES), tokens=25 * SECONDS, impairment=Impairment(loss=loss)) for loss in LOSSES]
        done = await asyncio.gather(*(carried_out(Tun(), plan) for plan in plans))
        return {loss: (Seen.of(run.about, reports), reports) for loss, (run, reports) in zip(LOSSES, done, strict=True)}

    return asyncio.run(run())


def row(both: dict[float, tuple[Seen, list[Report]]], loss: float, lane: str) -> Row:
    return next(row for row in rows([both[loss][0]]) if row.lane == lane)


@needs_networks
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("lane", LANES)
def test_every_lane_shows_the_whole_stream_in_order_once(both: dict[float, tuple[Seen, list[Report]]], loss: float, lane: str) -> None:
    found, reports = both[loss]
    assert [report for report in reports if isinstance(report, Ended) and report.lane == lane and not report.failed]
    assert [seq for seq, _ in found.shown[lane]] == list(found.given)  # type: ignore[index]
    assert len(found.given) == 25 * SECONDS


@needs_networks
def test_nothing_is_shown_sooner_than_the_link_can_carry_it(both: dict[float, tuple[Seen, list[Report]]]) -> None:
    for found, _ in both.values():
        assert all(at - found.given[seq] >= 50_000 for shown in found.shown.values() for seq, at in shown)


@needs_networks
def test_packets_are_lost_as_asked_and_told_by_lane_and_direction(both: dict[float, tuple[Seen, list[Report]]]) -> None:
    for loss, (found, reports) in both.items():
        packets = [report for report in reports if isinstance(report, Packet)]
        lost = [packet for packet in packets if packet.lost]
        assert {packet.lane for packet in packets} == set(LANES)
        assert {packet.forward for packet in packets} == {True, False}
        assert 0.5 * loss <= len(lost) / len(packets) <= 2 * loss
        assert {packet.lost for packet in lost} <= {"loss"}
        assert sum(found.about["drops"].values()) == len(lost)
        assert all(packet.to - packet.at == 50_000 for packet in packets if not packet.lost)


@needs_networks
def test_under_loss_the_loss_tolerant_channel_waits_least(both: dict[float, tuple[Seen, list[Report]]]) -> None:
    tolerant, sse, ordered = (row(both, 0.05, lane) for lane in ("webrtc", "sse", "webrtc-ordered"))
    assert tolerant.stall_ratio is not None
    assert sse.stall_ratio is not None
    assert ordered.stall_ratio is not None
    assert tolerant.stall_ratio < sse.stall_ratio
    assert tolerant.stall_ratio < ordered.stall_ratio
    assert tolerant.stalls <= sse.stalls < ordered.stalls


@needs_networks
def test_a_row_says_what_it_was_measured_with(both: dict[float, tuple[Seen, list[Report]]]) -> None:
    about = row(both, 0.05, "sse").about
    assert about["backend"] == "tun"
    assert about["congestion_control"] in Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    assert (about["rtt_ms"], about["loss_model"], about["seed"]) == (100.0, "5 % lost independently", "1")
    assert about["late_us"]["p50"] >= 0


@needs_networks
async def test_a_cable_that_is_cut_and_healed_loses_no_token_and_a_client_that_dies_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    plan = Plan(("ws",), tokens=0, rate=50, impairment=Impairment(delay_ms=10))
    run = await Tun().run(plan)
    pids = [process.pid for process in run.processes()]
    found, cut = Seen(run.about), list[Packet]()
    async for report in run:
        found.take(report)
        shown = len(found.shown.get("ws", ()))
        if isinstance(report, Packet) and report.lost == "cut":
            cut.append(report)
            run.change(plan.impairment)
        elif isinstance(report, Shown) and shown == 1:
            run.change(Impairment(delay_ms=10, cut=True))
        elif isinstance(report, Shown) and shown == 60:
            os.kill(run.client.pid, signal.SIGKILL)
    assert cut
    assert "a process of the network lab ended" in found.failed["ws"]
    seqs = [seq for seq, _ in found.shown["ws"]]
    assert seqs == list(found.given)[: len(seqs)]
    await run.close()
    await gone(pids)
    assert not list(tmp_path.glob("tokenwidgets-lab-*"))


@needs_networks
async def test_a_run_whose_program_is_killed_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = """
import asyncio, json, os
from tokenwidgets.lab.base import Plan
from tokenwidgets.lab.tun import Tun, TunRun
async def main():
    run = await Tun().run(Plan(("sse",), tokens=0))
    print(json.dumps([process.pid for process in run.processes()]), flush=True)
    async for report in run:
        pass
asyncio.run(main())
"""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    pids = json.loads(await child.stdout.readline())
    assert len(pids) == 3
    child.kill()
    await child.wait()
    await gone(pids)
    assert not list(tmp_path.glob("tokenwidgets-lab-*"))


@needs_networks
@pytest.mark.skipif(shutil.which("setpriv") is None or os.geteuid() != 0, reason="setpriv, with which root gives up its rights, is missing")
def test_two_networks_need_no_rights_where_user_namespaces_are_allowed() -> None:
    without = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-m", "tokenwidgets.lab.namespace"]
    tried = subprocess.run(without, capture_output=True, text=True, check=False)
    if "user namespaces" in tried.stderr:
        pytest.skip(tried.stderr.strip())
    assert (tried.returncode, tried.stderr) == (0, "")


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (Plan(lanes=()), "lanes"),
        (Plan(lanes=("sse", "sse")), "lanes"),
        (Plan(lanes=("pigeon",)), "lanes"),  # type: ignore[arg-type]
        (Plan(rate=0), "rate"),
        (Plan(tokens=-1), "tokens"),
        (Plan(impairment=Impairment(loss=2)), "loss"),
    ],
)
async def test_a_plan_that_cannot_be_run_is_refused_by_name(plan: Plan, why: str) -> None:
    with pytest.raises(Refused, match=f"'{why}'"):
        await Tun().run(plan)


def test_a_packet_names_its_protocol_and_ports() -> None:
    head = bytes([0x45, 0, 0, 40, 0, 0, 0, 0, 64, TCP, 0, 0, 10, 99, 0, 1, 10, 99, 0, 2])
    assert ports(head + (8801).to_bytes(2) + (50_000).to_bytes(2)) == (TCP, 8801, 50_000)
    options = bytes([0x46, *head[1:9], UDP, *head[10:], 1, 1, 1, 1])
    assert ports(options + (1).to_bytes(2) + (2).to_bytes(2)) == (UDP, 1, 2)
    assert ports(bytes([0x60, *head[1:]])) is None
    assert ports(head[:9] + bytes([1]) + head[10:]) is None
    assert ports(head) is None


@needs_networks
async def test_a_start_that_is_given_up_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = list[int]()
    real = TunRun.begin

    async def begin(run: TunRun) -> None:
        begun.extend(process.pid for process in run.processes())
        starting.cancel()
        await real(run)

    monkeypatch.setattr(TunRun, "begin", begin)
    starting = asyncio.ensure_future(Tun().run(Plan(("sse",))))
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert len(begun) == 3
    await gone(begun)
