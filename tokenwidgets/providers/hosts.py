"""Who serves a model: hosts as data. A new compatible vendor is one table in the user's TOML, no class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..dialects.base import Profile


@dataclass(frozen=True, slots=True)
class Host:
    """One place that serves models.

    Parameters
    ----------
    name : the part of a model name before the separator.
    dialects : wire formats it speaks and the base URL of each; the first is the default.
    key_env : environment variable of its key; None when it takes none.
    key_needed : whether a call without a key is refused here, before anything is sent.
    local : whether loopback and private addresses are allowed, for this host alone.
    models : names it is known to serve; empty means the host is asked.
    profile : its quirks.
    key_page : where a key is to be had, for the sentence that asks for it.
    about : one line for listings.
    """

    name: str
    dialects: Mapping[str, str] = field(default_factory=dict)
    key_env: str | None = None
    key_needed: bool = True
    local: bool = False
    models: tuple[str, ...] = ()
    profile: Profile = field(default_factory=Profile)
    key_page: str = ""
    about: str = ""

    @property
    def dialect(self) -> str:
        """The wire format spoken unless a request names another."""
        return next(iter(self.dialects), "")


def _chat(
    name: str,
    base_url: str,
    key_env: str,
    about: str,
    key_page: str = "",
    profile: Profile | None = None,
    further: Mapping[str, str] | None = None,
) -> Host:
    dialects = {"openai-chat": base_url, **(further or {})}
    return Host(name, dialects, key_env, profile=profile or Profile(), key_page=key_page, about=about)


def _own(name: str, base_url: str, about: str, key_env: str | None = None, further: tuple[str, ...] = ()) -> Host:
    """A server of the user's own: loopback allowed, a key only if it asks for one."""
    return Host(name, dict.fromkeys(("openai-chat", *further), base_url), key_env, key_needed=False, local=True, about=about)


LLAMA_CPP = ("openai-chat", "openai-responses", "anthropic-messages")
"""What llama.cpp's server speaks."""


BUILT_IN: Mapping[str, Host] = {
    host.name: host
    for host in (
        Host("sim", {"openai-chat": ""}, key_needed=False, about="simulated, here; needs nothing"),
        Host("replay", {"openai-chat": ""}, key_needed=False, about="recordings with their timing; needs nothing"),
        Host("local", dict.fromkeys(LLAMA_CPP, ""), key_needed=False, local=True, about="a small model here, by llama.cpp; needs no key"),
        _chat("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "OpenAI", "platform.openai.com/api-keys",
              Profile(max_tokens_field="max_completion_tokens", system_role="developer", obfuscation=False),
              {"openai-responses": "https://api.openai.com/v1"}),
        Host("anthropic", {"anthropic-messages": "https://api.anthropic.com/v1"}, "ANTHROPIC_API_KEY",
             key_page="platform.claude.com/settings/keys", about="Anthropic"),
        Host("google", {"gemini": "https://generativelanguage.googleapis.com/v1beta",
                        "openai-chat": "https://generativelanguage.googleapis.com/v1beta/openai"}, "GEMINI_API_KEY",
             key_page="aistudio.google.com/apikey", about="Gemini"),
        _chat("deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY", "DeepSeek", "platform.deepseek.com/api_keys",
              Profile(reasoning_style="deepseek"),
              {"openai-responses": "https://api.deepseek.com", "anthropic-messages": "https://api.deepseek.com/anthropic/v1"}),
        _chat("tokenpapa", "https://tokenpapa.ai/v1", "TOKENPAPA_API_KEY", "TokenPAPA, an aggregator"),
        _chat("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "OpenRouter", "openrouter.ai/settings/keys",
              Profile(reasoning_style="object"),
              dict.fromkeys(("openai-responses", "anthropic-messages"), "https://openrouter.ai/api/v1")),
        _chat("xai", "https://api.x.ai/v1", "XAI_API_KEY", "xAI", "console.x.ai", Profile(reasoning_in_output=False),
              {"openai-responses": "https://api.x.ai/v1"}),
        _chat("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "Mistral", "console.mistral.ai/api-keys",
              Profile(stream_usage=False)),
        _chat("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "Groq", "console.groq.com/keys"),
        _chat("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", "Together"),
        _chat("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", "Fireworks"),
        _chat("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", "Cerebras"),
        _chat("huggingface", "https://router.huggingface.co/v1", "HF_TOKEN", "Hugging Face router"),
        _own("ollama", "http://127.0.0.1:11434/v1", "an Ollama server on this machine",
             further=("openai-responses", "anthropic-messages")),
        _own("lmstudio", "http://127.0.0.1:1234/v1", "an LM Studio server on this machine", further=("openai-responses",)),
        _own("llamacpp", "http://127.0.0.1:8080/v1", "a llama.cpp server on this machine", "LLAMACPP_API_KEY", LLAMA_CPP[1:]),
        _own("vllm", "http://127.0.0.1:8000/v1", "a vLLM server on this machine", "VLLM_API_KEY"),
    )
}  # fmt: skip
"""Hosts that are there without any configuration."""
