"""The process that is the link: whole IP packets out of one TUN device, and (late, in another order, or never) into the other.

Nothing of TCP, UDP or WebRTC is imitated: what the kernel and aiortc do about a lost packet is their own doing. It serves nobody else, so
that nothing makes it late; how late it was all the same, it tells. It ends when its standard input does.

    python -m tokenwidgets.lab.emulator FD FD    sockets on which the two ends bring their devices; the server's first
"""

from __future__ import annotations

import gc
import heapq
import json
import os
import select
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from .base import LANES, Impairment, Lane, Packet
from .control import MESSAGE_BYTES, line
from .ends import first
from .link import Link, from_body
from .reports import pack
from .running import lateness

FIRST_PORT = 8801
"""The server's TCP port of the first lane; the others follow in the order of `LANES`."""

PORTS: dict[Lane, int] = {lane: FIRST_PORT + i for i, lane in enumerate(LANES)}

PACKET_BYTES = 65536

TOGETHER = 64
"""Packets taken out of a device before what is due is delivered."""

LATENESSES = 100_000
"""How many of the newest packets the emulator's own lateness is told of."""

UNSENT_BYTES = 2**20
"""Reports that the lab has not read yet; beyond it packets are only counted."""

HELD = 20_000
"""Packets under way at once; a further one is lost as `queue`."""

TCP, UDP = 6, 17
"""IANA protocol numbers."""


def ports(packet: bytes) -> tuple[int, int, int] | None:
    """Protocol, source and destination port of an IPv4 packet (RFC 791); None for what has none."""
    offset = (packet[0] & 15) * 4
    if packet[0] >> 4 != 4 or packet[9] not in (TCP, UDP) or len(packet) < offset + 4:
        return None
    return packet[9], int.from_bytes(packet[offset : offset + 2]), int.from_bytes(packet[offset + 2 : offset + 4])


class Emulator:
    """Moves packets.

    Parameters
    ----------
    devices : the server's and the client's.
    control : to the lab, a socket.
    """

    def __init__(self, devices: tuple[int, int], control: socket.socket) -> None:
        self._devices = devices
        self._control = control
        self._inputs: list[Any] = [*devices, control]
        self._links = tuple(Link(Impairment(), seed) for seed in (0, 1))
        self._lanes: dict[tuple[int, int], Lane] = {(TCP, port): lane for lane, port in PORTS.items()}
        self._began = 0
        self._under_way: list[tuple[int, int, int, bytes]] = []
        self._numbers = count()
        self._late = deque[int](maxlen=LATENESSES)
        self._counts = Counter[str]()
        self._news: list[list[Any]] = []
        self._unread = self._unsent = b""

    def run(self) -> None:
        """Until the lab is gone."""
        while True:
            ready, _, _ = select.select(self._inputs, [], [], self._wait())
            self._deliver()
            if self._control in ready and not self._told():
                return
            for end in (0, 1):
                if self._devices[end] in ready:
                    self._take(end)
            self._deliver()
            self._tell()

    def _wait(self) -> float | None:
        return max(0.0, (self._under_way[0][0] - _now()) / 1e6) if self._under_way else None

    def _take(self, end: int) -> None:
        for _ in range(TOGETHER):
            try:
                packet = os.read(self._devices[end], PACKET_BYTES)
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4:
                self._carry(end, packet, _now())

    def _carry(self, end: int, packet: bytes, now: int) -> None:
        """Decide on a packet that came out of the device of one end."""
        lane = self._lane(end, packet)
        to, lost = self._links[end].fate(now, len(packet), lane or "")
        if to is not None and len(self._under_way) >= HELD:
            to, lost = None, "queue"
        if to is not None:
            heapq.heappush(self._under_way, (to, next(self._numbers), 1 - end, packet))
        self._counts[f"{lane or 'other'} {lost or 'carried'}"] += 1
        if lane:
            at = now - self._began
            self._news.append(pack(Packet(lane, end == 0, len(packet), at, at if to is None else to - self._began, lost)))

    def _lane(self, end: int, packet: bytes) -> Lane | None:
        """Whose packet it is: TCP's by the server's port, WebRTC's by the client's."""
        found = ports(packet)
        if found is None:
            return None
        protocol, source, destination = found
        return self._lanes.get((protocol, source if (protocol == TCP) == (end == 0) else destination))

    def _deliver(self) -> None:
        while self._under_way and self._under_way[0][0] <= (now := _now()):
            to, _, end, packet = heapq.heappop(self._under_way)
            self._late.append(now - to)
            with suppress(OSError):  # a device whose process has gone
                os.write(self._devices[end], packet)

    def _told(self) -> bool:
        """Carry out what the lab says; whether it is still there."""
        try:
            data = self._control.recv(MESSAGE_BYTES)
        except ConnectionError:
            return False
        *lines, self._unread = (self._unread + data).split(b"\n")
        for each in lines:
            self._obey(json.loads(each))
        return bool(data)

    def _obey(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"links": dict(body), "seed": int(seed), "began": int(began)}:
                self._links = tuple(Link(from_body(body), 2 * seed + end) for end in (0, 1))
                self._began = began
                self._late.clear()
                self._counts.clear()
            case {"change": dict(body)}:
                for link in self._links:
                    link.change(from_body(body))
            case {"port": int(port), "lane": lane}:
                self._lanes[UDP, port] = lane
            case {"fares": _}:
                self._unsent += line({"fares": self._fares()})

    def _fares(self) -> dict[str, Any]:
        return {"counts": self._counts, "late_us": lateness(self._late)}

    def _tell(self) -> None:
        """Tell of the packets that came; where the lab does not listen they are counted, and nothing waits for it."""
        if self._news and len(self._unsent) < UNSENT_BYTES:
            self._unsent += line({"reports": self._news})
        elif self._news:
            self._counts["untold"] += len(self._news)
        self._news = []
        with suppress(OSError):
            self._unsent = self._unsent[self._control.send(self._unsent) :] if self._unsent else b""


def _now() -> int:
    return time.monotonic_ns() // 1000


def _device(fd: int) -> int:
    """What an end sends when it is in its network."""
    with socket.socket(fileno=fd) as sock:
        _, fds, _, _ = socket.recv_fds(sock, 16, 1)
    return fds[0] if fds else sys.exit(1)


def main() -> None:
    """See the module."""
    first()
    control = socket.socket(fileno=0)
    devices = _device(int(sys.argv[1])), _device(int(sys.argv[2]))
    control.setblocking(False)
    gc.freeze()
    Emulator(devices, control).run()


if __name__ == "__main__":
    main()
