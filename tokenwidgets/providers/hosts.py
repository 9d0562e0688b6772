"""Who serves a model: hosts as data. A new compatible vendor is one table in the user's TOML, no class."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..dialects.base import Profile
from ..errors import Refused
from ..events import Billing

_STOPS = (
    "openai azure anthropic fireworks mancer recursal anyscale lepton octoai novita deepinfra together cohere hyperbolic infermatic avian "
    "xai cloudflare sfcompute nineteen liquid friendli chutes deepseek"
)
_RUNS_ON = "amazonbedrock bedrock groq google googlevertex googleaistudio minimax huggingface replicate perplexity mistral"

OPENROUTER_BILLING: Mapping[str, Billing] = {**dict.fromkeys(_STOPS.split(), "yes"), **dict.fromkeys(_RUNS_ON.split(), "no")}
"""What cancelling does at the providers OpenRouter passes calls on to, as its documentation lists them; names in their small letters."""


@dataclass(frozen=True, slots=True)
class Host:
    """One place that serves models.

    Parameters
    ----------
    name : the part of a model name before the separator.
    dialects : wire formats it speaks and the base URL of each; the first is the default.
    key_env : environment variable of its key; None when it takes none.
    key_needed : whether a call without a key is refused here, before anything is sent.
    url_env : environment variable of its address, where that is the user's own; `url_path` is added to it.
    local : whether loopback and private addresses are allowed, for this host alone.
    models : names it is known to serve; empty means the host is asked.
    profile : its quirks.
    cancel_stops_billing : whether closing the connection stops the bill, as its own documentation says; by the name of the provider that
        answers, where it passes calls on.
    key_page : where a key is to be had, for the sentence that asks for it.
    about : one line for listings.
    """

    name: str
    dialects: Mapping[str, str] = field(default_factory=dict)
    key_env: str | None = None
    key_needed: bool = True
    url_env: str | None = None
    url_path: str = ""
    local: bool = False
    models: tuple[str, ...] = ()
    profile: Profile = field(default_factory=Profile)
    cancel_stops_billing: Billing | Mapping[str, Billing] = "unknown"
    key_page: str = ""
    about: str = ""

    @property
    def dialect(self) -> str:
        """The wire format spoken unless a request names another."""
        return next(iter(self.dialects), "")

    @property
    def served_here(self) -> bool:
        """Whether it is no server, but answers inside tokenwidgets."""
        return self.name in ("sim", "replay") or (self.name == "local" and not self.dialects.get(self.dialect))

    def base_url(self, dialect: str) -> str:
        """Where it speaks a dialect of its own.

        Raises
        ------
        Refused : its address is the user's own, and is not known.
        """
        if url := self.dialects[dialect]:
            return url
        place = f'base_url = "https://…" under [hosts.{self.name}] in tokenwidgets.toml'
        raise Refused("bad_request", f"{self.name} is at an address of your own: set {self.url_env} to it, or write {place}.")

    @property
    def bills(self) -> bool:
        """Whether somebody may send a bill: for an own server, or an answer from here, nobody does."""
        return not self.local and not self.served_here

    def billing(self, provider: str = "") -> Billing | None:
        """What cancelling a call does to its bill; None where there is none.

        Parameters
        ----------
        provider : who answered, as a notice `provider` named it; empty while it is not known.
        """
        if not self.bills:
            return None
        told = self.cancel_stops_billing
        return told.get(re.sub(r"[^a-z]", "", provider.lower()), "unknown") if isinstance(told, Mapping) else told


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


def _own(
    name: str, base_url: str, about: str, key_env: str | None = None, further: tuple[str, ...] = (), profile: Profile | None = None
) -> Host:
    """A server of the user's own: loopback allowed, a key only if it asks for one."""
    dialects = dict.fromkeys(("openai-chat", *further), base_url)
    return Host(name, dialects, key_env, key_needed=False, local=True, profile=profile or Profile(), about=about)


LLAMA_CPP = ("openai-chat", "openai-responses", "anthropic-messages")
"""What llama.cpp's server speaks."""

LLAMA_CPP_PROFILE = Profile(native_format=False)
"""And how."""


BUILT_IN: Mapping[str, Host] = {
    host.name: host
    for host in (
        Host("sim", {"openai-chat": ""}, key_needed=False, about="simulated, here; needs nothing"),
        Host("replay", {"openai-chat": ""}, key_needed=False, about="recordings with their timing; needs nothing"),
        Host("local", dict.fromkeys(LLAMA_CPP, ""), key_needed=False, local=True, profile=LLAMA_CPP_PROFILE,
             about="a small model here, by llama.cpp; needs no key"),
        _chat("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "OpenAI", "platform.openai.com/api-keys",
              Profile(max_tokens_field="max_completion_tokens", system_role="developer", obfuscation=False),
              {"openai-responses": "https://api.openai.com/v1", "openai-responses-ws": "wss://api.openai.com/v1",
               "openai-realtime": "wss://api.openai.com/v1"}),
        Host("anthropic", {"anthropic-messages": "https://api.anthropic.com/v1"}, "ANTHROPIC_API_KEY",
             key_page="platform.claude.com/settings/keys", about="Anthropic"),
        Host("google", {"gemini": "https://generativelanguage.googleapis.com/v1beta",
                        "openai-chat": "https://generativelanguage.googleapis.com/v1beta/openai",
                        "gemini-live": "wss://generativelanguage.googleapis.com"}, "GEMINI_API_KEY",
             key_page="aistudio.google.com/apikey", about="Gemini"),
        _chat("deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY", "DeepSeek", "platform.deepseek.com/api_keys",
              Profile(reasoning_style="deepseek"),
              {"openai-responses": "https://api.deepseek.com", "anthropic-messages": "https://api.deepseek.com/anthropic/v1"}),
        Host("azure-openai", dict.fromkeys(("openai-chat", "openai-responses", "openai-realtime"), ""), "AZURE_OPENAI_API_KEY",
             url_env="AZURE_OPENAI_ENDPOINT", url_path="/openai/v1", profile=Profile(max_tokens_field="max_completion_tokens"),
             key_page="ai.azure.com", about="Azure OpenAI, at $AZURE_OPENAI_ENDPOINT; a model is named by its deployment"),
        _chat("tokenpapa", "https://tokenpapa.ai/v1", "TOKENPAPA_API_KEY", "TokenPAPA, an aggregator", "tokenpapa.ai"),
        Host("openrouter", dict.fromkeys(("openai-chat", "openai-responses", "anthropic-messages"), "https://openrouter.ai/api/v1"),
             "OPENROUTER_API_KEY", profile=Profile(reasoning_style="object"), cancel_stops_billing=OPENROUTER_BILLING,
             key_page="openrouter.ai/settings/keys", about="OpenRouter"),
        _chat("xai", "https://api.x.ai/v1", "XAI_API_KEY", "xAI", "console.x.ai", Profile(reasoning_in_output=False),
              {"openai-responses": "https://api.x.ai/v1", "openai-responses-ws": "wss://api.x.ai/v1",
               "openai-realtime": "wss://api.x.ai/v1"}),
        _chat("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "Mistral", "console.mistral.ai/api-keys",
              Profile(stream_usage=False, thoughts_field="")),
        _chat("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "Groq", "console.groq.com/keys",
              Profile(thoughts_field="reasoning")),
        _chat("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", "Together", "api.together.ai/settings/api-keys"),
        _chat("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", "Fireworks",
              "app.fireworks.ai/settings/users/api-keys"),
        _chat("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", "Cerebras", "cloud.cerebras.ai",
              Profile(thoughts_field="reasoning")),
        _chat("huggingface", "https://router.huggingface.co/v1", "HF_TOKEN", "Hugging Face router",
              "huggingface.co/settings/tokens"),
        _own("ollama", "http://127.0.0.1:11434/v1", "an Ollama server on this machine",
             further=("openai-responses", "anthropic-messages")),
        _own("lmstudio", "http://127.0.0.1:1234/v1", "an LM Studio server on this machine", further=("openai-responses",)),
        _own("llamacpp", "http://127.0.0.1:8080/v1", "a llama.cpp server on this machine", "LLAMACPP_API_KEY", LLAMA_CPP[1:],
             LLAMA_CPP_PROFILE),
        _own("vllm", "http://127.0.0.1:8000/v1", "a vLLM server on this machine", "VLLM_API_KEY"),
    )
}  # fmt: skip
"""Hosts that are there without any configuration."""
