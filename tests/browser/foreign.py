"""Hosts that are none of Jupyter's, in a page of our own: VS Code's and Colab's conditions, with the kernel in this process.

The page is a frame of another origin than its parent's. It reaches no server, and hears the kernel by its parent's messages only, which
are carried here, one exchange at a time; so a test may lose, double and reorder them.
"""

from __future__ import annotations

import json
import queue
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import comm
from comm.base_comm import BaseComm
from playwright.sync_api import FrameLocator, Page

from .app import SECONDS

SCRIPT = (Path(__file__).parent / "foreign.js").read_text(encoding="utf-8")
NONCE = "a-nonce-of-the-tests"

PARENT = """<!doctype html><title>A host</title><iframe src="{frame}" sandbox="{sandbox}"></iframe>
<style>iframe {{ width: 100%; height: 900px; border: 0 }}</style>
<script>
  const came = [];
  const frame = document.querySelector("iframe");
  addEventListener("message", ({{ data }}) => came.push(data));
  function exchange(messages) {{
    for (const message of messages) frame.contentWindow.postMessage(message, "*");
    return came.splice(0);
  }}
</script>"""
FRAME = "<!doctype html><meta charset=utf-8><title>Outputs</title><body class={body}><script nonce={nonce} type=module>{script}</script>"


@dataclass(frozen=True)
class Host:
    """The conditions that a host makes: what its frame may do, and what marks its page."""

    sandbox: str
    policy: str
    body: str = "outputs"


VS_CODE = Host(
    "allow-scripts allow-same-origin",
    f"default-src 'none'; script-src 'nonce-{NONCE}' blob: 'wasm-unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:",
    "'vscode-dark' data-vscode-theme-kind='vscode-dark'",
)
COLAB = Host("allow-scripts", "")


class Wires:
    """What happens to messages on their way; by default nothing."""

    def carry(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return messages


class BadWires(Wires):
    """Loses, doubles and reorders messages at random; those that open a model come, or there would be nothing to heal.

    Parameters
    ----------
    seed : of what happens.
    share : of messages that each of the three happens to.
    """

    def __init__(self, seed: int, share: float = 0.15) -> None:
        self._random = random.Random(seed)
        self._share = share
        self.lost = 0

    def carry(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        carried: list[dict[str, Any]] = []
        for message in messages:
            if message.get("method") == "open" or "id" not in message:
                carried.append(message)
            elif self._hit():
                self.lost += 1
            else:
                carried += [message] * (2 if self._hit() else 1)
        for i in range(1, len(carried)):
            if self._hit() and carried[i - 1].get("method") != "open":
                carried[i - 1], carried[i] = carried[i], carried[i - 1]
        return carried

    def _hit(self) -> bool:
        return self._random.random() < self._share


class Bridge:
    """Carries messages between widgets of this process and the page's models.

    Parameters
    ----------
    page : with the parent page.
    wires : what happens to the messages.
    """

    def __init__(self, page: Page, wires: Wires) -> None:
        self._page = page
        self._wires = wires
        self._sent: queue.Queue[dict[str, Any]] = queue.Queue()
        self._comms: dict[str, BaseComm] = {}
        self._ready = False
        self.frame: FrameLocator = page.frame_locator("iframe")
        self.wrong: list[str] = []
        self.heard: list[Mapping[str, Any]] = []

    def create_comm(self, **options: Any) -> BaseComm:
        """In place of the `comm` package's: what ipywidgets opens."""
        bridge = self

        class _Comm(BaseComm):
            def publish_msg(self, msg_type: str, data: Any = None, *_: Any, **__: Any) -> None:
                method = {"comm_open": "open", "comm_close": "close"}.get(msg_type) or data["method"]
                bridge._comms[self.comm_id] = self
                bridge._sent.put(json.loads(json.dumps({**(data or {}), "id": self.comm_id, "method": method})))

        return _Comm(**options)

    def until(self, done: Callable[[], bool]) -> None:
        """Carry messages until it is so."""
        end = time.monotonic() + SECONDS
        while not (self._exchange() and done()):
            assert time.monotonic() < end, f"it did not come to that; the frame shows: {self.frame.locator('body').inner_text()}"

    def says(self, selector: str, words: str) -> None:
        """Carry messages until a place says so."""
        place = self.frame.locator(selector)
        self.until(lambda: place.count() > 0 and words in (place.first.text_content() or ""))

    def _exchange(self) -> bool:
        came = self._page.evaluate("messages => exchange(messages)", self._wires.carry(self._outgoing()) if self._ready else [])
        for message in self._wires.carry(came):
            if "wrong" in message:
                self.wrong.append(message["wrong"])
            elif "ready" in message:
                self._ready = True
            else:
                self._receive(message)
        return self._ready

    def _outgoing(self) -> list[dict[str, Any]]:
        """What the kernel has said; a moment is waited for it, in which the page goes on."""
        messages: list[dict[str, Any]] = []
        try:
            messages.append(self._sent.get(timeout=0.02))
            while True:
                messages.append(self._sent.get_nowait())
        except queue.Empty:
            return [m for m in messages if "_esm" in m.get("state", {}) or m["method"] != "open"]  # a layout is no widget of ours

    def _receive(self, message: dict[str, Any]) -> None:
        self.heard.append(message)
        data = {"method": message["method"], "state": message.get("state", {}), "buffer_paths": [], "content": message.get("content")}
        self._comms[message["id"]].handle_msg({"content": {"comm_id": message["id"], "data": data}, "buffers": []})


@contextmanager
def hosted(page: Page, host: Host, wires: Wires | None = None) -> Iterator[Bridge]:
    """A host with an empty page, whose widgets are those that are made now. Nothing may leave the page, and nothing go wrong in it."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with _served() as parent, _served() as frame:
        inner = FRAME.format(body=host.body, nonce=NONCE, script=SCRIPT)
        frame.answers = {"/": (inner, host.policy)}
        address = f"http://localhost:{frame.server_port}/"
        parent.answers = {"/": (PARENT.format(frame=address, sandbox=host.sandbox), "")}
        bridge = Bridge(page, wires or Wires())
        known, comm.create_comm = comm.create_comm, bridge.create_comm
        try:
            page.goto(f"http://127.0.0.1:{parent.server_port}/")
            yield bridge
        finally:
            comm.create_comm = known
        own = (f"http://127.0.0.1:{parent.server_port}/", address, "blob:", "data:")
        assert [url for url in asked if not url.startswith(own)] == []
        assert bridge.wrong == []


class _Pages(ThreadingHTTPServer):
    answers: Mapping[str, tuple[str, str]]


@contextmanager
def _served() -> Iterator[_Pages]:
    class Handler(BaseHTTPRequestHandler):
        server: _Pages

        def do_GET(self) -> None:
            text, policy = self.server.answers.get(self.path, ("", ""))
            self.send_response(200 if text else 404)
            self.send_header("Content-Type", "text/html")
            if policy:
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = _Pages(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
