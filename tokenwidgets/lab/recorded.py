"""The backend `recorded`: an earlier run of `tun` shown again, as it was and with its own timing, where no packet can be lost.

A recording is JSON lines, compressed: what the run said of itself, then its reports in order, each with the time since the one before.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..errors import Refused
from .base import LANES, Given, Impairment, Lane, Packet, Plan, Report
from .link import from_body, in_words
from .reports import pack, unpack

RECORDINGS = Path(__file__).parent / "recordings"

ORDER = tuple(LANES)


def write(path: Path, about: Mapping[str, Any], impairment: Impairment, reports: Iterable[Report]) -> None:
    """Make a recording of a run that has ended."""
    lines = [json.dumps({"about": {**about, "backend": "recorded", "recorded_from": about["backend"]}, "impairment": asdict(impairment)})]
    before = 0
    for report in sorted(reports, key=lambda report: report.at):
        lines.append(json.dumps(_shift(pack(report), report, before), separators=(",", ":"), ensure_ascii=False))
        before = report.at
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def _shift(body: list[Any], report: Report, before: int) -> list[Any]:
    """A packed report with short numbers: its lane's place, the time since the report before, a packet's time on the link."""
    body[_place(body[0])] = report.at - before
    if not isinstance(report, Given):
        body[1] = ORDER.index(report.lane)
    if isinstance(report, Packet):
        body[5] = report.to - report.at
    return body


def _place(kind: str) -> int:
    """Where a packed report has its instant."""
    return {"given": 2, "shown": 3, "packet": 4, "ended": 2}[kind]


class Recording:
    """One file.

    Parameters
    ----------
    path : see `write`.
    """

    def __init__(self, path: Path) -> None:
        head, *self._lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        body = json.loads(head)
        self.about: dict[str, Any] = body["about"]
        self.impairment = from_body(body["impairment"])

    def reports(self) -> Iterator[Report]:
        """All of them, in order."""
        before = 0
        for line in self._lines:
            body = json.loads(line)
            place = _place(body[0])
            before = body[place] = before + body[place]
            if body[0] == "packet":
                body[5] += before
            if body[0] != "given":
                body[1] = ORDER[body[1]]
            yield unpack(body)


@cache
def recordings(directory: Path = RECORDINGS) -> tuple[Recording, ...]:
    """All that are shipped."""
    return tuple(Recording(path) for path in sorted(directory.glob("*.jsonl.gz")))


class Recorded:
    """See `Backend`.

    Parameters
    ----------
    directory : where the recordings are.
    sleep, now : wait seconds; tell ns.
    """

    name: Literal["recorded"] = "recorded"
    lanes: tuple[Lane, ...] = ORDER

    def __init__(
        self,
        directory: Path = RECORDINGS,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._directory = directory
        self._sleep = sleep
        self._now = now

    def why_not(self) -> str:
        """See `Backend`."""
        return "" if recordings(self._directory) else "No recordings came with this installation: use the backend model."

    async def run(self, plan: Plan) -> RecordedRun:
        """See `Backend`. A recording has the seed and the length that it has."""
        found = next((each for each in recordings(self._directory) if each.impairment == plan.impairment), None)
        if found is None or plan.rate != found.about["rate"]:
            there = "; ".join(f"{in_words(r.impairment)}, {r.impairment.delay_ms:g} ms" for r in recordings(self._directory))
            raise Refused("bad_request", f"There is no recording of such a link. At 25 tokens a second there is: {there or 'none'}.")
        return RecordedRun(found, plan, self._sleep, self._now)


class RecordedRun:
    """See `Run`."""

    def __init__(self, recording: Recording, plan: Plan, sleep: Callable[[float], Awaitable[object]], now: Callable[[], int]) -> None:
        self.about: dict[str, object] = {name: value for name, value in recording.about.items() if name not in ("packets", "drops")}
        self._recording = recording
        self._plan = plan
        self._sleep = sleep
        self._now = now
        self._closed = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Report]:
        """See `Run`."""
        began = self._now()
        for report in self._recording.reports():
            if not isinstance(report, Given) and report.lane not in self._plan.lanes:
                continue
            if (wait := report.at / 1e6 - (self._now() - began) / 1e9) > 0:
                await self._sleep(wait)
            if self._closed.is_set():
                return
            yield report
        self.about.update(self._recording.about)

    def change(self, impairment: Impairment) -> None:
        """See `Run`. Raises `Refused`: what was recorded stays as it was."""
        raise Refused("bad_request", "A recording cannot be changed: start another one, or use the backend tun or model.")

    async def close(self) -> None:
        """See `Run`."""
        self._closed.set()
