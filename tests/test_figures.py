"""Numbers in words, and the vectors that the front end runs too."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tokenwidgets import figures
from tokenwidgets.events import End, Error, decode
from tokenwidgets.metrics import Metrics, measure
from tokenwidgets.timeline import timeline

WORDS = json.loads((Path(__file__).parent / "data/words.json").read_text())


@pytest.mark.parametrize("case", WORDS["retry"], ids=lambda case: case["words"])
def test_a_retry_in_the_words_of_the_widget(case):
    assert figures.retry(case["data"], case["host"]) == case["words"]


@pytest.mark.parametrize("data", [{}, {"wait": "soon", "code": []}, {"wait": float("inf")}, {"wait": True, "of": {}}])
def test_a_retry_of_a_file_that_is_not_well_is_words_all_the_same(data):
    assert figures.retry(data, "{x}").startswith("An error at {x}: trying again ")


@pytest.mark.parametrize("case", WORDS["bill"], ids=lambda case: f"{case['cancel_stops_billing']}")
def test_the_bill_in_the_words_of_the_widget(case):
    assert figures.bill(End("cancelled", cancel_stops_billing=case["cancel_stops_billing"]), case["host"]) == case["words"]
    assert figures.bill(Error("internal", "x"), case["host"]) == figures.bill(None, case["host"]) == ""


@pytest.mark.parametrize("case", WORDS["limit"], ids=lambda case: f"{case['data']}")
def test_a_rate_limit_in_the_words_of_the_widget(case):
    assert figures.limit(case["data"], case["host"]) == case["words"]


@pytest.mark.parametrize(("us", "words"), [
    (None, "–"), (0, "0 ms"), (499, "0 ms"), (500, "1 ms"), (412_000, "412 ms"), (999_499, "999 ms"), (999_500, "1.00 s"),
    (1_000_000, "1.00 s"), (1_804_999, "1.80 s"), (9_994_999, "9.99 s"), (9_995_000, "10.0 s"), (13_949_999, "13.9 s"),
    (1_204_000_000, "1,204.0 s"),
])  # fmt: skip
def test_durations(us, words):
    assert figures.duration(us) == words


@pytest.mark.parametrize(("value", "words"), [
    (None, "–"), (86.5, "87 tok/s"), (86.49, "86 tok/s"),
    (9.94, "9.9 tok/s"), (9.95, "10 tok/s"), (0.04, "0.0 tok/s"), (12345.6, "12,346 tok/s"),
])  # fmt: skip
def test_rates(value, words):
    assert figures.rate(value) == words


def test_estimates_are_marked():
    assert figures.rate(87.0, exact=False) == "~87 tok/s"
    assert figures.tokens(1204) == "1,204 tok"
    assert figures.tokens(12, exact=False) == "~12 tok"


WHOLE = Metrics(first_token_us=412_000, tokens=1204, tokens_exact=True, rate=87.2, total_us=13_900_000, end=End("stop"))


@pytest.mark.parametrize(("metrics", "words"), [
    (WHOLE, "first token 412 ms · 87 tok/s · 1,204 tok · 13.9 s"),
    (Metrics(first_token_us=1_500_000, tokens=3, rate=2.0), "first token 1.50 s · ~2.0 tok/s · ~3 tok"),
    (Metrics(first_token_us=1, tokens=1, tokens_exact=True, total_us=2), "first token 0 ms · 1 tok · 0.00 s"),
    (Metrics(total_us=410_000), "no token · 0.41 s"),
    (Metrics(), "no token yet"),
    (Metrics(tokens=40, tokens_exact=True, total_us=2_000_000), "first token – · 40 tok · 2.00 s"),
])  # fmt: skip
def test_lines(metrics, words):
    assert figures.line(metrics) == words


@pytest.mark.parametrize(("metrics", "words"), [
    (WHOLE, "done"),
    (Metrics(tokens=148, tokens_exact=True, end=End("cancelled")), "stopped at token 148"),
    (Metrics(tokens=1480, end=End("cancelled")), "stopped at token ~1,480"),
    (Metrics(end=End("cancelled")), "stopped before the first token"),
    (Metrics(end=End("truncated")), "cut off: the connection ended without the provider's end marker"),
    (Metrics(), "cut off: the connection ended without the provider's end marker"),
    (Metrics(end=Error("timeout", "No answer for 300 s.")), "failed: No answer for 300 s."),
    (Metrics(end=End("length")), "done, at the token limit"),
    (Metrics(end=End("tool")), "done"),
    (Metrics(tokens=5, end=End("superseded")), "stopped at token ~5"),
])  # fmt: skip
def test_outcomes(metrics, words):
    assert figures.outcome(metrics) == words


def test_a_clock_counts_full_tenths():
    assert figures.clock(1_899_999) == "1.8 s"
    assert figures.clock(1_234_567_000_000) == "1,234,567.0 s"


VECTORS = Path(__file__).parent / "data" / "figures.json"


def vectors() -> list[Any]:
    return json.loads(VECTORS.read_text()) if VECTORS.exists() else []


@pytest.mark.parametrize("vector", vectors(), ids=lambda v: v["name"])
def test_the_front_end_writes_the_same(vector):
    metrics = measure(decode(json.dumps(event)) for event in vector["events"])
    found = asdict(metrics)
    assert {name: found[name] for name in vector["figures"]} == pytest.approx(vector["figures"])
    assert figures.line(metrics) == vector["line"]


@pytest.mark.parametrize("vector", vectors(), ids=lambda v: v["name"])
def test_the_front_end_draws_the_same(vector):
    entries = [decode(json.dumps(event)) for event in vector["events"]]
    paths = "".join(re.findall(r' d="([^"]*)"', timeline(entries, measure(entries))))
    assert sorted(paths.split("M")) == sorted(vector["spark"].split("M"))
