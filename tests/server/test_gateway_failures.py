"""What goes wrong behind the gateway, as the vendors' SDKs raise it."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import openai
import pytest
from gateway_tools import BODIES, FAST, HELLO, anthropic_of, openai_of
from server_tools import Access, Caller, Process, Upstream

from tokenwidgets.events import Error
from tokenwidgets.providers.sim import script
from tokenwidgets.request import parse

# Their own clients close connections when they are collected, which is after the test that used them.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.mark.parametrize("model", ["sim/nothing", "nowhere/model", "gpt-without-a-host"])
def test_an_unknown_model_is_not_found(model: str, gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    for call in (
        lambda: gpt.chat.completions.create(model=model, messages=HELLO),
        lambda: gpt.chat.completions.create(model=model, messages=HELLO, stream=True),
        lambda: gpt.responses.create(model=model, input="hello"),
    ):
        with pytest.raises(openai.NotFoundError) as failure:
            call()
        assert (failure.value.type, failure.value.code) == ("invalid_request_error", "model_not_found")
        assert failure.value.request_id
    with pytest.raises(anthropic.NotFoundError) as refused:
        claude.messages.create(model=model, max_tokens=9, messages=HELLO)
    body: Any = refused.value.body
    assert (body["type"], body["error"]["type"], body["request_id"]) == ("error", "not_found_error", refused.value.request_id)


def test_a_bad_option_is_a_bad_request(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    with pytest.raises(openai.BadRequestError, match="temperature"):
        gpt.chat.completions.create(model="sim/steady", messages=HELLO, temperature=9)
    with pytest.raises(openai.BadRequestError, match="itl_ms"):
        gpt.responses.create(model="sim/steady", input="hello", extra_body={"itl_ms": "soon"})
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        claude.messages.create(model="sim/steady", max_tokens=0, messages=HELLO)


def test_a_wrong_key_is_said_to_be_wrong(real: Access) -> None:
    with openai_of(real, "wrong") as gpt, pytest.raises(openai.AuthenticationError, match="Jupyter server's token") as refused:
        gpt.chat.completions.create(model="sim/steady", messages=HELLO)
    assert refused.value.code == "invalid_api_key"
    assert refused.value.response.headers["www-authenticate"] == "Bearer"
    with openai_of(real, "wrong") as gpt, pytest.raises(openai.AuthenticationError):
        gpt.models.list()
    with anthropic_of(real, "wrong") as claude, pytest.raises(anthropic.AuthenticationError):
        claude.messages.create(model="sim/steady", max_tokens=9, messages=HELLO)
    with anthropic_of(real, "wrong") as claude, pytest.raises(anthropic.AuthenticationError) as unlisted:
        claude.models.list()
    assert unlisted.value.body["type"] == "error"  # type: ignore[index, call-overload]


def test_a_provider_without_a_key_is_an_authentication_error(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """The gateway has no key to show there, which is what a vendor would say of such a call; the sentence names the variable."""
    with pytest.raises(openai.AuthenticationError, match="MISTRAL_API_KEY"):
        gpt.chat.completions.create(model="mistral/some-model", messages=HELLO)
    with pytest.raises(anthropic.AuthenticationError, match="MISTRAL_API_KEY"):
        claude.messages.create(model="mistral/some-model", max_tokens=9, messages=HELLO)


def overloaded(at: int) -> tuple[Any, dict[str, Any]]:
    """Messages and options at which the simulator says that it is overloaded, in place of a token; its other ways to fail are a cut."""
    options = {**FAST, "fail_at": at}
    for word in range(100):
        steps = script(parse({"model": "sim/steady", "prompt": str(word), "options": options}))
        if isinstance(steps[-1].event, Error):
            return [{"role": "user", "content": str(word)}], options
    raise AssertionError("it never is")


def test_a_failure_before_the_first_content_has_a_status(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    turns, options = overloaded(0)
    for stream in (True, False):
        with pytest.raises(openai.InternalServerError) as failure:
            gpt.chat.completions.create(model="sim/steady", messages=turns, extra_body=options, stream=stream)
        assert (failure.value.status_code, failure.value.code) == (503, "server_overloaded")
        with pytest.raises(openai.InternalServerError) as failure:
            gpt.responses.create(model="sim/steady", input=turns, extra_body=options, stream=stream)
        assert failure.value.status_code == 503
        with pytest.raises(anthropic.InternalServerError) as busy:
            claude.messages.create(model="sim/steady", max_tokens=9, messages=turns, extra_body=options, stream=stream)
        assert busy.value.status_code == 529


@pytest.mark.parametrize("stream", [True, False])
async def test_a_provider_s_failure_keeps_its_status_and_its_pause(stream: bool, process: Process, real: Access) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        writer.write(head + b'{"error": {"message": "slow down", "type": "rate_limit_error"}}')
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, Caller(real) as caller:
        host = Upstream([])
        host.port = server.sockets[0].getsockname()[1]
        process.config_file.write_text(host.config())
        try:
            for path in BODIES:
                failed = await caller.call("POST", f"v1/{path}", {"model": "scripted/m", "stream": stream, **BODIES[path]})
                assert (failed.status_code, failed.headers["retry-after"]) == (429, "7")
                assert failed.json()["error"]["type"] == "rate_limit_error"
                assert failed.json()["error"]["message"] == "slow down"
                assert failed.headers["x-tokenwidgets-stream"]
        finally:
            process.config_file.unlink()


def test_a_failure_after_it_is_told_in_the_stream(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    turns, options = overloaded(4)
    said: list[Any] = []
    with pytest.raises(openai.APIError, match="overloaded"):
        said.extend(gpt.chat.completions.create(model="sim/steady", messages=turns, extra_body=options, stream=True))
    with pytest.raises(anthropic.APIStatusError) as failure:
        said.extend(claude.messages.create(model="sim/steady", max_tokens=9, messages=turns, extra_body=options, stream=True))
    body: Any = failure.value.body
    assert body["error"]["type"] == "overloaded_error"
    with pytest.raises(openai.APIError, match="overloaded"):
        said.extend(gpt.responses.create(model="sim/steady", input=turns, extra_body=options, stream=True))
    assert said


def test_a_failure_after_it_fails_an_answer_in_one_piece(gpt: openai.OpenAI) -> None:
    turns, options = overloaded(4)
    with pytest.raises(openai.InternalServerError, match="overloaded"):
        gpt.chat.completions.create(model="sim/steady", messages=turns, extra_body=options)
