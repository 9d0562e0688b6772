"""A Jupyter server of its own, and notebooks in it as a person sees them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from playwright.sync_api import Locator, Page, expect

from tokenwidgets.providers.hosts import BUILT_IN

BASE = "/user/a%40b/"
"""As on a hub, with a character that is easily decoded once too often."""

BADGES = {"sse": "●SSE", "ws": "■WebSocket", "webrtc": "▲WebRTC"}
"""What a card's badge says of each transport."""

SECONDS = 45
"""Longest wait for anything; nothing should come near."""

NUMBERED = re.compile(r"\[\d+\]:")
"""The prompt of a cell that has run."""

PAGE = (Path(__file__).parent / "page.js").read_text()
"""Runs before the page's own scripts: it sees what comes over each transport, and can cut them."""


class Server:
    """JupyterLab in a process of its own, with its own directories; Notebook 7 is served by it too.

    Parameters
    ----------
    directory : empty; holds everything it reads and writes.
    """

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.log = directory / "server.log"
        self.config = directory / "tokenwidgets.toml"
        self.runtime = directory / "runtime"
        self.token = "a-token-to-be-found"
        self.url = f"http://127.0.0.1:{free_port()}{BASE}"
        self.root.mkdir()
        _settings(directory / "config" / "lab" / "user-settings")
        with self.log.open("w") as log:
            self._process = subprocess.Popen(self._command(), env=self._environment(directory), stdout=log, stderr=log)

    def _command(self) -> list[str]:
        port = self.url.split(":")[2].split("/")[0]
        traits = {
            "ServerApp.base_url": BASE, "ServerApp.root_dir": self.root, "ServerApp.port": port, "ServerApp.port_retries": 0,
            "IdentityProvider.token": self.token, "JupyterNotebookApp.expose_app_in_browser": True, "ServerApp.ip": "127.0.0.1",
        }  # fmt: skip
        return [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"] + [
            f"--{name}={value}" for name, value in traits.items()
        ]

    def _environment(self, directory: Path) -> dict[str, str]:
        keys = {host.key_env for host in BUILT_IN.values()} | {"JUPYTER_TOKEN"}
        kept = {name: value for name, value in os.environ.items() if name not in keys}
        return kept | {
            "JUPYTER_CONFIG_DIR": str(directory / "config"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "JUPYTER_DATA_DIR": str(directory / "data"),
            "IPYTHONDIR": str(directory / "ipython"),
            "TOKENWIDGETS_CONFIG": str(self.config),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }

    def wait(self) -> None:
        """Return when it answers."""
        until_it_answers(self._process, self.log, lambda: self.get("api/status"))

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    # ---- REST

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """JSON of an answer; `path` is below the base URL."""
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            text = response.read()
        return json.loads(text) if text else None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def snapshot(self, stream: str) -> Mapping[str, Any]:
        """A stream, from the server's own point of view."""
        return self.get(f"tokenwidgets/streams/{stream}")

    def finished(self, stream: str) -> Mapping[str, Any]:
        """The same once it has ended: follows its events to their end."""
        path = f"tokenwidgets/streams/{stream}/events"
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=SECONDS) as events:
            events.read()
        return self.snapshot(stream)

    def sessions(self) -> list[Mapping[str, Any]]:
        return self.get("api/sessions")

    def end_streams(self) -> None:
        """Stop what earlier tests left running: a closed page stops nothing."""
        for stream in self.get("tokenwidgets/streams?text=0")["streams"]:
            self.call("DELETE", f"tokenwidgets/streams/{stream['id']}")

    def kernels(self) -> list[Mapping[str, Any]]:
        """jupyter-server's list is an error (500) for as long as a kernel is only just being started."""
        until = time.monotonic() + SECONDS
        while True:
            try:
                return self.get("api/kernels")
            except HTTPError as e:
                if e.code != 500 or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def end_kernels(self) -> None:
        """So that tests do not pay for each other's kernels."""
        for kernel in self.kernels():
            try:
                self.call("DELETE", f"api/kernels/{kernel['id']}")
            except HTTPError as e:
                if e.code != 404:
                    raise

    def secrets(self) -> list[str]:
        """What may never be found in a notebook."""
        published = [json.loads(path.read_text()) for path in self.runtime.glob("tokenwidgets-*.json")]
        return [self.token, *(entry["ticket"] for entry in published)]


def until_it_answers(process: subprocess.Popen[bytes], log: Path, ask: Callable[[], object]) -> None:
    """Return when a server that was started does not refuse a question any more."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            ask()
        except OSError:
            time.sleep(0.1)  # it is not listening yet, and there is nothing to be told by
        else:
            return
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _settings(directory: Path) -> None:
    """No news and no questions; and output that is not on the screen is there all the same."""
    plugins = {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "notebook-extension/tracker": {"windowingMode": "none"},
    }
    for plugin, settings in plugins.items():
        path = directory / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))


class Notebook:
    """A notebook open in a page.

    Parameters
    ----------
    page : where it is open.
    server : that serves it.
    path : of its file, below the server's root.
    """

    def __init__(self, page: Page, server: Server, path: str) -> None:
        self.page = page
        self.server = server
        self.path = path

    def ready(self) -> Notebook:
        """Return when its cells and its kernel are there."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=SECONDS * 1000)
        self.page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === 'connected'",
            timeout=SECONDS * 1000,
        )
        return self

    def command(self, name: str, **args: Any) -> None:
        """Carry out a command of the application, to its end."""
        self.page.evaluate("([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, args])

    def run(self) -> None:
        """Run all cells; returns at once."""
        self.page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells').catch(() => {})")

    def run_one(self, index: int) -> None:
        """Run a cell, to its end."""
        self.cell(index).locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Control+Enter")
        self.idle(index)

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-Cell-outputArea")

    def prompt(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-InputPrompt")

    def idle(self, index: int) -> None:
        """Return when a cell has run to its end."""
        expect(self.prompt(index)).to_have_text(NUMBERED, timeout=SECONDS * 1000)

    def idles(self, seconds: float = SECONDS) -> None:
        """Return when the last cell has run to its end."""
        expect(self.page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").last).to_have_text(NUMBERED, timeout=seconds * 1000)

    def live(self, index: int, nth: int = 0) -> Card:
        """A widget in a cell's output."""
        return Card(self, index, nth)

    def static(self, index: int) -> Locator:
        """What the notebook's file keeps of a cell's streams, as a viewer without a kernel and without scripts shows it: one a section."""
        outputs = [output.get("data", {}) for output in self.save()["cells"][index]["outputs"]]
        viewer = self.page.context.new_page()
        viewer.set_content("".join(f"<section>{''.join(data['text/html'])}</section>" for data in outputs if "text/html" in data))
        return viewer.locator("section")

    def keeps(self, index: int, words: str) -> None:
        """Return when the file keeps these words of a cell: the kernel sends the static form when a stream has ended, and may be late."""
        until, said = time.monotonic() + SECONDS, ""
        while words not in said:
            assert time.monotonic() < until, f"the file keeps {said!r}"
            kept = self.static(index)
            said = kept.inner_text()
            kept.page.close()

    def kernel(self) -> str:
        return next(s["kernel"]["id"] for s in self.server.sessions() if s["path"] == self.path)

    def save(self) -> Mapping[str, Any]:
        """Save it; returns what stands in the file."""
        self.command("docmanager:save")
        return self.server.get(f"api/contents/{self.path}")["content"]

    def file(self, name: str) -> Path:
        """A file that a cell wrote."""
        return (self.server.root / self.path).parent / name


class Card:
    """A live card."""

    def __init__(self, notebook: Notebook, index: int, nth: int) -> None:
        self.page = notebook.page
        self.root = notebook.output(index).locator(".tw-card").nth(nth)
        self.text = self.root.locator(".tw-body > .tw-text")
        self.word = self.root.locator(".tw-word")
        self.badge = self.root.locator(".tw-badge")
        self.stop = self.root.get_by_role("button", name="Stop")

    def grows(self, beyond: int = 0) -> int:
        """Return the length of its text when that is more than `beyond`."""
        expect(self.text).to_have_text(re.compile(f".{{{beyond + 1},}}", re.DOTALL), timeout=SECONDS * 1000)
        return len(self.text.text_content() or "")

    def says(self, text: str) -> bool:
        """Whether its text is this one; Markdown has no line breaks of its own."""
        return "".join((self.text.text_content() or "").split()) == "".join(text.split())

    def phase(self, words: str | re.Pattern[str]) -> None:
        """Return when its phase reads so."""
        expect(self.word).to_have_text(words, timeout=SECONDS * 1000)
