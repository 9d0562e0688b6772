"""Secrets with which a page speaks to a host itself, against a server on a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fixtures
import pytest
from scripted import KEY, Asked, Connection, Scripted

from tokenwidgets.errors import Refused
from tokenwidgets.providers.registry import Registry
from tokenwidgets.request import parse

REQUEST = {"model": "scripted/gpt-realtime", "session": {"voice": "marin"}, "system": "Be brief."}

Registries = Callable[[str], Registry]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registries:
    monkeypatch.setenv("SCRIPTED_KEY", KEY)

    def made(url: str) -> Registry:
        head = '[hosts.scripted]\nkey_env = "SCRIPTED_KEY"\nlocal = true\n'
        (tmp_path / "tokenwidgets.toml").write_text(f'{head}[hosts.scripted.dialects]\nopenai-realtime = "{url.replace("http", "ws")}"\n')
        return Registry(tmp_path)

    return made


def answers(status: str, body: Any) -> Callable[[Connection, Asked], Any]:
    async def script(connection: Connection, asked: Asked) -> None:
        await connection.whole(status, body if isinstance(body, bytes) else json.dumps(body).encode(), "Content-Type: application/json")

    return script


async def minted(registry: Registry, **more: Any) -> Any:
    try:
        return await registry.client_secret(parse({**REQUEST, **more}))
    finally:
        await registry.aclose()


async def test_a_secret_is_asked_for_as_in_the_recorded_call(registry: Registries) -> None:
    fixtures.need()
    recorded = json.loads((fixtures.ROOT / "realtime" / "openai-client-secret-http.jsonl").read_text().splitlines()[0])["http"]
    async with Scripted(answers("200 OK", recorded["response_body"])) as server:
        secret = await minted(registry(server.url))
        assert secret == {"value": "ek_scrubbed", "expires_at": 1784852564, "url": f"{server.url}/realtime/calls"}
        [asked] = server.asked
        assert asked.line == "POST /v1/realtime/client_secrets HTTP/1.1"
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.json == recorded["request_body"]


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        ("401 Unauthorized", {"error": {"message": f"Incorrect API key {KEY} provided.", "code": "invalid_api_key"}}, "auth", "Incorrect"),
        ("404 Not Found", {"error": {"message": "No such model."}}, "not_found", "No such model."),
        ("200 OK", {"client_secret": "?"}, "protocol", "without a secret"),
        ("200 OK", b"<html>", "protocol", "without a secret"),
    ],
)
async def test_why_there_is_none_is_said_without_our_key(registry: Registries, status: str, body: Any, code: str, words: str) -> None:
    async with Scripted(answers(status, body)) as server:
        with pytest.raises(Refused, match=words) as refused:
            await minted(registry(server.url))
    assert refused.value.code == code
    assert KEY not in refused.value.message


async def test_a_host_that_is_not_there_or_makes_none_is_named(registry: Registries) -> None:
    async with Scripted(answers("200 OK", {})) as server:
        gone = server.url
    with pytest.raises(Refused, match=r"127\.0\.0\.1:\d+ cannot be reached"):
        await minted(registry(gone))
    for model in ("sim/voice", "google/gemini-3-live"):
        with pytest.raises(Refused, match="makes no secrets"):
            await minted(registry(gone), model=model)
