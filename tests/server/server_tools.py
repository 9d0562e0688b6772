"""A Jupyter server as its callers see it: the kinds of credentials, requests, and a provider whose pace a test decides."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tokenwidgets.clients.rest import Rest
from tokenwidgets.runtime import TICKET_HEADER, Server
from tokenwidgets.wire.sse import Message, Parser

LIMIT = 15.0
"""Longest time anything here may take, in seconds: a hang is a failure, not a wait."""

BASE = "/user/a%40b/"
"""As a hub gives it: percent-encoded."""

EVIL = "http://evil.example"

FAST: Mapping[str, Any] = {"model": "sim/steady", "prompt": "hello", "options": {"ttft_ms": 0, "itl_ms": 0, "tokens": 8}}
"""Ends at once."""

ENDLESS: Mapping[str, Any] = {**FAST, "options": {"ttft_ms": 0, "itl_ms": 50, "jitter": 0, "tokens": 100_000}}
"""Runs for longer than any test."""


# ---- credentials


@dataclass(frozen=True, slots=True)
class Access:
    """A server's address and everything a caller might show it."""

    url: str
    token: str
    ticket: str
    cookies: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def socket(self) -> str:
        return "ws" + self.url.removeprefix("http") + "tokenwidgets/socket"

    def headers(self, kind: str) -> dict[str, str]:
        """The headers of a caller of some kind; see `KINDS`."""
        cookie = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        xsrf = {"X-XSRFToken": self.cookies.get("_xsrf", "")}
        page = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Referer": self.url + "lab"}
        name = f"username-{urlsplit(self.url).netloc.replace('.', '-').replace(':', '-')}"
        kinds: dict[str, dict[str, str]] = {
            "token": {"Authorization": f"token {self.token}"},
            "token, foreign origin": {"Authorization": f"token {self.token}", "Origin": EVIL},
            "page": cookie | xsrf | page | {"Origin": self.origin},
            "cookie without xsrf": cookie | {"Origin": self.origin},
            "cookie, wrong xsrf": cookie | {"X-XSRFToken": "2|00000000|00000000000000000000000000000000|1"},
            "cookie, foreign origin": cookie | xsrf | {"Origin": EVIL},
            "cookie, foreign origin and no xsrf": cookie | {"Origin": EVIL, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
            "ticket": {TICKET_HEADER: self.ticket},
            "ticket behind a hub": {TICKET_HEADER: self.ticket, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
            "nothing": {},
            "nothing, as a page": page | {"Origin": self.origin},
            "wrong token": {"Authorization": "token 0000"},
            "wrong ticket": {TICKET_HEADER: "x" * len(self.ticket)},
            "empty ticket": {TICKET_HEADER: ""},
            "ticket cut short": {TICKET_HEADER: self.ticket[:-1]},
            "ticket no ASCII": {TICKET_HEADER: "\u00fc" * len(self.ticket)},
            "ticket as token": {"Authorization": f"token {self.ticket}"},
            "forged cookie": {"Cookie": f"{name}=2|1:0|10:1|4:user|4:eA==|00"},
        }
        return kinds[kind]

    def server(self) -> Server:
        """As a kernel finds it."""
        return Server(os.getpid(), self.url, self.ticket, "0")

    def rest(self) -> Rest:
        """A kernel's gateway."""
        return Rest(self.server())


PASS = ("token", "token, foreign origin", "page", "ticket", "ticket behind a hub")
"""Callers whom every endpoint answers."""

REFUSED = ("nothing", "nothing, as a page", "wrong token", "wrong ticket", "empty ticket", "ticket cut short", "ticket no ASCII",
           "forged cookie")  # fmt: skip
"""Callers whom none answers."""

ONLY_GATEWAY = "ticket as token"
"""A caller whom the gateway answers, since an SDK in a kernel has no other place for its key, and nothing else does."""

FORGED = ("cookie without xsrf", "cookie, wrong xsrf", "cookie, foreign origin and no xsrf")
"""What a foreign page can make a logged-in browser send: nothing may be changed by it."""


class _Form(HTMLParser):
    """Finds the hidden `_xsrf` field of the login page."""

    xsrf = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = dict(attrs)
        if tag == "input" and fields.get("name") == "_xsrf":
            self.xsrf = fields.get("value") or ""


def login(url: str, token: str) -> dict[str, str]:
    """The cookies of a browser that logged in at the login page."""
    with httpx.Client(verify=False, trust_env=False, timeout=LIMIT) as client:
        page = client.get(url + "login")
        form = _Form()
        form.feed(page.text)
        cookies = dict(page.cookies)
        answer = client.post(url + "login", data={"password": token, "_xsrf": form.xsrf}, headers={"Cookie": _cookie(cookies)})
        assert answer.status_code == 302, answer.text
        return cookies | dict(answer.cookies)


def _cookie(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{k}={v}" for k, v in cookies.items())


# ---- a server in its own process

CONFIG = """
import aioice.ice

c = get_config()  # noqa: F821
c.ServerApp.base_url = {base!r}
c.ServerApp.root_dir = {root!r}
c.ServerApp.open_browser = False
c.ServerApp.allow_root = True
c.ServerApp.log_level = 10
c.IdentityProvider.token = {token!r}
c.ServerApp.jpserver_extensions = {{"jupyterlab": False, "notebook": False, "notebook_shim": False, "jupyter_lsp": False}}
# Machines that run tests may have no network interface: loopback is a path for WebRTC here.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
"""

TOKEN = "a-token-of-the-tests"


@dataclass(slots=True)
class Process:
    """A running `jupyter server`."""

    home: Path
    child: subprocess.Popen[bytes]
    log: Path

    @property
    def runtime(self) -> Path:
        return self.home / "runtime"

    @property
    def config_file(self) -> Path:
        """The `tokenwidgets.toml` it reads at each request."""
        return self.home / "tokenwidgets.toml"

    def published(self) -> Server:
        """What it tells kernels; waits until it does."""
        path = self.runtime / f"tokenwidgets-{self.child.pid}.json"
        until(lambda: self.child.poll() is not None or (path.exists() and path.stat().st_size > 0), "the server did not publish itself")
        if self.child.poll() is not None:
            raise AssertionError(self.log.read_text())
        body = json.loads(path.read_text())
        return Server(self.child.pid, body["url"], body["ticket"], body["version"])

    def access(self) -> Access:
        """Every credential for it."""
        server = self.published()
        return Access(server.url, TOKEN, server.ticket, login(server.url, TOKEN))

    def stop(self) -> int:
        """End it as a user does; returns its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(LIMIT)


def environment(home: Path) -> dict[str, str]:
    """Of a process that sees nothing of this machine's user."""
    own = {k: v for k, v in os.environ.items() if not k.endswith(("_KEY", "_TOKEN")) and not k.startswith(("JUPYTER", "JPY"))}
    return own | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "TOKENWIDGETS_CONFIG": str(home / "tokenwidgets.toml"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def serve(home: Path, *arguments: str) -> Process:
    """Start a server whose everything is under `home`, at a free port. Authentication is what Jupyter's defaults make it."""
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "root").mkdir(exist_ok=True)
    (home / "config" / "jupyter_server_config.py").write_text(CONFIG.format(base=BASE, root=str(home / "root"), token=TOKEN))
    log = home / "server.log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "jupyter_server", *(arguments or ("--ServerApp.port=0",))]
        child = subprocess.Popen(command, env=environment(home), cwd=home, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
    return Process(home, child, log)


def until(true: Callable[[], Any], what: str, limit: float = 30.0) -> None:
    """Look again until something is so, for what tells nobody when it happens (files, other processes)."""
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


async def eventually(true: Callable[[], Any], what: str, limit: float = LIMIT) -> None:
    """The same within an event loop, which goes on meanwhile."""
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.005)


# ---- requests


class Caller:
    """One caller of a server.

    Parameters
    ----------
    access : the server.
    kind : the credentials shown with every request.
    """

    def __init__(self, access: Access, kind: str = "token", **headers: str) -> None:
        self.access = access
        # httpx would send headers as ASCII; what a hostile client may send is more.
        given = {**access.headers(kind), **headers}
        raw = [(k.encode(), v.encode("latin-1")) for k, v in given.items()]
        self.http = httpx.AsyncClient(base_url=access.url, headers=raw, verify=False, trust_env=False, timeout=LIMIT)

    async def __aenter__(self) -> Caller:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """One request under `tokenwidgets/`."""
        async with asyncio.timeout(LIMIT):  # httpx has a limit for each read only, which an endless stream keeps
            return await self.http.request(method, f"tokenwidgets/{path}", json=body, **more)

    async def start(self, request: Mapping[str, Any] = FAST) -> str:
        """Start a stream; returns its id."""
        answer = await self.call("POST", "streams", request)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def ended(self, request: Mapping[str, Any] = FAST) -> str:
        """A stream that has ended already."""
        stream = await self.start(request)
        await self.events(stream)
        return stream

    async def events(self, stream: str, **more: Any) -> list[dict[str, Any]]:
        """All events of a stream, over SSE to its end."""
        answer = await self.call("GET", f"streams/{stream}/events", **more)
        assert answer.status_code == 200, answer.text
        return parsed(answer.content)

    @asynccontextmanager
    async def reading(self, stream: str, after: int | None = None) -> AsyncIterator[AsyncIterator[Message]]:
        """The events of a stream one by one; leaves at the end of the block."""
        query = {} if after is None else {"after": after}
        async with self.http.stream("GET", f"tokenwidgets/streams/{stream}/events", params=query) as answer:
            assert answer.status_code == 200
            yield messages(answer)


async def messages(answer: httpx.Response) -> AsyncIterator[Message]:
    """The messages of a response, as they come."""
    parser = Parser()
    async for data in answer.aiter_raw():
        for item in parser.feed(data):
            if isinstance(item, Message):
                yield item


def parsed(body: bytes) -> list[dict[str, Any]]:
    """The events of a whole SSE response."""
    return [json.loads(item.data) for item in Parser().feed(body) if isinstance(item, Message)]


def text(events: list[dict[str, Any]]) -> str:
    """What a stream said."""
    return "".join(e["delta"] for e in events if e["type"] == "text")


# ---- a provider that a test plays


class Upstream:
    """A tiny OpenAI-compatible server: counts calls, says what it is told to, when it is told to.

    Parameters
    ----------
    pieces : the words of its answer.
    free : how many of them it sends before it waits for `release`; its end counts as one more.
    """

    def __init__(self, pieces: list[str], free: int | None = None) -> None:
        self.pieces = pieces
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.allowed = asyncio.Semaphore(len(pieces) + 1 if free is None else free)
        self.left = asyncio.Event()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    def release(self, count: int | None = None) -> None:
        """Let it say `count` further words, or all."""
        for _ in range(len(self.pieces) + 1 if count is None else count):
            self.allowed.release()

    async def __aenter__(self) -> Upstream:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)  # what is left of them would end in another test
        await asyncio.sleep(0)  # a turn, in which their sockets are closed

    def config(self, name: str = "scripted", extra: str = "") -> str:
        """The table that makes it a host."""
        address = f"http://127.0.0.1:{self.port}/v1"
        return f'[hosts.{name}]\ndialect = "openai-chat"\nbase_url = "{address}"\nlocal = true\nmodels = ["m"]\n{extra}'

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        try:
            await self._say(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._serving.discard(serving)
            writer.close()

    async def _say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head.split("\r\n")[1:])}
        self.calls.append((headers, await reader.readexactly(int(headers.get("content-length", 0)))))
        watch = asyncio.ensure_future(self._until_left(reader))
        try:
            await self._answer(writer)
        finally:
            watch.cancel()

    async def _until_left(self, reader: asyncio.StreamReader) -> None:
        await reader.read()
        self.left.set()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for piece in self.pieces:
            await self.allowed.acquire()
            await self._chunk(writer, {"content": piece}, None)
        await self.allowed.acquire()
        await self._chunk(writer, {}, "stop")
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()

    async def _chunk(self, writer: asyncio.StreamWriter, delta: dict[str, str], finish: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        writer.write(b"data: " + json.dumps(body).encode() + b"\n\n")
        await writer.drain()
