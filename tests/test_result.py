"""What a result holds when its stream has ended, or while it runs."""

from __future__ import annotations

import json

import pytest
from chat_server import BOUND, Scripted

import tokenwidgets as tw
from tokenwidgets.output import VIEW

pytestmark = pytest.mark.usefixtures("in_process")

FAST = {"show": False, "ttft_ms": 5, "itl_ms": 1}


def ask(model: str = "sim/steady", **options) -> tw.Result:
    return tw.stream("Why is the sky blue?", model=model, **FAST, **options).wait(BOUND)


def test_text_usage_finish_reason_metrics():
    result = ask(tokens=25, system="Be brief.")
    assert str(result) == result.text
    assert result.usage.output == 25
    assert result.usage.input > 0
    assert result.finish_reason == "stop"
    assert result.error is None
    assert result.metrics.chunks == 25
    assert result.metrics.tokens == 25
    assert result.metrics.tokens_exact
    assert 5_000 <= result.metrics.first_token_us <= result.metrics.total_us
    assert result.request["model"] == "sim/steady"


def test_length():
    assert ask(tokens=25, max_tokens=10).finish_reason == "length"


def test_reasoning_stays_apart_from_the_answer():
    result = ask("sim/reasoner", tokens=20)
    assert result.reasoning
    assert result.text
    assert result.reasoning not in result.text
    assert "".join(result) == result.text
    assert set(result.tokens["kind"]) == {"reasoning", "text"}
    assert result.usage.reasoning > 0


def test_tool_calls_are_parsed():
    tool = {
        "type": "function",
        "function": {"name": "look", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}},
    }
    result = ask("sim/tool-caller", tools=[tool])
    (call,) = result.tool_calls
    assert call["name"] == "look"
    assert isinstance(call["arguments"]["place"], str)
    assert call["id"]
    assert not call["invalid"]
    assert result.finish_reason == "tool"
    assert result.text == ""


def test_tool_calls_with_broken_arguments_say_so():
    deltas = [{"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": '{"place": '}}]}]
    with Scripted(deltas).running() as server:
        server.configure()
        result = tw.stream("Where?", model="scripted/m", show=False).wait(BOUND)
    assert result.tool_calls == [{"id": "a", "name": "look", "arguments": None, "invalid": True}]


def test_a_refusal_is_not_the_answer():
    with Scripted([{"refusal": "I will "}, {"refusal": "not."}]).running() as server:
        server.configure()
        result = tw.stream("Do it", model="scripted/m", show=False).wait(BOUND)
    assert (result.refusal, result.text) == ("I will not.", "")


def test_the_providers_refusal_to_serve_is_an_error():
    with Scripted([], status=401).running() as server:
        server.configure()
        result = tw.stream("Why?", model="scripted/m", show=False).wait(BOUND)
    assert (result.error.code, result.error.status) == ("auth", 401)


def test_tokens_are_a_table():
    result = ask(tokens=12)
    table = result.tokens
    assert list(table.columns) == ["seq", "at", "received", "kind", "text"]
    assert len(table) == 12
    assert "".join(table["text"]) == result.text
    assert table["seq"].is_monotonic_increasing
    assert table["at"].is_monotonic_increasing
    assert table["received"].is_monotonic_increasing
    assert table["received"].notna().all()


def test_wire_is_what_travelled():
    result = ask(tokens=5)
    assert result.wire[0].direction == "out"
    incoming = b"".join(frame.data for frame in result.wire if frame.direction == "in")
    assert incoming.startswith(b"data: ")
    assert incoming.rstrip().endswith(b"data: [DONE]")


def test_wire_holds_no_key(monkeypatch):
    monkeypatch.setenv("SCRIPTED_KEY", "sk-planted-1234567890abcdef")
    with Scripted(["Yes."]).running() as server:
        server.configure("SCRIPTED_KEY")
        result = tw.stream("Why?", model="scripted/m", show=False).wait(BOUND)
    assert "sk-planted" in server.calls[0][1]["authorization"], "the host did get it"
    assert result.wire
    assert not any(b"planted" in frame.data for frame in result.wire)
    assert "planted" not in repr(vars(result))


def test_repr_is_one_line():
    running = tw.stream("Why?", model="sim/steady", show=False, ttft_ms=600_000)
    assert "running" in repr(running)
    running.stop()
    done = ask(tokens=7)
    assert repr(done).startswith("<sim/steady: done · first token ")
    assert "7 tok" in repr(done)
    failed = ask("nowhere/x")
    assert "no host 'nowhere'" in repr(failed)
    assert not any("\n" in repr(r) for r in (running, done, failed))


def test_the_bundle_has_the_answer_in_every_form_and_no_widget():
    result = ask(tokens=7)
    bundle = result.bundle()
    assert set(bundle) == {"text/html", "text/markdown", "text/plain"}
    assert VIEW not in bundle
    assert result.text.split()[0] in bundle["text/html"]
    assert result.text in bundle["text/plain"]
    assert "7 tok" in bundle["text/plain"]


def test_save_writes_what_was_asked_and_what_came(tmp_path):
    result = ask(tokens=7)
    lines = [json.loads(line) for line in result.save(str(tmp_path / "run.jsonl")).read_text().splitlines()]
    assert lines[0]["tokenwidgets"] == 1
    assert lines[0]["request"]["prompt"] == "Why is the sky blue?"
    assert [line["seq"] for line in lines if "seq" in line] == list(range(len(result.journal.entries)))
    assert any("frame" in line for line in lines)


def test_save_without_the_place_keeps_the_events(tmp_path, in_process):
    result = ask(tokens=7)
    in_process.hub._streams.clear()
    assert tw.replay(result.save(tmp_path / "run.jsonl"), speed=1000, show=False).wait(BOUND).text == result.text


class _Broken:
    """A display that fails whenever it is told something, like a closed pipe."""

    def started(self, result):
        raise BrokenPipeError

    changed = ended = started


def test_a_display_that_fails_does_not_take_the_result_with_it():
    result = tw.Result(tw.api.gateway(), {"prompt": "Why?", "model": "sim/steady", "options": {"ttft_ms": 5, "itl_ms": 1, "tokens": 9}})
    result.display = _Broken()
    assert result.begin().wait(BOUND).done
    assert result.finish_reason == "stop"
    assert result.metrics.chunks == 9
