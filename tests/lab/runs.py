"""Running plans for tests."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tokenwidgets.lab.base import Plan, Report, Run
from tokenwidgets.lab.relay import Relay
from tokenwidgets.lab.tun import Tun


async def carried_out(backend: Tun | Relay, plan: Plan) -> tuple[Run, list[Report]]:
    """A run to its end, and all that it reported."""
    run = await backend.run(plan)
    try:
        return run, [report async for report in run]
    finally:
        await run.close()


async def gone(pids: list[int]) -> None:
    """Return when none of the processes is there any more."""
    while any(alive(pid) for pid in pids):
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
