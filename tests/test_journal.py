"""The journal: an append-only log whose readers miss nothing and get nothing twice, wherever they come in."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets.events import End, Entry, Error, Text, encode
from tokenwidgets.journal import Journal, JournalClosed, JournalFull


def filled(*deltas: str, ended: bool = True) -> Journal:
    journal = Journal()
    for n, delta in enumerate(deltas):
        journal.append(Text(0, delta), n)
    if ended:
        journal.append(End("stop"), len(deltas))
    return journal


async def read_all(journal: Journal, after: int = -1) -> list[Entry]:
    async with asyncio.timeout(10):
        return [entry async for batch in journal.read(after) for entry in batch]


def test_seq_has_no_gaps_and_the_bytes_are_the_events_own():
    journal = filled("a", "b", "c")
    assert [e.seq for e in journal.entries] == [0, 1, 2, 3]
    assert [e.data for e in journal.entries] == [encode(e.event, e.seq, e.at).data for e in journal.entries]
    assert journal.size == sum(len(e.data) for e in journal.entries)


@pytest.mark.parametrize("first", [End("stop"), Error("internal", "Broken.")])
@pytest.mark.parametrize("further", [Text(0, "more"), End("cancelled"), Error("limit", "Too late.")])
def test_nothing_comes_after_the_terminal_event(first, further):
    journal = filled("a", ended=False)
    assert journal.terminal is None
    journal.append(first, 5)
    with pytest.raises(JournalClosed):
        journal.append(further, 6)
    assert journal.terminal is journal.entries[-1]
    assert journal.terminal.event == first
    assert len(journal.entries) == 2


def test_at_its_limit_only_the_ending_fits():
    journal = Journal(limit=200)
    while journal.size < 140:
        journal.append(Text(0, "x" * 20), 0)
    held = len(journal.entries)
    assert journal.size <= 200
    with pytest.raises(JournalFull):
        journal.append(Text(0, "x" * 20), 0)
    journal.append(Error("limit", "The answer was too long, so the stream was closed. " * 20), 1)
    assert [e.seq for e in journal.entries] == list(range(held + 1))


def test_a_copy_takes_only_what_is_next():
    source = filled("a", "b")
    copy = Journal()
    with pytest.raises(ValueError, match="seq 1 where 0 is next"):
        copy.adopt(source.entries[1])
    for entry in source.entries:
        copy.adopt(entry)
    with pytest.raises(JournalClosed):
        copy.adopt(source.entries[-1])
    assert copy.entries == source.entries


@given(st.lists(st.text(max_size=30), max_size=30), st.integers(-1, 40), st.integers(1, 400))
def test_batches_are_bounded_and_lose_nothing(deltas, after, limit):
    journal = filled(*deltas)
    found: list[Entry] = []
    cursor = after
    while batch := journal.batch(cursor, limit):
        assert len(batch) == 1 or sum(len(e.data) for e in batch) <= limit
        found += batch
        cursor = batch[-1].seq
    assert found == journal.entries[after + 1 :]


def test_one_large_entry_does_not_stop_a_reader():
    journal = filled("x" * 1000, "y")
    assert [e.seq for e in journal.batch(-1, 10)] == [0]


async def test_readers_from_any_place_get_the_rest_and_then_end():
    journal = filled("a", "b", "c")
    for after in range(-1, 6):
        assert await read_all(journal, after) == journal.entries[after + 1 :]


async def test_many_readers_follow_a_growing_journal_each_from_its_own_place():
    journal = Journal()
    readers = [asyncio.ensure_future(read_all(journal, n % 9 - 1)) for n in range(60)]
    for n in range(20):
        journal.append(Text(0, str(n)), n)
        if n % 3 == 0:
            await asyncio.sleep(0)
    journal.append(End("stop"), 20)
    async with asyncio.timeout(10):
        for n, found in enumerate(await asyncio.gather(*readers)):
            assert found == journal.entries[n % 9 :]


async def test_an_event_wakes_its_reader_without_waiting_for_another():
    journal = Journal()
    batches = journal.read()
    first = asyncio.ensure_future(anext(batches))
    await asyncio.sleep(0)
    journal.append(Text(0, "a"), 0)
    async with asyncio.timeout(10):
        assert [e.seq for e in await first] == [0]


async def test_a_reader_that_left_leaves_nothing_behind():
    journal = Journal()
    waiting = [asyncio.ensure_future(journal.wait(-1)) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert not journal._waiters
    journal.append(End("stop"), 0)
    await asyncio.wait_for(journal.wait(-1), 10)


@given(st.lists(st.text(max_size=5), max_size=12), st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=12))
@settings(max_examples=150)
def test_a_reader_cut_anywhere_and_attached_again_misses_and_doubles_nothing(deltas, cuts):
    """Each cut leaves after some entries of a batch, while the journal grows by some in between."""

    async def session() -> tuple[list[Entry], Journal]:
        journal, pending = Journal(), [Text(0, d) for d in deltas]

        def grow(n: int) -> None:
            for event in pending[:n]:
                journal.append(event, 0)
            del pending[:n]
            if not pending and journal.terminal is None:
                journal.append(End("stop"), 0)

        found: list[Entry] = []
        for taken, grown in cuts:
            grow(grown)
            after = found[-1].seq if found else -1
            if len(journal.entries) <= after + 1:
                continue
            async for batch in journal.read(after):
                found += batch[:taken]  # the connection broke within the batch
                break
        grow(len(pending))
        if not found or not found[-1].terminal:
            found += await read_all(journal, found[-1].seq if found else -1)
        return found, journal

    found, journal = asyncio.run(session())
    assert found == journal.entries
