"""What a run reports, gathered for a page: a message for each moment, and all of it at once for a page that missed one. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from .base import Given, Lane, Packet, Report, Shown

PACKETS = 40
"""Packets of one message; of more every second, third, … is told."""

TOKENS_KEPT = 300
"""Tokens that a page which comes late still gets, to show the end of each lane's text."""

LOST = (None, "loss", "queue", "cut")
"""Why a packet does not arrive, by number."""


class Batch:
    """Gathers reports.

    Parameters
    ----------
    run : number of the run, so that a page tells it from the one before.
    lanes : what numbers of lanes mean.
    """

    def __init__(self, run: int, lanes: Sequence[Lane]) -> None:
        self._run = run
        self._lanes = {lane: number for number, lane in enumerate(lanes)}
        self._next = 0
        self._now = 0
        self._given: list[tuple[int, int, str]] = []
        self._shown: list[tuple[int, int, int]] = []
        self._packets: list[Packet] = []
        self._kept = deque[tuple[int, int, str]](maxlen=TOKENS_KEPT)
        self._reached = [-1] * len(lanes)

    def take(self, report: Report) -> None:
        """Gather one."""
        self._now = max(self._now, report.at)
        match report:
            case Given(seq, at, text):
                self._given.append((seq, at, text))
            case Shown(lane, seq, at):
                self._shown.append((self._lanes[lane], seq, at))
            case Packet():
                self._packets.append(report)

    def message(self) -> Mapping[str, Any] | None:
        """What came since the last message, or None."""
        if not (self._given or self._shown or self._packets):
            return None
        every = -(-len(self._packets) // PACKETS) or 1
        packets = [self._packet(packet) for packet in self._packets[::every]]
        body = {"op": "reports", **self._where(), "given": self._given, "shown": self._shown, "packets": packets, "every": every}
        self._next += 1
        self._kept.extend(self._given)
        for lane, seq, _ in self._shown:
            self._reached[lane] = max(self._reached[lane], seq)
        self._given, self._shown, self._packets = [], [], []
        return body

    def snapshot(self) -> Mapping[str, Any]:
        """What the messages so far told, as far as it is still to be seen: `reached` are the last tokens that lanes have shown."""
        return {**self._where(), "given": list(self._kept), "reached": self._reached}

    def _where(self) -> Mapping[str, Any]:
        return {"run": self._run, "n": self._next, "now": self._now}

    def _packet(self, packet: Packet) -> tuple[int, ...]:
        return (self._lanes[packet.lane], int(packet.forward), packet.size, packet.at, packet.to, LOST.index(packet.lost))
