"""Notebooks executed by real Jupyter kernels, with and without a server, and what of them is saved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from chat_server import BOUND
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, output_from_msg
from websockets.sync.client import ClientConnection, connect

from tokenwidgets.output import VIEW
from tokenwidgets.providers.hosts import BUILT_IN

KEY = "sk-planted-1234567890abcdef"
TOKEN = "a-token-to-be-found"
FAST = "-o ttft_ms 5 -o itl_ms 1 -o tokens 20"
LONG = "-o ttft_ms 5 -o itl_ms 5 -o tokens 20000"
LOAD = "%load_ext tokenwidgets"


def environment(home: Path) -> dict[str, str]:
    """Of a process that sees nothing of this machine's user, and has a key that must not be found again."""
    own = {host.key_env for host in BUILT_IN.values()}
    kept = {k: v for k, v in os.environ.items() if k not in own and not k.startswith(("JUPYTER", "JPY", "TOKENWIDGETS"))}
    return kept | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "OPENAI_API_KEY": KEY,
    }


def until(true: Callable[[], Any], what: str) -> Any:
    """Look again until something is so, for what tells nobody when it happens (files, other processes)."""
    deadline = time.monotonic() + BOUND
    while not (found := true()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def client(cells: Sequence[str], **options: Any) -> NotebookClient:
    return NotebookClient(new_notebook(cells=[new_code_cell(source) for source in cells]), timeout=int(BOUND), **options)


def executed(cells: Sequence[str], home: Path, **options: Any) -> NotebookNode:
    """A notebook after its execution, as it would be saved."""
    return client(cells, **options).execute(env=environment(home))


def data(cell: NotebookNode) -> Mapping[str, str]:
    """What the one output of a cell shows."""
    (output,) = cell.outputs
    return output.data


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield name
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


# ---- a server of its own


class Server:
    """A `jupyter server` with our extension, and its REST API."""

    def __init__(self, home: Path) -> None:
        self.home = home
        settings = {
            "ServerApp.root_dir": home, "ServerApp.ip": "127.0.0.1", "ServerApp.port": 0, "IdentityProvider.token": TOKEN,
            "ServerApp.base_url": "/user/a%40b/",
        }  # fmt: skip
        command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", *(f"--{k}={v}" for k, v in settings.items())]
        with (home / "server.log").open("wb") as log:
            self.process = subprocess.Popen(command, env=environment(home), cwd=home, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until(lambda: self._published().exists() or self.process.poll() is not None, "the server did not start")
        assert self.process.poll() is None, (home / "server.log").read_text()
        body = until(self._read, "the server did not publish itself")
        self.url, self.ticket = body["url"], body["ticket"]
        self.http = httpx.Client(base_url=self.url, headers={"Authorization": f"token {TOKEN}"}, timeout=BOUND, trust_env=False)

    def _published(self) -> Path:
        return self.home / "runtime" / f"tokenwidgets-{self.process.pid}.json"

    def _read(self) -> Any:
        try:
            return json.loads(self._published().read_text())
        except ValueError:
            return None  # being written

    def streams(self) -> list[dict[str, Any]]:
        return self.http.get("tokenwidgets/streams").json()["streams"]

    def speaking(self) -> dict[str, Any]:
        """The stream that has begun to answer."""
        return until(lambda: [s for s in self.streams() if s["state"] == "running" and "simulated answer" in s["text"]], "no stream began")[
            0
        ]

    def stream(self, stream: str) -> dict[str, Any]:
        return self.http.get(f"tokenwidgets/streams/{stream}").json()

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(BOUND)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


class Kernel:
    """A kernel that a server started, driven over its socket as a page does it."""

    def __init__(self, server: Server, kernel: str, socket: ClientConnection) -> None:
        self.server = server
        self.id = kernel
        self._socket = socket
        self._replies: dict[str, dict[str, Any]] = {}
        self._cells: dict[str, NotebookNode] = {}
        self._shown: dict[str, NotebookNode] = {}
        self._idle: set[str] = set()

    def submit(self, source: str) -> str:
        """Send a cell; returns its id."""
        message = uuid.uuid4().hex
        header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": "test", "date": "", "version": "5.3"}
        content = {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        body = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell", "buffers": []}
        self._cells[message] = new_code_cell(source)
        self._socket.send(json.dumps(body))
        return message

    def finish(self, message: str) -> tuple[NotebookNode, dict[str, Any]]:
        """Wait for a cell: what it shows, and the kernel's reply."""
        while message not in self._replies or message not in self._idle:
            self._take(json.loads(self._socket.recv(BOUND)))
        return self._cells[message], self._replies[message]

    def run(self, source: str) -> NotebookNode:
        cell, reply = self.finish(self.submit(source))
        assert reply["status"] == "ok", reply
        return cell

    def _take(self, body: dict[str, Any]) -> None:
        parent, kind, content = body["parent_header"].get("msg_id"), body["header"]["msg_type"], body["content"]
        cell = self._cells.get(parent)
        if kind == "execute_reply":
            self._replies[parent] = content
            if content["status"] == "aborted":
                self._idle.add(parent)
        elif kind == "status" and content["execution_state"] == "idle":
            self._idle.add(parent)
        elif kind == "update_display_data":
            self._shown[content["transient"]["display_id"]]["data"] = NotebookNode(content["data"])
        elif cell is not None and kind in ("display_data", "execute_result", "stream", "error"):
            output = output_from_msg(body)
            cell.outputs.append(output)
            if display := content.get("transient", {}).get("display_id"):
                self._shown[display] = output

    def notebook(self) -> NotebookNode:
        """All cells so far."""
        return new_notebook(cells=list(self._cells.values()))


@pytest.fixture
def kernel(server: Server) -> Iterator[Kernel]:
    started = server.http.post("api/kernels", json={"name": "python3"}).json()["id"]
    url = f"ws{server.url.removeprefix('http')}api/kernels/{started}/channels?token={TOKEN}"
    with connect(url, open_timeout=BOUND, max_size=None, proxy=None) as socket:
        yield Kernel(server, started, socket)
    server.http.delete(f"api/kernels/{started}")


# ---- the kernel alone


def test_without_a_server(tmp_path):
    cells = [
        LOAD,
        f"%%stream sim/steady {FAST}\nWhy is the sky blue?",
        "r = _\nr.gateway.place, r.gateway.why, r.finish_reason",
        "import tokenwidgets as tw\nlater = tw.stream('How?', model='sim/steady', tokens=30)",
        "assert not later.done\nlater.wait()",
        "later",
        "1 + 1",
        f"%stream sim/steady {FAST} How?",
        "[piece async for piece in tw.stream('How?', model='sim/steady', tokens=3, show=False)]",
        "%stream hosts",
        f"%%stream sim/steady {FAST} --out kept -f json\nWhy?",
        "kept",
    ]
    notebook = executed(cells, tmp_path)
    outputs = [cell.outputs for cell in notebook.cells]
    assert outputs[0] == []
    for number in (1, 3, 7, 10):
        shown = data(notebook.cells[number])
        assert set(shown) == {"text/html", "text/markdown", "text/plain"}, number
        assert "simulated answer" in shown["text/html"]
        assert "first token" in shown["text/plain"].splitlines()[-1]
    assert "('kernel', 'no Jupyter server" in data(notebook.cells[2])["text/plain"]
    assert "simulated answer" in data(notebook.cells[5])["text/html"], "a result is its card"
    assert data(notebook.cells[6])["text/plain"] == "2"
    assert data(notebook.cells[8])["text/plain"].count(",") == 2
    assert "<table>" in data(notebook.cells[9])["text/html"]
    assert "<pre" in data(notebook.cells[10])["text/html"]
    assert "simulated answer" in data(notebook.cells[11])["text/html"]
    assert VIEW not in str(outputs)
    assert "missing: set OPENAI_API_KEY" not in data(notebook.cells[9])["text/plain"]
    html, _ = HTMLExporter().from_notebook_node(notebook)
    assert "simulated answer" in html
    no_secret([json.dumps(notebook)], notebook)


def no_secret(written: Sequence[str], notebook: NotebookNode, *others: str) -> None:
    """Neither keys nor a ticket nor the front end's program stand in anything that was written."""
    script = (Path(__file__).parent.parent / "tokenwidgets" / "static" / "stream.js").read_text()
    for text in written:
        for secret in (KEY, TOKEN, *others):
            assert secret not in text
    assert not any(script[1000:1100] in text for text in strings(json.loads(json.dumps(notebook))))


def test_a_failure_and_a_background_stream(tmp_path):
    cells = [
        LOAD,
        "%%stream nowhere/x\nWhy?",
        "%%stream -T pigeon\nWhy?",
        f"%%stream sim/steady {FAST} --background --out later\nWhy?",
        "later.wait().finish_reason",
    ]
    notebook = executed(cells, tmp_path, allow_errors=True)
    assert "There is no host" in data(notebook.cells[1])["text/plain"]
    (error,) = notebook.cells[2].outputs
    assert "invalid choice" in str(error)
    assert "Traceback" not in str(error)
    assert "simulated answer" in data(notebook.cells[3])["text/html"]
    assert data(notebook.cells[4])["text/plain"] == "'stop'"


def test_an_answer_that_ends_between_two_cells_is_in_the_notebook(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    wait = f"import threading, pathlib; threading.Thread(target=lambda: (later.wait(), pathlib.Path({str(ended)!r}).touch())).start()"
    cells = [LOAD, "%%stream sim/steady -o ttft_ms 400 -o itl_ms 1 -o tokens 20 --background --out later\nWhy?", wait, "1"]

    def executed_one(cell_index: int, **_: Any) -> None:
        if cell_index == 2:
            until(ended.exists, "the stream does not end")

    notebook = executed(cells, tmp_path, on_cell_executed=executed_one)
    assert "simulated answer" in data(notebook.cells[1])["text/html"]


TOOL = """
import tokenwidgets as tw
def get_weather(city: str) -> str:
    print("looking", city)
    return "<b>12 °C</b>"
c = tw.chat("sim/tool-caller", tools=[get_weather], ttft_ms=5, itl_ms=1, tokens=20)
"""


def test_a_turn_shows_its_rounds_and_its_calls_in_its_cell(tmp_path):
    notebook = executed([TOOL, "c('How?')", "c('And now?').wait(); 1", "c.last"], tmp_path)
    for cell, prints in zip(notebook.cells[1:], (True, True, False), strict=True):
        first, call, answer = (o.data for o in cell.outputs if o.output_type == "display_data")
        assert "get_weather" in first["text/html"]
        assert call["text/plain"].startswith('get_weather(city="')
        assert "&lt;b&gt;12 °C&lt;/b&gt;" in call["text/html"], "what a function gives is text"
        assert "simulated answer" in answer["text/html"]
        printed = "".join(o.text for o in cell.outputs if o.output_type == "stream")
        assert printed.startswith("looking ") is prints


# ---- a server's kernel


def test_a_kernel_finds_the_server_that_started_it(kernel, server):
    kernel.run(LOAD)
    shown = data(kernel.run(f"%%stream sim/steady {FAST}\nWhy?"))
    assert set(shown) == {"text/html", "text/markdown", "text/plain"}
    assert "simulated answer" in shown["text/html"]
    where = data(kernel.run("r = _\nimport os\nr.gateway.place, r.gateway.server.pid, r.id, os.environ.get('JPY_PARENT_PID')"))[
        "text/plain"
    ]
    place, pid, stream, parent = eval(where)
    assert (place, pid, parent) == ("server", server.process.pid, str(server.process.pid))
    kept = server.stream(stream)
    assert (kept["id"], kept["state"]) == (stream, "ended"), "the page, with the server's token, reaches the kernel's stream"
    assert kept["text"] in shown["text/plain"]
    assert server.ticket not in str(server.http.get("tokenwidgets/hosts").json())


def test_an_interrupt_stops_the_servers_stream_and_what_was_to_run_next(kernel, server):
    kernel.run(LOAD)
    cell = kernel.submit(f"%%stream sim/steady {LONG} --out kept\nWhy?")
    later = kernel.submit("print('ran')")
    stream = server.speaking()["id"]
    assert server.http.post(f"api/kernels/{kernel.id}/interrupt").status_code == 204
    shown, reply = kernel.finish(cell)
    assert reply["status"] == "error"
    card, error = shown.outputs
    assert error.traceback[0].startswith("Interrupted: the stream was stopped after ")
    assert len(error.traceback) == 1
    assert "stopped at token" in card.data["text/plain"]
    assert "simulated answer" in card.data["text/html"]
    nothing, reply = kernel.finish(later)
    assert (nothing.outputs, reply["status"]) == ([], "aborted")
    assert server.stream(stream)["state"] == "ended"
    assert data(kernel.run("_ is kept, kept.finish_reason, len(kept.text) > 0"))["text/plain"] == "(True, 'cancelled', True)"


def test_an_sdk_in_the_notebook_needs_no_token(kernel, server):
    kernel.run("import tokenwidgets as tw\nfrom openai import OpenAI\nendpoint = tw.endpoint()\nclient = OpenAI(**endpoint)")
    asked = "client.chat.completions.create(model='sim/steady', messages=[{'role': 'user', 'content': 'Why?'}], extra_body={'tokens': 8})"
    assert "simulated answer" in data(kernel.run(f"{asked}.choices[0].message.content"))["text/plain"]
    shown = data(kernel.run("endpoint"))["text/plain"]
    assert "tokenwidgets/v1" in shown
    assert server.ticket not in shown


def test_nothing_secret_is_saved(kernel, server):
    kernel.run(LOAD)
    kernel.run("import tokenwidgets as tw")
    kernel.run(f"%%stream sim/steady {FAST} --record run.jsonl\nWhy?")
    kernel.run("r = _\nr.save('again.jsonl')")
    for source in (
        "r", "r.gateway, vars(r.gateway)", "tw.hosts()", "tw.doctor()", "%stream hosts", "%stream config", "r.gateway.server",
        "tw.stream('Why?', model='openai/gpt-5.2', transport='sse', show=False).code()", "tw.streams()", "[f.data for f in r.wire]",
        "%%stream nowhere/x\nWhy?",
    ):  # fmt: skip
        kernel.run(source)
    broken = kernel.submit("def fail(gateway, server):\n    raise ValueError(gateway)\nfail(r.gateway, r.gateway.server)")
    cell, reply = kernel.finish(broken)
    assert reply["ename"] == "ValueError"
    assert cell.outputs
    notebook = kernel.notebook()
    nbformat.write(notebook, server.home / "saved.ipynb")
    files = ("saved.ipynb", "run.jsonl", "again.jsonl", "server.log")
    no_secret([(server.home / name).read_text() for name in files], notebook, server.ticket)


# ---- programs that execute notebooks, beside a server


def test_an_interrupt_of_a_run_ends_it(server, tmp_path):
    pid = tmp_path / "pid"
    cells = [
        f"import os, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))",
        LOAD,
        f"%%stream sim/steady {LONG}\nWhy?",
        "print('ran')",
    ]
    running = client(cells)

    def interrupt() -> None:
        server.speaking()
        os.kill(int(pid.read_text()), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(CellExecutionError, match="Interrupted"):
        running.execute(env=environment(server.home))
    assert "stopped at token" in running.nb.cells[2].outputs[0].data["text/plain"]
    assert running.nb.cells[3].outputs == []
    until(lambda: not [s for s in server.streams() if s["state"] == "running"], "the stream was not stopped")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["shut down", "killed"])
def test_a_server_that_ends_in_the_middle_loses_nothing_that_came(number, tmp_path):
    server = Server(tmp_path)
    cells = [
        LOAD,
        f"%%stream sim/steady {LONG}\nWhy?",
        "r = _\nr.gateway.place, r.error.code, len(r.text) > 0",
        "r.save('kept.jsonl').name",
    ]

    def end() -> None:
        server.speaking()
        server.stop(number)

    threading.Thread(target=end, daemon=True).start()
    notebook = executed(cells, tmp_path, resources={"metadata": {"path": str(tmp_path)}})
    server.process.wait(BOUND)
    shown = data(notebook.cells[1])
    assert "simulated answer" in shown["text/html"]
    assert "Failed" in shown["text/html"]
    assert "shut down" in shown["text/plain"] if number == signal.SIGTERM else "has ended" in shown["text/plain"]
    assert data(notebook.cells[2])["text/plain"] == "('server', 'connection', True)"
    assert (tmp_path / "kept.jsonl").read_text().count('"text"') > 1


def test_a_chat_in_an_executed_notebook_is_its_static_form_and_weighs_nothing(tmp_path: Path):
    asked = 'import tokenwidgets as tw\nc = tw.chat("sim/steady", tokens=20, itl_ms=1, show=False)\nc("Why?").wait()'
    notebook = executed([asked, "c"], tmp_path)
    shown = data(notebook.cells[1])
    assert shown["text/plain"].startswith("You: Why?\n\nsim/steady: This is a simulated answer")
    assert VIEW not in shown
    assert len(json.dumps(notebook.metadata)) < 10_000
