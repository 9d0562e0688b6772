"""A model in the catalogues of OpenAI and of the hosts that speak like it, each of which tells more in fields of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .catalogue import capabilities, entry
from .untrusted import count, items, mapping, number, objects, string

T = TypeVar("T")

_NAME = ("name", "display_name")
_OWNER = ("owned_by", "organization")
_CONTEXT = ("context_length", "context_window", "max_model_len", "max_context_length")
"""In this order: OpenRouter, Together, Fireworks; Groq; vLLM; Mistral, LM Studio."""

_MAX_OUTPUT = ("max_completion_tokens", "max_output_tokens")

_PER_TOKEN = {"input": "prompt", "output": "completion", "cache_read": "input_cache_read", "cache_write": "input_cache_write"}
"""OpenRouter's prices, USD per token, as text."""

_PER_MILLION = {"input": "input", "output": "output"}
"""Together's, USD per million tokens, as numbers."""

_XAI = {"input": "prompt_text_token_price", "output": "completion_text_token_price", "cache_read": "cached_prompt_text_token_price"}
"""xAI's, US cents per hundred million tokens, as numbers."""


def model(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """One model: what the host tells of it, of the provider behind it (OpenRouter) or of the several ones (Hugging Face)."""
    told = {**mapping(raw.get("top_provider")), **{name: value for name, value in raw.items() if value is not None}}
    return entry(
        raw["id"],
        name=_first(told, _NAME, string),
        owned_by=_first(told, _OWNER, string),
        created=count(told.get("created")),
        context=_first(told, _CONTEXT, count) or _served(told),
        max_output=_first(told, _MAX_OUTPUT, count),
        capabilities=_can(told),
        price=_price(told),
    )


def _first(told: Mapping[str, Any], names: tuple[str, ...], read: Callable[[Any], T]) -> T | None:
    return next((value for name in names if (value := read(told.get(name)))), None)


def _served(told: Mapping[str, Any]) -> int | None:
    """The context of a running llama.cpp server, or what its model was trained for; the longest of Hugging Face's providers."""
    lengths = [count(provider.get("context_length")) or 0 for provider in objects(told.get("providers"))]
    return _first(mapping(told.get("meta")), ("n_ctx", "n_ctx_train"), count) or max(lengths, default=0) or None


def _can(told: Mapping[str, Any]) -> list[str]:
    """Hosts tell modalities (OpenRouter, Hugging Face, xAI, llama.cpp), a list (LM Studio), or flags (Mistral, Azure, Fireworks)."""
    modalities = {**told, **mapping(told.get("architecture"))}
    reads = [word for word in items(modalities.get("input_modalities")) if word != "text"]
    writes = [word for word in items(modalities.get("output_modalities")) if word == "text"]
    kind = [told.get("type")]
    return capabilities(
        reads, writes, kind, told, told.get("capabilities"), told.get("supported_parameters"), *objects(told.get("providers"))
    )


def _price(told: Mapping[str, Any]) -> dict[str, float]:
    pricing = mapping(told.get("pricing"))
    return _prices(pricing, _PER_TOKEN, _decimal, 1) or _prices(pricing, _PER_MILLION, number, 1e6) or _prices(told, _XAI, number, 1e10)


def _prices(told: Mapping[str, Any], names: Mapping[str, str], read: Callable[[Any], float | None], tokens: float) -> dict[str, float]:
    """USD per token, of those prices that are told; a negative one (OpenRouter's routers) says that it varies."""
    found = {ours: read(told.get(theirs)) for ours, theirs in names.items()}
    return {name: price / tokens for name, price in found.items() if price is not None and price >= 0}


def _decimal(value: Any) -> float | None:
    try:
        return number(float(string(value)))
    except ValueError:
        return None
