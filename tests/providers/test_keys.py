"""Keys: found in a fixed order, written for the user's eyes alone, and shown to nobody."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from types import SimpleNamespace

import pytest

from tokenwidgets.errors import Refused
from tokenwidgets.providers import keys
from tokenwidgets.providers.hosts import BUILT_IN
from tokenwidgets.providers.keys import Secret, find, keys_path, need, store

OPENAI = BUILT_IN["openai"]
VALUE = "sk-test-0123456789abcdef"


class Ring:
    """A keyring whose backend has a priority."""

    def __init__(self, priority: float) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.priority = priority

    def get_keyring(self):
        return SimpleNamespace(priority=self.priority)

    def get_password(self, service, name):
        return self.kept.get((service, name))

    def set_password(self, service, name, value):
        self.kept[service, name] = value


@pytest.fixture
def ring(monkeypatch):
    """Installs a keyring package."""

    def installed(priority: float = 5) -> Ring:
        made = Ring(priority)
        monkeypatch.setitem(__import__("sys").modules, "keyring", made)
        monkeypatch.setattr(keys, "find_spec", lambda name: object())
        return made

    monkeypatch.setattr(keys, "find_spec", lambda name: None)
    return installed


def written(text: str, mode: int = 0o600) -> None:
    path = keys_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_the_order_is_keyring_then_file_then_environment(ring, monkeypatch):
    assert find(OPENAI) is None
    monkeypatch.setenv("OPENAI_API_KEY", " from-environment \n")
    assert (find(OPENAI).secret.reveal(), find(OPENAI).source) == ("from-environment", "$OPENAI_API_KEY")
    written('openai = "from-file"\n')
    assert (find(OPENAI).secret.reveal(), find(OPENAI).source) == ("from-file", "keys.toml")
    ring().set_password("tokenwidgets", "openai", "from-ring")
    assert (find(OPENAI).secret.reveal(), find(OPENAI).source) == ("from-ring", "the system keyring")


def test_a_keyring_without_a_real_backend_is_passed_over(ring):
    made = ring(priority=0)
    made.set_password("tokenwidgets", "openai", "x")
    assert find(OPENAI) is None
    assert store(OPENAI, VALUE) == "keys.toml"


def test_a_key_is_its_hosts_alone(ring, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", VALUE)
    written('deepseek = "other"\n')
    assert find(BUILT_IN["mistral"]) is None
    assert find(BUILT_IN["ollama"]) is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666])
def test_a_file_that_others_can_read_is_refused(ring, mode):
    written(f'openai = "{VALUE}"\n', mode)
    with pytest.raises(Refused, match="can be read by others: run chmod 600 on it first") as refusal:
        find(OPENAI)
    assert str(keys_path()) in refusal.value.message
    with pytest.raises(Refused):
        store(OPENAI, "sk-other")
    assert VALUE in keys_path().read_text()


@pytest.mark.parametrize("text", [f"openai = {VALUE}", f'openai = "{VALUE}', f"[{VALUE}"])
def test_a_file_that_cannot_be_read_is_refused_without_quoting_it(ring, text):
    written(text)
    with pytest.raises(Refused, match="not readable as TOML") as refusal:
        find(OPENAI)
    assert VALUE not in refusal.value.message
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("key", [VALUE, f"  {VALUE}\n", 'a"b\\c', "x#y=z"])
def test_a_stored_key_is_found_and_the_file_is_the_users_alone(ring, key):
    written('deepseek = "kept"\n')
    assert store(OPENAI, key) == "keys.toml"
    assert find(OPENAI).secret.reveal() == key.strip()
    assert find(BUILT_IN["deepseek"]).secret.reveal() == "kept"
    assert keys_path().stat().st_mode & 0o777 == 0o600
    assert [p.name for p in keys_path().parent.iterdir()] == ["keys.toml"]


def test_a_left_over_file_does_not_lend_its_mode(ring):
    keys_path().parent.mkdir(parents=True)
    keys_path().with_suffix(".new").write_text("old")
    keys_path().with_suffix(".new").chmod(0o666)
    store(OPENAI, VALUE)
    assert keys_path().stat().st_mode & 0o777 == 0o600
    assert find(OPENAI).secret.reveal() == VALUE


def test_with_a_keyring_a_key_is_stored_there_and_in_no_file(ring):
    made = ring()
    assert store(OPENAI, VALUE) == "the system keyring"
    assert made.kept == {("tokenwidgets", "openai"): VALUE}
    assert not keys_path().exists()


def test_a_key_that_cannot_be_kept_is_one_sentence_without_it(ring):
    keys_path().with_suffix(".new").mkdir(parents=True)
    with pytest.raises(Refused, match=r"keys\.toml cannot be written: ") as refusal:
        store(OPENAI, VALUE)
    assert refusal.value.__suppress_context__
    made = ring()
    made.set_password = lambda *what: (_ for _ in ()).throw(RuntimeError(what))
    with pytest.raises(Refused, match=r"keyring did not take the key \(RuntimeError\)") as refusal:
        store(OPENAI, VALUE)
    assert VALUE not in refusal.value.message
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("key", ["", "  ", "two words", "sk-a\nb", "sk-\x00", "sk–dash"])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(ring, monkeypatch, key):
    with pytest.raises(Refused, match="The key for openai") as refusal:
        store(OPENAI, key)
    assert not key.strip() or key not in refusal.value.message
    assert not keys_path().exists()


def test_a_variable_with_what_is_no_key_is_named_before_anything_is_sent(ring, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk–secret–dashes")
    with pytest.raises(Refused, match=r"\$OPENAI_API_KEY") as refusal:
        need(OPENAI)
    assert "secret" not in refusal.value.message


def test_a_missing_key_names_the_variable_the_command_and_the_page(ring):
    with pytest.raises(Refused) as refusal:
        need(OPENAI)
    assert refusal.value.message == (
        "No key for openai: set OPENAI_API_KEY, or store one with: %stream config key openai. Keys: platform.openai.com/api-keys."
    )
    assert (refusal.value.code, refusal.value.status) == ("auth", 401)


def test_a_host_that_needs_no_key_is_called_without(ring):
    assert need(BUILT_IN["ollama"]) is None


def test_a_secret_does_not_show_itself(caplog):
    caplog.set_level(logging.DEBUG)
    secret = Secret(VALUE)
    logging.getLogger("x").error("%s %r", secret, {"key": secret})
    forms = [repr(secret), str(secret), f"{secret}", f"{secret!r}", "{}".format(secret), "%s" % secret, repr([secret]), str(vars)]  # noqa: UP031, UP032
    assert all(VALUE not in form for form in [*forms, caplog.text, repr(keys.Key(secret, "here"))])
    for write in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as failure:
            write(secret)
        assert VALUE not in str(failure.value)
    with pytest.raises(TypeError):
        vars(secret)
    assert secret.reveal() == VALUE
