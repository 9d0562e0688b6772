"""A comparison as one page: what it tells, and that nothing anybody wrote is more than text in it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from comparisons import PROMPT, comparison, stream, trial

from tokenwidgets.events import End
from tokenwidgets.findings import Findings
from tokenwidgets.formulas import DEFINITIONS
from tokenwidgets.report import runs
from tokenwidgets.report.page import page
from tokenwidgets.trials import Arm

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'--><style>*{display:none}</style>&lt;b&gt;\u202e"


class Page(HTMLParser):
    """Every element with its attributes, and the text outside of scripts and styles."""

    def __init__(self, found: Findings, words: bool = True) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.html = page(found, words).decode()
        self._inside = ""
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.text += "" if self._inside in ("script", "style") else data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_it_tells_what_was_asked_found_and_how_it_was_measured() -> None:
    found = comparison(slower=1.5)
    told = Page(found)
    assert "a or b" in told.text
    assert told.text.index("a was ahead of b by first token") < told.text.index("median")
    assert PROMPT in told.text
    assert f"an order drawn with seed {found.seed}" in told.text
    for name, version in found.environment.items():
        assert name in told.text
        assert version in told.text
    for figure in ("time_to_first_token", "total"):
        assert DEFINITIONS[figure].formula in told.text
        assert DEFINITIONS[figure].excludes in told.text
    assert len(told.all("circle")) == 48, "every warm value is a point"
    assert told.text.count("0 cold") == 2


def test_failures_and_answers_that_were_cut_are_marked() -> None:
    found = comparison(fails={1: 5})
    found.trials.append(trial(3, 0, stream(400_000, last=End("truncated"))))
    told = Page(found)
    assert "The host is overloaded." in told.text
    marks = [attributes["fill"] for attributes in told.all("rect")]
    assert (marks.count("#d32f2f"), marks.count("#f57c00")) == (1, 1)
    assert any((attributes.get("aria-label") or "").startswith("cut off") for attributes in told.all("svg"))


def test_simulated_and_replayed_calls_are_said_to_be() -> None:
    found = comparison(runs=1)
    assert "simulated" not in Page(found).text
    start = found.trials[0].entries[0].event
    object.__setattr__(start, "simulated", True)
    assert "1 of 4 calls were simulated: no model answered" in Page(found).text


def test_what_anybody_wrote_is_text() -> None:
    found = comparison(request={"prompt": HOSTILE, "system": HOSTILE})
    found.arms[0] = Arm(HOSTILE, found.arms[0].request)
    found.trials[1] = trial(0, 1, stream(5, HOSTILE))
    found.why, found.environment[HOSTILE] = HOSTILE, HOSTILE
    object.__setattr__(found.trials[2], "failures", {"": HOSTILE})
    told, plain = Page(found), Page(comparison())
    for tag in ("script", "img", "style", "b", "meta"):
        assert len(told.all(tag)) == len(plain.all(tag))
    assert told.all("script") == [{"type": "application/json", "id": "tokenwidgets-comparison"}]
    assert not [name for _, attributes in told.elements for name in attributes if name.startswith("on")]
    assert "\u202e" not in told.text
    assert "alert(1)" in told.text


def test_it_forbids_itself_everything_and_asks_for_nothing() -> None:
    told = Page(comparison())
    policy = next(attributes["content"] for attributes in told.all("meta") if "http-equiv" in attributes)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert not told.all("link")
    assert not [value for _, attributes in told.elements for name, value in attributes.items() if name in ("src", "href")]


def test_it_can_be_read_aloud_and_in_the_dark() -> None:
    told = Page(comparison())
    assert [tag for tag, _ in told.elements if tag in ("h1", "h2", "h3")] == ["h1", *["h2"] * 9]
    assert all(attributes.get("scope") in ("col", "row") for attributes in told.all("th"))
    assert all(attributes.get("aria-label") or attributes.get("aria-hidden") for attributes in told.all("svg"))
    assert "prefers-color-scheme: dark" in told.html
    assert "@media print" in told.html


def test_it_draws_so_many_calls_and_counts_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "SHOWN", 10)
    found = comparison()
    told = Page(found)
    assert "… and 40 calls more; they are in the data." in told.text
    assert len(json.loads(told.html.split('comparison">')[1].split("</script>")[0])["trials"]) == len(found.trials)


def test_nothing_measured_yet_is_a_page_too(tmp_path: Path) -> None:
    found = comparison()
    found.trials, found.why = [], ""
    assert "0 of 50 calls, not ended" in Page(found).text
    assert "No value of first token yet." in Page(found).text


def test_transports_keep_their_marks_and_colours() -> None:
    found = comparison()
    found.transports = ["sse", "ws"]
    for made in found.trials:
        object.__setattr__(made, "behind", {"sse": 0.0, "ws": 900.0 + made.round})
    told = Page(found)
    assert "● SSE" in told.text
    assert {"#0072b2", "#e69f00"} <= {attributes.get("stroke") for attributes in told.all("path")}
