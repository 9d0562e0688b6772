"""A Jupyter server that is killed in the middle of a stream, and started again."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from server_tools import ENDLESS, Access, Caller, parsed, serve

from tokenwidgets.hub import RESTARTED

PROMPT = "a question to be found"


async def read(access: Access, stream: str, events: list[str], count: int) -> None:
    """Read on from the last event, until that many came."""
    async with Caller(access) as caller, caller.reading(stream, len(events) - 1) as messages:
        async for message in messages:
            events.append(message.data)
            if len(events) >= count:
                return


async def test_a_reader_gets_the_rest_once_and_is_told_what_happened(tmp_path: Path) -> None:
    first = serve(tmp_path)
    try:
        access = await asyncio.to_thread(first.access)
        async with Caller(access) as caller:
            stream = await caller.start({**ENDLESS, "prompt": PROMPT})
        events: list[str] = []
        await read(access, stream, events, 6)
        ahead = list(events)
        await read(access, stream, ahead, 12)
    finally:
        os.kill(first.child.pid, signal.SIGKILL)
        first.child.wait()
    second = serve(tmp_path)
    try:
        async with Caller(await asyncio.to_thread(second.access)) as caller:
            answer = await caller.call("GET", f"streams/{stream}/events", params={"after": len(events) - 1})
            rest = parsed(answer.content)
            assert [e["seq"] for e in rest] == list(range(6, 6 + len(rest)))
            assert [e["seq"] for e in rest][-1] >= 12, "what another reader was told already is there"
            assert (rest[-1]["type"], rest[-1]["code"], rest[-1]["message"]) == ("error", "connection", RESTARTED)
            assert (await caller.call("GET", f"streams/{stream}")).json()["state"] == "failed"
            again = parsed((await caller.call("GET", f"streams/{stream}/events")).content)
            assert again[6:] == rest
        assert list((tmp_path / "runtime").rglob("*.jsonl"))
        assert not [file for file in (tmp_path / "runtime").rglob("*.jsonl") if PROMPT in file.read_text()], "no prompt"
    finally:
        second.stop()
