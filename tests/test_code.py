"""`r.code()`: the program it writes makes the same call, with the real SDK and with curl."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from chat_server import BOUND, Scripted, run

import tokenwidgets as tw

pytestmark = pytest.mark.usefixtures("in_process")

KEY = "sk-planted-1234567890abcdef"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
PROMPT = "It's \"quoted\", $HOME `id` \\n {x}\nand 'long' — 🌈?"
OPTIONS = {"temperature": 0.5, "max_tokens": 9, "stop": ["a'b"], "seed": 1, "extra": {"top_k": 3, "user": "me"}, "reasoning": "low"}


@pytest.fixture
def server():
    with Scripted(["Yes", ", ", "it's me."]).running() as server:
        server.configure("SCRIPTED_KEY")
        yield server


@pytest.fixture
def result(server, monkeypatch):
    monkeypatch.setenv("SCRIPTED_KEY", KEY)
    return tw.stream(PROMPT, model="scripted/m", system="Be brief.", tools=[TOOL], show=False, **OPTIONS).wait(BOUND)


def test_python(server, result):
    code = result.code("python")
    assert KEY not in code
    assert 'os.environ["SCRIPTED_KEY"]' in code or 'os.environ.get("SCRIPTED_KEY"' in code
    status, out, err = run("-c", code)
    assert (status, out) == (0, "Yes, it's me."), err
    assert server.calls[1][2] == server.calls[0][2], "the same body"
    assert server.calls[1][1]["authorization"] == server.calls[0][1]["authorization"] == f"Bearer {KEY}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_curl(server, result):
    code = result.code("curl")
    assert KEY not in code
    done = subprocess.run(
        ["sh", "-c", code], capture_output=True, text=True, timeout=BOUND, check=False, env={**os.environ, "no_proxy": "*"}
    )
    assert "it's me." in done.stdout, done.stderr
    assert done.stdout.rstrip().endswith("data: [DONE]")
    assert server.calls[1][2] == server.calls[0][2], "the same body"
    assert server.calls[1][1]["authorization"] == f"Bearer {KEY}"
    assert server.calls[1][0] == server.calls[0][0] == "/v1/chat/completions"


def test_python_is_the_default(result):
    assert result.code() == result.code("python")


def test_without_a_key(server):
    server.configure()
    result = tw.stream("Why?", model="scripted/m", show=False).wait(BOUND)
    assert run("-c", result.code())[:2] == (0, "Yes, it's me.")


def test_a_stream_that_failed_still_has_its_code(monkeypatch):
    """Nothing is needed to see what would be asked, not even a key."""
    result = tw.stream("Why?", model="openai/gpt-5.2", max_tokens=5, show=False).wait(BOUND)
    code = result.code()
    assert 'os.environ["OPENAI_API_KEY"]' in code
    assert "max_completion_tokens=5" in code
    assert "api.openai.com" in code


def test_another_hosts_own_fields_pass_the_sdk(monkeypatch):
    code = tw.stream("Why?", model="openrouter/x/y", reasoning="low", show=False).wait(BOUND).code()
    assert "extra_body={'reasoning': {'effort': 'low'}}" in code


@pytest.mark.parametrize("model", ["sim/steady", "local/none"])
def test_what_answers_here_cannot_be_called_by_others(model):
    result = tw.stream("Why?", model=model, show=False, max_tokens=1).wait(BOUND)
    with pytest.raises(tw.Refused, match="answers inside tokenwidgets"):
        result.code()


def test_an_unknown_language():
    result = tw.stream("Why?", model="sim/steady", show=False, ttft_ms=1, itl_ms=1, tokens=2).wait(BOUND)
    with pytest.raises(tw.Refused, match="python or curl"):
        result.code("cobol")


def test_an_alias_and_the_default_model_are_resolved(server, tmp_path):
    path = tmp_path / "tokenwidgets.toml"
    path.write_text(
        'default_model = "quick"\n' + path.read_text().replace('key_env = "SCRIPTED_KEY"\n', "") + '[aliases]\nquick = "scripted/m"\n'
    )
    result = tw.stream("Why?", show=False).wait(BOUND)
    assert "model='m'" in result.code()
