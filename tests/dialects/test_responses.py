from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import fixtures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets import dialects
from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.openai_responses import OpenAIResponses
from tokenwidgets.dialects.responses_decoder import ResponsesDecoder
from tokenwidgets.errors import Refused
from tokenwidgets.events import TERMINAL, Audio, Carry, End, Error, Event, Notice, Reasoning, Refusal, Text, Tool, Transcript, Usage, encode
from tokenwidgets.request import Request, parse

DONE = b"data: [DONE]\n\n"
RESPONSES = OpenAIResponses()


def data(*payloads: Any) -> bytes:
    return b"".join(
        b"data: %b\n\n" % (p.encode("utf-8", "surrogatepass") if isinstance(p, str) else json.dumps(p).encode()) for p in payloads
    )


def on(event: str, index: int | None = 0, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{event}", **({} if index is None else {"output_index": index}), **fields}


def item(step: str, index: int | None = 0, **fields: Any) -> dict[str, Any]:
    return on(f"output_item.{step}", index, item=fields)


def text(delta: str, index: int | None = 0, content: int = 0) -> dict[str, Any]:
    return on("output_text.delta", index, content_index=content, delta=delta)


def over(status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{status}", "response": {"status": status, **fields}}


def read(*chunks: bytes, profile: Profile | None = None) -> list[Event]:
    decoder = RESPONSES.decoder(profile or Profile())
    return [e for chunk in chunks for e in decoder.feed(chunk)] + decoder.close()


def stream(*payloads: Any) -> list[Event]:
    return read(data(*payloads))


def body(request: Request, profile: Profile | None = None) -> dict[str, Any]:
    return json.loads(RESPONSES.encode(request, profile or Profile()).body)


def asked(profile: Profile | None = None, **fields: Any) -> dict[str, Any]:
    return body(parse({"model": "h/m", "prompt": "hi", **fields}), profile)


def said(*messages: Mapping[str, Any]) -> list[dict[str, Any]]:
    return body(parse({"model": "h/m", "messages": list(messages)}))["input"]


# --- the request ---


def test_a_plain_request() -> None:
    sent = RESPONSES.encode(parse({"model": "openrouter/openai/gpt-5.2", "prompt": "grüße", "system": "be kind"}), Profile())
    assert json.loads(sent.body) == {
        "model": "openai/gpt-5.2", "stream": True, "store": False, "include": ["reasoning.encrypted_content"], "instructions": "be kind",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "grüße"}]}],
    }  # fmt: skip
    assert (sent.path, sent.headers["Accept-Encoding"]) == ("/responses", "identity")
    assert RESPONSES.headers("k") == {"Authorization": "Bearer k"}
    assert dialects.get("openai-responses").name == "openai-responses"


def test_options_travel_under_this_formats_names() -> None:
    sent = asked(Profile(obfuscation=False), options={"max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "reasoning": "high"})
    assert (sent["max_output_tokens"], sent["temperature"], sent["top_p"]) == (5, 0.5, 0.9)
    assert sent["reasoning"] == {"effort": "high", "summary": "auto"}
    assert sent["stream_options"] == {"include_obfuscation": False}
    assert asked(options={"reasoning": "off"})["reasoning"] == {"effort": "none"}
    assert "reasoning" not in asked(Profile(reasoning_style="none"), options={"reasoning": "high"})


@pytest.mark.parametrize("option", [{"seed": 1}, {"stop": ["x"]}])
def test_an_option_that_is_not_there_is_refused_by_name(option: dict[str, Any]) -> None:
    with pytest.raises(Refused, match=next(iter(option))) as refused:
        asked(options=option)
    assert refused.value.code == "bad_request"


def test_extra_fields_win_but_never_change_who_is_asked_what() -> None:
    sent = asked(options={"extra": {"store": True, "text": {"verbosity": "low"}, "model": "x", "input": [], "stream": False}})
    assert (sent["store"], sent["text"]) == (True, {"verbosity": "low"})
    assert (sent["model"], len(sent["input"]), sent["stream"]) == ("m", 1, True)


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(Refused, match="JSON"):
        asked(options={"extra": {"x": value}})


def test_tools_are_flat_and_as_strict_as_they_were() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}}
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}
    tools = [
        {"type": "function", "function": function}, {"type": "function", "function": {"name": "g", "strict": True}},
        {"type": "custom", "custom": {"name": "c", "format": grammar}}, {"type": "web_search"}, {"type": "function", "name": "flat"},
    ]  # fmt: skip
    assert asked(tools=tools)["tools"] == [
        {"type": "function", "strict": False, **function},
        {"type": "function", "strict": True, "parameters": None, "name": "g"},
        {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "web_search"}, {"type": "function", "name": "flat"},
    ]  # fmt: skip


def test_parts_of_what_the_user_says() -> None:
    parts = [
        {"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "image_url", "image_url": "data:image/png;base64,AA=="}, {"type": "file", "file": {"file_data": "d", "filename": "f.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}, {"type": "text", "text": ""}, "words",
    ]  # fmt: skip
    (message,) = said({"role": "user", "content": parts})
    assert message["content"] == [
        {"type": "input_text", "text": "what?"}, {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"},
        {"type": "input_file", "file_data": "d", "filename": "f.pdf"}, parts[4], {"type": "input_text", "text": "words"},
    ]  # fmt: skip
    for role in ("user", "assistant", "tool"):
        with pytest.raises(Refused, match="video"):
            said({"role": role, "content": [{"type": "video"}]})


CALLED = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]
CUSTOM = {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}}


def test_a_round_of_tools() -> None:
    sent = said(
        {"role": "developer", "content": "obey"},
        {"role": "assistant", "content": "wait", "tool_calls": [*CALLED, CUSTOM]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "43"}]},
        {"role": "assistant", "refusal": "no", "tool_calls": [{"id": "c3", "function": {"name": "f", "arguments": {"b": 2}}}]},
    )
    assert sent == [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "obey"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "wait"}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"},
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "43"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"type": "function_call", "call_id": "c3", "name": "f", "arguments": '{"b": 2}'},
    ]


SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA", "x": None}


def test_what_is_carried_goes_back_first_and_as_it_came() -> None:
    carry = [SEALED, {"type": "thinking", "signature": "another format's"}, 5]
    sent = said({"role": "assistant", "content": "so", "tool_calls": CALLED, "carry": carry})
    assert [i["type"] for i in sent] == ["reasoning", "message", "function_call"]
    assert sent[0] == SEALED


def test_an_answer_goes_back_in_the_order_in_which_it_came() -> None:
    """Reasoning must stand before what it led to, and a message keeps its phase."""
    items = [
        {"type": "message", "content": [{"type": "output_text", "text": "First."}], "phase": "commentary"},
        {**SEALED, "id": "rs_1"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}', "namespace": "n"},
        {"type": "message", "content": [{"type": "output_text", "text": "Second."}]},
        {**SEALED, "id": "rs_2"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"},
        {"type": "message", "content": [{"type": "output_text", "text": "Third."}]},
    ]
    events = stream(*(item("done", i, **value) for i, value in enumerate(items)), over())
    calls = [*CALLED, CUSTOM]
    words = "".join(e.delta for e in events if isinstance(e, Text))
    carry = [e.opaque for e in events if isinstance(e, Carry)]
    sent = said({"role": "assistant", "content": words, "tool_calls": calls, "carry": carry})
    assert [(i["type"], i.get("phase") or i.get("id") or i.get("namespace")) for i in sent] == [
        ("message", "commentary"), ("reasoning", "rs_1"), ("function_call", "n"), ("message", None), ("reasoning", "rs_2"),
        ("message", None), ("custom_tool_call", None),
    ]  # fmt: skip
    assert [i["content"][0]["text"] for i in sent if i["type"] == "message"] == ["First.", "Second.", "Third."]
    assert sent[2] == items[2]


def test_parts_of_what_the_model_said() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "output_text", "text": "b"}, {"type": "refusal", "refusal": "no"}]
    (message,) = said({"role": "assistant", "content": parts})
    assert message["content"] == [{"type": "output_text", "text": "a"}, *parts[1:]]
    assert said({"role": "assistant", "content": ""}, {"role": "user", "content": ""}) == []


def test_what_was_taken_out_of_an_answer_does_not_go_back() -> None:
    carry = [SEALED, {"type": "message", "characters": 9, "phase": "commentary"}, {"type": "function_call", "call_id": "gone"}]
    sent = said({"role": "assistant", "content": "shorter", "refusal": "no", "carry": carry})
    content = [{"type": "output_text", "text": "shorter"}, {"type": "refusal", "refusal": "no"}]
    assert sent == [SEALED, {"type": "message", "role": "assistant", "content": content}]


# --- text, reasoning, tools ---


def test_the_terminal_event_comes_with_the_responses_own() -> None:
    decoder = RESPONSES.decoder(Profile())
    assert decoder.feed(data({"type": "response.created", "response": {"model": "m-1"}})) == [Notice("served", {"model": "m-1"})]
    assert decoder.feed(data(text("a"))) == [Text(0, "a")]
    assert not decoder.done
    assert decoder.feed(data(over(usage={"input_tokens": 1}))) == [Usage(input=1), End("stop", "completed")]
    assert decoder.done
    assert decoder.feed(DONE) == decoder.feed(data(text("late"))) == decoder.close() == []


def test_parts_and_items_are_blocks_and_may_interleave() -> None:
    events = stream(text("a", 0, 0), text("x", 1), text("b", 0, 1), text("c", 0, 0), on("refusal.delta", 2, delta="no"), over())
    assert events[:-1] == [Text(0, "a"), Text(1, "x"), Text(2, "b"), Text(0, "c"), Refusal(3, "no")]
    assert events[-1] == End("refusal", "completed")


def test_reasoning_in_both_forms_and_never_twice() -> None:
    whole = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "in short"}],
        "content": [{"type": "reasoning_text", "text": "ab"}],
    }
    deltas = [on("reasoning_text.delta", content_index=0, delta="a"), on("reasoning_text.delta", content_index=0, delta="b")]
    summary = on("reasoning_summary_text.delta", summary_index=0, delta="in ")
    assert stream(*deltas, item("done", **whole), over())[:2] == [Reasoning(0, "a"), Reasoning(0, "b")]
    assert [e for e in stream(*deltas, item("done", **whole), over()) if isinstance(e, Reasoning)][2:] == []
    assert [e for e in stream(summary, item("done", **whole), over()) if isinstance(e, Reasoning)] == [
        Reasoning(0, "in ", "summary"), Reasoning(0, "short", "summary"),
    ]  # fmt: skip
    assert stream(item("done", **whole), over())[0] == Reasoning(0, "ab")
    assert stream(item("done", type="reasoning", summary=whole["summary"]), over())[0] == Reasoning(0, "in short", "summary")


def test_several_parts_of_a_summary_are_several_blocks() -> None:
    parts = [on("reasoning_summary_text.delta", summary_index=i, delta=str(i)) for i in range(2)]
    done = on("reasoning_summary_part.done", summary_index=2, part={"type": "summary_text", "text": "2"}, status="incomplete")
    assert stream(*parts, done, over())[:3] == [Reasoning(i, str(i), "summary") for i in range(3)]


WHOLE_PARTS = [{"type": "output_text", "text": "whole"}]


@pytest.mark.parametrize(
    "events",
    [
        [on("output_text.done", content_index=0, text="whole")],
        [on("content_part.done", content_index=0, part={"type": "output_text", "text": "whole"})],
        [item("done", type="message", content=WHOLE_PARTS)],
        [text("wh"), on("output_text.done", content_index=0, text="whole"), item("done", type="message", content=WHOLE_PARTS)],
        [text("whole"), on("output_text.done", content_index=0, text="who")],
        [text("whole"), on("output_text.done", content_index=0, text="another text")],
    ],
)  # fmt: skip
def test_what_the_deltas_lacked_is_taken_from_the_whole(events: list[Any]) -> None:
    assert "".join(e.delta for e in stream(*events, over()) if isinstance(e, Text)) == "whole"


def test_a_call_in_fragments() -> None:
    events = stream(
        item("added", type="function_call", call_id="c1", name="f", arguments=""),
        on("function_call_arguments.delta", delta='{"a"'), on("function_call_arguments.delta", delta=":1}"),
        on("function_call_arguments.done", arguments='{"a":1}'),
        item("done", type="function_call", call_id="c1", name="f", arguments='{"a":1}', status="completed"), over(),
    )  # fmt: skip
    assert events == [
        Tool(0, "c1", "f"), Tool(0, delta='{"a"'), Tool(0, delta=":1}"), Tool(0, "c1", "f", done=True, arguments={"a": 1}),
        End("tool", "completed"),
    ]  # fmt: skip


HEAD = {"type": "function_call", "call_id": "c1", "name": "f"}


@pytest.mark.parametrize(
    "events",
    [
        [item("added", **HEAD), on("function_call_arguments.done", arguments='{"a":1}')],  # LM Studio
        [item("added", **HEAD, arguments='{"a":1}')],  # xAI
        [item("added", **HEAD, arguments="{}"), on("function_call_arguments.delta", delta='{"a":1}')],  # a placeholder
        [item("done", **HEAD, arguments='{"a":1}')],
        [item("done", **HEAD, arguments={"a": 1})],
        [on("function_call_arguments.delta", delta='{"a":1}'), item("done", **HEAD)],
        [item("added", None, **HEAD), on("function_call_arguments.delta", None, delta='{"a":1}')],
        [item("added", **HEAD), on("function_call_arguments.done", arguments='{"a":1}', name="g"), *[item("done", **HEAD)] * 2],
    ],
)
def test_a_call_however_it_comes(events: list[Any]) -> None:
    read_back = [e for e in stream(*events, over()) if isinstance(e, Tool)]
    assert [e for e in read_back if e.done] == [Tool(0, "c1", "f", done=True, arguments={"a": 1})]
    assert json.loads("".join(e.delta for e in read_back)) == {"a": 1}


def test_an_index_used_again_is_another_item() -> None:
    events = stream(item("added", **HEAD), item("done", **HEAD), item("added", **{**HEAD, "call_id": "c2"}), item("done", **HEAD), over())
    assert [(e.block, e.id) for e in events if isinstance(e, Tool) and e.done] == [(0, "c1"), (1, "c2")]
    unnumbered = stream(item("added", None, **HEAD), item("added", None, **{**HEAD, "call_id": "c2"}), over())
    assert [(e.block, e.id) for e in unnumbered if isinstance(e, Tool) and e.done] == [(0, "c1"), (1, "c2")]


@pytest.mark.parametrize(("text_", "value"), [("", {}), ("null", {}), ("nope", None), ("NaN", None), ("[" * 5000, None)])
def test_arguments_that_are_none_or_do_not_parse(text_: str, value: Any) -> None:
    (done,) = (e for e in stream(item("done", **HEAD, arguments=text_), over()) if isinstance(e, Tool) and e.done)
    assert (done.arguments, done.invalid) == (value, value is None)


@pytest.mark.parametrize("end", [[], [over("incomplete")], [item("done", **HEAD, status="incomplete"), over("incomplete")]])
def test_a_call_cut_before_its_arguments_is_not_taken_for_one_without(end: list[Any]) -> None:
    (done,) = (e for e in stream(item("added", **HEAD), *end) if isinstance(e, Tool) and e.done)
    assert done.invalid


def test_a_custom_tool_takes_text() -> None:
    head = {"type": "custom_tool_call", "call_id": "c", "name": "shout"}
    events = stream(
        item("added", **head, input=""), on("custom_tool_call_input.delta", delta="{hey"), item("done", **head, input="{hey you"), over()
    )
    assert events == [
        Tool(0, "c", "shout"), Tool(0, delta="{hey"), Tool(0, delta=" you"), Tool(0, "c", "shout", done=True, arguments="{hey you"),
        End("tool", "completed"),
    ]  # fmt: skip


def test_sound_and_its_words_share_a_block() -> None:
    events = stream(on("audio.delta", None, delta="UklG"), on("audio.transcript.delta", None, delta="Hi"), on("audio.done", None), over())
    assert events[:2] == [Audio(0, "UklG", rate=24_000), Transcript(0, "assistant", "Hi")]


# --- notices, carry ---


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (on("web_search_call.searching", item_id="x"), {"type": "web_search_call", "status": "searching"}),
        (on("file_search_call.completed"), {"type": "file_search_call", "status": "completed"}),
        (on("code_interpreter_call.interpreting"), {"type": "code_interpreter_call", "status": "interpreting"}),
        (on("code_interpreter_call_code.delta", delta="1+"), {"type": "code_interpreter_call", "part": "code", "delta": "1+"}),
        (on("image_generation_call.partial_image", partial_image_b64="A", partial_image_index=0),
         {"type": "image_generation_call", "status": "partial_image", "partial_image_b64": "A", "partial_image_index": 0}),
        (on("mcp_call_arguments.delta", delta="{"), {"type": "mcp_call", "part": "arguments", "delta": "{"}),
        (on("mcp_list_tools.failed"), {"type": "mcp_list_tools", "status": "failed"}),
        (on("shell_call_command.delta", command_index=1, delta="ls"),
         {"type": "shell_call", "part": "command", "delta": "ls", "command_index": 1}),
        (on("apply_patch_call_operation_diff.delta", delta="+"), {"type": "apply_patch_call", "part": "operation_diff", "delta": "+"}),
    ],
)  # fmt: skip
def test_the_providers_tools_are_notices(event: Any, told: dict[str, Any]) -> None:
    assert stream(event, over())[:-1] == [Notice("server_tool", {"block": 0, **told})]


@pytest.mark.parametrize(
    "event",
    ["code_interpreter_call_code.done", "shell_call_command.added", "something.new", "compaction.compacting", "content_part.added"],
)
def test_what_says_nothing_new_is_left_out(event: str) -> None:
    assert stream(on(event, code="x"), {"type": "keepalive", "sequence_number": 4}, {"type": "codex.rate_limits"}, over()) == [
        End("stop", "completed")
    ]


def test_an_item_of_a_tool_is_told_without_what_is_encrypted() -> None:
    events = stream(item("added", type="web_search_call", status="in_progress", query="q"),
                    item("done", type="web_search_call", status="completed", encrypted_index="e", query="q"), over())  # fmt: skip
    assert [dict(e.data) for e in events[:-1] if isinstance(e, Notice)] == [
        {"type": "web_search_call", "status": "in_progress", "block": 0},
        {"type": "web_search_call", "status": "completed", "query": "q", "block": 0},
    ]


def test_citations_are_told_once() -> None:
    cited = [{"type": "url_citation", "url": u} for u in "abc"]
    one = on("output_text.annotation.added", content_index=0, annotation_index=0, annotation=cited[0])
    whole = {"type": "output_text", "text": "a", "annotations": cited}
    events = stream(
        text("a"), one, on("content_part.done", content_index=0, part=whole), item("done", type="message", content=[whole]), over()
    )
    assert [e for e in events if isinstance(e, Notice)] == [
        Notice("citation", {"annotations": cited[:1]}), Notice("citation", {"annotations": cited[1:]})
    ]  # fmt: skip


def test_who_answered_is_told_once_and_moderation_too() -> None:
    life = [{"type": f"response.{k}", "response": {"model": m}} for k, m in (("queued", ""), ("created", "m-1"), ("in_progress", "m-2"))]
    events = stream(*life, over(moderation={"flagged": True}))
    assert events == [Notice("served", {"model": "m-1"}), Notice("moderation", {"moderation": {"flagged": True}}), End("stop", "completed")]


def test_only_what_can_be_returned_is_carried() -> None:
    plain = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "s"}]}
    packed = {"type": "compaction", "id": "cmp", "encrypted_content": "e"}
    events = stream(item("done", 0, **plain), item("done", 1, **SEALED), item("done", 2, **packed), over())
    assert [e for e in events if isinstance(e, Carry)] == [Carry(1, SEALED), Carry(2, packed)]
    assert Carry(0, {"type": "message", "characters": 1, "phase": "final_answer"}) in stream(
        text("a"), item("done", type="message", phase="final_answer"), over()
    )


# --- usage ---


def test_counts_are_made_disjoint() -> None:
    raw = {
        "input_tokens": 100, "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20}, "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 15}, "total_tokens": 150, "cost": 0.5,
    }  # fmt: skip
    assert stream(over(usage=raw))[0] == Usage(50, 30, 20, 35, 15, cost=0.5)
    assert stream(over("incomplete", usage=raw))[0] == Usage(50, 30, 20, 35, 15, cost=0.5)
    beside = {**raw, "total_tokens": 165}
    assert stream(over(usage=beside))[0].output == 50


@pytest.mark.parametrize("raw", [{"input_tokens": "7"}, {"input_tokens": -1}, {"output_tokens": True}, ["x"], 5, None])
def test_counts_that_are_none_are_not_given(raw: Any) -> None:
    assert stream(over(usage=raw)) == [End("stop", "completed")]


# --- how a stream ends ---


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("max_output_tokens", End("length", "max_output_tokens")),
        ("content_filter", End("filter", "content_filter")),
        ("steered", End("superseded", "steered")),
        ("max_messages", End("length", "max_messages")),
        ("newer", End("length", "newer")),
        (None, End("length", "incomplete")),
    ],
)
def test_incomplete_responses(reason: Any, end: End) -> None:
    assert stream(text("a"), over("incomplete", incomplete_details={"reason": reason}))[-1] == end


def test_the_status_inside_holds_and_others_are_known() -> None:
    assert stream({"type": "response.completed", "response": {"status": "cancelled"}}) == [End("cancelled", "cancelled")]
    assert stream({"type": "response.completed", "response": {"status": "in_progress"}}) == [End("stop", "completed")]
    assert stream({"type": "response.done"}) == [End("stop", "completed")]
    assert stream(over("cancelled")) == [End("cancelled", "cancelled")]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([{"type": "mcp_approval_request", "id": "a"}], "tool"),
        ([{"type": "computer_call", "call_id": "a"}], "tool"),
        ([{"type": "tool_search_call", "call_id": "a", "execution": "client"}], "tool"),
        ([{"type": "tool_search_call", "call_id": None, "execution": "server"}], "stop"),
        ([{"type": "shell_call", "call_id": "a"}], "tool"),
        ([{"type": "shell_call", "call_id": "a"}, {"type": "shell_call_output", "call_id": "a"}], "stop"),
        ([{"type": "custom_tool_call", "call_id": "a", "name": "x_keyword_search"}, {"type": "message"}], "stop"),
        ([{"type": "message"}, {"type": "custom_tool_call", "call_id": "a", "name": "mine"}], "tool"),
        ([{"type": "web_search_call"}], "stop"),
    ],
)
def test_whether_it_is_the_clients_turn(items: list[Any], reason: Any) -> None:
    assert stream(*(item("done", i, **x) for i, x in enumerate(items)), over())[-1] == End(reason, "completed")


@pytest.mark.parametrize("tail", [b"", DONE, b"data: [DONE]", b'data: {"type": "response.compl'])
def test_a_stream_without_its_own_end_is_truncated(tail: bytes) -> None:
    assert read(data(text("a")) + tail) == [Text(0, "a"), End("truncated")]


def test_the_last_event_may_lack_its_blank_line() -> None:
    assert read(data(text("a")), b"data: " + json.dumps(over()).encode()) == [Text(0, "a"), End("stop", "completed")]


def test_the_name_of_an_event_stands_in_for_its_type_in_either_order() -> None:
    late = b'data: {"output_index": 0, "delta": "a"}\nevent: response.output_text.delta\n\n'
    assert read(late, b'event: response.completed\ndata: {"response": {}}\n\n') == [Text(0, "a"), End("stop", "completed")]


def test_keepalives_alone_are_a_stream_that_was_cut() -> None:
    assert stream({"type": "keepalive", "sequence_number": 3}) == [End("truncated")]


WHOLE = {
    "object": "response", "status": "completed", "model": "m", "error": None, "usage": {"input_tokens": 1, "output_tokens": 2},
    "output": [SEALED, {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}, {**HEAD, "arguments": "{}"}],
}  # fmt: skip


@pytest.mark.parametrize("raw", [json.dumps(WHOLE, indent=2).encode(), data({"type": "response.completed", "response": WHOLE})])
def test_a_response_that_comes_at_once_is_read_all_the_same(raw: bytes) -> None:
    assert read(raw) == [
        Notice("served", {"model": "m"}), Carry(0, SEALED), Text(1, "Hi"), Tool(2, "c1", "f", "{}"),
        Tool(2, "c1", "f", done=True, arguments={}), Usage(input=1, output=2), End("tool", "completed"),
    ]  # fmt: skip


def test_a_response_that_is_queued_is_no_answer() -> None:
    assert read(json.dumps({**WHOLE, "status": "queued", "output": [], "usage": None}).encode())[-1] == End("truncated", "queued")


# --- errors ---


def failed(events: list[Event]) -> Error:
    assert [isinstance(e, TERMINAL) for e in events] == [False] * (len(events) - 1) + [True]
    assert isinstance(events[-1], Error)
    return events[-1]


FAULT = {"code": "context_length_exceeded", "message": "no", "param": None}


@pytest.mark.parametrize(
    "raw",
    [
        data({"type": "error", "sequence_number": 2, **FAULT}),
        data({"type": "error", "sequence_number": 2, "error": {"type": "invalid_request_error", **FAULT}}, over("failed", error=FAULT)),
        data(over("failed", error=FAULT)),
        data(text("a"), over("failed", error=FAULT)) + DONE,
        b"event: error\n" + data(FAULT),
        b"event: error\n" + data({"error": FAULT}),
        data({"error": FAULT}),
        json.dumps({"error": FAULT}, indent=4).encode(),
        json.dumps({"object": "response", "status": "failed", "error": FAULT, "output": []}).encode(),
        data(text("a")) + json.dumps({"error": FAULT}, indent=2).encode(),
    ],
)
def test_an_error_is_found_wherever_it_stands(raw: bytes) -> None:
    assert failed(read(raw)) == Error("context_length", "no")


@pytest.mark.parametrize(
    ("said_", "code", "retryable"),
    [
        ("server_error", "internal", True),
        ("server_is_overloaded", "overloaded", True),
        ("slow_down", "overloaded", True),
        ("rate_limit_exceeded", "rate_limited", True),
        ("insufficient_quota", "rate_limited", False),
        ("invalid_prompt", "bad_request", False),
        ("image_too_large", "bad_request", False),
        ("failed_to_download_image", "internal", True),
        ("bio_policy", "filtered", False),
        ("misalignment_policy_violation", "filtered", False),
        ("previous_response_not_found", "not_found", False),
        ("newer", "internal", True),
    ],
)
def test_vendors_words_become_ours(said_: str, code: str, retryable: bool) -> None:
    error = failed(stream(over("failed", error={"code": said_, "message": "m"})))
    assert (error.code, error.retryable, error.message) == (code, retryable, "m")


def test_a_failure_that_says_nothing_is_still_one() -> None:
    for raw in (over("failed"), over("failed", error=None), over("failed", error="boom"), {"type": "error"}, {"error": "boom"}):
        assert failed(stream(raw)).code == "internal"


def test_a_hole_in_the_answer_is_an_error() -> None:
    events = read(data(text("a")) + b'data: {"type": "response.output_text.delta", "delta": "b\n\n' + data(over()))
    assert [type(e) for e in events] == [Text, Error]
    assert failed(events).code == "protocol"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "nothing"),
        (b": PING\n\n", "keep-alives"),
        (b"<!DOCTYPE html>\n<html><body>secret</body></html>", "HTML: is the base URL right?"),
        (data({"choices": [], "id": "x"}), "fields choices, id"),
        (b"Bad gateway", "text: Bad gateway"),
    ],
)
def test_what_came_instead_of_a_stream_is_said(raw: bytes, words: str) -> None:
    assert failed(read(raw)).code == "protocol"
    assert words in failed(read(raw)).message


def test_http_failures_heads_and_catalogues_are_those_of_chat_completions() -> None:
    fixtures.need()
    answer = fixtures.failure("openai-responses-400.json")
    error = RESPONSES.failure(answer["status"], answer["headers"], json.dumps(answer["body"]).encode())
    assert (error.code, error.status, error.message) == ("not_found", 400, "The requested model 'gpt-5.2-proo' does not exist.")
    head = fixtures.meta("openai-responses/text-headers.gpt-5.5.sse")["response"]["headers"]
    assert RESPONSES.head(head)[0].data["limit_requests"] > 0
    assert RESPONSES.models(b'{"data": [{"id": "a"}]}') == [{"id": "a"}]


# --- any bytes ---


def once(events: list[Event]) -> None:
    assert [isinstance(e, TERMINAL) for e in events] == [False] * (len(events) - 1) + [True]
    for i, event in enumerate(events):
        json.loads(encode(event, i, 0).data, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def check(*chunks: bytes) -> None:
    events, raw = read(*chunks), b"".join(chunks)
    once(events)
    assert read(*(raw[i : i + 1] for i in range(len(raw)))) == events


@given(st.lists(st.binary(max_size=60), max_size=6))
@settings(deadline=None)
def test_random_bytes_end_in_one_event(chunks: list[bytes]) -> None:
    check(*chunks)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([10**400, "completed", "a\ud83d", 0, 1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
TYPES = st.sampled_from(
    ["message", "reasoning", "function_call", "custom_tool_call", "web_search_call", "compaction", "tool_search_output"]
)
KINDS = st.sampled_from([
    "created", "in_progress", "queued", "completed", "incomplete", "failed", "output_item.added", "output_item.done", "content_part.added",
    "content_part.done", "output_text.delta", "output_text.done", "output_text.annotation.added", "refusal.delta", "refusal.done",
    "function_call_arguments.delta", "function_call_arguments.done", "custom_tool_call_input.delta", "custom_tool_call_input.done",
    "reasoning_summary_part.done", "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_text.delta",
    "reasoning_text.done", "web_search_call.searching", "code_interpreter_call_code.delta", "audio.delta", "audio.transcript.delta",
]).map(lambda kind: f"response.{kind}")  # fmt: skip


def shaped(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={k: v | ANY for k, v in fields.items()})


PART = shaped({"type": st.sampled_from(["output_text", "refusal", "reasoning_text", "summary_text"]), "text": st.text(max_size=3),
               "refusal": ANY, "annotations": ANY})  # fmt: skip
ITEM = shaped({
    "type": TYPES, "id": ANY, "call_id": ANY, "name": ANY, "arguments": st.text(max_size=4), "input": st.text(max_size=4), "status": ANY,
    "content": st.lists(PART, max_size=2), "summary": st.lists(PART, max_size=2), "encrypted_content": ANY, "phase": ANY, "namespace": ANY,
})  # fmt: skip
RESPONSE = shaped({
    "id": ANY, "status": st.sampled_from(["completed", "failed", "incomplete", "cancelled"]), "model": ANY, "error": ANY, "moderation": ANY,
    "incomplete_details": shaped({"reason": ANY}), "output": st.lists(ITEM, max_size=3), "provider": ANY,
    "usage": shaped({"input_tokens": ANY, "output_tokens": ANY, "input_tokens_details": ANY, "cost": ANY}), "object": st.just("response"),
})  # fmt: skip
FRAME = st.fixed_dictionaries(
    {"type": KINDS | KINDS | KINDS | st.sampled_from(["error", "keepalive"]) | ANY},
    optional={k: v | ANY for k, v in {
        "output_index": st.integers(0, 2), "content_index": st.integers(0, 1), "summary_index": st.integers(0, 1), "item": ITEM,
        "part": PART, "delta": st.text(max_size=3), "text": st.text(max_size=3), "response": RESPONSE, "annotation": ANY, "arguments": ANY,
    }.items()},
)  # fmt: skip


@given(st.lists(FRAME | RESPONSE | ANY, max_size=6), st.booleans())
@settings(max_examples=300, deadline=None)
def test_wrong_types_anywhere_end_in_one_event(payloads: list[Any], done: bool) -> None:
    check(data(*payloads) + (DONE if done else b""))


@given(st.lists(FRAME | ANY, max_size=8))
@settings(deadline=None)
def test_frame_by_frame_is_the_same(payloads: list[Any]) -> None:
    readable = json.loads(
        json.dumps(payloads, default=str), parse_constant=lambda _: None, parse_float=lambda t: None if "e" in t else float(t)
    )
    decoder = ResponsesDecoder(Profile())
    events = [e for payload in readable for e in decoder.frame(payload)] + decoder.close()
    once(events)
    assert events == stream(*map(json.dumps, readable))


@pytest.mark.parametrize(
    "payload",
    [
        "[" * 100_000, '{"type": "response.completed", "response":' + '{"a":' * 500 + "1" + "}" * 500 + "}",
        '{"type": "response.output_item.done", "output_index": ' + "9" * 4_000 + ', "item": {"type": "message"}}',
        '{"type": "response.output_text.delta", "delta": "\\ud83d"}',
        '{"type": "response.completed", "response": {"usage": {"input_tokens": 1e999}}}',
        "\x00", "\ufeff{}",
    ],
)  # fmt: skip
def test_nasty_payloads(payload: str) -> None:
    for raw in (data(payload), data(payload) + DONE, payload.encode()):
        once(read(raw))


def test_many_small_items_take_no_longer_than_their_number() -> None:
    events = [item("added", None, type="function_call"), item("done", None, type="message", phase="p"), text("x")] * 20_000
    once(stream(*events, over()))
