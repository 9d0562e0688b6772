"""What a vendor's SDK is given for a call: its arguments, and what it does not know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..dialects.anthropic_messages import VERSION
from ..errors import Refused
from . import literals

if TYPE_CHECKING:
    from .calls import Call

CHAT = (
    "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model",
    "n", "parallel_tool_calls", "prediction", "presence_penalty", "reasoning_effort", "response_format", "seed", "service_tier", "stop",
    "store", "stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity",
)  # fmt: skip
"""Fields that `chat.completions.create` takes as arguments; every other goes in its `extra_body`."""

RESPONSES = (
    "conversation", "include", "input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model", "parallel_tool_calls",
    "previous_response_id", "prompt", "reasoning", "service_tier", "store", "stream", "stream_options", "temperature", "text",
    "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
)  # fmt: skip
"""Those of `responses.create`."""

MESSAGES = (
    "max_tokens", "messages", "metadata", "model", "output_config", "service_tier", "stop_sequences", "stream", "system", "thinking",
    "tool_choice", "tools",
)  # fmt: skip
"""Those of `messages.create`. Since version 2 `temperature` and `top_p` are none (wire-formats section 4.1)."""

GENERATION = (
    "candidateCount", "frequencyPenalty", "logprobs", "maxOutputTokens", "mediaResolution", "presencePenalty", "responseJsonSchema",
    "responseLogprobs", "responseMimeType", "responseModalities", "responseSchema", "seed", "speechConfig", "stopSequences", "temperature",
    "thinkingConfig", "topK", "topP",
)  # fmt: skip
"""Fields of Gemini's `generationConfig` that stand in the SDK's `config`."""

CONFIG = ("cachedContent", "safetySettings", "systemInstruction", "toolConfig", "tools")
"""Fields of Gemini's request that stand there as well."""


def _arguments(arguments: Mapping[str, Any]) -> str:
    return "".join(f"{name}={literals.python(value)},\n" for name, value in arguments.items()).rstrip("\n")


def _known(body: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """A body as arguments, and what is none of them in `extra_body`."""
    further = _but(body, names)
    return _arguments(_only(body, names) | ({"extra_body": further} if further else {}))


def _only(fields: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in names}


def _but(fields: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _openai(names: tuple[str, ...]) -> Callable[[Call], dict[str, str]]:
    return lambda call: {"base_url": literals.python(call.base_url), "arguments": _known(call.body, names)}


def _anthropic(call: Call) -> dict[str, str]:
    base_url, v1, rest = call.base_url.rpartition("/v1")
    if not v1 or rest:
        raise Refused("bad_request", f"Anthropic's SDK calls addresses below /v1 only, not {call.base_url}: take 'python-httpx'.")
    version = literals.python({"anthropic-version": VERSION})
    return {"base_url": literals.python(base_url), "version": version, "arguments": _known(call.body, MESSAGES)}


def _gemini(call: Call) -> dict[str, str]:
    base_url, _, version = call.base_url.rpartition("/")
    generation = call.body.get("generationConfig", {})
    config = _only(call.body, CONFIG) | _only(generation, GENERATION)
    further = _but(call.body, ("contents", "generationConfig", *CONFIG))
    if unknown := _but(generation, GENERATION):
        further["generationConfig"] = unknown
    if further:
        config["httpOptions"] = {"extraBody": further}
    arguments = {"model": call.model, "contents": call.body["contents"]} | ({"config": config} if config else {})
    return {"base_url": literals.python(base_url), "version": literals.python(version), "arguments": _arguments(arguments)}


VALUES: Mapping[str, Callable[[Call], dict[str, str]]] = {
    "openai-chat": _openai(CHAT), "openai-responses": _openai(RESPONSES), "anthropic-messages": _anthropic, "gemini": _gemini,
}  # fmt: skip
"""What is put in each dialect's template, beside the key."""
