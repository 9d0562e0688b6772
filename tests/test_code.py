"""`r.code()`: the program it writes makes the same call, with the vendors' SDKs, httpx, fetch and curl."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from canned_server import Canned, sse
from chat_server import BOUND, Scripted
from programs import ran

import tokenwidgets as tw
from tokenwidgets.codegen import calls
from tokenwidgets.events import End, Reasoning, Text, Usage
from tokenwidgets.providers.sim import SERVERS

pytestmark = pytest.mark.usefixtures("in_process")

KEY = "sk-planted-1234567890abcdef"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"__proto__": {"type": "string"}}}}}
PROMPT = "It's \"quoted\", $HOME `id` ${1} \\n {x} {{url}}\u2028and 'long' — 🌈?"
OPTIONS = {"temperature": 0.5, "max_tokens": 9, "extra": {"topK": 3}, "reasoning": "low"}
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(60)
SAID = ("Yes, ", "it's\u2028", "me 🌈.\n", "Né?")
ANSWER = "".join(SAID)


def answer(dialect: str) -> bytes:
    """What a provider sends: a thought and an answer."""
    server = SERVERS[dialect]("id", "m", 1)
    events = [Reasoning(0, "Hm."), *(Text(1, delta) for delta in SAID), Usage(input=3, output=4), End("stop")]
    return b"".join(server.encode(event) for event in events)


@pytest.fixture
def keyed(monkeypatch):
    """The configured host takes a key."""

    def keyed() -> None:
        path = Path(os.environ["TOKENWIDGETS_CONFIG"])
        path.write_text(path.read_text() + 'key_env = "CANNED_KEY"\n')
        monkeypatch.setenv("CANNED_KEY", KEY)

    return keyed


@pytest.mark.parametrize("language", calls.LANGUAGES)
@pytest.mark.parametrize("dialect", SERVERS)
def test_the_same_call_gives_the_same_answer(dialect, language, keyed, tmp_path):
    with Canned(dialect, answer(dialect), answer(dialect)).running() as server:
        keyed()
        result = tw.stream(PROMPT, images=[PICTURE], model="canned/m", system="Be brief.", tools=[TOOL], show=False, **OPTIONS).wait(BOUND)
        assert result.text == ANSWER
        code = result.code(language)
        assert KEY not in code
        status, out, err = ran(language, code, tmp_path)
    assert status == 0, err
    assert as_sent(server.sent[1]) == as_sent(server.sent[0])
    assert KEY in str(server.heads[1])
    assert server.paths[1] == server.paths[0]
    assert out == ANSWER + "\n" if language != "curl" else "data: " in out


def as_sent(body: bytes):
    """What a body means. Google's SDK writes some names as protocol buffers do, and the level of thinking in capitals."""

    def plain(fields):
        named = {re.sub("(?<=[a-z])_([a-z])", lambda found: found[1].upper(), name): value for name, value in fields.items()}
        return {name: value.lower() if name == "thinkingLevel" else value for name, value in named.items()}

    return json.loads(body, object_hook=plain)


@pytest.mark.parametrize("language", calls.LANGUAGES)
def test_without_a_key_nothing_is_asked_of_the_environment(language, tmp_path):
    with Canned("openai-chat", *[answer("openai-chat")] * 2).running():
        code = tw.stream("Why?", model="canned/m", show=False).wait(BOUND).code(language)
        assert "env" not in code
        assert ran(language, code, tmp_path)[0] == 0


ERRORS = {
    "openai-chat": {"error": {"message": "Broken off.", "code": 500}},
    "openai-responses": {"type": "error", "code": "server_error", "message": "Broken off."},
    "anthropic-messages": {"type": "error", "error": {"type": "overloaded_error", "message": "Broken off."}},
    "gemini": {"error": {"code": 503, "message": "Broken off.", "status": "UNAVAILABLE"}},
}


@pytest.mark.parametrize("language", ["python", "python-httpx", "javascript"])
@pytest.mark.parametrize("dialect", ERRORS)
def test_an_answer_that_breaks_off_is_told_in_a_line(dialect, language, tmp_path):
    with Canned(dialect, answer(dialect), sse(ERRORS[dialect])).running():
        code = tw.stream("Why?", model="canned/m", show=False).wait(BOUND).code(language)
        status, _, err = ran(language, code, tmp_path)
    assert status == 1
    assert "Broken off." in err
    assert len(err.splitlines()) == 1, err


@pytest.mark.parametrize("language", calls.LANGUAGES)
def test_a_refusal_is_told_in_a_line(language, tmp_path):
    with Scripted([], status=400).running() as server:
        server.configure()
        code = tw.stream("Why?", model="scripted/m", show=False).wait(BOUND).code(language)
        status, out, err = ran(language, code, tmp_path)
    assert status != 0
    assert "The scripted server refuses." in err + out
    assert len(err.splitlines()) == 1, err


def test_python_is_the_default():
    with Scripted(["Yes."]).running() as server:
        server.configure("SCRIPTED_KEY")
        result = tw.stream("Why?", model="scripted/m", show=False).wait(BOUND)
    assert result.code() == result.code("python")


def test_a_stream_that_failed_still_has_its_code():
    """Nothing is needed to see what would be asked, not even a key."""
    result = tw.stream("Why?", model="openai/gpt-5.2", max_tokens=5, show=False).wait(BOUND)
    code = result.code()
    assert 'os.environ["OPENAI_API_KEY"]' in code
    assert "max_completion_tokens=5" in code
    assert "api.openai.com" in code


def test_another_hosts_own_fields_pass_the_sdk():
    code = tw.stream("Why?", model="openrouter/x/y", reasoning="low", show=False).wait(BOUND).code()
    assert "extra_body={'reasoning': {'effort': 'low'}}" in code


def test_the_dialect_of_the_stream_is_that_of_its_program():
    code = tw.stream("Why?", model="openai/gpt-5.2", dialect="openai-responses", show=False).wait(BOUND).code()
    assert "client.responses.create(" in code
    over_socket = tw.stream("Why?", model="openai/gpt-5.2", dialect="openai-responses-ws", show=False).wait(BOUND)
    assert "wss://api.openai.com/v1/responses" in over_socket.code()
    with pytest.raises(tw.Refused, match="python or javascript, not 'curl'"):
        over_socket.code("curl")


@pytest.mark.parametrize("model", ["sim/steady", "local/none"])
def test_what_answers_here_cannot_be_called_by_others(model):
    result = tw.stream("Why?", model=model, show=False, max_tokens=1).wait(BOUND)
    with pytest.raises(tw.Refused, match="answers inside tokenwidgets"):
        result.code()
    assert "http://localhost:8888/" in result.code("python-ws"), "a Jupyter server can ask it"


def test_an_unknown_language():
    result = tw.stream("Why?", model="sim/steady", show=False, ttft_ms=1, itl_ms=1, tokens=2).wait(BOUND)
    with pytest.raises(tw.Refused, match=r"python, python-httpx, .* or javascript-webrtc, not 'cobol'"):
        result.code("cobol")


def test_an_alias_and_the_default_model_are_resolved(tmp_path):
    with Scripted(["Yes."]).running() as server:
        server.configure()
        path = tmp_path / "tokenwidgets.toml"
        path.write_text('default_model = "quick"\n' + path.read_text() + '[aliases]\nquick = "scripted/m"\n')
        result = tw.stream("Why?", show=False).wait(BOUND)
    assert "model='m'" in result.code()
