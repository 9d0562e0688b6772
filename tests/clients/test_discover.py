"""Where streams live: the server that started this kernel, or the kernel itself, and the reason in words."""

from __future__ import annotations

import asyncio
import os
import sys
from types import ModuleType

import pytest

from tokenwidgets.clients.discover import choose, discover
from tokenwidgets.clients.inprocess import InProcess
from tokenwidgets.clients.rest import Rest
from tokenwidgets.runtime import Server, publish, version


def server(pid: int, release: str | None = None) -> Server:
    return Server(pid, f"http://127.0.0.1:{8000 + pid}/", "ticket", release or version())


@pytest.mark.parametrize(
    ("found", "parent", "in_kernel", "pid", "why"),
    [
        ([server(1)], 1, True, 1, "the Jupyter server at http://127.0.0.1:8001/"),
        ([server(2), server(1)], 1, True, 1, "the Jupyter server at http://127.0.0.1:8001/"),
        ([server(1)], None, True, 1, "the Jupyter server at"),
        ([server(1)], 99, True, 1, "the Jupyter server at"),
        ([server(1)], 1, False, None, "this program does not run in a Jupyter kernel"),
        ([], 1, True, None, "no Jupyter server with tokenwidgets runs here"),
        ([server(1), server(2)], 99, True, None, "several Jupyter servers run here (http://127.0.0.1:8001/, http://127.0.0.1:8002/)"),
        ([server(1, "99.0.1")], 1, True, None, "the server runs tokenwidgets 99.0.1 and this kernel"),
    ],
)
def test_the_choice_and_its_reason(found, parent, in_kernel, pid, why):
    chosen, reason = choose(found, parent, in_kernel)
    assert (chosen.pid if chosen else None) == pid
    assert why in reason
    assert "ticket" not in reason


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))


def closed(gateway):
    asyncio.run(gateway.aclose())


def test_a_kernel_finds_the_server_that_started_it(kernel, monkeypatch):
    publish("http://127.0.0.1:8888/", "ticket")
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    gateway = discover()
    assert isinstance(gateway, Rest)
    assert gateway.place == "server"
    closed(gateway)


@pytest.mark.parametrize("parent", ["", "x", "-1"])
def test_without_a_server_streams_live_here_and_it_says_why(kernel, monkeypatch, parent):
    monkeypatch.setenv("JPY_PARENT_PID", parent)
    gateway = discover()
    assert isinstance(gateway, InProcess)
    assert (gateway.place, gateway.why) == ("kernel", "no Jupyter server with tokenwidgets runs here")
    closed(gateway)


def test_a_server_on_a_unix_socket_cannot_be_used(kernel, monkeypatch):
    publish("http+unix://%2Frun%2Fjupyter.sock/", "ticket")
    gateway = discover()
    assert isinstance(gateway, InProcess)
    assert "Unix socket" in gateway.why
    closed(gateway)
