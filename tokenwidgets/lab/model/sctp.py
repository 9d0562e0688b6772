"""SCTP's two ends as aiortc 1.16 has them (`rtcsctptransport.py`), without I/O, with sizes in place of bytes.

Each chunk is a packet of its own, acknowledged at once. A chunk that three acknowledgements passed over is sent again, or given up where
its channel does not retransmit; else the timer T3, at least a second unless told otherwise, sends all that is out. There is no probe of
the tail, and T3 does not grow. Not there: setting up, fragments (a token is one chunk), the peer's window, dead peers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .endpoint import IP_BYTES, UDP_BYTES

DTLS_BYTES = 13 + 8 + 16
"""A DTLS 1.2 record with AES-GCM (RFC 6347, RFC 5288)."""

COMMON_BYTES = IP_BYTES + UDP_BYTES + DTLS_BYTES + 12
"""Everything up to and with SCTP's common header (RFC 9260 section 3.1)."""

CHUNK_BYTES = 1160
"""The most of a message in one chunk, in bytes: USERDATA_MAX_LENGTH."""

MISSES = 3
"""Acknowledgements that pass over a chunk before it counts as lost."""

RTO_FIRST_US, RTO_LEAST_US, RTO_LONGEST_US = 3_000_000, 1_000_000, 60_000_000
"""SCTP_RTO_INITIAL, SCTP_RTO_MIN and SCTP_RTO_MAX."""


@dataclass(slots=True, eq=False)
class Chunk:
    """A message, and what its sender knows of it. `turn`: its place among the ordered ones; `retransmits`: how often at most."""

    tsn: int
    message: Any
    size: int
    turn: int | None
    retransmits: int | None
    sent: int = 0
    times: int = 0
    misses: int = 0
    acked: bool = False
    lost: bool = False
    given_up: bool = False
    flying: bool = False


@dataclass(frozen=True, slots=True)
class Sack:
    """All chunks up to `tsn` are there, and those of `beyond`."""

    tsn: int
    beyond: frozenset[int]


@dataclass(frozen=True, slots=True)
class ForwardTsn:
    """Wait no longer for what is missing up to `tsn` (RFC 3758)."""

    tsn: int


class Association:
    """One end. See `Endpoint`.

    Parameters
    ----------
    received : is given each message, when its channel's order lets it through, and the instant.
    least_timeout : µs that T3 waits at least.
    """

    def __init__(self, received: Callable[[Any, int], None], least_timeout: int = RTO_LEAST_US) -> None:
        self._received = received
        self._least_timeout = least_timeout
        self.due: int | None = None
        self._out: list[tuple[int, Any]] = []
        self._next = 0
        self._turn = 0
        self._queue: deque[Chunk] = deque()
        self._sent: deque[Chunk] = deque()
        self._sacked = self._advanced = -1
        self._window, self._threshold = 3 * CHUNK_BYTES, 131_072
        self._partial = 0
        self._exit: int | None = None
        self._first_again = False
        self._smoothed: float | None = None
        self._deviation = 0.0
        self._rto = RTO_FIRST_US
        self._inbound = _Inbound()

    # ---- what it is given

    def send(self, message: Any, size: int, now: int, ordered: bool = True, retransmits: int | None = None) -> None:
        """Send a message of so many bytes."""
        turn = self._turn if ordered else None
        self._turn += ordered
        self._queue.append(Chunk(self._next, message, size, turn, retransmits))
        self._next += 1
        self._transmit(now)

    @property
    def waiting(self) -> int:
        """Bytes that are not sent yet."""
        return sum(chunk.size for chunk in self._queue)

    def receive(self, packet: Any, now: int) -> None:
        """See `Endpoint`."""
        match packet:
            case Chunk():
                messages = self._inbound.take(packet)
            case ForwardTsn(tsn):
                self._inbound.skip(tsn)
                messages = []
            case _:
                self._acknowledged(packet, now)
                return
        sack = self._inbound.sack()
        self._out.append((COMMON_BYTES + 16 + 4 * _gaps(sack), sack))
        for message in messages:
            self._received(message, now)

    def wake(self, now: int) -> None:
        """See `Endpoint`: T3."""
        self.due = None
        for chunk in self._sent:
            if not self._given_up(chunk):
                chunk.lost = True
            chunk.flying = False
        forward = self._advance()
        self._exit, self._partial = None, 0
        self._threshold = max(self._window // 2, 4 * CHUNK_BYTES)
        self._window = CHUNK_BYTES
        self._transmit(now, forward)

    def packets(self) -> list[tuple[int, Any]]:
        """See `Endpoint`."""
        out, self._out = self._out, []
        return out

    # ---- acknowledgements

    def _acknowledged(self, sack: Sack, now: int) -> None:
        if sack.tsn < self._sacked:
            return
        self._sacked = sack.tsn
        full = self._flight >= self._window
        done, size = self._done(sack.tsn, now)
        size += self._beyond(sack)
        lost = self._missed(sack) if sack.beyond else False
        self._adjust(sack.tsn, size if done and full else 0, lost)
        if not self._sent:
            self.due = None
        elif done:
            self.due = now + self._rto
        self._transmit(now, self._advance())

    def _done(self, tsn: int, now: int) -> tuple[int, int]:
        """Forget what is acknowledged without a gap; returns chunks and new bytes. The first, if sent once, tells the round trip."""
        done = size = 0
        while self._sent and self._sent[0].tsn <= tsn:
            chunk = self._sent.popleft()
            done += 1
            size += 0 if chunk.acked else chunk.size
            if done == 1 and chunk.times == 1:
                self._measured(now - chunk.sent)
        return done, size

    def _beyond(self, sack: Sack) -> int:
        self._highest = sack.tsn
        size = 0
        for chunk in self._sent:
            if chunk.tsn in sack.beyond:
                if not chunk.acked:
                    size += chunk.size
                    chunk.acked = True
                    self._highest = chunk.tsn
                chunk.flying = False
        return size

    def _missed(self, sack: Sack) -> bool:
        """Count what was passed over; whether something is lost by that."""
        lost = False
        for chunk in self._sent:
            if chunk.tsn > self._highest:
                break
            if chunk.tsn in sack.beyond:
                continue
            chunk.misses += 1
            if chunk.misses == MISSES:
                chunk.misses, chunk.acked, chunk.flying = 0, False, False
                chunk.lost = not self._given_up(chunk)
                lost = True
        return lost

    def _given_up(self, chunk: Chunk) -> bool:
        if not chunk.given_up and chunk.retransmits is not None and chunk.times > chunk.retransmits:
            chunk.given_up, chunk.lost, chunk.flying = True, False, False
        return chunk.given_up

    def _measured(self, sample: int) -> None:
        if self._smoothed is None:
            self._smoothed, self._deviation = sample, sample / 2
        else:
            self._deviation += (abs(self._smoothed - sample) - self._deviation) / 4
            self._smoothed += (sample - self._smoothed) / 8
        self._rto = int(max(self._least_timeout, min(self._smoothed + 4 * self._deviation, RTO_LONGEST_US)))

    def _adjust(self, tsn: int, size: int, lost: bool) -> None:
        """The congestion window, in bytes; it grows by `size` new ones where it was used."""
        if self._exit is not None:
            self._exit = None if tsn >= self._exit else self._exit
            return
        if size and self._window <= self._threshold:
            self._window += min(size, CHUNK_BYTES)
        elif size:
            self._partial += size
            if self._partial >= self._window:
                self._partial -= self._window
                self._window += CHUNK_BYTES
        if lost:
            self._window = self._threshold = max(self._window // 2, 4 * CHUNK_BYTES)
            self._partial, self._exit, self._first_again = 0, self._sent[-1].tsn, True

    def _advance(self) -> ForwardTsn | None:
        """Pass over what was given up; what to tell of it, until it is acknowledged."""
        self._advanced = max(self._advanced, self._sacked)
        while self._sent and self._sent[0].given_up:
            self._advanced = self._sent.popleft().tsn
        return ForwardTsn(self._advanced) if self._advanced > self._sacked else None

    # ---- sending

    @property
    def _flight(self) -> int:
        return sum(chunk.size for chunk in self._sent if chunk.flying)

    def _transmit(self, now: int, forward: ForwardTsn | None = None) -> None:
        if forward:
            self._out.append((COMMON_BYTES + 8, forward))
            self._start(now)
        burst = (2 if self._exit is not None else 4) * CHUNK_BYTES
        room = min(self._flight + burst, self._window)
        if not self._again(room, now):
            return
        while self._queue and self._flight < room:
            chunk = self._queue.popleft()
            self._sent.append(chunk)
            chunk.sent = now
            self._put(chunk)
            self._start(now)

    def _again(self, room: int, now: int) -> bool:
        """Send again what is lost; whether there is room for more."""
        for index, chunk in enumerate(self._sent):
            if not chunk.lost:
                continue
            if self._first_again:
                self._first_again = False
            elif self._flight >= room:
                return False
            chunk.misses, chunk.lost = 0, False
            self._put(chunk)
            if index == 0:
                self.due = now + self._rto
        return True

    def _put(self, chunk: Chunk) -> None:
        chunk.flying = True
        chunk.times += 1
        self._out.append((COMMON_BYTES + 16 + -(-chunk.size // 4) * 4, chunk))

    def _start(self, now: int) -> None:
        if self.due is None:
            self.due = now + self._rto


class _Inbound:
    """What came, by TSN and by turn."""

    def __init__(self) -> None:
        self._tsn = -1
        self._beyond: set[int] = set()
        self._turn = 0
        self._early: dict[int, Any] = {}

    def take(self, chunk: Chunk) -> list[Any]:
        """Take a chunk; returns the messages that may be delivered now."""
        if chunk.tsn <= self._tsn or chunk.tsn in self._beyond:
            return []
        self._beyond.add(chunk.tsn)
        self._close_gap()
        if chunk.turn is None:
            return [chunk.message]
        self._early[chunk.turn] = chunk.message
        found = []
        while self._turn in self._early:
            found.append(self._early.pop(self._turn))
            self._turn += 1
        return found

    def skip(self, tsn: int) -> None:
        """Wait no longer for what is missing up to there; it was unordered."""
        self._tsn = max(self._tsn, tsn)
        self._beyond = {one for one in self._beyond if one > self._tsn}
        self._close_gap()

    def _close_gap(self) -> None:
        while self._tsn + 1 in self._beyond:
            self._tsn += 1
            self._beyond.remove(self._tsn)

    def sack(self) -> Sack:
        return Sack(self._tsn, frozenset(self._beyond))


def _gaps(sack: Sack) -> int:
    return sum(tsn - 1 not in sack.beyond for tsn in sack.beyond)
