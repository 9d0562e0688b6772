"""The simulator: its scripts without a clock, and its streams through the real wire on a clock of our own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from itertools import pairwise
from random import Random

import jsonschema
import pytest
from fake_time import FakeTime
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets import dialects
from tokenwidgets.dialects.base import Profile
from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Entry, Error, Notice, Reasoning, Text, Tool, Usage, decode
from tokenwidgets.metrics import measure
from tokenwidgets.providers import sim_text, sim_tools
from tokenwidgets.providers.pace import BATCH
from tokenwidgets.providers.sim import MODELS, SERVERS, STALL_SECONDS, Sim, _random, script
from tokenwidgets.recording import Tape
from tokenwidgets.request import Request, parse


def request(model: str, prompt: str = "Why is the sky blue?", **options: object) -> Request:
    return parse({"model": f"sim/{model}", "prompt": prompt, "options": options})


def play(asked: Request, time: FakeTime | None = None) -> Tape:
    time = time or FakeTime()
    tape = time.tape()
    asyncio.run(Sim(time.sleep).run(asked, tape))
    return tape


def text(entries: list[Entry]) -> str:
    return "".join(e.event.delta for e in entries if isinstance(e.event, Text))


# ---- the script


@pytest.mark.parametrize("dialect", SERVERS)
@pytest.mark.parametrize("model", ["steady", "reasoner", "tool-caller"])
def test_half_a_character_in_a_prompt_breaks_nothing(dialect, model):
    half = "half \ud83d of one"
    tool = {"type": "function", "function": {"name": "f\ud83d", "parameters": {"type": "object", "properties": {
        "x\ud83d": {"type": "string", "enum": ["\ud83d"]}}}}}  # fmt: skip
    body = {"model": f"sim/{model}", "prompt": half, "system": half, "tools": [tool], "dialect": dialect, "options": {"tokens": 30}}
    entries = play(parse(json.loads(json.dumps(body)))).entries
    assert isinstance(entries[-1].event, End)
    assert [decode(e.data).event for e in entries] == [e.event for e in entries]


@pytest.mark.parametrize(
    ("dialect", "answer", "call"),
    [
        ("openai-chat", "chatcmpl-simulated", "call_"),
        ("openai-responses", "resp_simulated", "call_"),
        ("anthropic-messages", "msg_simulated", "toolu_"),
        ("gemini", "simulated", "call_"),
    ],
)
def test_ids_are_the_vendor_s_and_say_what_they_are(dialect, answer, call):
    body = {"model": "sim/tool-caller", "prompt": "x", "dialect": dialect}
    tape = play(parse(body))
    assert f'"{answer}"'.encode() in b"".join(frame.data for frame in tape.frames)
    assert next(e.event.id for e in tape.entries if isinstance(e.event, Tool)).startswith(call)


def test_half_a_character_changes_no_seed_of_other_prompts():
    # As `Random(str)` gave it: recordings and pictures of the simulator stay what they are.
    assert _random(request("steady"), "words").random() == Random("0\nwords\nWhy is the sky blue?").random()


@pytest.mark.parametrize("model", MODELS)
def test_a_seed_fixes_text_and_schedule(model):
    assert script(request(model, seed=7)) == script(request(model, seed=7))
    assert script(request(model, seed=7)) != script(request(model, seed=8))


def test_pace_changes_no_word():
    slow, fast = script(request("steady")), script(request("steady", itl_ms=1, ttft_ms=0, jitter=0))
    assert [s.event for s in slow] == [s.event for s in fast]


@pytest.mark.parametrize("tokens", [1, 2, 9, 20, 21, 300])
def test_tokens_is_exact_and_so_is_usage(tokens):
    steps = script(request("steady", tokens=tokens))
    assert sum(isinstance(s.event, Text) for s in steps) == tokens
    assert next(s.event.output for s in steps if isinstance(s.event, Usage)) == tokens
    assert steps[-1].event == End("stop")


def test_even_pace_without_jitter():
    steps = script(request("steady", ttft_ms=100, itl_ms=10, jitter=0, tokens=5))
    assert [s.delay for s in steps[:5]] == pytest.approx([0.1, 0.01, 0.01, 0.01, 0.01])


def test_jitter_is_a_share_of_the_latency_between_tokens():
    delays = [s.delay for s in script(request("steady", itl_ms=10, jitter=0.5, tokens=200))[1:200]]
    assert 0.005 <= min(delays) < 0.007
    assert 0.013 < max(delays) <= 0.015


def test_bursts_hold_5_to_12_tokens():
    delays = [s.delay for s in script(request("bursty", tokens=300))[:300]]
    starts = [i for i, d in enumerate(delays) if d > 0]
    assert all(5 <= b - a <= 12 for a, b in pairwise(starts))
    assert sum(delays[starts[1] :]) == pytest.approx(0.02 * (300 - starts[1]), rel=0.1)


def test_slow_start_waits_then_speeds_up():
    delays = [s.delay for s in script(request("slow-start", jitter=0, tokens=100))[:100]]
    assert delays[0] == 2.0
    assert delays[1] > delays[10] > delays[20] > delays[50] == delays[60]


def test_max_tokens_ends_with_length():
    steps = script(request("reasoner", max_tokens=100))
    assert steps[-1].event == End("length")
    usage = steps[-2].event
    assert isinstance(usage, Usage)
    assert usage.generated == 100
    assert usage.reasoning == 80


def test_effort_sets_how_long_it_thinks():
    def thoughts(effort: str) -> int:
        return sum(isinstance(s.event, Reasoning) for s in script(request("reasoner", reasoning=effort)))

    assert thoughts("none") == 0 < thoughts("low") < thoughts("high")


def test_an_unknown_model_names_near_ones():
    with pytest.raises(Refused, match="sim/steady") as e:
        Sim.checked(request("stedy"))
    assert e.value.code == "not_found"


def test_an_unknown_dialect_names_what_is_spoken():
    with pytest.raises(Refused, match="speaks openai-chat"):
        Sim.checked(parse({"model": "sim/steady", "prompt": "x", "dialect": "morse"}))


# ---- its words


def test_the_first_sentence_says_what_it_is_and_what_was_asked():
    words = "".join(sim_text.answer("How do I bake bread?", 120, Random(1)))
    assert words.startswith("This is a simulated answer about “How do I bake bread”; no model was asked.")


@given(st.text(), st.integers(0, 300), st.integers(0, 9))
def test_any_prompt_gives_inert_text_of_any_length(prompt, count, seed):
    pieces = sim_text.answer(prompt, count, Random(seed))
    assert len(pieces) == count
    assert all(pieces)
    assert not set("<>[]()*_`$&\\") & set("".join(pieces))


@given(st.text(alphabet="ab é—🙂\n.,'1" + "x" * 3))
def test_pieces_join_to_the_text(words):
    assert "".join(sim_text.pieces(words)) == words


def test_long_words_are_two_pieces_and_blanks_lead():
    assert sim_text.pieces("The simulated end.") == ["The", " simul", "ated", " end", "."]


def test_no_choice_is_left_open_in_a_long_text():
    words = "".join(sim_text.answer("", 5000, Random(3)))
    assert "|" not in words
    assert "—" in words
    assert any(ord(c) > 0xFFFF for c in words)


# ---- tools

SCHEMAS = [
    {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 3}}, "required": ["days"]},
    {"type": "object", "properties": {"at": {"type": "string", "format": "date"}, "unit": {"enum": ["c", "f"]}}, "required": ["unit"]},
    {"type": "object", "properties": {"ids": {"type": "array", "items": {"type": "integer", "exclusiveMinimum": 4}, "minItems": 2}}},
    {"type": "object", "properties": {"x": {"anyOf": [{"type": "null"}, {"type": "string"}]}}},
    {"type": "object", "properties": {"y": {"type": ["null", "number"], "maximum": -2}}},
    {"type": "object", "properties": {"p": {"$ref": "#/$defs/p"}}, "required": ["p"],
     "$defs": {"p": {"type": "object", "properties": {"name": {"type": "string", "minLength": 12, "maxLength": 14}}}}},
    {"type": "object", "allOf": [{"properties": {"a": {"const": 5}}, "required": ["a"]}], "properties": {"b": {"type": "boolean"}}},
    {"type": "object", "properties": {"n": {"type": "number", "minimum": 0.1, "multipleOf": 0.5}}, "required": ["n"]},
    {},
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS)
def test_arguments_satisfy_the_schema(schema):
    for seed in range(10):
        jsonschema.validate(sim_tools.arguments({"parameters": schema}, Random(seed)), schema or {"type": "object"})


@pytest.mark.parametrize("schema", [
    {"type": "object", "properties": {"next": {"$ref": "#"}}},
    {"type": "array", "minItems": 16, "items": {"$ref": "#"}},
    {"allOf": [{"$ref": "#"}] * 16},
    {"type": "number", "minimum": float("inf"), "multipleOf": 5e-324},
    {"type": "number", "minimum": 1e299, "multipleOf": 1e-299},
])  # fmt: skip
def test_a_schema_without_end_ends(schema):
    json.dumps(sim_tools.arguments({"parameters": schema}, Random(1)))


NAMES = st.sampled_from(["type", "properties", "required", "items", "enum", "$ref", "anyOf", "allOf", "minimum", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["object", "array", "string", "integer", "#", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_no_schema_breaks_it(schema):
    json.dumps(sim_tools.arguments({"parameters": schema}, Random(1)))


def tool_request(**more: object) -> Request:
    parameters = {"type": "object", "properties": {"nights": {"type": "integer"}}, "required": ["nights"]}
    function = {"name": "book_room", "parameters": parameters}
    return parse({"model": "sim/tool-caller", "prompt": "A room, please.", "tools": [{"type": "function", "function": function}], **more})


def test_the_tool_caller_calls_the_first_tool_in_fragments():
    entries = play(tool_request()).entries
    calls = [e.event for e in entries if isinstance(e.event, Tool)]
    assert calls[0].name == "book_room"
    assert calls[-1].done
    assert calls[-1].arguments == json.loads("".join(c.delta for c in calls))
    assert isinstance(calls[-1].arguments["nights"], int)
    assert entries[-1].event == End("tool", "tool_calls")


def test_without_tools_it_asks_for_the_weather():
    calls = [e.event for e in play(request("tool-caller")).entries if isinstance(e.event, Tool)]
    assert calls[0].name == "get_weather"
    assert set(calls[-1].arguments) == {"city", "unit"}


def test_a_tool_result_is_answered_in_text():
    messages = [{"role": "user", "content": "A room, please."}, {"role": "tool", "tool_call_id": "c", "content": "booked"}]
    entries = play(parse({"model": "sim/tool-caller", "messages": messages})).entries
    assert "A room please" in text(entries)
    assert entries[-1].event == End("stop", "stop")


# ---- on the wire


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_has_one_end_and_it_is_last(model):
    entries = play(request(model)).entries
    assert [e.terminal for e in entries] == [False] * (len(entries) - 1) + [True]


def test_what_arrives_is_what_the_script_says():
    asked = request("steady", "Tell me about the sea", seed=4)
    tape = play(asked)
    assert text(tape.entries) == "".join(s.event.delta for s in script(asked) if isinstance(s.event, Text))
    figures = measure(tape.entries)
    assert figures.tokens_exact
    assert figures.tokens == figures.chunks


def spoken(model: str, dialect: str, **options: object) -> list[Entry]:
    return play(parse({"model": f"sim/{model}", "prompt": "Why?", "dialect": dialect, "options": options})).entries


def called(entries: list[Entry]) -> list[object]:
    return [e.event.arguments for e in entries if isinstance(e.event, Tool) and e.event.done]


@pytest.mark.parametrize("dialect", ["anthropic-messages", "gemini"])
@pytest.mark.parametrize("model", ["steady", "reasoner", "tool-caller"])
def test_other_dialects_say_the_same(model, dialect):
    said, first = spoken(model, dialect), spoken(model, "openai-chat")
    for kind in (Text, Reasoning):
        assert [e.event.delta for e in said if isinstance(e.event, kind)] == [e.event.delta for e in first if isinstance(e.event, kind)]
    assert called(said) == called(first)
    assert said[-1].event.reason == first[-1].event.reason
    usage, other = measure(said).usage, measure(first).usage
    assert (usage.input, usage.output, usage.reasoning) == (other.input, other.output, other.reasoning)


@pytest.mark.parametrize("dialect", ["anthropic-messages", "gemini"])
def test_other_dialects_can_fail(dialect):
    ends = [spoken("flaky", dialect, seed=seed)[-1].event for seed in range(8)]
    assert {e.code for e in ends if isinstance(e, Error)} == {"overloaded"}
    assert {e.reason for e in ends if not isinstance(e, Error)} == {"truncated"}


def test_the_connection_notice_comes_first():
    first = play(request("steady")).entries[0].event
    assert first == Notice("connection", {"sent": 0, "simulated": True})


def test_reasoning_is_apart_and_counted():
    tape = play(request("reasoner"))
    kinds = [type(e.event) for e in tape.entries if isinstance(e.event, Text | Reasoning)]
    assert kinds == sorted(kinds, key=lambda kind: kind is Text)
    usage = measure(tape.entries).usage
    assert usage is not None
    assert usage.reasoning == kinds.count(Reasoning)
    assert usage.output == kinds.count(Text)


@pytest.mark.parametrize("late", [0.0, 0.003, 0.5])
def test_late_wakes_do_not_add_up(late):
    asked = request("steady", ttft_ms=100, itl_ms=10, jitter=0, tokens=100)
    entries = [e for e in play(asked, FakeTime(late)).entries if isinstance(e.event, Text)]
    due = [100_000 + 10_000 * i for i in range(100)]
    assert all(0 <= e.at - d <= late * 1e6 + 1 for e, d in zip(entries, due, strict=True))


def test_what_is_due_together_comes_at_one_instant():
    tape = play(request("bursty", ttft_ms=50, tokens=60))
    instants = sorted({e.at for e in tape.entries if isinstance(e.event, Text)})
    assert 5 <= len(instants) <= 13


def test_a_script_without_pauses_lets_others_run():
    turns = 0

    async def main() -> None:
        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        time = FakeTime()
        task = asyncio.create_task(other())
        await Sim(time.sleep).run(request("steady", ttft_ms=0, itl_ms=0, tokens=4 * BATCH), time.tape())
        task.cancel()

    asyncio.run(main())
    assert turns >= 4


def test_the_frames_are_the_stream():
    tape = play(request("steady"))
    assert json.loads(tape.frames[0].data)["model"] == "steady"
    assert tape.frames[0].direction == "out"
    decoder = dialects.get("openai-chat").decoder(Profile())
    again = [event for frame in tape.frames[1:] for event in decoder.feed(frame.data)]
    assert again == [e.event for e in tape.entries[1:]]


def test_options_of_the_simulator_do_not_travel():
    body = json.loads(play(request("steady", ttft_ms=1, max_tokens=5)).frames[0].data)
    assert "ttft_ms" not in body
    assert body["max_tokens"] == 5


# ---- failing


def endings() -> dict[str, list[Entry]]:
    """One stream for each way of failing, by how long it was silent and how it ended."""
    found: dict[str, list[Entry]] = {}
    for seed in range(30):
        entries = play(request("flaky", seed=seed)).entries
        last = entries[-1]
        silent = last.at - entries[-2].at > STALL_SECONDS * 0.9e6
        found["error" if isinstance(last.event, Error) else "stall" if silent else "cut"] = entries
    return found


def test_flaky_fails_in_every_way_by_its_seed():
    found = endings()
    assert set(found) == {"error", "cut", "stall"}
    assert isinstance(error := found["error"][-1].event, Error)
    assert (error.code, error.stage, error.retryable) == ("overloaded", "stream", True)
    assert found["cut"][-1].event == found["stall"][-1].event == End("truncated")
    assert all(text(entries) for entries in found.values())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("at", [0, 1, 10])
def test_fail_at_is_the_number_of_the_token(seed, at):
    entries = play(request("steady", seed=seed, fail_at=at, retries=0)).entries
    assert sum(isinstance(e.event, Text) for e in entries) == at
    assert isinstance(entries[-1].event, Error) or entries[-1].event.reason == "truncated"


@pytest.mark.parametrize("dialect", SERVERS)
@pytest.mark.parametrize("number", range(6))
def test_what_fails_before_the_first_token_is_tried_again_after_a_wait_that_can_be_watched(dialect, number):
    asked = parse({**request("flaky", f"Prompt {number}", fail_at=0, tokens=9).body(), "dialect": dialect})
    time = FakeTime()
    entries = play(asked, time).entries
    (told,) = [e.event.data for e in entries if isinstance(e.event, Notice) and e.event.kind == "retry"]
    assert (told["attempt"], told["of"]) == (2, 3)
    assert 3 <= told["wait"] <= 4
    assert told["wait"] in time.waits
    assert [e.terminal for e in entries].count(True) == 1
    assert (entries[-1].event.reason, sum(isinstance(e.event, Text) for e in entries)) == ("stop", 9)
    assert play(asked).entries == entries


def test_a_failure_beyond_the_end_does_not_happen():
    assert play(request("flaky", tokens=20, fail_at=20)).entries[-1].event == End("stop", "stop")


# ---- what a request asks of the answer


@pytest.mark.parametrize("dialect", SERVERS)
def test_a_seed_is_the_simulators_own_in_every_dialect(dialect):
    assert text(play(replace(request("steady", seed=7, tokens=9), dialect=dialect)).entries)


@pytest.mark.parametrize("dialect", [name for name in SERVERS if name != "openai-responses"])  # which has no stop
def test_an_answer_ends_before_a_stop(dialect):
    whole = text(play(replace(request("steady", tokens=30), dialect=dialect)).entries)
    word = whole.split()[5]
    asked = replace(request("steady", tokens=30, stop=["nowhere in it", word]), dialect=dialect)
    entries = play(asked).entries
    assert text(entries) == whole[: whole.index(word)] != ""
    assert entries[-1].event.reason == "stop"
    assert text(play(replace(asked, options={**asked.options, "stop": whole[0]})).entries) == ""
    assert text(play(replace(asked, options={**asked.options, "stop": ""})).entries) == whole


@pytest.mark.parametrize("dialect", SERVERS)
def test_an_answer_has_the_form_that_was_asked_for(dialect):
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "people": {"type": "integer"}}, "required": ["city", "people"]}
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    said = json.loads(text(play(replace(request("reasoner", response_format=form), dialect=dialect)).entries))
    jsonschema.validate(said, schema)


def test_any_object_is_an_object():
    assert "simulated" in json.loads(text(play(request("steady", response_format={"type": "json_object"})).entries))["answer"]


def test_the_tool_that_is_called_can_be_chosen():
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("first", "second")]
    asked = replace(request("tool-caller"), tools=tuple(tools))

    def called(choice: object) -> list[str | None]:
        entries = play(replace(asked, options={"tool_choice": choice})).entries
        return [e.event.name for e in entries if isinstance(e.event, Tool) and e.event.done]

    assert called({"type": "function", "function": {"name": "second"}}) == ["second"]
    assert called("required") == ["first"]
    assert called("none") == []
    asked = replace(asked, messages=(*asked.messages, {"role": "tool", "tool_call_id": "c", "content": "It rains."}))
    assert called("auto") == []
    assert called("required") == ["first"], "with a result too, where it must call"
