"""Speech to words and words to speech, without a session: `tw.transcribe` and `tw.speak`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import api
from ..errors import Refused
from ..portal import portal
from ..provider import Provider
from ..providers.registry import VOICE, Registry
from ..request import split_model
from .clip import Clip
from .parts import Voice
from .pipeline import checked
from .settings import Settings
from .speech_http import SpeechHost
from .turns import HEARD_RATE

LOCAL = "local/voice"

TEXT_CHARS = 20_000
"""The longest text that is spoken: twenty minutes."""


@dataclass(frozen=True, slots=True)
class Transcription:
    """What is said in a sound.

    Parameters
    ----------
    text : the words.
    seconds : how long the sound is.
    model : who wrote it down.
    """

    text: str
    seconds: float
    model: str

    def __str__(self) -> str:
        return self.text


def transcribe(sound: Any, model: str = LOCAL, *, rate: int | None = None, provider: Provider | None = None) -> Transcription:
    """Write down what is said; returns when it is done.

    Parameters
    ----------
    sound, rate : a `Clip`, a path, the bytes of a file or an array, as `Clip.open` takes them.
    model : `local/voice`, or `host/model` of a host that transcribes in OpenAI's format, such as openai/gpt-4o-mini-transcribe.
    provider : host and key in place of those configured.

    Raises
    ------
    Refused : it is no sound, or the model does not take it: the sentence says why.

    Examples
    --------
    >>> tw.transcribe("question.wav").text
    """
    clip = Clip.open(sound, rate)
    return Transcription(portal().run(_written(clip, model, provider)), clip.seconds, model)


def speak(text: str, model: str = LOCAL, *, voice: str | None = None, provider: Provider | None = None) -> Clip:
    """Read a text out; returns when all of it is there. In a notebook the clip shows a player.

    Parameters
    ----------
    text : what to say.
    model : `local/voice`, `sim/voice`, or `host/model` of a host that speaks in OpenAI's format, such as openai/gpt-4o-mini-tts.
    voice : by the host's own name.
    provider : host and key in place of those configured.

    Raises
    ------
    Refused : the text is empty or too long, there is no such voice, or the host does not answer: the sentence says which.
    """
    if not 0 < len(text.strip()) <= TEXT_CHARS:
        raise Refused("bad_request", f"A text to be spoken has from 1 to {TEXT_CHARS} characters.")
    return portal().run(_spoken(text, model, voice, provider))


async def _written(clip: Clip, model: str, provider: Provider | None) -> str:
    registry = api.in_kernel().hub.registry
    host, name = split_model(provider.named(model) if provider else registry.config().model(model))
    if (parts := _parts(registry, host, name)) is None:
        return await _host(registry, host, provider).transcribe(name, clip)
    await parts.hears.load()
    return await parts.hears.transcribe(clip.resampled(HEARD_RATE).pcm)


async def _spoken(text: str, model: str, voice: str | None, provider: Provider | None) -> Clip:
    registry = api.in_kernel().hub.registry
    host, name = split_model(provider.named(model) if provider else registry.config().model(model))
    if (parts := _parts(registry, host, name)) is None:
        return await _host(registry, host, provider).speak(name, text, voice)
    checked(Settings(voice=voice), parts)
    await parts.speaks.load()
    return Clip(b"".join([pcm async for pcm in parts.speaks.speak(text, voice)]))


def _parts(registry: Registry, host: str, name: str) -> Voice | None:
    """The parts of a voice of ours; None for a host's."""
    if host not in ("sim", "local") or not registry.config().host(host).served_here:
        return None
    if name != VOICE:
        raise Refused("bad_request", f"{host}/{name} has no voice: it is {host}/{VOICE} that transcribes and speaks.")
    return registry.parts(host)


def _host(registry: Registry, name: str, provider: Provider | None) -> SpeechHost:
    given = provider.given if provider else None
    host = given.host if given else registry.config().host(name)
    return SpeechHost(host, registry.upstream(host), given)
