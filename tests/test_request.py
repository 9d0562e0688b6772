"""A request from outside: checked before anything is spent on it, and refused in one sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets.errors import Refused
from tokenwidgets.request import OPTIONS, SIM_OPTIONS, check_options, parse, split_model

GOOD = {"model": "sim/steady", "prompt": "Hello"}


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("openai/gpt-5.2", ("openai", "gpt-5.2")),
        ("openai:gpt-5.2", ("openai", "gpt-5.2")),
        ("openrouter/anthropic/claude", ("openrouter", "anthropic/claude")),
        ("ollama:llama3:8b", ("ollama", "llama3:8b")),
        ("ollama/llama3:8b", ("ollama", "llama3:8b")),
        ("hf:org/model", ("hf", "org/model")),
    ],
)
def test_the_first_separator_splits_a_model_name(model, parts):
    assert split_model(model) == parts
    request = parse({**GOOD, "model": model})
    assert (request.host, request.name, request.model) == (*parts, "/".join(parts))


@pytest.mark.parametrize("model", ["", "gpt", "/gpt", ":gpt", "openai/", "openai:"])
def test_what_names_no_model_is_refused_with_an_example(model):
    with pytest.raises(Refused, match="write host/model, such as sim/steady"):
        parse({**GOOD, "model": model})


def test_a_prompt_is_one_message_of_the_user():
    request = parse({**GOOD, "system": "Be brief."})
    assert request.messages == ({"role": "user", "content": "Hello"},)
    assert request.system == "Be brief."


def test_a_request_reads_back_from_its_own_json():
    body = {
        "model": "openai:gpt-5.2",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}, {"role": "tool", "content": ""}],
        "system": "s", "tools": [{"type": "function"}], "dialect": "openai-chat", "options": {"max_tokens": 5, "extra": {"a": [1]}},
    }  # fmt: skip
    request = parse(body)
    assert request.body() == {**body, "model": "openai/gpt-5.2"}
    assert parse(json.loads(json.dumps(request.body()))) == request


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (None, "JSON object"), ([], "JSON object"), ("x", "JSON object"),
        ({"prompt": "x"}, "needs 'model'"), ({**GOOD, "model": 5}, "needs 'model'"),
        ({"model": "sim/steady"}, "either 'prompt' or 'messages'"), ({**GOOD, "messages": []}, "either 'prompt' or 'messages'"),
        ({**GOOD, "prompt": 5}, "'prompt' is a string"), ({**GOOD, "system": []}, "'system' is a string"),
        ({"model": "a/b", "messages": []}, "'messages' is empty"), ({"model": "a/b", "messages": "x"}, "'messages' is a list of objects"),
        ({"model": "a/b", "messages": ["x"]}, "'messages' is a list of objects"),
        ({"model": "a/b", "messages": [{"content": "x"}]}, "needs a 'role', one of system"),
        ({"model": "a/b", "messages": [{"role": ["user"]}]}, "needs a 'role', one of system"),
        ({**GOOD, "tools": {}}, "'tools' is a list of objects"), ({**GOOD, "dialect": 5}, "'dialect' is a string"),
        ({**GOOD, "options": []}, "'options' is an object"),
        ({**GOOD, "base_url": "http://evil"}, "may not carry 'base_url'"), ({**GOOD, "api_key": "x"}, "may not carry 'api_key'"),
        ({**GOOD, "sytem": "x"}, "did you mean 'system'?"), ({**GOOD, "temperature": 1}, "may not carry 'temperature'"),
        ({**GOOD, 5: "x"}, "may not carry 5"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence(body, says):
    with pytest.raises(Refused) as refusal:
        parse(body)
    assert says in refusal.value.message
    assert (refusal.value.code, refusal.value.status, "\n" in refusal.value.message) == ("bad_request", 400, False)


values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda v: st.lists(v, max_size=3) |
                      st.dictionaries(st.text(max_size=5), v, max_size=3), max_leaves=5)  # fmt: skip


@given(values | st.dictionaries(st.sampled_from(["model", "prompt", "messages", "system", "tools", "dialect", "options"]), values))
def test_anything_is_a_request_or_refused(body):
    try:
        request = parse(body)
    except Refused:
        return
    assert parse(request.body()) == request


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("max_tokens", [1, 4096], [0, -1, 1.5, "5", True, None, 2**70]),
        ("temperature", [0, 0.7, 2], [-0.1, 2.1, "1", True, float("nan"), None]),
        ("top_p", [0, 1], [1.01, "x"]),
        ("stop", ["x", ["a", "b"], []], [5, ["a", 5], {"a": 1}]),
        ("seed", [0, 42], [-1, 1.0]),
        ("reasoning", ["low", "none"], ["", 5]),
        ("extra", [{}, {"a": 1}], [[], "x"]),
    ],
)
def test_options_have_kinds_and_ranges(name, good, bad):
    for value in good:
        check_options({name: value}, "openai", {})
    for value in bad:
        with pytest.raises(Refused, match=f"Option '{name}' is .*, not ") as refusal:
            check_options({name: value}, "openai", {})
        assert refusal.value.code == "bad_request"


def test_an_unknown_option_names_the_nearest_and_the_way_out():
    with pytest.raises(Refused, match=r"openai has no option 'max_token' \(did you mean 'max_tokens'\?\).*max_tokens, temperature.*extra"):
        check_options({"max_token": 5}, "openai", {})


def test_a_hosts_own_options_are_its_own():
    check_options({"ttft_ms": 5, "jitter": 0.5, "tokens": 3, "itl_ms": 1, "fail_at": 0}, "sim", SIM_OPTIONS)
    with pytest.raises(Refused, match="openai has no option 'ttft_ms'"):
        check_options({"ttft_ms": 5}, "openai", {})
    assert not set(SIM_OPTIONS) & set(OPTIONS)
