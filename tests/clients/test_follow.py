"""A reader that survives its connections: complete, in order, once, whatever the connections do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.clients.base import Disconnected, Gone
from tokenwidgets.clients.follow import GIVE_UP_SECONDS, LAST_BACKOFF, backoff, follow
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Entry, Text
from tokenwidgets.journal import Journal

JOURNAL = Journal()
for n in range(8):
    JOURNAL.append(Text(0, str(n)), n)
JOURNAL.append(End("stop"), 8)
ALL = JOURNAL.entries


class Connections:
    """Answers each attempt by a plan; after the plans every attempt is a good one.

    A plan is (cut, gap, doubled, raises): how many events come before the connection ends, where one is lost, how many are sent again
    from before the cursor, and whether the end is an exception.
    """

    transport = "planned"

    def __init__(self, plans: list[tuple[int, int, int, bool]]) -> None:
        self.plans = list(plans)
        self.asked: list[int] = []
        self.waits: list[float] = []

    async def attach(self, stream: str, after: int) -> AsyncIterator[list[Entry]]:
        self.asked.append(after)
        cut, gap, doubled, raises = self.plans.pop(0) if self.plans else (99, 99, 0, False)
        due = ALL[max(0, after + 1 - doubled) :][:cut]
        for place, entry in enumerate(due):
            if place != gap:
                yield [entry]
        if raises:
            raise Disconnected("It broke.")

    async def aclose(self) -> None:
        pass

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    async def all(self, after: int = -1) -> list[Entry]:
        async with asyncio.timeout(10):
            return [e async for batch in follow(self, "s", after, self.sleep) for e in batch]


async def test_one_good_connection_needs_no_other():
    connections = Connections([])
    assert await connections.all() == ALL
    assert (connections.asked, connections.waits) == ([-1], [])


@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize("cut", range(len(ALL)))
async def test_a_cut_at_every_place(cut, raises):
    connections = Connections([(cut, 99, 0, raises)])
    assert await connections.all() == ALL
    assert connections.asked == [-1, cut - 1]


@pytest.mark.parametrize("gap", range(len(ALL)))
async def test_a_gap_at_every_place_is_read_again_from_before_it(gap):
    connections = Connections([(99, gap, 0, False)])
    assert await connections.all() == ALL
    assert connections.asked == [-1, gap - 1]


plans = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 12), st.integers(0, 9), st.booleans()), max_size=12)


@given(plans, st.integers(-1, 6))
def test_complete_in_order_and_once_under_cuts_gaps_and_doubles(planned, after):
    assert asyncio.run(Connections(planned).all(after)) == ALL[after + 1 :]


async def test_waits_grow_and_start_anew_with_progress():
    connections = Connections([(0, 99, 0, True)] * 6 + [(1, 99, 0, True)] + [(0, 99, 0, True)] * 2)
    assert await connections.all() == ALL
    assert connections.waits[5] > 2 * connections.waits[0]
    assert connections.waits[6] <= 0.25


async def test_it_gives_up_after_a_bounded_time_with_the_last_reason():
    connections = Connections([(0, 99, 0, True)] * 1000)
    with pytest.raises(Disconnected, match=r"It broke\."):
        await connections.all()
    assert GIVE_UP_SECONDS <= sum(connections.waits) <= GIVE_UP_SECONDS + LAST_BACKOFF
    assert len(connections.asked) < 100


async def test_connections_that_end_without_an_ending_are_given_up_too():
    with pytest.raises(Disconnected, match="ended early"):
        await Connections([(0, 99, 0, False)] * 1000).all()


async def test_a_refusal_passes_at_once():
    class Refusing(Connections):
        async def attach(self, stream, after):
            self.asked.append(after)
            raise Refused("not_found", "It has expired.")
            yield

    connections = Refusing([])
    with pytest.raises(Refused, match=r"It has expired\."):
        await connections.all()
    assert (len(connections.asked), connections.waits) == (1, [])


async def test_a_place_that_has_ended_is_given_up_at_once():
    class Ended(Connections):
        async def attach(self, stream, after):
            self.asked.append(after)
            raise Gone("The server was shut down.")
            yield

    connections = Ended([])
    with pytest.raises(Gone, match="shut down"):
        await connections.all()
    assert (len(connections.asked), connections.waits) == (1, [])


def test_backoff_doubles_up_to_its_limit_with_jitter():
    waits = list(backoff())
    assert 0.125 <= waits[0] <= 0.25
    assert all(w <= LAST_BACKOFF for w in waits)
    assert sum(waits) >= GIVE_UP_SECONDS
    assert list(backoff()) != waits
