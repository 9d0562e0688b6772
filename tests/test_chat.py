"""`tw.chat`: conversations with tools, in the kernel that asks."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from typing import Any, TypedDict

import pytest
from canned_server import YES, Canned, called, sse
from chat_server import BOUND, Scripted, run, started

import tokenwidgets as tw
from tokenwidgets.conversation import NOT_RUN, ConversationError

pytestmark = pytest.mark.usefixtures("in_process")

FAST = {"show": False, "ttft_ms": 1, "itl_ms": 1, "tokens": 12}
DIALECTS = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"]


def get_weather(city: str) -> str:
    """The weather in a city now."""
    return f"12 °C in {city}"


def contents(chat: tw.Chat) -> list[Any]:
    return [m["content"] for m in chat.messages]


# ---- turns


def test_a_second_question_comes_with_what_was_said():
    with Scripted(["Yes", "."]).running() as server:
        server.configure()
        chat = tw.chat("scripted/m", system="Be brief.", show=False, temperature=0.5)
        first = chat("One?").wait(BOUND)
        second = chat("Two?", temperature=0.1).wait(BOUND)
    assert (first.text, second.text, second.finish_reason, second.error) == ("Yes.", "Yes.", "stop", None)
    body = server.calls[-1][2]
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("system", "Be brief."), ("user", "One?"), ("assistant", "Yes."), ("user", "Two?"),
    ]  # fmt: skip
    assert [call[2]["temperature"] for call in server.calls] == [0.5, 0.1]
    assert contents(chat) == ["One?", "Yes.", "Two?", "Yes."]


def test_a_question_waits_for_the_turn_before_it():
    with Scripted(["Yes."]).running() as server:
        server.configure()
        server.hold = threading.Event()
        chat = tw.chat("scripted/m", show=False)
        first = chat("One?")
        threading.Thread(target=lambda: (first.wait(0.05), server.hold.set())).start()
        chat("Two?").wait(BOUND)
    assert contents(chat) == ["One?", "Yes.", "Two?", "Yes."]


def test_the_model_may_be_changed_between_turns():
    chat = tw.chat("sim/steady", **FAST)
    chat("One?").wait(BOUND)
    chat.model = "sim/bursty"
    assert chat("Two?").wait(BOUND).model == "sim/bursty"
    assert [n.model for n in chat.conversation.path()] == [None, "sim/steady", None, "sim/bursty"]


def test_a_failed_turn_is_told_and_left_out():
    with Scripted(["Yes."]).running() as server:
        server.configure()
        chat = tw.chat("scripted/m", show=False, retries=0)
        server.status = 400
        failed = chat("One?").wait(BOUND)
        assert failed.error is not None
        with pytest.raises(tw.StreamFailed):
            failed.raise_for_error()
        server.status = 200
        chat("Two?").wait(BOUND)
    assert [m["content"] for m in server.calls[-1][2]["messages"]] == ["Two?"]


def test_what_is_refused_leaves_the_conversation_as_it_was():
    chat = tw.chat("sim/steady", **FAST)
    chat("One?").wait(BOUND)
    for mistake in ({"transport": "pigeon"}, {"images": ["nowhere.png"]}, {"schema": str}, {"record": "/nowhere/x.jsonl"}):
        with pytest.raises(tw.Refused):
            chat("Two?", **mistake)
    with pytest.raises(tw.Refused, match="A question is a text"):
        chat("")
    assert len(chat.messages) == 2
    with pytest.raises(tw.Refused, match="'rounds' is a whole number"):
        tw.chat(rounds=0)


# ---- tools


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_tool_is_called_and_its_result_goes_back(dialect):
    chat = tw.chat("sim/tool-caller", tools=[get_weather], dialect=dialect, **FAST)
    turn = chat("How is the weather?").wait(BOUND)
    (call,) = turn.calls
    assert (call.name, call.result, call.error) == ("get_weather", f"12 °C in {call.arguments['city']}", None)
    assert call.seconds >= 0
    assert [r.finish_reason for r in turn.results] == ["tool", "stop"]
    assert (turn.finish_reason, turn.error) == ("stop", None)
    assert turn.text
    assert turn.text == turn.results[1].text == contents(chat)[-1]
    assert turn.usage.output == sum(r.usage.output for r in turn.results)
    assert chat.usage == turn.usage
    assert [m["role"] for m in chat.messages] == ["user", "assistant", "tool", "assistant"]
    again = chat("And tomorrow?").wait(BOUND)
    assert (again.error, len(again.calls)) == (None, 1)


def test_iterating_gives_the_words_of_all_rounds():
    chat = tw.chat("sim/tool-caller", tools=[get_weather], **FAST)
    turn = chat("How?")
    pieces = list(turn)
    assert turn.done
    assert "".join(pieces) == "".join(r.text for r in turn.results) != ""
    assert list(turn) == pieces


async def test_turns_inside_a_running_loop():
    chat = tw.chat("sim/tool-caller", tools=[get_weather], **FAST)
    turn = chat("How?")
    pieces = [piece async for piece in turn]
    assert "".join(pieces) == turn.text
    turn = chat("How?")
    assert await asyncio.wait_for(turn._ended(), BOUND) is turn
    assert turn.done
    assert len(turn.results) == 2


@pytest.mark.parametrize("rounds", [1, 3])
def test_the_loop_is_bounded_and_says_so(rounds):
    always = [
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}]}
    ]
    with Scripted(always).running() as server:
        server.configure()
        chat = tw.chat("scripted/m", tools=[get_weather], rounds=rounds, show=False)
        turn = chat("How?").wait(BOUND)
        assert len(server.calls) == len(turn.results) == rounds
        assert len(turn.calls) == rounds - 1, "a call whose result nobody would read is not carried out"
        assert (turn.error.code, "and still calls tools: rounds=" in turn.error.message) == ("limit", True)
        chat.toolbox = tw.chat().toolbox
        chat("Go on").wait(BOUND)
    assert server.calls[rounds][2]["messages"][-2]["content"] == NOT_RUN, "the conversation can go on"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (called("get_weather", '{"city": 5}'), "Error: city is a string, not 5"),
        (called("get_weather", '{"city": '), 'Error: the arguments are no JSON object: {"city":'),
        (called("get_whether"), "Error: there is no tool 'get_whether'; there are get_weather"),
    ],
)
def test_a_call_that_cannot_be_carried_out_is_told_to_the_model(call, told):
    with Canned("openai-chat", sse(call), YES).running() as server:
        turn = tw.chat("canned/m", tools=[get_weather], show=False)("How?").wait(BOUND)
    assert (turn.text, turn.error) == ("Yes.", None)
    sent = json.loads(server.sent[1])["messages"]
    assert sent[-1] == {"role": "tool", "tool_call_id": "a", "content": told}
    assert isinstance(json.loads(sent[-2]["tool_calls"][0]["function"]["arguments"]), dict)


def test_a_declared_tool_is_the_callers():
    declared = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    with Canned("openai-chat", sse(called("look")), YES).running() as server:
        chat = tw.chat("canned/m", tools=[get_weather, declared], show=False)
        turn = chat("How?").wait(BOUND)
        assert (turn.finish_reason, turn.calls, turn.error) == ("tool", [], None)
        chat.conversation.result(turn.results[-1].tool_calls[0]["id"], "a lake")
        chat("Go on").wait(BOUND)
    assert [m["content"] for m in json.loads(server.sent[1])["messages"]][2:] == ["a lake", "Go on"]


def test_one_stream_declares_functions_and_calls_none():
    def never(city: str) -> None:
        raise AssertionError

    result = tw.stream("How?", model="sim/tool-caller", tools=[never], **FAST).wait(BOUND)
    assert [c["name"] for c in result.tool_calls] == ["never"]
    assert result.request["tools"][0]["function"]["parameters"]["required"] == ["city"]


def test_a_stop_while_a_function_runs_ends_the_turn_and_keeps_what_came():
    inside, release = threading.Event(), threading.Event()

    def hang() -> None:
        inside.set()
        release.wait(BOUND)

    chat = tw.chat("sim/tool-caller", tools=[hang], **FAST)
    turn = chat("How?")
    assert inside.wait(BOUND)
    turn.stop()
    release.set()
    assert (turn.done, turn.finish_reason, len(turn.results), turn.error) == (True, "cancelled", 1, None)
    assert [m["content"] for m in chat.conversation.to_send()][1:] == ["", NOT_RUN]
    chat.toolbox = tw.chat(tools=[get_weather]).toolbox
    assert chat("Again?").wait(BOUND).error is None


def test_a_stop_while_the_model_speaks():
    chat = tw.chat("sim/steady", **{**FAST, "tokens": 20_000, "itl_ms": 5})
    turn = chat("Why?")
    next(iter(turn))
    turn.stop()
    assert (turn.done, turn.finish_reason) == (True, "cancelled")
    assert contents(chat) == ["Why?", turn.text]


def test_a_paused_answer_is_continued():
    def block(text: str, reason: str) -> bytes:
        return sse(
            {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 2}},
            {"type": "message_stop"},
        )

    with Canned("anthropic-messages", block("Searching", "pause_turn"), block(" done.", "end_turn")).running() as server:
        turn = tw.chat("canned/claude", show=False)("How?").wait(BOUND)
    assert [r.text for r in turn.results] == ["Searching", " done."]
    assert json.loads(server.sent[1])["messages"][1] == {"role": "assistant", "content": [{"type": "text", "text": "Searching"}]}


# ---- pictures, forms, branches, files


class Found(TypedDict):
    name: str


def test_pictures_and_forms():
    picture = b"\x89PNG\r\n\x1a\nrest"
    with Scripted(['{"name": ', '"Oslo"}']).running() as server:
        server.configure()
        chat = tw.chat("scripted/m", show=False)
        assert chat("Where is it?", images=[picture], schema=Found).parsed == {"name": "Oslo"}
        chat("Sure?").wait(BOUND)
    first, second = (call[2] for call in server.calls)
    assert [p["type"] for p in second["messages"][0]["content"]] == ["image_url", "text"], "pictures stay in the conversation"
    assert ("response_format" in first, "response_format" in second) == (True, False)


def test_edit_again_and_undo():
    chat = tw.chat("sim/steady", **FAST)
    chat("One?").wait(BOUND)
    chat("Two?").wait(BOUND)
    chat.edit("Eins?", at=0).wait(BOUND)
    assert contents(chat)[0] == "Eins?"
    assert len(chat.messages) == 2
    first = chat.last.text
    chat.again(tokens=40, model="sim/bursty").wait(BOUND)
    assert (chat.last.model, chat.model) == ("sim/bursty", "sim/steady"), "another model for one answer"
    assert contents(chat) == ["Eins?", chat.last.text]
    assert chat.last.text != first
    assert len(chat.conversation.siblings(chat.conversation.leaf)) == 2
    assert chat.undo() == "Eins?"
    assert (chat.messages, chat.undo()) == ([], None)
    with pytest.raises(tw.Refused, match="There is no question 0: 0 were asked"):
        chat.edit("x", at=0)
    with pytest.raises(tw.Refused, match="Nothing was asked"):
        chat.again()


def test_a_saved_chat_goes_on(tmp_path):
    chat = tw.chat("sim/tool-caller", system="Be brief.", tools=[get_weather], **FAST)
    chat("How?").wait(BOUND)
    path = chat.save(tmp_path / "talk.json")
    again = tw.open_chat(path, tools=[get_weather], **FAST)
    assert (again.model, again.messages, again.conversation.system) == ("sim/tool-caller", chat.messages, "Be brief.")
    assert again("And tomorrow?").wait(BOUND).error is None
    with pytest.raises(tw.Refused, match="cannot be written"):
        chat.save(tmp_path / "nowhere" / "talk.json")
    with pytest.raises(ConversationError, match="cannot be read: no such file"):
        tw.open_chat(tmp_path / "gone.json")


# ---- programs


def test_an_interrupt_ends_a_turn_whose_function_does_not():
    program = """
import time
import tokenwidgets as tw
def hang(city: str) -> str:
    print("inside", flush=True)
    time.sleep(1000)
chat = tw.chat("sim/tool-caller", tools=[hang], ttft_ms=1, itl_ms=1)
try:
    chat("How?").wait()
except KeyboardInterrupt:
    print(chat.last.finish_reason, [m["content"] for m in chat.conversation.to_send()][-1])
"""
    process = started("-c", program)
    assert process.stdout.readline() == "inside\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=BOUND)
    assert out == f"cancelled {NOT_RUN}\n", err
    assert process.returncode == 0


def test_a_program_prints_each_round_and_each_call_and_waits_for_them():
    program = """
import tokenwidgets as tw
def get_weather(city: str) -> str:
    print("called")
    return "12 °C"
tw.chat("sim/tool-caller", tools=[get_weather], ttft_ms=1, itl_ms=1, tokens=12)("How?")
"""
    code, out, err = run("-c", program)
    assert code == 0, err
    assert out.startswith("called\n")
    assert "simulated answer" in out
    first, line, last, *rest = err.splitlines()
    assert line.startswith('get_weather(city="')
    assert " → 12 °C · 0." in line
    assert first.endswith("simulated")
    assert last.endswith("simulated")
    assert rest == []
