"""What a stop does to the bill: said only where it is documented, and not at all where nobody sends one."""

from __future__ import annotations

import pytest

from tokenwidgets.events import Notice, encode
from tokenwidgets.providers.billing import after_cancel
from tokenwidgets.providers.hosts import BUILT_IN, Host

SENT = Notice("connection", {"sent": 5})


def told(host: str, *notices: Notice):
    return after_cancel(BUILT_IN[host], [encode(notice, seq, 0) for seq, notice in enumerate(notices)])


@pytest.mark.parametrize("host", ["openai", "anthropic", "google", "deepseek", "groq", "huggingface", "tokenpapa"])
def test_what_a_vendor_does_not_document_is_not_known(host):
    assert told(host, SENT) == "unknown"


@pytest.mark.parametrize("host", ["sim", "replay", "local", "ollama", "lmstudio", "llamacpp", "vllm"])
def test_where_nobody_sends_a_bill_nothing_is_said(host):
    assert told(host, SENT) is None


@pytest.mark.parametrize(("name", "answer"), [
    ("Anthropic", "yes"), ("DeepInfra", "yes"), ("xAI", "yes"), ("SF Compute", "yes"),
    ("Google Vertex", "no"), ("Groq", "no"), ("Mistral", "no"), ("", "unknown"), ("Somebody", "unknown"),
])  # fmt: skip
def test_an_aggregators_answer_is_that_of_who_answers(name, answer):
    assert told("openrouter", SENT, Notice("provider", {"provider": name})) == answer


def test_without_a_request_under_way_there_is_nothing_on_the_bill():
    assert told("openai") is None
    assert told("openai", SENT, Notice("retry", {})) is None
    assert told("openrouter", SENT, Notice("provider", {"provider": "Groq"}), Notice("retry", {}), SENT) == "unknown"


def test_a_host_of_the_users_is_not_documented_unless_it_is_their_own_server():
    notices = [encode(SENT, 0, 0)]
    assert after_cancel(Host("mine", {"openai-chat": "https://example.org/v1"}), notices) == "unknown"
    assert after_cancel(Host("mine", {"openai-chat": "http://127.0.0.1/v1"}, local=True), notices) is None
