"""Transcription and speech over HTTP, in the form of OpenAI's `audio/transcriptions` and `audio/speech`, which many hosts have."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any

import httpx

from .. import dialects
from ..errors import Refused
from ..providers import keys
from ..providers.hosts import Host
from ..providers.http import connection_error
from ..providers.key_filter import KeyFilter
from ..providers.keys import Given, Secret
from ..providers.upstream import Response, Upstream
from .clip import FILE_BYTES, Clip

DIALECT = "openai-chat"
"""The hosts that have these are those that speak chat completions, at the same address, with the same key."""

CALL_SECONDS = 120.0
"""Longest wait for a call."""

VOICE = "alloy"
"""The voice that is asked for where none is named: OpenAI's first; other hosts have their own names."""


class SpeechHost:
    """A host that transcribes and speaks.

    Parameters
    ----------
    host : where.
    upstream : its connections.
    given : its key in place of the configured one.

    Raises
    ------
    Refused : it does not speak the format, or there is no key.
    """

    def __init__(self, host: Host, upstream: Upstream, given: Given | None = None) -> None:
        if DIALECT not in host.dialects or host.served_here:
            raise Refused("bad_request", f"{host.name} transcribes and speaks nothing in OpenAI's format: ask openai, groq or local/voice.")
        self._url = host.base_url(DIALECT)
        self._upstream = upstream
        key = given.key if given else keys.need(host)
        self._secret: Secret | None = key.secret if key else None
        self._dialect = dialects.get(DIALECT)

    async def transcribe(self, model: str, clip: Clip) -> str:
        """The words of a clip. Raises `Refused` where the host does."""
        content, form = _form(clip.wav(), {"model": model, "response_format": "json"})
        answer = await self._call("/audio/transcriptions", content, form)
        try:
            return str(json.loads(answer)["text"]).strip()
        except (ValueError, KeyError, TypeError):
            raise Refused("protocol", "The host's transcription has no text.") from None

    async def speak(self, model: str, text: str, voice: str | None) -> Clip:
        """A text as sound. Raises `Refused` where the host does."""
        asked = {"model": model, "input": text, "voice": voice or VOICE, "response_format": "wav"}
        return Clip.open(await self._call("/audio/speech", "application/json", json.dumps(asked).encode()))

    async def _call(self, path: str, content: str, body: bytes) -> bytes:
        headers = {**self._dialect.headers(self._secret.reveal() if self._secret else None), "content-type": content}
        try:
            async with asyncio.timeout(CALL_SECONDS), self._upstream.request("POST", self._url + path, headers, body) as response:
                answer = await _read(response)
        except TimeoutError:
            raise Refused("timeout", f"The host did not answer within {CALL_SECONDS:g} s.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as e:
            error = connection_error(e, self._url)
            raise Refused(error.code, error.message) from None
        if response.status >= 300:
            error = self._dialect.failure(response.status, response.headers, KeyFilter(self._secret).whole(answer))
            raise Refused(error.code, error.message, response.status)
        return answer


async def _read(response: Response) -> bytes:
    data = bytearray()
    async for chunk, _ in response.chunks():
        data += chunk
        if len(data) > FILE_BYTES:
            raise Refused("limit", f"The host's answer has more than {FILE_BYTES // 2**20} MiB.")
    return bytes(data)


def _form(wav: bytes, fields: Mapping[str, Any]) -> tuple[str, bytes]:
    """A file and fields as `multipart/form-data` (RFC 7578): its content type and bytes."""
    boundary = secrets.token_hex(16)
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts.append(b'Content-Disposition: form-data; name="file"; filename="speech.wav"\r\nContent-Type: audio/wav\r\n\r\n' + wav)
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts)
    return f"multipart/form-data; boundary={boundary}", body + b"--%b--\r\n" % boundary.encode()
