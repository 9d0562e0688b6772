"""A relay of UDP datagrams between one peer and a server: WebRTC's STUN, DTLS and SCTP, lost and delayed as on a link."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import Refused
from .base import Impairment, Lane, Packet
from .link import Link

_CANDIDATES = re.compile(r"^a=(candidate:.*|end-of-candidates)\r?\n", re.MULTILINE)
_HOST = re.compile(r"^a=candidate:\S+ 1 udp \d+ (?P<address>[\d.]+) (?P<port>\d+) typ host.*$", re.MULTILINE | re.IGNORECASE)

HEADERS = 28
"""Bytes of a datagram's IPv4 and UDP headers (RFC 791, RFC 768): what a line carries beside it."""

LATENESSES = 100_000
"""How many of the newest datagrams the relay's own lateness is told of."""

Address = tuple[str, int]


class Line:
    """What all lanes share: the link in both directions, and what is told of it.

    Parameters
    ----------
    told : is given each packet.
    """

    def __init__(self, impairment: Impairment, seed: int, told: Callable[[Packet], None]) -> None:
        self._seed = seed
        self._told = told
        self.begin(impairment, 0)

    def begin(self, impairment: Impairment, began: int) -> None:
        """Begin anew; instants are told from `began` on, in µs of the monotonic clock."""
        self._links = tuple(Link(impairment, 2 * self._seed + direction) for direction in (0, 1))
        self.counts = Counter[str]()
        self.late = deque[int](maxlen=LATENESSES)
        self._began = began

    def change(self, impairment: Impairment) -> None:
        """Impair what comes from now on otherwise."""
        for link in self._links:
            link.change(impairment)

    def carry(self, lane: Lane, forward: bool, data: bytes, deliver: Callable[[bytes], None]) -> None:
        """Decide on a datagram; one that arrives is delivered when it does."""
        loop, now = asyncio.get_running_loop(), time.monotonic_ns() // 1000
        size = len(data) + HEADERS
        to, lost = self._links[not forward].fate(now, size, lane)
        self.counts[f"{lane} {lost or 'carried'}"] += 1
        at = now - self._began
        self._told(Packet(lane, forward, size, at, at if to is None else to - self._began, lost))
        if to is not None:
            loop.call_later((to - now) / 1e6, self._deliver, to, data, deliver)

    def _deliver(self, to: int, data: bytes, deliver: Callable[[bytes], None]) -> None:
        self.late.append(time.monotonic_ns() // 1000 - to)
        deliver(data)


class Datagrams(asyncio.DatagramProtocol):
    """One lane's path over a line: datagrams from the server go to whoever wrote last, all others to the server."""

    def __init__(self, line: Line, lane: Lane, server: Address) -> None:
        self._line = line
        self._lane = lane
        self._server = server
        self._peer: Address | None = None
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.DatagramProtocol`."""
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        """Carry it over the line."""
        forward = address[:2] == self._server
        if not forward:
            self._peer = address
        self._line.carry(self._lane, forward, data, self._to_peer if forward else self._to_server)

    def _to_peer(self, data: bytes) -> None:
        if self._peer is not None and not self._transport.is_closing():
            self._transport.sendto(data, self._peer)

    def _to_server(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, self._server)


async def answered(sdp: str, ask: Callable[[str], Awaitable[str]], line: Line, lane: Lane) -> tuple[str, asyncio.DatagramTransport]:
    """Have an offer answered so that both sides know of no way but the line; returns the answer and what carries it, to be closed.

    The server is told none of the peer's addresses, or it would talk to them directly; the peer is told the relay's for the server's.

    Parameters
    ----------
    sdp : the offer.
    ask : the server's answer to an offer.

    Raises
    ------
    Refused : the server has no address for WebRTC.
    """
    # An offer without any address the server refuses; a name of mDNS it strikes out by itself, and waits for who comes.
    answer = await ask(_CANDIDATES.sub("", sdp) + "a=candidate:0 1 udp 1 relayed.local 9 typ host\r\n")
    found = _HOST.search(answer)
    if found is None:
        raise Refused("no_candidates", "The server has no IPv4 address for WebRTC, so there is nothing to relay to.")
    server = (found["address"], int(found["port"]))
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(line, lane, server), (server[0], 0))
    port = transport.get_extra_info("sockname")[1]
    ours = found[0].replace(f" {found['port']} typ host", f" {port} typ host")
    head, media = _CANDIDATES.sub("", answer[: found.start()]), _CANDIDATES.sub("", answer[found.start() :])
    return f"{head}{ours.rstrip()}\r\na=end-of-candidates\r\n{media}", transport
