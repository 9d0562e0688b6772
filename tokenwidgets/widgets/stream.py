"""The live view of one stream."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

from ..transports import TRANSPORTS

STATIC = Path(__file__).parent.parent / "static"


class TokenStream(anywidget.AnyWidget):
    """Live text, phase, clock and figures of a stream, with Stop.

    Where the page can reach the Jupyter server that holds the stream, it reads it from there over the transport asked for; elsewhere the
    kernel sends it over the widget's comm. No trait ever holds a prompt, an answer, a key or a ticket.
    """

    _esm = STATIC / "stream.js"
    _css = STATIC / "stream.css"

    stream = traitlets.Unicode("", help="Id of the stream; empty until it is known.").tag(sync=True)
    model = traitlets.Unicode("", help="The model that was asked for.").tag(sync=True)
    transport = traitlets.Enum(TRANSPORTS, "auto", help="How the page is to read.").tag(sync=True)
    place = traitlets.Enum(["server", "kernel"], "server", help="Where the stream lives.").tag(sync=True)
    ended = traitlets.Int(-1, help="The last seq, once the kernel knows that the stream has ended.").tag(sync=True)
    error = traitlets.Unicode("", help="Why no stream could be started.").tag(sync=True)

    def dispose(self) -> None:
        """Close it for good. Programs that execute notebooks save the state of closed widgets too, so the bundle is taken out first."""
        with self.hold_sync():
            self.set_trait("_esm", "export default {}")
            self.set_trait("_css", "")
        layout = self.layout
        self.close()
        layout.close()
