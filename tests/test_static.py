"""Every widget without kernel and without script: what a saved notebook keeps, and what strict viewers leave of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html.parser import HTMLParser

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from test_notebook import KEY, TOKEN, executed

from tokenwidgets.widgets.base import STATIC

OUTPUT_BYTES = 48_000
"""Of one widget in a notebook's file, for a short answer."""

STATE_BYTES = 60_000
"""Of all widgets that a program that executes notebooks saves beside the outputs."""

FORMS = {"text/html", "text/markdown", "text/plain"}

CELLS: Mapping[str, str] = {
    "nothing": "import tokenwidgets as tw\nr = tw.stream('Why is the sky blue?', model='sim/steady', itl_ms=1, tokens=60, show=False)",
    "stream": "tw.stream('Why is the sky blue?', model='sim/steady', tokens=60, itl_ms=1)",
    "chart": "r.wait().chart()",
    "timeline": "r.timeline()",
    "wire": "r.inspect()",
    "race": "tw.race('Why is the sky blue?', models=['sim/steady', 'sim/bursty'], tokens=40, itl_ms=1)",
    "sessions": "tw.sessions()",
    "mic": "tw.mic('sim/voice')",
    "lab": "tw.network_lab('model', tokens=40, rate=100).predict('skipped').start().wait()",
    "chat": "c = tw.chat('sim/steady', tokens=30, itl_ms=1)\nc('Why is the sky blue?', show=False).wait()\nc.show()",
}

ESSENCE = {
    "stream": ("simulated answer", "first token", "tok/s"),
    "chart": ("sim/steady", "p50"),
    "timeline": ("simulated answer", "tok/s"),
    "wire": ("sim/steady",),
    "race": ("sim/steady", "sim/bursty", "first token"),
    "sessions": ("finished", "streams"),
    "mic": ("sim/voice", "simulated", "Nothing was said yet"),
    "lab": ("Network lab", "simulated", "SSE", "ordered data channel", "seed 1"),
    "chat": ("Why is the sky blue?", "simulated answer"),
}
"""What must be read everywhere, in this order."""

GITHUB = {
    "h1", "h2", "h3", "h4", "h5", "h6", "br", "b", "i", "strong", "em", "a", "pre", "code", "img", "tt", "div", "ins", "del", "sup",
    "sub", "p", "picture", "ol", "ul", "table", "thead", "tbody", "tfoot", "blockquote", "dl", "dt", "dd", "kbd", "q", "samp", "var",
    "hr", "ruby", "rt", "rp", "li", "tr", "td", "th", "s", "strike", "summary", "details", "caption", "figure", "figcaption", "abbr",
    "bdo", "cite", "dfn", "mark", "small", "source", "span", "time", "wbr",
}  # fmt: skip
"""Elements that GitHub's html-pipeline keeps; of `script`, `style` and `svg` nothing is kept at all, and of no element its style."""

DROPPED = {"script", "style", "svg"}


class Sanitised(HTMLParser):
    """The text that is left of a document by GitHub's rules, and what was not as it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.scripts: list[str] = []
        self._dropped = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._dropped += tag in DROPPED
        self.scripts += [tag] if tag == "script" else [name for name, _ in attrs if name.startswith("on")]
        if tag not in GITHUB | DROPPED or tag in ("div", "p", "li", "tr", "td", "th", "br", "pre", "summary", "dt", "dd"):
            self.text += " "

    def handle_endtag(self, tag: str) -> None:
        self._dropped -= tag in DROPPED
        self.text += " " if tag not in ("span", "code", "em", "strong", "a") else ""

    def handle_data(self, data: str) -> None:
        if not self._dropped:
            self.text += data


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    return executed(list(CELLS.values()), tmp_path_factory.mktemp("home"))


@pytest.fixture(params=ESSENCE)
def shown(request: pytest.FixtureRequest, saved: NotebookNode) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The output of a widget's cell, and what must be read in it."""
    outputs = saved.cells[list(CELLS).index(request.param)].outputs
    (output,) = (output for output in outputs if output.output_type != "stream")
    return output.data, ESSENCE[request.param]


def in_order(words: tuple[str, ...], text: str) -> None:
    text, at = " ".join(text.split()), 0
    for word in words:
        at = text.find(word, at)
        assert at >= 0, f"{word!r} is not there, or too early:\n{text}"


def test_each_form_reads_by_itself(shown: tuple[Mapping[str, str], tuple[str, ...]]) -> None:
    data, essence = shown
    assert set(data) == FORMS
    in_order(essence, data["text/plain"])
    in_order(essence, data["text/markdown"])


def test_what_strict_sanitisers_leave_is_read_in_order(shown: tuple[Mapping[str, str], tuple[str, ...]]) -> None:
    data, essence = shown
    left = Sanitised(data["text/html"])
    in_order(essence, left.text)
    assert left.scripts == []


def test_an_output_is_small_and_holds_no_secret_and_no_bundle(saved: NotebookNode) -> None:
    for cell in saved.cells:
        for output in cell.outputs:
            assert len(json.dumps(output)) <= OUTPUT_BYTES
    text = nbformat.writes(saved)
    assert KEY not in text
    assert TOKEN not in text
    bundles = [bundle.read_text(encoding="utf-8") for bundle in STATIC.rglob("*.*")]
    assert not [bundle for bundle in bundles if bundle[:200] in text]
    assert len(json.dumps(saved.metadata)) <= STATE_BYTES


def test_nbconvert_makes_a_page_that_shows_it_all(saved: NotebookNode) -> None:
    page, _ = HTMLExporter(template_name="classic").from_notebook_node(saved)
    for essence in ESSENCE.values():
        for words in essence:
            assert words in page
    assert "Javascript Error" not in page
