"""Lists of models: asked for once by all of a user's processes, kept on disk, told when they are old."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripted import KEY, Scripted

from tokenwidgets.providers import catalogue, config, model_cache
from tokenwidgets.providers.catalogue import KEEP_SECONDS, Catalogue, known
from tokenwidgets.providers.hosts import Host
from tokenwidgets.providers.model_cache import ModelCache
from tokenwidgets.providers.replay import SHIPPED
from tokenwidgets.providers.upstream import Upstream

HOST = Host("mine", {"openai-chat": "http://127.0.0.1:1/v1"}, "MINE_KEY", local=True)


class Clock:
    seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "tokenwidgets" / "models.json"


async def asked(host: Host, cache: ModelCache):
    """What a process that starts now is told."""
    upstream = Upstream(local=True)
    try:
        return await Catalogue(lambda host: upstream, cache).models(config.Config(hosts={host.name: host}), SHIPPED)
    finally:
        await upstream.aclose()


def at(server: Scripted) -> Host:
    return Host("mine", {"openai-chat": server.url}, "MINE_KEY", local=True)


async def listing(connection, request):
    body = {"data": [{"id": "a", "context_length": 8, "name": f"told to {request.headers['authorization']}"}]}
    await connection.whole("200 OK", json.dumps(body).encode(), "Content-Type: application/json")


async def failing(connection, request):
    await connection.whole("503 No", b"")


def test_it_is_a_file_of_the_users_cache(tmp_path, path):
    assert ModelCache().path == path


async def test_every_process_asks_at_most_once_in_a_while(monkeypatch, path, clock):
    monkeypatch.setenv("MINE_KEY", KEY)
    async with Scripted(listing) as server:
        for wait, asks in ((0, 1), (0, 1), (KEEP_SECONDS - 1, 1), (2, 2)):
            clock.seconds += wait
            (model,) = await asked(at(server), ModelCache(path, clock))
            assert (model["id"], model["context"], "stale" in model) == ("mine/a", 8, False)
            assert len(server.asked) == asks


async def test_a_key_that_a_host_repeats_is_not_kept(monkeypatch, path, clock):
    monkeypatch.setenv("MINE_KEY", KEY)
    async with Scripted(listing) as server:
        (model,) = await asked(at(server), ModelCache(path, clock))
    assert model["name"] == "told to Bearer [key]"
    assert KEY not in path.read_text()


async def test_a_host_that_does_not_answer_gives_its_old_list_and_says_so(monkeypatch, path, clock):
    monkeypatch.setenv("MINE_KEY", KEY)
    async with Scripted(listing) as server:
        host = at(server)
        fresh = await asked(host, ModelCache(path, clock))
        clock.seconds += KEEP_SECONDS
        server.script = failing
        assert await asked(host, ModelCache(path, clock)) == [{**model, "stale": True} for model in fresh]
        server.script = listing
        assert await asked(host, ModelCache(path, clock)) == fresh


async def test_without_its_key_a_hosts_models_cannot_be_asked(monkeypatch, path, clock):
    monkeypatch.setenv("MINE_KEY", KEY)
    async with Scripted(listing) as server:
        assert await asked(at(server), ModelCache(path, clock))
        clock.seconds += KEEP_SECONDS
        monkeypatch.delenv("MINE_KEY")
        assert await asked(at(server), ModelCache(path, clock)) == []
        assert len(server.asked) == 1


async def test_a_clock_that_was_set_back_does_not_keep_a_list_for_ever(monkeypatch, path, clock):
    monkeypatch.setenv("MINE_KEY", KEY)
    async with Scripted(listing) as server:
        for _ in range(2):
            await asked(at(server), ModelCache(path, clock))
            clock.seconds -= 1000
        assert len(server.asked) == 2


def test_what_is_known_is_said_without_asking(path, clock):
    cache = ModelCache(path, clock)
    cache.put(HOST, [{"id": "a"}])
    cache.save()
    clock.seconds += 10 * KEEP_SECONDS
    names = [m["id"] for m in known(config.Config(hosts={"mine": HOST, "sim": Host("sim")}), SHIPPED, ModelCache(path, clock))]
    assert names[:2] == ["mine/a", "sim/steady"]


def test_lists_of_several_processes_come_together(path, clock):
    first, second = ModelCache(path, clock), ModelCache(path, clock)
    first.put(HOST, [{"id": "a"}])
    first.save()
    second.load()
    other = Host("other", {"openai-chat": "http://127.0.0.1:2/v1"})
    second.put(other, [{"id": "b"}])
    second.save()
    third = ModelCache(path, clock)
    third.load()
    assert [third.get(host).models for host in (HOST, other)] == [[{"id": "a"}], [{"id": "b"}]]
    assert third.get(Host("mine", {"openai-chat": "http://127.0.0.1:9/v1"})) is None, "another address is another host"


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "5", '{"version": 2, "hosts": {"mine http://127.0.0.1:1/v1": {"at": 1, "models": [{"id": "a"}]}}}',
        '{"version": 1}', '{"version": 1, "hosts": []}', '{"version": 1, "hosts": {"mine http://127.0.0.1:1/v1": {"models": []}}}',
        '{"version": 1, "hosts": {"mine http://127.0.0.1:1/v1": {"at": 1, "models": [{"id": 5}]}}}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_file_that_is_not_well_is_as_good_as_none(path, clock, text):
    path.parent.mkdir(parents=True)
    path.write_text(text)
    cache = ModelCache(path, clock)
    cache.load()
    kept = cache.get(HOST)
    assert kept is None or kept.models == []
    cache.put(HOST, [{"id": "a"}])
    cache.save()
    assert [m["id"] for m in json.loads(path.read_text())["hosts"]["mine http://127.0.0.1:1/v1"]["models"]] == ["a"]


def test_a_place_that_cannot_be_written_costs_nothing_but_the_file(tmp_path, clock):
    (tmp_path / "file").write_text("")
    cache = ModelCache(tmp_path / "file" / "models.json", clock)
    cache.put(HOST, [{"id": "a"}])
    cache.save()
    cache.load()
    assert cache.get(HOST).models == [{"id": "a"}]


def test_the_file_is_bounded_and_the_newest_lists_stay(monkeypatch, path, clock):
    monkeypatch.setattr(model_cache, "FILE_BYTES", 2000)
    cache = ModelCache(path, clock)
    for i in range(5):
        clock.seconds += 1
        cache.put(Host(f"h{i}", {"openai-chat": "http://x/v1"}), [{"id": "m" * 800}])
    cache.save()
    assert path.stat().st_size <= 2000
    assert list(json.loads(path.read_text())["hosts"]) == ["h3 http://x/v1", "h4 http://x/v1"]
    path.write_text(path.read_text() + " " * 2000)
    fresh = ModelCache(path, clock)
    fresh.load()
    assert fresh.get(Host("h4", {"openai-chat": "http://x/v1"})) is None, "a larger file is not read"


def test_nothing_is_left_beside_the_file(path, clock):
    cache = ModelCache(path, clock)
    cache.put(HOST, [{"id": "a"}])
    cache.save()
    assert list(Path(path).parent.iterdir()) == [path]
    assert catalogue.CATALOGUE_BYTES < model_cache.FILE_BYTES
