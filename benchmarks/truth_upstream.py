"""A scripted provider in a process of its own, which logs the instant of each of its writes: the truth that figures are held against.

It speaks OpenAI's chat completions in chunks over connections that stay open. The prompt names the script. A script is a list of
writes, each due some ms after the request was read: role-only frames and keep-alives first, then content, then usage and the end. An
instant is `time.perf_counter_ns`, which on one Linux machine is the same clock for every process, taken just before the write.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection

Write = tuple[float, str, int]
"""When it is due, ms; what it is (head, comment, role, content, finish, usage, done); how many frames of it go out in one write."""

LEAD: list[Write] = [(20, "head", 1), (30, "comment", 1), (40, "role", 1), (60, "comment", 1)]
"""What is no token, and stops no clock."""


def _script(content: Sequence[tuple[float, int]]) -> list[Write]:
    end = content[-1][0]
    return [*LEAD, *((ms, "content", n) for ms, n in content), (end + 10, "finish", 1), (end + 11, "usage", 1), (end + 12, "done", 1)]


SCRIPTS: Mapping[str, list[Write]] = {
    "steady": _script([(80 + 20 * i, 1) for i in range(25)]),
    "bursty": _script([(80 + 100 * i, 6) for i in range(6)]),
    "slow": _script([(80 + 150 * i, 1) for i in range(4)]),
    "many small chunks": _script([(80 + i, 1) for i in range(400)]),
    "late": _script([(600 + 20 * i, 1) for i in range(10)]),
}
"""Late: keep-alives and a role long before the first content."""


def frames(kind: str, count: int, at: int) -> bytes:
    """What a write sends; content is numbered from `at`."""
    if kind == "comment":
        return b": keepalive\n\n"
    if kind == "done":
        return b"data: [DONE]\n\n"
    choices = {
        "role": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
        "finish": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "usage": [],
    }
    if kind != "content":
        usage = {"usage": {"prompt_tokens": 5, "completion_tokens": at, "total_tokens": at + 5}} if kind == "usage" else {}
        return _frame(choices[kind], usage)
    return b"".join(_frame([{"index": 0, "delta": {"content": f"w{at + i} "}, "finish_reason": None}], {}) for i in range(count))


def _frame(choices: list[Mapping[str, object]], more: Mapping[str, object]) -> bytes:
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def chunk(data: bytes) -> bytes:
    """As a chunk of HTTP/1.1."""
    return b"%x\r\n%b\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def play(connection: socket.socket, script: Sequence[Write]) -> list[tuple[str, int, int]]:
    """Write a script; returns of each write its kind, its frames and its instant, ns."""
    began, log, said = time.perf_counter(), list[tuple[str, int, int]](), 0
    for ms, kind, count in script:
        data = HEAD if kind == "head" else chunk(frames(kind, count, said)) + (b"0\r\n\r\n" if kind == "done" else b"")
        time.sleep(max(0.0, began + ms / 1000 - time.perf_counter()))
        now = time.perf_counter_ns()
        connection.sendall(data)
        log.append((kind, count, now))
        said += count if kind == "content" else 0
    return log


def serve(pipe: Connection) -> None:
    """Tell the port, then the log of each answer as it ends; runs until the process is ended."""
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    lock = threading.Lock()
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_answer, args=(connection, pipe, lock), daemon=True).start()


def _answer(connection: socket.socket, pipe: Connection, lock: threading.Lock) -> None:
    data = b""
    while more := connection.recv(2**16):
        data += more
        head, found, body = data.partition(b"\r\n\r\n")
        lengths = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        if not found or len(body) < sum(lengths):
            continue
        data = b""
        name = next((name for name in SCRIPTS if name.encode() in body), "steady")
        log = play(connection, SCRIPTS[name])
        with lock:
            pipe.send(log)
