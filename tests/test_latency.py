"""The latency chart from the kernel's side: what the page reports, and the form that needs no page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import tokenwidgets as tw
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Entry, Event, Notice, Reasoning, Start, Text, encode
from tokenwidgets.latency import Run, bundle
from tokenwidgets.portal import portal
from tokenwidgets.widgets.latency import LatencyChart

LEG = {"median_us": 400, "p95_us": 900, "n": 12, "last_us": 500, "why": ""}
LEGS = {"gateway": LEG, "link": LEG | {"last_us": None, "why": "no clock"}, "paint": LEG, "uncertainty_us": 200}


def finished(**options: object) -> tw.Result:
    return tw.stream("hello", model="sim/steady", show=False, ttft_ms=1, itl_ms=1, tokens=30, **options).wait(20)


def says(chart: LatencyChart, **content: object) -> None:
    """As its page does."""
    portal().run(chart._take_legs(content), 10)


def test_a_chart_of_streams_with_and_without_labels(in_process: object) -> None:
    one, two = finished(), finished()
    assert [run["label"] for run in tw.LatencyChart(one, {"again": two}).runs] == ["", "again"]
    chart = one.chart()
    assert [run["stream"] for run in chart.runs] == [one.id]
    assert (chart.scale, chart.selected, chart.selected_run) == ("linear", -1, 0)


def test_no_trait_holds_a_prompt_or_an_answer(in_process: object) -> None:
    result = finished()
    traits = str({name: value for name, value in tw.LatencyChart(result).get_state().items() if name not in ("_esm", "_css")})
    assert "hello" not in traits
    assert result.text[:20] not in traits


def test_what_the_page_measured_is_told_here_and_kept_in_the_static_form(in_process: object) -> None:
    result = finished()
    chart = result.chart()
    assert chart.legs == [{}]
    says(chart, stream=result.id, legs=LEGS)
    assert chart.legs == [LEGS]
    plain = chart.static()["text/plain"]
    assert "gateway 0.50 ms" in plain
    assert "paint" not in plain, "behind a link that is not known"


@pytest.mark.parametrize("content", [{"stream": "another", "legs": LEGS}, {"stream": 5, "legs": LEGS}, {"legs": LEGS}])
def test_a_report_of_another_stream_is_refused(in_process: object, content: dict[str, object]) -> None:
    with pytest.raises(Refused, match="a stream that this chart shows"):
        says(finished().chart(), **content)


@pytest.mark.parametrize("wrong", [None, "x", -1, 1.5, True, 10**30, [1], {"a": 1}])
def test_a_figure_that_is_none_is_unknown(in_process: object, wrong: object) -> None:
    result = finished()
    chart = result.chart()
    says(chart, stream=result.id, legs={"gateway": {"last_us": wrong, "n": wrong}, "link": wrong, "uncertainty_us": wrong})
    (legs,) = chart.legs
    assert (legs["gateway"]["last_us"], legs["gateway"]["n"], legs["link"]["n"], legs["uncertainty_us"]) == (None,) * 4
    assert "total" in chart.static()["text/html"]


class Parsed(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.titles: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "title":
            self.titles.append(data)


def journal(*events: tuple[int, Event]) -> list[Entry]:
    start = Start("s", "openai/gpt-5.2", "openai", "openai-chat", 1.0)
    return [encode(event, seq, at) for seq, (at, event) in enumerate([(0, start), *events])]


CONNECTION = Notice("connection", {"dns": 12_000, "connect": 22_000, "tls": 38_000, "sent": 39_000})
WHOLE = journal(
    (39_000, CONNECTION), (412_000, Reasoning(0, "hm")), (900_000, Text(1, "a")), (950_000, Text(1, "b")), (950_400, End("stop"))
)


def test_the_static_form_names_every_phase_and_needs_no_script():
    found = bundle([Run(WHOLE, "<script>x</script>", {"gateway": 210, "link": 700, "paint": 9_000})])
    parsed = Parsed(found["text/html"])
    assert "script" not in parsed.tags
    assert parsed.titles[:8] == [
        "connect 38 ms: DNS 12 ms, TCP 10 ms, TLS 16 ms", "upload 1.0 ms", "wait 373 ms", "answer 538 ms", "end 0.40 ms",
        "gateway 0.21 ms", "link 0.70 ms", "paint 9.0 ms",
    ]  # fmt: skip
    assert found["text/plain"].split("\n") == [
        "<script>x</script>: 960 ms",
        "  connect 38 ms + upload 1.0 ms + wait 373 ms + answer 538 ms + end 0.40 ms + gateway 0.21 ms + link 0.70 ms + paint 9.0 ms",
        "  p50 269 ms · p95 – · p99 – (n = 2 gaps) · 3 chunks in 3 reads",
    ]


def test_runs_are_drawn_on_one_scale():
    half = journal((39_000, CONNECTION), (412_000, Text(0, "a")), (475_200, End("stop")))
    html = bundle([Run(WHOLE, "a"), Run(half, "b")])["text/html"]
    assert re.findall(r"(?<!max-)width:([\d.]+)%", html.replace("width:100%", "")) == ["100.00", "50.00"]


@pytest.mark.parametrize("entries", [[], journal(), journal((500, End("cancelled")))])
def test_a_stream_without_content_has_a_static_form(entries):
    found = bundle([Run(entries, "a")])
    assert "0 chunks in 0 reads" in found["text/plain"]
    assert found["text/html"]
