"""The static card: everything a reader needs is in it as text, and nothing a model says becomes anything else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.card import TRANSPORTS, Info, bundle
from tokenwidgets.events import (
    Audio,
    End,
    Entry,
    Error,
    Event,
    Reasoning,
    Refusal,
    Start,
    Text,
    Tool,
    Transcript,
    Usage,
    encode,
)  # fmt: skip
from tokenwidgets.markup import Html, clean, join, tag

START = Start("x", "openai/gpt-5.2", "openai", "openai-chat", 1785506700.0)

TAGS = {"div", "span", "strong", "p", "br", "pre", "code", "details", "summary", "svg", "rect", "path"}
ATTRIBUTES = {
    "style", "title", "dir", "class", "role", "aria-label", "viewbox", "preserveaspectratio",
    "x", "y", "width", "height", "fill", "fill-opacity", "d", "stroke", "stroke-width", "stroke-opacity",
}  # fmt: skip


def journal(*events: Event) -> list[Entry]:
    return [encode(event, seq, seq * 100_000) for seq, event in enumerate([START, *events])]


class Parsed(HTMLParser):
    """Elements, attributes and text as a browser takes them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.strange: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "br":
            self.text += "\n"

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.strange.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def html(*events: Event, info: Info | None = None, format: str = "markdown") -> Parsed:
    return Parsed(bundle(journal(*events), info, format)["text/html"])


def safe(parsed: Parsed) -> bool:
    """Only our own elements and attributes, with nothing that loads, links or runs."""
    named = {name for name, _ in parsed.attributes}
    styles = " ".join(value or "" for name, value in parsed.attributes if name == "style")
    return set(parsed.tags) <= TAGS and named <= ATTRIBUTES and not parsed.strange and "url(" not in styles


# ---- what it shows


def test_it_shows_answer_model_transport_date_and_figures():
    date = datetime(2026, 7, 31, 14, 5, tzinfo=UTC)
    shown = html(Text(0, "Blue."), Usage(output=2), End("stop"), info=Info(transport="webrtc", why="asked for", date=date))
    for words in ("done", "openai/gpt-5.2", "▲ WebRTC", "2026-07-31 14:05 UTC", "Blue.", "first token 100 ms · 2 tok · 0.30 s"):
        assert words in shown.text
    assert ("title", "asked for") in shown.attributes


def test_model_and_date_come_from_the_stream_itself():
    assert "2026-07-31" in html(Text(0, "a"), End("stop")).text


@pytest.mark.parametrize("name", TRANSPORTS)
def test_each_transport_has_its_mark_and_name(name):
    transport = TRANSPORTS[name]
    assert f"{transport.mark} {transport.name}" in html(End("stop"), info=Info(transport=name)).text


@pytest.mark.parametrize(("field", "word"), [("simulated", "simulated"), ("replayed", "replayed")])
def test_what_is_no_model_says_so_everywhere(field, word):
    start = encode(Start("x", "sim/steady", "sim", "openai-chat", 1.0, **{field: True}), 0, 0)
    forms = bundle([start, encode(Text(0, "a"), 1, 5), encode(End("stop"), 2, 9)])
    assert all(word in form for form in forms.values())


def test_reasoning_is_folded_with_its_own_figures():
    shown = html(Reasoning(0, "Let me see."), Text(1, "Blue."), Usage(output=2, reasoning=4), End("stop"))
    assert "Reasoning, 0 ms, 4 tokens" in shown.text
    assert "details" in shown.tags
    assert "Let me see." not in bundle(journal(Reasoning(0, "Let me see."), Text(1, "Blue."), End("stop")))["text/plain"]


def test_a_summary_is_called_one():
    assert "Reasoning summary, 0 ms, ~1 tokens" in html(Reasoning(0, "Hm.", "summary"), End("stop")).text


def test_tool_calls_show_their_arguments():
    call = (Tool(0, "c", "get_weather"), Tool(0, delta='{"city":'), Tool(0, delta='"Oslo"}'))
    shown = html(*call, Tool(0, "c", "get_weather", "", True, {"city": "Oslo"}), End("tool"))
    assert "Tool call get_weather" in shown.text
    assert '"city": "Oslo"' in shown.text
    assert "Tool call, cut off get_weather" in html(*call[:2], End("truncated")).text
    assert "not valid JSON" in html(*call, Tool(0, "c", "get_weather", "", True, None, True), End("tool")).text
    whole = journal(*call, Tool(0, done=True, arguments={"city": "Oslo"}), End("tool"))
    assert 'get_weather({"city": "Oslo"})' in bundle(whole)["text/plain"]


def test_other_parts_are_named():
    shown = html(Refusal(0, "No."), Audio(1, "AAAA"), Transcript(2, "assistant", "Hello."), Text(3, "Second", 1), End("stop"))
    for words in ("Refusal", "Sound, not kept", "Spoken, assistant", "Choice 1", "Choice 2"):
        assert words in shown.text


@pytest.mark.parametrize(("end", "words"), [
    ((End("truncated"),), "Cut off: the connection ended without the provider's end marker"),
    ((), "Cut off: the connection ended without the provider's end marker"),
    ((Error("overloaded", "Try again in a moment."),), "Failed: Try again in a moment."),
    ((End("cancelled"),), "stopped at token ~2"),
])  # fmt: skip
def test_an_end_that_is_none_cannot_be_missed(end, words):
    shown = html(Text(0, "The sky"), *end)
    assert words in shown.text
    assert "The sky" in shown.text
    assert words.lower() in bundle(journal(Text(0, "The sky"), *end))["text/plain"].lower()


def test_the_limit_is_told():
    forms = bundle(journal(Text(0, "The sky"), End("length")))
    assert "it reached the limit of tokens" in forms["text/html"]
    assert "done, at the token limit" in forms["text/plain"]


def test_a_failure_before_any_token_is_a_card_too():
    forms = bundle(journal(Error("auth", "No key for openai.", "connect")))
    assert "no token · 0.10 s" in Parsed(forms["text/html"]).text
    assert forms["text/plain"] == "failed: No key for openai. · no token · 0.10 s · openai/gpt-5.2 · 2026-07-31 14:05 UTC"


def test_paragraphs_and_lines_hold_without_styles():
    shown = html(Text(0, "One\ntwo\n\n\nthree"), End("stop"))
    assert shown.tags.count("p") == 2
    assert "One\ntwo" in shown.text


@pytest.mark.parametrize("format", ["json", "code"])
def test_code_is_one_block(format):
    shown = html(Text(0, '{"a":\n\n  1}'), End("stop"), format=format)
    assert "pre" in shown.tags
    assert '{"a":\n\n  1}' in shown.text
    assert '```\n{"a":' in bundle(journal(Text(0, '{"a":1}'), End("stop")), format=format)["text/markdown"]


def test_a_fence_cannot_be_closed_from_within():
    form = bundle(journal(Text(0, "````\nout\n```"), End("stop")), format="code")["text/markdown"]
    assert form.startswith("`````\n````\nout\n```\n`````\n")


def test_long_streams_make_small_pictures():
    chunks = [encode(Text(0, "x"), i, i * 1000) for i in range(1, 20_001)]
    entries = [encode(START, 0, 0), *chunks, encode(End("stop"), 20_001, 20_001_000)]
    assert len(bundle(entries)["text/html"]) < 20_000 + 8_000


def test_plain_text_is_the_answer_and_one_line():
    form = bundle(journal(Text(0, "Blue."), Usage(output=2), End("stop")), Info(transport="sse"))["text/plain"]
    assert form == "Blue.\n\nfirst token 100 ms · 2 tok · 0.30 s · openai/gpt-5.2 · SSE · 2026-07-31 14:05 UTC"


# ---- what it keeps out

HOSTILE = [
    "<script>alert(1)</script>", "</p></div><script src=//x>", "[x](javascript:alert(1))", "![x](http://x/y.png)",
    '<b data-commandlinker-command="x:y" data-commandlinker-args="{}">go</b>', "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><style>*{display:none}</style>", "<div><details open ontoggle=alert(1)><summary>x", "<!-- --><!DOCTYPE x><?x?>",
    "&lt;script&gt;&#60;b&#62;", '" onmouseover="alert(1)', "' style='x", "<iframe srcdoc='<script>'>", "<plaintext><textarea><title>",
    "\u202egnirts\u2066 lab\u2069el", "\x00\x1b[31mred\x1b[0m\x07\x85\r\n", "\ud83d lone \udc00",
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_are_words_in_every_place(hostile):
    call = Tool(6, "c", hostile, hostile, True, {hostile: [hostile]})
    head = Tool(3, "c", hostile, hostile)
    events = (Text(0, hostile), Reasoning(1, hostile), Refusal(2, hostile), head, call, Transcript(4, hostile, hostile))
    for end in (Error("internal", hostile), End("stop", hostile)):
        for format in ("markdown", "json"):
            info = Info(model=f"x/{hostile}", transport="sse", why=hostile)
            shown = html(*events, end, info=info, format=format)
            assert safe(shown)
            assert "".join(clean(hostile).split()) in "".join(shown.text.split())
            bundle(journal(*events, end), info)["text/html"].encode()


@given(st.text(alphabet=st.characters() | st.sampled_from("<>&\"'`[]()\n\\"), min_size=1))
def test_any_words_are_words(words):
    parsed = html(Text(0, words), End("stop"))
    assert safe(parsed)
    shown = "".join(parsed.text.split())
    assert "".join(clean(words).split()) in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", parsed.text)


MARKS = re.compile(r"[\\`*_{}\[\]()<>#|~!$:@=^+-]")


@given(st.text(alphabet=st.characters() | st.sampled_from("<>&*_`[]()#!|~$:\\-+ \t\n.1w")))
def test_markdown_holds_no_mark_of_the_models(words):
    form = bundle(journal(Text(0, words), End("stop")))["text/markdown"]
    body = form.rpartition("*first token")[0] if "*first token" in form else ""
    assert not MARKS.search(re.sub(r"&#\d+;", "", body))
    assert not re.search(r"^[ \t]|^\d+\.\s", body, re.MULTILINE)
    assert "<" not in unquote(re.sub(r"&#\d+;", "", body))


def test_markup_takes_only_its_own_tags():
    assert tag("b", "<i>", Html("<u></u>"), title='"<') == '<b title="&quot;&lt;">&lt;i&gt;<u></u></b>'
    assert join("a<", tag("br")) == "a&lt;<br>"


def test_halves_of_a_character_are_joined_and_others_are_marked():
    assert clean("\ud83d\ude00 \ud83d") == "😀 \ufffd"
    assert "😀" in html(Text(0, "\ud83d"), Text(0, "\ude00"), End("stop")).text
