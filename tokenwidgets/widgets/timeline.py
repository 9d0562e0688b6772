"""A stream on its own time: any instant of it, as it was."""

from __future__ import annotations

import traitlets

from .. import timeline_card
from ..display import info
from ..output import Bundle
from .base import STATIC, Source, StreamWidget

SPEEDS = (0.1, 8.0)
"""Slowest and fastest, times the stream's own."""


class Timeline(StreamWidget):
    """Drag to any instant of a stream: the text as it was, the gap before each chunk, the read that carried it; play it, step through it.

    `jslink((timeline, "selected"), (inspector, "selected"))` ties it to other widgets of the same stream.

    Parameters
    ----------
    source : the stream, or a recording of one.
    speed : at which it plays, 0.1 to 8 times the stream's own.
    """

    _esm = STATIC / "timeline.js"
    _css = STATIC / "timeline.css"

    selected = traitlets.Int(-1, help="seq of the chunk at the playhead, -1 before the first.").tag(sync=True, moved=True)
    at = traitlets.Int(-1, help="The playhead, µs since the attempt began; -1 is the end, and moves on with it.").tag(sync=True, moved=True)
    speed = traitlets.Float(1.0, min=SPEEDS[0], max=SPEEDS[1], help="Times the stream's own.").tag(sync=True, moved=True)

    def __init__(self, source: Source, speed: float = 1.0) -> None:
        super().__init__(source, speed=speed)

    def static(self) -> Bundle:
        """See `Widget.static`."""
        return timeline_card.bundle(self.result.journal.entries, info(self.result))
