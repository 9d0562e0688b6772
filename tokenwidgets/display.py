"""Showing a result: a live widget in a notebook that keeps a static card in the file; printed text in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, get_args

from . import card
from .card import Format, Info
from .marimo import in_marimo
from .output import Bundle, current_cell, in_notebook
from .terminal import Terminal

if TYPE_CHECKING:
    from .result import Result
    from .widgets.stream import TokenStream


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


def show(result: Result, format: str = "markdown") -> None:
    """Show a result live, or its card if it has ended already and nothing is to be seen of a widget."""
    display = _place(result, _format(format))
    result.display = display
    if result.stream:
        display.started(result)
    if result.done:
        display.ended(result)


def _place(result: Result, format: Format) -> Display:
    if in_notebook():
        return Notebook(result, format)
    return Marimo(result, format) if in_marimo() else Terminal(result)


def _format(name: str) -> Format:
    return name if name in get_args(Format) else "markdown"  # type: ignore[return-value]


class Notebook:
    """An output cell with the live widget.

    Parameters
    ----------
    result : what to show; its widget is displayed at once.
    format : how the finished answer is set.
    """

    def __init__(self, result: Result, format: Format = "markdown") -> None:
        from .widgets.stream import TokenStream

        self._widget = TokenStream(result, format)
        self._output = self._widget.display(lambda: _so_far(self._widget.settled, format), self._widget.origin, stays=False)
        self.cell = self._output.cell

    def started(self, result: Result) -> None:
        """The widget hears of it by itself."""

    def changed(self, result: Result) -> None:
        """The page reads for itself, or attaches to the kernel's copy."""

    def ended(self, result: Result) -> None:
        """Put the finished card in the notebook's file."""
        self._output.settle()


class Marimo:
    """The live widget in the output of a marimo cell, which keeps it as long as its page is open.

    Parameters
    ----------
    result : what to show.
    format : how the answer is set.
    """

    def __init__(self, result: Result, format: Format = "markdown") -> None:
        from .widgets.stream import TokenStream

        self.widget = TokenStream(result, format)
        self.widget.show()

    def started(self, result: Result) -> None:
        """The widget hears of it by itself."""

    def changed(self, result: Result) -> None:
        """And of what comes."""

    def ended(self, result: Result) -> None:
        """And of the end."""


def in_cell(result: Result) -> TokenStream:
    """What marimo shows of a result: the widget that shows it already, as the last expression replaces what its cell had appended."""
    from .widgets.stream import TokenStream

    return result.display.widget if isinstance(result.display, Marimo) else TokenStream(result)


def _so_far(result: Result, format: Format) -> Bundle:
    """The static card; while nothing is finished, one line that says so."""
    return bundle(result, format) if result.journal.terminal else {"text/plain": repr(result)}


def bundle(result: Result, format: str = "markdown") -> dict[str, str]:
    """The static card of a result."""
    return card.bundle(result.journal.entries, info(result), _format(format))


def info(result: Result) -> Info:
    """What a card says beside the stream."""
    return Info(model=result.model or None, transport=_known(result.transport), why=result.why, origin=result.origin)


def _known(transport: str) -> str | None:
    return transport if transport in card.TRANSPORTS else None


def display_result(result: Result) -> None:
    """What `r` at the end of a cell shows: nothing in the cell that shows it live already, else its card."""
    shown = result.display
    if isinstance(shown, Notebook) and shown.cell == current_cell():
        return
    if not in_notebook():
        print(repr(result))  # noqa: T201 (this is the terminal's display)
        return
    if not result.done:
        show(result)
        return
    from IPython.display import display

    display(bundle(result), raw=True)
