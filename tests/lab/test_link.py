"""A link does to packets what it is asked to, by chance that has a seed."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.errors import Refused
from tokenwidgets.lab.base import Impairment
from tokenwidgets.lab.link import QUEUE_MS, Link, from_body, in_words

IMPAIRMENTS = st.builds(
    Impairment,
    loss=st.floats(0, 1),
    burst=st.floats(1, 50),
    delay_ms=st.floats(0, 500),
    jitter_ms=st.floats(0, 200),
    kbit_s=st.none() | st.floats(8, 10_000),
    cut=st.booleans(),
)
TRAFFIC = st.lists(st.tuples(st.integers(0, 50_000), st.integers(20, 1500)), max_size=60)


def fates(link: Link, count: int, flow: str = "") -> list[bool]:
    return [link.fate(i * 1000, 100, flow)[1] is not None for i in range(count)]


@given(IMPAIRMENTS, TRAFFIC, st.integers())
def test_a_packet_has_one_fate_and_never_arrives_before_its_delay(impairment: Impairment, traffic: Any, seed: int) -> None:
    link, now = Link(impairment, seed), 0
    for gap, size in traffic:
        now += gap
        to, lost = link.fate(now, size)
        assert (to is None) == (lost is not None)
        if to is not None:
            line = 0 if impairment.kbit_s is None else QUEUE_MS * 1000 + size * 8000 / impairment.kbit_s
            assert impairment.delay_ms * 1000 - 1 <= to - now <= (impairment.delay_ms + impairment.jitter_ms) * 1000 + line + 1
        assert not impairment.cut or lost == "cut"


@given(IMPAIRMENTS, TRAFFIC, st.integers())
def test_the_same_seed_gives_the_same_fates(impairment: Impairment, traffic: Any, seed: int) -> None:
    one, other = Link(impairment, seed), Link(impairment, seed)
    assert [one.fate(gap, size) for gap, size in traffic] == [other.fate(gap, size) for gap, size in traffic]


def test_what_other_flows_do_changes_no_flows_losses() -> None:
    alone, beside = Link(Impairment(loss=0.3, burst=3), 7), Link(Impairment(loss=0.3, burst=3), 7)
    expected = fates(alone, 200, "sse")
    got = []
    for i in range(200):
        got.append(beside.fate(i * 1000, 100, "sse")[1] is not None)
        beside.fate(i * 1000, 1200, "ws")
    assert got == expected


@pytest.mark.parametrize(("loss", "burst"), [(0.01, 1), (0.05, 1), (0.05, 4), (0.3, 10)])
def test_as_much_is_lost_as_is_asked_and_in_bursts_as_long(loss: float, burst: float) -> None:
    lost = fates(Link(Impairment(loss=loss, burst=burst), 1), 200_000)
    runs = [len(list(run)) for bad, run in groupby(lost) if bad]
    assert sum(lost) / len(lost) == pytest.approx(loss, rel=0.1)
    assert sum(runs) / len(runs) == pytest.approx(burst if burst > 1 else 1 / (1 - loss), rel=0.1)


def test_jitter_changes_no_loss_and_lets_packets_overtake() -> None:
    still, shaking = Link(Impairment(loss=0.1), 3), Link(Impairment(loss=0.1, jitter_ms=30), 3)
    assert fates(still, 500) == fates(shaking, 500)
    link = Link(Impairment(jitter_ms=30), 3)
    arrivals = [link.fate(i * 1000, 100)[0] or 0 for i in range(100)]
    assert arrivals != sorted(arrivals)


def test_a_line_passes_what_it_can_and_drops_what_waits_too_long() -> None:
    link = Link(Impairment(delay_ms=0, kbit_s=80), 1)  # 1000 bytes take 100 ms
    assert [link.fate(0, 1000) for _ in range(4)] == [(100_000, None), (200_000, None), (300_000, None), (None, "queue")]
    assert link.fate(250_000, 1000) == (400_000, None)


def test_a_link_that_is_cut_passes_nothing_until_it_heals() -> None:
    link = Link(Impairment(cut=True), 1)
    assert link.fate(0, 100) == (None, "cut")
    link.change(Impairment(delay_ms=20))
    assert link.fate(0, 100) == (20_000, None)


@pytest.mark.parametrize(
    "bad", [{"loss": 1.1}, {"loss": -0.1}, {"burst": 0.5}, {"delay_ms": -1}, {"jitter_ms": float("nan")}, {"kbit_s": 0}]
)
def test_what_no_link_can_be_is_refused_by_name(bad: dict[str, float]) -> None:
    with pytest.raises(Refused, match=next(iter(bad))):
        Link(Impairment(**bad), 1)  # type: ignore[arg-type]


def test_an_impairment_survives_json_and_is_named_in_words() -> None:
    assert from_body({"loss": 0.05, "burst": 4, "other": 1}) == Impairment(loss=0.05, burst=4)
    assert in_words(Impairment(loss=0.05, burst=4, jitter_ms=10, kbit_s=500)) == "5 % lost in bursts of 4, up to 10 ms jitter, 500 kbit/s"
    assert in_words(Impairment()) == "no loss"


def test_a_burst_passes_while_nothing_is_sent() -> None:
    link = Link(Impairment(loss=0.5, burst=1000), 1)
    now = 0
    while link.fate(now, 100)[1] is None:
        now += 1000
    waited = [link.fate(now := now + 600_000_000, 100)[1] is None for _ in range(20)]
    assert any(waited)
    assert not all(waited)
