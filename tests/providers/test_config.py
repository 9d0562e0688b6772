"""The user's file: what it may say, and one sentence with its name and the place for what it may not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tokenwidgets.errors import Refused
from tokenwidgets.providers import config
from tokenwidgets.providers.config import add_alias, config_path, load
from tokenwidgets.providers.hosts import BUILT_IN


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokenwidgets.toml"


def loaded(path: Path, text: str) -> config.Config:
    path.write_text(text, encoding="utf-8")
    return load()


def test_without_a_file_there_is_what_is_built_in():
    found = load()
    assert dict(found.hosts) == dict(BUILT_IN)
    assert (found.aliases, found.default_model) == ({}, None)


def test_the_file_is_where_the_variable_says_else_in_jupyters_config_directory(monkeypatch, tmp_path, path):
    assert config_path() == path
    monkeypatch.delenv("TOKENWIDGETS_CONFIG")
    assert config_path() == tmp_path / "config" / "tokenwidgets.toml"


def test_everything_a_file_may_say(path):
    found = loaded(path, """
        default_model = "mine/small"
        [hosts.mine]
        dialect = "openai-chat"
        base_url = "http://127.0.0.1:8099/v1/"
        key_env = "MINE_KEY"
        local = true
        models = ["small", "großes"]
        [hosts.mine.profile]
        max_tokens_field = "max_completion_tokens"
        stream_usage = false
        obfuscation = true
        reasoning_style = "object"
        [hosts.cloud]
        base_url = "https://llm.example.org/v1"
        key_env = "CLOUD_KEY"
        [hosts.cloud.dialects]
        openai-responses = "https://llm.example.org/v2"
        [aliases]
        fast = "mine/small"
        [local]
        tiny = "~/models/tiny.gguf"
    """)  # fmt: skip
    mine, cloud = found.hosts["mine"], found.hosts["cloud"]
    assert (mine.dialects, mine.dialect) == ({"openai-chat": "http://127.0.0.1:8099/v1"}, "openai-chat")
    assert (mine.key_env, mine.key_needed, mine.local, mine.models) == ("MINE_KEY", False, True, ("small", "großes"))
    assert (mine.profile.max_tokens_field, mine.profile.stream_usage, mine.profile.obfuscation) == ("max_completion_tokens", False, True)
    assert (cloud.key_needed, cloud.local) == (True, False)
    assert cloud.dialects == {"openai-chat": "https://llm.example.org/v1", "openai-responses": "https://llm.example.org/v2"}
    assert (found.default_model, found.model("fast"), found.model("mine/small")) == ("mine/small", "mine/small", "mine/small")
    assert found.local_models == {"tiny": Path("~/models/tiny.gguf").expanduser()}


def test_a_dialect_over_a_websocket_has_an_address_of_its_own(path):
    addresses = {"openai-responses-ws": "ws://127.0.0.1:1/v1", "openai-realtime": "wss://x/v1", "gemini-live": "wss://x"}
    lines = "\n".join(f'{name} = "{url}"' for name, url in addresses.items())
    assert loaded(path, f"[hosts.mine.dialects]\n{lines}").hosts["mine"].dialects == addresses


def test_a_built_in_host_keeps_what_the_file_does_not_say(path):
    host = loaded(path, '[hosts.openai]\nmodels = ["gpt-x"]').hosts["openai"]
    assert (host.models, host.key_env, host.dialects) == (("gpt-x",), "OPENAI_API_KEY", BUILT_IN["openai"].dialects)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("hosts = 5", "'hosts' is a table"),
        ("[hosts]\nmine = 5", "[hosts.mine] is a table"),
        ("[hosts.mine]", "hosts.mine needs a base_url"),
        ('[hosts.mine]\nmodels = ["a"]', "hosts.mine needs a base_url"),
        ('[hosts.mine]\nbase_url = "localhost:8080"', "hosts.mine needs a base_url that begins with http:// or https://"),
        ('[hosts.mine]\nbase_url = "ftp://x/v1"', "hosts.mine needs a base_url that begins with"),
        ('[hosts.mine]\nbase_url = "http://"', "hosts.mine needs a base_url that begins with"),
        ('[hosts.mine]\nbase_url = "http://["', "hosts.mine needs a base_url that begins with"),
        ('[hosts.mine]\nbase_url = "wss://x/v1"', "hosts.mine needs a base_url that begins with http:// or https://"),
        ('[hosts.mine]\nbase_url = "https://x/v1"\ndialect = "openai-responses-ws"', "base_url that begins with ws:// or wss://"),
        ('[hosts.mine.dialects]\nopenai-realtime = "https://x/v1"', "hosts.mine needs a base_url that begins with ws:// or wss://"),
        ("[hosts.mine]\nbase_url = 5", "hosts.mine.base_url is a string"),
        ('[hosts.mine]\nbase_url = "http://x"\nlocal = "false"', "hosts.mine.local is true or false"),
        ('[hosts.mine]\nbase_url = "http://x"\nlocal = 1', "hosts.mine.local is true or false"),
        ('[hosts.mine]\nbase_url = "http://x"\nmodels = "a"', "hosts.mine.models is a list of strings"),
        ('[hosts.mine]\nbase_url = "http://x"\nmodels = [1]', "hosts.mine.models is a list of strings"),
        ('[hosts.mine]\nbase_url = "http://x"\ndialects = "openai-chat"', "hosts.mine.dialects is a table"),
        ('[hosts.mine]\nbase_url = "http://x"\ndialects = {a = 1}', "hosts.mine.dialects.a is a string"),
        ('[hosts.mine]\nbase_url = "http://x"\nkey_env = 5', "hosts.mine.key_env is a string"),
        ('[hosts.mine]\nbase_url = "http://x"\nkey_env = "gsk_1234567890abcdef"', "hosts.mine.key_env names a variable, in capitals"),
        ('[hosts.mine]\nbase_url = "http://x"\nprofile = 5', "hosts.mine.profile is a table"),
        ('[hosts.mine]\nbase_url = "http://x"\nprofile = {colour = 1}', "hosts.mine.profile may hold max_tokens_field"),
        ('[hosts.mine]\nbase_url = "http://x"\nprofile = {stream_usage = "no"}', "hosts.mine.profile.stream_usage is true or false"),
        ('[hosts.mine]\nbase_url = "http://x"\nprofile = {reasoning_style = "x"}', "reasoning_style is one of effort, object"),
        ('[hosts.mine]\nbase_url = "http://x"\ntimeout = 5', "[hosts.mine] may not hold 'timeout'"),
        ('[hosts."a/b"]\nbase_url = "http://x"', "cannot name a host"),
        ("colour = 5", "the file may not hold 'colour'"),
        ("default_model = 5", "default_model is a string"),
        ("aliases = 5", "'aliases' is a table"),
        ("[aliases]\nfast = 5", "aliases.fast is a string"),
        ("[local]\ntiny = 5", "local.tiny is a string"),
        ("[hosts.mine", "cannot be read as TOML"),
    ],
)
def test_what_a_file_may_not_say_is_refused_with_its_name_and_the_place(path, text, place):
    with pytest.raises(Refused) as refusal:
        loaded(path, text)
    message = refusal.value.message
    assert str(path) in message
    assert place in message
    assert "\n" not in message
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    "text",
    [
        '[hosts.mine]\nbase_url = "http://x"\napi_key = "sk-verysecret-12345"',
        '[hosts.mine]\nbase_url = "http://x"\nkey = "sk-verysecret-12345"',
        'openai_key = "sk-verysecret-12345"',
        '[hosts.mine]\nbase_url = "https://me:sk-verysecret-12345@x/v1"',
        '[hosts.mine]\nbase_url = "https://x/v1?key=sk-verysecret-12345"',
        '[hosts.mine.dialects]\nopenai-chat = "https://x/v1?key=sk-verysecret-12345"',
    ],
)
def test_a_key_in_the_file_is_refused_and_not_repeated(path, text):
    with pytest.raises(Refused, match=r"stands? in this file") as refusal:
        loaded(path, text)
    assert "verysecret" not in refusal.value.message


def test_a_file_in_another_encoding_is_refused(path):
    path.write_bytes(b'default_model = "gr\xfc\xdfe"')
    with pytest.raises(Refused, match="cannot be read as TOML"):
        load()


def test_an_unknown_host_names_near_ones_and_how_to_add_one():
    with pytest.raises(Refused, match=r"There is no host 'opnai': did you mean openai.*\[hosts.opnai\] in tokenwidgets.toml") as refusal:
        load().host("opnai")
    assert refusal.value.status == 404
    with pytest.raises(Refused, match=r"known are sim, replay, local"):
        load().host("zzzzzzz")


# ---------------------------------------------------------------------- aliases


@pytest.mark.parametrize(
    "before",
    ["", "# mine\n", '[aliases]\nfast = "a/b"\n', '[aliases]\nother = "a/b"\n\n[hosts.x]\nbase_url = "http://x"\n',
     'default_model = "sim/steady"\n[hosts.x]\nbase_url = "http://x"\n'],
)  # fmt: skip
def test_an_alias_is_added_or_changed_and_the_rest_stays(path, before):
    path.write_text(before)
    add_alias("fast", "openai/gpt-größe 🌍")
    add_alias("fast", "sim/bursty")
    add_alias("slow", "sim/slow-start")
    found = load()
    assert (found.aliases["fast"], found.aliases["slow"]) == ("sim/bursty", "sim/slow-start")
    rest = {k: v for k, v in tomllib.loads(before).items() if k != "aliases"}
    assert {k: v for k, v in tomllib.loads(path.read_text()).items() if k != "aliases"} == rest
    assert before.startswith("#") <= path.read_text().startswith("# mine")
    assert set(tomllib.loads(before).get("aliases", {})) <= set(found.aliases)


def test_an_alias_is_written_where_there_was_no_file(path):
    add_alias("fast", "sim/steady")
    assert load().aliases == {"fast": "sim/steady"}


AZURE = {
    "openai-chat": "https://res.openai.azure.com/openai/v1",
    "openai-responses": "https://res.openai.azure.com/openai/v1",
    "openai-realtime": "wss://res.openai.azure.com/openai/v1",
}


@pytest.mark.parametrize(
    "endpoint", ["https://res.openai.azure.com", "https://res.openai.azure.com/", "https://res.openai.azure.com/openai/v1/"]
)
def test_a_host_at_an_address_of_the_users_own_is_where_the_environment_says(path, monkeypatch, endpoint):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint)
    assert load().hosts["azure-openai"].dialects == AZURE
    assert loaded(path, 'default_model = "sim/steady"').hosts["azure-openai"].dialects == AZURE


def test_the_file_goes_before_the_environment_and_a_base_url_is_for_all_dialects_of_the_address(path, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://other.openai.azure.com")
    found = loaded(path, '[hosts.azure-openai]\nbase_url = "https://res.openai.azure.com/openai/v1"\nmodels = ["my-gpt"]')
    assert (found.hosts["azure-openai"].dialects, found.hosts["azure-openai"].models) == (AZURE, ("my-gpt",))
    llamacpp = loaded(path, '[hosts.llamacpp]\nbase_url = "http://127.0.0.1:9/v1"').hosts["llamacpp"]
    assert set(llamacpp.dialects.values()) == {"http://127.0.0.1:9/v1"}
    assert len(llamacpp.dialects) == 3
    deepseek = loaded(path, '[hosts.deepseek]\nbase_url = "http://127.0.0.1:9/v1"').hosts["deepseek"]
    assert list(deepseek.dialects) == ["openai-chat", "openai-responses"], "another address is another server's"
    named = loaded(path, '[hosts.llamacpp]\nbase_url = "http://127.0.0.1:9/v1"\ndialect = "anthropic-messages"').hosts["llamacpp"]
    assert list(named.dialects) == ["anthropic-messages"]


@pytest.mark.parametrize("endpoint", [None, "", "res.openai.azure.com", "https://me:sk-verysecret-12345@res.openai.azure.com"])
def test_without_an_address_one_sentence_says_what_to_set(monkeypatch, endpoint):
    if endpoint is not None:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", endpoint)
    with pytest.raises(Refused, match="set AZURE_OPENAI_ENDPOINT to it, or write base_url") as refusal:
        load().hosts["azure-openai"].base_url("openai-chat")
    assert "verysecret" not in refusal.value.message


def test_every_host_that_takes_a_key_says_where_to_get_one():
    assert [host.name for host in BUILT_IN.values() if host.key_needed and not host.key_page] == []


@pytest.mark.parametrize("before", ['aliases = {fast = "a/b"}\n', '[ aliases ]\nfast = "a/b"\n', 'aliases.fast = "a/b"\n'])
def test_a_file_that_writes_its_aliases_in_another_form_is_left_as_it_is(path, before):
    path.write_text(before)
    with pytest.raises(Refused, match="keeps its aliases in another form"):
        add_alias("other", "sim/steady")
    assert path.read_text() == before


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a]", "ä", 'a"'])
def test_what_cannot_be_an_alias_is_refused(path, name):
    with pytest.raises(Refused, match="cannot be an alias"):
        add_alias(name, "sim/steady")
    assert not path.exists()


def test_a_file_that_is_not_well_is_not_touched(path):
    path.write_text("colour = 5")
    with pytest.raises(Refused):
        add_alias("fast", "sim/steady")
    assert path.read_text() == "colour = 5"
