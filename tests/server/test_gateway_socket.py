"""The gateway's socket of responses, as OpenAI's clients and pages see it."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from gateway_tools import ENDLESS, FAST
from openai.types.responses import ResponseSteerFailedEvent
from server_tools import Access, eventually
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from jupyter_server_ext.app import TokenWidgetsApp

# Their own clients close connections when they are collected, which is after the test that used them.
# OpenAI's opens its sockets in a way that newer versions of websockets warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning"),
]


def test_responses_over_a_socket(gpt: openai.OpenAI) -> None:
    whole = gpt.responses.create(model="sim/steady", input="hello", extra_body=FAST)
    with gpt.responses.connect() as socket:
        for _ in range(2):
            socket.send({"type": "response.create", "model": "sim/steady", "input": "hello", **FAST})  # type: ignore[misc]
            events = until_last(socket)
            assert [e.sequence_number for e in events] == list(range(len(events)))
            assert events[-1].response.output_text == whole.output_text
        socket.send({"type": "response.create", "model": "sim/nothing", "input": "hello"})
        failure = until_last(socket)[-1]
        assert (failure.status, failure.error.code) == (404, "model_not_found")
        after = {"input": "and now?", "previous_response_id": events[-1].response.id}
        socket.send({"type": "response.create", "model": "sim/steady", **after, **FAST})  # type: ignore[misc]
        assert until_last(socket)[-1].type == "response.completed"
        socket.send({"type": "response.create", "model": "sim/steady", "input": "x", "previous_response_id": "resp_unknown"})
        assert until_last(socket)[-1].error.code == "previous_response_not_found"


def until_last(socket: Any) -> list[Any]:
    """The events of one response."""
    events = []
    while not events or events[-1].type not in ("response.completed", "response.incomplete", "response.failed", "error"):
        events.append(socket.recv())
    return events


def test_lanes_of_a_socket_run_side_by_side(gpt: openai.OpenAI) -> None:
    with gpt.responses.connect() as socket:
        for lane, options in (("slow", ENDLESS), ("quick", FAST), ("quick", FAST)):
            socket.send({"type": "response.create", "model": "sim/steady", "input": "hello", "stream_id": lane, **options})  # type: ignore[misc]
        quick: list[Any] = []
        while [e.type for e in quick].count("response.completed") < 2:
            event: Any = socket.recv()
            quick += [event] if event.stream_id == "quick" else []
        assert len({e.response.id for e in quick if e.type.startswith("response.c") and hasattr(e, "response")}) == 2


async def test_closing_a_socket_stops_its_responses(access: Access, app: TokenWidgetsApp) -> None:
    url = access.socket.replace("tokenwidgets/socket", "tokenwidgets/v1/responses")
    async with connect(url, additional_headers={"Authorization": f"Bearer {access.token}"}, proxy=None) as socket:
        for _ in range(2):
            await socket.send(json.dumps({"type": "response.create", "model": "sim/steady", "input": "hello", **ENDLESS}))
        assert json.loads(await socket.recv())["type"] == "response.created"
        assert app.hub.running == 1, "the second waits for the first"
        assert app.open_sockets == 1
    await eventually(lambda: app.hub.running == 0 and app.open_sockets == 0, "they went on")


async def test_a_socket_opens_for_nobody_without_the_key(real: Access) -> None:
    url = real.socket.replace("tokenwidgets/socket", "tokenwidgets/v1/responses")
    for kind in ("nothing", "wrong token", "cookie, foreign origin", "forged cookie"):
        headers = real.headers(kind)
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=headers, origin=headers.pop("Origin", None), proxy=None)  # type: ignore[arg-type]
        assert refused.value.response.status_code in (401, 404)


async def test_what_a_socket_cannot_do_is_said(real: Access) -> None:
    url = real.socket.replace("tokenwidgets/socket", "tokenwidgets/v1/responses")
    async with connect(url, additional_headers={"Authorization": f"Bearer {real.token}"}, proxy=None) as socket:
        create = {"type": "response.create", "model": "sim/steady", "input": "hello"}
        for message in ("{", "[]", '{"type": "response.cancel"}', '{"type": "response.create"}'):
            await socket.send(message)
            answer = json.loads(await socket.recv())
            assert (answer["type"], answer["status"]) == ("error", 400), message
        await socket.send(json.dumps({**create, "stream_id": "not a lane"}))
        assert json.loads(await socket.recv())["stream_id"] == "not a lane"
        for lane in range(33):
            await socket.send(json.dumps({**create, "stream_id": f"lane{lane}", "model": "sim/nothing"}))
        last = [json.loads(await socket.recv()) for _ in range(33)][-1]
        assert any(code == "websocket_stream_limit_reached" for code in [last["error"]["code"]])


def test_what_the_socket_s_protocol_has_and_is_not_served_is_answered_in_its_own_words(gpt: openai.OpenAI) -> None:
    with gpt.responses.connect() as socket:
        socket.send({"type": "response.create", "model": "sim/steady", "input": "hello", "generate": False})
        refused: Any = socket.recv()
        assert (refused.type, refused.status, refused.error.code, refused.error.param) == (
            "error",
            400,
            "unsupported_parameter",
            "generate",
        )
        socket.send({"type": "response.create", "model": "sim/steady", "input": "hello", "stream_id": "one", **ENDLESS})  # type: ignore[misc]
        running: Any = socket.recv()
        socket.send({"type": "response.steer", "previous_response_id": running.response.id, "input": "shorter"})
        answers = iter(socket)
        failed: Any = next(event for event in answers if event.type.startswith("response.steer"))
        assert isinstance(failed, ResponseSteerFailedEvent)
        assert failed.error.code == "steering_not_supported"
        assert (failed.steer.previous_response_id, failed.steer.input) == (running.response.id, "shorter")
        assert next(event for event in answers if event.type == "response.output_text.delta"), "what was not steered goes on"


async def test_a_page_shows_its_key_as_a_subprotocol(real: Access) -> None:
    """As OpenAI's client does in a browser, which can set no header; the key is not said again."""
    url = real.socket.replace("tokenwidgets/socket", "tokenwidgets/v1/responses")
    offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{real.token}")]
    async with connect(url, subprotocols=offered, proxy=None, origin=Origin("https://elsewhere.example")) as socket:
        assert socket.subprotocol == "realtime"
        assert socket.response
        assert real.token not in str(socket.response.headers)
        await socket.send(json.dumps({"type": "response.create", "model": "sim/steady", "input": "hello", **FAST}))
        assert json.loads(await socket.recv())["type"] == "response.created"
    async with connect(url, subprotocols=offered[1:], proxy=None) as socket:
        assert socket.subprotocol is None


async def test_a_wrong_key_in_a_subprotocol_is_not_saved_by_a_cookie(real: Access) -> None:
    url = real.socket.replace("tokenwidgets/socket", "tokenwidgets/v1/responses")
    for kind in ("nothing", "page"):
        wrong = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.wrong")]
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, subprotocols=wrong, additional_headers=real.headers(kind), proxy=None)
        assert refused.value.response.status_code == 401, kind
        assert b"Jupyter server's token" in refused.value.response.body
