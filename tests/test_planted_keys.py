"""Keys are planted wherever one can be, and everything is done that could show them; nothing that was written holds any of them.

A real Jupyter server at DEBUG, a real kernel driven as a page drives it, a terminal program, and upstreams, one of voice among them, that
repeat the key they were called with wherever an upstream can.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
import test_notebook
from chat_server import BOUND, run
from nbconvert import HTMLExporter
from test_notebook import FAST, LOAD, TOKEN, Kernel, Server
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

PLACES = ("environment", "file", "asked", "given", "address")
KEYS = {place: f"sk-planted-{place}-7f3a9c2e51d84b60" for place in PLACES}
"""By the place where each is planted: an environment variable, `keys.toml`, the prompt of `%stream config key`, a provider object, a
mistaken base URL."""

WAYS = ("says", "refuses", "redirects", "cuts", "breaks")
"""What the upstream does with the key of a call."""

CASES = [("environment", way) for way in WAYS] + [(place, way) for place in ("file", "asked") for way in ("says", "refuses")]
"""Hosts by where their key is and what they do with it; `given` and `address` are not the configuration's."""

VOICE_WAYS = ("speaks", "declines")
"""What the upstream of voice does with the key of a session."""

VOICES = [(place, f"{way}-{dialect}") for place, dialect in (("environment", "openai"), ("file", "gemini")) for way in VOICE_WAYS]
"""Hosts of voice, in the same form."""


class Upstream:
    """Repeats the key of each call. Its path says how: `/<way>/v1/…`.

    Attributes
    ----------
    seen : the keys it was called with, and the paths.
    """

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Upstream:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                key, _ = self._called()
                self._whole(200, {"data": [{"id": "m", "name": f"the model of {key}", "owned_by": key}]}, key)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                key, way = self._called()
                if way == "refuses":
                    self._whole(401, {"error": {"message": f"Incorrect API key provided: {key}.", "code": key}}, key)
                elif way == "redirects":
                    self._whole(307, {"error": f"go with {key}"}, key, ("Location", f"{upstream.url}/says/v1/chat/completions?key={key}"))
                elif way != "breaks":
                    self._stream(key, way)
                self.close_connection = True

            def _called(self) -> tuple[str, str]:
                key = self.headers.get("Authorization", "").removeprefix("Bearer ")
                way = self.path.split("/")[1]
                upstream.seen.add((key, way))
                return key, way

            def _whole(self, status: int, body: Any, key: str, *headers: tuple[str, str]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status, f"as {key} asked")
                for name, value in (("Content-Length", str(len(data))), ("x-request-id", key), ("Set-Cookie", f"key={key}"), *headers):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def _stream(self, key: str, way: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("x-request-id", key)
                self.end_headers()
                head = {"id": key, "object": "chat.completion.chunk", "model": f"m of {key}", "provider": key}
                said = json.dumps({**head, "choices": [{"index": 0, "delta": {"content": f"Your key is {key}, is it?"}}]})
                if way == "cuts":
                    self.wfile.write(f"data: {said[: said.index('Your key is') + 30]}".encode())
                    return
                ending = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": key}]}
                for data in (said, json.dumps(ending), "[DONE]"):
                    self.wfile.write(f"data: {data}\n\n".encode())

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


class VoiceUpstream:
    """The same over WebSockets, in OpenAI's protocol and in Google's. Its path says how: `/<way>/…`.

    Attributes
    ----------
    seen : the keys it was called with, and the paths.
    """

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self._server = serve(self._talk, "127.0.0.1", 0, process_request=self._upgrade)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"

    def __enter__(self) -> VoiceUpstream:
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()

    def _upgrade(self, socket: ServerConnection, request: Request) -> Response | None:
        key, way = self._called(request)
        self.seen.add((key, way))
        if way.startswith("speaks"):
            return None
        response = socket.respond(401, json.dumps({"error": {"message": f"Incorrect API key provided: {key}.", "code": key}}))
        response.headers["x-request-id"] = key
        return response

    def _called(self, request: Request) -> tuple[str, str]:
        key = request.headers.get("x-goog-api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        return key, request.path.split("/")[1]

    def _talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        key, way = self._called(socket.request)
        session = {"type": "realtime", "id": key, "model": f"m of {key}"}
        words = f"Your key is {key}, is it?"
        turn = {"serverContent": {"inputTranscription": {"text": words}, "outputTranscription": {"text": words}, "turnComplete": True}}
        said = {
            "speaks-openai": [
                {"type": "session.created", "event_id": key, "session": session},
                {"type": "session.updated", "event_id": key, "session": session},
                {"type": "conversation.item.input_audio_transcription.delta", "item_id": key, "content_index": 0, "delta": words},
                {"type": "error", "event_id": key, "error": {"type": "server_error", "code": key, "message": f"No session for {key}."}},
            ],
            "speaks-gemini": [{"setupComplete": {"sessionId": key}}, turn, {"goAway": {"timeLeft": key}}],
        }[way]
        for frame in said:
            socket.send(json.dumps(frame))
        socket.recv()
        socket.close(1011, f"no more with {key}")


def hosts(upstream: Upstream, voice: VoiceUpstream) -> str:
    """A host for each place of a key and each way of the upstreams, all but those of the provider object and the mistaken address."""
    tables = [
        f'[hosts.{place}-{way}]\nbase_url = "{upstream.url}/{way}/v1"\nlocal = true\nkey_env = "PLANTED_{place.upper()}"\n'
        for place, way in CASES
    ]
    for place, way in VOICES:
        dialect = {"openai": "openai-realtime", "gemini": "gemini-live"}[way.partition("-")[2]]
        head = f'[hosts.{place}-{way}]\nkey_env = "PLANTED_{place.upper()}"\nlocal = true\n'
        tables.append(f'{head}[hosts.{place}-{way}.dialects]\n{dialect} = "{voice.url}/{way}"\n')
    return "\n".join(tables)


class Wiretapped(Kernel):
    """A kernel of which every message is kept: outputs, comms, logs, errors."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.heard: list[str] = []

    def _take(self, body: dict[str, Any]) -> None:
        self.heard.append(json.dumps(body))
        super()._take(body)

    def any(self, source: str) -> Any:
        """Run a cell that may fail."""
        return self.finish(self.submit(source))[0]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def voice() -> Iterator[VoiceUpstream]:
    with VoiceUpstream() as voice:
        yield voice


@pytest.fixture
def home(tmp_path: Path, upstream: Upstream, voice: VoiceUpstream, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a user has: configuration, `keys.toml`, environment; and of the tests, whatever logs at DEBUG."""
    home = tmp_path / "home"
    (home / "config").mkdir(parents=True)
    (home / "config" / "tokenwidgets.toml").write_text(hosts(upstream, voice))
    keys = home / "config" / "keys.toml"
    keys.write_text("".join(f'{place}-{way} = "{KEYS[place]}"\n' for place, way in CASES + VOICES if place == "file"))
    keys.chmod(0o600)
    (home / "config" / "jupyter_server_config.py").write_text(
        "import logging\nlogging.basicConfig(level=logging.DEBUG)\nget_config().ServerApp.log_level = 10  # noqa: F821\n"
    )
    own = test_notebook.environment(home)
    planted = {"PLANTED_ENVIRONMENT": KEYS["environment"], "AZURE_OPENAI_ENDPOINT": f"https://me:{KEYS['address']}@res.openai.azure.com"}
    monkeypatch.setattr(test_notebook, "environment", lambda _: {**own, **planted, "PYTHONASYNCIODEBUG": "1"})
    return home


@pytest.fixture
def server(home: Path) -> Iterator[Server]:
    server = Server(home)
    yield server
    server.stop()


@pytest.fixture
def kernel(server: Server) -> Iterator[Wiretapped]:
    started = server.http.post("api/kernels", json={"name": "python3"}).json()["id"]
    url = f"ws{server.url.removeprefix('http')}api/kernels/{started}/channels?token={TOKEN}"
    with connect(url, open_timeout=BOUND, max_size=None, proxy=None) as socket:
        yield Wiretapped(server, started, socket)


def test_no_key_is_found_anywhere(
    kernel: Wiretapped, server: Server, upstream: Upstream, voice: VoiceUpstream, home: Path, tmp_path: Path
) -> None:
    drive(kernel, upstream, home, tmp_path)
    talk(kernel)
    minted, heard = over_the_gateways_socket(server)
    said = [*through_the_gateway(server), *from_a_terminal(home, upstream), *heard]
    notebook = kernel.notebook()
    nbformat.write(notebook, home / "saved.ipynb")
    (home / "saved.html").write_text(HTMLExporter().from_notebook_node(notebook)[0])
    server.stop()
    log = home / "server.log"  # where Jupyter tells its own configuration at DEBUG, the token of its command line included
    log.write_text("\n".join(line for line in log.read_text().splitlines() if "ServerApp] Config changed:" not in line))

    reached = {(place, way) for place, key in KEYS.items() for seen, way in upstream.seen if seen == key}
    assert reached >= {*CASES, ("given", "says")}, "the keys were used"
    assert {(place, way) for place, key in KEYS.items() for seen, way in voice.seen if seen == key} == set(VOICES)
    assert "Your key is [key], is it?" in (home / "saved.ipynb").read_text(), "and repeated"
    assert (home / "environment-speaks-openai.jsonl").read_text().count("[key]") > 3, "also in a session"
    for place, key in KEYS.items():
        assert found(key, said, kernel.heard) == [], place
        assert written(key, home, exempt=("keys.toml",)) == [], place
    for secret in (TOKEN, server.ticket, minted):
        assert found(secret, said, kernel.heard) == [], secret
        assert written(secret, home, exempt=(f"jpserver-{server.process.pid}.json", f"jpserver-{server.process.pid}-open.html")) == []


def drive(kernel: Wiretapped, upstream: Upstream, home: Path, tmp_path: Path) -> None:
    """Everything a notebook can do with a host, for each key and each way."""
    secrets = tmp_path / "secrets"  # stands for what a user types: outside of what is searched
    secrets.mkdir()
    for place in ("asked", "given"):
        (secrets / place).write_text(KEYS[place])
    kernel.run("import logging\nlogging.basicConfig(level=logging.DEBUG, filename='kernel.log')")
    kernel.run(f"import os, pathlib\nsecrets = pathlib.Path({str(secrets)!r})\nos.chdir({str(home)!r})")
    kernel.run(LOAD)
    kernel.run(
        "import tokenwidgets as tw\nimport tokenwidgets.commands\ntokenwidgets.commands.getpass = lambda _: (secrets / 'asked').read_text()"
    )
    for place, way in CASES:
        if place == "asked":
            kernel.run(f"%stream config key asked-{way}")
    kernel.run(f"p = tw.Provider('given', key=(secrets / 'given').read_text(), base_url='{upstream.url}/says/v1', local=True)")
    kernel.run("%xmode Verbose")
    streams = [f"tw.stream('Why?', model='{place}-{way}/m', record='{place}-{way}.jsonl')" for place, way in CASES]
    for stream in [*streams, "tw.stream('Why?', model='m', provider=p, record='given.jsonl')"]:
        kernel.run(f"r = {stream}.wait()")
        for source in ("r", "r.text, r.error, r.metrics, r.request", "r.wire, vars(r), r.gateway, vars(r.gateway)", "r.bundle()",
                       "print(r.tokens.to_string())", "r.save('again.jsonl')", "tw.replay('again.jsonl', speed=1000).wait()",
                       "r.code('python'), r.code('curl')", "r.raise_for_error()", "%tb"):  # fmt: skip
            kernel.any(source)
    for source in (
        "%%stream environment-says/m --record magic.jsonl\nWhy?", "%%stream file-refuses/m\nWhy?", f"%%stream sim/steady {FAST}\nWhy?",
        "%stream hosts", "%stream list", "%stream config", "%stream doctor", "tw.hosts()", "tw.models().details", "tw.doctor()",
        "tw.streams()", "%stream azure-openai/m Why?", "p", "vars(p)", "p.given, p.given.host, p.given.key, p.given.key.secret",
        "import pickle\npickle.dumps(p)", "import copy\ncopy.deepcopy(p)",
        "def fail(*what):\n    raise ValueError(what)\nfail(p, r, p.given)",
        "tw.Provider('opnai', key=(secrets / 'given').read_text())", "tw.Provider('given', key=(secrets / 'given').read_text() + ' x')",
        "%whos", "%tb", "import tokenwidgets.completion\ntokenwidgets.completion.candidates('%%stream ', '')",
    ):  # fmt: skip
        kernel.any(source)
    crash(kernel)
    mistaken(kernel, home)


def crash(kernel: Wiretapped) -> None:
    """A provider that fails with its key in its words, in this kernel."""
    kernel.run("""
import tokenwidgets.providers.http as http
async def run(self, request, sink):
    raise RuntimeError(f"failed with {self.key.reveal()}")
kept, http.HttpProvider.run = http.HttpProvider.run, run
""")
    kernel.any("r = tw.stream('Why?', model='m', provider=p).wait()\nr.raise_for_error()")
    kernel.run("http.HttpProvider.run = kept")


def mistaken(kernel: Wiretapped, home: Path) -> None:
    """A key in an address; the file with it is the user's own, and is taken away before all is searched."""
    path = home / "config" / "tokenwidgets.toml"
    well = path.read_text()
    for address in (f"https://me:{KEYS['address']}@x/v1", f"https://x/v1?key={KEYS['address']}"):
        path.write_text(f'{well}\n[hosts.mistaken]\nbase_url = "{address}"\n')
        for source in (
            "%stream hosts",
            "tw.hosts()",
            "%stream mistaken/m Why?",
            "tw.stream('Why?', model='mistaken/m').wait()",
            "tw.doctor()",
        ):
            kernel.any(source)
    path.write_text(well)


def talk(kernel: Wiretapped) -> None:
    """A session with each host of voice, and what a notebook can show of it."""
    for place, way in VOICES:
        kernel.run(f"s = tw.talk('{place}-{way}/m')\nm = tw.mic('{place}-{way}/m')")
        for source in (
            "s.say('Why?')", f"s.wait({BOUND}).result.save('{place}-{way}.jsonl')", "s.speak(tw.Clip(bytes(3200), 16_000))", "%tb",
            "s, s.error, s.turns, s.words, vars(s), s.result, vars(s.result), s.result.wire, s.result.bundle(), m, m.get_state()",
        ):  # fmt: skip
            kernel.any(source)


def over_the_gateways_socket(server: Server) -> tuple[str, list[str]]:
    """A client secret, and what clients of the gateway's sockets hear: with the token, with that secret, and with what is no key there."""
    http = f"{server.url}tokenwidgets/v1/realtime"
    session = {"type": "realtime", "model": "environment-speaks-openai/m"}
    with httpx.Client(timeout=BOUND, trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        minted = client.post(f"{http}/client_secrets", json={"session": session}).json()["value"]
    heard = []
    for place, way in VOICES:
        url = f"{http.replace('http', 'ws', 1)}?model={place}-{way}/m"
        for headers, protocols in (
            ({"Authorization": f"Bearer {TOKEN}"}, None), ({"Authorization": f"Bearer {minted}"}, None),
            ({"Authorization": f"Bearer {KEYS['given']}"}, None), ({}, ["realtime", f"openai-insecure-api-key.{KEYS['given']}"]),
        ):  # fmt: skip
            heard += frames(url, headers, protocols)
    return minted, heard


def frames(url: str, headers: dict[str, str], protocols: Any) -> list[str]:
    """All that a socket says until it is closed; or why it did not open."""
    try:
        with connect(url, additional_headers=headers, subprotocols=protocols, open_timeout=BOUND, proxy=None) as socket:
            return [*map(str, socket), str(socket.close_reason)]
    except InvalidStatus as e:
        return [f"{e.response.headers}{e.response.body!r}"]


def through_the_gateway(server: Server) -> list[str]:
    """What other programs get, with the right credentials, with wrong ones, and with what makes a server log a request whole."""
    answers = []
    bodies = [{"model": f"{place}-{way}/m", "messages": [{"role": "user", "content": "Why?"}], "stream": stream}
              for place, way in CASES for stream in (True, False)]  # fmt: skip
    with httpx.Client(base_url=server.url + "tokenwidgets/", timeout=BOUND, trust_env=False) as client:
        for path in ("chat/completions", "messages", "responses"):
            for body in bodies if path == "chat/completions" else bodies[:4]:
                asked = {**body, "max_tokens": 9} if path == "messages" else body
                answers.append(client.post(f"v1/{path}", json=asked, headers={"Authorization": f"Bearer {TOKEN}"}))
        answers.append(client.post("v1/messages", json={"model": 5}, headers={"x-api-key": TOKEN}))
        for headers in ({"Authorization": f"Bearer {TOKEN}"}, {"x-api-key": KEYS["given"]}, {"X-Tokenwidgets-Ticket": server.ticket}):
            for path in ("v1/models", "models", "hosts", "streams", "streams/none", "capabilities"):
                answers.append(client.get(path, headers=headers))
    return [f"{dict(answer.headers)}\n{answer.text}" for answer in answers]


def from_a_terminal(home: Path, upstream: Upstream) -> list[str]:
    """The same without Jupyter."""
    program = """
import sys, logging
logging.basicConfig(level=logging.DEBUG)
import tokenwidgets as tw
for model in sys.argv[1:]:
    r = tw.stream("Why?", model=model, record=model.split("/")[0] + "-terminal.jsonl").wait()
    print(repr(r), r.error, r.wire)
print(tw.models(), tw.hosts(), tw.doctor())
r.raise_for_error()
"""
    models = [f"{place}-{way}/m" for place, way in CASES]
    status, out, err = run("-c", program, *models, "file-refuses/m", env=test_notebook.environment(home), cwd=home)
    assert "[key]" in out
    assert (status, "StreamFailed" in err) == (1, True)
    return [out, err]


def forms(secret: str) -> list[bytes]:
    """The secret as it may stand in a file: plain, and in base64 at each of its three offsets."""
    shifted = [base64.b64encode(b"\0" * n + secret.encode()) for n in range(3)]
    return [secret.encode(), *(coded[(n * 8 + 5) // 6 : len(coded) // 4 * 4 - 4] for n, coded in enumerate(shifted))]


def found(secret: str, *texts: list[str]) -> list[str]:
    """The texts that hold a secret, each with what stands around it left out."""
    return [text[:80] for texts_ in texts for text in texts_ if any(form in text.encode() for form in forms(secret))]


def written(secret: str, folder: Path, exempt: tuple[str, ...]) -> list[str]:
    """The files that hold a secret."""
    files = (Path(at) / name for at, _, names in os.walk(folder) for name in names if name not in exempt)
    return [str(file.relative_to(folder)) for file in files if any(form in file.read_bytes() for form in forms(secret))]


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    secret = KEYS["file"]
    for i in range(3):
        (tmp_path / f"{i}").write_bytes(b"x" + base64.b64encode(b"y" * i + secret.encode() + b"z"))
    (tmp_path / "plain").write_text(f"a{secret}b")
    assert sorted(written(secret, tmp_path, ())) == ["0", "1", "2", "plain"]
    assert found(secret, ["nothing", f"is {secret}"]) == [f"is {secret}"]
