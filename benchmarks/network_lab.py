"""What lost packets do to a stream over each transport: the table of the network lab, from real packets.

    python benchmarks/network_lab.py [--seconds 25] [--runs 3] [--page] [--save]

For each loss, independent and in bursts, several runs go side by side, each with two networks of its own, its own link and its own seed;
in a run one stream is read over every lane at once. The rows pool the runs of a link. See `tokenwidgets/lab/tun.py`.

The link itself is checked: its loss and its round-trip time by pings, against what was asked; and its way to lose packets against the
kernel's: a link that only delays, while the packet filter of each end (nft, iptables or tc, whichever is there) drops the same share.

With `--page` the client is Chromium, inside the client's network, with the transports of the page (js/src/lib), at 0 and 5 %.
With `--save` the tables go to `results/network_lab.md`, or `network_lab_page.md`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tokenwidgets.lab.base import LANES, Impairment, Lane, Plan  # noqa: E402
from tokenwidgets.lab.link import in_words  # noqa: E402
from tokenwidgets.lab.namespace import DEVICE, users  # noqa: E402
from tokenwidgets.lab.rows import Row, Seen, ratio, rows, table  # noqa: E402
from tokenwidgets.lab.tun import Tun, TunRun  # noqa: E402

RESULTS = HERE / "results"
RATE = 25.0
LINKS = tuple(Impairment(loss, burst) for burst in (1.0, 4.0) for loss in (0.0, 0.01, 0.03, 0.05) if loss or burst == 1)
PAGE_LINKS = (Impairment(0.0), Impairment(0.05))
CHECKED = Impairment(0.05)
PINGS, PING_GAP = 1500, 0.01
SAVED = 0.6
"""How much below SSE's the loss-tolerant channel's stall ratio must be (Eloquent: 71 % below retransmission)."""


async def one(tun: Tun, plan: Plan, filtered: str = "") -> Seen:
    """Carry a run out; with a packet filter, in the kernels' stead of the link's own loss."""
    run = await tun.run(plan)
    seen = Seen(run.about)
    try:
        if filtered:
            for process in (run.source, run.client):
                drop(process.pid, filtered, CHECKED.loss)
            run.about["loss_model"] = f"{CHECKED.loss * 100:g} % dropped by the kernel ({filtered})"
        async for report in run:
            seen.take(report)
    finally:
        await run.close()
    return seen


async def cell(tun: Tun, impairment: Impairment, given: argparse.Namespace, filtered: str = "") -> list[Row]:
    """The rows of a link."""
    tokens = round(given.seconds * RATE)
    plans = [Plan(tuple(LANES), tokens, RATE, impairment, seed) for seed in range(1, given.runs + 1)]
    found = rows(await asyncio.gather(*(one(tun, plan, filtered) for plan in plans)))
    print(f"\n{found[0].about['loss_model']}\n{table(found)}", flush=True)
    return found


# ---- the link itself


def filter_here() -> str:
    """The program of the kernel's packet filter that is here, or nothing."""
    return next((name for name in ("nft", "iptables", "tc") if shutil.which(name)), "")


def drop(pid: int, program: str, share: float) -> None:
    """Have the kernel drop a share of what comes to a process' network."""
    limit = round(share * 2**32)
    commands = {
        "nft": [
            "nft add table ip lab",
            "nft add chain ip lab input { type filter hook input priority 0 ; }",
            f"nft add rule ip lab input iifname {DEVICE} numgen random mod 100000 < {round(share * 100000)} drop",
        ],
        "iptables": [f"iptables -A INPUT -i {DEVICE} -m statistic --mode random --probability {share} -j DROP"],
        # Classic BPF: a random number (SKF_AD_RANDOM), compared with the share; 2 is TC_ACT_SHOT, -1 TC_ACT_UNSPEC.
        "tc": [
            f"tc qdisc add dev {DEVICE} clsact",
            f"tc filter add dev {DEVICE} ingress bpf direct-action bytecode",
        ],
    }[program]
    users_of = str(Path(f"/proc/{pid}/ns/user").readlink())
    enter = ["nsenter", f"--net=/proc/{pid}/ns/net", *([f"--user=/proc/{pid}/ns/user"] if users_of != users() else [])]
    for command in commands:
        code = [f"4,32 0 0 4294963256,53 0 1 {limit},6 0 0 4294967295,6 0 0 2"] if command.endswith("bytecode") else []
        subprocess.run([*enter, *command.split(), *code], check=True)


async def pinged(impairment: Impairment) -> str:
    """Loss and round-trip time of a link by pings, beside what was asked for."""
    run: TunRun = await Tun().run(Plan(("ws",), 0, 0.5, impairment))
    try:
        trips = await run.ping(PINGS, PING_GAP)
    finally:
        await run.close()
    back = sorted(trip for trip in trips if trip is not None)
    lost, asked = 1 - len(back) / len(trips), 1 - (1 - impairment.loss) ** 2
    rtt = f"{median(back) / 1000:.2f} ms median, {back[len(back) * 99 // 100] / 1000:.2f} ms p99 ({2 * impairment.delay_ms:g} asked)"
    return f"{in_words(impairment)}: {len(trips)} pings, {lost:.2%} lost ({asked:.2%} asked, both ways), {rtt}"


# ---- what must be shown


def of(found: Sequence[Row], lane: Lane) -> Row:
    return next(row for row in found if row.lane == lane)


def verdicts(cells: dict[str, list[Row]]) -> list[tuple[bool, str]]:
    """What must be shown, and whether it is."""
    told = []
    for words, found in cells.items():
        tolerant, change = of(found, "webrtc"), ratio(of(found, "webrtc"), found)
        if words.startswith(("3 %", "5 %")) and change is not None:
            told.append((change <= -SAVED, f"{words}: the loss-tolerant channel's stall ratio against SSE's is {change:+.0%}"))
        p50, p99 = tolerant.p50_ms or 0, tolerant.p99_ms or 0
        told.append((p99 <= 2 * p50 + 50, f"{words}: its p99 is {p99:.0f} ms, its p50 {p50:.0f} ms"))
        missing = {row.lane: row.missing for row in found if row.missing or row.failed}
        told.append((not missing, f"{words}: missing {missing or 'nothing, on no lane'}"))
    five = cells[in_words(CHECKED)]
    stalls = {lane: of(five, lane).stalls_per_1000 for lane in ("webrtc-ordered", "sse")}
    told.append((stalls["webrtc-ordered"] > stalls["sse"], f"at 5 % stalls per 1,000: {stalls}"))
    return told


async def measured(given: argparse.Namespace) -> tuple[list[str], bool]:
    """The pages' text, and whether all that must be shown is."""
    tun = Tun(client=str(HERE / "network_lab_page.py")) if given.page else Tun()
    cells = {in_words(link): await cell(tun, link, given) for link in (PAGE_LINKS if given.page else LINKS)}
    parts = [table([row for found in cells.values() for row in found])]
    if not given.page:
        pings = [await pinged(link) for link in (LINKS[0], CHECKED)]
        parts += ["## The link itself", "\n".join(f"* {line}" for line in pings), await by_kernel(tun, given)]
    told = verdicts(cells)
    parts += ["## What must be shown", "\n".join(f"* {'yes' if good else '**no**'}: {words}" for good, words in told)]
    late = [row.about["late_us"] for found in cells.values() for row in found]
    parts.append(f"The emulator's own lateness: p99 up to {max(each['p99'] for each in late) / 1000:.1f} ms.")
    return parts, all(good for good, _ in told)


async def by_kernel(tun: Tun, given: argparse.Namespace) -> str:
    """The same share dropped by the kernel itself."""
    program = filter_here()
    if not program or not shutil.which("nsenter"):
        return "The kernel's packet filter could not be tried: none of nft, iptables and tc is here, or nsenter is not."
    text = table(await cell(tun, Impairment(), given, program))
    return f"The link only delays, and {program} drops {CHECKED.loss * 100:g} % of the packets that come to each end:\n\n{text}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=25, help="length of a run's stream")
    parser.add_argument("--runs", type=int, default=3, help="runs of a link, side by side")
    parser.add_argument("--page", action="store_true", help="the client is Chromium")
    parser.add_argument("--save", action="store_true")
    given = parser.parse_args()
    if why := Tun().why_not():
        sys.exit(why)
    before = os.getloadavg()[0]
    parts, good = asyncio.run(measured(given))
    name = "network_lab_page" if given.page else "network_lab"
    how = f"{given.runs} runs of {given.seconds:g} s at {RATE:g} tokens a second a link, side by side; 50 ms one way"
    head = f"# Lost packets, lane by lane{', in Chromium' if given.page else ''}"
    command = f"`python benchmarks/network_lab.py{' --page' if given.page else ''} --seconds {given.seconds:g} --runs {given.runs} --save`"
    where = f"{date.today()}, Linux {os.uname().release}, {os.cpu_count()} cores, load {before:.1f} before"
    text = "\n\n".join([head, f"{command}, {where}. {how}.", *parts]) + "\n"
    print(text)
    if given.save:
        (RESULTS / f"{name}.md").write_text(text)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
