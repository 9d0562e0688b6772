"""Streams as resources over HTTP: start, read, look at, stop, and everything that can be refused."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from server_tools import ENDLESS, FAST, LIMIT, Access, Caller, Process, Upstream, eventually, messages, parsed, text
from websockets.asyncio.client import connect

from jupyter_server_ext.app import TokenWidgetsApp
from jupyter_server_ext.handlers import streams as handlers
from tokenwidgets.wire.sse import Comment, Parser

PIECES = ["The ", "sky ", "is ", "blue."]


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """The `tokenwidgets.toml` of the in-process server."""
    return tmp_path / "tokenwidgets.toml"


# ---- starting


async def test_post_answers_where_the_events_are(real: Access) -> None:
    async with Caller(real) as caller:
        answer = await caller.call("POST", "streams", FAST)
        assert answer.status_code == 201
        body = answer.json()
        assert set(body) == {"id", "model", "events"}
        assert body["model"] == "sim/steady"
        events = parsed((await caller.http.get(httpx.URL(real.origin).join(body["events"]))).content)
        assert events[0]["id"] == body["id"]
        assert (events[0]["type"], events[-1]["type"]) == ("start", "end")
        assert [e["seq"] for e in events] == list(range(len(events)))


async def test_an_id_cannot_be_guessed(real: Access) -> None:
    async with Caller(real) as caller:
        ids = {await caller.start() for _ in range(5)}
        assert len(ids) == 5
        assert all(re.fullmatch(r"[\w-]{22,}", i) for i in ids), "128 bits are 22 characters"


async def test_post_can_answer_with_the_events_themselves(real: Access) -> None:
    async with Caller(real, "page", Accept="text/event-stream") as caller:
        answer = await caller.call("POST", "streams", FAST)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = parsed(answer.content)
        assert events[0]["id"] == answer.headers["x-tokenwidgets-stream"]
        assert events[-1] == {**events[-1], "type": "end", "reason": "stop"}


async def test_a_host_with_a_colon_and_a_prompt_as_messages(real: Access) -> None:
    async with Caller(real) as caller:
        by_prompt = await caller.events(await caller.start({**FAST, "model": "sim:steady"}))
        messages = [{"role": "user", "content": "hello"}]
        by_messages = await caller.start({"model": "sim/steady", "messages": messages, "options": FAST["options"]})
        assert text(by_prompt) == text(await caller.events(by_messages)) != ""


# ---- reading


async def test_the_headers_say_that_nothing_may_hold_the_events_back(real: Access) -> None:
    async with Caller(real) as caller:
        answer = await caller.call("GET", f"streams/{await caller.ended()}/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert {s.strip() for s in answer.headers["cache-control"].split(",")} == {"no-cache", "no-transform"}
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in answer.headers
        assert "content-length" not in answer.headers


async def test_a_cursor_from_the_header_the_query_or_none(real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.ended()
        whole = await caller.events(stream)
        assert await caller.events(stream, headers={"Last-Event-ID": "3"}) == whole[4:]
        assert await caller.events(stream, params={"after": 5}) == whole[6:]
        assert await caller.events(stream, params={"after": 5}, headers={"Last-Event-ID": "3"}) == whole[4:], "the header is newer"
        assert await caller.events(stream, params={"after": -7}) == whole


async def test_every_frame_carries_its_seq_as_id_and_no_event_line(real: Access) -> None:
    async with Caller(real) as caller:
        answer = await caller.call("GET", f"streams/{await caller.ended()}/events")
        lines = [line for line in answer.text.split("\n") if line and not line.startswith(":")]
        assert [line.partition(":")[0] for line in lines] == ["id", "data"] * (len(lines) // 2)
        ids = [int(line[4:]) for line in lines[::2]]
        assert ids == [json.loads(line[6:])["seq"] for line in lines[1::2]] == list(range(len(ids)))


@pytest.mark.parametrize("beyond", [0, 1, 10**6])
async def test_a_cursor_at_the_end_is_told_so(beyond: int, real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.ended()
        last = (await caller.events(stream))[-1]["seq"]
        answer = await caller.call("GET", f"streams/{stream}/events", params={"after": last + beyond})
        assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("after", ["x", "1.5", "", "9" * 5000, "null"])
async def test_a_cursor_that_is_no_number(after: str, real: Access) -> None:
    async with Caller(real) as caller:
        answer = await caller.call("GET", f"streams/{await caller.ended()}/events", params={"after": after})
        refusal(answer, 400, "bad_request")
        if after:
            answer = await caller.call("GET", f"streams/{await caller.ended()}/events", headers={"Last-Event-ID": after})
            refusal(answer, 400, "bad_request")


async def test_events_arrive_while_the_model_still_speaks(access: Access, config_file: Path) -> None:
    async with asyncio.timeout(LIMIT), Upstream(PIECES, free=1) as upstream, Caller(access) as caller:
        config_file.write_text(upstream.config())
        stream = await caller.start({"model": "scripted/m", "prompt": "x"})
        async with caller.reading(stream) as events:
            for piece in PIECES:
                # The provider waits until the word before this one has reached the reader.
                while '"delta":' + json.dumps(piece) not in (await anext(events)).data:
                    pass
                assert (await caller.call("GET", f"streams/{stream}")).json()["state"] == "running"
                upstream.release(1)
            upstream.release()
            rest = [json.loads(e.data) async for e in events]
        assert rest[-1]["type"] == "end"


async def test_a_silent_stream_is_kept_alive_by_comments(access: Access, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "KEEPALIVE_SECONDS", 0.05)
    async with asyncio.timeout(LIMIT), Upstream(PIECES, free=0) as upstream, Caller(access) as caller:
        config_file.write_text(upstream.config())
        stream = await caller.start({"model": "scripted/m", "prompt": "x"})
        parser = Parser()
        comments = 0
        async with caller.http.stream("GET", f"tokenwidgets/streams/{stream}/events") as answer:
            async for data in answer.aiter_raw():
                comments += sum(isinstance(item, Comment) for item in parser.feed(data))
                if comments >= 4:
                    break
        upstream.release()
        assert text(await caller.events(stream)) == "".join(PIECES)


async def test_one_stream_many_readers(real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.start({**FAST, "options": {**FAST["options"], "itl_ms": 5, "tokens": 40}})
        answers = await asyncio.gather(*(caller.call("GET", f"streams/{stream}/events") for _ in range(20)))
        bodies = {b"".join(line + b"\n" for line in a.content.split(b"\n") if line.startswith(b"data")) for a in answers}
        assert len(bodies) == 1


async def test_leaving_keeps_the_stream_running(access: Access, app: TokenWidgetsApp, config_file: Path) -> None:
    async with asyncio.timeout(LIMIT), Upstream(PIECES, free=2) as upstream, Caller(access) as owner:
        config_file.write_text(upstream.config())
        async with Caller(access) as caller:
            stream = await caller.start({"model": "scripted/m", "prompt": "x"})
            async with caller.reading(stream) as events:
                while "sky" not in (await anext(events)).data:
                    pass
        [found] = app.hub.streams("server")
        await eventually(lambda: found.readers == 0, "the reader is still counted")
        snapshot = (await owner.call("GET", f"streams/{stream}")).json()
        assert (snapshot["state"], snapshot["text"]) == ("running", "The sky ")
        assert not upstream.left.is_set()
        upstream.release()
        assert text(await owner.events(stream)) == "The sky is blue."
        assert len(upstream.calls) == 1


async def test_leaving_in_the_answer_to_the_post_keeps_it_too(
    access: Access, app: TokenWidgetsApp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with Caller(access) as caller:
        headers = {"Accept": "text/event-stream"}
        async with caller.http.stream("POST", "tokenwidgets/streams", json=ENDLESS, headers=headers) as answer:
            stream = answer.headers["x-tokenwidgets-stream"]
            await anext(messages(answer))
        [found] = app.hub.streams("server")
        await eventually(lambda: found.readers == 0, "the reader is still counted")
        assert (await caller.call("GET", f"streams/{stream}")).json()["state"] == "running"
    assert caplog.records == [], "a reader that leaves is nothing to report"


# ---- looking at


async def test_a_snapshot_says_what_the_stream_is(real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.ended()
        events = await caller.events(stream)
        snapshot = (await caller.call("GET", f"streams/{stream}")).json()
        assert (snapshot["id"], snapshot["model"], snapshot["host"], snapshot["state"]) == (stream, "sim/steady", "sim", "ended")
        assert snapshot["text"] == text(events)
        assert snapshot["seq"] == events[-1]["seq"]
        assert snapshot["usage"]["output"] == 8
        assert snapshot["metrics"]


async def test_a_failed_stream_says_so(real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.ended({"model": "sim/steady", "prompt": "x", "options": {**FAST["options"], "fail_at": 3, "seed": 0}})
        last = (await caller.events(stream))[-1]
        assert last["type"] in ("error", "end")
        snapshot = (await caller.call("GET", f"streams/{stream}")).json()
        assert snapshot["state"] == ("failed" if last["type"] == "error" else "ended")


async def test_the_list_holds_the_callers_streams_in_order(access: Access) -> None:
    async with Caller(access) as caller:
        assert (await caller.call("GET", "streams")).json() == {"streams": []}
        ids = [await caller.ended() for _ in range(3)]
        for path in ("streams", "streams/"):
            assert [s["id"] for s in (await caller.call("GET", path)).json()["streams"]] == ids


async def test_the_wire_shows_the_upstreams_frames(real: Access) -> None:
    async with Caller(real) as caller:
        body = (await caller.call("GET", f"streams/{await caller.ended()}/wire")).json()
        assert body["dropped"] == 0
        assert body["frames"][0]["dir"] == "out"
        came = b"".join(base64.b64decode(f["frame"]) for f in body["frames"] if f["dir"] == "in")
        assert came.startswith(b"data: {")
        assert came.endswith(b"data: [DONE]\n\n")
        assert [f["at"] for f in body["frames"]] == sorted(f["at"] for f in body["frames"])


class TestSmallWire:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"TokenWidgetsApp": {"frame_bytes": 1000}}

    async def test_what_does_not_fit_is_counted(self, access: Access) -> None:
        async with Caller(access) as caller:
            stream = await caller.ended({**FAST, "options": {**FAST["options"], "itl_ms": 1, "tokens": 30}})
            body = (await caller.call("GET", f"streams/{stream}/wire")).json()
            assert body["dropped"] > 0
            assert sum(len(base64.b64decode(f["frame"])) for f in body["frames"]) <= 1000
            assert len(await caller.events(stream)) > 30


# ---- stopping


async def test_delete_is_answered_when_the_upstream_is_closed(access: Access, config_file: Path) -> None:
    async with asyncio.timeout(LIMIT), Upstream(PIECES, free=2) as upstream, Caller(access) as caller:
        config_file.write_text(upstream.config())
        stream = await caller.start({"model": "scripted/m", "prompt": "x"})
        async with caller.reading(stream) as events:
            while "sky" not in (await anext(events)).data:
                pass
            answer = await caller.call("DELETE", f"streams/{stream}")
            last = [e async for e in events][-1]
        assert (answer.status_code, answer.json()["state"], answer.json()["text"]) == (200, "ended", "The sky ")
        assert json.loads(last.data)["reason"] == "cancelled"
        await asyncio.wait_for(upstream.left.wait(), LIMIT)


async def test_to_stop_what_has_ended_changes_nothing(real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.ended()
        before = await caller.events(stream)
        answers = await asyncio.gather(*(caller.call("DELETE", f"streams/{stream}") for _ in range(3)))
        assert {a.status_code for a in answers} == {200}
        assert await caller.events(stream) == before


async def test_many_who_stop_one_stream(real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.start(ENDLESS)
        answers = await asyncio.gather(*(caller.call("DELETE", f"streams/{stream}") for _ in range(8)))
        assert {(a.status_code, a.json()["state"]) for a in answers} == {(200, "ended")}
        assert [e["type"] for e in await caller.events(stream)].count("end") == 1


# ---- refusals


def refusal(answer: httpx.Response, status: int, code: str) -> str:
    """A refusal in its one shape; returns its sentence."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) >= {"message", "error"}
    assert body["error"]["code"] == code
    assert body["message"]
    assert "\n" not in body["message"]
    return str(body["message"])


REFUSALS = {
    "unknown host": ({"model": "nobody/m", "prompt": "x"}, 404, "not_found", "nobody"),
    "unknown model": ({"model": "sim/stedy", "prompt": "x"}, 404, "not_found", "sim/steady"),
    "unknown recording": ({"model": "replay/../../etc/passwd", "prompt": "x"}, 404, "not_found", "recording"),
    "no host in the name": ({"model": "steady", "prompt": "x"}, 400, "bad_request", "host/model"),
    "no key": ({"model": "openai/gpt-5.2", "prompt": "x"}, 401, "auth", "OPENAI_API_KEY"),
    "unknown option": ({**FAST, "options": {"tokns": 3}}, 400, "bad_request", "tokens"),
    "option of another kind": ({**FAST, "options": {"max_tokens": "many"}}, 400, "bad_request", "max_tokens"),
    "options are no object": ({**FAST, "options": [1]}, 400, "bad_request", "options"),
    "base URL": ({**FAST, "base_url": "http://169.254.169.254/"}, 400, "bad_request", "base_url"),
    "key": ({**FAST, "api_key": "sk-1"}, 400, "bad_request", "api_key"),
    "headers": ({**FAST, "headers": {"x": "y"}}, 400, "bad_request", "headers"),
    "unknown dialect": ({**FAST, "dialect": "morse"}, 400, "bad_request", "morse"),
    "nothing asked": ({"model": "sim/steady"}, 400, "bad_request", "prompt"),
    "prompt and messages": ({**FAST, "messages": [{"role": "user", "content": "x"}]}, 400, "bad_request", "prompt"),
    "no messages": ({"model": "sim/steady", "messages": []}, 400, "bad_request", "messages"),
    "a role that is none": ({"model": "sim/steady", "messages": [{"role": "god", "content": "x"}]}, 400, "bad_request", "role"),
    "prompt is no text": ({"model": "sim/steady", "prompt": {"a": 1}}, 400, "bad_request", "prompt"),
    "model is no text": ({"model": ["sim/steady"], "prompt": "x"}, 400, "bad_request", "model"),
    "a list": ([FAST], 400, "bad_request", "object"),
    "a number": (7, 400, "bad_request", "object"),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_what_cannot_begin_is_refused_at_once(name: str, accept: str, real: Access) -> None:
    request, status, code, word = REFUSALS[name]
    async with Caller(real, Accept=accept) as caller:
        answer = await caller.call("POST", "streams", request)
        assert word in refusal(answer, status, code)
        assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("name", REFUSALS)
async def test_the_socket_refuses_the_same_in_the_same_words(name: str, real: Access) -> None:
    request, _, code, word = REFUSALS[name]
    async with asyncio.timeout(LIMIT), connect(real.socket, additional_headers=real.headers("token"), proxy=None) as socket:
        await socket.send(json.dumps({"op": "start", "request": request, "ref": "r"}))
        body = json.loads(await socket.recv())
        assert (body["op"], body["ref"], body["error"]["code"]) == ("refused", "r", code)
        assert word in body["error"]["message"]


NO_JSON = [b"", b"{", b"\xff\xfe", b"model=sim/steady", b"[" * 100_000, b'{"model": "sim/steady", "prompt": "\x00"}']


class TestLargeBodies:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"TokenWidgetsApp": {"message_bytes": 2000}}

    @pytest.mark.parametrize("path", ["streams", "rtc"])
    async def test_a_body_that_is_too_large(self, path: str, access: Access) -> None:
        async with Caller(access) as caller:
            refusal(await caller.call("POST", path, {**FAST, "prompt": "x" * 2000}), 413, "limit")
            assert (await caller.call("POST", "streams", {**FAST, "prompt": "x" * 1000})).status_code == 201


@pytest.mark.parametrize("body", NO_JSON, ids=range(len(NO_JSON)))
async def test_a_body_that_is_no_json(body: bytes, real: Access) -> None:
    async with Caller(real) as caller:
        refusal(await caller.http.post("tokenwidgets/streams", content=body), 400, "bad_request")


@pytest.mark.parametrize(("method", "part"), [("GET", ""), ("GET", "/events"), ("GET", "/wire"), ("DELETE", "")])
async def test_a_stream_that_is_not_there(method: str, part: str, real: Access) -> None:
    async with Caller(real) as caller:
        refusal(await caller.call(method, f"streams/nothing-here{part}"), 404, "not_found")


class TestLimits:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"TokenWidgetsApp": {"open_streams": 2, "journal_bytes": 2000}}

    async def test_open_streams(self, access: Access) -> None:
        async with Caller(access) as caller:
            slow = {**ENDLESS, "options": {**ENDLESS["options"], "ttft_ms": 600_000}}
            first = await caller.start(slow)
            await caller.start(slow)
            assert "2 streams" in refusal(await caller.call("POST", "streams", FAST), 429, "limit")
            await caller.call("DELETE", f"streams/{first}")
            await caller.start(FAST)

    async def test_a_journal_that_is_full_ends_saying_so(self, access: Access) -> None:
        async with Caller(access) as caller:
            events = await caller.events(await caller.start({**FAST, "options": {**FAST["options"], "tokens": 200}}))
            assert (events[-1]["type"], events[-1]["code"]) == ("error", "limit")


# ---- secrets

PROMPT = "zebra-crossing-at-dawn"
SECRET = "sk-planted-0123456789abcdef"


async def test_neither_prompts_nor_keys_nor_tickets_are_logged(process: Process, real: Access) -> None:
    """The server logs at DEBUG. Every way a prompt can go in is taken, good and bad, up to a provider that fails."""
    before = process.log.stat().st_size
    keys = process.home / "config" / "keys.toml"
    keys.write_text(f'scripted = "{SECRET}"\n')
    keys.chmod(0o600)
    try:
        async with asyncio.timeout(LIMIT), Upstream([PROMPT]) as upstream:
            process.config_file.write_text(upstream.config(extra='key_env = "SCRIPTED_KEY"\n'))
            await say_it_everywhere(real, upstream)
            assert upstream.calls[0][0]["authorization"] == f"Bearer {SECRET}"
    finally:
        keys.unlink()
        process.config_file.unlink()
    log = process.log.read_bytes()[before:].decode()
    assert "POST" in log, "the log is not what this test believes"
    for word in (PROMPT, SECRET, real.ticket, "zebra"):
        assert word not in log


async def say_it_everywhere(real: Access, upstream: Upstream) -> None:
    request = {"model": "scripted/m", "prompt": PROMPT}
    bad = [
        {**request, "base_url": PROMPT},
        {**request, "options": {PROMPT: PROMPT}},
        {**request, PROMPT: 1},
        {"model": PROMPT, "prompt": PROMPT},
    ]
    async with Caller(real, "ticket") as caller:
        stream = await caller.start(request)
        assert text(await caller.events(stream)) == PROMPT
        for body in bad:
            refusal(await caller.call("POST", "streams", body), 400, "bad_request")
        await caller.http.post("tokenwidgets/streams", content=b'{"prompt": "' + PROMPT.encode())
        await caller.call("POST", "rtc", {"sdp": f"v=0\r\na=candidate:{PROMPT}", "type": "offer"})
        shown = [(await caller.call("GET", f"streams/{stream}/wire")).text, (await caller.call("GET", "hosts")).text]
        assert SECRET not in "".join(shown)
        assert base64.b64encode(SECRET.encode()).decode()[:16] not in shown[0]
    async with connect(real.socket, additional_headers=real.headers("ticket"), proxy=None) as socket:
        for message in [{"op": "start", "request": request}, *({"op": "start", "request": b} for b in bad), {"op": PROMPT}, PROMPT]:
            await socket.send(json.dumps(message))
            await socket.recv()
