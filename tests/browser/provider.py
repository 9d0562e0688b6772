"""A provider on a port of its own, whose answers to `scripted/NAME` are given byte for byte."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HTML = b"<!doctype html><title>Sign in</title><p>Please sign in to the hotel's network."
HELD = 60.0
"""Longest time an answer is held back, in seconds."""


def chunk(content: str | None, finish: str | None = None) -> bytes:
    delta = {"content": content} if content is not None else {}
    body = {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return f"data: {json.dumps(body)}\n\n".encode()


class Provider:
    """Answers `hostile` with that text and waits, before its last piece, for `release`; `html` with a page; `cut` with half a body."""

    def __init__(self, hostile: str) -> None:
        self.hostile = hostile
        self.release = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                model = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
                getattr(self, model)()

            def hostile(self) -> None:
                self._begin("text/event-stream")
                self.wfile.write(chunk(provider.hostile))
                provider.release.wait(HELD)
                self.wfile.write(chunk(" The end.") + chunk(None, "stop") + b"data: [DONE]\n\n")

            def html(self) -> None:
                self._begin("text/html", len(HTML))
                self.wfile.write(HTML)

            def cut(self) -> None:
                self._begin("text/event-stream", 100_000)
                self.wfile.write(chunk("It begins well, but"))

            def _begin(self, kind: str, length: int | None = None) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    @contextmanager
    def running(self) -> Iterator[Provider]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


CONFIG = """
[hosts.scripted]
base_url = "{url}"
local = true
models = ["hostile", "html", "cut"]

[hosts.nobody]
base_url = "http://127.0.0.1:9/v1"
local = true
"""
