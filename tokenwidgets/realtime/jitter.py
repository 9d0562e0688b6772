"""Packets of sound back into their order, waiting for a lost one no longer than a listener bears. No I/O, no clock: time is packets.

It holds back nothing while packets come in order. Behind a gap it holds what comes until `HELD` packets have, 40 ms of sound; then the gap
is passed over, and all that was held goes on at once: the delay of a loss ends with it.
"""

from __future__ import annotations

from typing import Generic, TypeVar

HELD = 2
"""How many packets are held behind a gap before it is passed over."""

SEQUENCES = 2**16
"""Sequence numbers of RTP (RFC 3550 section 5.1) begin again after so many."""

FAR = 100
"""A packet further than this from the one that is due begins a new sequence (as MAX_MISORDER of RFC 3550 appendix A.1)."""

CONCEALED = 5
"""The longest gap that is filled, in packets: after 100 ms a guess is worth no more than silence."""

Payload = TypeVar("Payload")


class JitterBuffer(Generic[Payload]):
    """Puts one sender's packets in order, each at most once."""

    def __init__(self) -> None:
        self._due: int | None = None
        self._held: dict[int, Payload] = {}

    def feed(self, sequence: int, payload: Payload) -> list[Payload | None]:
        """What can go on with this packet, in order; None stands for a lost one that a decoder is to make up for."""
        if self._due is None or FAR < (sequence - self._due) % SEQUENCES < SEQUENCES - FAR:
            self._due = sequence
            self._held.clear()
        ahead = (sequence - self._due) % SEQUENCES
        if ahead >= SEQUENCES - FAR:
            return []  # it comes too late, or twice
        self._held[sequence] = payload
        lost = self._given_up()
        return [*lost, *self._in_order()]

    def _given_up(self) -> list[Payload | None]:
        """The gap before what is held, once it is passed over."""
        assert self._due is not None  # noqa: S101 (the first packet set it)
        if self._due in self._held or len(self._held) < HELD:
            return []
        due = self._due
        gap = min((sequence - due) % SEQUENCES for sequence in self._held)
        self._due = (due + gap) % SEQUENCES
        return [None] * min(gap, CONCEALED)

    def _in_order(self) -> list[Payload | None]:
        out = list[Payload | None]()
        while self._due in self._held:
            out.append(self._held.pop(self._due))
            self._due = (self._due + 1) % SEQUENCES
        return out
