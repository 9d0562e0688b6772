"""Showing a result: a live widget in a notebook that becomes a static card when the stream has ended; printed text in a terminal.

A saved output that still holds a widget view shows "model not found" when it is opened without its kernel, and never its fallback. So
the view is only there while there is something live to see.
"""

from __future__ import annotations

import contextvars
import sys
from typing import TYPE_CHECKING, Any, Protocol, get_args

from . import card
from .card import Format, Info
from .terminal import Terminal
from .transports import TRANSPORTS

if TYPE_CHECKING:
    from .result import Result

VIEW = "application/vnd.jupyter.widget-view+json"


class Display(Protocol):
    """What a result tells whoever shows it; called on the portal's thread."""

    def started(self, result: Result) -> None:
        """The stream has an id."""
        ...

    def changed(self, result: Result) -> None:
        """Events came."""
        ...

    def ended(self, result: Result) -> None:
        """Nothing more will come."""
        ...


def in_notebook() -> bool:
    """Whether this process is a kernel, with someone to show widgets to."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def show(result: Result, format: str = "markdown") -> None:
    """Show a result live, or its card if it has ended already and nothing is to be seen of a widget."""
    display = Notebook(result, _format(format)) if in_notebook() else Terminal(result)
    result.display = display
    if result.stream:
        display.started(result)
    if result.done:
        display.ended(result)


def _format(name: str) -> Format:
    return name if name in get_args(Format) else "markdown"  # type: ignore[return-value]


class Notebook:
    """An output cell: the live widget, then the card.

    Parameters
    ----------
    result : what to show; its widget is displayed at once.
    format : how the finished answer is set.
    """

    def __init__(self, result: Result, format: Format = "markdown") -> None:
        from IPython.display import display

        from .comm import Comm
        from .widgets.stream import TokenStream

        self.format = format
        self.cell = _cell()
        self._context = contextvars.copy_context()
        transport = result.transport if result.transport in TRANSPORTS else "auto"
        self._widget = TokenStream(model=result.model, transport=transport, place=result.gateway.place, stream=result.stream)
        self._shown = False
        self._over = False
        self._comm = Comm(self._widget, result, self._seen)
        self._handle = display(self._live(result), raw=True, display_id=True)

    def _live(self, result: Result) -> dict[str, Any]:
        """The bundle while it runs; viewers without widgets see that it was running."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        return {VIEW: view, "text/plain": repr(result)}

    def started(self, result: Result) -> None:
        """See `Display`."""
        self._widget.model = result.model
        self._widget.stream = result.stream
        self._comm.started()

    def changed(self, result: Result) -> None:
        """The page reads for itself, or attaches to the kernel's copy."""

    def ended(self, result: Result) -> None:
        """Put the card where the widget was.

        While the cell still runs this is done in its context, so that the update belongs to its output; later in none, so that it
        belongs to whatever cell runs then: programs that execute notebooks take no further notice of a cell that is done.
        """
        context = self._context if self.cell == _cell() else contextvars.Context()
        context.run(self._settle, result)

    def _settle(self, result: Result) -> None:
        self._widget.ended = len(result.journal.entries) - 1
        try:
            self._handle.update(bundle(result, self.format), raw=True)
        finally:
            self._over = True
            self._seen(self._shown)

    def _seen(self, shown: bool) -> None:
        """A page began or ceased to show the widget. One that was reloaded has no card to put in its place, so it keeps the widget."""
        self._shown = shown
        if self._over and not shown:
            self._over = False
            self._comm.close()
            self._widget.dispose()


def _cell() -> int:
    from IPython import get_ipython

    return int(get_ipython().execution_count)


def bundle(result: Result, format: str = "markdown") -> dict[str, str]:
    """The static card of a result."""
    info = Info(model=result.model or None, transport=_known(result.transport), why=result.why)
    return card.bundle(result.journal.entries, info, _format(format))


def _known(transport: str) -> str | None:
    return transport if transport in card.TRANSPORTS else None


def display_result(result: Result) -> None:
    """What `r` at the end of a cell shows: nothing in the cell that shows it live already, else its card."""
    shown = result.display
    if isinstance(shown, Notebook) and shown.cell == _cell():
        return
    if not in_notebook():
        print(repr(result))  # noqa: T201 (this is the terminal's display)
        return
    if not result.done:
        show(result)
        return
    from IPython.display import display

    display(bundle(result), raw=True)
