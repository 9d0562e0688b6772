"""The card from the kernel's side: what its buttons make the kernel do."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from chat_server import Scripted

import tokenwidgets as tw
from tokenwidgets.continuation import GO_ON, going_on, why_not
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Entry, Error, Event, Start, Text, Tool, encode
from tokenwidgets.portal import portal
from tokenwidgets.pretty import laid_out
from tokenwidgets.widgets.stream import ANSWERS, TokenStream

pytestmark = pytest.mark.usefixtures("in_process")

FAST = {"show": False, "ttft_ms": 1, "itl_ms": 1}


def asked(**options: Any) -> tw.Result:
    return tw.stream("Why is the sky blue?", model="sim/steady", **FAST, tokens=20, **options).wait(20)


def asks(card: TokenStream, op: str, version: Any = 0) -> Any:
    """As its page does."""
    return portal().run(card.messages._operations[op]({"op": op, "version": version}), 20)


def journal(*events: Event, host: str = "openai") -> list[Entry]:
    start = Start("x", f"{host}/m", host, "openai-chat", 1.0)
    return [encode(event, seq, seq) for seq, event in enumerate([start, *events])]


# ---- Retry


def test_retry_asks_the_same_and_keeps_the_first_answer():
    card = TokenStream(asked(seed=3))
    assert asks(card, "retry") is None
    card.result.wait(20)
    first, second = card.results
    assert (card.version, len(card.runs), second.request) == (1, 2, first.request)
    assert (first.text, first.id) != ("", second.id)
    assert second.text == first.text, "the simulator says the same with the same seed"
    assert card.runs[1]["continues"] == -1


def test_the_file_holds_the_answer_that_is_shown_or_that_ended_last():
    card = TokenStream(asked())
    slow = tw.stream("Slow?", model="sim/steady", show=False, ttft_ms=60_000)
    card.add(slow)
    card.version = 1
    assert "Why is the sky blue" in card.static()["text/plain"]
    slow.stop()
    assert "stopped before the first token" in card.static()["text/plain"]
    card.version = 0
    assert "Why is the sky blue" in card.static()["text/plain"]


def test_what_was_opened_by_its_id_cannot_be_asked_again():
    card = TokenStream(tw.open(asked().id, show=False).wait(20))
    assert asks(card, "offers")["retry"] == "What was asked is not known here."
    with pytest.raises(Refused, match="opened by its id"):
        asks(card, "retry")


def test_a_card_holds_so_many_answers():
    card = TokenStream(asked())
    for _ in range(ANSWERS - 1):
        asks(card, "retry")
    with pytest.raises(Refused, match="run the cell again"):
        asks(card, "retry")


def test_a_transport_that_was_chosen_does_not_become_the_one_asked_for():
    card = TokenStream(asked())
    portal().run(card._attached({"stream": card.result.id, "transport": "sse", "why": "no socket"}), 20)
    card._news()
    assert (card.result.transport, card.runs[0]["transport"]) == ("sse", "auto")


@pytest.mark.parametrize("version", [1, -1, True, "0", None])
@pytest.mark.parametrize("op", ["offers", "retry", "continue", "save", "code"])
def test_an_answer_that_is_not_there_is_refused(op, version):
    with pytest.raises(Refused, match="no such answer"):
        asks(TokenStream(asked()), op, version)


# ---- Continue


def test_continue_goes_on_from_what_was_said(monkeypatch):
    with Scripted(["The sky", " is", " blue."]).running() as server:
        server.hold = threading.Event()
        host = tw.Provider("mine", key="sk-of-a-test", base_url=server.url, local=True)
        result = tw.stream("Why?", model="m", provider=host, show=False)
        next(iter(result))
        result.stop()
        server.hold.set()
        card = TokenStream(result)
        assert asks(card, "offers")["continue"] == ""
        asks(card, "continue")
        card.result.wait(20)
    messages = server.calls[-1][2]["messages"]
    assert [(m["role"], m["content"]) for m in messages] == [("user", "Why?"), ("assistant", "The sky"), ("user", GO_ON)]
    assert [run.get("continues", -1) for run in card.runs] == [-1, 0]


@pytest.mark.parametrize(("events", "host", "why"), [
    ((Text(0, "a"),), "openai", "It is still running."),
    ((Text(0, "a"), End("stop")), "openai", "The model finished its answer."),
    ((End("length"),), "openai", "There are no words to go on with."),
    ((Text(0, "a"), Tool(1, "c", "f"), End("length")), "openai", "There are no words to go on with."),
    ((Text(0, "a"), End("length")), "sim", "sim does not read what was said before."),
    ((Text(0, "a"), End("length")), "openai", ""),
    ((Text(0, "a"), Error("connection", "Broken.")), "openai", ""),
])  # fmt: skip
def test_where_there_is_no_going_on_it_says_why(events, host, why):
    entries = journal(*events, host=host)
    assert why_not({"prompt": "Why?"}, entries) == why
    if why:
        with pytest.raises(Refused, match=why):
            going_on({"prompt": "Why?"}, entries)


def test_options_and_earlier_messages_go_with_it():
    request = {"model": "openai/m", "messages": [{"role": "user", "content": "a"}], "system": "s", "options": {"max_tokens": 5}}
    made = going_on(request, journal(Text(0, "b"), End("length")))
    assert (made["model"], made["system"], made["options"]) == ("openai/m", "s", {"max_tokens": 5})
    assert [m["content"] for m in made["messages"]] == ["a", "b", GO_ON]
    assert len(request["messages"]) == 1


# ---- Save recording, Show code


def test_a_recording_is_written_where_the_kernel_is_and_plays_again(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    card = TokenStream(asked())
    told = [asks(card, "save") for _ in range(2)]
    assert {Path(one["folder"]) for one in told} == {tmp_path}
    assert len({one["name"] for one in told}) == 2, "no file is written over"
    assert all(tw.load(tmp_path / one["name"]).text == card.result.text for one in told)
    assert told[0]["name"].startswith("sim-steady-")


def test_the_call_is_told_as_programs_without_a_key(monkeypatch):
    with Scripted(["Yes."]).running() as server:
        server.configure("SCRIPTED_KEY")
        monkeypatch.setenv("SCRIPTED_KEY", "sk-planted-0123456789abcdef")
        card = TokenStream(tw.stream("Why?", model="scripted/m", show=False).wait(20))
        assert asks(card, "offers")["code"] == ""
        programs = asks(card, "code")["programs"]
    assert set(programs) == {"python", "python-httpx", "javascript", "curl"}
    assert "sk-planted" not in str(programs)
    assert "SCRIPTED_KEY" in programs["curl"]


def test_what_answers_here_has_no_program():
    card = TokenStream(asked())
    assert "no other program can call it" in asks(card, "offers")["code"]


def test_no_trait_holds_a_prompt_or_an_answer():
    card = TokenStream(asked())
    asks(card, "retry")
    traits = str({name: value for name, value in card.get_state().items() if name not in ("_esm", "_css")})
    assert "sky blue" not in traits


# ---- laying out JSON


@pytest.mark.parametrize(("text", "shown"), [
    ('{"a":[1.10,{"b":{}}],"c":[]}', '{\n  "a": [\n    1.10,\n    {\n      "b": {}\n    }\n  ],\n  "c": []\n}'),
    ('"{,}"', '"{,}"'), ("12345678901234567890", "12345678901234567890"), ('{"a":', '{"a":'), ("", ""), ("[" * 100_000, "[" * 100_000),
])  # fmt: skip
def test_json_is_laid_out_with_the_digits_it_had(text, shown):
    assert laid_out(text) == shown
