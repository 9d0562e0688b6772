"""The wire format of OpenAI's Responses over SSE, and of the servers that speak it (wire-formats section 2)."""

from __future__ import annotations

from ..request import Request
from . import messages, responses_request
from .base import Decoder, HttpCall, Profile
from .openai_chat import OpenAIChat
from .responses_decoder import ResponsesDecoder


class OpenAIResponses(OpenAIChat):
    """Responses over SSE. Keys, heads, HTTP failures and catalogues are those of chat completions, which the same hosts speak."""

    name = "openai-responses"

    def encode(self, request: Request, profile: Profile) -> HttpCall:
        """The streaming call for a request.

        An assistant's message may hold `carry`, the `opaque` values of its stream's carry events in their order: they go back as they
        came, before its text and calls, or instead of those they hold themselves.

        Raises
        ------
        Refused : an option or a message that this format cannot say, or a value that cannot be written as JSON.
        """
        return messages.call("/responses", responses_request.body(request, profile), messages.STREAM_HEADERS)

    def decoder(self, profile: Profile) -> Decoder:
        """A fresh decoder for one response."""
        return ResponsesDecoder(profile)
