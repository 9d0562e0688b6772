"""Events over a link that loses, doubles and reorders: in order, complete, exactly once, and it ends, whatever is lost."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.events import End, Entry, Text, encode
from tokenwidgets.wire.messages import events
from tokenwidgets.wire.pace import (
    CALM_US,
    COPIES,
    FIRST_TIMEOUT_US,
    LEAST_GAP_US,
    LONGEST_GAP_US,
    LONGEST_TIMEOUT_US,
    NARROW_COPIES,
    WARY_US,
    Pace,
)
from tokenwidgets.wire.redundancy import (
    AHEAD_EVENTS,
    PACKET_BYTES,
    REPEAT_US,
    REPEATS,
    SILENT_US,
    WINDOW_BYTES,
    Receiver,
    Sender,
)

SCTP_MESSAGE_BYTES = 1161
"""What one packet of aiortc's holds of a message."""

HOUR = 3_600_000_000
Fate = Callable[[], Sequence[int]]
"""The delays, µs, of the copies of a packet that arrive; none: it is lost."""


def stream(*sizes: int) -> list[Entry]:
    """Events with deltas of those sizes, and the end."""
    found = [encode(Text(0, "x" * size), seq, seq) for seq, size in enumerate(sizes)]
    return [*found, encode(End("stop"), len(found), len(found))]


class Session:
    """A sender and a receiver with a link between them, in a time of their own.

    Parameters
    ----------
    journal : the stream.
    given : when each event is there, µs.
    fate : of each packet, either way.
    """

    def __init__(self, journal: list[Entry], given: Sequence[int], fate: Fate) -> None:
        self.journal = journal
        self.sender, self.receiver = Sender(-1, 0), Receiver(-1)
        self.got: list[Entry] = []
        self.packets = 0
        self.now = 0
        self._fate = fate
        self._pending = list(zip(given, journal, strict=True))
        self._order = itertools.count()
        self._flying: list[tuple[int, int, bool, int, list[Entry]]] = []

    def run(self, until: int = HOUR) -> None:
        """To its end."""
        while not self.sender.finished and self.now < until:
            self._give()
            for message in self.sender.take(self.now):
                assert len(events("i" * 22, message, self.now)) <= SCTP_MESSAGE_BYTES
                self._post(True, self.now, message)
            assert self.sender._size <= WINDOW_BYTES + PACKET_BYTES
            self.now = max(self.now, self._next())
            while self._flying and self._flying[0][0] <= self.now:
                self._arrive()

    def _give(self) -> None:
        while self._pending and self._pending[0][0] <= self.now and self.sender.room:
            entry = self._pending.pop(0)[1]
            if not self.sender.add(entry, self.now):
                heapq.heappush(self._flying, (self.now + 50_000, next(self._order), True, self.now, [entry]))

    def _next(self) -> int:
        """When something happens."""
        times = [self._flying[0][0]] if self._flying else []
        times += [self._pending[0][0]] if self._pending and self.sender.room else []
        times += [self.sender.due] if self.sender.due is not None else []
        return min(times)

    def _post(self, forward: bool, sent: int, entries: list[Entry], seq: int = 0) -> None:
        self.packets += 1
        for delay in self._fate():
            heapq.heappush(self._flying, (self.now + delay, next(self._order), forward, sent, entries or [seq]))  # type: ignore[list-item]

    def _arrive(self) -> None:
        _, _, forward, sent, carried = heapq.heappop(self._flying)
        if forward:
            self.got += self.receiver.take(carried)
            self._post(False, sent, [], self.receiver.seq)
        else:
            self.sender.ack(carried[0], self.now, sent)  # type: ignore[arg-type]

    def check(self) -> None:
        assert self.sender.finished
        assert self.got == self.journal


ROUND_TRIP = 100_000
SHORT = 9


@pytest.mark.parametrize("gap", [0, 40_000, 500_000])
def test_every_loss_of_a_short_stream(gap: int) -> None:
    """Whichever of the first packets, both ways, are lost: 512 patterns."""
    journal = stream(5, 5)
    for pattern in itertools.product((False, True), repeat=SHORT):
        lost = itertools.chain(pattern, itertools.repeat(False))
        session = Session(journal, [n * gap for n in range(3)], lambda lost=lost: [] if next(lost) else [ROUND_TRIP // 2])
        session.run()
        session.check()
        assert session.packets < 60


@given(
    st.lists(st.integers(0, 200) | st.integers(900, 5000), max_size=120), st.integers(0, 60_000), st.floats(0, 0.6), st.floats(0, 0.3),
    st.integers(0, 400_000), st.randoms(use_true_random=False),
)  # fmt: skip
def test_random_losses_doubles_and_delays(sizes: list[int], gap: int, loss: float, doubled: float, jitter: int, rng: Random) -> None:
    def fate() -> list[int]:
        copies = 0 if rng.random() < loss else 2 if rng.random() < doubled else 1
        return [rng.randint(1000, 1000 + jitter) for _ in range(copies)]

    journal = stream(*sizes)
    session = Session(journal, [n * gap for n in range(len(journal))], fate)
    session.run()
    session.check()


def test_after_an_outage_it_goes_on_at_once() -> None:
    """More than a packet holds, and more than the window does, had gathered."""
    journal = stream(*[40] * 400)
    cut = range(2_000_000, 8_000_000)
    link = Session(journal, [n * 40_000 for n in range(len(journal))], lambda: [] if link.now in cut else [ROUND_TRIP // 2])
    link.run(cut.stop)
    held = len(link.got)
    assert held < 60
    link.run(cut.stop + LONGEST_TIMEOUT_US + 5 * ROUND_TRIP)
    assert len(link.got) > 190, "what had gathered is there a few round trips after the next try"
    link.run()
    link.check()


def test_who_says_nothing_is_sent_a_window_and_then_little() -> None:
    journal = stream(*[40] * 4000)
    session = Session(journal, range(0, 4001 * 1000, 1000), list)
    session.run(3_000_000)
    assert not session.sender.silent(session.now)
    assert session.packets < 2 * WINDOW_BYTES / 50, "each event once, the window once more, then a try now and then"
    before = session.packets
    session.run(30_000_000)
    assert session.packets - before < 30
    assert session.sender.silent(session.now)


def test_a_reader_that_waits_for_the_next_word_is_not_silent() -> None:
    sender = Sender(-1, 0)
    journal = stream(3, 3)
    sender.add(journal[0], 0)
    sender.take(0)
    sender.ack(0, 1000, 0)
    assert not sender.silent(10 * SILENT_US)
    sender.add(journal[1], 10 * SILENT_US)
    assert not sender.silent(10 * SILENT_US + 1)


def test_each_message_carries_what_is_unacknowledged() -> None:
    journal = stream(3, 3, 3, 3)
    sender = Sender(-1, 0)
    carried = []
    for n in range(4):
        sender.add(journal[n], n * 1000)
        carried += [[entry.seq for entry in message] for message in sender.take(n * 1000)]
        if n == 2:
            sender.ack(0, 2500, 0)
    assert carried == [[0], [0, 1], [0, 1, 2], [1, 2, 3]]
    assert sender.take(4000) == [], "nothing new, nothing late"


def asked_once_a_second() -> tuple[Sender, list[int]]:
    """A sender whose reader took twenty events and then said nothing to the last one, and when that was sent."""
    journal = stream(*[3] * 21)
    sender = Sender(-1, 0)
    for entry in journal[:20]:
        began = entry.seq * 1_000_000
        sender.add(entry, began)
        sender.take(began)
        sender.ack(entry.seq, began + ROUND_TRIP, began)
        assert sender.due is None
    sender.add(journal[20], 20_000_000)
    sender.take(20_000_000)
    times = [20_000_000]
    for _ in range(REPEATS + 6):
        assert sender.due is not None
        times.append(sender.due)
        assert [[entry.seq for entry in message] for message in sender.take(times[-1])] == [[20]]
    return sender, times


def test_the_last_word_is_repeated_after_the_round_trip_that_was_measured_then_at_once_and_then_less_and_less() -> None:
    _, times = asked_once_a_second()
    waits = [b - a for a, b in itertools.pairwise(times)]
    assert ROUND_TRIP < waits[0] < 1.3 * ROUND_TRIP
    assert set(waits[1 : REPEATS + 1]) == {REPEAT_US}
    assert waits[REPEATS + 1] == 2 * waits[0]
    assert waits[-1] == LONGEST_TIMEOUT_US


def test_a_link_that_lost_something_is_sent_more_for_a_while() -> None:
    sender, times = asked_once_a_second()
    now = times[-1] + ROUND_TRIP
    sender.ack(20, now, times[-1])

    def wait(now: int, seq: int) -> int:
        """How long the next event is unacknowledged before it is sent again."""
        sender.add(encode(Text(0, "x"), seq, now), now)
        sender.take(now)
        due = sender.due
        assert due is not None
        sender.ack(seq, now + ROUND_TRIP, now)
        return due - now

    assert wait(now, 21) == REPEAT_US
    assert wait(now + WARY_US, 22) > ROUND_TRIP


def test_an_event_is_sent_so_often_and_then_leaves_room_for_others_until_it_is_late() -> None:
    journal = stream(*[3] * 20)
    sender = Sender(-1, 0)
    carried = []
    for entry in journal[: 2 * COPIES]:
        sender.add(entry, entry.seq)
        [message] = sender.take(entry.seq)
        carried += [entry.seq for entry in message]
    assert [carried.count(seq) for seq in range(COPIES + 1)] == [COPIES] * (COPIES + 1)
    late = COPIES - 1 + FIRST_TIMEOUT_US
    assert sender.due == late
    sender.add(journal[2 * COPIES], late)
    [message] = sender.take(late)
    assert [entry.seq for entry in message] == [0, *range(COPIES + 1, 2 * COPIES + 1)], "what is late, and what was not sent so often yet"


def test_where_packets_queue_messages_are_fewer_and_hold_more() -> None:
    pace, quick = Pace(), 100_000
    pace.acknowledged(0, quick)
    pace.late(quick)
    assert pace.repeats(quick)
    assert pace.gap == 0
    gaps = []
    for second in range(1, 10):
        pace.acknowledged(second * 1_000_000, second * 1_000_000 + 3 * quick)
        gaps.append(pace.gap)
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (LEAST_GAP_US, LONGEST_GAP_US)
    assert not pace.repeats(10_000_000), "nothing is repeated that makes the queue longer"
    assert (pace.copies(10_000_000), pace.copies(10_000_000 + CALM_US)) == (NARROW_COPIES, COPIES)
    for second in range(10, 80):
        pace.acknowledged(second * 1_000_000, second * 1_000_000 + quick)
    assert pace.gap == 0


def test_while_packets_queue_what_is_new_waits_and_goes_in_one_message() -> None:
    journal = stream(3, 3, 3, 3)
    sender = Sender(-1, 0)
    sender.add(journal[0], 0)
    sender.take(0)
    sender.ack(0, 100_000, 0)
    sender.add(journal[1], 200_000)
    sender.take(200_000)
    sender.ack(1, 600_000, 200_000)
    sender.add(journal[2], 600_000)
    assert [entry.seq for [entry] in sender.take(600_000)] == [2]
    sender.add(journal[3], 601_000)
    assert sender.take(601_000) == []
    assert sender.due == 600_000 + LEAST_GAP_US
    assert [[entry.seq for entry in message] for message in sender.take(sender.due)] == [[2, 3]]


def test_what_does_not_fit_is_carried_by_the_next_packets_in_turn() -> None:
    journal = stream(*[200] * 10)
    sender = Sender(-1, 0)
    carried = []
    for n in range(10):
        sender.add(journal[n], n)
        carried += [[entry.seq for entry in message] for message in sender.take(n)]
    assert carried[3:7] == [[0, 1, 2, 3], [0, 1, 2, 4], [0, 1, 3, 5], [0, 2, 4, 6]]
    assert [message[-1] for message in carried] == list(range(10)), "what is new is in it"


def test_acknowledgements_that_are_not_this_attachments() -> None:
    journal = stream(3, 3)
    sender = Sender(-1, 1000)
    for entry in journal:
        sender.add(entry, 1000)
    sender.take(1000)
    sender.ack(2, 2000, 999)  # the answer to a message of an earlier attachment, which had come further
    sender.ack(9, 2000)
    sender.ack(2, 2000, 2001)
    assert sender.acked == -1
    sender.ack(1, 2000)  # a reader need not say what it answers
    sender.ack(0, 2001, 1000)  # one that was overtaken
    assert sender.acked == 1
    sender.ack(2, 3000, 1000)
    assert sender.finished


def test_a_receiver_keeps_only_so_much_ahead() -> None:
    receiver = Receiver(-1)
    entries = [encode(Text(0, ""), seq, 0) for seq in range(1, AHEAD_EVENTS + 2)]
    assert receiver.take(entries[:-1]) == []
    with pytest.raises(ValueError, match="ahead"):
        receiver.take(entries[-1:])
