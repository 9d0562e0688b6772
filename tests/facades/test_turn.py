"""A stream as the message that its conversation goes on from, and what a socket of responses may be asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseSteerFailedEvent

from tokenwidgets.errors import Refused
from tokenwidgets.events import Carry, End, Error, Reasoning, Text, Tool
from tokenwidgets.facades.models import listed
from tokenwidgets.facades.responses_socket import IN_FLIGHT, LANES, Create, Lanes, Unserved, failure, framed
from tokenwidgets.turn import turn


def test_a_turn_is_all_that_was_said_and_called() -> None:
    events = [
        Reasoning(0, "hm"),
        Text(1, "Hel"),
        Text(1, "lo"),
        Text(2, "other", choice=1),
        Tool(3, "c1", "f", '{"a":'),
        Tool(3, delta="1}"),
    ]
    whole = [Tool(3, done=True, arguments={"a": 1}), Tool(4, "c2", "g", done=True, arguments={"b": 2}), End("tool")]
    assert turn([*events, *whole]) == {
        "role": "assistant",
        "content": "Hello",
        "reasoning_content": "hm",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"b":2}'}},
        ],
    }


def test_a_turn_carries_what_it_was_given_instead_of_its_thoughts() -> None:
    assert turn([Reasoning(0, "hm"), Carry(0, {"x": 1}), Text(1, "yes"), End("stop")]) == {
        "role": "assistant",
        "content": "yes",
        "carry": [{"x": 1}],
    }
    assert turn([Reasoning(0, "hm", "summary")]) == {"role": "assistant", "content": ""}


# ---- a socket of responses


def create(**fields: Any) -> str:
    return json.dumps({"type": "response.create", "model": "a/b", "input": "hi", **fields})


def test_a_frame_is_a_request_and_a_lane() -> None:
    lanes = Lanes()
    body = {"model": "a/b", "input": "hi"}
    assert lanes.read(create()) == Create("", body)
    assert lanes.read(create(stream_id="one", stream=True)) == Create("one", body)
    assert framed({"type": "x"}, "one") == {"type": "x", "stream_id": "one"}
    assert framed({"type": "x"}, "") == {"type": "x"}


def test_a_socket_takes_so_many_responses_and_lanes() -> None:
    lanes = Lanes()
    for i in range(LANES):
        lanes.read(create(stream_id=f"l{i}"))
        lanes.ended()
    for _ in range(IN_FLIGHT):
        lanes.read(create(stream_id="l0"))
    for more in ({"stream_id": "l0"}, {"stream_id": "new"}):
        with pytest.raises(Refused) as refused:
            lanes.read(create(**more))
        assert failure(refused.value.event())["error"]["code"] == "websocket_stream_limit_reached"
    lanes.ended()
    lanes.read(create(stream_id="l1"))


@given(
    st.text() | st.dictionaries(st.sampled_from(["type", "stream_id", "generate"]), st.text() | st.none() | st.booleans()).map(json.dumps)
)
def test_any_message_is_a_request_or_is_refused(message: str) -> None:
    try:
        read = Lanes().read(message)
    except Refused as e:
        frame = failure(e.event())
        assert (frame["type"], frame["status"] >= 400) == ("error", True)
    else:
        assert isinstance(read, Unserved) or read.body is not None


def test_what_is_not_served_counts_for_nothing() -> None:
    lanes = Lanes()
    for _ in range(IN_FLIGHT + 1):
        warm = lanes.read(create(generate=False, stream_id="one"))
        assert isinstance(warm, Unserved)
        assert (warm.lane, warm.frame["error"]["param"]) == ("one", "generate")
    steer = lanes.read(json.dumps({"type": "response.steer", "previous_response_id": "resp_1", "input": "shorter"}))
    assert isinstance(steer, Unserved)
    read = ResponseSteerFailedEvent.model_validate(steer.frame)
    assert (read.error.code, read.steer.previous_response_id) == ("steering_not_supported", "resp_1")


def test_a_failure_on_a_socket_has_its_status() -> None:
    frame = failure(Error("rate_limited", "m", status=429, retryable=True))
    assert (frame["status"], frame["error"]["type"]) == (429, "rate_limit_error")


# ---- models


def test_no_models_are_a_list_too() -> None:
    assert listed([]) == {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
