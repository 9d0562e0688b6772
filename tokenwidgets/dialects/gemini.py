"""The wire format of Google's Gemini, generateContent (wire-formats section 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..errors import Refused
from ..events import Error, Notice
from ..request import Request
from . import catalogue, gemini_failures, gemini_request, messages
from .base import Decoder, HttpCall, Profile
from .gemini_decoder import GeminiDecoder
from .untrusted import count, items, string


class Gemini:
    """generateContent over SSE, below a base URL such as `https://generativelanguage.googleapis.com/v1beta`."""

    name = "gemini"

    def encode(self, request: Request, profile: Profile) -> HttpCall:
        """The streaming call for a request.

        An assistant's message may hold `carry`, the `opaque` values of its stream's carry events in their order: they are its whole
        content and go back as they came.

        Raises
        ------
        Refused : the model's name is none, a message cannot be said in this format, or a value cannot be written as JSON.
        """
        path = f"/{_model_path(request.name)}:streamGenerateContent?alt=sse"
        return messages.call(path, gemini_request.body(request, profile), messages.STREAM_HEADERS)

    def headers(self, key: str | None) -> Mapping[str, str]:
        """The headers that carry the key; it is never part of the URL."""
        return {"x-goog-api-key": key} if key else {}

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one response."""
        return GeminiDecoder()

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> Error:
        """What an HTTP answer that is no stream means."""
        return gemini_failures.failure(status, headers, body)

    def head(self, headers: Mapping[str, str]) -> list[Notice]:
        """Nothing: Google's answers tell no rate limits."""
        return []

    def models(self, body: bytes) -> list[Mapping[str, Any]]:
        """See `Dialect.models`; those that embed, draw or only speak live are left out."""
        return [_model(raw) for raw in catalogue.listed(body, "models", "name") if _answers(raw)]


def _model_path(name: str) -> str:
    """The model's resource name, percent-encoded; `models/` is its default collection."""
    if any(step in ("", ".", "..") for step in name.split("/")):
        raise Refused("bad_request", f"{name!r} is no name of a Gemini model.")
    full = name if name.startswith(("models/", "tunedModels/")) else f"models/{name}"
    return quote(full.encode("utf-8", "replace"), safe="/-_.~")


def _answers(raw: Mapping[str, Any]) -> bool:
    methods = items(raw.get("supportedGenerationMethods"))
    return not methods or "generateContent" in methods


def _model(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return catalogue.entry(
        raw["name"].removeprefix("models/"),
        name=string(raw.get("displayName")),
        context=count(raw.get("inputTokenLimit")),
        max_output=count(raw.get("outputTokenLimit")),
        capabilities=catalogue.capabilities(raw.get("supportedGenerationMethods"), raw),
    )
