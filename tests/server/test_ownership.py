"""Whose a stream is: its user's where Jupyter tells users apart, the server's where it does not."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from jupyter_server.auth import IdentityProvider, User
from server_tools import ENDLESS, FAST, LIMIT, Access, Caller, login
from websockets.asyncio.client import ClientConnection, connect

USER = "X-Test-User"


class Names(IdentityProvider):
    """Like a hub's or an account's: a stable name for each user, here from a header."""

    def get_user(self, handler: Any) -> User | None:
        name = handler.request.headers.get(USER)
        return User(username=name) if name else None

    def is_token_authenticated(self, handler: Any) -> bool:
        return True


def named(access: Access, name: str) -> Caller:
    return Caller(access, "nothing", **{USER: name})


async def socket_of(access: Access, name: str) -> ClientConnection:
    return await connect(access.socket, additional_headers={USER: name}, proxy=None, open_timeout=LIMIT)


async def asked(socket: ClientConnection, **message: Any) -> dict[str, Any]:
    await socket.send(json.dumps(message))
    body: dict[str, Any] = json.loads(await socket.recv())
    return body


async def statuses(caller: Caller, stream: str) -> set[int]:
    """How every endpoint of a stream answers, those that change something last."""
    uses = [("GET", ""), ("GET", "/events"), ("GET", "/wire"), ("DELETE", "")]
    return {(await caller.call(method, f"streams/{stream}{part}")).status_code for method, part in uses}


async def listed(caller: Caller) -> list[str]:
    return [s["id"] for s in (await caller.call("GET", "streams")).json()["streams"]]


class TestUsers:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"ServerApp": {"identity_provider_class": Names}}

    async def test_another_users_stream_is_not_there(self, access: Access) -> None:
        async with named(access, "alice") as alice, named(access, "bob") as bob:
            stream = await alice.start(ENDLESS)
            assert await statuses(bob, stream) == {404}
            assert await listed(bob) == []
            assert await listed(alice) == [stream]
            assert (await alice.call("GET", f"streams/{stream}")).json()["state"] == "running"

    async def test_what_is_another_s_and_what_never_was_look_the_same(self, access: Access) -> None:
        async with named(access, "alice") as alice, named(access, "bob") as bob:
            stream = await alice.ended()
            others = (await bob.call("GET", f"streams/{stream}")).json()
            none = (await bob.call("GET", "streams/nothing-by-this-name")).json()
            assert others == none

    async def test_nor_over_the_socket(self, access: Access) -> None:
        async with named(access, "alice") as alice, asyncio.timeout(LIMIT), await socket_of(access, "bob") as socket:
            stream = await alice.start(ENDLESS)
            for op in ("attach", "stop"):
                body = await asked(socket, op=op, stream=stream)
                assert (body["op"], body["stream"], body["error"]["code"]) == ("refused", stream, "not_found")
            assert (await alice.call("GET", f"streams/{stream}")).json()["state"] == "running"

    async def test_a_user_finds_the_same_streams_by_every_way(self, access: Access) -> None:
        async with named(access, "alice") as alice, asyncio.timeout(LIMIT), await socket_of(access, "alice") as socket:
            stream = (await asked(socket, op="start", request=FAST, ref=1))["stream"]
            assert (await alice.events(stream))[-1]["type"] == "end"
            assert await listed(alice) == [stream]

    async def test_the_ticket_does_not_open_a_users_streams(self, access: Access) -> None:
        async with named(access, "alice") as alice, Caller(access, "ticket") as kernel:
            stream = await alice.start(ENDLESS)
            assert await statuses(kernel, stream) == {404}
            assert await listed(kernel) == []

    async def test_the_first_user_who_shows_a_kernels_stream_owns_it(self, access: Access) -> None:
        async with named(access, "alice") as alice, named(access, "bob") as bob, Caller(access, "ticket") as kernel:
            stream = await kernel.start(ENDLESS)
            assert await listed(alice) == [], "nothing is claimed by asking what there is"
            assert (await alice.call("GET", f"streams/{stream}")).status_code == 200
            assert await statuses(bob, stream) == {404}
            assert await listed(alice) == await listed(kernel) == [stream]
            assert await listed(bob) == []
            assert (await kernel.call("GET", f"streams/{stream}")).json()["state"] == "running"
            assert (await alice.call("DELETE", f"streams/{stream}")).status_code == 200
            assert (await kernel.events(stream))[-1]["reason"] == "cancelled"

    async def test_the_kernel_does_not_claim_its_own_stream_by_reading_it(self, access: Access) -> None:
        async with named(access, "alice") as alice, Caller(access, "ticket") as kernel:
            stream = await kernel.ended()
            assert (await alice.call("GET", f"streams/{stream}")).status_code == 200

    async def test_a_kernels_stream_claimed_over_the_socket(self, access: Access) -> None:
        async with named(access, "bob") as bob, Caller(access, "ticket") as kernel, asyncio.timeout(LIMIT):
            stream = await kernel.ended()
            async with await socket_of(access, "alice") as socket:
                assert (await asked(socket, op="attach", stream=stream))["stream"] == stream
            assert await statuses(bob, stream) == {404}

    async def test_a_user_called_kernel_is_not_the_kernel(self, access: Access) -> None:
        async with named(access, "kernel") as impostor, Caller(access, "ticket") as kernel, named(access, "alice") as alice:
            stream = await kernel.ended()
            assert (await alice.call("GET", f"streams/{stream}")).status_code == 200
            assert await statuses(impostor, stream) == {404}


class TestOneOwner:
    """Jupyter's default: every request with a token and no cookie is a new user of a random name."""

    async def test_page_program_and_kernel_share_their_streams(self, access: Access) -> None:
        cookies = await asyncio.to_thread(login, access.url, access.token)
        whole = Access(access.url, access.token, access.ticket, cookies)
        kinds = ("token", "page", "ticket")
        streams = []
        for kind in kinds:
            async with Caller(whole, kind) as caller:
                streams.append(await caller.ended())
        for kind in kinds:
            async with Caller(whole, kind) as caller:
                assert await listed(caller) == streams, kind
                for stream in streams:
                    assert (await caller.events(stream))[-1]["type"] == "end"

    async def test_one_starts_another_stops(self, access: Access) -> None:
        async with Caller(access, "ticket") as kernel, Caller(access, "token") as page:
            stream = await kernel.start(ENDLESS)
            assert (await page.call("DELETE", f"streams/{stream}")).json()["state"] == "ended"
            assert (await kernel.events(stream))[-1]["reason"] == "cancelled"
