"""The extension in a server's life: found, started, configured, idle, stopped."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_server._tz import utcnow
from server_tools import ENDLESS, FAST, LIMIT, Access, Caller, Process, environment, eventually, login, parsed, serve, until

from jupyter_server_ext import app as extension
from jupyter_server_ext.app import TokenWidgetsApp, kernels_url
from tokenwidgets import runtime
from tokenwidgets.clients.discover import choose
from tokenwidgets.clients.rest import Rest


def run(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], env=environment(home), capture_output=True, text=True, timeout=60, check=False)


# ---- found


def test_it_is_enabled_where_it_is_installed(tmp_path: Path) -> None:
    found = run(tmp_path, "-m", "jupyter_server.extension.serverextension", "list")
    lines = [line.strip() for line in (found.stdout + found.stderr).splitlines()]
    at = next(i for i, line in enumerate(lines) if line.startswith("jupyter_server_ext"))
    assert "enabled" in lines[at]
    assert any("OK" in line for line in lines[at + 1 : at + 3]), lines[at:]


@pytest.mark.parametrize("module", ["jupyter_server_ext", "jupyter_server_ext.app"])
def test_to_import_it_costs_a_server_nothing(module: str, tmp_path: Path) -> None:
    """The server imports it to read its extension points, whether a stream is ever started or not."""
    heavy = ("aiortc", "av", "httpx", "anywidget", "ipywidgets", "websockets", "numpy", "pandas", "IPython")
    points = "getattr(m, '_jupyter_server_extension_points', list)()"
    found = run(tmp_path, "-c", f"import sys, {module} as m; {points}; print([n for n in {heavy} if n in sys.modules])")
    assert found.stdout.strip() == "[]", found.stderr


# ---- started and stopped, in a process of its own


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port that somebody else listens at, and behind which another is likely free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_server_from_its_start_to_its_end(tmp_path: Path, busy_port: int) -> None:
    """Started at a port that is taken, with a limit from the command line, and stopped while a stream runs."""
    arguments = [f"--ServerApp.port={busy_port}", "--ServerApp.port_retries=50", "--TokenWidgetsApp.open_streams=1"]
    process = serve(tmp_path, *arguments)
    try:
        file = look_at_published(process, busy_port)
        access = Access(process.published().url, "", process.published().ticket)
        with httpx.Client(base_url=access.url, headers=access.headers("ticket"), verify=False, trust_env=False, timeout=LIMIT) as client:
            assert client.get("tokenwidgets/capabilities").json()["limits"]["open_streams"] == 1
            assert client.post("tokenwidgets/streams", json=ENDLESS).status_code == 201
            assert client.post("tokenwidgets/streams", json=FAST).json()["error"]["code"] == "limit"
            with client.stream("GET", f"tokenwidgets/streams/{only(client)}/events") as reading:
                process.child.terminate()
                body = "".join(reading.iter_text())
        assert process.child.wait(LIMIT) == 0, process.log.read_text()
    finally:
        process.child.kill()
        process.child.wait()
    last = json.loads(body.strip().rpartition("data: ")[2])
    assert (last["type"], last["code"], last["retryable"]) == ("error", "connection", True), "who reads is told that the server went away"
    assert not file.exists()
    log = process.log.read_text()
    assert "Traceback" not in log
    assert "never retrieved" not in log


def look_at_published(process: Process, busy: int) -> Path:
    server = process.published()
    assert f":{busy}/" not in server.url, "the port that was asked for is not the one it has"
    assert server.url.endswith("/user/a%40b/")
    [file] = process.runtime.glob("tokenwidgets-*.json")
    assert file.name == f"tokenwidgets-{process.child.pid}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["version"] == runtime.version()
    return file


def only(client: httpx.Client) -> str:
    [stream] = client.get("tokenwidgets/streams").json()["streams"]
    return str(stream["id"])


def test_what_is_published_can_be_used_at_once(process: Process) -> None:
    """The file is there only after the server listens."""
    server = process.published()
    answer = httpx.get(server.url + "tokenwidgets/capabilities", headers={runtime.TICKET_HEADER: server.ticket}, trust_env=False)
    assert answer.status_code == 200


def test_a_server_at_a_unix_socket_works_for_who_can_reach_it(tmp_path: Path) -> None:
    """Nothing of ours supposes TCP: no TCP_NODELAY there, and the answers come all the same."""
    path = tmp_path / "s"
    process = serve(tmp_path, f"--ServerApp.sock={path}")
    try:
        until(lambda: process.child.poll() is not None or list(process.runtime.glob("tokenwidgets-*.json")), "it did not start")
        with httpx.Client(base_url="http://localhost/user/a%40b/", transport=httpx.HTTPTransport(uds=str(path)), timeout=LIMIT) as client:
            headers = {"Authorization": "token a-token-of-the-tests", "Accept": "text/event-stream"}
            answer = client.post("tokenwidgets/streams", json=FAST, headers=headers)
            assert answer.status_code == 200, answer.text
            assert '"type":"end"' in answer.text
        server, why = choose([process.published()], process.child.pid, in_kernel=True)
        assert server is None
        assert "unix socket" in why.lower(), "a kernel cannot reach it, and says so"
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("ip", "url", "kernels"),
    [
        ("127.0.0.1", "http://127.0.0.1:8888/base/", "http://127.0.0.1:8888/base/"),
        ("localhost", "http://localhost:8888/", "http://localhost:8888/"),
        ("192.0.2.7", "https://192.0.2.7:8888/", "https://192.0.2.7:8888/"),
        ("", "http://localhost:8888/user/a%40b/", "http://127.0.0.1:8888/user/a%40b/"),
        ("*", "http://box:8888/", "http://127.0.0.1:8888/"),
        ("0.0.0.0", "https://box:8888/base/", "https://127.0.0.1:8888/base/"),
        ("::", "http://box:8888/base/", "http://[::1]:8888/base/"),
        ("0.0.0.0", "http+unix://%2Ftmp%2Fs/", "http+unix://%2Ftmp%2Fs/"),
    ],
)
def test_a_ticket_goes_to_this_machine_and_no_other(ip: str, url: str, kernels: str) -> None:
    assert kernels_url(url, ip, 8888) == kernels


def ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("ip", "host"),
    [("0.0.0.0", "127.0.0.1"), pytest.param("::", "[::1]", marks=pytest.mark.skipif(not ipv6(), reason="this machine has no IPv6"))],
)
async def test_a_kernel_reaches_a_server_that_listens_everywhere(ip: str, host: str, tmp_path: Path) -> None:
    process = serve(tmp_path, "--ServerApp.port=0", f"--ip={ip}")
    try:
        server = process.published()
        assert server.url.startswith(f"http://{host}:")
        assert server.url.endswith("/user/a%40b/")
        gateway = Rest(server)
        async with asyncio.timeout(LIMIT):
            assert (await gateway.start(FAST)).model == "sim/steady"
        await gateway.aclose()
    finally:
        process.stop()


# ---- the hooks, in this process


async def test_start_publishes_and_stop_takes_it_back(app: TokenWidgetsApp, jp_runtime_dir: Path) -> None:
    await app._start_jupyter_server_extension(app.serverapp)
    [server] = runtime.servers()
    at = kernels_url(app.serverapp.connection_url, app.serverapp.ip, app.serverapp.port)
    assert (server.url, server.ticket) == (at, app.ticket)
    assert app.ticket not in repr(server)
    await app.stop_extension()
    assert runtime.servers() == []
    assert not list(jp_runtime_dir.glob("tokenwidgets-*"))


async def test_stop_without_start_and_twice_is_nothing(app: TokenWidgetsApp) -> None:
    await app.stop_extension()
    await app.stop_extension()


async def test_stop_of_what_was_never_initialised_is_nothing() -> None:
    await TokenWidgetsApp().stop_extension()


async def test_start_after_stop_publishes_nothing(app: TokenWidgetsApp) -> None:
    """Jupyter was seen to stop an extension before it had started it."""
    await app.stop_extension()
    await app._start_jupyter_server_extension(app.serverapp)
    assert runtime.servers() == []


async def test_stop_ends_what_runs(app: TokenWidgetsApp, access: Access) -> None:
    async with Caller(access) as caller:
        stream = await caller.start(ENDLESS)
        await asyncio.wait_for(app.stop_extension(), LIMIT)
        last = (await caller.events(stream))[-1]
        assert (last["type"], last["code"]) == ("error", "connection")


# ---- limits


async def test_capabilities_name_every_limit(app: TokenWidgetsApp, access: Access) -> None:
    async with Caller(access) as caller:
        body = (await caller.call("GET", "capabilities")).json()
    assert body["version"] == runtime.version()
    assert body["transports"] == ["sse", "ws", "webrtc", "webrtc-ordered", "webrtc-unordered"]
    assert set(body["limits"]) == set(TokenWidgetsApp.class_own_traits(config=True)) - {"ice_servers"}, "credentials are no limits"
    assert set(body["limits"]) >= {"journal_bytes", "total_bytes", "open_streams", "kept_seconds", "peers", "sockets", "message_bytes"}
    assert all(isinstance(v, int | float) and v > 0 for v in body["limits"].values())


class TestShortLives:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"TokenWidgetsApp": {"kept_seconds": 0.1, "unread_seconds": 0.1, "wall_seconds": 0.3}}

    async def test_a_stream_nobody_reads_is_stopped_and_then_forgotten(self, app: TokenWidgetsApp, access: Access) -> None:
        async with Caller(access) as caller:
            stream = await caller.start({**ENDLESS, "options": {**ENDLESS["options"], "ttft_ms": 10_000}})
            found = app.hub.get(stream, "server")
            await eventually(lambda: not found.running, "it runs on unread")
            assert getattr(found.journal.entries[-1].event, "reason", None) == "cancelled"
            await eventually(lambda: app.hub.streams("server") == [], "it is kept for ever")
            assert (await caller.call("GET", f"streams/{stream}")).status_code == 404

    async def test_a_stream_that_is_read_runs_to_the_limit_of_its_time(self, access: Access) -> None:
        async with Caller(access, Accept="text/event-stream") as caller:
            last = parsed((await caller.call("POST", "streams", ENDLESS)).content)[-1]
            assert (last["type"], last.get("code")) == ("error", "limit")


class TestSmallMemory:
    @pytest.fixture
    def server_config(self) -> dict[str, Any]:
        return {"TokenWidgetsApp": {"total_bytes": 10_000}}

    async def test_finished_streams_make_room_the_oldest_first(self, access: Access) -> None:
        async with Caller(access) as caller:
            ids = [await caller.ended({**FAST, "options": {**FAST["options"], "tokens": 30}}) for _ in range(4)]
            kept = [s["id"] for s in (await caller.call("GET", "streams")).json()["streams"]]
            assert kept
            assert kept == ids[-len(kept) :]
            assert len(kept) < 4


# ---- activity


async def test_a_live_stream_is_activity_whoever_reads_it(app: TokenWidgetsApp, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub culls a server whose last activity is long ago: one that streams is not idle, even where no request comes any more."""
    monkeypatch.setattr(extension, "ACTIVITY_SECONDS", 0.05)
    web = app.serverapp.web_app
    async with Caller(access) as caller:
        stream = await caller.start(ENDLESS)
        for _ in range(2):
            asked = utcnow()
            await eventually(lambda asked=asked: web.last_activity() > asked, "the stream is not told as activity")
        assert app.serverapp.extension_manager.any_activity()
        await caller.call("DELETE", f"streams/{stream}")
        assert not app.serverapp.extension_manager.any_activity()


async def test_a_page_that_is_only_open_is_no_activity(app: TokenWidgetsApp, access: Access) -> None:
    """Its socket pings; a server nobody works with may be culled all the same."""
    from websockets.asyncio.client import connect

    async with asyncio.timeout(LIMIT), connect(access.socket, additional_headers=access.headers("token"), proxy=None) as page:
        asked = utcnow()
        await page.send('{"op":"ping","t":1}')
        await page.recv()
        assert app.serverapp.web_app.last_activity() < asked


# ---- passwords and pages


async def test_the_login_page_and_the_base_url_hold_for_a_page(process: Process) -> None:
    """The whole way of a browser: log in, start, read."""
    server = process.published()
    cookies = await asyncio.to_thread(login, server.url, "a-token-of-the-tests")
    assert "_xsrf" in cookies
    async with Caller(Access(server.url, "", "", cookies), "page") as caller:
        assert (await caller.events(await caller.start()))[-1]["type"] == "end"
