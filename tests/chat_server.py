"""A scripted server that speaks chat completions on a port of its own, and what programs under test are started with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BOUND = 40.0
"""Longest wait for anything, in seconds: never reached unless something hangs."""


class Scripted:
    """Answers every POST with the same deltas, and keeps what it was sent.

    Parameters
    ----------
    deltas : of one answer, each a piece of text or a whole `delta` object.
    status : other than 200, with which it refuses.
    """

    def __init__(self, deltas: Sequence[str | Mapping[str, Any]], status: int = 200) -> None:
        self.deltas = deltas
        self.status = status
        self.calls: list[tuple[str, Mapping[str, str], dict[str, Any]]] = []
        self.hold: threading.Event | None = None
        """When it is there, the answer waits for it behind its first delta."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._json(200, {"data": [{"id": "m"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                scripted.calls.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                if scripted.status != 200:
                    self._json(scripted.status, {"error": {"message": "The scripted server refuses.", "code": None}})
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for data in scripted._frames(body):
                    self.wfile.write(f"data: {data}\n\n".encode())
                    self.wfile.flush()

            def _json(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _frames(self, body: Mapping[str, Any]) -> Iterator[str]:
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        for delta in self.deltas:
            content = {"content": delta} if isinstance(delta, str) else delta
            yield json.dumps(head | {"choices": [{"index": 0, "delta": content, "finish_reason": None}]})
            if self.hold is not None:
                self.hold.wait(BOUND)
        yield json.dumps(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield json.dumps(head | {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": len(self.deltas), "total_tokens": 9}})
        yield "[DONE]"

    @contextmanager
    def running(self) -> Iterator[Scripted]:
        """Serve in a thread."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            if self.hold is not None:
                self.hold.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def configure(self, key_env: str | None = None) -> None:
        """Make it the host `scripted` of this test's configuration."""
        key = f'key_env = "{key_env}"\n' if key_env else ""
        Path(os.environ["TOKENWIDGETS_CONFIG"]).write_text(f'[hosts.scripted]\nbase_url = "{self.url}"\nlocal = true\n{key}')


def started(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """A Python program, with the environment of the test."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([sys.executable, *arguments], text=True, **pipes)


def run(*arguments: str, **options: Any) -> tuple[int, str, str]:
    """Run a Python program to its end: status, what it printed, what it complained."""
    done = subprocess.run([sys.executable, *arguments], text=True, capture_output=True, timeout=BOUND, check=False, **options)
    return done.returncode, done.stdout, done.stderr
