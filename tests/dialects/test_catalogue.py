"""What each host tells of its models, as it writes it, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenwidgets import dialects
from tokenwidgets.dialects.catalogue import CAPABILITIES, seconds

CHAT, MESSAGES, GEMINI = (dialects.get(name) for name in ("openai-chat", "anthropic-messages", "gemini"))

OPENROUTER = {
    "id": "vendor/model", "name": "Vendor: Model", "created": 1741636567, "context_length": 131072,
    "architecture": {"modality": "text+image->text", "input_modalities": ["text", "image", "file", "audio", "video"],
                     "output_modalities": ["text"], "tokenizer": "Other", "instruct_type": None},
    "pricing": {"prompt": "0.0000005", "completion": "0.0000015", "request": "0", "image": "0.001", "input_cache_read": "0.0000001"},
    "top_provider": {"context_length": 131072, "max_completion_tokens": 8192, "is_moderated": False},
    "supported_parameters": ["max_tokens", "temperature", "tools", "reasoning", "structured_outputs"],
}  # fmt: skip

CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "OpenRouter": (CHAT, OPENROUTER, {
        "name": "Vendor: Model", "created": 1741636567, "context": 131072, "max_output": 8192,
        "capabilities": ["text", "reasoning", "tools", "images", "audio", "video", "files", "json_schema"],
        "price": {"input": 5e-7, "output": 1.5e-6, "cache_read": 1e-7}}),
    "OpenRouter's router, whose price varies": (CHAT, {"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}}, {}),
    "a model that costs nothing": (
        CHAT, {"id": "free", "pricing": {"prompt": "0", "completion": "0"}}, {"price": {"input": 0.0, "output": 0.0}}),
    "a model that draws": (
        CHAT, {"id": "draws", "architecture": {"input_modalities": ["text"], "output_modalities": ["image"]}}, {}),
    "OpenAI": (
        CHAT, {"id": "gpt", "object": "model", "created": 1686588896, "owned_by": "openai"}, {"created": 1686588896, "owned_by": "openai"}),
    "Mistral": (
        CHAT, {"id": "m", "created": 1754042468, "owned_by": "mistralai", "name": "M", "max_context_length": 131072, "type": "base",
               "capabilities": {"completion_chat": True, "completion_fim": False, "function_calling": True, "vision": False}},
        {"name": "M", "created": 1754042468, "owned_by": "mistralai", "context": 131072, "capabilities": ["text", "tools"]}),
    "Groq": (
        CHAT, {"id": "g", "owned_by": "Meta", "active": True, "context_window": 131072, "max_completion_tokens": 32768},
        {"owned_by": "Meta", "context": 131072, "max_output": 32768}),
    "Together": (
        CHAT, {"id": "t", "type": "chat", "display_name": "T", "organization": "mistralai", "context_length": 32768,
               "pricing": {"hourly": 0, "input": 0.2, "output": 0.6, "base": 0, "finetune": 0}},
        {"name": "T", "owned_by": "mistralai", "context": 32768, "capabilities": ["text"], "price": {"input": 2e-7, "output": 6e-7}}),
    "Fireworks": (
        CHAT, {"id": "f", "kind": "HF_BASE_MODEL", "supports_chat": True, "supports_image_input": False, "supports_tools": True,
               "context_length": 163840},
        {"context": 163840, "capabilities": ["text", "tools"]}),
    "xAI": (
        CHAT, {"id": "grok", "input_modalities": ["text", "image"], "output_modalities": ["text"], "prompt_text_token_price": 30000,
               "completion_text_token_price": 150000, "cached_prompt_text_token_price": 7500},
        {"capabilities": ["text", "images"], "price": {"input": 3e-6, "output": 1.5e-5, "cache_read": 7.5e-7}}),
    "Hugging Face": (
        CHAT, {"id": "org/m", "owned_by": "org", "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
               "providers": [{"provider": "a", "context_length": 8192, "supports_tools": True, "supports_structured_output": False},
                             {"provider": "b", "status": "error"}, {"provider": "c", "context_length": 65536}]},
        {"owned_by": "org", "context": 65536, "capabilities": ["text", "tools"]}),
    "llama.cpp": (
        CHAT, {"id": "smol", "aliases": ["smol"], "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
               "created": 1795366673, "owned_by": "llamacpp", "meta": {"n_ctx": 2048, "n_ctx_train": 8192, "size": 96576768}},
        {"owned_by": "llamacpp", "created": 1795366673, "context": 2048, "capabilities": ["text"]}),
    "llama.cpp, a model that is not loaded": (
        CHAT, {"id": "smol", "status": {"value": "unloaded"}, "meta": {"n_ctx_train": 8192}}, {"context": 8192}),
    "vLLM": (CHAT, {"id": "v", "owned_by": "vllm", "max_model_len": 32768}, {"owned_by": "vllm", "context": 32768}),
    "LM Studio": (
        CHAT, {"id": "q", "type": "llm", "max_context_length": 32768, "capabilities": ["tool_use"]},
        {"context": 32768, "capabilities": ["tools"]}),
    "Ollama": (CHAT, {"id": "llama3:8b", "created": 5, "owned_by": "library"}, {"created": 5, "owned_by": "library"}),
    "Azure": (
        CHAT, {"id": "gpt", "lifecycle_status": "generally-available", "capabilities": {"chat_completion": True, "embeddings": False}},
        {"capabilities": ["text"]}),
    "Anthropic": (
        MESSAGES, {"id": "claude", "type": "model", "display_name": "Claude", "created_at": "2026-02-04T00:00:00Z", "lifecycle": "active",
                   "max_input_tokens": 200000, "max_tokens": 64000,
                   "capabilities": {"image_input": {"supported": True}, "pdf_input": {"supported": True}, "batch": {"supported": True},
                                    "thinking": {"supported": True, "types": {}}, "structured_outputs": {"supported": False}}},
        {"name": "Claude", "created": 1770163200, "context": 200000, "max_output": 64000,
         "capabilities": ["reasoning", "images", "files"]}),
    "Anthropic, of unknown age": (MESSAGES, {"id": "claude", "created_at": "1970-01-01T00:00:00Z"}, {}),
    "Gemini": (
        GEMINI, {"name": "models/gemini", "displayName": "Gemini", "inputTokenLimit": 1048576, "outputTokenLimit": 65536, "thinking": True,
                 "supportedGenerationMethods": ["generateContent", "countTokens"]},
        {"name": "Gemini", "context": 1048576, "max_output": 65536, "capabilities": ["text", "reasoning"]}),
    "Gemini, also live": (
        GEMINI, {"name": "models/live", "supportedGenerationMethods": ["generateContent", "bidiGenerateContent"]},
        {"capabilities": ["text", "realtime"]}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_a_host_tells(case: str) -> None:
    dialect, raw, told = CASES[case]
    place = "models" if dialect is GEMINI else "data"
    (model,) = dialect.models(json.dumps({place: [raw]}).encode())
    name = raw.get("id") or raw["name"].removeprefix("models/")
    assert model == {"id": name, **{k: pytest.approx(v) if k == "price" else v for k, v in told.items()}}


@pytest.mark.parametrize("dialect", [CHAT, MESSAGES, GEMINI], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("raw", [b"", b"<html>", b"{}", b"null", b"5", b'{"data": 5, "models": 5}', b"\xff", b"[" * 500])
def test_what_is_no_catalogue_is_an_empty_one(dialect: Any, raw: bytes) -> None:
    assert dialect.models(raw) == []


FIELDS = sorted({field for dialect, raw, _ in CASES.values() if dialect is CHAT for field in raw} | {"data", "models", "name"})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FIELDS, "prompt", "input", "n_ctx"]), inner, max_size=4),
)


@given(VALUES)
def test_any_catalogue_gives_names_and_what_is_well_of_the_rest(raw: Any) -> None:
    for dialect in (CHAT, MESSAGES, GEMINI):
        for model in dialect.models(json.dumps({"data": raw, "models": raw}).encode()):
            assert isinstance(model["id"], str)
            assert set(model.get("capabilities", ())) <= set(CAPABILITIES)
            assert all(isinstance(model.get(field, 1), int) for field in ("created", "context", "max_output"))
            assert all(price >= 0 for price in model.get("price", {}).values())
            json.dumps(model, allow_nan=False)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [("2026-02-04T00:00:00Z", 1770163200), ("1970-01-01T00:00:00Z", None), ("", None), (None, None), (5, None), ("soon", None)],
)
def test_instants(instant: Any, expected: int | None) -> None:
    assert seconds(instant) == expected
