"""The child process that serves one GGUF file by llama.cpp's own HTTP server (package xllamacpp).

Run as `python -m tokenwidgets.providers.local_server MODEL.gguf NAME`. It reads its API key as the first line of standard input, so
that the key is in no argument list; prints `{"address": …}` once it listens; and ends when standard input closes, which happens when
its parent dies, however it dies.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

CONTEXT_TOKENS = 2048
"""Context of each slot."""

SLOTS = 4
"""Answers at the same time; further ones wait for a slot."""

SPARED = 1
"""Cores that are left to the server, the kernel and the page. llama.cpp's threads wait for each other: where one of them has no core of its
own, all of them stand still, and an answer takes ten times as long (measured on two cores with one busy: 80 tokens a second with one
thread, 4 to 32 with two)."""


def main() -> None:
    """Serve until standard input closes."""
    path, name = sys.argv[1:3]
    key = sys.stdin.readline().strip()
    server = _serve(path, name, key)
    print(json.dumps({"address": server.listening_address}), flush=True)  # noqa: T201 (the parent reads it)
    sys.stdin.read()


def _serve(path: str, name: str, key: str) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = {name}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(1, (os.cpu_count() or 1) - SPARED)
    params.ui = False
    params.offline = True
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
