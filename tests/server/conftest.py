"""Two Jupyter servers: one in this process, whose inside a test can reach, and one in its own, with nothing but its address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aioice.ice
import anthropic
import openai
import pytest
from gateway_tools import anthropic_of, openai_of
from server_tools import Access, Process, serve
from traitlets.config import Config

from jupyter_server_ext.app import TokenWidgetsApp
from tokenwidgets import api
from tokenwidgets.portal import portal


@pytest.fixture
def server_config() -> dict[str, Any]:
    """Further configuration of the in-process server, for a test module to override."""
    return {}


@pytest.fixture
def jp_server_config(server_config: dict[str, Any]) -> Config:
    config = Config(
        {
            "ServerApp": {
                "jpserver_extensions": {"jupyter_server_ext": True, "jupyter_server_terminals": False},
                "reraise_server_extension_failures": True,
            }
        }
    )
    config.merge(Config(server_config))
    return config


@pytest.fixture
def app(jp_serverapp: Any, jp_asyncio_loop: Any, http_server: Any) -> Iterator[TokenWidgetsApp]:
    """Our extension in a server that listens; its streams are stopped before the server is."""
    extension = jp_serverapp.web_app.settings["tokenwidgets.app"]
    yield extension
    jp_asyncio_loop.run_until_complete(extension.stop_extension())


@pytest.fixture
def access(app: TokenWidgetsApp, jp_http_port: int, jp_base_url: str) -> Access:
    """The in-process server; a test that needs a page's cookies logs in on its own."""
    return Access(f"http://127.0.0.1:{jp_http_port}{jp_base_url}", app.serverapp.identity_provider.token, app.ticket)


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A `jupyter server` for all tests that change nothing about it."""
    server = serve(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def real(process: Process) -> Access:
    """Every kind of credentials for it."""
    return process.access()


@pytest.fixture
def gpt(real: Access) -> Iterator[openai.OpenAI]:
    """OpenAI's client of its gateway."""
    with openai_of(real) as client:
        yield client


@pytest.fixture
def claude(real: Access) -> Iterator[anthropic.Anthropic]:
    """Anthropic's."""
    with anthropic_of(real) as client:
        yield client


@pytest.fixture
def kernel(process: Process, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """This process as a kernel of the server in its own process. Loopback is a path for WebRTC here, as it is in the server."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    rest = process.access().rest()
    monkeypatch.setattr(api, "_gateway", rest)
    yield rest
    portal().run(rest.aclose(), 20)
