"""The static card: everything a reader needs is in it as text, and nothing a model says becomes anything else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import unquote

import mistune
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
    Notice,
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

SET = {
    "p", "br", "strong", "em", "del", "code", "pre", "a", "ul", "ol", "li", "blockquote", "hr", "table", "thead", "tbody", "tr", "th", "td",
    "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip
"""What a model's Markdown may become."""
TAGS = SET | {"div", "span", "details", "summary", "svg", "rect", "path"}
ATTRIBUTES = {
    "style", "title", "dir", "class", "role", "aria-label", "viewbox", "preserveaspectratio", "href", "rel", "target", "start",
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
    return set(parsed.tags) <= TAGS and named <= ATTRIBUTES and not parsed.strange and "url(" not in styles and leads_nowhere_bad(parsed)


def leads_nowhere_bad(parsed: Parsed) -> bool:
    """Every link is to a web or mail address."""
    return all(re.match(r"https?://\w|mailto:", value or "", re.IGNORECASE) for name, value in parsed.attributes if name == "href")


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


def test_after_a_stop_it_tells_what_that_does_to_the_bill_unless_it_was_a_replay():
    end = End("cancelled", cancel_stops_billing="unknown")
    words = "The connection to openai was closed; whether that stops the bill is not documented."
    assert words in html(Text(0, "Blue."), end).text
    assert "The connection" not in html(Text(0, "Blue."), End("cancelled")).text
    replay = Start("x", "replay/r", "replay", "openai-chat", 1785506700.0, replayed=True)
    assert words not in bundle([encode(replay, 0, 0), encode(end, 1, 5)])["text/html"]


def test_a_rate_limit_that_is_near_is_told_quietly():
    data = {"remaining_requests": 2, "limit_requests": 500, "reset_requests": 20}
    shown = html(Notice("rate_limits", data), Text(0, "Blue."), End("stop")).text
    assert "Near the rate limit of openai: 2 of 500 requests left for the next 20 s." in shown
    assert "Near" not in html(Notice("rate_limits", data | {"remaining_requests": 400}), Text(0, "Blue."), End("stop")).text


def test_it_tells_of_retries():
    retry = Notice("retry", {"attempt": 2, "of": 3, "wait": 0.5, "code": "overloaded", "message": "Busy."})
    assert "200 ms · ~1 tok · 0.30 s · 1 retry" in html(retry, Text(0, "Yes."), End("stop")).text
    assert "0.40 s · 2 retries" in bundle(journal(retry, retry, Text(0, "Yes."), End("stop")))["text/plain"]


def test_the_limit_is_told():
    forms = bundle(journal(Text(0, "The sky"), End("length")))
    assert "it reached the limit of tokens" in forms["text/html"]
    assert "done, at the token limit" in forms["text/plain"]


def test_a_failure_before_any_token_is_a_card_too():
    forms = bundle(journal(Error("auth", "No key for openai.", "connect")))
    assert "no token · 0.10 s" in Parsed(forms["text/html"]).text
    assert forms["text/plain"] == "failed: No key for openai. · no token · 0.10 s · openai/gpt-5.2 · 2026-07-31 14:05 UTC"


def test_paragraphs_hold_without_styles():
    shown = html(Text(0, "One\ntwo\n\n\nthree"), End("stop"))
    assert shown.tags.count("p") == 2
    assert "One\ntwo" in shown.text


RICH = """# Sky

It is **blue**, *not* ~~green~~, see `rayleigh()` and [a page](https://example.org/a?b=1&c=2).

1. one
   - [x] inner
2. two

> quoted

| band | nm |
|:--|--:|
| red | 700 |

```python
print("<b>")
```

$$
I \\propto a_1 * b_2 * \\lambda^{-4}
$$
"""


def test_markdown_is_set_with_plain_structure():
    shown = html(Text(0, RICH), End("stop"))
    for element in ("h1", "strong", "em", "del", "code", "a", "ol", "ul", "blockquote", "table", "th", "pre"):
        assert element in shown.tags
    assert ("href", "https://example.org/a?b=1&c=2") in shown.attributes
    for words in ("rayleigh()", "☑ inner", "python", 'print("<b>")', "I \\propto a_1 * b_2 * \\lambda^{-4}"):
        assert words in shown.text
    assert "**" not in shown.text


def test_markdown_stays_markdown_for_viewers_that_set_it():
    form = viewed(bundle(journal(Text(0, RICH), End("stop")))["text/markdown"])
    for element in ("h1", "strong", "em", "del", "code", "a", "ol", "ul", "blockquote", "table", "th", "pre"):
        assert element in form.tags
    assert 'print("<b>")' in form.text
    assert ("href", "https://example.org/a?b=1&c=2") in form.attributes


def test_a_price_is_no_formula_and_a_formula_no_emphasis():
    shown = html(Text(0, "from $5 to $9, and $a_1 * b * c_1$"), End("stop"))
    assert "from $5 to $9" in shown.text
    assert "a_1 * b * c_1" in shown.text
    assert shown.tags.count("code") == 1


def test_a_picture_is_a_link_and_never_loaded():
    shown = html(Text(0, "![a chart](https://example.org/x.png)"), End("stop"))
    assert ("href", "https://example.org/x.png") in shown.attributes
    assert "a chart" in shown.text


def test_text_is_shown_as_it_is_where_that_is_asked():
    shown = html(Text(0, "**a**\n  b"), End("stop"), format="text")
    assert "**a**\n  b" in shown.text


def test_a_very_long_answer_is_shown_as_it_is():
    form = bundle(journal(Text(0, "*a* " * 60_000), End("stop")))
    assert "*a* *a*" in Parsed(form["text/html"]).text
    assert "&#42;a" in form["text/markdown"]


def test_code_is_one_block():
    shown = html(Text(0, '{"a":\n\n  1}'), End("stop"), format="code")
    assert shown.tags.count("pre") == 1
    assert '{"a":\n\n  1}' in shown.text
    assert '```\n{"a":1}' in bundle(journal(Text(0, '{"a":1}'), End("stop")), format="code")["text/markdown"]


@pytest.mark.parametrize(("answer", "shown"), [('{"a":[1]}', '{\n  "a": [\n    1\n  ]\n}'), ('{"a":', '{"a":')])
def test_json_is_laid_out_if_it_is_some(answer, shown):
    assert shown in html(Text(0, answer), End("stop"), format="json").text


def test_sources_and_what_ran_elsewhere_are_told_quietly():
    cited = Notice("citation", {"annotations": [{"type": "url_citation", "url": "https://example.org/a", "title": "A page"}]})
    again = Notice("citation", {"citations": ["https://example.org/a", "https://example.org/b", "javascript:alert(1)"]})
    shown = html(cited, again, Notice("server_tool", {"name": "web_search", "block": 1}), Notice("media", {}), Text(0, "x"), End("stop"))
    assert "Sources: A page · https://example.org/b" in shown.text
    assert "Used at the provider: web_search" in shown.text
    assert "1 picture or file, not kept" in shown.text
    assert safe(shown)


@pytest.mark.parametrize(("reason", "words"), [
    ("length", "Token limit: "), ("filter", "Filtered: "), ("refusal", "Refused: "), ("truncated", "Cut off: "),
])  # fmt: skip
def test_an_end_that_was_not_the_models_is_said_in_a_word(reason, words):
    assert words in html(Text(0, "The sky"), End(reason)).text


def test_it_says_who_answered_where_that_is_another_model():
    assert "answered by openai/gpt-5.2-mini" in html(Notice("served", {"model": "openai/gpt-5.2-mini"}), Text(0, "x"), End("stop")).text


def test_an_empty_answer_is_said_to_be_one():
    assert "The answer is empty." in html(End("stop")).text


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
    "<script>alert(1)</script>", "</p></div><script src=//x>", "[x](javascript:alert(1))", "![x](data:text/html,x)",
    "[x](java&#115;cript:y)",
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
    parsed = html(Text(0, words), End("stop"), format="text")
    assert safe(parsed)
    shown = "".join(parsed.text.split())
    assert "".join(clean(words).split()) in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", parsed.text)


PIECES = [
    "<", ">", "&", "*", "_", "`", "[", "]", "(", ")", "#", "!", "|", "~", "$", ":", "\\", "-", "+", " ", "\t", "\n", "\n\n", ".", "1", "w",
    "```", "$$", "](", "\n- ", "\n1. ", "\n> ", "\n    ", "\n|-|-|\n", "[a]: ", "http://x.y/", "javascript:", "<script>", "</pre>", "<b>",
    "&#60;",
    "mailto:", "@", "www.x.y", "<!--", "\n# ", "\n```mermaid\n", "data:text/html,", "&#x6a;", "\r", "\u202e", "\ud800",
]  # fmt: skip
MARKDOWN = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join)


@given(MARKDOWN)
def test_no_markdown_becomes_anything_but_ours(text):
    parsed = html(Text(0, text), Reasoning(1, text), Refusal(2, text), End("stop"))
    assert safe(parsed)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", parsed.text)


@given(
    st.lists(st.sampled_from([p for p in PIECES if not set(p) & set("[&<:")]) | st.from_regex("[a-z]{1,3}", fullmatch=True)).map("".join)
)
def test_no_word_is_lost(text):
    letters = "".join(re.findall("[a-z]", text))
    shown = iter("".join(re.findall("[a-z]", html(Text(0, text), End("stop")).text.partition("UTC")[2])))
    assert all(letter in shown for letter in letters)


def viewed(text: str) -> Parsed:
    """Markdown as a viewer sets it that lets HTML through and has every extension."""
    viewer = mistune.create_markdown(
        escape=False, plugins=["table", "strikethrough", "task_lists", "url", "footnotes", "def_list", "abbr", "math"]
    )
    return Parsed(str(viewer(text)))


@given(MARKDOWN)
def test_markdown_is_harmless_where_html_would_pass(text):
    parsed = viewed(bundle(journal(Text(0, text), End("stop")))["text/markdown"])
    assert set(parsed.tags) <= SET | {"input"}
    assert {name for name, _ in parsed.attributes} <= {"href", "style", "class", "type", "disabled", "checked", "start"}
    assert leads_nowhere_bad(parsed)
    assert not parsed.strange


MARKS = re.compile(r"[\\`*_{}\[\]()<>#|~!$:@=^+-]")


@given(st.text(alphabet=st.characters() | st.sampled_from("<>&*_`[]()#!|~$:\\-+ \t\n.1w")))
def test_text_that_is_no_markdown_holds_no_mark_of_the_models(words):
    form = bundle(journal(Text(0, words), End("stop")), format="text")["text/markdown"]
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
