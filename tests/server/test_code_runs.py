"""The programs of `r.code()` against a real Jupyter server: its gateway as a provider, and its streams over every transport."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from programs import ran
from server_tools import Access, parsed
from server_tools import text as text_of
from websockets.sync.server import Server, ServerConnection, serve

from tokenwidgets.code import code
from tokenwidgets.codegen import reading, sessions
from tokenwidgets.realtime.clip import Clip
from tokenwidgets.realtime.clips import clip

FAST: dict[str, Any] = {"ttft_ms": 0, "itl_ms": 0, "tokens": 40}
ASKED: dict[str, Any] = {"model": "sim/steady", "prompt": "It's “hello” — 🌈"}
HTTP = ("openai-chat", "openai-responses", "anthropic-messages")
SOCKET = "openai-responses-ws"

LOOPBACK = 'import aioice.ice\naioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]\n'
"""Machines that run tests may have no network interface: loopback is a path for WebRTC here."""


@pytest.fixture
def gateway(real: Access, tmp_path: Path) -> Access:
    """The gateway as the host `own`, whose key is the Jupyter token."""
    urls = dict.fromkeys(HTTP, f"{real.url}tokenwidgets/v1") | {SOCKET: real.socket.removesuffix("/socket") + "/v1"}
    lines = "".join(f'{dialect} = "{url}"\n' for dialect, url in urls.items())
    path = tmp_path / "tokenwidgets.toml"
    path.write_text(f'[hosts.own]\nkey_env = "OWN_KEY"\n[hosts.own.dialects]\n{lines}')
    return real


@pytest.fixture(scope="session")
def said(real: Access) -> str:
    """What the simulator answers."""
    headers = real.headers("token") | {"Accept": "text/event-stream"}
    answer = httpx.post(f"{real.url}tokenwidgets/streams", json={**ASKED, "options": FAST}, headers=headers, trust_env=False)
    return text_of(parsed(answer.content))


@pytest.mark.parametrize(
    ("dialect", "language"),
    [*((dialect, language) for dialect in HTTP for language in ("python", "javascript")), (SOCKET, "python"), (SOCKET, "javascript")],
)
def test_a_gateway_is_called(gateway: Access, said: str, tmp_path: Path, dialect: str, language: str) -> None:
    asked = {**ASKED, "model": "own/sim/steady", "dialect": dialect, "options": {"extra": FAST}}
    status, out, err = ran(language, code(asked, language), tmp_path, OWN_KEY=gateway.token)
    assert (status, out) == (0, said + "\n"), err


@pytest.mark.parametrize(("dialect", "language"), [("openai-chat", "python-httpx"), (SOCKET, "python"), (SOCKET, "javascript")])
def test_a_wrong_key_is_told_in_a_line(gateway: Access, tmp_path: Path, dialect: str, language: str) -> None:
    asked = {**ASKED, "model": "own/sim/steady", "dialect": dialect}
    status, out, err = ran(language, code(asked, language), tmp_path, OWN_KEY="wrong")
    assert (status, out, len(err.splitlines())) == (1, "", 1), err


IN_A_PAGE = "javascript-webrtc"
"""tests/browser runs it: Node has no WebRTC."""

OUTSIDE = [language for language in reading.LANGUAGES if language != IN_A_PAGE]


@pytest.mark.parametrize("language", OUTSIDE)
def test_a_stream_is_read(real: Access, said: str, tmp_path: Path, language: str) -> None:
    text = code({**ASKED, "options": FAST}, language, real.rest())
    assert real.token not in text
    assert real.ticket not in text
    status, out, err = ran(language, LOOPBACK * (language == "python-webrtc") + text, tmp_path, JUPYTER_TOKEN=real.token)
    assert (status, out) == (0, said + "\n"), err


# The seed decides in which way the simulator fails.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "There is no host 'nowhere'": ({"model": "nowhere/m"}, ""),
    "403|non-101": ({}, "wrong"),
    "The simulated server is overloaded": ({"options": {**FAST, "fail_at": 3, "seed": 2}}, ""),
    "truncated": ({"options": {**FAST, "fail_at": 3, "seed": 0}}, ""),
}


@pytest.mark.parametrize("language", OUTSIDE)
@pytest.mark.parametrize("told", WRONG)
def test_what_goes_wrong_is_told_in_a_line(real: Access, tmp_path: Path, language: str, told: str) -> None:
    change, token = WRONG[told]
    text = code({**ASKED, "options": FAST, **change}, language, real.rest())
    status, _, err = ran(language, LOOPBACK * (language == "python-webrtc") + text, tmp_path, JUPYTER_TOKEN=token or real.token)
    assert (status, len(err.splitlines())) == (1, 1), err
    assert re.search(told, err)


def test_a_message_in_parts_is_put_together(real: Access, tmp_path: Path) -> None:
    """The whole of a long answer is one message to a reader that comes late."""
    asked = {**ASKED, "options": {**FAST, "tokens": 20_000}}
    status, out, err = ran("python-webrtc", LOOPBACK + code(asked, "python-webrtc", real.rest()), tmp_path, JUPYTER_TOKEN=real.token)
    assert status == 0, err
    assert len(out) > 65_536


@pytest.mark.parametrize("language", ["python", "javascript"])
@pytest.mark.parametrize("frames", [[], [{"type": "error", "error": {"message": "No."}}], [{"type": "response.created"}]])
def test_a_socket_that_closes_early_is_told_in_a_line(tmp_path: Path, language: str, frames: list[Any]) -> None:
    """Of a provider that closes in good order, before the answer has come to its end."""
    with serve(partial(_say, frames), "127.0.0.1", 0) as server, running(server) as port:
        (tmp_path / "tokenwidgets.toml").write_text(f'[hosts.own.dialects]\n{SOCKET} = "ws://127.0.0.1:{port}"\n')
        text = code({**ASKED, "model": "own/m", "dialect": SOCKET}, language)
        status, _, err = ran(language, text, tmp_path)
    assert (status, len(err.splitlines())) == (1, 1), err
    assert ("No." if "error" in str(frames) else "The connection broke off.") in err


def _say(frames: list[Any], socket: ServerConnection) -> None:
    socket.recv()
    for frame in frames:
        socket.send(json.dumps(frame))


@contextmanager
def running(server: Server) -> Iterator[int]:
    """Serve in a thread; the port."""
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.socket.getsockname()[1]
    server.shutdown()
    thread.join()


@pytest.mark.parametrize("language", sessions.LANGUAGES)
def test_a_voice_of_this_machine_is_asked_through_the_gateway(real: Access, tmp_path: Path, language: str) -> None:
    (tmp_path / "question.wav").write_bytes(clip("france").clip.resampled(24_000).wav())
    text = code({"model": "sim/voice", "session": {}}, language, real.rest())
    status, out, err = ran(language, text, tmp_path, "question.wav", JUPYTER_TOKEN=real.token)
    assert status == 0, err
    assert out.strip()
    assert "You: " in err
    answer = Clip.open(tmp_path / "answer.wav")
    assert answer.rate == 24_000
    assert answer.seconds > 0.5
    assert answer.samples.any()
