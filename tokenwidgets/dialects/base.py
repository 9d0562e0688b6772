"""What a dialect is: one wire format, both ways, without I/O.

A dialect imports no asyncio, socket, time or ssl. Any chunking of the same bytes gives the same events. Any bytes at all give events
and exactly one terminal event, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from ..events import Error, Event, Notice
from ..request import Request

ReasoningStyle: TypeAlias = Literal["effort", "object", "deepseek", "none"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Quirks of a host or model family, as data.

    Parameters
    ----------
    max_tokens_field : name under which the output limit travels.
    reasoning_in_output : whether the provider's output count already contains its reasoning tokens (xAI's does not).
    system_role : role of the system message.
    thoughts_field : name under which an assistant's message takes its own thoughts back, in chat completions; empty where it takes none.
        Groq, Cerebras and Mistral refuse every field they do not know.
    reasoning_style : how effort is asked for: `effort` is a field `reasoning_effort`, `object` is `reasoning: {effort}` (OpenRouter),
        `deepseek` is DeepSeek's `thinking` switch beside the field; with `none` it is not asked for at all.
    stream_usage : whether `stream_options.include_usage` is understood.
    obfuscation : the value for `stream_options.include_obfuscation`; None where the host does not know it. OpenAI pads every chunk
        unless told False.
    native_format : whether Responses and Messages take the form of the answer in their own fields. llama.cpp knows the
        `response_format` of chat completions alone, in its Responses too.
    """

    max_tokens_field: str = "max_tokens"
    reasoning_in_output: bool = True
    system_role: str = "system"
    thoughts_field: str = "reasoning_content"
    reasoning_style: ReasoningStyle = "effort"
    stream_usage: bool = True
    obfuscation: bool | None = None
    native_format: bool = True


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request ready to send: `path` is below the host's base URL, `body` is JSON text; no key is in it."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Decoder(Protocol):
    """Bytes of one response body in, events out."""

    finishing: bool
    """A finish frame was seen: nothing but usage and the end marker is still to come, within 1 s."""

    done: bool
    """The terminal event was given; what is fed afterwards is ignored."""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes of the body, in any chunking."""
        ...

    def close(self) -> list[Event]:
        """The body has ended, or the time after the finish frame is up: give what is left and the terminal event, if not given yet."""
        ...


class Dialect(Protocol):
    """One wire format."""

    name: str

    def encode(self, request: Request, profile: Profile) -> HttpCall:
        """The streaming call for a request."""
        ...

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The headers that carry the key."""
        ...

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one response."""
        ...

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Error:
        """What an HTTP answer that is no stream means."""
        ...

    def head(self, headers: Mapping[str, str]) -> list[Notice]:
        """What the head of a good response says: rate limits, ids."""
        ...

    def models(self, body: bytes) -> list[Mapping[str, Any]]:
        """The models of a catalogue answer; empty when it is none.

        Each has `id` and, where the host tells it, `name`, `owned_by`, `created` (Unix seconds), `context` and `max_output` (tokens),
        `capabilities` (of `catalogue.CAPABILITIES`) and `price` (USD per token by kind of token).
        """
        ...
