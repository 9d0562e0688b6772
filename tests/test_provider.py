"""A provider object: its key goes to its host, and is seen nowhere."""

from __future__ import annotations

import copy
import inspect
import pickle
import traceback

import pytest
from chat_server import Scripted
from IPython.core.ultratb import VerboseTB

import tokenwidgets as tw
from tokenwidgets import api
from tokenwidgets.clients.inprocess import InProcess
from tokenwidgets.providers import keys

KEY = "sk-planted-given-0123456789abcdef"

pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def server():
    with Scripted(["Yes", "."]).running() as server:
        yield server


def sent(server: Scripted, call: int = -1):
    path, headers, body = server.calls[call]
    return path, headers.get("authorization"), body["model"]


def asked(provider: tw.Provider, model: str | None = "m", **options):
    return tw.stream("Why?", model=model, provider=provider, show=False, **options).wait()


@pytest.mark.parametrize("model", ["m", "mine/m", "mine:m"])
def test_a_host_of_no_file_with_a_key(server, model):
    result = asked(tw.Provider("mine", key=KEY, base_url=server.url, local=True), model)
    assert (result.text, result.model, result.error) == ("Yes.", "mine/m", None)
    assert sent(server) == ("/v1/chat/completions", f"Bearer {KEY}", "m")


def test_a_model_named_like_a_vendor_stays_whole(server):
    result = asked(tw.Provider("mine", key=KEY, base_url=server.url, local=True), "vendor/m")
    assert (sent(server)[2], result.model) == ("vendor/m", "mine/vendor/m")


def test_it_comes_before_every_other_place_of_a_key(server, monkeypatch):
    server.configure("SCRIPTED_KEY")
    monkeypatch.setenv("SCRIPTED_KEY", "sk-of-the-environment")
    asked(tw.Provider("scripted", key=f"  {KEY}\n"))
    assert sent(server)[1] == f"Bearer {KEY}"
    tw.stream("Why?", model="scripted/m", show=False).wait()
    assert sent(server)[1] == "Bearer sk-of-the-environment", "and is for its own streams alone"


def test_a_key_of_the_environment_does_not_go_to_an_address_given_here(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    asked(tw.Provider("openai", base_url=server.url, local=True))
    assert sent(server)[1] is None


def test_the_dialect(server):
    provider = tw.Provider("mine", base_url=server.url, local=True, dialect="openai-responses")
    asked(provider)
    assert sent(server)[0] == "/v1/responses"


def test_a_private_address_needs_to_be_meant(server):
    result = asked(tw.Provider("mine", key=KEY, base_url=server.url))
    assert "is at a private address" in result.error.message
    assert server.calls == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"host": "openai"}, "tw.Provider needs a key or a base_url"),
        ({"host": "opnai", "key": KEY}, "There is no host 'opnai': did you mean openai"),
        ({"host": "mine", "base_url": "localhost:8000"}, "needs a base_url that begins with http"),
        ({"host": "mine", "base_url": f"https://me:{KEY}@x/v1"}, "may hold no user, password or query"),
        ({"host": "a/b", "base_url": "https://x/v1"}, "cannot name a host"),
        ({"host": "openai", "key": ""}, "is empty, or holds a space"),
        ({"host": "openai", "key": f"{KEY} {KEY}"}, "is empty, or holds a space"),
        ({"host": "sim", "key": KEY}, "answers inside tokenwidgets"),
        ({"host": "local", "base_url": "https://x/v1"}, "answers inside tokenwidgets"),
        ({"host": "azure-openai", "key": KEY}, "set AZURE_OPENAI_ENDPOINT"),
    ],
)
def test_what_cannot_be_one_is_refused_in_a_sentence(arguments, words):
    with pytest.raises(tw.Refused, match=words) as refusal:
        tw.Provider(**arguments)
    assert KEY not in refusal.value.message
    assert "\n" not in refusal.value.message


def test_a_model_has_to_be_named():
    assert "Say which model of mine" in asked(tw.Provider("mine", base_url="https://x/v1"), None).error.message


def test_no_option_takes_its_place_and_no_request_carries_it(server):
    provider = tw.Provider("mine", key=KEY, base_url=server.url, local=True)
    result = asked(provider)
    assert KEY not in repr((result, result.request, vars(result), result.journal.entries, result.wire))
    assert "provider" not in result.request


def test_it_does_not_show_its_key():
    provider = tw.Provider("openai", key=KEY)
    assert repr(provider) == str(provider) == "<provider openai>"
    assert KEY not in repr([getattr(provider, name) for name in dir(provider)])
    assert KEY not in repr(copy.copy(provider).given)
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="a key is not written anywhere"):
            write(provider)


def fails(provider: tw.Provider) -> None:
    raise ValueError(provider)


@pytest.mark.parametrize(
    "make",
    [
        lambda key: fails(tw.Provider("openai", key=key())),
        lambda key: tw.Provider("opnai", key=key()),
        lambda key: tw.Provider("openai", key=key() + " x"),
        lambda key: tw.Provider("mine", key=key(), base_url="ftp://x"),
    ],
    ids=["of a call with one", "no such host", "no key", "no address"],
)
def test_a_verbose_traceback_does_not_show_it(make):
    with pytest.raises((ValueError, tw.Refused)) as caught:
        make(lambda: KEY)
    error, frames = caught.value, caught.value.__traceback__.tb_next  # without this test's own frame, which has the key
    shown = VerboseTB(theme_name="nocolor").text(type(error), error, frames)
    assert "Provider(" in shown
    assert KEY not in shown
    assert KEY not in "".join(traceback.TracebackException(type(error), error, frames, capture_locals=True).format())


def test_beside_a_server_its_streams_run_in_the_kernel(server, monkeypatch):
    """The key is only there; the server is not asked."""

    class Elsewhere:
        place = "server"
        why = "a server"

    monkeypatch.setattr(api, "_gateway", Elsewhere())
    result = asked(tw.Provider("mine", key=KEY, base_url=server.url, local=True))
    try:
        assert (result.text, result.gateway.place) == ("Yes.", "kernel")
        assert "key of this kernel" in result.bundle()["text/plain"]
        assert "key of this kernel" in result.bundle()["text/html"]
    finally:
        tw.api.portal().run(api._files.aclose())
        monkeypatch.setattr(api, "_files", None)


def test_a_card_of_another_stream_says_nothing_of_it(in_process: InProcess):
    result = tw.stream("Why?", model="sim/steady", show=False, ttft_ms=0, itl_ms=0, tokens=3).wait()
    assert "key" not in result.bundle()["text/plain"]


def test_nothing_else_of_the_package_takes_a_key():
    for function in (tw.stream, tw.open, tw.replay, tw.models, tw.hosts):
        assert not {"key", "api_key", "base_url"} & set(inspect.signature(function).parameters)
    assert keys.Secret(KEY).reveal() == KEY
