"""The same call as a program without this package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import dialects
from .errors import Refused
from .providers import config
from .providers.hosts import Host
from .request import parse

LANGUAGES = ("python", "curl")


def code(request: Mapping[str, Any], language: str = "python") -> str:
    """A complete program that makes a request's call.

    Parameters
    ----------
    request : its JSON, with a model.
    language : one of `LANGUAGES`.

    Raises
    ------
    Refused : the language is not known, or the host is no server that another program could call.
    """
    if language not in LANGUAGES:
        raise Refused("bad_request", f"Code can be had in {' or '.join(LANGUAGES)}, not {language!r}.")
    settings = config.load()
    checked = parse(request)
    host = settings.host(checked.host)
    if "openai-chat" not in host.dialects:
        raise Refused("bad_request", f"Code is written for OpenAI's chat completions, which {host.name} does not speak.")
    if host.served_here:
        raise Refused("bad_request", f"{host.name} answers inside tokenwidgets: no other program can call it.")
    call = dialects.get("openai-chat").encode(checked, host.profile)
    body = json.loads(call.body)
    return _python(host, body) if language == "python" else _curl(host, call.path, body)


_SDK = (
    "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model",
    "n", "parallel_tool_calls", "prediction", "presence_penalty", "reasoning_effort", "response_format", "seed", "service_tier", "stop",
    "store", "stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity",
)  # fmt: skip
"""Fields that OpenAI's SDK takes as arguments; every other goes in its `extra_body`."""


def _python(host: Host, body: dict[str, Any]) -> str:
    known = {name: value for name, value in body.items() if name in _SDK}
    further = {name: value for name, value in body.items() if name not in _SDK}
    arguments = "".join(f"    {name}={value!r},\n" for name, value in {**known, **({"extra_body": further} if further else {})}.items())
    return f"""\
import os

from openai import OpenAI

client = OpenAI(base_url={host.base_url("openai-chat")!r}, api_key={_key(host)})
stream = client.chat.completions.create(
{arguments})
for chunk in stream:
    if chunk.choices and chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
"""


def _key(host: Host) -> str:
    if host.key_env is None:
        return '"none needed"'
    return f'os.environ["{host.key_env}"]' if host.key_needed else f'os.environ.get("{host.key_env}", "none needed")'


def _curl(host: Host, path: str, body: dict[str, Any]) -> str:
    key = f' \\\n  -H "Authorization: Bearer ${host.key_env}"' if host.key_env else ""
    data = json.dumps(body, ensure_ascii=False, indent=2).replace("'", "'\\''")
    return f"curl -N {host.base_url('openai-chat')}{path}{key} \\\n  -H 'Content-Type: application/json' \\\n  -d '{data}'\n"
