"""From a request to who serves it: every refusal comes before a byte is sent."""

from __future__ import annotations

import asyncio

import pytest
from scripted import KEY, Scripted, answers

from tokenwidgets.errors import Refused
from tokenwidgets.providers import catalogue, local, registry
from tokenwidgets.providers.http import HttpProvider
from tokenwidgets.providers.local import LocalProvider
from tokenwidgets.providers.registry import Registry
from tokenwidgets.providers.replay import Replay
from tokenwidgets.providers.sim import Sim


@pytest.fixture
def this(tmp_path):
    made = Registry(tmp_path)
    yield made
    asyncio.run(made.aclose())


@pytest.fixture
def configured(tmp_path):
    return lambda text: (tmp_path / "tokenwidgets.toml").write_text(text)


def resolve(this, **body):
    return this.resolve(this.request({"prompt": "Hello", **body}))


@pytest.mark.parametrize(
    ("body", "code", "status", "says"),
    [
        ({"model": "opnai/gpt"}, "not_found", 404, "There is no host 'opnai': did you mean openai"),
        ({"model": "sim/stedy"}, "not_found", 404, "steady"),
        ({"model": "replay/../../etc/passwd"}, "not_found", 404, ""),
        ({"model": "openai/gpt-5.2"}, "auth", 401, "set OPENAI_API_KEY"),
        ({"model": "azure-openai/mine"}, "bad_request", 400, "set AZURE_OPENAI_ENDPOINT"),
        ({"model": "vllm/x", "dialect": "gemini"}, "bad_request", 400, "vllm does not speak 'gemini'; it speaks openai-chat."),
        ({"model": "sim/steady", "dialect": "klingon"}, "bad_request", 400, "klingon"),
        ({"model": "ollama/x", "options": {"ttft_ms": 5}}, "bad_request", 400, "ollama has no option 'ttft_ms'"),
        ({"model": "sim/steady", "options": {"tokens": "many"}}, "bad_request", 400, "Option 'tokens' is a whole number"),
        ({"model": "ollama/x", "base_url": "http://169.254.169.254"}, "bad_request", 400, "may not carry 'base_url'"),
        ({"model": "ollama/x", "api_key": "x"}, "bad_request", 400, "may not carry 'api_key'"),
        ({"model": "local/nothing"}, "not_found", 404, "no local model 'nothing'"),
        ({"model": "gpt"}, "bad_request", 400, "is not a model name"),
    ],
)
def test_what_can_be_refused_before_a_call_is(this, body, code, status, says):
    with pytest.raises(Refused) as refusal:
        resolve(this, **body)
    assert (refusal.value.code, refusal.value.status) == (code, status)
    assert says in refusal.value.message


@pytest.mark.parametrize(
    ("model", "kind"), [("sim/steady", Sim), ("sim:bursty", Sim), ("ollama/llama3:8b", HttpProvider), ("openai/gpt-5.2", HttpProvider)]
)
def test_who_serves_a_model(this, monkeypatch, model, kind):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    call = resolve(this, model=model)
    assert isinstance(call.provider, kind)
    assert (call.simulated, call.replayed) == (kind is Sim, False)
    assert call.dialect == "openai-chat"


def test_a_shipped_recording_is_replayed(this):
    call = resolve(this, model=f"replay/{Replay(this.recordings).names()[0]}")
    assert call.replayed


def test_aliases_and_the_default_model(this, configured):
    configured('default_model = "fast"\n[aliases]\nfast = "sim:bursty"\n')
    assert this.request({"model": "fast", "prompt": "x"}).model == "sim/bursty"
    assert this.request({"prompt": "x"}).model == "sim/bursty"
    assert this.request({"model": "sim/steady", "prompt": "x"}).model == "sim/steady"


@pytest.mark.parametrize(("runs", "model"), [(True, "local/smollm2-135m"), (False, "sim/steady")])
def test_without_a_default_it_is_the_local_model_where_that_runs(this, monkeypatch, runs, model, tmp_path):
    monkeypatch.setattr(local, "find_spec", lambda name: object() if runs and name == "xllamacpp" else None)
    monkeypatch.setattr(local, "_shipped", lambda: tmp_path / "x.gguf" if runs else None)
    assert registry.local is local
    assert this.request({"prompt": "x"}).model == model


def test_the_configuration_is_read_anew_for_each_call(this, configured):
    with pytest.raises(Refused):
        resolve(this, model="mine/x")
    configured('[hosts.mine]\nbase_url = "http://127.0.0.1:1/v1"\nlocal = true\n')
    assert isinstance(resolve(this, model="mine/x").provider, HttpProvider)


def test_a_dialect_nobody_speaks_is_refused_when_called(this, configured):
    configured('[hosts.mine]\nbase_url = "http://127.0.0.1:1/v1"\ndialect = "klingon"\nlocal = true\n')
    with pytest.raises(Refused, match="There is no dialect 'klingon'"):
        resolve(this, model="mine/x")


def test_a_host_that_is_not_local_gets_other_connections(this):
    hosts = this.config().hosts
    assert this.upstream(hosts["ollama"]) is not this.upstream(hosts["openai"])


def test_a_local_host_of_the_users_own_is_a_plain_server(this, configured, monkeypatch):
    monkeypatch.setattr(local, "find_spec", lambda name: object())
    configured('[hosts.local]\nbase_url = "http://127.0.0.1:1/v1"\n')
    provider = resolve(this, model="local/x").provider
    assert isinstance(provider, HttpProvider)
    assert not isinstance(provider, LocalProvider)


def test_hosts_tell_whether_a_key_is_there_and_never_the_key(this, monkeypatch, configured):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    configured('[hosts.mine]\nbase_url = "http://127.0.0.1:1/v1"\nlocal = true\n')
    hosts = {h["name"]: h for h in this.hosts()}
    assert hosts["openai"]["key"] == {"needed": True, "present": True, "source": "$OPENAI_API_KEY", "variable": "OPENAI_API_KEY"}
    assert hosts["deepseek"]["key"]["present"] is False
    assert [hosts[name]["cancel_stops_billing"] for name in ("openai", "ollama", "sim")] == ["unknown", None, None]
    assert hosts["openrouter"]["cancel_stops_billing"]["groq"] == "no"
    assert (hosts["mine"]["local"], hosts["mine"]["about"]) == (True, "from tokenwidgets.toml")
    assert KEY not in repr(hosts)


def test_a_key_that_cannot_be_one_is_its_own_hosts_problem(this, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "two words")
    monkeypatch.setenv("DEEPSEEK_API_KEY", KEY)
    hosts = {h["name"]: h for h in this.hosts()}
    key = dict(hosts["openai"]["key"])
    assert "The key for openai ($OPENAI_API_KEY) is empty, or holds a space" in key.pop("problem")
    assert key == {"needed": True, "present": False, "source": None, "variable": "OPENAI_API_KEY"}
    assert hosts["deepseek"]["key"]["present"]
    assert "two words" not in repr(hosts)


async def test_models_of_hosts_that_can_be_asked_are_asked_once_and_kept(tmp_path, monkeypatch, configured):
    async def models(connection, asked):
        await connection.whole("200 OK", b'{"data":[{"id":"a"},{"id":"b","context_length":4096}]}', "Content-Type: application/json")

    monkeypatch.setenv("MINE_KEY", KEY)
    # The hosts of this machine are not asked.
    monkeypatch.setattr(catalogue.Catalogue, "_of", only("mine", catalogue.Catalogue._of))
    async with Scripted(models) as server:
        configured(f'[hosts.mine]\nbase_url = "{server.url}"\nlocal = true\nkey_env = "MINE_KEY"\n')
        made = Registry(tmp_path)
        for _ in range(2):
            assert await made.models() == [{"id": "mine/a"}, {"id": "mine/b", "context": 4096}]
        assert [(a.line, a.headers["authorization"]) for a in server.asked] == [("GET /v1/models HTTP/1.1", f"Bearer {KEY}")]
        await made.aclose()


async def test_a_host_at_another_address_is_asked_anew(tmp_path, monkeypatch, configured):
    def listing(name):
        async def models(connection, asked):
            await connection.whole("200 OK", b'{"data":[{"id":"%s"}]}' % name, "Content-Type: application/json")

        return models

    monkeypatch.setattr(catalogue.Catalogue, "_of", only("mine", catalogue.Catalogue._of))
    made = Registry(tmp_path)
    async with Scripted(listing(b"a")) as first, Scripted(listing(b"b")) as second:
        for server, name in ((first, "a"), (second, "b")):
            configured(f'[hosts.mine]\nbase_url = "{server.url}"\nlocal = true\n')
            assert await made.models() == [{"id": f"mine/{name}"}]
    await made.aclose()


@pytest.mark.parametrize("how", ["refused", "error", "rubbish", "silent"])
async def test_a_host_that_does_not_answer_costs_only_its_own_models(tmp_path, monkeypatch, configured, how):
    async def script(connection, asked):
        if how == "silent":
            await connection.closed.wait()
        elif how != "refused":
            await connection.whole("500 Oh" if how == "error" else "200 OK", b"<html>")

    monkeypatch.setattr(catalogue, "ASK_SECONDS", 0.05)
    monkeypatch.setattr(catalogue.Catalogue, "_of", only("mine", catalogue.Catalogue._of))
    async with Scripted(script if how != "refused" else answers) as server:
        configured(f'[hosts.mine]\nbase_url = "http://127.0.0.1:{server.port if how != "refused" else 1}/v1"\nlocal = true\n')
        made = Registry(tmp_path)
        assert await asyncio.wait_for(made.models(), 5) == []
        await made.aclose()


def only(name, of):
    async def one(self, host, settings, recordings):
        return await of(self, host, settings, recordings) if host.name == name else []

    return one
