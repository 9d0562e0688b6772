"""Redundancy in place of retransmission, sans-I/O: each message carries the events that were not acknowledged yet.

After Eloquent (arXiv 2401.12961). A lost message costs no round trip: the next one, one token later, carries what it carried. The reader
acknowledges, `{"op": "ack", "stream": ID, "seq": N}`, the last event it has all events up to; as many acknowledgements as you like may be
lost. When nothing follows, a timer sends again what is unacknowledged, so that the last token too arrives. On a link that loses packets it
does so sooner, and where packets queue messages are fewer; none repeats without end what is likely there (`pace.py`).

A message is to be one packet: of several packets all would have to arrive. An event that is larger than that, a rare one, is not for this
channel; it goes over the reliable one, which repeats only the packet that was lost, and the reader puts it in its place. If the
unacknowledged do not fit in one packet, what was never sent goes first, then what was sent least recently, so that the next packets walk
on. At most a window of them is under way: a reader that says nothing is sent no more than that, again at growing intervals.

Instants are µs of one clock, given by the caller. An acknowledgement may say when the message was sent that it answers (the message's
`sent`): from that the round trip is known, however often an event was repeated, and an acknowledgement of an earlier attachment is told
from this one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..events import Entry
from .pace import LONGEST_TIMEOUT_US, Pace

PACKET_BYTES = 1024
"""Events of one message, in bytes: with the message's frame around them they are one SCTP packet, which holds 1161 of a message."""

WINDOW_BYTES = 16 * 2**10
"""Unacknowledged events of one stream, in bytes: more are not taken until some are acknowledged."""

REPEAT_US = 20_000
"""On a link that loses packets, what is unacknowledged is sent again after so long in which nothing else was sent: a burst of losses, which
takes so and so many packets, is over the sooner."""

REPEATS = 25
"""So often while no acknowledgement brings anything new; then as on any other link."""

SILENT_US = 5_000_000
"""A reader that acknowledges nothing for so long is gone, or does not know how."""

AHEAD_EVENTS = 2**15
"""Events that a receiver keeps for their turn: more than can be under way."""


@dataclass(slots=True)
class _Flying:
    """An event that is not acknowledged, when it was sent first and last, and how often."""

    entry: Entry
    first: int | None = None
    sent: int | None = None
    copies: int = 0


class Sender:
    """One stream's events on their way to one reader.

    Parameters
    ----------
    after : seq of the last event the reader has.
    now : µs.

    Attributes
    ----------
    acked : seq of the last event up to which the reader has all.
    newest : seq of the last event that was added.
    """

    def __init__(self, after: int, now: int) -> None:
        self.acked = self.newest = after
        self._began = self._heard = self._spoke = now
        self._flight: list[_Flying] = []
        self._size = 0
        self._ended = False
        self._timeouts = self._repeats = 0
        self._pace = Pace()

    @property
    def room(self) -> bool:
        """Whether events may be added."""
        return self._size < WINDOW_BYTES and not self._ended

    @property
    def finished(self) -> bool:
        """Whether the reader has the stream's end."""
        return self._ended and not self._flight

    @property
    def due(self) -> int | None:
        """When something is to be sent, or sent again unless it is acknowledged before, µs."""
        if any(flying.sent is None for flying in self._flight):
            return self._spoke + self._pace.gap
        return self._again

    @property
    def _again(self) -> int | None:
        """When what was sent is to be sent again, µs."""
        sent = [flying.sent for flying in self._flight if flying.sent is not None]
        if not sent:
            return None
        if self._hurries:
            return self._spoke + max(REPEAT_US, self._pace.gap)
        since = self._spoke if self._timeouts else min(sent)
        timeout = min(self._pace.timeout << min(self._timeouts, 10), LONGEST_TIMEOUT_US)
        return max(since + timeout, self._spoke + self._pace.gap)

    @property
    def _hurries(self) -> bool:
        """Whether what is unacknowledged is sent again before an acknowledgement is late."""
        return self._repeats < REPEATS and self._pace.repeats(self._spoke)

    def silent(self, now: int) -> bool:
        """Whether the reader acknowledges nothing any more."""
        return bool(self._flight) and now - self._heard > SILENT_US

    def add(self, entry: Entry, now: int) -> bool:
        """Take the next event; False says that it is too large for a message, and is the caller's to deliver reliably."""
        self.newest = entry.seq
        self._ended = entry.terminal
        if len(entry.data) >= PACKET_BYTES:
            return False
        if not self._flight:
            self._heard = now
        self._flight.append(_Flying(entry))
        self._size += len(entry.data)
        return True

    def ack(self, seq: int, now: int, sent: int | None = None) -> None:
        """Take an acknowledgement: all events up to `seq` are there.

        Parameters
        ----------
        sent : when the message was sent that it answers, µs.
        """
        if seq > self.newest or (sent is not None and not self._began <= sent <= now):
            return  # of an earlier attachment, or nobody's
        if sent is not None:
            self._pace.acknowledged(sent, now)
        self._heard = now
        if seq <= self.acked:
            return
        self.acked = seq
        self._timeouts = self._repeats = 0
        self._flight = [flying for flying in self._flight if flying.entry.seq > seq]
        self._size = sum(len(flying.entry.data) for flying in self._flight)

    def take(self, now: int) -> list[list[Entry]]:
        """The events of each message to be sent now: what is new, and what is due again."""
        if now < self._spoke + self._pace.gap:
            return []
        due, hurries = self._again, self._hurries
        again = due is not None and now >= due
        self._repeats += again and hurries
        self._timeouts += again and not hurries
        if any(flying.first is not None and flying.first <= now - self._pace.timeout for flying in self._flight):
            self._pace.late(now)
        messages = [self._message(now)] if again else []
        while self._waiting(now):
            messages.append(self._message(now))
        return messages

    def _waiting(self, now: int) -> bool:
        """Whether there is more to send: new events, or others that are late too, unless it has been tried in vain before."""
        overdue = now - self._pace.timeout if self._timeouts <= 1 else None
        return any(f.sent is None or (overdue is not None and f.sent <= overdue) for f in self._flight)

    def _message(self, now: int) -> list[Entry]:
        """A packet's worth of events: those never sent, then those sent least recently, unless they were sent often enough for now."""
        self._spoke = now
        late, enough = now - self._pace.timeout, self._pace.copies(now)
        wanted = [f for f in self._flight if f.sent is None or f.sent <= late or f.copies < enough]
        ordered = sorted(wanted or self._flight, key=lambda flying: (flying.sent is not None, flying.sent or 0))
        chosen = list(_fitting(ordered))
        for flying in chosen:
            flying.first = now if flying.first is None else flying.first
            flying.sent = now
            flying.copies += 1
        return sorted((flying.entry for flying in chosen), key=lambda entry: entry.seq)


def _fitting(flying: Iterable[_Flying]) -> Iterator[_Flying]:
    room = PACKET_BYTES
    for one in flying:
        room -= len(one.entry.data) + 1  # and the comma behind it
        if room < 0:
            return
        yield one


class Receiver:
    """Puts one stream's events in order, whichever way and however often they come.

    Parameters
    ----------
    after : seq of the last event the reader has.

    Attributes
    ----------
    seq : seq of the last event up to which all are there: what is to be acknowledged.
    """

    def __init__(self, after: int) -> None:
        self.seq = after
        self._ahead: dict[int, Entry] = {}

    def take(self, entries: Sequence[Entry]) -> list[Entry]:
        """Take a message's events; returns those whose turn it is.

        Raises
        ------
        ValueError : more came ahead of their turn than can be kept.
        """
        self._ahead |= {entry.seq: entry for entry in entries if entry.seq > self.seq}
        found = []
        while (entry := self._ahead.pop(self.seq + 1, None)) is not None:
            found.append(entry)
            self.seq += 1
        if len(self._ahead) > AHEAD_EVENTS:
            raise ValueError(f"{AHEAD_EVENTS:,} events came ahead of an earlier one that is missing")
        return found
