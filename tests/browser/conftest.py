"""One server, one browser; a fresh page and notebook for each test, and no word of ours on the browser's console."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from .app import PAGE, Notebook, Server

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip

Open = Callable[..., Notebook]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


# Not of the session's scope: while Playwright runs, its event loop counts as running in this thread, and no other test could use one.
@pytest.fixture(scope="package")
def chromium() -> Iterator[BrowserContext]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium; apt-get install chromium brings it")
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        # One context, so that JupyterLab comes out of the cache. The microphone is not granted: it would change what WebRTC offers.
        context = browser.new_context(viewport={"width": 1200, "height": 1000})
        yield context
        context.close()
        browser.close()


@pytest.fixture
def jp_asyncio_loop() -> None:
    """Jupyter's plugin would use, and close, a loop of its own for every test: these have none beside Playwright's."""


@pytest.fixture
def jp_server_cleanup() -> None:
    """Nor is there a server in this process."""


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Server(tmp_path_factory.mktemp("jupyter"))
    try:
        served.wait()
        yield served
    finally:
        served.close()


@pytest.fixture(scope="package")
def rtc() -> None:
    """WebRTC needs an interface that is not the loopback."""
    import aioice

    if not aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False):
        pytest.skip("this machine has no network interface beside the loopback, and WebRTC needs one")


class Console:
    """What the browser complains about."""

    def __init__(self, page: Page) -> None:
        self._said: list[str] = []
        self._expected: list[str] = []
        page.on("console", lambda message: self._said.append(f"{message.text} {message.location}") if message.type == "error" else None)
        page.on("pageerror", lambda error: self._said.append(f"{error.message}\n{error.stack}"))

    def expect(self, pattern: str) -> None:
        """Take complaints like this one for granted."""
        self._expected.append(pattern)

    def about_us(self) -> list[str]:
        """Complaints in which this package has a part."""
        ours = [text for text in self._said if re.search("tokenwidgets|TokenStream", text)]
        return [text for text in ours if not any(re.search(pattern, text) for pattern in self._expected)]


@pytest.fixture
def page(chromium: BrowserContext, server: Server) -> Iterator[Page]:
    opened = chromium.new_page()
    opened.add_init_script(PAGE)
    yield opened
    opened.close()
    server.end_kernels()


@pytest.fixture(autouse=True)
def console(page: Page) -> Iterator[Console]:
    """No test ends well with a complaint about us."""
    watched = Console(page)
    yield watched
    assert watched.about_us() == []


@pytest.fixture
def notebook(page: Page, server: Server, request: pytest.FixtureRequest) -> Open:
    """Opens a notebook of these cells, or a copy of a file."""

    def opened(*cells: str, app: str = "lab", file: Path | None = None) -> Notebook:
        name = f"{request.node.originalname}-{len(list(server.root.iterdir()))}"
        path = f"{name}/cells.ipynb"
        (server.root / name).mkdir()
        text = file.read_text(encoding="utf-8") if file else notebook_text(["%load_ext tokenwidgets", *cells])
        (server.root / path).write_text(text, encoding="utf-8")
        where = f"lab/workspaces/{name}/tree" if app == "lab" else "notebooks"
        page.goto(f"{server.url}{where}/{path}?token={server.token}")
        return Notebook(page, server, path).ready()

    return opened


def notebook_text(cells: Sequence[str]) -> str:
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = [empty | {"id": f"cell-{i}", "source": source} for i, source in enumerate(cells)]
    return json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
