"""What is held back on the way is told from what the sender bunches itself, and named."""

from __future__ import annotations

from itertools import accumulate
from random import Random

import pytest

from tokenwidgets.buffering import EVENTS, REMEDY, Held, held, words

STEP = 20_000
WRITTEN = [float(i * STEP) for i in range(40)]


def told(found: Held | None) -> Held:
    assert found is not None
    return found


def by_size(sizes: list[int], room: int) -> list[float]:
    """When events arrive over a buffer that lets go what it has as soon as it is full, and the rest at the end."""
    arrived, waiting, full = list[float](), 0, 0
    for i, size in enumerate(sizes):
        waiting, full = waiting + 1, full + size
        if full >= room or i == len(sizes) - 1:
            arrived += [WRITTEN[i] + 300] * waiting
            waiting = full = 0
    return arrived


def test_what_comes_as_it_is_written_is_not_held() -> None:
    draw = Random(1)
    assert held(WRITTEN, [at + draw.uniform(100, 9000) for at in WRITTEN]) is None


def test_the_senders_own_bunches_are_its_own() -> None:
    bunched = [float(i // 10 * 10 * STEP) for i in range(40)]
    assert held(bunched, [at + 300 for at in bunched]) is None


def test_one_stall_of_the_network_or_of_the_reader_is_no_symptom() -> None:
    arrived = [WRITTEN[19] + 300 if 10 <= i < 20 else at + 300 for i, at in enumerate(WRITTEN)]
    assert held(WRITTEN, arrived) is None


def test_a_clock_that_is_hours_away_changes_nothing() -> None:
    arrived = [9e12 + WRITTEN[-1]] * 40
    assert told(held(WRITTEN, arrived)).by == "end"


def test_an_answer_that_is_held_to_its_end() -> None:
    found = told(held(WRITTEN, [300, 300 + STEP, *([WRITTEN[-1] + 300] * 38)]))
    assert (found.events, found.bunches, found.by) == (38, 1, "end")
    said = words("SSE", found.symptom)
    assert "holds events back (SSE): 38 of 40 events, written over 740 ms, came at once, as when the whole answer is waited for." in said
    assert said.endswith(REMEDY)
    assert "proxy_buffering off" in REMEDY


def test_a_buffer_that_is_full_at_so_many_bytes() -> None:
    sizes = [30 if i < 20 else 90 for i in range(40)]
    found = told(held(WRITTEN, by_size(sizes, 450), sizes))
    assert (found.events, found.by) == (39, "size")
    assert "each of about as many bytes" in found.symptom


def test_a_timer() -> None:
    sizes = [Random(3).randint(20, 2000) for _ in range(10)] + [Random(4).randint(20, 50) for _ in range(30)]
    arrived = [(at // 160_000 + 1) * 160_000 for at in WRITTEN]
    found = told(held(WRITTEN, arrived, sizes))
    assert (found.bunches, found.by) == (5, "time")


def test_where_size_and_time_go_together_neither_is_named() -> None:
    found = told(held(WRITTEN, by_size([50] * 40, 250), [50] * 40))
    assert found.by == ""
    assert found.symptom == "40 of 40 events came in 8 bunches, each written over up to 80 ms."


@pytest.mark.parametrize("n", [0, 1, EVENTS - 1])
def test_of_few_events_nothing_is_said(n: int) -> None:
    assert held(WRITTEN[:n], [WRITTEN[-1]] * n) is None


def test_without_the_instants_of_writing_nothing_is_said() -> None:
    assert held([None] * 40, [WRITTEN[-1]] * 40) is None
    assert held([], [WRITTEN[-1]] * 40) is None


@pytest.mark.parametrize("seed", range(50))
def test_nothing_is_seen_in_what_was_never_held(seed: int) -> None:
    """Bursty senders over a network whose delay varies by less than it takes to bunch."""
    draw = Random(seed)
    pauses = [draw.choice((0.0, 0.0, 5_000.0, 60_000.0)) for _ in range(200)]
    written = list(accumulate(pauses))
    assert held(written, [at + 40_000 + draw.uniform(0, 4_000) for at in written], [50] * 200) is None
