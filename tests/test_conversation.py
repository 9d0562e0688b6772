"""The tree of messages of a conversation, and what of it is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.conversation import NOT_RUN, Conversation, ConversationError
from tokenwidgets.errors import Refused
from tokenwidgets.events import Carry, End, Error, Event, Reasoning, Start, Text, Tool, Usage

KEY = "sk-planted-1234567890abcdef"


def started(model: str = "a/one") -> Start:
    return Start("stream", model, model.split("/")[0], "openai-chat", 1.0)


def said(text: str, model: str = "a/one") -> list[Event]:
    return [started(model), Text(0, text), Usage(input=3, output=2), End("stop")]


def called(*ids: str, model: str = "a/one", carry: Any = None) -> list[Event]:
    tools = [Tool(i, id, "look", done=True, arguments={"n": i}) for i, id in enumerate(ids)]
    return [started(model), *tools, *([Carry(0, carry)] if carry else []), End("tool")]


def talk(*turns: tuple[str, list[Event]]) -> Conversation:
    conversation = Conversation("Be brief.")
    for question, answer in turns:
        conversation.ask(question)
        conversation.answer(answer)
    return conversation


def words(messages: list[dict[str, Any]]) -> list[Any]:
    return [m["content"] for m in messages]


def test_what_was_said_is_sent_in_its_order():
    conversation = talk(("One?", said("Yes.")), ("Two?", said("No.")))
    assert [(m["role"], m["content"]) for m in conversation.to_send()] == [
        ("user", "One?"), ("assistant", "Yes."), ("user", "Two?"), ("assistant", "No."),
    ]  # fmt: skip
    node = conversation.path()[-1]
    assert (node.model, node.stream, node.usage, node.finish_reason) == ("a/one", "stream", Usage(input=3, output=2), "stop")
    assert conversation.usage == Usage(input=6, output=4)


@pytest.mark.parametrize("end", [[Error("overloaded", "busy")], [End("cancelled")], [Reasoning(0, "hm"), End("length")], []])
def test_a_question_without_an_answer_is_left_out(end):
    conversation = talk(("One?", said("Yes.")), ("Two?", [started(), *end]))
    conversation.ask("Three?")
    assert words(conversation.to_send()) == ["One?", "Yes.", "Three?"]
    assert words(conversation.messages) == ["One?", "Yes.", "Two?", "", "Three?"], "but it is not forgotten"


@pytest.mark.parametrize("end", [End("cancelled"), End("truncated"), Error("connection", "cut"), End("length")])
def test_what_was_cut_off_is_kept_as_words(end):
    events = [started(), Text(0, "Let me"), Carry(0, {"signature": "x"}), Tool(1, "c", "look", '{"a'), end]
    conversation = talk(("One?", events))
    assert conversation.to_send()[-1] == {"role": "assistant", "content": "Let me"}


def test_results_stand_in_the_order_of_their_calls_and_none_is_missing():
    conversation = talk(("One?", called("x", "y", "z")))
    assert conversation.unanswered == ["x", "y", "z"]
    conversation.result("z", "third")
    conversation.result("x", "first")
    assert conversation.unanswered == ["y"]
    assert [(m["tool_call_id"], m["content"]) for m in conversation.to_send()[2:]] == [("x", "first"), ("y", NOT_RUN), ("z", "third")]
    with pytest.raises(Refused, match="no call 'z' without a result"):
        conversation.result("z", "again")


def test_arguments_that_are_no_object_are_sent_as_one():
    conversation = talk(("One?", [started(), Tool(0, "c", "look", '{"a": '), Tool(0, done=True, invalid=True), End("tool")]))
    assert conversation.to_send()[1]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_what_is_carried_goes_to_its_own_host_alone():
    answer = [*called("c", carry={"thoughtSignature": "abc"})[:-1], Carry(0, {"extra_content": {"google": 1}}), End("tool")]
    conversation = talk(("One?", answer))
    own = conversation.to_send("a/two")[1]
    assert own["carry"] == [{"thoughtSignature": "abc"}]
    assert own["tool_calls"][0]["extra_content"] == {"google": 1}
    assert conversation.to_send()[1] == own, "whoever answered last goes on"
    other = conversation.to_send("b/one")[1]
    assert "carry" not in other
    assert set(other["tool_calls"][0]) == {"id", "type", "function"}


# ---- branches


def test_an_edited_question_is_another_branch():
    conversation = talk(("One?", said("Yes.")), ("Two?", said("No.")))
    conversation.edit(0, "Eins?")
    conversation.answer(said("Ja."))
    assert words(conversation.messages) == ["Eins?", "Ja."]
    assert words([dict(n.message) for n in conversation.siblings(0)]) == ["One?", "Eins?"]
    conversation.switch(0)
    assert words(conversation.messages) == ["One?", "Yes.", "Two?", "No."]
    with pytest.raises(Refused, match="Message 1 is not the user's"):
        conversation.edit(1, "x")
    with pytest.raises(Refused, match="There is no message 99"):
        conversation.switch(99)


def test_several_models_answer_one_question():
    conversation = Conversation()
    question = conversation.ask("One?")
    first = conversation.answer(said("Yes.", "a/one"))
    second = conversation.answer(said("No.", "b/two"), to=question.id)
    assert conversation.leaf == first.id, "the talk goes on where it was"
    assert [n.model for n in conversation.children(question.id)] == ["a/one", "b/two"]
    conversation.switch(second.id)
    assert words(conversation.messages) == ["One?", "No."]
    conversation.back_to(question.id)
    conversation.answer(said("Perhaps.", "c/three"))
    assert len(conversation.siblings(second.id)) == 3


def test_undo_takes_the_last_question_back_with_all_that_followed():
    conversation = talk(("One?", said("Yes.")), ("Two?", called("c")))
    conversation.result("c", "found")
    conversation.answer(said("No."))
    assert conversation.undo().message["content"] == "Two?"
    assert words(conversation.messages) == ["One?", "Yes."]
    conversation.undo()
    assert (conversation.messages, conversation.undo()) == ([], None)
    conversation.switch(0)
    assert words(conversation.messages)[-1] == "No.", "nothing is lost"


# ---- files


def test_a_conversation_is_read_back_whole():
    signature = {"signature": f"{KEY}=="}
    conversation = talk(("One?", called("c", carry=signature)), ("Two?", said("No.")))
    conversation.edit(2, [{"type": "text", "text": "Zwei?"}])
    again = Conversation.loads(conversation.dumps())
    assert (again.nodes, again.leaf, again.system) == (conversation.nodes, conversation.leaf, "Be brief.")
    assert again.to_send() == conversation.to_send()
    assert again.to_send("a/x")[1]["carry"] == [signature], "byte for byte"


def test_no_key_is_written():
    conversation = talk((f"My key is {KEY}", said(f"{KEY} is a key")))
    conversation.system = f"Use {KEY}"
    assert KEY not in conversation.dumps()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is not JSON"),
        ("[]", "a JSON object with 'tokenwidgets_conversation'"),
        ('{"tokenwidgets_conversation": 2}', "has the form 2, and this version reads 1"),
        ('{"tokenwidgets_conversation": 1, "leaf": 0}', "'leaf' is none of its messages"),
        ('{"tokenwidgets_conversation": 1, "nodes": [5]}', "Message 0 of the conversation is none"),
        ('{"tokenwidgets_conversation": 1, "nodes": {"a": 1}}', "'nodes' is a list"),
        (
            '{"tokenwidgets_conversation": 1, "nodes": [{"id": 0, "parent": 0, "message": {"role": "user", "content": ""}}]}',
            "an earlier 'parent'",
        ),
    ],
)
def test_what_is_no_conversation_says_why(text, words):
    with pytest.raises(ConversationError, match=words):
        Conversation.loads(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c), max_leaves=8
)
ODD = st.fixed_dictionaries(
    {"role": st.sampled_from(["assistant", "user", "tool"]) | JSON, "content": st.text() | JSON},
    optional={"tool_calls": JSON, "carry": JSON},
)
NODE = st.fixed_dictionaries({"id": st.just(0), "parent": st.none(), "message": ODD}, optional={"usage": JSON, "model": JSON})


@given(st.fixed_dictionaries({"tokenwidgets_conversation": st.just(1), "nodes": st.lists(NODE, max_size=1)}, optional={"leaf": JSON}))
def test_any_file_is_a_conversation_or_says_that_it_is_none(body):
    try:
        conversation = Conversation.from_json(body)
    except ConversationError:
        return
    conversation.to_send()
    assert Conversation.loads(json.dumps(conversation.to_json())).nodes == conversation.nodes


@given(st.lists(st.sampled_from(["ask", "said", "called", "failed", "result", "undo", "edit", "switch"]), max_size=30))
def test_whatever_is_done_what_is_sent_is_well_formed(steps):
    conversation = Conversation()
    for step in steps:
        {
            "ask": lambda: conversation.ask("?"),
            "said": lambda: conversation.answer(said("!")) if conversation.asked else None,
            "called": lambda: conversation.answer(called("x", "y")) if conversation.asked else None,
            "failed": lambda: conversation.answer([Error("internal", "no")]) if conversation.asked else None,
            "result": lambda: conversation.unanswered and conversation.result(conversation.unanswered[-1], "r"),
            "undo": conversation.undo,
            "edit": lambda: conversation.asked and conversation.edit(conversation.asked.id, "??"),
            "switch": lambda: conversation.nodes and conversation.switch(len(conversation.nodes) // 2),
        }[step]()
    open_calls: list[str] = []
    for message in conversation.to_send():
        if open_calls:
            assert message["tool_call_id"] == open_calls.pop(0)
            continue
        assert message["role"] != "tool"
        assert message["content"] or message.get("tool_calls")
        open_calls = [call["id"] for call in message.get("tool_calls", ())]
    assert not open_calls
