from __future__ import annotations

import json
from typing import Any

import fixtures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.openai_responses import OpenAIResponses
from tokenwidgets.dialects.responses_socket import IN_FLIGHT, LANES, LIFETIME, MARGIN, ResponsesSocket
from tokenwidgets.errors import Refused
from tokenwidgets.events import TERMINAL, End, Error, Event, Notice, Text, Tool
from tokenwidgets.request import Request, parse


def request(prompt: str = "hi", **options: Any) -> Request:
    return parse({"model": "h/m", "prompt": prompt, "options": options})


class Line:
    """A socket with the server's side written out."""

    def __init__(self) -> None:
        self.socket = ResponsesSocket(Profile(), 0.0)
        self.events: dict[str, list[Event]] = {}

    def ask(self, stream: str, lane: str = "", after: str | None = None, now: float = 0.0, **options: Any) -> dict[str, Any]:
        return json.loads(self.socket.create(stream, request(**options), now, lane, after))

    def says(self, kind: str, lane: str = "", **fields: Any) -> list[tuple[str, Event]]:
        frame = {"type": kind, **({"stream_id": lane} if lane else {}), **fields}
        return self.keep(self.socket.receive(json.dumps(frame)))

    def begins(self, id: str, lane: str = "", parent: str | None = None) -> None:
        assert self.says("response.created", lane, response={"id": id, "previous_response_id": parent}) == []

    def writes(self, text: str, lane: str = "") -> list[tuple[str, Event]]:
        return self.says("response.output_text.delta", lane, output_index=0, content_index=0, delta=text)

    def ends(self, id: str, lane: str = "", status: str = "completed", **response: Any) -> list[tuple[str, Event]]:
        return self.says(f"response.{status}", lane, response={"id": id, "status": status, **response})

    def fails(self, code: str, lane: str = "", status: int = 400, **error: Any) -> list[tuple[str, Event]]:
        return self.says("error", lane, status=status, error={"type": "invalid_request_error", "code": code, "message": "m", **error})

    def keep(self, told: list[tuple[str, Event]]) -> list[tuple[str, Event]]:
        for stream, event in told:
            self.events.setdefault(stream, []).append(event)
        return told

    def last(self, stream: str) -> Event:
        assert [isinstance(e, TERMINAL) for e in self.events[stream]] == [False] * (len(self.events[stream]) - 1) + [True]
        return self.events[stream][-1]


# --- frames out ---


def test_a_request_is_the_body_of_the_call_without_what_only_http_knows() -> None:
    body = json.loads(OpenAIResponses().encode(request(temperature=1), Profile()).body)
    assert Line().ask("a", temperature=1) == {"type": "response.create", **{k: v for k, v in body.items() if k != "stream"}}
    extra = {"background": True, "generate": False, "stream_id": "y", "type": "z", "previous_response_id": "resp_0"}
    sent = Line().ask("a", lane="x", after="resp_1", extra=extra)
    assert (sent["type"], sent["stream_id"], sent["previous_response_id"]) == ("response.create", "x", "resp_1")
    assert sent["generate"] is False
    assert "background" not in sent


def test_what_the_server_holds_is_not_sent_and_still_says_what_the_rest_means() -> None:
    call = {"id": "call_1", "type": "custom", "custom": {"name": "run", "input": "ls"}}
    talk = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "x"},
    ]
    frame = ResponsesSocket(Profile(), 0.0).create("a", parse({"model": "h/m", "messages": talk}), 0.0, after="resp_1", held=2)
    assert json.loads(frame)["input"] == [{"type": "custom_tool_call_output", "call_id": "call_1", "output": "x"}]


def test_what_cannot_be_said_is_refused_and_leaves_no_trace() -> None:
    line = Line()
    for options in ({"seed": 1}, {"extra": {"x": object()}}):
        with pytest.raises(Refused):
            line.ask("a", **options)
    line.ask("a")


def test_without_a_lane_there_is_one_at_a_time() -> None:
    line = Line()
    line.ask("a")
    with pytest.raises(Refused, match="name a lane"):
        line.ask("b")
    line.begins("resp_a")
    line.ends("resp_a")
    line.ask("b")


def test_limits() -> None:
    line = Line()
    for i in range(IN_FLIGHT):
        line.ask(str(i), lane=f"l{i % 4}")
    with pytest.raises(Refused, match="16 responses") as refused:
        line.ask("more", lane="l0")
    assert refused.value.code == "limit"
    many = Line()
    for i in range(LANES):
        many.ask(str(i), lane=f"l{i}")
        many.begins(f"resp_{i}", f"l{i}")
        many.ends(f"resp_{i}", f"l{i}")
    with pytest.raises(Refused, match="32 lanes"):
        many.ask("more", lane="one-too-many")
    many.ask("again", lane="l0")
    many.ask("unnamed")


@pytest.mark.parametrize("lane", ["a b", "ä", "x" * 257, "a/b"])
def test_names_of_lanes(lane: str) -> None:
    with pytest.raises(Refused, match="lane's name"):
        Line().ask("a", lane=lane)


def test_a_name_is_one_stream_at_a_time() -> None:
    line = Line()
    line.ask("a", lane="x")
    with pytest.raises(Refused, match="already a stream"):
        line.ask("a", lane="y")


def test_a_connection_is_renewed_before_its_hour_is_over() -> None:
    line = Line()
    assert not line.socket.must_renew(LIFETIME - MARGIN - 1)
    line.ask("a", now=LIFETIME - MARGIN - 1)
    assert line.socket.must_renew(LIFETIME - MARGIN)
    with pytest.raises(Refused, match="60 minutes"):
        line.ask("b", lane="x", now=LIFETIME - MARGIN)


# --- frames in ---


@pytest.mark.parametrize("name", fixtures.names("openai-responses", "compat", "deepseek", "openrouter", api="responses"))
def test_the_frames_of_a_recording_give_the_events_of_its_body(name: str) -> None:
    raw = fixtures.body(name)
    decoder = OpenAIResponses().decoder(Profile())
    socket = ResponsesSocket(Profile(), 0.0)
    socket.create("a", request(), 0.0, "lane")
    payloads = [json.loads(line.removeprefix(b"data: ")) for line in raw.splitlines() if line.startswith(b"data: {")]
    told = [t for payload in payloads for t in socket.receive(json.dumps({**payload, "stream_id": "lane"}))]
    begun = payloads[0]["type"] == "response.created" or name.startswith("openai-responses/resume")
    assert begun
    assert told == [("a", event) for event in decoder.feed(raw) + decoder.close()]
    assert socket.close() == []


def test_lanes_interleave_and_one_lane_is_first_in_first_out() -> None:
    line = Line()
    for stream, lane in (("a", "x"), ("b", "y"), ("c", "x")):
        line.ask(stream, lane=lane)
    line.begins("resp_a", "x")
    line.begins("resp_b", "y")
    assert [line.writes("1", "x"), line.writes("2", "y"), line.writes("3", "x")] == [
        [("a", Text(0, "1"))], [("b", Text(0, "2"))], [("a", Text(0, "3"))],
    ]  # fmt: skip
    line.ends("resp_a", "x")
    line.begins("resp_c", "x")
    assert line.writes("4", "x") == [("c", Text(0, "4"))]
    line.ends("resp_c", "x")
    line.ends("resp_b", "y")
    assert {line.last(s) for s in "abc"} == {End("stop", "completed")}
    assert (line.socket.newest("x"), line.socket.newest("y"), line.socket.newest("z")) == ("resp_c", "resp_b", None)


def test_frames_for_nobody_say_nothing() -> None:
    line = Line()
    line.ask("a", lane="x")
    for lane in ("", "y"):
        assert line.writes("lost", lane) == line.ends("resp_0", lane) == []
    assert line.says("keepalive") == line.says("codex.rate_limits") == line.keep(line.socket.receive("[1]")) == []


def test_an_error_ends_its_lanes_response_and_no_other() -> None:
    line = Line()
    line.ask("a", lane="x")
    line.ask("b", lane="y")
    line.ask("c", lane="x")
    line.begins("resp_a", "x")
    line.fails("rate_limit_exceeded", "x", 429, headers={"Retry-After": "7"})
    assert line.last("a") == Error("rate_limited", "m", status=429, retryable=True, retry_after=7.0)
    assert line.ends("resp_a", "x", "failed", error={"code": "x", "message": "m"}) == []
    assert line.writes("late", "x") == []
    line.begins("resp_c", "x")
    line.ends("resp_c", "x")
    assert line.last("c") == End("stop", "completed")
    assert line.socket.close() != []


def test_a_failed_response_after_an_error_before_it_had_an_id() -> None:
    line = Line()
    line.ask("a", lane="x")
    line.ask("b", lane="x")
    line.fails("server_error", "x", 500)
    assert line.ends("resp_a", "x", "failed") == []
    line.begins("resp_b", "x")
    line.ends("resp_b", "x")
    assert (line.last("b"), isinstance(line.last("a"), Error)) == (End("stop", "completed"), True)


def test_a_continuation_that_fails_is_forgotten_by_the_server_and_a_fork_is_not() -> None:
    line = Line()
    line.ask("a", lane="x")
    line.begins("resp_a", "x")
    line.ends("resp_a", "x")
    line.ask("b", lane="y", after="resp_a")
    line.fails("server_error", "y", 500)
    assert line.socket.newest("x") == "resp_a"
    line.ask("c", lane="x", after="resp_a")
    line.fails("previous_response_not_found", "x")
    assert line.socket.newest("x") is None
    error = line.last("c")
    assert isinstance(error, Error)
    assert (error.code, error.status, error.retryable) == ("not_found", 400, False)


def test_an_error_of_the_connection_is_everyones() -> None:
    line = Line()
    line.ask("a", lane="x")
    line.ask("b", lane="y")
    line.begins("resp_a", "x")
    line.says("response.output_item.added", "x", output_index=0, item={"type": "function_call", "call_id": "c", "name": "f"})
    line.fails("server_error", status=500)
    assert line.events["a"][-2] == Tool(0, "c", "f", done=True, invalid=True)
    assert line.last("a") == line.last("b") == Error("internal", "m", status=500, retryable=True)
    assert line.socket.must_renew(0)
    assert line.socket.close() == []


def test_an_error_without_a_lane_belongs_to_the_response_without_one() -> None:
    line = Line()
    line.ask("a", lane="x")
    line.ask("b")
    line.fails("invalid_prompt")
    assert line.last("b") == Error("bad_request", "m", status=400)
    assert line.fails("invalid_prompt") == line.fails("invalid_prompt", "gone") == []
    assert "a" not in line.events


def test_when_the_hour_is_over_only_what_has_not_begun_fails() -> None:
    line = Line()
    line.ask("a", lane="x")
    line.ask("b", lane="y")
    line.ask("c", lane="x")
    line.begins("resp_a", "x")
    line.fails("websocket_connection_limit_reached")
    assert line.last("b") == line.last("c") == Error("connection", "m", status=400, retryable=True)
    assert line.socket.must_renew(0)
    line.ends("resp_a", "x")
    assert line.last("a") == End("stop", "completed")


def test_a_request_too_many_is_the_last_one() -> None:
    line = Line()
    line.ask("a", lane="x")
    line.ask("b", lane="x")
    line.begins("resp_a", "x")
    line.fails("websocket_stream_limit_reached", "x", 429)
    error = line.last("b")
    assert isinstance(error, Error)
    assert (error.code, error.retryable) == ("rate_limited", True)
    line.ask("c", lane="y")
    line.fails("invalid_stream_id")
    assert line.last("c") == Error("bad_request", "m", status=400)
    line.ends("resp_a", "x")
    assert line.last("a") == End("stop", "completed")
    assert not line.socket.must_renew(0)


def test_a_frame_that_cannot_be_read_ends_everything() -> None:
    line = Line()
    line.ask("a", lane="x")
    line.keep(line.socket.receive(b'{"type": "response.out'))
    error = line.last("a")
    assert isinstance(error, Error)
    assert (error.code, error.retryable) == ("protocol", True)
    assert line.socket.must_renew(0)


@pytest.mark.parametrize(("status", "again"), [(None, True), (1001, True), (1006, True), (1008, False)])
def test_a_closed_connection_cuts_what_has_begun_and_fails_the_rest(status: int | None, again: bool) -> None:
    line = Line()
    line.ask("a", lane="x")
    line.ask("b", lane="x")
    line.begins("resp_a", "x")
    line.writes("so far", "x")
    line.keep(line.socket.close(status))
    assert line.events["a"] == [Text(0, "so far"), End("truncated")]
    error = line.last("b")
    assert isinstance(error, Error)
    assert (error.code, error.stage, error.retryable) == ("connection", "close", again)
    assert line.socket.close() == []


# --- steering ---


def steered(line: Line) -> None:
    line.ask("a", lane="x")
    line.begins("resp_a", "x")
    frame = json.loads(line.socket.steer("a", [{"role": "user", "content": "shorter"}], "b"))
    assert frame == {
        "type": "response.steer", "previous_response_id": "resp_a",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "shorter"}]}],
    }  # fmt: skip
    told = line.says("response.steer.accepted", "x", steer={"id": "s1", "previous_response_id": "resp_a"})
    assert told == [("b", Notice("steer", {"state": "accepted"}))]


def test_a_steered_response_is_superseded_and_its_successor_is_another_stream() -> None:
    line = Line()
    steered(line)
    line.ask("c", lane="x")
    line.ends("resp_a", "x", "incomplete", incomplete_details={"reason": "steered"})
    assert line.last("a") == End("superseded", "steered")
    line.begins("resp_b", "x", parent="resp_a")
    assert line.writes("ok", "x") == [("b", Text(0, "ok"))]
    line.ends("resp_b", "x")
    line.begins("resp_c", "x")
    line.ends("resp_c", "x")
    assert line.last("b") == line.last("c") == End("stop", "completed")


def test_a_successor_may_not_say_whom_it_succeeds() -> None:
    line = Line()
    steered(line)
    line.ends("resp_a", "x")
    line.begins("resp_b", "x")
    assert line.writes("ok", "x") == [("b", Text(0, "ok"))]


def test_words_that_wait_for_a_tools_result_go_with_the_next_request() -> None:
    line = Line()
    steered(line)
    line.ends("resp_a", "x")
    required = [{"type": "function_call_output", "call_id": "c"}]
    steer = {"id": "s1", "previous_response_id": "resp_a"}
    assert line.says("response.steer.pending", "x", steer=steer, reason="waiting_for_required_input", required_input=required) == [
        ("b", Notice("steer", {"state": "pending", "reason": "waiting_for_required_input", "required_input": required}))
    ]
    with pytest.raises(Refused, match="stream 'b'"):
        line.ask("c", lane="x", after="resp_a")
    line.ask("b", lane="x", after="resp_a")
    line.begins("resp_b", "x", parent="resp_a")
    line.ends("resp_b", "x")
    assert line.last("b") == End("stop", "completed")


def test_words_that_are_not_taken_end_their_stream_when_none_are_left() -> None:
    line = Line()
    steered(line)
    line.socket.steer("a", [{"role": "user", "content": "and kinder"}], "b")
    failure = {"code": "too_many_pending_steers", "message": "full", "type": "invalid_request_error"}
    steer = {"previous_response_id": "resp_a"}
    assert line.says("response.steer.failed", "x", steer=steer, error=failure) == [
        ("b", Notice("steer", {"state": "failed", "error": failure}))
    ]
    line.says("response.steer.failed", "x", steer=steer, error=failure)
    assert line.last("b") == Error("bad_request", "full")
    assert line.says("response.steer.accepted", "x", steer=steer) == []


def test_only_a_response_that_has_begun_can_be_steered_and_by_one_successor() -> None:
    line = Line()
    line.ask("a", lane="x")
    with pytest.raises(Refused, match="has begun"):
        line.socket.steer("a", [], "b")
    with pytest.raises(Refused, match="has begun"):
        line.socket.steer("nobody", [], "b")
    line.begins("resp_a", "x")
    with pytest.raises(Refused, match="cannot succeed"):
        line.socket.steer("a", [], "a")
    line.socket.steer("a", [], "b")
    with pytest.raises(Refused, match="cannot succeed"):
        line.socket.steer("a", [], "c")


# --- anything at all ---

IDS = st.sampled_from(["resp_1", "resp_2", "resp_3", ""])
FRAMES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["created", "completed", "failed", "incomplete", "output_text.delta", "steer.accepted", "steer.failed"]
        ).map(lambda kind: f"response.{kind}")
        | st.sampled_from(["error", "keepalive"])
    },
    optional={
        "stream_id": st.sampled_from(["x", "y", "z"]) | st.integers(),
        "response": st.fixed_dictionaries({"id": IDS}, optional={"previous_response_id": IDS}) | st.none(),
        "delta": st.text(max_size=3),
        "error": st.fixed_dictionaries(
            {"code": st.sampled_from(["websocket_connection_limit_reached", "websocket_stream_limit_reached", "server_error"]) | st.none()}
        ),
        "status": st.integers(0, 600) | st.text(max_size=3),
        "steer": st.fixed_dictionaries({"previous_response_id": IDS}),
    },
)
STEPS = st.one_of(
    FRAMES.map(lambda frame: ("frame", json.dumps(frame))),
    st.tuples(st.just("ask"), st.sampled_from("abcd"), st.sampled_from(["", "x", "y"]), st.none() | IDS),
    st.tuples(st.just("steer"), st.sampled_from("abcd"), st.sampled_from("efg")),
    st.text(max_size=4).map(lambda text: ("frame", text)),
)


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_every_stream_ends_once(steps: list[Any]) -> None:
    line, streams = Line(), 0
    for step in steps:
        try:
            if step[0] == "ask":
                line.ask(f"{step[1]}{streams}", step[2], step[3])
                line.events[f"{step[1]}{streams}"] = []
                streams += 1
            elif step[0] == "steer":
                running = next((s for s in line.events if s.startswith(step[1])), "")
                line.socket.steer(running, [], f"{step[2]}{streams}")
                line.events.setdefault(f"{step[2]}{streams}", [])
                streams += 1
            else:
                line.keep(line.socket.receive(step[1]))
        except Refused:
            pass
    line.keep(line.socket.close())
    for stream in line.events:
        line.last(stream)
