"""What the gateway's tests share: the vendors' own clients with the Jupyter token as their key, and a provider that a test plays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
from server_tools import LIMIT, Access, Process

FAST: dict[str, Any] = {"ttft_ms": 0, "itl_ms": 0, "tokens": 8}
"""The simulator's own options, which the SDKs send as fields they do not know."""

ENDLESS: dict[str, Any] = {"ttft_ms": 0, "itl_ms": 20, "jitter": 0, "tokens": 100_000}

HELLO: Any = [{"role": "user", "content": "hello"}]

BODIES: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": HELLO},
    "messages": {"messages": HELLO, "max_tokens": 10_000_000},
    "responses": {"input": "hello"},
}
"""The least that each path takes."""

CITY = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo"]}}, "required": ["city"], "additionalProperties": False}

Call = tuple[str, dict[str, str], dict[str, Any]]
"""Path, headers and body of what a provider was asked."""


def openai_of(access: Access, key: str | None = None, **more: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=access.url + "tokenwidgets/v1", api_key=key or access.token, max_retries=0, timeout=LIMIT, **more)


def anthropic_of(access: Access, key: str | None = None, **more: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=access.url + "tokenwidgets", api_key=key or access.token, max_retries=0, timeout=LIMIT, **more)


def async_openai_of(access: Access, key: str | None = None) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=access.url + "tokenwidgets/v1", api_key=key or access.token, max_retries=0, timeout=LIMIT)


def async_anthropic_of(access: Access, key: str | None = None) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=access.url + "tokenwidgets", api_key=key or access.token, max_retries=0, timeout=LIMIT)


def sse(*chunks: Mapping[str, Any]) -> bytes:
    """A stream of chat completions."""
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"


def chunk(delta: Mapping[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
    """One of them."""
    choices = [{"index": index, "delta": delta, "finish_reason": finish}]
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}


@asynccontextmanager
async def host(
    process: Process,
    body: bytes | Mapping[str, Any],
    status: int = 200,
    headers: Sequence[str] = (),
    dialects: Sequence[str] = ("openai-chat",),
    profile: str = "",
) -> AsyncIterator[list[Call]]:
    """The host `scripted`, which gives one answer to everything; what it is asked.

    Parameters
    ----------
    body : a stream as bytes, or an object as JSON.
    headers : further lines of the answer's head.
    dialects : what it is said to speak, the first one unless a request names another.
    profile : its quirks, as lines of TOML.
    """
    calls: list[Call] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(await _read(reader))
        kind, data = ("text/event-stream", body) if isinstance(body, bytes) else ("application/json", json.dumps(body).encode())
        lines = [f"HTTP/1.1 {status} x", f"Content-Type: {kind}", f"Content-Length: {len(data)}", "Connection: close", *headers]
        writer.write("\r\n".join([*lines, "\r\n"]).encode() + data)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        first, *others = dialects
        table = f'[hosts.scripted]\ndialect = "{first}"\nbase_url = "{url}"\nlocal = true\nmodels = ["m"]\n'
        further = "".join(f'{name} = "{url}"\n' for name in others)
        process.config_file.write_text(f"{table}[hosts.scripted.dialects]\n{further}[hosts.scripted.profile]\n{profile}\n")
        try:
            yield calls
        finally:
            process.config_file.unlink()


async def _read(reader: asyncio.StreamReader) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:])}
    return head[0].split()[1], headers, json.loads(await reader.readexactly(int(headers["content-length"])))
