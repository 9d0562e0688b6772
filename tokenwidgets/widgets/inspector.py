"""A stream's frames as they travelled."""

from __future__ import annotations

from collections.abc import Sequence

import traitlets

from .. import wire_card
from ..clients.base import Disconnected
from ..display import info
from ..errors import Refused
from ..output import Bundle
from ..portal import portal
from ..providers import config
from ..recording import Frame
from ..result import Result
from .base import STATIC, Source, StreamWidget, result_of

LEGS = ("provider", "page")


class WireInspector(StreamWidget):
    """The frames of a stream as they travelled: from the provider to us, and from us to the page.

    Each field is explained where it stands; where reads cut messages is seen; what a frame said is marked in the text. Frames hold no key:
    the headers that carry it are never kept.

    Parameters
    ----------
    source : the stream, or a recording of one.
    leg : which of the two to show first: "provider" or "page".
    filter : which frames to show: words, `kind:usage`, `dir:out`, `>1k`; all of them must hold.
    """

    _esm = STATIC / "inspector.js"
    _css = STATIC / "inspector.css"

    selected = traitlets.Int(-1, help="seq of an event that the selected frame brought, -1 for none.").tag(sync=True, moved=True)
    leg = traitlets.Enum(LEGS, "provider", help="Which part of the way.").tag(sync=True, moved=True)
    filter = traitlets.Unicode("", help="Which frames are shown.").tag(sync=True, moved=True)
    key_env = traitlets.Unicode("", help="Name of the variable that holds the host's key, for a command; never the key.").tag(sync=True)

    def __init__(self, source: Source, leg: str = "provider", filter: str = "") -> None:
        result = result_of(source)
        self._frames = portal().run(_frames(result)) if result.done else None
        super().__init__(result, leg=leg, filter=filter, key_env=_key_env(result))

    def static(self) -> Bundle:
        """See `Widget.static`."""
        return wire_card.bundle(self.result.journal.entries, self._frames or [], info(self.result))

    def _news(self) -> None:
        """The static form of the end needs the frames, which are fetched first."""
        if self.result.done and self._frames is None:
            portal().submit(self._ended())
        else:
            super()._news()

    async def _ended(self) -> None:
        self._frames = await _frames(self.result)
        self._news()


async def _frames(result: Result) -> Sequence[Frame]:
    """The frames, where they are still to be had."""
    try:
        return await result.frames()
    except (Refused, Disconnected):
        return []


def _key_env(result: Result) -> str:
    """Empty where the host takes no key, or is not known here."""
    try:
        return config.load().host(result.model.partition("/")[0]).key_env or ""
    except Refused:
        return ""
