"""Packets in order again: whatever is lost or overtaken, and wherever the sequence begins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.realtime.jitter import CONCEALED, FAR, HELD, SEQUENCES, JitterBuffer

beginnings = st.sampled_from([0, 1, 40_000, SEQUENCES - 5]) | st.integers(0, SEQUENCES - 1)


@given(beginnings, st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=200))
def test_any_loss_and_reordering(first: int, fates: list[tuple[bool, int]]) -> None:
    """A fate is whether a packet arrives, and how many places later."""
    arrivals = sorted(((n + late, n) for n, (arrives, late) in enumerate(fates) if arrives), key=lambda pair: pair[0])
    buffer = JitterBuffer[int]()
    out = list[int | None]()
    seen, newest = set[int](), -1
    for _, n in arrivals:
        out += buffer.feed((first + n) % SEQUENCES, n)
        seen.add(n)
        newest = max(newest, n)
        came = [m for m in out if m is not None]
        assert came == sorted(set(came)), "in order, each at most once"
        held = [m for m in seen if m > max(came, default=-1)]
        assert len(held) < HELD, "no more is held than that"


@given(beginnings, st.integers(1, FAR - 5))
def test_nothing_stays_of_a_gap(first: int, gap: int) -> None:
    buffer = JitterBuffer[int]()
    assert buffer.feed(first, 0) == [0]
    behind = [buffer.feed((first + gap + n) % SEQUENCES, gap + n) for n in range(1, 6)]
    assert behind[: HELD - 1] == [[]] * (HELD - 1), "the lost one may still come"
    made_up = [None] * min(gap, CONCEALED)
    assert behind[HELD - 1] == [*made_up, *(gap + n for n in range(1, HELD + 1))]
    assert behind[HELD:] == [[gap + n] for n in range(HELD + 1, 6)], "each goes on at once again"


@given(beginnings)
def test_one_that_was_overtaken_is_waited_for(first: int) -> None:
    buffer = JitterBuffer[str]()
    order = {0: "a", 2: "c", 1: "b", 3: "d"}
    assert [buffer.feed((first + n) % SEQUENCES, name) for n, name in order.items()] == [["a"], [], ["b", "c"], ["d"]]
    assert buffer.feed(first, "a") == [], "again"


def test_a_sender_that_begins_anew_is_followed() -> None:
    buffer = JitterBuffer[str]()
    assert buffer.feed(10, "a") == ["a"]
    assert buffer.feed(12, "lost") == []
    assert buffer.feed(30_000, "b") == ["b"]
    assert buffer.feed(30_001, "c") == ["c"]
