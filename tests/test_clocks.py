"""Another clock by round trips: what the quickest tells, what many tell of its drift, and what none does."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tokenwidgets.clocks import KEPT, Clock, RoundTrip

CASES = json.loads((Path(__file__).parent / "data" / "clocks.json").read_text())


def clock(*trips: RoundTrip) -> Clock:
    found = Clock()
    for trip in trips:
        found.take(trip)
    return found


def trips(ppm: float, seconds: float, n: int, seed: int = 0) -> list[RoundTrip]:
    """Of a clock whose zero is at 1 s by this one, which runs faster than it; each way takes 50 to 500 µs, each its own."""
    draw = Random(seed)
    found = []
    for i in range(n):
        at = i * seconds * 1e6 / (n - 1)
        own = 1e6 + at * (1 + ppm / 1e6)
        found.append(RoundTrip(own - draw.uniform(50, 500), at, own + draw.uniform(50, 500)))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_quickest_trip_counts_as_it_does_in_the_page(case: dict[str, Any]) -> None:
    found = clock(*(RoundTrip(*trip) for trip in case["trips"])).quickest
    assert found is not None
    assert (found.zero, found.uncertainty) == (case["zero"], case["uncertainty"])


def test_of_a_clock_that_was_never_asked_nothing_is_known() -> None:
    found = clock()
    assert (found.quickest, found.drift, found.offset(0)) == (None, None, None)
    assert found.words == "The two clocks were not compared."


def test_one_trip_says_nothing_of_a_drift() -> None:
    found = clock(RoundTrip(0, 5, 10))
    assert found.drift is None
    assert found.words == "The two clocks are aligned to ± 0.01 ms; of a drift nothing is known."


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ppm", [-80, 0, 80])
def test_a_drift_is_shown_where_there_is_one_and_its_bounds_hold_it(ppm: float, seed: int) -> None:
    found = clock(*trips(ppm, 60, 30, seed)).drift
    assert found is not None
    assert found.low <= ppm <= found.high
    assert found.shown == (ppm != 0)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ppm", [0, 80])
def test_a_time_is_as_wrong_as_is_said_at_most(ppm: float, seed: int) -> None:
    found = clock(*trips(ppm, 60, 40, seed))
    for at in (0, 13e6, 30e6, 60e6):
        offset = found.offset(at)
        assert offset is not None
        assert abs(offset.own(at) - (1e6 + at * (1 + ppm / 1e6))) <= offset.uncertainty
        assert offset.uncertainty < 400


def test_a_shift_is_of_the_other_clock_and_since_is_of_this_one() -> None:
    offset = clock(*trips(80, 60, 40)).offset(30e6)
    assert offset is not None
    stream = offset.of(20e6, since=5e6)
    assert stream.own(3e6) == pytest.approx(offset.own(23e6) - 5e6, abs=0.01)


def test_no_drift_is_shown_in_too_short_a_time() -> None:
    found = clock(*trips(80, 0.5, 30)).drift
    assert found is not None
    assert not found.shown
    assert found.words.startswith("no drift shown (")
    assert found.rate == 0


def test_a_clock_that_was_set_in_between_has_no_rate_and_the_trips_nearby_count() -> None:
    found = clock(RoundTrip(0, 0, 10), RoundTrip(1e6, 1e6, 1e6 + 40), RoundTrip(2e6, 2e6 + 90_000, 2e6 + 40))
    assert found.drift is not None
    assert not found.drift.steady
    assert "no steady rate" in found.words
    offset = found.offset(2e6 + 90_000)
    assert offset is not None
    assert offset.own(2e6 + 90_000) == pytest.approx(2e6 + 20)


def test_what_is_remembered_of_trips_has_a_limit_and_the_quickest_is_among_it() -> None:
    many = trips(0, 600, 3000)
    found = clock(*many)
    assert len(found._trips) <= KEPT
    assert found.quickest == min(many, key=lambda trip: trip.uncertainty)
