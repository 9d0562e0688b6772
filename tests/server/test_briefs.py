"""What runs in a server: the list without words, who reads, and how much of the limits is used."""

from __future__ import annotations

from server_tools import ENDLESS, FAST, Access, Caller, eventually

from jupyter_server_ext.app import TokenWidgetsApp


async def test_the_list_can_do_without_words(real: Access) -> None:
    async with Caller(real) as caller:
        stream = await caller.start({**FAST, "prompt": "secret plan"})
        await caller.call("GET", f"streams/{stream}/events")
        whole = {one["id"]: one for one in (await caller.call("GET", "streams")).json()["streams"]}[stream]
        answer = await caller.call("GET", "streams", params={"text": "0"})
        brief = {one["id"]: one for one in answer.json()["streams"]}[stream]
        assert whole["text"]
        assert whole["metrics"]
        assert set(brief) == set(whole) - {"text", "usage", "metrics"}
        assert whole["text"] not in answer.text
        assert "secret" not in answer.text
        assert (brief["model"], brief["phase"], brief["state"], brief["readers"]) == ("sim/steady", "done", "ended", 0)


async def test_a_reader_is_told_of_with_its_transport(app: TokenWidgetsApp, access: Access) -> None:
    async with Caller(access) as caller:
        stream = await caller.start(ENDLESS)
        async with caller.http.stream("GET", f"tokenwidgets/streams/{stream}/events"):
            await eventually(lambda: app.hub.streams("server")[0].readers == 1, "nobody reads")
            (brief,) = (await caller.call("GET", "streams?text=0")).json()["streams"]
            assert brief["transports"] == {"sse": 1}
        await eventually(lambda: app.hub.streams("server")[0].readers == 0, "the reader did not leave")
        (brief,) = (await caller.call("GET", "streams?text=0")).json()["streams"]
        assert brief["transports"] == {}
        assert brief["state"] == "running"


async def test_a_reader_of_the_socket_is_told_apart(app: TokenWidgetsApp, access: Access) -> None:
    rest = access.rest()
    try:
        started = await rest.start(ENDLESS)
        events = rest.reader().attach(started.id, -1)
        await anext(events)
        (brief,) = await rest.briefs()
        assert brief["transports"] == {"ws": 1}
        limits = await rest.limits()
        assert limits.used["open_streams"] == limits.used["sockets"] == 1
        assert limits.used["peers"] == 0
        assert 0 < limits.used["total_bytes"] < limits.limits["total_bytes"]
        assert set(limits.used) <= set(limits.limits)
        await events.aclose()
    finally:
        await rest.aclose()
