"""A server of chat completions that writes down when it sent what: answers that keep to a plan, or those of another server, passed on.

    python benchmarks/logged_upstream.py PERIOD [URL]

The plan of the n-th answer follows from n modulo PERIOD: how long it waits, and at which pace its words come. With a URL the requests are
passed on to it, and its answers back, event by event. Prints its port, and ends when standard input closes. `GET /log` gives of each answer
the tokens and the instants at which its content was sent, µs from the last byte of its request.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from itertools import accumulate
from random import Random
from typing import Any

import httpx

TOKENS = 32
WAIT, WAIT_SPREAD = 0.12, 0.2
"""Seconds to the first token, and how much that varies from answer to answer."""

PACE, PACE_SPREAD = 0.01, 0.1
"""Seconds between tokens, and how much that varies."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = {"id": "paced", "object": "chat.completion.chunk", "created": 1, "model": "paced"}


def plan(number: int) -> list[float]:
    """When each token of an answer is due, seconds from its request."""
    draw = Random(number)
    first, pace = WAIT * draw.lognormvariate(0, WAIT_SPREAD), PACE * draw.lognormvariate(0, PACE_SPREAD)
    return list(accumulate([first, *(pace * draw.uniform(0.8, 1.2) for _ in range(TOKENS - 1))]))


def event(body: dict[str, Any] | str) -> bytes:
    return b"data: " + (body if isinstance(body, str) else json.dumps(CHUNK | body)).encode() + b"\n\n"


def delta(content: dict[str, str], finish: str | None = None) -> bytes:
    return event({"choices": [{"index": 0, "delta": content, "finish_reason": finish}]})


USAGE = event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": TOKENS, "total_tokens": TOKENS + 3}})


async def planned(number: int, asked: float) -> AsyncIterator[bytes]:
    """The events of an answer of our own, each when it is due."""
    yield delta({"role": "assistant", "content": ""})
    for due in plan(number):
        await asyncio.sleep(asked + due - time.perf_counter())
        yield delta({"content": "word "})
    yield delta({}, "stop") + USAGE + event("[DONE]")


class Upstream:
    """What was sent, and to whom more is sent."""

    def __init__(self, period: int, url: str) -> None:
        self.period = period
        self.url = url
        self.log: list[dict[str, Any]] = []
        self.client = httpx.AsyncClient(timeout=60)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines()[1:])}
                body = await reader.readexactly(int(lines.get("content-length", "0")))
                await (self.answer(writer, lines, body) if head.startswith("POST") else self.tell(writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def answer(self, writer: asyncio.StreamWriter, lines: dict[str, str], body: bytes) -> None:
        """One answer, event by event."""
        asked, told = time.perf_counter(), {"tokens": 0, "at": list[int]()}
        number = len(self.log) % self.period
        self.log.append(told)
        writer.write(HEAD)
        async for data in self.passed_on(lines, body) if self.url else planned(number, asked):
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            note(told, data, round((time.perf_counter() - asked) * 1e6))
        writer.write(b"0\r\n\r\n")

    async def passed_on(self, lines: dict[str, str], body: bytes) -> AsyncIterator[bytes]:
        """The events of the other server's answer."""
        headers = {name: lines[name] for name in ("authorization", "content-type") if name in lines}
        async with self.client.stream("POST", f"{self.url}/v1/chat/completions", headers=headers, content=body) as answer:
            rest = b""
            async for data in answer.aiter_raw():
                *whole, rest = (rest + data).split(b"\n\n")
                for one in whole:
                    yield one + b"\n\n"

    async def tell(self, writer: asyncio.StreamWriter) -> None:
        """The log, so far."""
        body = json.dumps(self.log).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def note(told: dict[str, Any], data: bytes, at: int) -> None:
    """Write down what an event was, after it was sent."""
    for line in data.splitlines():
        if line.startswith(b"data: {"):
            body = json.loads(line[6:])
            told["tokens"] = (body.get("usage") or {}).get("completion_tokens", told["tokens"])
            if any(choice["delta"].get("content") for choice in body.get("choices", [])):
                told["at"].append(at)


async def main(period: int, url: str = "") -> None:
    server = await asyncio.start_server(Upstream(period, url).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
