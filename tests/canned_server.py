"""A host that answers every request with the next of some bodies, byte for byte, and keeps what it was sent."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def sse(*events: Mapping[str, Any]) -> bytes:
    """A body of server-sent events, named by their `type` where they have one."""
    names = [f"event: {e['type']}\n" if "type" in e else "" for e in events]
    return "".join(f"{name}data: {json.dumps(e)}\n\n" for name, e in zip(names, events, strict=True)).encode()


def called(name: str, arguments: str = "{}", *, id: str = "a") -> dict[str, Any]:
    """The chunk of a chat completion that calls a tool and ends."""
    call = {"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}


YES = sse({"choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]})


class Canned:
    """The host `canned` of a test's configuration, in one dialect.

    Attributes
    ----------
    sent, heads, paths : the raw bodies of the requests, their headers, and where they went.
    """

    def __init__(self, dialect: str, *bodies: bytes) -> None:
        self.bodies = list(bodies)
        self.sent: list[bytes] = []
        self.heads: list[dict[str, str]] = []
        self.paths: list[str] = []
        canned = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                canned.heads.append(dict(self.headers))
                canned.paths.append(self.path)
                canned.sent.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self.wfile.write(canned.bodies.pop(0))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        address = f'base_url = "http://127.0.0.1:{self._server.server_port}/v1"'
        Path(os.environ["TOKENWIDGETS_CONFIG"]).write_text(f'[hosts.canned]\ndialect = "{dialect}"\n{address}\nlocal = true\n')

    @contextmanager
    def running(self) -> Iterator[Canned]:
        """Serve in a thread."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
