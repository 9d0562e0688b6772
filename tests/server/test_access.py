"""Who gets in: every method of every endpoint, and the socket, for every kind of caller."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from jupyter_server.auth import Authorizer
from jupyter_server.utils import JupyterServerAuthWarning
from server_tools import ENDLESS, EVIL, FAST, FORGED, LIMIT, ONLY_GATEWAY, PASS, REFUSED, Access, Caller, Process
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from jupyter_server_ext.handlers import routes
from tokenwidgets.runtime import TICKET_HEADER

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
STREAM = r"/tokenwidgets/streams/(?P<stream_id>[\w-]+)"
SOCKET = r"/tokenwidgets/socket"
PAGE = r"/tokenwidgets/mic"
GATEWAY = "/tokenwidgets/v1/"
HELLO = [{"role": "user", "content": "hello"}]
ASKED = {"model": "sim/steady", **FAST["options"]}
"""As a client of the gateway asks: the simulator's options stand among its own."""


@dataclass(frozen=True, slots=True)
class Use:
    """One method of an endpoint: how it is asked, what Jupyter's authoriser is asked, what it answers when all is well."""

    path: str
    method: str
    action: str
    status: int
    body: Any = None


ENDPOINTS: dict[str, list[Use]] = {
    r"/tokenwidgets/streams/?": [Use("streams", "GET", "read", 200), Use("streams", "POST", "execute", 201, FAST)],
    STREAM: [Use("streams/{id}", "GET", "read", 200), Use("streams/{id}", "DELETE", "write", 200)],
    STREAM + "/events": [Use("streams/{id}/events", "GET", "read", 200)],
    STREAM + "/wire": [Use("streams/{id}/wire", "GET", "read", 200)],
    STREAM + "/clock": [Use("streams/{id}/clock", "GET", "read", 200)],
    STREAM + "/input": [Use("streams/{id}/input", "POST", "execute", 400, {"inputs": [{"type": "commit"}]})],
    STREAM + "/call": [Use("streams/{id}/call", "POST", "execute", 400, {})],
    STREAM + "/replay": [Use("streams/{id}/replay", "POST", "execute", 201, {"after": -1})],
    SOCKET: [],
    r"/tokenwidgets/rtc": [Use("rtc", "GET", "execute", 200), Use("rtc", "POST", "execute", 422, {"sdp": "v=0", "type": "offer"})],
    PAGE: [Use("mic?model=sim/voice", "GET", "read", 200)],
    r"/tokenwidgets/models": [Use("models", "GET", "read", 200)],
    r"/tokenwidgets/hosts": [Use("hosts", "GET", "read", 200)],
    r"/tokenwidgets/capabilities": [Use("capabilities", "GET", "read", 200)],
    r"/tokenwidgets/assets/(?P<name>[\w-]+)\.js": [Use("assets/nothing.js", "GET", "read", 404)],
    GATEWAY + "models": [Use("v1/models", "GET", "read", 200)],
    GATEWAY + "models/(?P<model>.+)": [Use("v1/models/sim/steady", "GET", "read", 200)],
    GATEWAY + "chat/completions": [Use("v1/chat/completions", "POST", "execute", 200, {**ASKED, "messages": HELLO})],
    GATEWAY + "messages": [Use("v1/messages", "POST", "execute", 200, {**ASKED, "messages": HELLO, "max_tokens": 9})],
    GATEWAY + "messages/count_tokens": [Use("v1/messages/count_tokens", "POST", "execute", 404, {**ASKED, "messages": HELLO})],
    GATEWAY + "responses": [
        Use("v1/responses", "POST", "execute", 200, {**ASKED, "input": "hello"}),
        Use("v1/responses", "GET", "execute", 426),
    ],
    GATEWAY + "realtime": [Use("v1/realtime", "GET", "execute", 426)],
    GATEWAY + "realtime/client_secrets": [Use("v1/realtime/client_secrets", "POST", "execute", 200, {})],
    GATEWAY + "realtime/calls": [Use("v1/realtime/calls", "POST", "execute", 400, {})],
    GATEWAY + r"realtime/calls/(?P<call>[\w-]+)/hangup": [Use("v1/realtime/calls/rtc_none/hangup", "POST", "execute", 404, {})],
    GATEWAY + "(?P<path>.*)": [Use("v1/embeddings", "POST", "execute", 404, {}), Use("v1/responses/resp_1", "GET", "read", 404)],
}
"""Everything there is. The stream is no voice session, the offer has no address to connect to, the simulator counts no tokens, a call names
no model or is none, and the sockets are asked for without an upgrade, which are found after everything that access depends on."""

USES = [pytest.param(use, id=f"{use.method} {use.path}") for uses in ENDPOINTS.values() for use in uses]
CHANGES = [pytest.param(use, id=f"{use.method} {use.path}") for uses in ENDPOINTS.values() for use in uses if use.method != "GET"]


def test_every_endpoint_is_tested_here() -> None:
    assert {pattern for pattern, _ in routes()} == set(ENDPOINTS), "an endpoint without an entry in ENDPOINTS, or the reverse"


@pytest.mark.parametrize(("pattern", "handler"), [pytest.param(p, h, id=p) for p, h in routes() if p != SOCKET])
def test_every_method_is_tested_here(pattern: str, handler: type) -> None:
    own = {m for m in METHODS if inspect.getmodule(getattr(handler, m.lower())).__name__.startswith("jupyter_server_ext")}
    assert own == {use.method for use in ENDPOINTS[pattern]}


def test_jupyter_finds_no_method_that_forgot_to_ask_who_is_calling(jp_serverapp: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", JupyterServerAuthWarning)
        jp_serverapp.web_app.add_handlers(".*$", routes())


# ---- over HTTP, in a server of its own


async def path_of(use: Use, access: Access) -> str:
    """The path to ask, with an ended stream of the server's where it takes one."""
    if "{id}" not in use.path:
        return use.path
    async with Caller(access) as owner:
        return use.path.format(id=await owner.ended())


async def ask(use: Use, access: Access, kind: str) -> Any:
    path = await path_of(use, access)
    async with Caller(access, kind) as caller:
        return await caller.call(use.method, path, use.body)


@pytest.mark.parametrize("use", USES)
async def test_who_may_is_answered(use: Use, real: Access) -> None:
    for kind in PASS:
        answer = await ask(use, real, kind)
        assert answer.status_code == use.status, (kind, answer.text)


@pytest.mark.parametrize("use", USES)
async def test_who_may_not_learns_nothing(use: Use, real: Access) -> None:
    for kind in REFUSED if use.path.startswith("v1/") else (*REFUSED, ONLY_GATEWAY):
        answer = await ask(use, real, kind)
        if use.path.startswith("mic"):
            assert answer.status_code == 302, "a person who opens the page is led to the login"
            assert answer.headers["location"].startswith(urlsplit(real.url).path + "login?next="), kind
        elif use.path.startswith("v1/"):
            assert answer.status_code == 401, (kind, answer.text)
            assert "Jupyter server's token" in answer.json()["error"]["message"], kind
        else:
            assert answer.status_code in (401, 403), (kind, answer.text)
            assert set(answer.json()) <= {"message", "reason"}, kind


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pattern", ENDPOINTS)
async def test_no_method_of_any_endpoint_answers_a_stranger(pattern: str, method: str, real: Access) -> None:
    path = re.sub(r"\(\?P<\w+>[^)]*\)", "x", pattern).replace("\\", "").removesuffix("/?").removeprefix("/tokenwidgets/")
    async with Caller(real, "nothing") as caller:
        answer = await caller.call(method, path)
        assert answer.status_code in (401, 403, 405) or (answer.status_code, pattern) == (302, PAGE)
        assert answer.status_code != 405 or (pattern, method) not in [(p, u.method) for p, uses in ENDPOINTS.items() for u in uses]


@pytest.mark.parametrize("use", CHANGES)
async def test_a_foreign_page_changes_nothing(use: Use, real: Access) -> None:
    for kind in FORGED:
        answer = await ask(use, real, kind)
        assert answer.status_code in (403, 404), (kind, answer.text)
        assert kind != "cookie without xsrf" or answer.status_code == 403


@pytest.mark.parametrize("use", USES)
async def test_a_foreign_origin_with_cookies_is_refused(use: Use, real: Access) -> None:
    answer = await ask(use, real, "cookie, foreign origin")
    assert answer.status_code in (403, 404), answer.text
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_foreign_page_starts_nothing_and_stops_nothing(real: Access) -> None:
    async with Caller(real) as owner:
        running = await owner.start(ENDLESS)
        before = len((await owner.call("GET", "streams")).json()["streams"])
        for kind in (*FORGED, "cookie, foreign origin", *REFUSED):
            async with Caller(real, kind) as caller:
                await caller.call("POST", "streams", FAST)
                await caller.call("POST", "streams", FAST, headers={"Accept": "text/event-stream"})
                await caller.call("POST", "v1/chat/completions", {**ASKED, "messages": HELLO})
                await caller.call("DELETE", f"streams/{running}")
        after = (await owner.call("GET", "streams")).json()["streams"]
        assert len(after) == before
        assert (await owner.call("GET", f"streams/{running}")).json()["state"] == "running"
        await owner.call("DELETE", f"streams/{running}")


async def test_a_preflight_allows_a_foreign_origin_nothing(real: Access) -> None:
    asked = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}
    async with Caller(real, "nothing", **asked) as caller:
        answer = await caller.call("OPTIONS", "streams")
        assert answer.content == b""
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("place", ["api/contents", "api/kernels", "api/sessions", "api/me", "api/kernelspecs", "lab", "files/x", "metrics"])
async def test_the_ticket_is_good_nowhere_else(place: str, method: str, real: Access) -> None:
    async with Caller(real, "token") as owner:
        known = (await owner.http.get("api/contents")).status_code
        assert known == 200
    async with Caller(real, "ticket") as caller:
        answer = await caller.http.request(method, place)
        assert answer.status_code in (302, 403, 404, 405)
        if answer.status_code == 302:
            assert "/login" in answer.headers["location"]


async def test_the_ticket_opens_no_login_and_sets_no_cookie(real: Access) -> None:
    async with Caller(real, "ticket") as caller:
        answer = await caller.call("GET", "capabilities")
        assert not [c for c in answer.headers.get_list("set-cookie") if c.startswith("username")]


async def test_a_ticket_in_the_query_is_none(real: Access) -> None:
    async with Caller(real, "nothing") as caller:
        for name in ("ticket", TICKET_HEADER):
            assert (await caller.call("GET", "capabilities", params={name: real.ticket})).status_code == 403


# ---- the socket


async def opened(access: Access, kind: str) -> ClientConnection:
    headers = access.headers(kind)
    return await connect(access.socket, additional_headers=headers, origin=headers.pop("Origin", None), open_timeout=LIMIT, proxy=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [*PASS, "cookie without xsrf"])
async def test_the_socket_opens_for_who_may(kind: str, real: Access) -> None:
    async with asyncio.timeout(LIMIT), await opened(real, kind) as socket:
        await socket.send('{"op":"ping","t":1}')
        assert json.loads(await socket.recv())["op"] == "pong"


FOREIGN = ("cookie, foreign origin", "cookie, foreign origin and no xsrf")


@pytest.mark.parametrize("kind", [*(k for k in REFUSED if k != "ticket no ASCII"), ONLY_GATEWAY, *FOREIGN])
async def test_the_socket_stays_closed_for_who_may_not(kind: str, real: Access) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await opened(real, kind)
    assert refused.value.response.status_code == 403


async def test_the_socket_is_no_page(real: Access) -> None:
    for kind, expected in (("token", {400, 426}), ("nothing", {403})):
        async with Caller(real, kind) as caller:
            assert (await caller.call("GET", "socket")).status_code in expected


# ---- what Jupyter's authoriser is asked


class Recorder(Authorizer):
    """Allows what a test says, and remembers what it was asked."""

    asked: ClassVar[list[tuple[str, str]]] = []
    actions: ClassVar[set[str]] = set()

    async def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return resource != "tokenwidgets" or action in self.actions


@dataclass
class Rights:
    """What the caller may do, and what was asked about it."""

    asked: list[tuple[str, str]] = field(default_factory=list)

    def allow(self, *actions: str) -> None:
        Recorder.actions = set(actions)
        self.asked.clear()


class TestAuthoriser:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"ServerApp": {"authorizer_class": Recorder}}

    @pytest.fixture
    def rights(self) -> Iterator[Rights]:
        rights = Rights(Recorder.asked)
        rights.allow("read", "write", "execute")
        yield rights
        rights.allow()

    @pytest.mark.parametrize("use", USES)
    async def test_it_is_asked_once_for_the_right_thing(self, use: Use, access: Access, rights: Rights) -> None:
        path = await path_of(use, access)
        rights.asked.clear()
        async with Caller(access) as caller:
            answer = await caller.call(use.method, path, use.body)
        assert answer.status_code == use.status
        assert rights.asked == [(use.action, "tokenwidgets")]

    @pytest.mark.parametrize("use", USES)
    async def test_its_no_is_403(self, use: Use, access: Access, rights: Rights) -> None:
        path = await path_of(use, access)
        rights.allow(*({"read", "write", "execute"} - {use.action}))
        async with Caller(access) as caller:
            answer = await caller.call(use.method, path, use.body)
        assert answer.status_code == 403

    @pytest.mark.parametrize("use", USES)
    async def test_the_ticket_needs_no_user(self, use: Use, access: Access, rights: Rights) -> None:
        path = await path_of(use, access)
        rights.allow()
        async with Caller(access, "ticket") as caller:
            assert (await caller.call(use.method, path, use.body)).status_code == use.status
        assert rights.asked == []

    async def test_the_socket_asks_for_each_operation(self, access: Access, rights: Rights) -> None:
        async with asyncio.timeout(LIMIT), await opened(access, "token") as socket:
            assert rights.asked == [("read", "tokenwidgets")]
            await socket.send(json.dumps({"op": "start", "request": ENDLESS, "ref": 1}))
            stream = json.loads(await socket.recv())["stream"]
            assert rights.asked.pop() == ("execute", "tokenwidgets")
            await socket.send(json.dumps({"op": "attach", "stream": stream, "after": 10**6}))
            await socket.send('{"op":"ping"}')
            await until_message(socket, "pong")
            assert rights.asked.pop() == ("read", "tokenwidgets")
            await socket.send(json.dumps({"op": "stop", "stream": stream}))
            await socket.send('{"op":"ping"}')
            await until_message(socket, "pong")
            assert rights.asked.pop() == ("write", "tokenwidgets")

    async def test_without_read_no_socket_opens(self, access: Access, rights: Rights) -> None:
        rights.allow("write", "execute")
        with pytest.raises(InvalidStatus) as refused:
            await opened(access, "token")
        assert refused.value.response.status_code == 403

    async def test_who_may_only_read_attaches_but_starts_and_stops_nothing(self, access: Access, rights: Rights) -> None:
        async with Caller(access) as caller:
            stream = await caller.start(ENDLESS)
            rights.allow("read")
            async with asyncio.timeout(LIMIT), await opened(access, "token") as socket:
                await socket.send(json.dumps({"op": "start", "request": FAST, "ref": "r"}))
                body = json.loads(await socket.recv())
                assert (body["op"], body["ref"], body["error"]["code"]) == ("refused", "r", "auth")
                await socket.send(json.dumps({"op": "stop", "stream": stream}))
                body = json.loads(await socket.recv())
                assert (body["op"], body["stream"], body["error"]["code"]) == ("refused", stream, "auth")
                await socket.send(json.dumps({"op": "attach", "stream": stream}))
                assert json.loads(await socket.recv())["events"][0]["type"] == "start"
            assert (await caller.call("POST", "streams", FAST)).status_code == 403
            assert (await caller.call("DELETE", f"streams/{stream}")).status_code == 403
            snapshots = (await caller.call("GET", "streams")).json()["streams"]
            assert [s["state"] for s in snapshots] == ["running"]

    async def test_rights_taken_away_end_what_an_open_socket_may_do(self, access: Access, rights: Rights) -> None:
        async with asyncio.timeout(LIMIT), await opened(access, "token") as socket:
            rights.allow("read")
            await socket.send(json.dumps({"op": "start", "request": FAST, "ref": 1}))
            assert json.loads(await socket.recv())["op"] == "refused"


async def until_message(socket: ClientConnection, op: str) -> dict[str, Any]:
    """Read on to a message of a kind."""
    while True:
        body: dict[str, Any] = json.loads(await socket.recv())
        if body.get("op") == op:
            return body


async def test_a_socket_without_credentials_leaves_no_trace(real: Access, process: Process) -> None:
    """A refused socket is one quiet line, not a traceback."""
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        await opened(real, "nothing")
    assert "Traceback" not in process.log.read_text()
