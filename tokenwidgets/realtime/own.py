"""A voice of the user's own: parts of theirs in place of some of ours, in sessions of this kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import api
from ..clients.base import Started
from ..clients.inprocess import InProcess
from ..errors import Refused
from ..hub import Hub
from ..providers.registry import Call
from ..request import split_model
from .parts import PARTS, Voice
from .pipeline import VoicePipeline, checked
from .settings import Settings

OWN = "kernel/voice"
"""What a voice of the user's own is called."""


def voice(like: str = "local/voice", **changes: Any) -> Voice:
    """A voice with some of its parts replaced.

    Parameters
    ----------
    like : the voice that has the other parts, `local/voice` or `sim/voice`.
    changes : fields of `Voice`: `activity`, `hears`, `thinks`, `speaks`, `system`, `options`, ….

    Raises
    ------
    Refused : there is no such voice, or it cannot run here.

    Examples
    --------
    >>> mine = voice(thinks="openai/gpt-5-mini", speaks=MyVoice())
    >>> tw.talk(mine)
    """
    host, name = split_model(like)
    if (host, name) not in (("local", "voice"), ("sim", "voice")):
        raise Refused("bad_request", f"{like} is made of no parts: it is local/voice and sim/voice that are.")
    ours = api.in_kernel().hub.registry.parts(host)
    names = {part: changes[part] if part == "thinks" else type(changes[part]).__name__ for part in PARTS if part in changes}
    warm = str(changes.get("thinks", ours.thinks)).startswith("local/")
    voices = () if "speaks" in changes else ours.voices
    return replace(ours, **{"warm": warm, "names": {**ours.names, **names}, "voices": voices, **changes})


class WithVoice(InProcess):
    """The hub of this process, for the sessions of a voice object, which is nowhere else.

    Parameters
    ----------
    hub : the hub.
    voice : who hears, thinks and speaks.
    """

    def __init__(self, hub: Hub, voice: Voice) -> None:
        super().__init__("the voice is only in this kernel", hub)
        self.voice = voice

    @classmethod
    def here(cls, voice: Voice) -> WithVoice:
        """The same, with the hub that this process has."""
        return cls(api.in_kernel().hub, voice)

    async def start(self, request: Mapping[str, Any]) -> Started:
        """See `Gateway.start`."""
        registry = self.hub.registry
        asked = registry.request({**request, "model": OWN})
        checked(asked.session or Settings(), self.voice)
        return await self.begin(Call(asked, asked.host, "", VoicePipeline(self.voice, registry.text_model)))
