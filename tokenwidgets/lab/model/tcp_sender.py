"""TCP's sending end as Linux has it, without I/O, with lengths in place of bytes.

What is there: SACK (RFC 2018), RACK with its reordering window and tail-loss probes (RFC 8985), proportional rate reduction (RFC 6937),
CUBIC, the retransmission timer with Linux's floor (RFC 6298), collapsed retransmissions, and undoing when a duplicate is reported
(RFC 2883). Not there: F-RTO, Eifel, flow control, giving up. Nagle's algorithm is off, as on every connection of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from .cubic import Cubic
from .tcp_receiver import HEADER_BYTES, SEGMENT_BYTES, Ack, Data
from .tcp_recovery import RTO_FLOOR_US, Rack, Reduction, RoundTrip, Segment

RTO_LONGEST_US = 120_000_000
"""Linux's TCP_RTO_MAX."""

PROBE_SLACK_US = 2_000
"""What a tail-loss probe waits beside two round trips: two ticks."""


class TcpSender:
    """Sends a stream of bytes. See `Endpoint`.

    Parameters
    ----------
    round_trip : of the handshake, µs.
    """

    def __init__(self, round_trip: int) -> None:
        self.due: int | None = None
        self.cubic = Cubic()
        self._timer: Literal["rto", "probe", "reordering"] = "rto"
        self._state: Literal["open", "recovery", "loss"] = "open"
        self._written = self._next = self._una = 0
        self._segments: list[Segment] = []
        self._out: list[tuple[int, Any]] = []
        self._round_trip = RoundTrip(round_trip)
        self._rack = Rack()
        self._backoff = 0
        self._high = 0
        self._undo: int | None = None
        self._reduction = Reduction(0)
        self._probed: int | None = None
        self._probed_new = False
        self._limited = False
        self._most_out = 0
        self._usage_end = 0

    # ---- what it is given

    def write(self, size: int, now: int) -> None:
        """The source has so many bytes more."""
        self._written += size
        self._transmit(now)

    def receive(self, packet: Any, now: int) -> None:
        """See `Endpoint`: an `Ack`."""
        ack: Ack = packet
        advanced = ack.una > self._una
        delivered = self._mark(ack)
        if not (advanced or delivered or ack.again):
            return
        self._sample(delivered, ack.una, now)
        self._forget(ack.una)
        if ack.again:
            self._unneeded()
        if advanced:
            self._backoff = 0
        self._probe_answered(ack)
        self._finish_episode()
        newly_lost = self._find_lost(now)
        if self._state == "recovery":
            self.cubic.window = self._reduction.window(self.cubic, self._in_flight, len(delivered), advanced and not newly_lost)
        elif advanced and self._is_limited:
            self.cubic.grow(len(delivered), self._round_trip.least, now)
        if advanced and self._timer != "reordering" and not self._schedule_probe(now, advancing=True):
            self._rearm_rto(now)
        self._transmit(now)

    def wake(self, now: int) -> None:
        """See `Endpoint`: a timer."""
        self.due = None
        timer, self._timer = self._timer, "rto"
        if timer == "probe":
            self._probe(now)
        elif timer == "reordering":
            if self._find_lost(now):
                self.cubic.window = self._reduction.window(self.cubic, self._in_flight, 1, growing=False)
            if self.due is None:
                self._rearm_rto(now, since_head=True)
            self._transmit(now)
        else:
            self._timed_out(now)

    def packets(self) -> list[tuple[int, Any]]:
        """See `Endpoint`."""
        out, self._out = self._out, []
        return out

    # ---- acknowledgements

    def _mark(self, ack: Ack) -> list[Segment]:
        """Mark what arrived; returns what was not known to have."""
        highest = max((s.end for s in self._segments if s.sacked), default=0)
        found = []
        for segment in self._segments:
            if not segment.sacked and ack.covers(segment.start, segment.end):
                found.append(segment)
                self._rack.reordered |= not segment.repeated and segment.end < highest
                segment.sacked, segment.lost, segment.flying = True, False, False
        return found

    def _forget(self, una: int) -> None:
        """What is acknowledged without a gap is no longer kept."""
        self._una = max(self._una, una)
        self._segments = [s for s in self._segments if s.end > self._una]
        for segment in self._segments[:1]:
            segment.start = max(segment.start, self._una)

    def _sample(self, delivered: Iterable[Segment], una: int, now: int) -> None:
        """Measure the round trip, never by what was sent twice (Karn)."""
        clean = [s.sent for s in delivered if not s.repeated]
        cumulative = [s.sent for s in delivered if not s.repeated and s.end <= una]
        if clean:
            self._round_trip.take(now - min(cumulative or clean))
        for segment in delivered:
            self._rack.delivered(segment, self._round_trip.least, now)

    def _unneeded(self) -> None:
        """What was sent again had arrived: patience grows, and the window is given back."""
        self._rack.steps += 1
        self._probed = None
        if self._undo is not None:
            self.cubic.window = max(self.cubic.window, self._undo)
            self.cubic.threshold = max(self.cubic.threshold, self._undo)
            self._undo = None

    def _probe_answered(self, ack: Ack) -> None:
        """If the probe repaired a loss that nothing else saw, it cuts the window as any other."""
        if self._probed is None or ack.una < self._probed:
            return
        if self._probed_new:
            self._probed = None
        elif ack.una > self._probed:
            self._probed = None
            self._undo = None
            self.cubic.cut()
            self.cubic.window = min(self.cubic.window, self.cubic.threshold)

    def _finish_episode(self) -> None:
        """All that was out when a loss was noticed has arrived."""
        if self._state != "open" and self._una >= self._high:
            if self._state == "recovery" and self._undo is not None:
                self.cubic.window = self.cubic.threshold
            self._state = "open"

    def _find_lost(self, now: int) -> bool:
        """Whether RACK gave something up; then recovery begins."""
        lost, wait = self._rack.lost(self._segments, self._round_trip, self._state != "open", now)
        for segment in lost:
            segment.lost, segment.flying = True, False
        if lost and self._state == "open":
            self._undo = self.cubic.window
            self._reduction = Reduction(self.cubic.window)
            self.cubic.cut()
            self._state, self._high, self._probed = "recovery", self._next, None
        if wait is not None:
            self._timer, self.due = "reordering", now + wait
        elif self._timer == "reordering":
            self._timer = "rto"
            self._rearm_rto(now, since_head=True)
        return bool(lost)

    # ---- sending

    @property
    def _in_flight(self) -> int:
        return sum((not s.sacked and not s.lost) + s.flying for s in self._segments)

    def _transmit(self, now: int) -> None:
        """As the window allows: what was lost, then what is new."""
        for segment in [s for s in self._segments if s.lost and not s.flying]:
            if self._in_flight >= self.cubic.window:
                break
            if segment in self._segments:
                self._again(segment, now)
        sent = False
        while self._written > self._next and self._in_flight < self.cubic.window:
            self._new(now)
            sent = True
        full = self._in_flight >= self.cubic.window
        if sent or (full and self._written > self._next):
            self._note_usage(full)
        if sent:
            self._schedule_probe(now, advancing=False)

    def _new(self, now: int) -> None:
        first = not self._segments
        end = min(self._written, self._next + SEGMENT_BYTES)
        self._segments.append(Segment(self._next, end, now))
        self._put(self._next, end)
        self._next = end
        if first or self._timer == "probe":
            self._rearm_rto(now)

    def _again(self, segment: Segment, now: int) -> None:
        """Send a segment again, and in the same packet what follows it (Linux's tcp_retrans_collapse)."""
        at = self._segments.index(segment)
        while at + 1 < len(self._segments) and not self._segments[at + 1].sacked:
            following = self._segments[at + 1]
            if following.end - segment.start > SEGMENT_BYTES:
                break
            segment.end = following.end
            del self._segments[at + 1]
        segment.sent, segment.repeated, segment.flying = now, True, True
        self._put(segment.start, segment.end)
        if at == 0:
            self._timer = "rto"
            self._rearm_rto(now)

    def _put(self, start: int, end: int) -> None:
        self._reduction.sent += 1
        self._out.append((HEADER_BYTES + end - start, Data(start, end)))

    def _note_usage(self, full: bool) -> None:
        """Whether the window was what held it back, over the last round trip (Linux's tcp_cwnd_validate)."""
        out = len(self._segments)
        if self._una >= self._usage_end or full or (not self._limited and out > self._most_out):
            self._limited, self._most_out, self._usage_end = full, out, self._next

    @property
    def _is_limited(self) -> bool:
        return self._limited or (self.cubic.slow_start and self.cubic.window < 2 * self._most_out)

    # ---- timers

    @property
    def _rto(self) -> int:
        return min(self._round_trip.rto << min(self._backoff, 16), RTO_LONGEST_US)

    def _rearm_rto(self, now: int, since_head: bool = False) -> None:
        if not self._segments:
            self.due = None
            return
        since_head = since_head or self._timer != "rto"
        self._timer = "rto"
        self.due = max((self._segments[0].sent if since_head else now) + self._rto, now + 1)

    def _schedule_probe(self, now: int, advancing: bool) -> bool:
        """A probe of the tail after two round trips, unless the retransmission timer is earlier."""
        if not self._segments or self._state != "open" or any(s.sacked for s in self._segments):
            return False
        wait = 2 * self._round_trip.smoothed + (RTO_FLOOR_US if len(self._segments) == 1 else PROBE_SLACK_US)
        timeout = now if advancing else self._segments[0].sent
        self.due = max(min(now + int(wait), timeout + self._rto), now + 1)
        self._timer = "probe"
        return True

    def _probe(self, now: int) -> None:
        """Send what is new, or else the last segment again; one probe at a time."""
        if self._probed is not None or not self._segments:
            self._rearm_rto(now, since_head=True)
            return
        self._probed_new = self._written > self._next
        if self._probed_new:
            self._new(now)
        else:
            last = self._segments[-1]
            last.sent, last.repeated, last.flying = now, True, True
            self._put(last.start, last.end)
        self._probed = self._next
        self._rearm_rto(now)

    def _timed_out(self, now: int) -> None:
        """All is lost but what was sent a moment ago; begin with one segment."""
        if not self._segments:
            return
        if self._state == "open":
            self._undo = self.cubic.window
            self.cubic.cut()
        for segment in self._segments:
            recent = segment is not self._segments[0] and segment.sent + self._rack.round_trip > now
            if not segment.sacked and not recent:
                segment.lost, segment.flying = True, False
        self._state, self._high, self._probed = "loss", self._next, None
        self._backoff += 1
        self.cubic.window = self._in_flight + 1
        self._again(self._segments[0], now)
