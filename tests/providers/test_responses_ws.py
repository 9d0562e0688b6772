"""Responses over a WebSocket, against a server on a real socket that says what a test scripts."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fixtures
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from fake_time import FakeTime
from scripted import KEY
from scripted_socket import CALLS, SAID, Peer, Script, Server, answers, closes, fails, hangs, remembers
from websockets.asyncio.server import ServerConnection

from tokenwidgets.dialects.base import Profile
from tokenwidgets.dialects.openai_responses import OpenAIResponses
from tokenwidgets.errors import Refused
from tokenwidgets.events import Carry, End, Error, Event, Notice, Reasoning, Text, Usage
from tokenwidgets.generation import Limits, Stream
from tokenwidgets.hub import Hub
from tokenwidgets.providers import responses_pool, websocket
from tokenwidgets.providers.registry import Registry
from tokenwidgets.providers.retry import Retrying
from tokenwidgets.providers.watchdogs import Watchdogs
from tokenwidgets.request import parse
from tokenwidgets.turn import turn

HELLO = [{"role": "user", "content": "Say hello"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


Hubs = Callable[..., Any]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, time: FakeTime) -> Hubs:
    """Makes a hub whose host `scripted` is at a server."""
    monkeypatch.setenv("SCRIPTED_KEY", KEY)

    @asynccontextmanager
    async def made(server: Server, local: bool = True, **limits: float) -> AsyncIterator[Hub]:
        head = f'[hosts.scripted]\nkey_env = "SCRIPTED_KEY"\nlocal = {str(local).lower()}\n'
        dialects = f'[hosts.scripted.dialects]\nopenai-responses-ws = "{server.url}"\n'
        (tmp_path / "tokenwidgets.toml").write_text(head + dialects)
        this = Hub(Registry(tmp_path, watchdogs=Watchdogs(**limits), retrying=Retrying(chance=lambda: 0.0, sleep=time.sleep)), Limits())
        try:
            yield this
        finally:
            await asyncio.wait_for(this.aclose(), 10)

    return made


def start(hub: Hub, messages: Iterable[Any] = HELLO, **more: Any) -> Stream:
    return hub.start(parse({"model": "scripted/some-model", "messages": list(messages), **more}), "ann")


async def finished(stream: Stream) -> Stream:
    """The stream at its end, once its provider has let go of the connection."""
    async with asyncio.timeout(15):
        async for _ in stream.journal.read():
            pass
        assert stream.task
        await stream.task
    return stream


async def asked(hub: Hub, messages: Iterable[Any] = HELLO, **more: Any) -> Stream:
    return await finished(start(hub, messages, **more))


async def until_text(stream: Stream) -> None:
    async with asyncio.timeout(15):
        async for batch in stream.journal.read():
            if any(isinstance(entry.event, Text) for entry in batch):
                return


def events(stream: Stream) -> list[Event]:
    return [entry.event for entry in stream.journal.entries]


def said(stream: Stream) -> str:
    return "".join(e.delta for e in events(stream) if isinstance(e, Text))


def ending(stream: Stream) -> Any:
    assert stream.journal.terminal
    return stream.journal.terminal.event


def notices(stream: Stream, kind: str = "connection") -> list[Any]:
    return [e.data for e in events(stream) if isinstance(e, Notice) and e.kind == kind]


def continued(messages: Iterable[Any], stream: Stream, *further: Any) -> list[Any]:
    """The conversation after an answer."""
    return [*messages, turn(events(stream)), *further]


def result(city: str = "rain") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "call_1", "content": city}


# ---- one answer


async def test_a_whole_answer(hub: Hubs) -> None:
    async with Server(answers(*SAID)) as server, hub(server) as this:
        stream = await asked(this, system="Be brief.", options={"max_tokens": 9})
        assert (said(stream), ending(stream)) == ("Hello", End("stop", "completed"))
        assert [(u.input, u.output) for u in events(stream) if isinstance(u, Usage)] == [(4, 2)]
        assert notices(stream, "served") == [{"model": "served-1"}]
        (body,) = server.asked
    assert (body["type"], body["model"], body["store"], body["instructions"]) == ("response.create", "some-model", False, "Be brief.")
    assert body["max_output_tokens"] == 9
    assert "stream" not in body
    assert "stream_id" not in body
    (notice,) = notices(stream)
    assert (notice["reused"], notice["continued"], notice["items_sent"], notice["items"]) == (False, False, 1, 1)
    assert 0 <= notice["dns"] <= notice["connect"] <= notice["sent"]


@pytest.mark.parametrize("name", fixtures.names("openai-responses", "compat", "deepseek", "openrouter", api="responses"))
async def test_the_frames_of_a_recording_give_the_events_of_its_body(name: str, hub: Hubs) -> None:
    raw = fixtures.body(name)
    decoder = OpenAIResponses().decoder(Profile())
    expected = decoder.feed(raw) + decoder.close()

    async def script(peer: Peer) -> None:
        for line in raw.splitlines():
            if line.startswith(b"data: {"):
                await peer.says(line.removeprefix(b"data: ").decode())

    async with Server(script) as server, hub(server) as this:
        stream = await asked(this, options={"retries": 0})
    assert [e for e in events(stream)[1:] if not (isinstance(e, Notice) and e.kind == "connection")] == expected


async def test_frames_are_kept_both_ways_and_stamped_in_order(hub: Hubs) -> None:
    async with Server(answers(*SAID)) as server, hub(server) as this:
        stream = await asked(this)
    assert json.loads(stream.frames[0].data)["type"] == "response.create"
    assert [f.direction for f in stream.frames] == ["out"] + ["in"] * (len(stream.frames) - 1)
    assert json.loads(stream.frames[-1].data)["type"] == "response.completed"
    instants = [entry.at for entry in stream.journal.entries]
    assert instants == sorted(instants)
    assert {f.at for f in stream.frames if f.direction == "in"} >= {e.at for e in stream.journal.entries if isinstance(e.event, Text)}


# ---- connections


async def test_a_connection_serves_one_request_after_the_other(hub: Hubs) -> None:
    async with Server(answers(*SAID)) as server, hub(server) as this:
        one = await asked(this)
        two = await asked(this, continued(HELLO, one, *HELLO))
        assert len(server.peers) == 1
        assert [n["reused"] for s in (one, two) for n in notices(s)] == [False, True]
        assert "connect" not in notices(two)[0]


async def test_two_at_once_have_a_connection_each(hub: Hubs) -> None:
    async with Server(hangs) as server, hub(server) as this:
        streams = [start(this), start(this)]
        for stream in streams:
            await until_text(stream)
        assert [len(peer.asked) for peer in server.peers] == [1, 1]


async def test_conversations_keep_their_connections_up_to_a_limit(hub: Hubs) -> None:
    async with Server(remembers) as server, hub(server) as this:
        talks = [[{"role": "user", "content": str(i)}] for i in range(responses_pool.KEPT + 1)]
        answers = [await asked(this, talk, tools=TOOLS) for talk in talks]
        assert len(server.peers) == responses_pool.KEPT, "the last one took the connection of the oldest"
        gone, *held = [continued(talk, answer, result()) for talk, answer in zip(talks, answers, strict=True)]
        again = [await asked(this, talk, tools=TOOLS) for talk in [*held, gone]]
        assert [notices(s)[0]["continued"] for s in again] == [True] * responses_pool.KEPT + [False]
        assert {said(s) for s in again} == {"Hello"}


async def test_a_kept_connection_is_closed_after_a_while(hub: Hubs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses_pool, "KEEP_SECONDS", 0.0)
    async with Server(answers(*SAID)) as server, hub(server) as this:
        await asked(this)
        await asyncio.wait_for(server.peers[0].closed.wait(), 10)
        assert said(await asked(this)) == "Hello"


async def test_a_kept_connection_that_its_server_closed_costs_nothing(hub: Hubs, time: FakeTime) -> None:
    async with Server(closes(1000, *SAID), answers(*SAID)) as server, hub(server) as this:
        one = await asked(this)
        two = await asked(this, continued(HELLO, one, *HELLO))
        assert (said(two), len(server.peers)) == ("Hello", 2)
    assert time.waits == []
    assert notices(two)[-1]["items_sent"] == 3


async def test_a_kept_connection_that_is_closed_as_it_is_used_costs_nothing(hub: Hubs, time: FakeTime) -> None:
    async with Server(answers(*SAID), closes(1001), answers(*SAID)) as server, hub(server) as this:
        one = await asked(this)
        two = await asked(this, continued(HELLO, one, *HELLO))
        assert (said(two), len(server.peers)) == ("Hello", 2)
    assert time.waits == []
    assert notices(two, "retry") == []


# ---- going on


async def test_a_tool_loop_sends_only_what_is_new(hub: Hubs) -> None:
    async with Server(remembers) as server, hub(server) as this:
        talk: list[Any] = HELLO
        first = await asked(this, talk, tools=TOOLS)
        assert ending(first).reason == "tool"
        talk = continued(talk, first, result())
        second = await asked(this, talk, tools=TOOLS)
        third = await asked(this, continued(talk, second, {"role": "user", "content": "And Bergen?"}), tools=TOOLS)
        (peer,) = server.peers
        ids = [body.get("previous_response_id") for body in peer.asked]
    assert said(second) == "Hello"
    assert ending(third).reason == "tool"
    assert [[item["type"] for item in body["input"]] for body in peer.asked] == [["message"], ["function_call_output"], ["message"]]
    assert ids[0] is None
    assert None not in ids[1:]
    assert len(set(ids)) == 3
    assert all(body["tools"] for body in peer.asked), "a server remembers no tools"
    (told,) = notices(third)
    assert (told["reused"], told["continued"], told["items_sent"], told["items"]) == (True, True, 1, 5)


async def test_thoughts_that_are_carried_are_part_of_what_is_held(hub: Hubs) -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "opaque"}
    async with Server(answers(Reasoning(0, "Hm", kind="summary"), Carry(0, thought), *SAID)) as server, hub(server) as this:
        first = await asked(this)
        whole = continued(HELLO, first, *HELLO)
        assert whole[1]["carry"]
        second = await asked(this, whole)
        without = [{k: v for k, v in m.items() if k != "carry"} for m in whole]
        third = await asked(this, without)
    assert [n["continued"] for s in (second, third) for n in notices(s)] == [True, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda talk: [{"role": "user", "content": "Say good bye"}, *talk[1:]],
        lambda talk: talk[:-1],
        lambda talk: [*talk[:1], {"role": "assistant", "content": "Good bye"}, *talk[2:]],
        lambda talk: talk[1:],
    ],
)
async def test_another_conversation_does_not_go_on(change: Callable[[list[Any]], list[Any]], hub: Hubs) -> None:
    async with Server(answers(*SAID)) as server, hub(server) as this:
        first = await asked(this)
        other = change(continued(HELLO, first, *HELLO))
        second = await asked(this, other)
    assert [n["continued"] for n in notices(second)] == [False]
    assert server.asked[-1]["input"]
    assert "previous_response_id" not in server.asked[-1]


async def test_another_model_does_not_go_on(hub: Hubs) -> None:
    async with Server(answers(*SAID)) as server, hub(server) as this:
        first = await asked(this)
        await asked(this, continued(HELLO, first, *HELLO), model="scripted/another")
    assert "previous_response_id" not in server.asked[-1]


async def test_who_says_what_to_go_on_from_is_taken_at_their_word(hub: Hubs) -> None:
    async with Server(answers(*SAID)) as server, hub(server) as this:
        own = {"extra": {"previous_response_id": "resp_own", "store": True}}
        first = await asked(this, options=own)
        await asked(this, continued(HELLO, first, *HELLO))
    assert [body.get("previous_response_id") for body in server.asked] == ["resp_own", None]
    assert [body["store"] for body in server.asked] == [True, False]


async def test_what_a_server_has_forgotten_is_sent_again_on_the_same_socket(hub: Hubs, time: FakeTime) -> None:
    async with Server(answers(*CALLS), fails("previous_response_not_found"), answers(*SAID)) as server, hub(server) as this:
        first = await asked(this, tools=TOOLS)
        second = await asked(this, continued(HELLO, first, result()), tools=TOOLS)
        (peer,) = server.peers
    assert (said(second), ending(second).reason) == ("Hello", "stop")
    assert [len(body["input"]) for body in peer.asked] == [1, 1, 3]
    assert "previous_response_id" not in peer.asked[-1]
    assert [(n["continued"], n["items_sent"]) for n in notices(second)] == [(True, 1), (False, 3)]
    assert time.waits == []


async def test_a_model_that_is_not_found_is_said_to_be(hub: Hubs) -> None:
    async with Server(answers(*SAID), fails("model_not_found", 404)) as server, hub(server) as this:
        first = await asked(this)
        second = await asked(this, continued(HELLO, first, *HELLO))
    assert (ending(second).code, ending(second).status) == ("not_found", 404)


# ---- endings


async def test_stop_closes_the_socket(hub: Hubs) -> None:
    async with Server(hangs) as server, hub(server) as this:
        stream = start(this)
        await until_text(stream)
        await this.stop(stream)
        await asyncio.wait_for(server.peers[0].closed.wait(), 10)
        assert (ending(stream).reason, said(stream)) == ("cancelled", "Hel")
        assert len(server.peers) == 1
        server.scripts = [answers(*SAID)]
        assert said(await asked(this)) == "Hello"
        assert len(server.peers) == 2


@pytest.mark.parametrize(
    "failure", [fails("websocket_connection_limit_reached"), closes(1001), closes(1011), fails("server_is_overloaded", 503)]
)
async def test_what_ends_before_content_is_asked_again_on_a_new_connection(failure: Script, hub: Hubs, time: FakeTime) -> None:
    async with Server(failure, answers(*SAID)) as server, hub(server) as this:
        stream = await asked(this)
        assert (said(stream), len(server.peers)) == ("Hello", 2)
    assert [n["attempt"] for n in notices(stream, "retry")] == [2]
    assert time.waits == [0.5]


async def test_a_close_code_that_forbids_it_is_not_tried_again(hub: Hubs) -> None:
    async with Server(closes(1008)) as server, hub(server) as this:
        stream = await asked(this)
        assert len(server.peers) == 1
    assert (ending(stream).code, ending(stream).stage) == ("connection", "close")


@pytest.mark.parametrize("code", [1001, 1011])
async def test_what_is_cut_after_content_stays_cut(code: int, hub: Hubs) -> None:
    async with Server(closes(code, Text(0, "Hel"))) as server, hub(server) as this:
        stream = await asked(this)
        assert len(server.peers) == 1
    assert (said(stream), ending(stream)) == ("Hel", End("truncated"))


async def test_a_connection_is_renewed_before_its_hour_is_over(hub: Hubs, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(answers(*SAID)) as server, hub(server) as this:
        first = await asked(this)
        later = responses_pool.now() + 3600
        monkeypatch.setattr(responses_pool, "now", lambda: later)
        second = await asked(this, continued(HELLO, first, *HELLO))
        assert len(server.peers) == 2
    assert [(n["reused"], n["items_sent"]) for n in notices(second)] == [(False, 3)]


@pytest.mark.parametrize(("limits", "says"), [({"idle": 0.05}, "sent nothing"), ({"progress": 0.05}, "no content")])
async def test_a_silent_provider_is_left(limits: dict[str, float], says: str, hub: Hubs) -> None:
    async def script(peer: Peer) -> None:
        while "progress" in limits:
            await peer.says({"type": "keepalive", "sequence_number": 1})
            await asyncio.sleep(0.005)

    async with Server(script) as server, hub(server, **limits) as this:
        stream = await asked(this, options={"retries": 0})
        await asyncio.wait_for(server.peers[0].closed.wait(), 10)
    assert (ending(stream).code, says in ending(stream).message) == ("timeout", True)


async def test_rubbish_ends_with_one_sentence(hub: Hubs) -> None:
    async def script(peer: Peer) -> None:
        await peer.says("not JSON")

    async with Server(script) as server, hub(server) as this:
        stream = await asked(this, options={"retries": 0})
        await asyncio.wait_for(server.peers[0].closed.wait(), 10)
    assert ending(stream).code == "protocol"


# ---- whom it talks to


async def test_a_private_address_is_refused(hub: Hubs) -> None:
    async with Server(answers(*SAID)) as server, hub(server, local=False) as this:
        stream = await asked(this)
        assert server.authorizations == []
    assert "is at a private address" in ending(stream).message


async def test_a_wrong_key_is_said_to_be_wrong_and_shown_nowhere(hub: Hubs, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = KEY + "x"
    monkeypatch.setenv("SCRIPTED_KEY", wrong)
    async with Server(answers(*SAID)) as server, hub(server) as this:
        stream = await asked(this)
    assert (ending(stream).code, ending(stream).status) == ("auth", 401)
    assert wrong not in everything(stream)


async def test_the_key_travels_in_its_header_alone_and_is_struck_out_of_what_comes_back(
    hub: Hubs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Server(answers(Text(0, f"Your key is {KEY}."), End("stop"))) as server, hub(server) as this:
        stream = await asked(this)
        assert server.authorizations == [f"Bearer {KEY}"]
    assert said(stream) == "Your key is [key]."
    assert KEY not in everything(stream) + "".join(f.data.decode() for f in stream.frames if f.direction == "out")
    ours = [r for r in caplog.records if r.name != "websockets.server"]
    assert not any(KEY in r.getMessage() or "Say hello" in r.getMessage() for r in ours)


def everything(stream: Stream) -> str:
    return b"".join([*(e.data for e in stream.journal.entries), *(f.data for f in stream.frames)]).decode()


@pytest.mark.parametrize(("status", "code"), [(302, "bad_request"), (429, "rate_limited"), (503, "overloaded")])
async def test_a_server_that_opens_no_socket(status: int, code: str, hub: Hubs, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade(self: Server, socket: ServerConnection, request: Any) -> Any:
        self.authorizations.append(request.headers.get("Authorization"))
        response = socket.respond(status, "no")
        response.headers["Location"] = "/elsewhere"
        return response

    monkeypatch.setattr(Server, "_upgrade", upgrade)
    async with Server(answers(*SAID)) as server, hub(server) as this:
        stream = await asked(this, options={"retries": 0})
        assert len(server.authorizations) == 1, "a redirect is not followed"
    assert (ending(stream).code, ending(stream).status) == (code, status)


async def test_no_proxy_of_the_environment_is_used(hub: Hubs, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "ws_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with Server(answers(*SAID)) as server, hub(server) as this:
        assert said(await asked(this)) == "Hello"


async def test_over_tls(hub: Hubs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = certified(tmp_path)
    async with Server(answers(*SAID), tls=theirs) as server, hub(server) as this:
        stranger = await asked(this, options={"retries": 0})
        assert server.authorizations == []
        monkeypatch.setattr(websocket, "_tls", lambda: ours)
        stream = await asked(this)
    assert "its certificate is not trusted" in ending(stranger).message
    assert said(stream) == "Hello"
    (notice,) = notices(stream)
    assert notice["connect"] <= notice["tls"] <= notice["sent"]


def certified(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's TLS with a certificate of its own, and that of a client who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), today - timedelta(1), today + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(file)
    return theirs, ssl.create_default_context(cafile=file)


async def test_nobody_there(hub: Hubs) -> None:
    async with Server(answers(*SAID)) as server:
        pass
    async with hub(server) as this:
        stream = await asked(this, options={"retries": 0})
    assert isinstance(ending(stream), Error)
    assert "connection refused" in ending(stream).message


async def test_what_is_no_websocket_is_said_to_be_broken(hub: Hubs) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-server\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening, hub(at(listening)) as this:
        stream = await asked(this, options={"retries": 0})
    assert (ending(stream).code, "broke the connection" in ending(stream).message) == ("connection", True)


async def test_stop_while_a_connection_is_opened_closes_it(hub: Hubs) -> None:
    came, left = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        await reader.read()
        left.set()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening, hub(at(listening)) as this:
        stream = start(this)
        await asyncio.wait_for(came.wait(), 10)
        await this.stop(stream)
        await asyncio.wait_for(left.wait(), 10)
    assert ending(stream).reason == "cancelled"


def at(listening: asyncio.Server) -> Any:
    """A server whose whole behaviour is its own, where a scripted one is asked for."""
    return SimpleNamespace(url=f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1")


async def test_what_this_format_cannot_say_is_refused_before_anything_is_sent(hub: Hubs) -> None:
    async with Server(answers(*SAID)) as server, hub(server) as this:
        stream = await asked(this, options={"seed": 1})
        assert server.authorizations == []
    assert (ending(stream).code, "'seed'" in ending(stream).message) == ("bad_request", True)


@pytest.mark.parametrize("model", ["openai/gpt-realtime", "google/gemini-live"])
def test_voice_sessions_are_no_text_streams(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    dialect = "openai-realtime" if model.startswith("openai") else "gemini-live"
    with pytest.raises(Refused, match="carries voice sessions, not text streams"):
        Registry(tmp_path).resolve(parse({"model": model, "prompt": "x", "dialect": dialect}))
